"""Where and how precisely TensorFlow computes."""

from __future__ import annotations

import re

from edgraph.backends.found import wrong
from edgraph.backends.tensorflow.framework import keras, tf
from edgraph.text.suggest import did_you_mean

PRECISIONS = {"fp32": "float32", "bf16": "mixed_bfloat16"}
_NAME = re.compile(r"(?P<kind>cpu|gpu|cuda)(:(?P<number>\d+))?")


def choose_device(name: str) -> str:
    """`CPU:0`, `GPU:1`, …: `auto` is a GPU where there is one, `cuda` another word for `gpu`. Raises PipelineError."""
    gpus = tf.config.list_physical_devices("GPU")
    if name == "auto":
        return "GPU:0" if gpus else "CPU:0"
    found = _NAME.fullmatch(name)
    if found is None:
        raise wrong("unknown-device", f"there is no device '{name}' for TensorFlow", None,
                    did_you_mean(name, ["auto", "cpu", "gpu", "cuda"]) or "use auto, cpu, gpu or gpu:1")
    kind, number = "CPU" if found["kind"] == "cpu" else "GPU", int(found["number"] or 0)
    there = 1 if kind == "CPU" else len(gpus)
    if number >= there:
        has = "this TensorFlow sees no GPU" if not there else f"there {'is' if there == 1 else 'are'} {there}"
        raise wrong("unknown-device", f"there is no device '{name}' here: {has}", None, "use auto or cpu")
    return f"{kind}:{number}"


def dtype_policy(precision: str) -> str:
    """Keras' name of how a model computes. Raises PipelineError."""
    if precision == "fp16":
        raise wrong("unknown-precision", "precision fp16 is not available on the backend 'tensorflow'", None,
                    "use bf16, which needs no scaling of the loss, or fp32")
    if precision not in PRECISIONS:
        raise wrong("unknown-precision", f"there is no precision '{precision}'", None,
                    did_you_mean(precision, PRECISIONS))
    return PRECISIONS[precision]


def be_deterministic() -> None:
    """Refuse kernels whose results vary from run to run."""
    keras.utils.set_random_seed(0)  # TensorFlow asks for one
    tf.config.experimental.enable_op_determinism()
