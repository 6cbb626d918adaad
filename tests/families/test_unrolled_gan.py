import keras
import numpy as np
import pytest
import tensorflow as tf
from closed_form import line, noise, sigmoid, softplus, step, weights_of
from conformance import Conformance

from tfgan_zoo import GAN, UnrolledGAN
from tfgan_zoo.families.unrolled_gan import recurrent_generator, stacked_generator, strided_discriminator
from tfgan_zoo.networks.mlp import mlp_discriminator, mlp_generator


class TestUnrolledGAN(Conformance):
    def make(self):
        return UnrolledGAN(
            mlp_generator((8, 8, 1), latent_dim=6, widths=[16]),
            mlp_discriminator((8, 8, 1), [16], "leaky_relu"),
            unroll_steps=2,
        )

    def batch(self, count, rng):
        return rng.uniform(-1, 1, [count, 8, 8, 1]).astype(np.float32)


class Convolutional(Conformance):
    """Batch normalisation under the unrolled steps. Not collected as a whole, as `Recurrent`: tracing takes long."""

    def make(self):
        generator, discriminator = mlp_generator((4, 4, 1), 4, [8]), strided_discriminator((4, 4, 1), [4])
        return UnrolledGAN(generator, discriminator, unroll_steps=1, generator_objective="non_saturating")

    def batch(self, count, rng):
        return rng.uniform(-1, 1, [count, 4, 4, 1]).astype(np.float32)


class Recurrent(Convolutional):
    def make(self):
        generator, discriminator = recurrent_generator((4, 4, 1), 4, 4), mlp_discriminator((4, 4, 1), [4])
        return UnrolledGAN(generator, discriminator, unroll_steps=0)


@pytest.mark.parametrize("networks", [Convolutional, Recurrent])
def test_a_few_steps_move_every_trainable_weight_of_the_other_networks(networks):
    networks().test_a_few_steps_move_every_trainable_weight_and_log_finite_losses()


def test_two_replicas_look_ahead_through_batch_normalization_as_one_does(two_replicas):
    Convolutional().test_two_replicas_make_the_update_that_one_makes(two_replicas)


def test_the_recurrent_generator_compiles_with_xla_and_computes_the_same():
    Recurrent().test_the_step_compiles_with_xla_and_computes_the_same()


# A game small enough to write down: G(z) = a z + b, D's logits v tanh(w x + c), on B numbers.
REAL = np.random.default_rng(0).normal(1.0, 0.5, [6, 1])
G0, D0 = np.array([0.8, -0.3]), np.array([0.9, 0.4, -0.7])  # (a, b), (w, c, v)


def _d_loss_and_gradient(g, d, real, z):
    (a, b), (w, c, v) = g, d
    total, gradient = 0.0, np.zeros(3)
    for x, sign in ((real, -1.0), (a * z + b, 1.0)):  # -log D(x), -log(1 - D(x))
        h = np.tanh(w * x + c)
        total += softplus(sign * v * h).mean()
        slope = sign * sigmoid(sign * v * h)
        inner = slope * v * (1 - h**2)
        gradient += np.array([(inner * x).mean(), inner.mean(), (slope * h).mean()])
    return total, gradient


def _f_k(g, z, k, objective, rate, start=None):
    """What the generator minimizes, by NumPy alone: K steps of D, then its loss."""
    d = D0.copy()
    if start:
        m, v, count = start  # of Adam
    for _ in range(k):
        gradient = _d_loss_and_gradient(g, d, REAL, z)[1]
        if not start:
            d = d - rate * gradient
        else:
            count, m, v = count + 1, 0.5 * m + 0.5 * gradient, 0.999 * v + 0.001 * gradient**2
            d = d - rate * np.sqrt(1 - 0.999**count) / (1 - 0.5**count) * m / (np.sqrt(v) + 1e-7)
    if objective == "minimax":
        return -_d_loss_and_gradient(g, d, REAL, z)[0]
    return softplus(-d[2] * np.tanh(d[0] * (g[0] * z + g[1]) + d[1])).mean()


def _gradient(z, *args, h=1e-5):
    """Of `_f_k` in G0, by finite differences."""
    return np.array([(_f_k(G0 + h * e, z, *args) - _f_k(G0 - h * e, z, *args)) / (2 * h) for e in np.eye(2)])


def _networks():
    x, v = keras.Input([1]), keras.initializers.Constant(D0[2])
    h = keras.ops.tanh(line(D0[:2])(x))
    return line(G0), keras.Model(x, keras.layers.Dense(1, use_bias=False, kernel_initializer=v)(h))


def _step(model):
    """One step of SGD(1); returns the gradient of G = what it moved, and the z it saw first."""
    (z,) = noise(model, len(REAL), draws=1)
    model.fit(tf.data.Dataset.from_tensors(tf.constant(REAL, tf.float32)), shuffle=False, verbose=0)
    return G0 - weights_of(model.generator), z[:, None]


@pytest.mark.parametrize("objective", ["minimax", "non_saturating"])
@pytest.mark.parametrize("k", [0, 4])
def test_a_step_moves_each_network_by_the_gradient_computed_by_hand(k, objective):
    # The discriminator moves one step however far it is unrolled, after the generator and on fakes of its own.
    given = {} if objective == "minimax" else {"generator_objective": objective}
    model = UnrolledGAN(*_networks(), unroll_steps=k, **given)
    z, last = (draw[:, None] for draw in noise(model, len(REAL), draws=2))
    moved, logs = step(model, REAL)
    of_g = _gradient(z, k, objective, 1.0)
    d_loss, of_d = _d_loss_and_gradient(G0 - of_g, D0, REAL, last)
    np.testing.assert_allclose(moved["generator"], of_g, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(moved["discriminator"], of_d, rtol=1e-4, atol=1e-6)
    expected = d_loss, _f_k(G0, z, k, objective, 1.0)
    np.testing.assert_allclose([logs["d_loss"], logs["g_loss"]], expected, rtol=1e-4)


@pytest.mark.parametrize("objective", ["minimax", "non_saturating"])
@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
@pytest.mark.parametrize("k", [1, 3])
def test_the_generators_gradient_is_the_finite_difference_of_the_unrolled_game(
    k, optimizer, objective, record_property
):
    model = UnrolledGAN(*_networks(), unroll_steps=k, generator_objective=objective)
    adam = keras.optimizers.Adam(0.3, 0.5)
    model.compile(
        g_optimizer=keras.optimizers.SGD(1.0), d_optimizer=keras.optimizers.SGD(0.3) if optimizer == "sgd" else adam
    )
    m, v = np.array([0.1, -0.2, 0.05]), np.array([0.02, 0.01, 0.03])  # Adam in the middle of a run
    if optimizer == "adam":
        adam.iterations.assign(7)
        for i in range(3):
            adam._momentums[i].assign(tf.reshape(tf.cast(m[i], tf.float32), adam._momentums[i].shape))
            adam._velocities[i].assign(tf.reshape(tf.cast(v[i], tf.float32), adam._velocities[i].shape))
    gradient, z = _step(model)

    start = None if optimizer == "sgd" else (m, v, 7)
    expected = _gradient(z, k, objective, 0.3, start)
    record_property("largest difference", np.abs(gradient - expected).max())
    np.testing.assert_allclose(gradient, expected, rtol=1e-4, atol=1e-6)
    assert np.abs(gradient - _gradient(z, 0, objective, 0.3, start)).max() > 1e-3  # which is not the plain one


@pytest.mark.parametrize("objective", ["minimax", "non_saturating"])
def test_without_unrolling_the_generators_gradient_is_that_of_a_gan(objective, record_property):
    unrolled = UnrolledGAN(*_networks(), unroll_steps=0, generator_objective=objective)
    unrolled.compile(g_optimizer=keras.optimizers.SGD(1.0), d_optimizer=keras.optimizers.SGD(0.0))
    ours, z = _step(unrolled)
    plain = GAN(*_networks(), generator_objective=objective)
    with tf.GradientTape() as tape:
        fake = plain.generator(tf.constant(z, tf.float32), training=True)
        loss = plain.generator_loss(plain.discriminator(fake, training=True))
    expected = [float(np.squeeze(g)) for g in tape.gradient(loss, plain.generator.trainable_variables)]
    record_property("largest difference", np.abs(np.array(ours) - expected).max())
    np.testing.assert_allclose(ours, expected, atol=1e-6)


def test_an_optimizer_whose_steps_cannot_be_unrolled_is_refused():
    model = UnrolledGAN(*_networks())
    with pytest.raises(TypeError, match="unrolls Adam, and SGD without momentum"):
        model.compile(g_optimizer=keras.optimizers.SGD(1.0), d_optimizer=keras.optimizers.RMSprop(1e-3))


def test_looking_ahead_leaves_the_running_means_of_the_discriminator_alone():
    means = []
    for k in (0, 3):
        keras.utils.set_random_seed(0)
        model = UnrolledGAN(
            stacked_generator((8, 8, 1), 6, 16), strided_discriminator((8, 8, 1), [4, 4]), unroll_steps=k
        )
        model.compile(g_optimizer=keras.optimizers.SGD(0.0), d_optimizer=keras.optimizers.SGD(0.1))
        real = np.random.default_rng(0).uniform(-1, 1, [4, 8, 8, 1]).astype(np.float32)
        model.fit(tf.data.Dataset.from_tensors(real), shuffle=False, verbose=0)
        means.append([np.array(v) for v in model.discriminator.non_trainable_variables])
    for ours, expected in zip(means[1], means[0], strict=True):
        np.testing.assert_allclose(ours, expected, rtol=1e-5, atol=1e-7)
    assert np.abs(means[0][0]).max() > 0  # which its own step moves


def test_the_networks_of_stacked_mnist_have_the_sizes_of_the_table():
    generator = stacked_generator((28, 28, 3))
    assert generator.output_shape == (None, 28, 28, 3)
    dense, up = 256 * 4 * 4 * 64, 9 * (64 * 32 + 32 * 16 + 16 * 8)
    assert generator.count_params() == dense + up + 4 * (64 + 32 + 16 + 8) + (9 * 8 + 1) * 3
    for channels in ([2, 4, 8], [4, 8, 16]):  # 8X, 16X, 32X for X = 1/4 and 1/2
        a, b, c = channels
        kernels = 9 * (3 * a + a * b + b * c)
        assert strided_discriminator((28, 28, 3), channels).count_params() == kernels + 4 * (a + b + c) + 16 * c + 1


@pytest.mark.parametrize("size", [7, 8])
def test_a_transposed_convolution_is_the_gradient_of_the_strided_one_at_odd_and_even_sizes(size):
    generator = stacked_generator((size, size, 1), latent_dim=3, width=8)
    up = [layer for layer in generator.layers if isinstance(layer, keras.layers.Conv2DTranspose)][-1]
    after = generator.layers[generator.layers.index(up) + (size % 2)]  # the cropping, where there is one
    before, answer = keras.Model(generator.input, [up.input, after.output])(np.ones([2, 3], np.float32))
    expected = tf.nn.conv2d_transpose(before, up.kernel.value, [2, size, size, 1], 2, "SAME")
    assert before.shape == (2, 4, 4, 2)
    np.testing.assert_allclose(answer, expected, atol=1e-6)


def test_a_recurrent_generator_writes_columns_from_left_to_right():
    wide, narrow = (recurrent_generator((6, columns, 2), latent_dim=4, width=5) for columns in (7, 3))
    narrow.set_weights(wide.get_weights())
    z = np.random.default_rng(0).normal(size=[2, 4]).astype(np.float32)
    image = wide(z).numpy()
    assert image.shape == (2, 6, 7, 2)
    np.testing.assert_allclose(narrow(z), image[:, :, :3], atol=1e-6)
    assert np.abs(np.diff(image, axis=2)).max(axis=(0, 1, 3)).min() > 1e-4  # no column repeats the one before
