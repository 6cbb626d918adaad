import keras
import numpy as np
import tensorflow as tf
from closed_form import affine, at, line, slope_at, step
from conformance import Conformance

from tfgan_zoo import WGANGP, random
from tfgan_zoo.networks.dcgan import dcgan_discriminator, dcgan_generator


class TestWGANGP(Conformance):
    still = ("logits/bias",)  # adds the same to real and fake: the Wasserstein loss does not feel it
    penalised = ("discriminator",)

    def make(self):
        return WGANGP(
            dcgan_generator((8, 8, 1), latent_dim=6, width=8),
            dcgan_discriminator((8, 8, 1), width=8, normalization=None),
            n_critic=2,
        )

    def batch(self, count, rng):
        return rng.uniform(-1, 1, [count, 8, 8, 1]).astype(np.float32)


def _mlp_critic():
    x = keras.Input([1])
    h = keras.layers.Dense(64, activation="relu")(x)
    h = keras.layers.Dense(64, activation="relu")(h)
    return keras.Model(x, keras.layers.Dense(1)(h))


def test_the_critics_value_on_shifted_gaussians_is_the_shift(record_property):
    # A slope s costs gp_weight (s - 1)^2 and earns s * shift: the best is s = 1 + shift / (2 gp_weight).
    for shift in (1.0, 1.5):
        model = WGANGP(affine(1.0, -shift), _mlp_critic(), n_critic=5)
        model.compile(g_optimizer=keras.optimizers.SGD(0.0), d_optimizer=keras.optimizers.Adam(1e-3, 0.5, 0.9))
        real = tf.random.stateless_normal([300 * 5 * 256, 1], [3, 3])
        model.fit(tf.data.Dataset.from_tensor_slices(real).batch(5 * 256), shuffle=False, verbose=0)
        x = tf.random.stateless_normal([20_000, 1], [4, 4])
        value = tf.reduce_mean(model.discriminator(x)) - tf.reduce_mean(model.discriminator(x - shift))
        record_property(f"critic's value at shift {shift}", float(value))
        np.testing.assert_allclose(value, shift, rtol=0.1)
        np.testing.assert_allclose(value, shift * (1 + shift / (2 * model.gp_weight)), rtol=0.03)


def test_a_step_moves_each_network_by_the_gradient_computed_by_hand():
    # G(z) = a z + b; the critic w (x + x^2) + c has the slope w (1 + 2 m) at m = e x + (1 - e) G(z). lambda is 10.
    g, d = np.array([0.2, 0.3]), np.array([0.4, -0.2])
    x = np.array([1.0, -0.5, 0.8, 0.2, 1.2, -0.1])
    point = keras.Input([1])
    model = WGANGP(line(g), keras.Model(point, line(d)(point + point**2)), n_critic=2)
    with random.stream(model.seed):
        draws = [np.float64(draw([3, 1]))[:, 0] for draw in [random.normal, random.uniform] * 2 + [random.normal]]
    moved, logs = step(model, x[:, None])

    after = d
    for real, z, e in zip((x[0::2], x[1::2]), draws[0:4:2], draws[1:4:2], strict=True):
        fake = at(g, z)
        seen_real, seen_fake = real + real**2, fake + fake**2
        mixed = 1 + 2 * (e * real + (1 - e) * fake)
        slope = np.abs(after[0] * mixed)
        d_loss, gp = at(after, seen_fake).mean() - at(after, seen_real).mean(), np.mean((slope - 1) ** 2)
        of_gp = np.array([np.mean(2 * (slope - 1) * np.abs(mixed) * np.sign(after[0])), 0])
        after = after - (slope_at(1.0, seen_fake) - slope_at(1.0, seen_real) + 10 * of_gp)
    last = draws[-1]
    fake = at(g, last)
    np.testing.assert_allclose(moved["discriminator"], d - after, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(moved["generator"], slope_at(-after[0] * (1 + 2 * fake), last), rtol=1e-5, atol=1e-6)
    expected = d_loss, gp, -at(after, fake + fake**2).mean()
    np.testing.assert_allclose([logs["d_loss"], logs["gp"], logs["g_loss"]], expected, rtol=1e-5)


def test_the_generators_step_is_on_as_many_minibatches_of_fakes_as_asked_for():
    g, d, x = np.array([0.2, 0.3]), np.array([0.4, -0.2]), np.array([1.0, -0.5, 0.8])
    point = keras.Input([1])
    model = WGANGP(line(g), keras.Model(point, line(d)(point + point**2)), n_critic=1, g_batches=2)
    with random.stream(model.seed):
        *_, last = (
            np.float64(draw([n, 1]))[:, 0] for draw, n in [(random.normal, 3), (random.uniform, 3), (random.normal, 6)]
        )
    moved, logs = step(model, x[:, None])
    w, c = d - moved["discriminator"]
    fake = at(g, last)
    np.testing.assert_allclose(moved["generator"], slope_at(-w * (1 + 2 * fake), last), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(logs["g_loss"], -np.mean(w * (fake + fake**2) + c), rtol=1e-5)


def test_five_critic_steps_are_the_default_as_in_algorithm_1():
    model = WGANGP(line([1.0, 0.0]), line([1.0, 0.0]))
    assert model.n_critic == model.minibatches == 5 and model.g_batches == 1
