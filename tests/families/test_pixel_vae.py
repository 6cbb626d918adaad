import keras
import numpy as np
import pytest
import tensorflow as tf
from closed_form import Turned, noise, off_their_start, sigmoid, softplus, step
from conformance import Conformance

from tfgan_zoo import PixelVAE, autoregressive, layers, random
from tfgan_zoo.errors import InputError
from tfgan_zoo.masked_layers import MaskedConv2D
from tfgan_zoo.networks.pixel_cnn import gated_pixel_cnn
from tfgan_zoo.networks.pixel_vae import pixel_vae_encoder

SHAPE = (4, 5, 1)


class TestPixelVAE(Conformance):
    def make(self):
        decoder = gated_pixel_cnn(SHAPE, 2, 1, kernel=3, first_kernel=3, code_dim=2, normalization=layers.WeightNorm())
        return PixelVAE(pixel_vae_encoder(SHAPE, 2, 8), decoder, binarize="dynamic", kl_steps=3)

    def batch(self, count, rng):
        return {"image": rng.uniform(-1, 1, [count, *SHAPE]).astype(np.float32), "label": rng.integers(0, 3, count)}


# --- a step by hand: an encoder of two lines, a decoder of four pixels before, and of the code


def tiny(encode, kernel, of_code, bias, **kwargs):
    """Networks that answer with the other sign outside of training.

    Args:
        encode: `[7, 2]`, from the six pixels to mean and logarithm of the deviation; the last row is the bias.
        kernel: `[4]`, of the pixels to the upper left, above, to the upper right, to the left.
        of_code, bias: of the logits.
    """
    image, x, z = keras.Input((2, 3, 1)), keras.Input((2, 3, 1)), keras.Input([1])
    lines = keras.layers.Dense(2)
    said = Turned()(lines(keras.layers.Flatten()(image)))
    encoder = keras.Model(image, {"mean": said[:, :1], "log_deviation": said[:, 1:]})
    first, told = MaskedConv2D(1, 3, "A"), keras.layers.Dense(1, use_bias=False)
    logits = keras.layers.Add()([first(x), keras.layers.Reshape([1, 1, 1])(told(z))])
    decoder = keras.Model([x, z], Turned()(logits))
    lines.set_weights([encode[:-1], encode[-1]])
    whole = np.zeros(9, np.float32)
    whole[:4] = kernel
    first.set_weights([whole.reshape(3, 3, 1, 1), np.array([bias])])
    told.set_weights([np.array([[of_code]])])
    return PixelVAE(encoder, decoder, **kwargs)


def before(x):
    """The four pixels before each, `[B, 2, 3, 4]`, of pictures `[B, 2, 3]`; zeros beyond the border."""
    wide = np.pad(x, [(0, 0), (1, 0), (1, 1)])
    return np.stack([wide[:, :2, :3], wide[:, :2, 1:4], wide[:, :2, 2:], wide[:, 1:, :3]], -1)


@pytest.mark.parametrize(
    ("binarize", "kl_steps", "done", "weight"),
    [("threshold", None, 2, 3e-4), ("threshold", 4, 1, 0.5), ("dynamic", 4, 9, 1.0)],
)
def test_a_step_moves_both_networks_by_the_gradient_computed_by_hand(binarize, kl_steps, done, weight, monkeypatch):
    monkeypatch.setattr(autoregressive, "_POINTWISE", (*autoregressive._POINTWISE, Turned))
    rng = np.random.default_rng(0)
    encode, kernel, of_code, bias = 0.3 * rng.normal(size=[7, 2]), rng.normal(size=4), 0.7, -0.2
    image = rng.uniform(-1, 1, [3, 2, 3, 1]).astype(np.float32)
    given = {} if kl_steps is None else {"kl_steps": kl_steps}
    model = tiny(encode, kernel, of_code, bias, binarize=binarize, **given)
    model.step.assign(done)
    if binarize == "dynamic":
        with random.stream(0, done):
            value = (random.uniform([3, 2, 3, 1]).numpy() < (image + 1) / 2)[..., 0].astype(float)
            drawn = np.float64(random.normal([3, 1]))[:, 0]
    else:
        value = (image[..., 0] >= 0).astype(float)
        (drawn,) = noise(model, 3, 1)
    moved, logs = step(model, {"image": image, "label": np.arange(3)})

    flat, seen = (2 * value - 1).reshape(3, 6), before(2 * value - 1)
    mean, log_deviation = (flat @ encode[:-1] + encode[-1]).T
    deviation = np.exp(log_deviation)
    z = mean + drawn * deviation
    logits = seen @ kernel + of_code * z[:, None, None] + bias
    reconstruction = (softplus(logits) - value * logits).sum() / 3
    kl = np.mean((mean**2 + deviation**2 - 1) / 2 - log_deviation)
    names = ("nats", "reconstruction", "kl")
    np.testing.assert_allclose([logs[n] for n in names], [reconstruction + kl, reconstruction, kl], rtol=1e-5)

    slope = (sigmoid(logits) - value) / 3
    of_kernel = np.zeros(9)
    of_kernel[:4] = np.einsum("bij,bijs->s", slope, seen)
    each = slope.sum((1, 2))
    np.testing.assert_allclose(moved["decoder"], [each @ z, *of_kernel, each.sum()], rtol=1e-4, atol=1e-5)
    of_mean = of_code * each + weight * mean / 3
    of_log = of_code * each * drawn * deviation + weight * (deviation**2 - 1) / 3
    of_said = np.stack([of_mean, of_log], 1)
    expected = np.concatenate([(flat.T @ of_said).ravel(), of_said.sum(0)])
    np.testing.assert_allclose(moved["encoder"], expected, rtol=1e-4, atol=1e-5)


# --- the bound


def of_one_number():
    """A model of 2x2 pixels with a code of one number, and all its 16 pictures as values."""
    encoder = off_their_start(pixel_vae_encoder((2, 2, 1), 1, 2), 0.2)
    model = PixelVAE(encoder, off_their_start(gated_pixel_cnn((2, 2, 1), 4, 1, kernel=3, code_dim=1), 0.5))
    numbers = (np.arange(16)[:, None] >> np.arange(4) & 1).reshape(16, 2, 2, 1).astype(np.float32)
    return model, numbers


def quadrature(count=400, end=7.0):
    """Points and their weights under N(0, 1)."""
    points = np.linspace(-end, end, count)
    weights = np.exp(-(points**2) / 2)
    return points.astype(np.float32), weights / weights.sum()


def log_p(model, numbers):
    """log p(x) by quadrature over z, float64."""
    points, weights = quadrature()
    return np.log(weights @ np.exp(at_each(model.log_p, numbers, points)))


def at_each(function, numbers, points):
    """`function(numbers, [B, 1])` with one of `points` in all rows, for each of them: float64 `[N, B]`."""
    tiled = np.tile(numbers, [len(points), 1, 1, 1])
    said = function(tiled, np.repeat(points, len(numbers))[:, None])
    return np.float64(said).reshape(len(points), len(numbers))


def test_the_bound_is_below_log_p_by_the_kl_divergence_from_the_posterior_by_quadrature(record_property):
    model, numbers = of_one_number()
    points, weights = quadrature()
    exact = log_p(model, numbers)
    np.testing.assert_allclose(np.exp(exact).sum(), 1.0, atol=1e-5)
    mean, log_deviation = (np.float64(part)[:, 0] for part in model.law(numbers))
    bound = weights @ at_each(model.bound, numbers, points)
    z = mean + points[:, None] * np.exp(log_deviation)  # [N, 16]
    given = model.log_p(np.tile(numbers, [len(points), 1, 1, 1]), np.float32(z.reshape(-1, 1)))
    posterior = np.float64(given).reshape(z.shape) - z**2 / 2 - exact
    gap = weights @ (-(points[:, None] ** 2) / 2 - log_deviation - posterior)
    np.testing.assert_allclose(exact - bound, gap, atol=1e-4)
    assert (gap > 0).all() and gap.max() > 0.01
    record_property("largest gap", gap.max())


def test_the_bound_of_more_codes_is_nearer_to_log_p():
    model, numbers = of_one_number()
    exact = log_p(model, numbers)
    drawn = np.random.default_rng(0).normal(size=[400, 16, 1]).astype(np.float32)
    np.testing.assert_allclose(model.importance_bound(numbers, drawn), exact, atol=0.05)
    each = np.tile(numbers, [400, 1, 1, 1]), drawn.reshape(-1, 1)
    few = model.importance_bound(each[0], each[1][None]).numpy().reshape(400, 16)
    # log E >= E log, on the same codes; and one code is one sample of the bound, on average.
    assert (model.importance_bound(numbers, drawn).numpy() >= few.mean(0) - 1e-5).all()
    ours = model.bound(*each).numpy().reshape(400, 16)
    np.testing.assert_allclose(few.mean(0), ours.mean(0), atol=0.1)
    mean, log_deviation = (np.float64(part) for part in model.law(numbers))
    kl = np.sum((mean**2 + np.exp(2 * log_deviation) - 1) / 2 - log_deviation, 1)
    np.testing.assert_allclose(model.kl(numbers), kl, rtol=1e-5)


def test_given_a_code_the_probabilities_of_all_3x3_pictures_sum_to_1():
    decoder = off_their_start(gated_pixel_cnn((3, 3, 1), 6, 1, kernel=3, first_kernel=3, code_dim=2))
    model = PixelVAE(pixel_vae_encoder((3, 3, 1), 2, 2), decoder)
    numbers = (np.arange(512)[:, None] >> np.arange(9) & 1).reshape(512, 3, 3, 1).astype(np.float32)
    for z in ([0.0, 0.0], [1.5, -2.0]):
        given = model.log_p(numbers, np.tile(np.float32([z]), [512, 1]))
        np.testing.assert_allclose(np.exp(np.float64(given)).sum(), 1.0, atol=1e-5)


# --- what the decoder sees


@pytest.mark.parametrize("code_maps", [0, 2])
def test_every_logit_sees_the_code_and_none_its_own_pixel_or_a_later_one(code_maps):
    decoder = off_their_start(gated_pixel_cnn(SHAPE, 6, 2, code_dim=2, code_maps=code_maps))
    x = tf.constant(np.random.default_rng(0).normal(size=[1, *SHAPE]), tf.float32)
    z = tf.constant([[0.4, -0.7]])
    for training in (False, True):
        with tf.GradientTape(persistent=True) as tape:
            tape.watch([x, z])
            logits = decoder([x, z], training=training)
        of_code = tape.jacobian(logits, z).numpy()[0, :, :, 0, 0]
        assert (of_code != 0.0).all()
        slopes = tape.jacobian(logits, x).numpy()[0, :, :, 0, 0, :, :, 0].reshape(20, 20)
        assert np.array_equal(slopes != 0.0, np.tri(20, k=-1, dtype=bool))


def test_a_code_by_biases_is_told_alike_at_each_pixel_and_by_maps_at_each_anew():
    for code_maps, alike in ((0, True), (2, False)):
        decoder = off_their_start(gated_pixel_cnn((4, 4, 1), 4, 0, first_kernel=1, code_dim=2, code_maps=code_maps))
        logits = decoder([np.zeros([1, 4, 4, 1]), np.float32([[0.4, -0.7]])]).numpy()
        # Alone in its row and below the first a pixel sees nothing but zeros, wherever it lies.
        assert (np.ptp(logits[:, 1:]) < 1e-6) == alike


def test_of_four_pictures_the_code_says_which_where_the_decoder_sees_one_pixel_far(record_property):
    keras.utils.set_random_seed(0)
    four = np.random.default_rng(1).choice([-1.0, 1.0], [4, 5, 5, 1]).astype(np.float32)
    decoder = gated_pixel_cnn((5, 5, 1), 8, 0, first_kernel=1, code_dim=2, code_maps=4)
    model = PixelVAE(pixel_vae_encoder((5, 5, 1), 2, 8), decoder, kl_steps=100)
    model.compile(vae_optimizer=keras.optimizers.Adam(1e-2), steps_per_execution=50)
    batch = np.tile(four, [8, 1, 1, 1])
    model.fit(tf.data.Dataset.from_tensors(batch).repeat(400), shuffle=False, verbose=0)
    numbers = autoregressive.values(batch, 2)
    with random.stream(0):
        drawn = model.prior.like(batch)
    kl, bound, gap = (
        np.mean(x) for x in (model.kl(numbers), model.bound(numbers, drawn), model.shuffled_gap(numbers, drawn))
    )
    record_property("kl, -bound, gap under shuffled codes", f"{kl:.3f} {-bound:.3f} {gap:.3f}")
    # ln 4 = 1.386 is what there is to say, and the least of both. The code of the next picture costs much more.
    np.testing.assert_allclose([kl, -bound], np.log(4) + 0.8, atol=0.8)
    assert gap > 20.0


# --- what is served


def test_pictures_are_functions_of_code_and_seed():
    model = TestPixelVAE().make()
    off_their_start(model.encoder, 1.0)
    off_their_start(model.decoder, 1.0)
    served = {name: function for name, (function, _) in model.signatures().items()}
    z = tf.constant(np.random.default_rng(0).normal(size=[6, 2]), tf.float32)
    first = served["decode"](z, tf.constant(3, tf.int64))["generated"]
    np.testing.assert_array_equal(served["decode"](z, tf.constant(3, tf.int64))["generated"], first)
    assert not np.array_equal(served["decode"](z, tf.constant(4, tf.int64))["generated"], first)
    with random.stream(3):
        uniform = random.uniform([6, 20])
    np.testing.assert_array_equal(first, model.sampler(uniform, z))
    # Without a seed the same numbers for each picture: an answer hangs on neither the batch nor its neighbours.
    alike = served["serving_default"](z)["generated"]
    np.testing.assert_array_equal(served["serving_default"](z[2:3])["generated"], alike[2:3])
    assert set(np.unique(alike)) == {-1.0, 1.0}
    image = np.random.default_rng(0).uniform(-1, 1, [3, *SHAPE]).astype(np.float32)
    told = served["encode"](image)
    mean, log_deviation = model.law(autoregressive.values(image, 2))
    np.testing.assert_array_equal(told["code"], mean)
    np.testing.assert_allclose(told["code_deviation"], np.exp(log_deviation), rtol=1e-6)
    again = served["reconstruct"](image)["generated"]
    np.testing.assert_array_equal(again, served["serving_default"](mean)["generated"])
    assert not np.array_equal(again, served["serving_default"](-mean)["generated"])
    with random.stream(7):
        code = model.prior.draw(5)
        uniform = random.uniform([5, 20])
    made = served["sample"](5, 7)["generated"]
    np.testing.assert_array_equal(made, model.sampler(uniform, code))


def test_the_bound_that_is_served_is_that_of_one_code_drawn_for_all():
    model = TestPixelVAE().make()
    bound, _ = model.signatures()["bound"]
    image = np.random.default_rng(0).uniform(-1, 1, [3, *SHAPE]).astype(np.float32)
    with random.stream(0, shared=True):
        drawn = model.prior.draw(1)
    numbers = autoregressive.values(image, 2)
    np.testing.assert_allclose(bound(image)["bound"], model.bound(numbers, np.tile(drawn, [3, 1])), rtol=1e-5)
    gap = model.shuffled_gap(numbers, np.zeros([3, 2], np.float32))
    z = model.law(numbers)[0]
    other = tf.gather(z, [2, 0, 1])
    np.testing.assert_allclose(gap, model.log_p(numbers, z) - model.log_p(numbers, other), atol=1e-5)


def test_networks_that_do_not_fit_are_refused():
    encoder = pixel_vae_encoder(SHAPE, 2, 2)
    for decoder in (gated_pixel_cnn(SHAPE, 2, 0, code_dim=3), gated_pixel_cnn(SHAPE, 2, 0)):
        with pytest.raises(
            InputError, match=r"the decoder takes .*; expected \[\(4, 5, 1\), \(2,\)\], as the encoder has"
        ):
            PixelVAE(encoder, decoder)
    with pytest.raises(InputError, match="binarize 'dynamic' of 4 levels"):
        PixelVAE(encoder, gated_pixel_cnn(SHAPE, 2, 0, levels=4, code_dim=2), levels=4, binarize="dynamic")


def test_the_encoder_has_the_parameters_of_the_published_program():
    encoder = pixel_vae_encoder((28, 28, 1))
    assert encoder.count_params() == 218_272
    maps = [layer.output.shape[1:] for layer in encoder.layers if isinstance(layer, keras.layers.ReLU)]
    sides = [28, 14, 14, 7, 8, 4, 4, 4]
    assert maps == [(n, n, 32 if i < 3 else 64) for i, n in enumerate(sides)]
