"""An entry of a pipeline for each built-in name, for documentation and editors. A test checks every one."""

from __future__ import annotations

OPS = {
    "load_batch": "batch: {op: load_batch}",
    "fixed_examples": "fixed: {op: fixed_examples, with: {data: validation}}",
    "forward": "logits: {op: forward, inputs: batch.image, with: {model: classifier}}",
    "call": "pairs: {op: call, inputs: batch.image, with: {function: my_ops.make_pairs, margin: 0.2}}",
    "expr": "total: recon + 0.1 * kl",
    "cross_entropy": "loss: {op: cross_entropy, inputs: {input: logits, target: batch.label}}",
    "mse": "recon: {op: mse, inputs: {input: decoded, target: batch.image}}",
    "l1": "recon: {op: l1, inputs: {input: decoded, target: batch.image}}",
    "bce_with_logits": "fool: {op: bce_with_logits, inputs: {input: fake_score, target: 1.0}}",
    "optimize": "update: {op: optimize, inputs: loss, with: {optimizer: adam}}",
    "gradient": "slope: {op: gradient, inputs: {of: penalty_score, wrt: between}}",
    "update_ema": "follow: {op: update_ema, with: {target: ema, source: classifier, decay: 0.999}}",
    "set_learning_rate": "slow: {op: set_learning_rate, inputs: update.lr * 0.5, with: {optimizer: adam}, "
                         "when: record.since >= 3}",
    "fit_batch": "update: {op: fit_batch, inputs: [batch.image, batch.label], with: {model: classifier}}",
    "accuracy": "accuracy: {op: accuracy, inputs: {input: logits, target: batch.label}}",
    "mean": "mean_loss: {op: mean, inputs: loss}",
    "confusion_matrix": "confusion: {op: confusion_matrix, inputs: {input: logits, target: batch.label}, "
                        "with: {classes: 10}}",
    "normal": "noise: {op: normal, inputs: {rows: batch.image}, with: {shape: [128]}}",
    "uniform": "mix: {op: uniform, inputs: {rows: batch.image}, with: {shape: [1, 1, 1]}}",
    "loop": "score: {op: loop, with: {graph: evaluate, params: {model: classifier}}, every: 1 epoch}",
    "checkpoint": "best: {op: checkpoint, with: {name: best}, when: record}",
    "stop": "enough: {op: stop, when: record.since >= 5}",
    "improved": "record: {op: improved, inputs: score.accuracy, with: {mode: max}}",
    "log_scalars": "report: {op: log_scalars, inputs: [loss, update.lr], every: [first, 50 steps]}",
    "log_images": "panel: {op: log_images, inputs: {image: fixed.image, label: guess.argmax}, "
                  "every: 1 epoch}",
    "log_text": "said: {op: log_text, inputs: sample.text, every: 1 epoch}",
    "log_histogram": "spread: {op: log_histogram, inputs: logits, every: 100}",
    "log_table": "table: {op: log_table, inputs: {label: batch.label, guess: logits.argmax}, every: 1 epoch}",
    "save_examples": "outputs: {op: save_examples, inputs: {index: batch.index, logits: logits, label: batch.label}}",
    "print": 'say: {op: print, inputs: loss, with: {format: "step {step}: loss {loss:.3f}"}, every: 100}',
}

MODELS = {
    "mlp": "classifier: {use: mlp, with: {sizes: [64, 128, 10], dropout: 0.1}}",
    "convnet": "classifier: {use: convnet, with: {channels: [16, 32], classes: 10}}",
}

DATA = {
    "digits": "train: {use: digits, with: {split: train}, batch_size: 64, shuffle: true}",
    "idx": "train: {use: idx, with: {folder: fashion-mnist}, batch_size: 64, shuffle: true}",
    "arrays": "train: {use: arrays, with: {file: examples.npz}, batch_size: 64}",
    "csv": "train: {use: csv, with: {file: iris.csv, target: species}, batch_size: 16, shuffle: true}",
    "image_folder": "train: {use: image_folder, with: {folder: flowers, size: 64}, batch_size: 32}",
    "text": "train: {use: text, with: {file: books, length: 256}, batch_size: 32, shuffle: true}",
    "examples": "outputs: {use: examples, with: {folder: runs/evaluation}, batch_size: 256}",
    "concat": "train: {use: concat, with: {sets: [{use: digits}, {use: digits, with: {split: validation}}]}}",
}

OPTIMIZERS = {
    "SGD": "sgd: {use: SGD, updates: [classifier], with: {lr: 0.1, momentum: 0.9}}",
    "Adam": "adam: {use: Adam, updates: [classifier], with: {lr: 1.0e-3}}",
}

SCHEDULES = {
    "linear": "schedule: {use: linear, steps: 10000, warmup: 500}",
    "cosine": "schedule: {use: cosine, steps: 10000, warmup: 500}",
}

LOGGERS = {"tensorboard": "board: {use: tensorboard}"}

PATTERNS = {
    "base_trainer": "train: {use: base_trainer, with: {losses: {net: loss}, optimizers: {net: adam}, lr: 1.0e-3, "
                    "lr_end: 1.0e-5, decay: {from: 1000, to: 5000}}}",
    "frequency_trainer": "train: {use: frequency_trainer, with: {losses: {critic: d_loss, generator: g_loss}, "
                         "optimizers: {critic: adam_d, generator: adam_g}, frequency: {critic: 5, generator: 1}}}",
    "list_trainer": "train: {use: list_trainer, with: {sets: [{losses: {critic: d_loss}, optimizers: {critic: adam_d}}"
                    ", {losses: {generator: g_loss}, optimizers: {generator: adam_g}, lr_multiplier: 0.5}]}}",
    "stage_trainer": "train: {use: stage_trainer, with: {losses: {net: loss}, optimizers: {net: adam}, stages: "
                     "{wait: {until: 100 steps, losses: []}, train: {losses: [net]}}}}",
    "template": "train: {use: template, with: {losses: {net: loss}, optimizers: {net: adam}, evaluate: evaluate, "
                "evaluate_with: {model: net}}}",
}

EXAMPLES = {"op": OPS, "model": MODELS, "data": DATA, "optimizer": OPTIMIZERS, "schedule": SCHEDULES,
            "logger": LOGGERS, "pattern": PATTERNS}
