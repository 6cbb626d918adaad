import numpy as np
import pytest
import tensorflow as tf

from tfgan_zoo.data import batches, images, toy
from tfgan_zoo.errors import InputError

SETS = {"toy:gaussian": (1, 1, 0.5), "toy:ring": (8, 2, 0.02), "toy:grid": (25, 2, 0.05)}


@pytest.mark.parametrize("name", SETS)
def test_points_have_the_modes_and_the_spread_they_are_said_to_have(name):
    data = toy.points(name)
    count, dim, sigma = SETS[name]
    assert (data.kind, data.shapes, data.modes.shape, data.sigma) == ("points", {"point": (dim,)}, (count, dim), sigma)
    points = data.train.load(tf.range(5000, dtype=tf.int64))["point"].numpy()
    for i, mode in enumerate(data.modes):
        own = points[i::count]
        np.testing.assert_allclose(own.mean(0), mode, atol=4 * sigma / np.sqrt(len(own)))
    offset = points - data.modes[np.arange(5000) % count]
    np.testing.assert_allclose(offset.std(0), sigma, rtol=0.05)
    drawn = data.sample(5000, tf.constant([3, 4])).numpy()
    nearest = np.linalg.norm(drawn[:, None] - data.modes, axis=-1).argmin(1)
    np.testing.assert_allclose(np.bincount(nearest) / 5000, 1 / count, atol=4 * np.sqrt(1 / count / 5000))
    np.testing.assert_allclose((drawn - data.modes[nearest]).std(0), sigma, rtol=0.05)


def test_the_ring_and_the_grid_are_where_the_papers_have_them():
    np.testing.assert_allclose(np.linalg.norm(toy.points("toy:ring").modes, axis=1), 2.0)
    np.testing.assert_allclose(toy.points("toy:ring").modes[1], [np.sqrt(2), np.sqrt(2)])
    assert {tuple(mode) for mode in toy.points("toy:grid").modes} == {
        (x, y) for x in (-4, -2, 0, 2, 4) for y in (-4, -2, 0, 2, 4)
    }


def test_a_batch_is_the_same_whether_the_run_began_at_0_or_resumed_there():
    train = toy.points("toy:ring").train
    whole = [b.numpy() for b in batches.batches(train, 16, seed=5).take(4)]
    resumed = [b.numpy() for b in batches.batches(train, 16, seed=5, step=2).take(2)]
    np.testing.assert_array_equal(resumed, whole[2:])
    assert whole[0].shape == (16, 2) and len(np.unique(np.concatenate(whole), axis=0)) == 64
    other = next(iter(batches.batches(train, 16, seed=6))).numpy()
    assert not np.array_equal(other, whole[0])


def test_held_out_points_are_other_points():
    data = toy.points("toy:ring")
    train, test = (e.load(tf.constant([3], tf.int64))["point"].numpy() for e in (data.train, data.test))
    assert np.abs(train - test).max() < 0.2 and not np.array_equal(train, test)
    assert batches.take(data.test, data.shown).shape == (1000, 2)


@pytest.mark.parametrize("load", [toy.points, lambda name: images.images(name, image_size=8)])
def test_an_unknown_toy_is_refused_in_one_line(load):
    with pytest.raises(InputError) as error:
        load("toy:torus")
    assert "toy:torus" in str(error.value) and "\n" not in str(error.value)
