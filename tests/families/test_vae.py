import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf
from closed_form import Turned, sigmoid, softplus, step
from conformance import Conformance

from tfgan_zoo import VAE, likelihoods, random
from tfgan_zoo.errors import InputError
from tfgan_zoo.families.vae import active_units, log_mean_exp, reparameterized
from tfgan_zoo.latent import Prior
from tfgan_zoo.networks.vae import vae_decoder, vae_encoder

SHAPE = (8, 8, 1)


def small(law="bernoulli", deterministic=False, **kwargs):
    encoder = vae_encoder(SHAPE, 3, [8], "relu", deterministic=deterministic)
    likelihood = "bernoulli" if law == "bernoulli" else "gaussian"
    return VAE(encoder, vae_decoder(SHAPE, 3, [8], "relu", law=law), likelihood=likelihood, bound_samples=5, **kwargs)


class TestVAE(Conformance):
    def make(self):
        return small()

    def batch(self, count, rng):
        return rng.uniform(-1, 1, [count, *SHAPE]).astype(np.float32)


class Gaussian(TestVAE):
    def make(self):
        return small("gaussian_with_variance", kl="sampled", samples=2)


class AutoEncoder(TestVAE):
    def make(self):
        return small("gaussian", deterministic=True, kl_weight=0.0)


@pytest.mark.parametrize("kind", [Gaussian, AutoEncoder])
def test_gaussian_laws_and_plain_auto_encoders_train_and_are_served(kind, tmp_path, two_replicas):
    kind().test_a_few_steps_move_every_trainable_weight_and_log_finite_losses()
    kind().test_calling_it_and_predict_answer_as_serving_default_and_its_names_are_known()
    kind().test_the_export_answers_every_signature_as_the_live_model_does(tmp_path)
    kind().test_two_replicas_make_the_update_that_one_makes(two_replicas)


# --- a step by hand: q(z|x) = N(A x + a, diag exp(B x + b)) of two codes, and a law of two pixels said by C z + c


def dense(kernel, bias):
    constant = keras.initializers.Constant
    kernel, bias = np.float32(kernel), np.float32(bias)
    return keras.layers.Dense(len(bias), kernel_initializer=constant(kernel), bias_initializer=constant(bias))


def linear(weights, turn=True, **kwargs):
    """A `VAE` of points whose networks are one dense layer per head, and turn the sign outside of training.

    Args:
        weights: head -> (kernel, bias); "mean" and "log_variance" of the code, "said" and maybe "said_variance".
    """
    turned = Turned() if turn else lambda x: x
    (kernel, _), (decoding, _) = weights["mean"], weights["said"]
    x, z = keras.Input([len(kernel)]), keras.Input([len(decoding)])
    code = {name: turned(dense(*weights[name])(x)) for name in ("mean", "log_variance") if name in weights}
    said = turned(dense(*weights["said"])(z))
    if "said_variance" in weights:
        said = {"mean": said, "log_variance": turned(dense(*weights["said_variance"])(z))}
    return VAE(keras.Model(x, code), keras.Model(z, said), **kwargs)


WEIGHTS = {
    "mean": ([[0.7, -0.4], [0.2, 0.9]], [0.1, -0.3]),
    "log_variance": ([[0.3, 0.5], [-0.6, 0.2]], [-0.5, 0.4]),
    "said": ([[0.8, -0.5], [0.6, 1.1]], [0.2, -0.1]),
}
WITH_VARIANCE = WEIGHTS | {"said_variance": ([[0.1, 0.3], [-0.2, 0.4]], [-1.0, 0.3])}
POINTS = np.array([[0.5, -0.8], [-1.0, 0.3], [0.9, 0.6]])


def drawn(model, count, dim, samples):
    """What a step draws: numbers in [-1, 1] where pixels are drawn black and white, and the noise of z."""
    with random.stream(model.seed):
        thresholds = np.float64(random.uniform([count, dim], -1.0, 1.0)) if model.binarize == "dynamic" else None
        return thresholds, np.float64(random.normal([count, samples, 2]))


def by_hand(weights, x, noise, *, bernoulli, sampled, kl_weight, deviation=1.0, least=0.01, decay=0.0):
    """The losses of a step and the gradient of each network, in the order of its weights."""
    a, c = ([np.array(v) for v in weights[name]] for name in ("mean", "said"))
    share = 1 / (len(x) * noise.shape[1])
    mean = x @ a[0] + a[1]
    log_variance = x @ np.array(weights["log_variance"][0]) + weights["log_variance"][1]
    spread = np.exp(log_variance / 2)
    z = mean[:, None] + spread[:, None] * noise
    said, target, of_variance = z @ c[0] + c[1], x[:, None], None
    if bernoulli:
        target = (target + 1) / 2
        log_p = -(softplus(said) - target * said)
        of_said = sigmoid(said) - target
    else:
        sigma = deviation
        if "said_variance" in weights:
            wide = np.exp((z @ np.array(weights["said_variance"][0]) + weights["said_variance"][1]) / 2)
            sigma = least + wide
            of_variance = (1 / sigma - (target - said) ** 2 / sigma**3) * wide / 2 * share
        log_p = -(((target - said) / sigma) ** 2) / 2 - np.log(sigma) - np.log(2 * np.pi) / 2
        of_said = -(target - said) / sigma**2
    of_said = of_said * share
    of_z = of_said @ c[0].T
    if of_variance is not None:
        of_z = of_z + of_variance @ np.array(weights["said_variance"][0]).T
    if sampled:
        kl = (z**2 / 2 - noise**2 / 2 - log_variance[:, None] / 2).sum(2).mean(1)
        of_z = of_z + kl_weight * share * z
        of_mean, of_spread = 0.0, -kl_weight / 2 / len(x)
    else:
        kl = (mean**2 + spread**2 - 1 - log_variance).sum(1) / 2
        of_mean, of_spread = kl_weight * mean / len(x), kl_weight * (spread**2 - 1) / 2 / len(x)
    of_mean = of_mean + of_z.sum(1)
    of_log_variance = of_spread + (of_z * noise).sum(1) * spread / 2

    def of_layer(inputs, slope):
        inputs, slope = inputs.reshape(-1, 2), slope.reshape(-1, 2)
        return [(inputs.T @ slope).ravel(), slope.sum(0)]

    reconstruction = -log_p.sum(2).mean()
    # Keras' order: that of the heads' names.
    encoder = of_layer(x, of_log_variance) + of_layer(x, of_mean)
    decoder = (of_layer(z, of_variance) if of_variance is not None else []) + of_layer(z, of_said)
    kept = np.concatenate([np.ravel(v) for name in ("said_variance", "said") for v in weights.get(name, [])])
    loss = reconstruction + kl_weight * kl.mean() + decay / 2 * (kept**2).sum()
    moved = {"encoder": np.concatenate(encoder), "decoder": np.concatenate(decoder) + decay * kept}
    return (loss, reconstruction, kl.mean()), moved


@pytest.mark.parametrize("binarize", ["dynamic", "threshold", "none"])
@pytest.mark.parametrize(
    ("given", "settings"),
    [
        ({}, {"sampled": False, "kl_weight": 1.0}),
        ({"kl": "sampled", "samples": 3}, {"sampled": True, "kl_weight": 1.0}),
        ({"kl_weight": 0.3, "samples": 2, "decoder_decay": 0.2}, {"sampled": False, "kl_weight": 0.3, "decay": 0.2}),
        ({"kl": "sampled", "kl_weight": 4.0}, {"sampled": True, "kl_weight": 4.0}),
    ],
)
def test_a_step_on_bernoulli_pixels_computed_by_hand(binarize, given, settings):
    model = linear(WEIGHTS, binarize=binarize, **given)
    thresholds, noise = drawn(model, 3, 2, given.get("samples", 1))
    x = POINTS
    if binarize != "none":
        x = np.where((thresholds if binarize == "dynamic" else 0.0) < POINTS, 1.0, -1.0)
    expected, gradient = by_hand(WEIGHTS, x, noise, bernoulli=True, **settings)
    _compare(model, expected, gradient)


@pytest.mark.parametrize(
    ("weights", "given", "settings"),
    [
        (WEIGHTS, {}, {"sampled": False, "kl_weight": 1.0}),
        (WEIGHTS, {"deviation": 0.4, "kl": "sampled"}, {"deviation": 0.4, "sampled": True, "kl_weight": 1.0}),
        (WITH_VARIANCE, {"samples": 2}, {"sampled": False, "kl_weight": 1.0}),
        (
            WITH_VARIANCE,
            {"kl": "sampled", "least_deviation": 0.5, "decoder_decay": 0.1},
            {"sampled": True, "kl_weight": 1.0, "least": 0.5, "decay": 0.1},
        ),
    ],
)
def test_a_step_on_gaussian_pixels_computed_by_hand(weights, given, settings):
    model = linear(weights, likelihood="gaussian", **given)
    _, noise = drawn(model, 3, 2, given.get("samples", 1))
    expected, gradient = by_hand(weights, POINTS, noise, bernoulli=False, **settings)
    _compare(model, expected, gradient)


def test_a_step_of_a_plain_auto_encoder_computed_by_hand():
    weights = {name: WEIGHTS[name] for name in ("mean", "said")}
    model = linear(weights, likelihood="gaussian", deviation=0.5, kl_weight=0.0)
    (a, shift), (c, offset) = ((np.array(v[0]), np.array(v[1])) for v in weights.values())
    z = POINTS @ a + shift
    error = z @ c + offset - POINTS
    of_said = error / 0.25 / 3
    of_z = of_said @ c.T
    reconstruction = (error**2).sum(1).mean() / 0.5 + 2 * np.log(0.5) + np.log(2 * np.pi)
    gradient = {
        "encoder": np.concatenate([(POINTS.T @ of_z).ravel(), of_z.sum(0)]),
        "decoder": np.concatenate([(z.T @ of_said).ravel(), of_said.sum(0)]),
    }
    _compare(model, (reconstruction, reconstruction, 0.0), gradient)


def _compare(model, expected, gradient):
    moved, logs = step(model, {"image": POINTS, "label": np.arange(len(POINTS))})
    np.testing.assert_allclose([logs[name] for name in ("loss", "reconstruction", "kl")], expected, rtol=1e-5)
    for role, value in gradient.items():
        np.testing.assert_allclose(moved[role], value, rtol=2e-5, atol=2e-6, err_msg=role)


# --- the divergence and the estimators


def test_the_divergence_is_the_closed_form_and_its_estimate_agrees_within_four_standard_errors():
    constant = {"mean": ([[0.0]], [0.7]), "log_variance": ([[0.0]], [2 * np.log(0.6)]), "said": ([[0.0]], [0.0])}
    x, noise = np.zeros([1000, 1], np.float32), np.float32(np.random.default_rng(0).normal(size=[1000, 1000, 1]))
    analytic, sampled = (linear(constant, turn=False, kl=kl) for kl in ("analytic", "sampled"))
    np.testing.assert_allclose(analytic.terms(x, noise)[1], 0.435826, rtol=2e-6)
    estimates = sampled.terms(x, noise)[1].numpy()
    error = estimates.std() / np.sqrt(len(estimates))
    np.testing.assert_allclose(estimates.mean(), 0.435826, atol=4 * error)
    assert error < 1e-3


def exact_noise(count, dim):
    """Noise whose mean of any quadratic function of it is its expectation: +- sqrt(dim) along each axis."""
    points = np.sqrt(dim) * np.concatenate([np.eye(dim), -np.eye(dim)])
    return np.repeat(np.float32(points)[None], count, 0)


def test_both_estimators_have_the_same_expectation():
    x = np.float32(POINTS)
    bounds = []
    for kl in ("analytic", "sampled"):
        model = linear(WEIGHTS, turn=False, likelihood="gaussian", deviation=0.8, kl=kl)
        log_likelihood, divergence = model.terms(x, exact_noise(3, 2))
        bounds.append(log_likelihood - divergence)
    np.testing.assert_allclose(*bounds, rtol=2e-6)


def test_the_gradient_through_the_sample_has_variance_4_where_the_score_function_has_30():
    noise = np.float32(np.random.default_rng(0).normal(size=[400_000, 1, 1]))
    mean = tf.ones([400_000, 1])
    with tf.GradientTape() as tape:
        tape.watch(mean)
        total = tf.reduce_sum(tf.square(reparameterized(mean, tf.zeros([400_000, 1]), noise)))
    slopes = tape.gradient(total, mean).numpy().astype(np.float64)
    np.testing.assert_allclose([slopes.mean(), slopes.var()], [2.0, 4.0], rtol=0.01)
    score = (1 + noise.astype(np.float64)) ** 2 * noise
    np.testing.assert_allclose([score.mean(), score.var()], [2.0, 30.0], rtol=0.03)


def test_without_divergence_and_deviation_it_is_the_auto_encoder_bit_for_bit():
    plain = {name: WEIGHTS[name] for name in ("mean", "said")}
    sure = WEIGHTS | {"log_variance": (np.zeros([2, 2]), [-300.0, -300.0])}
    moved, losses = {}, {}
    for name, weights in (("auto-encoder", plain), ("vae", sure)):
        model = linear(weights, likelihood="gaussian", kl_weight=0.0)
        moved[name], logs = step(model, POINTS)
        losses[name] = logs["loss"]
    assert losses["vae"] == losses["auto-encoder"]
    np.testing.assert_array_equal(moved["vae"]["decoder"], moved["auto-encoder"]["decoder"])
    np.testing.assert_array_equal(moved["vae"]["encoder"][6:], moved["auto-encoder"]["encoder"])
    np.testing.assert_array_equal(moved["vae"]["encoder"][:6], 0.0)


# --- linear-Gaussian data, whose likelihood is known: probabilistic PCA


def ppca(w, deviation):
    """The VAE of x = W z + deviation e with the best diagonal Gaussian for q(z|x), whose mean is the exact one."""
    w = np.asarray(w, np.float64)  # [pixels, codes]
    precision = w.T @ w / deviation**2 + np.eye(w.shape[1])
    weights = {
        "mean": (w @ np.linalg.inv(precision) / deviation**2, np.zeros(w.shape[1])),
        "log_variance": (np.zeros_like(w), -np.log(np.diag(precision))),
        "said": (w.T, np.zeros(len(w))),
    }
    return linear(weights, turn=False, likelihood="gaussian", deviation=deviation)


def log_p(x, w, deviation):
    """Of N(0, W W' + deviation^2 I)."""
    covariance = w @ w.T + deviation**2 * np.eye(len(w))
    _, log_det = np.linalg.slogdet(2 * np.pi * covariance)
    return -(np.einsum("bi,ij,bj->b", x, np.linalg.inv(covariance), x) + log_det) / 2


def test_where_codes_are_independent_the_bound_is_the_likelihood_of_probabilistic_pca():
    rng = np.random.default_rng(0)
    columns, _ = np.linalg.qr(rng.normal(size=[6, 2]))
    w, x = columns * [1.7, 0.6], rng.normal(size=[5, 6])
    model = ppca(w, 0.7)
    log_likelihood, divergence = model.terms(np.float32(x), exact_noise(5, 2))
    np.testing.assert_allclose(log_likelihood - divergence, log_p(x, w, 0.7), rtol=1e-6)
    # q is the posterior: one sample is enough, whatever it is.
    weights = model.log_weights(np.float32(x), np.float32(rng.normal(size=[5, 4, 2])))
    np.testing.assert_allclose(weights, np.repeat(log_p(x, w, 0.7)[:, None], 4, 1), rtol=2e-6)
    np.testing.assert_allclose(model.bound(np.float32(x)), log_p(x, w, 0.7), rtol=2e-6)


def test_where_codes_are_not_independent_the_bound_misses_the_likelihood_by_the_gap_of_the_diagonal():
    rng = np.random.default_rng(1)
    w, x = rng.normal(size=[6, 1]) + 0.5 * rng.normal(size=[6, 2]), rng.normal(size=[5, 6])
    precision = w.T @ w / 0.7**2 + np.eye(2)
    gap = (np.log(np.diag(precision)).sum() - np.linalg.slogdet(precision)[1]) / 2
    log_likelihood, divergence = ppca(w, 0.7).terms(np.float32(x), exact_noise(5, 2))
    np.testing.assert_allclose(log_p(x, w, 0.7) - (log_likelihood - divergence).numpy(), gap, atol=2e-5)
    assert gap > 0.1


def test_trained_on_linear_data_it_nears_the_likelihood_and_keeps_the_codes_of_eigenvalues_above_the_noise(
    record_property,
):
    eigenvalues, rng = np.array([6.0, 3.0, 0.6, 0.3]), np.random.default_rng(0)
    white, _ = np.linalg.qr(rng.normal(size=[256, 4]))
    turn, _ = np.linalg.qr(rng.normal(size=[4, 4]))
    x = np.float32(white * np.sqrt(256) * np.sqrt(eigenvalues) @ turn.T)  # x'x / N has these eigenvalues exactly
    weights = {name: (0.3 * rng.normal(size=shape), np.zeros(shape[1])) for name, shape in
               (("mean", (4, 3)), ("log_variance", (4, 3)), ("said", (3, 4)))}  # fmt: skip
    weights["log_variance"] = (np.zeros([4, 3]), np.zeros(3))
    model = linear(weights, turn=False, likelihood="gaussian", samples=4)
    rate = keras.optimizers.schedules.CosineDecay(0.05, 600)
    model.compile(vae_optimizer=keras.optimizers.Adam(rate), steps_per_execution=100)
    model.fit(tf.data.Dataset.from_tensors(x).repeat(), steps_per_epoch=600, shuffle=False, verbose=0)
    log_likelihood, divergence = model.terms(x, exact_noise(256, 3))
    bound = float(tf.reduce_mean(log_likelihood - divergence))
    best = turn * np.sqrt(np.maximum(eigenvalues - 1.0, 0.0))  # w_i^2 = max(lambda_i - 1, 0)
    likelihood = log_p(x.astype(np.float64), best, 1.0).mean()
    record_property("bound and likelihood after training, nats", (bound, likelihood))
    np.testing.assert_allclose(bound, likelihood, rtol=0.01)
    kernel = model.decoder.get_weights()[0]
    np.testing.assert_allclose(np.linalg.svd(kernel)[1] ** 2, [5.0, 2.0, 0.0], atol=0.15)
    assert active_units(model.posterior(x)[0]) == (eigenvalues > 1.0).sum() == 2


# --- bounds of several samples, and what is served


def test_the_bound_does_not_fall_with_more_samples():
    model = small()
    image = np.where(np.random.default_rng(0).uniform(size=[3, *SHAPE]) < 0.5, -1, 1).astype(np.float32)
    weights = model.log_weights(image, np.random.default_rng(1).normal(size=[3, 8, 3]).astype(np.float32)).numpy()
    # The mean over all choices of k of 8 samples: each is an unbiased estimate of the bound of k.
    bounds = [
        np.mean([log_mean_exp(weights[:, list(chosen)], 1) for chosen in itertools.combinations(range(8), k)], 0)
        for k in range(1, 9)
    ]
    np.testing.assert_allclose(bounds[0], weights.mean(1), rtol=1e-6)
    rises = np.diff(bounds, axis=0)
    assert (rises > 0).all()
    np.testing.assert_allclose(bounds[7], np.log(np.exp(weights - weights.max()).mean(1)) + weights.max(), rtol=1e-6)


def test_the_mean_weight_is_the_likelihood_that_quadrature_gives():
    weights = {
        "mean": ([[0.4], [0.2]], [0.1]),
        "log_variance": ([[0.1], [-0.2]], [-0.3]),
        "said": ([[1.5, -0.7]], [0.2, 0.4]),
    }
    model = linear(weights, turn=False, bound_samples=40)
    x = np.float32([[1, 1], [1, -1], [-1, 1], [-1, -1]])
    grid = np.linspace(-8, 8, 4001)
    said = grid[:, None, None] * np.array([1.5, -0.7]) + [0.2, 0.4]
    given_z = np.exp((-softplus(said) + (x + 1) / 2 * said).sum(2))
    p = (given_z * np.exp(-(grid**2) / 2)[:, None] / np.sqrt(2 * np.pi)).sum(0) * (grid[1] - grid[0])
    np.testing.assert_allclose(p.sum(), 1.0, rtol=1e-6)
    noise = np.random.default_rng(0).normal(size=[4, 100_000, 1]).astype(np.float32)
    np.testing.assert_allclose(np.exp(log_mean_exp(model.log_weights(x, noise), 1)), p, rtol=0.01)
    with random.stream(model.seed, shared=True):
        noise = random.normal([4, 40, 1])
    np.testing.assert_allclose(model.bound(x), log_mean_exp(model.log_weights(x, noise), 1), rtol=1e-5)


def test_what_is_served_looks_at_black_and_white_and_decodes_the_mean_of_a_code():
    image = tf.constant(TestVAE().batch(4, np.random.default_rng(0)))
    black_and_white = tf.where(image > 0, 1.0, -1.0)
    for given, seen in (
        ({}, black_and_white),
        ({"binarize": "threshold"}, black_and_white),
        ({"binarize": "none"}, image),
    ):
        model = small(**given)
        served = model.signatures()
        said = model.encoder(seen, training=False)
        answer = served["encode"][0](image)
        np.testing.assert_allclose(answer["code"], said["mean"], rtol=1e-6)
        np.testing.assert_allclose(answer["code_deviation"], np.exp(said["log_variance"] / 2), rtol=1e-6)
        logits = model.decoder(said["mean"], training=False)
        np.testing.assert_allclose(
            served["reconstruct"][0](image)["generated"], 2 * sigmoid(logits.numpy()) - 1, atol=1e-6
        )
        np.testing.assert_allclose(model.bound(image), model.bound(seen), rtol=1e-6)
        shown = model.preview(image)
        assert list(shown) == ["image", "reconstruction", "sample"]
        np.testing.assert_array_equal(shown["image"], seen)


def test_the_bound_of_a_picture_hangs_on_no_other_and_its_noise_on_the_seed():
    image = TestVAE().batch(3, np.random.default_rng(0))
    bounds = small().bound(image).numpy()
    keras.utils.set_random_seed(1)
    model = small()
    together = model.bound(image).numpy()
    np.testing.assert_allclose(np.concatenate([model.bound(image[i : i + 1]) for i in range(3)]), together, rtol=1e-6)
    other = VAE(model.encoder, model.decoder, bound_samples=5, seed=3)
    assert np.abs(other.bound(image) - together).max() > 1e-3
    assert bounds.shape == (3,)


def test_samples_are_of_codes_drawn_from_the_normal_law():
    assert small().prior == Prior(3)


def test_an_auto_encoder_serves_no_samples_and_no_bound():
    served = AutoEncoder().make().signatures()
    assert set(served) == {"serving_default", "decode", "encode", "reconstruct"}
    image = AutoEncoder().batch(2, np.random.default_rng(0))
    assert list(served["encode"][0](image)) == ["code"]
    assert list(AutoEncoder().make().preview(image)) == ["image", "reconstruction"]


def test_active_units_are_those_whose_mean_varies():
    means = np.random.default_rng(0).normal(size=[500, 4]).astype(np.float32) * [1.0, 0.05, 0.3, 0.0]
    assert active_units(means) == 2


def test_drawn_pixels_are_white_as_often_as_they_are_bright_and_anew_in_each_step():
    image = tf.constant(np.linspace(-1, 1, 5, dtype=np.float32)[None].repeat(20_000, 0))
    for number, frequency in enumerate(np.linspace(0, 1, 5)):
        with random.stream(0):
            white = (likelihoods.draw_binary(image).numpy()[:, number] > 0).mean()
        np.testing.assert_allclose(white, frequency, atol=4 * 0.5 / np.sqrt(20_000) * (0 < frequency < 1))
    with random.stream(0, 1):
        other = likelihoods.draw_binary(image)
    with random.stream(0, 2):
        assert np.mean(other != likelihoods.draw_binary(image)) > 0.1
    assert set(np.unique(other)) == {-1.0, 1.0}


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"likelihood": "poisson"}, "likelihood is 'poisson'; expected bernoulli or gaussian"),
        ({"binarize": "static"}, "binarize is 'static'; expected dynamic or threshold or none"),
        ({"kl": "exact"}, "kl is 'exact'; expected analytic or sampled"),
    ],
)
def test_unknown_choices_are_refused(given, says):
    with pytest.raises(InputError, match=says):
        VAE(vae_encoder(SHAPE, 3, [8]), vae_decoder(SHAPE, 3, [8]), **given)


def test_a_divergence_of_codes_without_deviation_is_refused():
    with pytest.raises(InputError, match="kl_weight is 1, but the encoder says no log_variance"):
        small(deterministic=True)


def test_the_published_networks_have_their_parameters():
    def count(hidden):
        networks = vae_encoder((28, 28, 1), 20, [hidden]), vae_decoder((28, 28, 1), 20, [hidden])
        return sum(network.count_params() for network in networks)

    assert (count(500), count(400)) == (815_824, 652_824)
