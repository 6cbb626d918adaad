import numpy as np
import tensorflow as tf
from closed_form import at, line, logistic_loss, logistic_slopes, sigmoid, slope_at, softplus, step
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


def test_a_step_moves_each_network_by_the_gradient_computed_by_hand():
    # G(s) = a s + b, D(s, y) = sigmoid(w s + v y + c), of pictures of one pixel. 100 is the weight of L1, D is halved.
    g, d = np.array([0.6, 0.1]), np.array([0.7, -1.2, 0.3])
    source, real = np.array([0.5, -0.9, 0.3, -0.2]), np.array([0.8, -0.1, 0.1, -0.7])
    model = Pix2Pix(line(g, (1, 1, 1)), line(d, (1, 1, 1)))
    moved, logs = step(model, {"image": source.reshape(4, 1, 1, 1), "target": real.reshape(4, 1, 1, 1)})

    fake = at(g, source)
    after = d - 0.5 * logistic_slopes(d, (source, real), (source, fake))
    logits = at(after, source, fake)
    slope = -sigmoid(-logits) * after[1] + 100 * np.sign(fake - real)
    np.testing.assert_allclose(moved["discriminator"], d - after, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(moved["generator"], slope_at(slope, source), rtol=1e-5, atol=1e-5)
    expected = 0.5 * logistic_loss(d, (source, real), (source, fake)), softplus(-logits).mean()
    np.testing.assert_allclose([logs["d_loss"], logs["g_loss"]], expected, rtol=1e-5)
    np.testing.assert_allclose(logs["l1"], np.abs(real - fake).mean(), rtol=1e-5)
