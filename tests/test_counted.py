import numpy as np
import tensorflow as tf

from tfgan_zoo.data import counted

MASK = 2**64 - 1


def splitmix(place):
    """Number `place` of SplitMix64 with the state 0, by Python's integers."""
    z = (place + 1) * 0x9E3779B97F4A7C15 & MASK
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 & MASK
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB & MASK
    return z ^ (z >> 31)


def test_numbers_are_those_of_splitmix64():
    assert splitmix(0) == 0xE220A8397B1DCDAF  # the first number of its published code
    numbers = tf.constant([0, 1, 2**40 - 1], tf.int64)
    for split in (0, 1):
        expected = [
            [((splitmix((split << 60) + 3 * n + d) >> 41) + 0.5) * 2.0**-23 for d in range(3)]
            for n in numbers.numpy().tolist()
        ]
        np.testing.assert_array_equal(counted.uniform(split, numbers, 3), np.float32(expected))


def test_numbers_do_not_hang_on_the_batch_and_are_the_same_in_a_graph():
    numbers = tf.range(100, dtype=tf.int64)
    whole = counted.normal(0, numbers, 2)
    np.testing.assert_array_equal(counted.uniform(0, numbers[7:9], 2), counted.uniform(0, numbers, 2)[7:9])
    np.testing.assert_allclose(tf.function(counted.normal)(0, numbers, 2), whole, rtol=1e-6)


def test_normal_numbers_have_mean_0_and_deviation_1_and_do_not_correlate():
    drawn = counted.normal(0, tf.range(100_000, dtype=tf.int64), 2).numpy()
    np.testing.assert_allclose(drawn.mean(0), 0, atol=4 / np.sqrt(1e5))
    np.testing.assert_allclose(drawn.std(0), 1, atol=4 / np.sqrt(2e5))
    neighbours = np.concatenate([drawn[:-1], drawn[1:]], axis=1)
    np.testing.assert_allclose(np.corrcoef(neighbours.T), np.eye(4), atol=5 / np.sqrt(1e5))
