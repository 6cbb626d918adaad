import keras
import numpy as np
import tensorflow as tf
from closed_form import affine
from conformance import Conformance

from tfgan_zoo import WGANGP
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


def test_five_critic_steps_are_taken_on_five_minibatches_for_one_generator_step():
    model = TestWGANGP().compiled()
    TestWGANGP().train(model, 3)
    assert int(model.d_optimizer.iterations) == 2 * 3
    assert int(model.g_optimizer.iterations) == 3
