import keras
import numpy as np
import pytest
import tensorflow as tf
from closed_form import (
    affine,
    at,
    line,
    logistic_loss,
    logistic_slopes,
    noise,
    normal,
    sigmoid,
    slope_at,
    softplus,
    step,
)
from conformance import Conformance

from tfgan_zoo import GAN, latent, random
from tfgan_zoo.data import batches, toy
from tfgan_zoo.networks.mlp import mlp_discriminator, mlp_generator
from tfgan_zoo.optimizers import Adam, LinearDecay


class TestGAN(Conformance):
    def make(self):
        return GAN(
            mlp_generator((8, 8, 1), latent_dim=6, widths=[16]), mlp_discriminator((8, 8, 1), [16], "leaky_relu"), k=2
        )

    def batch(self, count, rng):
        return rng.uniform(-1, 1, [count, 8, 8, 1]).astype(np.float32)


X = np.linspace(-8.0, 10.0, 20_001)


def _integral(y):
    return float(np.sum(y) * (X[1] - X[0]))


@pytest.mark.slow
@pytest.mark.parametrize(("mean", "deviation"), [(1.0, 0.7), (0.0, 1.0)], ids=["apart", "equal"])
def test_the_optimal_discriminator_is_p_over_p_plus_q_and_its_value_the_jensen_shannon_divergence(
    mean, deviation, record_property
):
    # p is N(0, 1), the data; q is N(mean, deviation^2), of a generator that stands still. Proposition 1 and theorem 1.
    model = GAN(affine(deviation, mean), mlp_discriminator((1,), [32, 32], "leaky_relu"))
    steps, batch = 1000, 2048
    model.compile(g_optimizer=keras.optimizers.SGD(0.0), d_optimizer=Adam(LinearDecay(0.01, 300, steps)))
    real = tf.random.stateless_normal([steps * batch, 1], [3, 3])
    model.fit(tf.data.Dataset.from_tensor_slices(real).batch(batch), shuffle=False, verbose=0)

    p, q = normal(X, 0.0, 1.0), normal(X, mean, deviation)
    optimum = p / (p + q)
    d = tf.sigmoid(model.discriminator(X[:, None].astype(np.float32))).numpy()[:, 0].astype(np.float64)
    mass = p + q > 0.05
    assert _integral(mass * (p + q) / 2) > 0.98
    np.testing.assert_allclose(d[mass], optimum[mass], atol=0.02)

    def value(d):
        d = np.clip(d, 1e-12, 1 - 1e-12)
        return _integral(p * np.log(d) + q * np.log1p(-d))

    def kl(a, b):
        return _integral(a * (np.log(a + 1e-300) - np.log(b + 1e-300)))

    jsd = 0.5 * kl(p, (p + q) / 2) + 0.5 * kl(q, (p + q) / 2)
    np.testing.assert_allclose(value(optimum), -np.log(4) + 2 * jsd, rtol=1e-6)
    np.testing.assert_allclose(value(d), -np.log(4) + 2 * jsd, rtol=0.02)
    if mean == 0.0:
        np.testing.assert_allclose(value(d), -np.log(4), rtol=1e-3)
    record_property("largest difference of D and p/(p+q)", np.abs(d - optimum)[mass].max())
    record_property("V(D, G)", value(d))
    record_property("-log 4 + 2 JSD", -np.log(4) + 2 * jsd)


@pytest.mark.parametrize("confidence", [0.0, 5.0, 10.0])
def test_the_minimax_gradient_vanishes_as_d_wins_and_the_non_saturating_one_does_not(confidence):
    # logits = -confidence whatever z, dlogits / dx = 2: the gradients at the generator's bias are -2 D and -2 (1 - D).
    d = 1 / (1 + np.exp(confidence))
    for objective, gradient in (("minimax", -2 * d), ("non_saturating", -2 * (1 - d))):
        x = keras.Input([1])
        slope, bias = (keras.initializers.Constant(v) for v in (2.0, -confidence))
        discriminator = keras.Model(x, keras.layers.Dense(1, kernel_initializer=slope, bias_initializer=bias)(x))
        model = GAN(affine(0.0, 0.0), discriminator, generator_objective=objective)
        model.compile(g_optimizer=keras.optimizers.SGD(1.0), d_optimizer=keras.optimizers.SGD(0.0))
        model.fit(tf.data.Dataset.from_tensors(tf.zeros([4, 1])), shuffle=False, verbose=0)
        np.testing.assert_allclose(-model.generator.trainable_variables[1].numpy(), [gradient], rtol=1e-4)


@pytest.mark.parametrize("objective", ["minimax", "non_saturating"])
def test_a_step_moves_each_network_by_the_gradient_computed_by_hand(objective):
    # G(z) = a z + b, D(x) = sigmoid(w x + c); k = 2 minibatches of 3 points, every second one of a batch.
    g, d = np.array([0.8, 0.3]), np.array([1.5, -0.4])
    x = np.array([0.5, -1.0, 1.5, 2.0, -0.5, 1.0])
    model = GAN(line(g), line(d), k=2, generator_objective=objective)
    *first, last = noise(model, 3, draws=3)
    moved, logs = step(model, x[:, None])

    after = d
    for real, z in zip((x[0::2], x[1::2]), first, strict=True):
        real, fake = (real,), (at(g, z),)
        d_loss = logistic_loss(after, real, fake)
        after = after - logistic_slopes(after, real, fake)
    logits = at(after, at(g, last))
    if objective == "minimax":  # E[log(1 - D)]
        g_loss, slope = -softplus(logits), -sigmoid(logits)
    else:  # -E[log D]
        g_loss, slope = softplus(-logits), -sigmoid(-logits)
    np.testing.assert_allclose(moved["discriminator"], d - after, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(moved["generator"], slope_at(slope * after[0], last), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose([logs["d_loss"], logs["g_loss"]], [d_loss, g_loss.mean()], rtol=1e-5)


def test_a_step_draws_z_from_the_prior_that_is_given():
    # G(z) = z, D(x) = sigmoid(x): D's first step sees what z is.
    model = GAN(line([1.0, 0.0]), line([1.0, 0.0]), prior=latent.Prior(1, "uniform", bound=3**0.5))
    z, last = noise(model, 3, draws=2, draw=lambda shape: random.uniform(shape, -(3**0.5), 3**0.5))
    moved, _ = step(model, np.zeros([3, 1]))
    np.testing.assert_allclose(moved["discriminator"], logistic_slopes(np.array([1.0, 0.0]), (0 * z,), (z,)), rtol=1e-5)
    assert model.prior.described() == {"law": "uniform", "bound": 3**0.5}


def test_one_discriminator_step_and_the_objective_that_does_not_saturate_are_the_defaults():
    model = GAN(line([1.0, 0.0]), line([0.0, 1.0]))
    assert model.k == model.minibatches == 1
    np.testing.assert_allclose(model.generator_loss(1.0), np.log1p(np.exp(-1.0)), rtol=1e-6)


def test_on_points_it_previews_data_samples_and_d_and_serves_points():
    data = toy.points("toy:gaussian")
    model = GAN(mlp_generator((1,), 3, [8]), mlp_discriminator((1,), [8]))
    shown = model.preview(batches.take(data.test, 50))
    assert {label: column.shape for label, column in shown.items()} == {
        "data": (50, 1),
        "sample": (50, 1),
        "D(x)": (201, 2),
    }
    x, d = shown["D(x)"].T
    np.testing.assert_allclose(d, 1 / (1 + np.exp(-model.discriminator(x[:, None]).numpy()[:, 0])), rtol=1e-5)
    served = model.signatures()
    assert set(served) == {"serving_default", "sample", "discriminate"}
    assert served["sample"][0](tf.constant(5), tf.constant(0, tf.int64))["generated"].shape == (5, 1)
    assert served["discriminate"][1][0].name == "point"
