import numpy as np
import tensorflow as tf
from conformance import Conformance

from tfgan_zoo import Pix2Pix
from tfgan_zoo.networks.patchgan import patchgan_discriminator
from tfgan_zoo.networks.unet import unet_generator


class TestPix2Pix(Conformance):
    def make(self):
        return Pix2Pix(
            unet_generator((8, 8, 1), width=8),
            patchgan_discriminator((8, 8, 1), width=8, layers=1, condition_channels=1),
        )

    def batch(self, count, rng):
        image, target = rng.uniform(-1, 1, [2, count, 8, 8, 1]).astype(np.float32)
        return {"image": image, "target": target}


def test_a_picture_is_translated_the_same_whatever_its_neighbours():
    family = TestPix2Pix()
    model = family.compiled()
    family.train(model, 2)
    source = family.batch(5, np.random.default_rng(0))["image"]
    np.testing.assert_allclose(model.translate(source)[3:4], model.translate(source[3:4]), atol=1e-5)


def test_dropout_is_noise_at_test_time_too():
    family = TestPix2Pix()
    model = family.compiled()
    family.train(model, 3)
    source = tf.constant(family.batch(1, np.random.default_rng(0))["image"])
    one = model.translate(source)
    model.seed = 5
    assert np.abs(one - model.translate(source)).max() > 1e-3 * np.abs(one).max()


def test_the_generator_minimises_adversarial_loss_plus_hundred_times_l1():
    family = TestPix2Pix()
    model = family.compiled()
    losses = family.train(model, 1)
    assert model.l1_weight == 100.0
    assert set(losses) == {"d_loss", "g_loss", "l1"}
