"""Gradients as values."""

from __future__ import annotations

from typing import Any

from edgraph.backends.tensorflow.framework import tf
from edgraph.backends.tensorflow.tape import Recorder


def gradient(recorder: Recorder, of: Any, wrt: Any) -> Any:
    """The gradient of a number (or of the sum of several) with respect to a tensor or variable, shaped like it.

    Differentiable where gradients are being recorded. Raises ValueError where `of` was not computed from `wrt`.
    """
    if not isinstance(of, tf.Tensor) or not isinstance(wrt, (tf.Tensor, tf.Variable)):
        found = wrt if isinstance(of, tf.Tensor) else of
        raise TypeError(f"'gradient' takes tensors, not {type(found).__name__}")
    made = recorder.gradient(of, wrt)
    if made is None:
        raise ValueError("'of' was not computed from 'wrt', so there is no gradient")
    return tf.convert_to_tensor(made)
