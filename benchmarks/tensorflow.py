"""(i) The network of `digits` on TensorFlow (batches of 64 from memory, Adam, a log line every 50 steps, one thread),
against a loop written by hand around a tf.function, and against Keras' `fit`."""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np

import edgraph
from benchmarks.timing import Report, Rounds
from benchmarks.turns import WARM_UP, Turns
from edgraph.run import together

BATCH = 64
EPOCHS = 10  # a round
STEPS = 230
ROUNDS = 30
BY_HAND, FIT = 0.97, 3.0

PIPELINE: dict[str, Any] = {
    "name": "digits",
    "run": {"seed": 0, "backend": "tensorflow", "device": "cpu"},
    "data": {"train": {"use": "digits", "with": {"split": "train"}, "batch_size": BATCH, "shuffle": True}},
    "models": {"classifier": {"use": "mlp", "with": {"sizes": [64, 128, 10]}}},
    "optimizers": {"adam": {"use": "Adam", "updates": ["classifier"], "with": {"lr": 1e-3}}},
    "ops": {
        "batch": {"op": "load_batch"},
        "logits": {"op": "forward", "inputs": "batch.image", "with": {"model": "classifier"}},
        "loss": {"op": "cross_entropy", "inputs": {"input": "logits", "target": "batch.label"}},
        "update": {"op": "optimize", "inputs": "loss", "with": {"optimizer": "adam"}},
        "report": {"op": "log_scalars", "inputs": ["loss", "update.lr"], "every": 50},
        "others": {"op": "take_turns", "every": STEPS},
    },
}


class Keras:
    """A model of Keras with its optimizer and loss."""

    def __init__(self, images: np.ndarray, labels: np.ndarray) -> None:
        import keras

        self.images, self.labels = images.reshape(len(images), -1), labels
        self.model = keras.Sequential([keras.layers.Input((64,)), keras.layers.Dense(128, activation="relu"),
                                       keras.layers.Dense(10)])
        self.optimizer = keras.optimizers.Adam(1e-3)
        self.loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


class Fit(Keras):
    """As Keras trains it, without a line of log."""

    def __init__(self, images: np.ndarray, labels: np.ndarray) -> None:
        super().__init__(images, labels)
        self.model.compile(self.optimizer, self.loss)

    def __call__(self) -> None:
        self.model.fit(self.images, self.labels, batch_size=BATCH, epochs=EPOCHS, shuffle=True, verbose=0)


class ByHand(Keras):
    """The loop as an engineer would write it."""

    def __init__(self, folder: Path, images: np.ndarray, labels: np.ndarray) -> None:
        import tensorflow as tf

        super().__init__(images, labels)
        model, optimizer, loss_of = self.model, self.optimizer, self.loss
        optimizer.build(model.trainable_variables)

        @tf.function
        def train(image: Any, label: Any) -> Any:
            with tf.GradientTape() as tape:
                loss = loss_of(label, model(image, training=True))
            gradients = tape.gradient(loss, model.trainable_variables)
            optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
            return loss

        self.train, self.gather = train, tf.gather
        self.data = tf.constant(self.images), tf.constant(self.labels)
        self.log = (folder / f"by-hand-{id(self)}.jsonl").open("w")
        self.step = 0

    def __call__(self) -> None:
        images, labels = self.data
        for _ in range(EPOCHS):
            order = np.random.permutation(len(self.images))
            for start in range(0, len(order), BATCH):
                chosen = order[start:start + BATCH]
                loss = self.train(self.gather(images, chosen), self.gather(labels, chosen))
                self.step += 1
                if self.step % 50 == 0:
                    row = {"step": self.step, "time": time.time(), "loss": float(loss),
                           "lr": float(self.optimizer.learning_rate)}
                    self.log.write(json.dumps(row) + "\n")
                    self.log.flush()


def measure(folder: Path, rounds: int, fit: bool) -> Rounds:
    """A run of edgraph, and the others between its rounds."""
    pipeline = edgraph.load(PIPELINE, [f"run.num_steps={STEPS * (rounds + WARM_UP)}"])
    arrays = pipeline.check(data=True).data["train"].arrays
    others: dict[str, Any] = {"by hand": ByHand(folder, arrays["image"], arrays["label"])}
    if fit:
        others["fit"] = Fit(arrays["image"], arrays["label"])
    turns = Turns(others)
    run = pipeline.run(folder / f"run-{fit}")
    assert run.end == "finished", run.failure
    return turns.rounds()


def main() -> None:
    report = Report("(i) digits on TensorFlow: steps per second")
    if find_spec("tensorflow") is None:
        report.say("skipped: TensorFlow is not installed")
        return
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "2"
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    with tempfile.TemporaryDirectory() as name:
        rounds = measure(Path(name), ROUNDS, True)
        with patch.object(together, "ALONE", sys.maxsize):
            alone = measure(Path(name), ROUNDS // 3, False)
    for contender in rounds.times:
        report.say(f"{contender}: {STEPS / rounds.seconds(contender):,.0f} steps/s")
    step_by_step = alone.ratio("by hand", "edgraph")
    report.say(f"edgraph with a call for each step, / by hand: {step_by_step:.3f}; steps together are "
               f"{rounds.ratio('by hand', 'edgraph') / step_by_step:.2f} times as fast")
    report.at_least("edgraph / by hand", rounds.ratio("by hand", "edgraph"), BY_HAND)
    report.at_least("edgraph / fit", rounds.ratio("fit", "edgraph"), FIT)
    report.end()


if __name__ == "__main__":
    main()
