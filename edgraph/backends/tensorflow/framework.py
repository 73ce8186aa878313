"""TensorFlow and Keras, imported the way the backend needs them: quiet, and Keras on TensorFlow."""

from __future__ import annotations

import logging
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")  # else the numbers depend on the processor, and a line says so
os.environ["KERAS_BACKEND"] = "tensorflow"  # whatever ~/.keras/keras.json says

import keras
import tensorflow as tf
from keras.src.utils.naming import reset_uids  # Keras has no public way to it

if keras.backend.backend() != "tensorflow":
    raise ImportError(f"Keras was imported with the backend '{keras.backend.backend()}' before")


# What a matrix product, a bias and a relu are fused to makes 0 of nan, and a broken model would seem to train.
tf.config.optimizer.set_experimental_options({"remapping": False})


def _is_news(record: logging.LogRecord) -> bool:
    """A gradient that is differentiated again is recorded on purpose. Regions are traced for each size of batch, and
    TensorFlow takes all of them for one function."""
    said = str(record.msg)
    return not said.startswith("Calling GradientTape.gradient on a persistent tape inside its context") and (
        "triggered tf.function retracing" not in said)


tf.get_logger().addFilter(_is_news)

__all__ = ["keras", "reset_uids", "tf"]
