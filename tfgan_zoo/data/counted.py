"""Random numbers of examples that are computed: functions of the example's number, for a whole batch at once.

TensorFlow's stateless operations take one key per call, so a batch of examples with a key each would take a loop. Here
each number is SplitMix64 (Steele, Lea and Flood, OOPSLA 2014) at a place of its own: a few operations for any batch.
"""

import tensorflow as tf


def uniform(split, numbers, draws):
    """float32 `[B, draws]` in (0, 1), of 2^23 values.

    Args:
        split: an int; other splits have other numbers.
        numbers: int64 `[B]`, of the examples.
        draws: how many numbers an example has.
    """
    place = (numbers[:, None] * draws + tf.range(draws, dtype=tf.int64)) + (split << 60)
    z = (tf.cast(place, tf.uint64) + 1) * _constant(0x9E3779B97F4A7C15)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        z = tf.bitwise.bitwise_xor(z, tf.bitwise.right_shift(z, _constant(shift))) * _constant(factor)
    z = tf.bitwise.bitwise_xor(z, tf.bitwise.right_shift(z, _constant(31)))
    cell = tf.bitwise.right_shift(z, _constant(41))
    # The middle of each cell, so that neither 0 nor 1 comes out. 23 bits are exact in a float32.
    return tf.cast(tf.cast(cell, tf.int64), tf.float32) * 2.0**-23 + 2.0**-24


def normal(split, numbers, draws):
    """Standard normal float32 `[B, draws]`; arguments as of `uniform`."""
    return tf.math.ndtri(uniform(split, numbers, draws))


def _constant(value):
    return tf.constant(value, tf.uint64)
