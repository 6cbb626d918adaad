import keras
import numpy as np
import pytest
import tensorflow as tf
from closed_form import at, line, slope_at, step
from conformance import Conformance

from tfgan_zoo import CycleGAN, random
from tfgan_zoo.errors import InputError
from tfgan_zoo.families.cyclegan import ImagePool
from tfgan_zoo.networks.patchgan import patchgan_discriminator
from tfgan_zoo.networks.residual_translator import residual_translator_generator

SHAPE = (8, 8, 1)


def _discriminator():
    return patchgan_discriminator(SHAPE, width=8, layers=1, normalization="instance")


class TestCycleGAN(Conformance):
    def make(self):
        generators = [residual_translator_generator(SHAPE, width=8, blocks=1) for _ in range(2)]
        return CycleGAN(*generators, _discriminator(), _discriminator(), pool_size=6)

    def batch(self, count, rng):
        a, b = rng.uniform(-1, 1, [2, count, *SHAPE]).astype(np.float32)
        return {"a": a, "b": b}


def _identity():
    x = keras.Input(SHAPE)
    return keras.Model(x, keras.layers.Conv2D(1, 1, kernel_initializer="ones", use_bias=False)(x))


def test_generators_that_do_nothing_have_cycle_loss_zero():
    model = CycleGAN(_identity(), _identity(), _discriminator(), _discriminator(), pool_size=0)
    model.compile(g_optimizer=keras.optimizers.SGD(0.1), d_optimizer=keras.optimizers.SGD(0.1))
    family = TestCycleGAN()
    assert family.train(model, 1)["cycle"] == 0.0


def test_a_step_moves_each_network_by_the_gradient_computed_by_hand():
    # All four are w x + c, of pictures of one pixel. Both pools are full of one picture, which D sees in place of some.
    ab, ba, da, db = np.array([[0.6, 0.1], [-0.7, 0.2], [0.9, -0.3], [0.5, 0.4]])
    a, b = np.array([[0.5, -0.9, 0.3, -0.2], [0.8, 0.4, -0.6, -0.1]])
    model = CycleGAN(*(line(w, (1, 1, 1)) for w in (ab, ba, da, db)), pool_size=5)
    stored = {"a": 0.7, "b": -0.8}
    for pool, value in ((model.pool_a, stored["a"]), (model.pool_b, stored["b"])):
        pool.images.assign(tf.fill(pool.images.shape, value))
        pool.count.assign(5)
    with random.stream(model.seed):  # which places, then which examples: of pool_a, then of pool_b
        draws = [random.uniform([count], same=True).numpy() for count in (5, 4, 5, 4)]
    swapped_a, swapped_b = draws[1] < 0.5, draws[3] < 0.5
    assert 0 < swapped_a.sum() < 4 and 0 < swapped_b.sum() < 4 and (swapped_a != swapped_b).any()
    moved, logs = step(model, {"a": a.reshape(4, 1, 1, 1), "b": b.reshape(4, 1, 1, 1)})

    def of_d(d, real, seen):  # of E[(D(x) - 1)^2] / 2 + E[D(seen)^2] / 2
        gradient = slope_at(at(d, real) - 1, real) + slope_at(at(d, seen), seen)
        return gradient, (np.mean((at(d, real) - 1) ** 2) + np.mean(at(d, seen) ** 2)) / 2

    fake_a, fake_b = at(ba, b), at(ab, a)
    of_da, loss_a = of_d(da, a, np.where(swapped_a, stored["a"], fake_a))
    of_db, loss_b = of_d(db, b, np.where(swapped_b, stored["b"], fake_b))
    np.testing.assert_allclose(moved["discriminator_a"], of_da, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(moved["discriminator_b"], of_db, rtol=1e-5, atol=1e-6)
    da, db = da - of_da, db - of_db

    def of_g(g, back, d, x, y):  # g makes of x what should look like y
        made, again = at(g, x), at(g, at(back, y))
        there = 2 * (at(d, made) - 1) * d[0] + 10 * np.sign(at(back, made) - x) * back[0]
        return (
            slope_at(there, x) + 10 * slope_at(np.sign(again - y), at(back, y)) + 5 * slope_at(np.sign(at(g, y) - y), y)
        )

    np.testing.assert_allclose(moved["generator_ab"], of_g(ab, ba, db, a, b), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(moved["generator_ba"], of_g(ba, ab, da, b, a), rtol=1e-5, atol=1e-6)
    g_loss = np.mean((at(db, fake_b) - 1) ** 2) + np.mean((at(da, fake_a) - 1) ** 2)
    cycle = np.abs(at(ba, fake_b) - a).mean() + np.abs(at(ab, fake_a) - b).mean()
    expected = loss_a + loss_b, g_loss, cycle
    np.testing.assert_allclose([logs["d_loss"], logs["g_loss"], logs["cycle"]], expected, rtol=1e-5)


def _through(pool, steps, batch):
    """Numbers 1, 2, 3, ... as images through the pool; per step what went in and what came out."""
    inside, outside = [], []
    for number in range(steps):
        numbers = np.arange(1, batch + 1) + number * batch
        with random.stream(0, number):
            out = pool(tf.cast(np.broadcast_to(numbers[:, None, None, None], [batch, 2, 2, 1]), tf.float32))
        inside.append(numbers)
        outside.append(out.numpy()[:, 0, 0, 0].astype(int))
    return np.array(inside), np.array(outside)


def test_the_pool_hands_out_each_stored_image_at_most_once():
    pool = ImagePool(10, (2, 2, 1))
    given, returned = _through(pool, 200, 4)
    old = returned[returned != given]
    assert len(old) == len(set(old)) > 100
    assert set(old) <= set(given.ravel())
    now = set(pool.images.numpy()[:, 0, 0, 0].astype(int))
    assert len(now) == 10 and not now & set(old), "what left the pool is not in it any more"


def test_the_pool_returns_newest_while_it_fills_and_then_half_the_time():
    given, returned = _through(ImagePool(10, (2, 2, 1)), 300, 4)
    np.testing.assert_array_equal(returned[:2], given[:2])
    swapped = (returned != given)[3:].mean()
    np.testing.assert_allclose(swapped, 0.5, atol=3 * 0.5 / np.sqrt(297 * 4))


def test_a_pool_of_none_returns_what_it_is_given():
    given, returned = _through(ImagePool(0, (2, 2, 1)), 3, 4)
    np.testing.assert_array_equal(returned, given)


def test_a_batch_larger_than_the_pool_is_one_line_that_says_what_to_do():
    family = TestCycleGAN()
    model, images = family.compiled(), family.batch(7, np.random.default_rng(0))
    unknown = tf.data.Dataset.from_tensor_slices(images).batch(7)  # its last batch might be smaller
    with pytest.raises(InputError, match="^a batch of 7 images over all replicas does not fit a pool of 6; give a .+$"):
        model.fit(tf.data.Dataset.from_tensors(images), shuffle=False, verbose=0)
    with pytest.raises(tf.errors.InvalidArgumentError, match="larger than the pool of 6; give a smaller batch or no"):
        model.fit(unknown, shuffle=False, verbose=0)
