import keras
import numpy as np
import pytest
import tensorflow as tf
from closed_form import affine, at, line, noise, slope_at, step
from conformance import BATCH, Conformance, state

from tfgan_zoo import WGAN
from tfgan_zoo.networks.dcgan import dcgan_discriminator, dcgan_generator


class TestWGAN(Conformance):
    still = ("logits/bias",)  # adds the same to real and fake: the Wasserstein loss does not feel it

    def make(self):
        # c is wide enough here for SGD's small steps to be seen beside the clipping
        return WGAN(
            dcgan_generator((8, 8, 1), latent_dim=6, width=8),
            dcgan_discriminator((8, 8, 1), width=8, normalization=None),
            n_critic=2,
            clip=0.03,
        )

    def batch(self, count, rng):
        return rng.uniform(-1, 1, [count, 8, 8, 1]).astype(np.float32)


def _largest(model):
    return max(np.abs(np.array(v)).max() for v in model.discriminator.trainable_variables)


class _Watch(keras.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.seen = []

    def on_train_batch_end(self, batch, logs=None):
        self.seen.append(_largest(self.model))


def _watched(model, steps):
    watch, batch = _Watch(), BATCH * model.minibatches
    images = np.random.default_rng(0).uniform(-1, 1, [steps * batch, 16, 16, 1]).astype(np.float32)
    data = tf.data.Dataset.from_tensor_slices(images).batch(batch)
    model.fit(data, shuffle=False, verbose=0, callbacks=[watch])
    return watch.seen


def _papers_model(**kwargs):
    networks = dcgan_generator((16, 16, 1), latent_dim=6, width=8), dcgan_discriminator((16, 16, 1), width=8)
    model = WGAN(*networks, n_critic=1)
    model.compile(**{name: keras.optimizers.RMSprop(5e-5) for name in model.trains}, **kwargs)
    return model


@pytest.mark.parametrize(("policy", "jit"), [("float32", False), ("mixed_float16", False), ("mixed_float16", True)])
def test_every_critic_weight_is_within_the_clip_after_every_step(policy, jit):
    keras.config.set_dtype_policy(policy)
    model = _papers_model(jit_compile=jit)
    np.testing.assert_allclose(_largest(model), 1.0, atol=0.1)  # batch normalisation's scale
    for largest in _watched(model, 3):
        assert largest == np.float32(0.01)  # the bound is reached, and held exactly


def test_the_weights_are_within_the_clip_on_two_replicas_too(two_replicas):
    with two_replicas.scope():
        model = _papers_model()
    _watched(model, 2)
    critic = [v.value for v in model.discriminator.trainable_variables]
    on_each = [np.array(copy) for v in critic for copy in v.values]
    assert len(on_each) == 2 * len(critic)
    assert max(np.abs(v).max() for v in on_each) == np.float32(0.01)
    assert all(np.isfinite(v).all() for v in state(model).values() if v.dtype == np.float32)


def test_a_step_moves_each_network_by_the_gradient_computed_by_hand():
    # G(z) = a z + b, the critic w x + c, both within 0.5 after each of two steps; the first goes far beyond.
    g, d, clip = np.array([0.2, 0.3]), np.array([0.1, -0.7]), 0.5
    x = np.array([2.0, -0.5, 3.0, 0.2, 1.0, -0.1])
    model = WGAN(line(g), line(d), n_critic=2, clip=clip)
    *first, last = noise(model, 3, draws=3)
    moved, logs = step(model, x[:, None])

    after, within = d, []
    for real, z in zip((x[0::2], x[1::2]), first, strict=True):
        fake = at(g, z)
        d_loss = at(after, fake).mean() - at(after, real).mean()
        gradient = slope_at(1.0, fake) - slope_at(1.0, real)
        within.append(abs(after[0] - gradient[0]) <= clip)
        after = np.clip(after - gradient, -clip, clip)
    assert within == [False, True]  # so that clipping in the end alone, or never, is something else
    np.testing.assert_allclose(moved["discriminator"], d - after, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(moved["generator"], slope_at(-after[0], last), rtol=1e-5, atol=1e-6)
    expected = d_loss, -at(after, at(g, last)).mean()
    np.testing.assert_allclose([logs["d_loss"], logs["g_loss"]], expected, rtol=1e-5)


def _mlp_critic():
    x = keras.Input([1])
    h = keras.layers.Dense(32, activation="leaky_relu")(x)
    h = keras.layers.Dense(32, activation="leaky_relu")(h)
    return keras.Model(x, keras.layers.Dense(1)(h))


def test_five_critic_steps_are_taken_for_one_generator_step():
    model = WGAN(affine(1.0, 1.0), _mlp_critic())
    assert model.n_critic == model.minibatches == 5 and model.clip == 0.01
    model.compile(**{name: keras.optimizers.RMSprop(5e-5) for name in model.trains})
    model.fit(tf.data.Dataset.from_tensor_slices(tf.ones([60, 1])).batch(20), shuffle=False, verbose=0)
    assert int(model.d_optimizer.iterations) == 5 * 3
    assert int(model.g_optimizer.iterations) == 3


@pytest.mark.slow
def test_the_critics_value_grows_linearly_with_the_distance_of_two_gaussians(record_property):
    # Clipping bounds the critic's slope by some K: at its best it gives K times the Wasserstein distance, the shift.
    model = WGAN(affine(1.0, 0.0), _mlp_critic())
    # The gradients are far below the root of Keras' default epsilon, 1e-7, which stands under the square root.
    model.compile(
        g_optimizer=keras.optimizers.SGD(0.0),
        d_optimizer=keras.optimizers.RMSprop(5e-4, epsilon=1e-16),
        steps_per_execution=40,
    )
    x, real = tf.random.stateless_normal([20_000, 1], [4, 4]), tf.random.stateless_normal([40 * 5 * 128, 1], [3, 3])
    shifts, values = [0.5, 1.0, 2.0, 3.0, 4.0], []
    for shift in shifts:
        model.generator.layers[-1].bias.assign([-shift / 2])
        model.fit(tf.data.Dataset.from_tensor_slices(real + shift / 2).batch(5 * 128), shuffle=False, verbose=0)
        values.append(float(tf.reduce_mean(model.discriminator(x + shift / 2) - model.discriminator(x - shift / 2))))
    r2 = np.corrcoef(shifts, values)[0, 1] ** 2
    record_property("R^2 of value and shift", r2)
    np.testing.assert_allclose(r2, 1.0, atol=0.01)
    np.testing.assert_allclose(np.array(values) / shifts, values[-1] / shifts[-1], rtol=0.15)
