import keras
import numpy as np
import tensorflow as tf
from conformance import Conformance

from tfgan_zoo import CycleGAN, random
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


def _through(pool, steps, batch):
    """Numbers 1, 2, 3, ... as images through the pool; per step what went in and what came out."""
    inside, outside = [], []
    for step in range(steps):
        numbers = np.arange(1, batch + 1) + step * batch
        with random.stream(0, step):
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
