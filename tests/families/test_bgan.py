import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf
from closed_form import at, line, logistic_loss, logistic_slopes, noise, sigmoid, slope_at, step
from conformance import Conformance

from tfgan_zoo import BGAN, latent, random
from tfgan_zoo.errors import InputError
from tfgan_zoo.families.bgan import (
    continuous_generator_loss,
    discrete_generator_loss,
    draw_pixels,
    mnist_discriminator,
    mnist_generator,
)
from tfgan_zoo.networks.dcgan import dcgan_discriminator, dcgan_generator


def _make(**kwargs):
    generator = dcgan_generator((8, 8, 1), latent_dim=6, width=8)
    return BGAN(generator, dcgan_discriminator((8, 8, 1), width=8, normalization=None), **kwargs)


class TestBGAN(Conformance):
    def make(self):
        return _make(samples=3, baseline=True)

    def batch(self, count, rng):
        return rng.choice(np.float32([-1, 1]), [count, 8, 8, 1])


class TestContinuousBGAN(Conformance):
    def make(self):
        return _make(pixels="continuous")

    def batch(self, count, rng):
        return rng.uniform(-1, 1, [count, 8, 8, 1]).astype(np.float32)


def test_unknown_pixels_and_a_single_sample_are_refused():
    with pytest.raises(InputError, match="pixels 'grey': expected 'discrete' or 'continuous'"):
        _make(pixels="grey")
    with pytest.raises(InputError, match="samples 1: expected 2 or more"):
        _make(samples=1)


def test_the_continuous_loss_is_0_where_d_is_one_half_and_the_squared_log_ratio_elsewhere():
    assert float(continuous_generator_loss(tf.zeros([4, 1]))) == 0.0
    d = np.array([0.5, 0.9, 0.2])
    logits = tf.constant(np.log(d / (1 - d)), tf.float32)
    np.testing.assert_allclose(continuous_generator_loss(logits), np.mean((np.log(d) - np.log(1 - d)) ** 2), rtol=1e-5)


# A generator of 4 bits whose logits do not depend on z, and a discriminator that says something of each of 16 outcomes.
OUTCOMES = np.array(list(itertools.product([-1.0, 1.0], repeat=4)))
A = np.array([0.7, -0.4, 1.1, 0.2])  # logits of P(bit = 1)
P = 1 / (1 + np.exp(-A))
LOGITS = np.random.default_rng(5).normal(0.0, 1.2, 16)
G = np.prod(np.where(OUTCOMES > 0, P, 1 - P), axis=1)  # g(x | z) of each outcome
SCORE = (OUTCOMES + 1) / 2 - P  # d log g / d logits of each outcome


def _estimates(z_count, samples, baseline=False):
    """The loss's gradient in the logits for each z, its value for each z being a mean over one."""
    a = tf.tile(tf.constant(A, tf.float32)[None], [z_count, 1])
    place = tf.constant([8, 4, 2, 1], tf.int32)
    with random.stream(11), tf.GradientTape() as tape:
        tape.watch(a)
        mean = tf.reshape(tf.tanh(a / 2), [z_count, 2, 2, 1])
        images = draw_pixels(mean, samples)
        bits = tf.cast(tf.reshape(images, [z_count, samples, 4]) > 0, tf.int32)
        logits = tf.gather(tf.constant(LOGITS, tf.float32), tf.reduce_sum(bits * place, axis=-1))
        loss = discrete_generator_loss(mean, images, logits, baseline)
    return tape.gradient(loss, a).numpy().astype(np.float64) * z_count


def _agrees(estimates, exact):
    """Asserts that the mean is within 3 standard errors; returns the largest number of them."""
    error = estimates.std(axis=0, ddof=1) / np.sqrt(len(estimates))
    assert (error < 0.02).all()
    off = np.abs(estimates.mean(axis=0) - exact) / error
    np.testing.assert_array_less(off, 3)
    return off.max()


def test_the_discrete_gradient_is_that_of_the_kl_from_the_reweighted_generator_by_enumeration(record_property):
    target = G * np.exp(LOGITS)  # p~ = w g / alpha
    target /= target.sum()

    def kl(a):
        p = 1 / (1 + np.exp(-a))
        return np.sum(target * np.log(target / np.prod(np.where(OUTCOMES > 0, p, 1 - p), axis=1)))

    exact = -target @ SCORE
    slopes = [(kl(A + step) - kl(A - step)) / 2e-5 for step in 1e-5 * np.eye(4)]
    np.testing.assert_allclose(exact, slopes, rtol=1e-6)  # p~ is held while g moves
    # Normalising over M samples leaves a bias of the order 1 / M: 4,096 makes it small beside the error of 64 z's.
    record_property("standard errors off", _agrees(_estimates(64, 4096), exact))


@pytest.mark.parametrize("samples", [2, 3])
def test_with_few_samples_the_discrete_gradient_is_the_expectation_over_all_of_their_outcomes(samples, record_property):
    exact = np.zeros(4)
    for xs in itertools.product(range(16), repeat=samples):
        w = np.exp(LOGITS[list(xs)])
        exact -= np.prod(G[list(xs)]) * (w / w.sum()) @ SCORE[list(xs)]
    plain, calmer = _estimates(20_000, samples), _estimates(20_000, samples, baseline=True)
    record_property("standard errors off", _agrees(plain, exact))
    record_property("with the baseline", _agrees(calmer, exact))
    np.testing.assert_array_less(calmer.std(axis=0), 0.9 * plain.std(axis=0))


def test_equal_weights_leave_the_log_likelihood_of_the_samples():
    mean = tf.constant([[[[0.5]], [[-0.2]]]])  # p = 0.75, 0.4
    images = tf.constant([[[[[1.0]], [[1.0]]], [[[-1.0]], [[1.0]]]]])
    expected = -(np.log(0.75 * 0.4) + np.log(0.25 * 0.4)) / 2
    np.testing.assert_allclose(discrete_generator_loss(mean, images, tf.zeros([1, 2])), expected, rtol=1e-6)
    heavier = -(0.75 * np.log(0.75 * 0.4) + 0.25 * np.log(0.25 * 0.4))  # weights of logits log 3 and 0
    logits = tf.constant([[np.log(3.0), 0.0]], tf.float32)
    np.testing.assert_allclose(discrete_generator_loss(mean, images, logits), heavier, rtol=1e-6)


def test_with_a_baseline_equal_weights_leave_no_gradient():
    mean = tf.constant([[[[0.5]], [[-0.2]]]])
    with random.stream(2), tf.GradientTape() as tape:
        tape.watch(mean)
        loss = discrete_generator_loss(mean, draw_pixels(mean, 8), tf.fill([1, 8], 3.0), baseline=True)
    np.testing.assert_array_equal(tape.gradient(loss, mean), np.zeros([1, 2, 1, 1]))


def test_a_certain_pixel_has_a_finite_loss_and_is_always_drawn_as_itself():
    mean = tf.constant([1.0, -1.0])[None, :, None, None]
    with random.stream(0):
        images = draw_pixels(mean, 1000)
    np.testing.assert_array_equal(images, np.broadcast_to(np.array(mean)[:, None], [1, 1000, 2, 1, 1]))
    np.testing.assert_allclose(discrete_generator_loss(mean, images, tf.zeros([1, 1000])), 0.0, atol=2e-5)
    np.testing.assert_allclose(discrete_generator_loss(mean, -images, tf.zeros([1, 1000])), 2 * np.log(2e5), rtol=0.01)


def test_a_step_follows_the_gradient_that_was_enumerated():
    # One z, M = 4,096, SGD(1): what a bias-only generator moves by is the estimate itself.
    z, image = keras.Input([1]), keras.Input([2, 2, 1])
    constant = keras.initializers.Constant
    half = keras.layers.Dense(4, kernel_initializer="zeros", bias_initializer=constant(A / 2))(z)
    generator = keras.Model(z, keras.layers.Reshape([2, 2, 1])(keras.layers.Activation("tanh")(half)))
    v = np.array([0.6, -0.8, 0.3, 0.9])
    logits = keras.layers.Dense(1, kernel_initializer=constant(v[:, None]))(keras.layers.Flatten()(image))
    model = BGAN(generator, keras.Model(image, logits), samples=4096)
    model.compile(g_optimizer=keras.optimizers.SGD(1.0), d_optimizer=keras.optimizers.SGD(0.0))
    model.fit(tf.data.Dataset.from_tensors(tf.ones([16, 2, 2, 1])), shuffle=False, verbose=0)
    moved = A / 2 - generator.trainable_variables[1].numpy()
    target = G * np.exp(OUTCOMES @ v)
    np.testing.assert_allclose(moved, -2 * (target / target.sum()) @ SCORE, atol=0.02)  # d logit / d bias = 2


@pytest.mark.parametrize("baseline", [False, True])
def test_a_step_on_one_pixel_moves_each_network_by_the_gradient_computed_by_hand(baseline):
    # 2 p - 1 = a z + b, D(x) = sigmoid(w x + c), 3 samples for each z.
    g, d, x = np.array([0.1, 0.2]), np.array([0.9, -0.4]), np.array([1.0, -1.0, 1.0, 1.0])
    model = BGAN(line(g), line(d), samples=3, baseline=baseline)
    with random.stream(model.seed):
        z, u, last, many = (
            np.float64(draw([4, n]))
            for draw, n in [(random.normal, 1), (random.uniform, 1)] + [(random.normal, 1), (random.uniform, 3)]
        )
    z, u, last = z[:, 0], u[:, 0], last[:, 0]
    moved, logs = step(model, x[:, None])

    fake = np.where(u < (at(g, z) + 1) / 2, 1.0, -1.0)
    assert 0 < fake.mean() < 1
    after = d - logistic_slopes(d, (x,), (fake,))
    mean = at(g, last)[:, None]
    images = np.where(many < (mean + 1) / 2, 1.0, -1.0)
    weights = np.exp(at(after, images)) / np.exp(at(after, images)).sum(1, keepdims=True) - baseline / 3
    g_loss = -np.sum(weights * np.log((1 + images * mean) / 2), axis=1).mean()
    slope = -np.sum(weights * images / (1 + images * mean), axis=1)
    np.testing.assert_allclose(moved["discriminator"], d - after, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(moved["generator"], slope_at(slope, last), rtol=1e-5, atol=1e-6)
    expected = logistic_loss(d, (x,), (fake,)), g_loss
    np.testing.assert_allclose([logs["d_loss"], logs["g_loss"]], expected, rtol=1e-5)


def test_a_continuous_step_moves_each_network_by_the_gradient_computed_by_hand():
    # G(z) = a z + b, D(x) = sigmoid(w x + c).
    g, d, x = np.array([0.8, 0.3]), np.array([1.5, -0.4]), np.array([0.5, -1.0, 0.9])
    model = BGAN(line(g), line(d), pixels="continuous")
    z, last = noise(model, 3, draws=2)
    moved, logs = step(model, x[:, None])

    real, fake = (x,), (at(g, z),)
    after = d - logistic_slopes(d, real, fake)
    said = sigmoid(at(after, at(g, last)))
    log_ratio = np.log(said) - np.log(1 - said)
    np.testing.assert_allclose(moved["discriminator"], d - after, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(moved["generator"], slope_at(2 * log_ratio * after[0], last), rtol=1e-5, atol=1e-6)
    expected = logistic_loss(d, real, fake), np.mean(log_ratio**2)
    np.testing.assert_allclose([logs["d_loss"], logs["g_loss"]], expected, rtol=1e-5)


def test_served_samples_are_black_and_white_and_their_mean_is_what_z_gives():
    model = _make()
    served = model.signatures()
    count, seed = tf.constant(6), tf.constant(3, tf.int64)
    image = served["sample"][0](count, seed)["generated"].numpy()
    assert set(np.unique(image)) == {-1.0, 1.0}
    pngs = served["sample_png"][0](count, seed)["generated_bytes"]
    decoded = np.stack([tf.io.decode_png(png).numpy() for png in pngs.numpy()])
    np.testing.assert_array_equal(decoded, np.where(image > 0, 255, 0))
    assert (image != served["sample"][0](count, seed + 1)["generated"].numpy()).any()

    mean = served["serving_default"][0](tf.ones([1, 6]))["generated"]
    with random.stream(0):
        drawn = draw_pixels(mean, 40_000)
    assert np.abs(mean).max() < 0.5
    np.testing.assert_allclose(np.mean(drawn, axis=1), mean, atol=5 / np.sqrt(40_000))


def test_a_continuous_generator_serves_grey_samples():
    image = _make(pixels="continuous").signatures()["sample"][0](tf.constant(4), tf.constant(1, tf.int64))["generated"]
    assert len(np.unique(image)) > 100


def test_a_step_draws_z_from_the_prior_that_is_given():
    # G(z) = z, D(x) = sigmoid(x): D's step sees what z is.
    model = BGAN(line([1.0, 0.0]), line([1.0, 0.0]), prior=latent.Prior(1, "uniform"), pixels="continuous")
    z, _ = noise(model, 3, draws=2, draw=lambda shape: random.uniform(shape, -1.0, 1.0))
    moved, _ = step(model, np.zeros([3, 1]))
    np.testing.assert_allclose(moved["discriminator"], logistic_slopes(np.array([1.0, 0.0]), (0 * z,), (z,)), rtol=1e-5)


def test_the_published_networks_for_digits_have_its_parameters_and_see_z_between_0_and_1():
    generator, discriminator = mnist_generator((28, 28, 1)), mnist_discriminator((28, 28, 1))
    dense, convolutions = 64 * 1024 + 1024 * 6272, 25 * 128 * 64 + 25 * 64 + 1
    assert sum(int(np.prod(w.shape)) for w in generator.trainable_weights) == (
        dense + convolutions + 2 * (1024 + 6272 + 64)
    )
    assert discriminator.count_params() == (25 * 64 + 64 + 25 * 64 * 128 + 128 + 6272 * 1024 + 1024 + 1024 + 1)
    first = keras.Model(generator.input, generator.layers[1].output)
    np.testing.assert_allclose(
        first(np.linspace(-1, 1, 64, dtype=np.float32)[None])[0], np.linspace(0, 1, 64), atol=1e-6
    )


def test_the_published_networks_take_pictures_of_multiples_of_four():
    generator, discriminator = mnist_generator((8, 12, 3), 5, 4), mnist_discriminator((8, 12, 3), 4)
    image = generator(np.random.default_rng(0).normal(0, 100, [2, 5]).astype(np.float32), training=True)
    assert image.shape == (2, 8, 12, 3) and np.abs(image).max() <= 1.0 and discriminator(image).shape == (2, 1)
    for build in mnist_generator, mnist_discriminator:
        with pytest.raises(InputError, match="image size 30x28: expected multiples of 4, like 28x28 or 32x28"):
            build((30, 28, 1))
