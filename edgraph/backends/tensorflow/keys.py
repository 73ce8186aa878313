"""Streams of random numbers (edgraph.ops.random) whose key may be a tensor: the same seeds, computed in the graph."""

from __future__ import annotations

from typing import Any

from edgraph.backends.tensorflow.framework import tf
from edgraph.ops import random as plain

_GOLDEN, _FIRST, _SECOND = 0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB


def mix(base: int, key: Any) -> Any:
    """edgraph.ops.random.mix: a Python number, or of a tensor a tensor of int64."""
    if not isinstance(key, tf.Tensor):
        return plain.mix(base, int(key))
    mixed = _splitmix64(tf.bitwise.bitwise_xor(_unsigned(base), _splitmix64(tf.bitcast(key, tf.uint64))))
    return tf.bitcast(tf.bitwise.right_shift(mixed, _unsigned(1)), tf.int64)


def loop_key(key: Any, iteration: Any) -> Any:
    """edgraph.ops.random.loop_key for iterations from 1; a tensor of int64 where one of the two is a tensor."""
    if not isinstance(key, tf.Tensor) and not isinstance(iteration, tf.Tensor):
        return plain.loop_key(int(key), int(iteration))
    bits = tf.bitcast(key, tf.uint64) if isinstance(key, tf.Tensor) else _unsigned(int(key))
    count = tf.cast(iteration, tf.uint64) if isinstance(iteration, tf.Tensor) else _unsigned(int(iteration))
    return tf.bitcast(_splitmix64(_splitmix64(bits) + count), tf.int64)


def pair(seed: Any, salt: int = 0) -> Any:
    """(2,) int64: a seed for TensorFlow's stateless generators, which take two numbers of 32 bits."""
    if not isinstance(seed, tf.Tensor):
        return tf.constant([seed & 0xFFFFFFFF, (seed >> 32) ^ salt], tf.int64)
    bits = tf.bitcast(seed, tf.uint64)
    low = tf.bitwise.bitwise_and(bits, _unsigned(0xFFFFFFFF))
    high = tf.bitwise.bitwise_xor(tf.bitwise.right_shift(bits, _unsigned(32)), _unsigned(salt))
    return tf.bitcast(tf.stack([low, high]), tf.int64)


def _unsigned(number: int) -> Any:
    return tf.constant(number & 0xFFFFFFFFFFFFFFFF, tf.uint64)


def _splitmix64(x: Any) -> Any:
    xor, right = tf.bitwise.bitwise_xor, tf.bitwise.right_shift
    x = x + _unsigned(_GOLDEN)
    x = xor(x, right(x, _unsigned(30))) * _unsigned(_FIRST)
    x = xor(x, right(x, _unsigned(27))) * _unsigned(_SECOND)
    return xor(x, right(x, _unsigned(31)))
