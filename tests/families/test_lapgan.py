import keras
import numpy as np
import pytest
import tensorflow as tf
from closed_form import at, line, logistic_loss, logistic_slopes, sigmoid, slope_at, softplus, step
from conformance import Conformance

from tfgan_zoo import LAPGAN, random
from tfgan_zoo.errors import InputError
from tfgan_zoo.families.lapgan import down, level_discriminator, level_generator, pyramid, reconstruct, up
from tfgan_zoo.networks.mlp import mlp_discriminator, mlp_generator

FINE, COARSE = (10, 10, 1), (5, 5, 1)


class TestLAPGAN(Conformance):
    def make(self):
        return LAPGAN(
            [level_generator(FINE, width=4), mlp_generator(COARSE, 6, [16])],
            [level_discriminator(FINE, width=4), mlp_discriminator(COARSE, [16], "leaky_relu")],
        )

    def batch(self, count, rng):
        return rng.uniform(-1, 1, [count, *FINE]).astype(np.float32)


def _images(size, channels=2, count=3):
    return np.random.default_rng(0).uniform(-1, 1, [count, size, size, channels]).astype(np.float32)


def test_a_pyramid_and_its_reconstruction_are_the_identity(record_property):
    images = _images(32)
    parts = pyramid(images, 4)
    assert [tuple(part[-1].shape[1:3]) for part in parts] == [(32, 32), (16, 16), (8, 8), (4, 4)]
    again = reconstruct(parts[-1][0], lambda k, low: parts[k][1], 4)
    record_property("largest difference", np.abs(again - images).max())
    np.testing.assert_allclose(again, images, atol=1e-6)
    np.testing.assert_array_equal(pyramid(images, 1)[0][0], images)


def test_down_takes_the_mean_of_four_pixels_and_up_is_bilinear():
    square = np.arange(16, dtype=np.float32).reshape(1, 4, 4, 1)
    np.testing.assert_allclose(down(square)[0, ..., 0], [[2.5, 4.5], [10.5, 12.5]])
    step = np.array([[0.0, 4.0], [0.0, 4.0]], np.float32).reshape(1, 2, 2, 1)
    np.testing.assert_allclose(up(step)[0, ..., 0], [[0.0, 1.0, 3.0, 4.0]] * 4)


def test_residuals_of_a_constant_image_are_zero_and_those_of_noise_are_not():
    for low, residual in pyramid(np.full([1, 16, 16, 1], 0.5, np.float32), 3)[:-1]:
        np.testing.assert_allclose(low, 0.5, atol=1e-6)
        np.testing.assert_allclose(residual, 0.0, atol=1e-6)
    assert np.abs(pyramid(_images(16), 2)[0][1]).max() > 0.5


def _copies_z(shape, conditional=True):
    """A generator whose answer is its z."""
    z = keras.Input([int(np.prod(shape))])
    image = keras.layers.Reshape(shape)(z)
    if not conditional:
        return keras.Model(z, image)
    low = keras.Input(shape)
    return keras.Model([low, z], keras.layers.Add()([image, keras.layers.Rescaling(0.0)(low)]))


def _copying_model(size=20):
    shapes = [(size, size, 1), (size // 2, size // 2, 1), (size // 4, size // 4, 1)]
    generators = [_copies_z(shape) for shape in shapes[:-1]] + [_copies_z(shapes[-1], conditional=False)]
    discriminators = [level_discriminator(shape, 4, dropout=0.0) for shape in shapes[:-1]]
    return LAPGAN(generators, [*discriminators, mlp_discriminator(shapes[-1], [8])])


def test_sampling_adds_up_what_training_takes_apart():
    # z holds the coefficients that training has for real: then its fakes are its reals, and the sample is the image.
    model, images = _copying_model(), _images(20, channels=1)
    real = pyramid(images, model.levels)
    z = tf.concat([tf.reshape(part[-1], [len(images), -1]) for part in real], axis=-1)
    assert z.shape[-1] == model.prior.dim == 400 + 100 + 25
    for fake_part, real_part in zip(model.fakes(real, z), real, strict=True):
        for fake, expected in zip(fake_part, real_part, strict=True):
            np.testing.assert_array_equal(fake, expected)
    np.testing.assert_allclose(model.generator(z), images, atol=1e-6)
    np.testing.assert_allclose(model.signatures()["serving_default"][0](z)["generated"], images, atol=1e-6)


def test_discriminate_gives_the_logits_that_each_level_has_in_training():
    model, images = _copying_model(), _images(20, channels=1)
    logits = model.signatures()["discriminate"][0](images)["logits"]
    assert logits.shape == (3, 3)
    np.testing.assert_allclose(logits, tf.concat(model.logits(pyramid(images, 3)), -1), rtol=1e-5, atol=1e-6)


def test_a_levels_discriminator_sees_the_sum_of_low_pass_and_residual():
    network = level_discriminator((12, 12, 1), 4)
    low, residual = _images(12, 1), _images(12, 1)[::-1]
    expected = network([low + residual, np.zeros_like(low)])
    np.testing.assert_allclose(network([low, residual]), expected, atol=1e-6)
    assert np.abs(network([low, -residual]) - expected).max() > 1e-4


def test_levels_are_trained_as_if_alone():
    # Another coarsest pair than before leaves the finer level's update as it was, to the last bit.
    def finer_weights_after_a_step(scale):
        family = TestLAPGAN()
        keras.utils.set_random_seed(1)
        model = family.make()
        for network in (model.generators[1], model.discriminators[1]):
            network.set_weights([scale * w for w in network.get_weights()])
        model.compile(**{name: keras.optimizers.SGD(0.1) for name in model.trains})
        before = [w.numpy() for w in model.generators[0].weights + model.discriminators[0].weights]
        family.train(model, 1)
        after = [w.numpy() for w in model.generators[0].weights + model.discriminators[0].weights]
        assert max(np.abs(a - b).max() for a, b in zip(after, before, strict=True)) > 1e-5
        return after

    for one, other in zip(finer_weights_after_a_step(1.0), finer_weights_after_a_step(3.0), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_step_moves_the_networks_of_each_level_by_the_gradient_computed_by_hand():
    # Images of 2x2 pixels, whose discriminator looks at the first: D(l, h) = sigmoid(w l + v h + c). Its fake has
    # h = a l + s z + b. The coarser level, of one pixel, is G(z) = a z + b and D(x) = sigmoid(w x + c).
    g, d = (np.array([0.4, 0.8, -0.1]), np.array([0.5, 0.2])), (np.array([0.7, -1.2, 0.3]), np.array([-0.9, 0.4]))
    image = np.random.default_rng(0).uniform(-1, 1, [3, 2, 2, 1])
    fine, coarse = (2, 2, 1), (1, 1, 1)
    low, other, pixel = keras.Input(fine), keras.Input(fine), keras.Input(coarse)
    z_fine, z_coarse = keras.Input([4]), keras.Input([1])
    drawing = line(g[0], fine)([low, keras.layers.Reshape(fine)(z_fine)])
    generators = [
        keras.Model([low, z_fine], drawing),
        keras.Model(z_coarse, keras.layers.Reshape(coarse)(line(g[1])(z_coarse))),
    ]
    first = line(d[0])([low[:, 0, 0], other[:, 0, 0]])
    model = LAPGAN(generators, [keras.Model([low, other], first), keras.Model(pixel, line(d[1])(pixel[:, 0, 0]))])
    with random.stream(model.seed):
        z, last = (np.float64(random.uniform([3, 5], -1.0, 1.0)) for _ in range(2))
    moved, logs = step(model, image)

    mean = image.mean(axis=(1, 2, 3))  # the whole image one level down; up again it is every pixel
    real = (mean, image[:, 0, 0, 0] - mean), (mean,)
    for level, of_z, of_last in ((0, (mean, z[:, 0]), (mean, last[:, 0])), (1, (z[:, 4],), (last[:, 4],))):
        made = at(g[level], *of_z)
        fake = (mean, made) if level == 0 else (made,)
        after = d[level] - logistic_slopes(d[level], real[level], fake)
        made = at(g[level], *of_last)
        logits = at(after, mean, made) if level == 0 else at(after, made)
        slope = -sigmoid(-logits) * after[1 - level]
        np.testing.assert_allclose(moved[f"discriminator_{level}"], d[level] - after, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(moved[f"generator_{level}"], slope_at(slope, *of_last), rtol=1e-5, atol=1e-6)
        expected = logistic_loss(d[level], real[level], fake), softplus(-logits).mean()
        np.testing.assert_allclose([logs[f"d_loss_{level}"], logs[f"g_loss_{level}"]], expected, rtol=1e-5)


def test_logits_of_zero_cost_d_twice_and_g_once_log_two_at_every_level():
    model = TestLAPGAN().make()
    for network in model.discriminators:
        network.set_weights([0.0 * w for w in network.get_weights()])
    model.compile(**{name: keras.optimizers.SGD(0.0) for name in model.trains})
    losses = TestLAPGAN().train(model, 1)
    np.testing.assert_allclose([losses["d_loss_0"], losses["d_loss_1"]], 2 * np.log(2), rtol=1e-6)
    np.testing.assert_allclose([losses["g_loss_0"], losses["g_loss_1"]], np.log(2), rtol=1e-6)


def test_z_is_uniform_between_minus_one_and_one_and_samples_are_pictures():
    model = TestLAPGAN().make()
    with random.stream(0):
        z = model.prior.draw(4000)
    np.testing.assert_allclose([tf.reduce_min(z), tf.reduce_mean(z), tf.reduce_max(z)], [-1, 0, 1], atol=0.01)
    np.testing.assert_allclose(tf.math.reduce_variance(z), 1 / 3, atol=0.01)
    model.generators[0].layers[-2].bias.assign([7.0])
    np.testing.assert_array_equal(model.generator(z[:2]), np.ones([2, *FINE]))


def test_the_networks_for_cifar10_have_the_parameters_of_the_published_ones():
    # Counted from the published code: 7x7, 7x7 and 5x5 kernels for 4 planes; 5x5 twice, 12x12 places of 64 channels.
    generator = 49 * 4 * 64 + 64 + 49 * 64 * 64 + 64 + 25 * 64 * 3 + 3
    discriminator = 25 * 3 * 64 + 64 + 25 * 64 * 64 + 64 + 12 * 12 * 64 + 1
    assert level_generator((32, 32, 3)).count_params() == generator
    assert level_discriminator((32, 32, 3)).count_params() == discriminator


def test_a_level_too_small_for_its_discriminator_is_refused():
    with pytest.raises(InputError, match="a level of 8x8 pixels: expected 9 or more"):
        level_discriminator((8, 8, 1))
