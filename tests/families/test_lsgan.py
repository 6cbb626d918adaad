import keras
import numpy as np
import pytest
import tensorflow as tf
from closed_form import affine, at, line, noise, normal, slope_at, step
from conformance import Conformance

from tfgan_zoo import LSGAN, latent, random
from tfgan_zoo.families.lsgan import vgg_generator
from tfgan_zoo.networks.dcgan import dcgan_discriminator, dcgan_generator
from tfgan_zoo.optimizers import Adam, LinearDecay


class TestLSGAN(Conformance):
    def make(self):
        return LSGAN(dcgan_generator((8, 8, 1), latent_dim=6, width=8), dcgan_discriminator((8, 8, 1), width=8))

    def batch(self, count, rng):
        return rng.uniform(-1, 1, [count, 8, 8, 1]).astype(np.float32)


def test_losses_are_measured_from_the_codings_targets():
    for coding, d_loss, g_loss in [((0, 1, 1), 0.5, 0.0), ((-1, 1, 0), 2.0, 0.5)]:
        image = keras.Input((8, 8, 1))
        one = keras.layers.Dense(1, kernel_initializer="zeros", bias_initializer="ones")(keras.layers.Flatten()(image))
        model = LSGAN(dcgan_generator((8, 8, 1), latent_dim=6, width=8), keras.Model(image, one), coding=coding)
        model.compile(g_optimizer=keras.optimizers.SGD(0.0), d_optimizer=keras.optimizers.SGD(0.0))
        losses = TestLSGAN().train(model, 1)  # of a discriminator that says 1 of everything
        np.testing.assert_allclose([losses["d_loss"], losses["g_loss"]], [d_loss, g_loss], atol=1e-6)


@pytest.mark.parametrize(("given", "coding"), [({}, (0, 1, 1)), ({"coding": (-1.5, 2, 0.5)}, (-1.5, 2, 0.5))])
def test_a_step_moves_each_network_by_the_gradient_computed_by_hand(given, coding):
    # G(z) = a z + b, D(x) = w x + c.
    g, d, x = np.array([0.8, 0.3]), np.array([0.6, -0.4]), np.array([0.5, -1.0, 2.0])
    model = LSGAN(line(g), line(d), **given)
    z, last = noise(model, 3, draws=2)
    moved, logs = step(model, x[:, None])

    of_fake, of_real, wanted = coding
    fake = at(g, z)
    off = at(d, x) - of_real, at(d, fake) - of_fake
    after = d - slope_at(off[0], x) - slope_at(off[1], fake)
    g_off = at(after, at(g, last)) - wanted
    np.testing.assert_allclose(moved["discriminator"], d - after, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(moved["generator"], slope_at(g_off * after[0], last), rtol=1e-5, atol=1e-6)
    expected = (np.mean(off[0] ** 2) + np.mean(off[1] ** 2)) / 2, np.mean(g_off**2) / 2
    np.testing.assert_allclose([logs["d_loss"], logs["g_loss"]], expected, rtol=1e-5)


def _mlp():
    x = keras.Input([1])
    h = keras.layers.Dense(32, activation="tanh")(x)
    h = keras.layers.Dense(32, activation="tanh")(h)
    return keras.Model(x, keras.layers.Dense(1)(h))


@pytest.mark.slow
@pytest.mark.parametrize(("mean", "deviation"), [(1.0, 1.0), (1.5, 0.7)])
def test_the_generators_objective_under_an_optimal_discriminator_is_a_pearson_divergence(
    mean, deviation, record_property
):
    steps, batch = 600, 1024
    model = LSGAN(affine(deviation, mean), _mlp(), coding=(-1.0, 1.0, 0.0))
    model.compile(
        g_optimizer=keras.optimizers.SGD(0.0), d_optimizer=Adam(LinearDecay(1e-2, 0, steps)), steps_per_execution=50
    )
    real = tf.random.stateless_normal([steps * batch, 1], [3, 3])
    model.fit(tf.data.Dataset.from_tensor_slices(real).batch(batch), shuffle=False, verbose=0)

    x = np.linspace(-8.0, 8.0, 4001)
    p_d, p_g = normal(x, 0.0, 1.0), normal(x, mean, deviation)
    d = model.discriminator(x[:, None].astype("float32")).numpy()[:, 0]
    twice_c = np.trapezoid((p_d + p_g) * d**2, x)  # equation 4 with c = 0: E[(D(x) - c)^2] + E[(D(G(z)) - c)^2]
    chi2 = np.trapezoid((2 * p_g - (p_d + p_g)) ** 2 / (p_d + p_g), x)
    record_property("2 C(G)", twice_c)
    record_property("Pearson chi^2", chi2)
    np.testing.assert_allclose(twice_c, chi2, rtol=0.03)
    np.testing.assert_allclose(d[p_d + p_g > 0.02], ((p_d - p_g) / (p_d + p_g))[p_d + p_g > 0.02], atol=0.05)


def test_a_step_draws_z_from_the_prior_that_is_given():
    # G(z) = z, D(x) = x: D's step sees what z is.
    model = LSGAN(line([1.0, 0.0]), line([1.0, 0.0]), prior=latent.Prior(1, "uniform"))
    z, _ = noise(model, 3, draws=2, draw=lambda shape: random.uniform(shape, -1.0, 1.0))
    moved, _ = step(model, np.zeros([3, 1]))
    np.testing.assert_allclose(moved["discriminator"], slope_at(z, z) + slope_at(-1.0, 0 * z), rtol=1e-5, atol=1e-6)


def test_the_published_generator_has_its_maps_and_kernels():
    generator = vgg_generator((112, 112, 3))
    maps = [x.output.shape[1:] for x in generator.layers if isinstance(x, keras.layers.ReLU)]
    sides, channels = [7, 14, 14, 28, 28, 56, 112], [256, 256, 256, 256, 256, 128, 64]
    assert maps == [(n, n, c) for n, c in zip(sides, channels, strict=True)]
    kernels = [x.kernel.shape for x in generator.layers if isinstance(x, keras.layers.Conv2DTranspose)]
    assert kernels == [(3, 3, n, m) for m, n in zip(channels, [*channels[1:], 3], strict=True)]
    # Its biases before a norm are left out: 15,591,427 with them.
    assert generator.count_params() - 2 * sum(channels) == 15_591_427 - (7 * 7 * 256 + sum(channels[1:]))


def test_the_published_generator_of_a_small_picture_draws_one_within_bounds():
    generator = vgg_generator((8, 24, 2), latent_dim=5, width=4)
    image = generator(np.random.default_rng(0).normal(0, 100, [3, 5]).astype(np.float32), training=True)
    assert image.shape == (3, 8, 24, 2) and np.abs(image).max() <= 1.0
