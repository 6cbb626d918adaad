import numpy as np
import pytest
import tensorflow as tf

from tfgan_zoo import random, replicas

ROWS = np.random.default_rng(0).normal(size=[6, 2, 3]).astype(np.float32)
TARGET = np.random.default_rng(1).normal(size=[6, 6]).astype(np.float32)


def on_both(strategy, function):
    """What each replica's `function(its rows of ROWS)` gives, a list per replica."""

    @tf.function
    def run():
        def on_one():
            first = 3 * tf.distribute.get_replica_context().replica_id_in_sync_group
            return function(tf.constant(ROWS)[first : first + 3])

        return strategy.experimental_local_results(strategy.run(on_one))

    return run()


def test_each_replica_gets_the_rows_of_all_in_the_order_of_the_global_batch(two_replicas):
    for rows in on_both(two_replicas, replicas.gather):
        np.testing.assert_array_equal(rows, ROWS)
    for whole in on_both(two_replicas, lambda x: replicas.gather(tf.cast(10 * x[:, 0, 0], tf.int64))):
        np.testing.assert_array_equal(whole, (10 * ROWS[:, 0, 0]).astype(np.int64))


def test_own_is_the_inverse_of_gather(two_replicas):
    parts = on_both(two_replicas, lambda x: replicas.own(replicas.gather(x)))
    np.testing.assert_array_equal(tf.concat(parts, 0), ROWS)


def test_the_order_is_that_in_which_random_numbers_are_drawn(two_replicas):
    def draw(x):
        with random.stream(1, 2):
            return replicas.gather(random.uniform([3, 2]))

    with random.stream(1, 2):
        expected = random.uniform([6, 2]).numpy()
    for rows in on_both(two_replicas, draw):
        np.testing.assert_array_equal(rows, expected)


def test_a_number_that_is_not_finite_stays_in_its_row(two_replicas):
    spoilt = on_both(two_replicas, lambda x: replicas.gather(tf.where(x == ROWS[1, 0, 0], np.inf, x)))
    for rows in spoilt:
        assert np.argwhere(~np.isfinite(rows)).tolist() == [[1, 0, 0]]


def similarity(own, every):
    """Depends on both; its mean over replicas is that of all rows with all rows."""
    flat = tf.reshape(every, [6, 6])
    return tf.reduce_mean(tf.square(tf.matmul(tf.reshape(own, [-1, 6]), tf.matmul(TARGET, flat), transpose_b=True)))


@pytest.mark.parametrize("order", [1, 2])
def test_gradients_reach_the_replica_that_a_row_is_of(two_replicas, order):
    def gradient(x):
        with tf.GradientTape() as outer:
            outer.watch(x)
            with tf.GradientTape() as tape:
                tape.watch(x)
                loss = similarity(x, replicas.gather(x))
            first = tape.gradient(loss, x)
            squared = tf.reduce_sum(tf.square(first))
        return first if order == 1 else outer.gradient(squared, x)

    parts = tf.concat(on_both(two_replicas, gradient), 0)
    whole = tf.constant(ROWS)
    with tf.GradientTape() as outer:
        outer.watch(whole)
        with tf.GradientTape() as tape:
            tape.watch(whole)
            loss = 2 * similarity(whole, whole)  # each of two replicas has a loss: their sum
        first = tape.gradient(loss, whole)
        squared = tf.reduce_sum(tf.square(first))
    np.testing.assert_allclose(parts, first if order == 1 else outer.gradient(squared, whole), rtol=1e-4)


@pytest.mark.parametrize("batch", [3, None])
def test_the_shape_is_static_where_that_of_the_rows_is(two_replicas, batch):
    shapes = []

    def look(x):
        gathered = replicas.gather(x if batch else tf.compat.v1.placeholder_with_default(x, [None, 2, 3]))
        shapes.append((gathered.shape.as_list(), replicas.own(gathered).shape.as_list()))
        return gathered

    np.testing.assert_array_equal(on_both(two_replicas, look), [ROWS, ROWS])
    assert shapes == 2 * [([batch and 6, 2, 3], [batch, 2, 3])]


def test_replicas_are_counted_and_numbered(two_replicas):
    seen = on_both(two_replicas, lambda x: tf.stack([replicas.index(), replicas.count()]))
    np.testing.assert_array_equal(seen, [[0, 2], [1, 2]])
    assert (int(replicas.index()), replicas.count()) == (0, 1)
    with two_replicas.scope():  # in no replica
        assert (int(replicas.index()), replicas.count()) == (0, 1)


def test_one_replica_has_all_rows():
    x = tf.constant(ROWS)
    assert replicas.gather(x) is x and replicas.own(x) is x
