import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf
from closed_form import Turned, off_their_start, sigmoid, step
from conformance import Conformance

from tfgan_zoo import PixelCNN, autoregressive, layers, masked_layers, random
from tfgan_zoo.errors import InputError
from tfgan_zoo.masked_layers import Gate, MaskedConv2D, mask_of
from tfgan_zoo.networks.pixel_cnn import gated_pixel_cnn, pixel_cnn

SHAPE = (4, 5, 1)


class TestPixelCNN(Conformance):
    def make(self):
        return PixelCNN(gated_pixel_cnn(SHAPE, 4, 1, kernel=3, first_kernel=3), binarize="dynamic")

    def batch(self, count, rng):
        return rng.uniform(-1, 1, [count, *SHAPE]).astype(np.float32)


class PlainOfColours(Conformance):
    def make(self):
        return PixelCNN(pixel_cnn((3, 4, 2), 8, 1, first_kernel=3, levels=3), levels=3)

    def batch(self, count, rng):
        image = rng.uniform(-1, 1, [count, 3, 4, 2]).astype(np.float32)
        return {"image": image, "label": rng.integers(0, 3, count)}


def test_a_plain_network_of_colours_and_levels_trains_and_is_served(tmp_path):
    PlainOfColours().test_a_few_steps_move_every_trainable_weight_and_log_finite_losses()
    PlainOfColours().test_the_export_answers_every_signature_as_the_live_model_does(tmp_path)


def numbers_of(count, shape, levels):
    """`count` pictures of every value in turn, or all there are where None: values 0 ... levels - 1."""
    return np.array(list(itertools.product(range(levels), repeat=int(np.prod(shape)))), np.float32).reshape(-1, *shape)


# --- a step by hand: one convolution with mask A, from four pixels before, and one of 1x1


def tiny(kernel, last, levels=2, **kwargs):
    """A `PixelCNN` whose network answers with the other sign outside of training.

    Args:
        kernel: `[4, hidden]`, of the pixels to the upper left, above, to the upper right, to the left.
        last: `[hidden + 1, logits]`, of the second layer; the last row is its bias.
    """
    image = keras.Input((2, 3, 1))
    first = MaskedConv2D(kernel.shape[1], 3, "A", use_bias=False)
    second = MaskedConv2D(last.shape[1], 1, "B")
    network = keras.Model(image, Turned()(second(first(image))))
    whole = np.zeros([9, kernel.shape[1]], np.float32)
    whole[:4] = kernel
    first.kernel.assign(whole.reshape(3, 3, 1, -1))
    second.kernel.assign(last[None, None, :-1])
    second.bias.assign(last[-1])
    return PixelCNN(network, levels=levels, **kwargs)


def before(x):
    """The four pixels before each, `[B, 2, 3, 4]`, of pictures `[B, 2, 3]`; zeros beyond the border."""
    wide = np.pad(x, [(0, 0), (1, 0), (1, 1)])
    return np.stack([wide[:, :2, :3], wide[:, :2, 1:4], wide[:, :2, 2:], wide[:, 1:, :3]], -1)


@pytest.mark.parametrize(("levels", "binarize"), [(2, "threshold"), (2, "dynamic"), (4, "threshold")])
def test_a_step_moves_the_network_by_the_gradient_of_the_likelihood_computed_by_hand(levels, binarize, monkeypatch):
    monkeypatch.setattr(autoregressive, "_POINTWISE", (*autoregressive._POINTWISE, Turned))
    rng, logits_of = np.random.default_rng(0), 1 if levels == 2 else levels
    kernel, last = rng.normal(size=[4, 2]), rng.normal(size=[3, logits_of])
    image = rng.uniform(-1, 1, [3, 2, 3, 1]).astype(np.float32)
    model = tiny(kernel, last, levels, binarize=binarize, seed=5)
    if binarize == "dynamic":
        with random.stream(5):
            value = (random.uniform([3, 2, 3, 1]).numpy() < (image + 1) / 2)[..., 0].astype(int)
    else:
        value = np.floor((image[..., 0] + 1) / 2 * (levels - 1) + 0.5).astype(int)
    moved, logs = step(model, {"image": image, "label": np.arange(3)})

    seen = before(2 * value / (levels - 1) - 1)
    hidden = seen @ kernel
    logits = hidden @ last[:-1] + last[-1]
    if levels == 2:
        p = sigmoid(logits)
        nats = -np.log(np.where(value[..., None], p, 1 - p)).sum() / 3
        slope = p - value[..., None]
    else:
        p = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
        nats = -np.log(np.take_along_axis(p, value[..., None], -1)).sum() / 3
        slope = p - np.eye(levels)[value]
    of_last = np.einsum("bijh,bijl->hl", hidden, slope) / 3
    of_kernel = np.zeros([9, 2])
    of_kernel[:4] = np.einsum("bijs,bijl,hl->sh", seen, slope, last[:-1]) / 3
    expected = np.concatenate([of_kernel.ravel(), of_last.ravel(), slope.sum((0, 1, 2)) / 3])
    np.testing.assert_allclose(moved["network"], expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(logs["nats"], nats, rtol=1e-5)


# --- likelihoods


@pytest.mark.parametrize(
    ("build", "shape", "levels"),
    [
        (pixel_cnn, (3, 3, 1), 2),
        (gated_pixel_cnn, (3, 3, 1), 2),
        (pixel_cnn, (4, 4, 1), 2),
        (gated_pixel_cnn, (4, 4, 1), 2),
        (pixel_cnn, (1, 2, 3), 3),
        (gated_pixel_cnn, (2, 2, 2), 3),
    ],
)
def test_the_probabilities_of_all_pictures_sum_to_1(build, shape, levels, record_property):
    network = off_their_start(build(shape, 12, 2, kernel=3, first_kernel=3, levels=levels))
    model = PixelCNN(network, levels=levels)
    image = autoregressive.picture(numbers_of(None, shape, levels), levels).numpy()
    log_p = np.concatenate([model.log_likelihood(part) for part in np.array_split(image, 1 + len(image) // 8192)])
    assert len(log_p) == levels ** np.prod(shape) and np.ptp(log_p) > 1.0
    total = np.exp(np.float64(log_p)).sum()
    record_property("sum of p - 1", total - 1)
    np.testing.assert_allclose(total, 1.0, atol=1e-5)


@pytest.mark.parametrize(("levels", "nats"), [(2, 543.427), (256, 784 * np.log(256))])
def test_a_network_that_knows_nothing_pays_the_logarithm_of_the_levels_for_each_pixel(levels, nats):
    network = gated_pixel_cnn((28, 28, 1), 2, 0, levels=levels)
    network.set_weights([np.zeros_like(w) for w in network.get_weights()])
    image = np.random.default_rng(0).uniform(-1, 1, [2, 28, 28, 1]).astype(np.float32)
    served, _ = PixelCNN(network, levels=levels).signatures()["log_likelihood"]
    np.testing.assert_allclose(served(image)["log_likelihood"], [-nats, -nats], rtol=2e-6)


def test_pictures_of_8_bits_have_256_values_and_black_and_white_ones_two():
    pixels = np.arange(256, dtype=np.float32).reshape(1, 16, 16, 1)
    image = pixels / 127.5 - 1
    np.testing.assert_array_equal(autoregressive.values(image, 256), pixels)
    np.testing.assert_allclose(autoregressive.picture(pixels, 256), image, atol=1e-6)
    np.testing.assert_array_equal(autoregressive.values(image, 2), pixels > 127.5)
    np.testing.assert_array_equal(autoregressive.values(np.float32([-3.0, 0.0, 3.0]), 2), [0.0, 1.0, 1.0])
    with random.stream(0):
        drawn = autoregressive.drawn_values(np.full([40, 10, 10, 1], 0.5, np.float32))
    assert set(np.unique(drawn)) == {0.0, 1.0}
    np.testing.assert_allclose(np.mean(drawn), 0.75, atol=4 * np.sqrt(0.75 * 0.25 / 4000))


def test_training_reaches_the_entropy_of_eight_equally_likely_pictures(record_property):
    keras.utils.set_random_seed(0)
    eight = np.random.default_rng(3).choice([-1.0, 1.0], [8, 3, 3, 1]).astype(np.float32)
    assert len(np.unique(eight, axis=0)) == 8
    model = PixelCNN(gated_pixel_cnn((3, 3, 1), 16, 1, kernel=3, first_kernel=3))
    model.compile(p_optimizer=keras.optimizers.Adam(1e-2), steps_per_execution=50)
    model.fit(tf.data.Dataset.from_tensors(eight).repeat(300), shuffle=False, verbose=0)
    log_p = model.log_likelihood(eight).numpy()
    record_property("nats above ln 8", -log_p.mean() - np.log(8))
    np.testing.assert_allclose(log_p, -np.log(8), atol=0.05)
    with random.stream(0):
        made = model.generate(model.prior.draw(400)).numpy()
    counts = [(made == one).all((1, 2, 3)).sum() for one in eight]
    np.testing.assert_allclose(counts, 50, atol=4 * np.sqrt(50))
    assert sum(counts) > 392


# --- what is seen


def jacobian(network, x, training):
    """d logits / d pixels, `[H, W, logits, H, W, C]`, of one picture."""
    x = tf.constant(x[None], tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(x)
        logits = network(x, training=training)
    return tape.jacobian(logits, x).numpy()[0, ..., 0, :, :, :]


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize(
    ("build", "shape", "levels"),
    [
        (lambda s, n: pixel_cnn(s, 36, 4, first_kernel=3, levels=n), (4, 4, 1), 2),
        (lambda s, n: pixel_cnn(s, 36, 4, levels=n), (3, 3, 3), 4),
        (lambda s, n: gated_pixel_cnn(s, 9, 2, levels=n), (5, 4, 1), 2),
        (
            lambda s, n: gated_pixel_cnn(s, 9, 2, kernel=3, levels=n, normalization=layers.WeightNorm()),
            (3, 3, 3),
            4,
        ),
    ],
)
def test_no_logit_sees_its_own_value_or_what_follows_and_it_sees_what_it_should(build, shape, levels, training):
    network = off_their_start(build(shape, levels), 0.1)
    height, width, colours = shape
    slopes = jacobian(network, np.random.default_rng(1).normal(size=shape), training)
    place = np.arange(np.prod(shape)).reshape(shape)
    of_logits = place[..., np.arange(slopes.shape[2]) % colours]  # [H, W, logits]
    earlier = place[None, None, None] < of_logits[..., None, None, None]
    assert np.abs(slopes[~earlier]).max() == 0.0
    if network.name == "pixel_cnn" and colours == 1:  # e <= d: to the right no further than up
        up, right = (np.arange(n)[:, None] - np.arange(n)[None] for n in (height, width))
        earlier &= (-right[None, :, None, None, :, None]) <= up[:, None, None, :, None, None]
    assert (slopes[earlier] != 0.0).all()


def seen_from(network, row, column):
    """Which pixels a logit sees: `[H, W]`. All kernels are made positive, so that nothing cancels."""
    for weight in network.trainable_weights:
        weight.assign(np.full(weight.shape, 0.0 if len(weight.shape) == 1 else 1 / np.prod(weight.shape[:-1])))
    x = tf.fill([1, *network.input_shape[1:]], 1e-3)
    with tf.GradientTape() as tape:
        tape.watch(x)
        one = network(x)[0, row, column, 0]
    return tape.gradient(one, x)[0, :, :, 0].numpy() != 0.0


@pytest.mark.parametrize(
    ("build", "seen"),
    [
        (lambda s: pixel_cnn(s, 2, 15), 351),
        (lambda s: pixel_cnn(s, 2, 29, first_kernel=3), 328),
        (lambda s: pixel_cnn(s, 2, 7, kernel=7), 384),
        (lambda s: pixel_cnn(s, 2, 12, kernel=5), 376),
        (lambda s: gated_pixel_cnn(s, 1, 12), 406),
    ],
    ids=["7A and 15 of 3", "30 of 3", "8 of 7", "7A and 12 of 5", "gated"],
)
def test_of_the_406_pixels_before_one_a_network_sees_exactly_so_many(build, seen):
    field = seen_from(build((28, 28, 1)), 14, 14)
    assert not field.ravel()[14 * 28 + 14 :].any()
    assert field.sum() == seen


def test_a_stack_of_3x3_has_a_blind_spot_and_two_stacks_have_none():
    earlier = {(r, c) for r in range(8) for c in range(8) if (r, c) < (4, 3)}
    plain = seen_from(pixel_cnn((8, 8, 1), 2, 8, first_kernel=3), 4, 3)
    assert earlier - set(zip(*np.nonzero(plain), strict=True)) == {(1, 7), (2, 6), (2, 7), (3, 5), (3, 6), (3, 7)}
    gated = seen_from(gated_pixel_cnn((8, 8, 1), 1, 6, kernel=3, first_kernel=3), 4, 3)
    assert earlier == set(zip(*np.nonzero(gated), strict=True))


@pytest.mark.parametrize(("layers_", "kernel"), [(0, 5), (1, 5), (2, 3)])
def test_layers_and_kernels_limit_how_far_a_gated_network_sees(layers_, kernel):
    field = seen_from(gated_pixel_cnn((9, 15, 1), 1, layers_, kernel=kernel, first_kernel=3), 8, 7)
    reach = 1 + layers_ * (kernel // 2)
    rows = 2 + layers_ * (kernel // 2)
    expected = np.zeros([9, 15], bool)
    expected[8 - rows : 8, 7 - reach : 8 + reach] = True
    expected[8, 7 - reach : 7] = True
    np.testing.assert_array_equal(field, expected)


# --- masks of colours


A_OF_TWO_PER_COLOUR = [  # from R G B R G B (rows) to R G B R G B
    [0, 1, 1, 0, 1, 1],
    [0, 0, 1, 0, 0, 1],
    [0, 0, 0, 0, 0, 0],
    [0, 1, 1, 0, 1, 1],
    [0, 0, 1, 0, 0, 1],
    [0, 0, 0, 0, 0, 0],
]
B_OF_TWO_PER_COLOUR = [
    [1, 1, 1, 1, 1, 1],
    [0, 1, 1, 0, 1, 1],
    [0, 0, 1, 0, 0, 1],
    [1, 1, 1, 1, 1, 1],
    [0, 1, 1, 0, 1, 1],
    [0, 0, 1, 0, 0, 1],
]


@pytest.mark.parametrize(("mask", "table"), [("A", A_OF_TWO_PER_COLOUR), ("B", B_OF_TWO_PER_COLOUR)])
def test_at_the_centre_red_is_seen_by_green_and_blue_and_green_by_blue(mask, table):
    seen = mask_of((3, 5, 6, 6), mask, 3)
    np.testing.assert_array_equal(seen[1, 2], table)
    for row, column in itertools.product(range(3), range(5)):
        if (row, column) != (1, 2):
            np.testing.assert_array_equal(seen[row, column], float((row, column) < (1, 2)))


def test_vertical_masks_see_whole_rows_of_all_colours():
    for mask in ("above", "rows"):
        np.testing.assert_array_equal(mask_of((3, 3, 3, 6), mask, 3)[:2], 1.0)
        np.testing.assert_array_equal(mask_of((3, 3, 3, 6), mask, 3)[2:], 0.0)


@pytest.mark.parametrize("mask", masked_layers.MASKS)
def test_a_masked_convolution_is_the_convolution_by_its_masked_kernel_normalised_before(mask):
    layer = MaskedConv2D(4, (3, 5), mask, 2, layers.WeightNorm())
    x = np.random.default_rng(0).normal(size=[2, 4, 6, 2]).astype(np.float32)
    layer.build(x.shape)
    layer.g.assign([0.5, 1.0, 2.0, -1.0])
    layer.bias.assign([0.1, 0.2, 0.3, 0.4])
    v = np.float64(layer.kernel)
    kernel = np.array([0.5, 1.0, 2.0, -1.0]) * v / np.sqrt((v**2).sum((0, 1, 2))) * mask_of(v.shape, mask, 2)
    shift = mask == "above"  # one row higher
    wide = np.pad(x, [(0, 0), (1 + shift, 1), (2, 2), (0, 0)])
    expected = np.zeros([2, 4, 6, 4])
    for i, j in itertools.product(range(4), range(6)):
        expected[:, i, j] = np.einsum("bhwc,hwco->bo", wide[:, i : i + 3, j : j + 5], kernel) + [0.1, 0.2, 0.3, 0.4]
    np.testing.assert_allclose(layer(x), expected, atol=1e-5)


def test_a_gate_is_the_tanh_of_one_half_times_the_sigmoid_of_the_other():
    x = np.random.default_rng(0).normal(size=[2, 3, 3, 6]).astype(np.float32)
    np.testing.assert_allclose(Gate()(x), np.tanh(x[..., :3]) * sigmoid(x[..., 3:]), rtol=1e-5, atol=1e-6)


# --- pictures pixel by pixel


def naive(network, levels, uniform, *codes):
    """Pictures drawn by a call of the network for each colour of each pixel; and how near a choice was to another."""
    height, width, colours = network.inputs[0].shape[1:]
    numbers, nearest = np.zeros([len(uniform), height, width, colours], np.float32), 1.0
    places = itertools.product(range(height), range(width), range(colours))
    for u, (i, j, k) in zip(uniform.T, places, strict=True):
        image = autoregressive.picture(numbers, levels)
        logits = network([image, *codes] if codes else image, training=False).numpy()[:, i, j, k::colours]
        numbers[:, i, j, k] = autoregressive.chosen(tf.constant(logits), tf.constant(u))
        p = sigmoid(logits) if levels == 2 else np.cumsum(tf.nn.softmax(logits), -1)[:, :-1]
        nearest = min(nearest, np.abs(p - u[:, None]).min())
    return autoregressive.picture(numbers, levels), nearest


CASES = {
    "plain": (lambda: pixel_cnn((6, 5, 1), 8, 3, first_kernel=5), 2),
    "plain of three colours": (lambda: pixel_cnn((4, 5, 3), 12, 2, first_kernel=3, levels=4), 4),
    "gated": (lambda: gated_pixel_cnn((5, 7, 1), 8, 3, kernel=3, first_kernel=5), 2),
    "gated of three colours": (
        lambda: gated_pixel_cnn((4, 3, 3), 6, 2, kernel=5, levels=5, normalization=layers.WeightNorm()),
        5,
    ),
    "told a code": (lambda: gated_pixel_cnn((4, 3, 2), 4, 1, kernel=3, code_dim=3), 2),
    "told a code by maps": (lambda: gated_pixel_cnn((3, 4, 1), 4, 1, kernel=3, code_dim=3, code_maps=2), 2),
    "one column": (lambda: gated_pixel_cnn((5, 1, 1), 4, 1, kernel=3, code_dim=3, code_maps=2), 2),
}


@pytest.mark.parametrize("name", CASES)
def test_the_cached_sampler_draws_the_pictures_of_the_naive_one_bit_for_bit(name, record_property):
    build, levels = CASES[name]
    network, rng = off_their_start(build()), np.random.default_rng(7)
    shape = network.inputs[0].shape[1:]
    uniform = rng.uniform(size=[5, int(np.prod(shape))]).astype(np.float32)
    codes = [tf.constant(rng.normal(size=[5, 3]), tf.float32)] if len(network.inputs) > 1 else []
    expected, nearest = naive(network, levels, uniform, *codes)
    # Sums are made in another order, so logits differ by rounding: no choice may hang on that, whatever rounds how.
    record_property("nearest choice", nearest)
    assert nearest > 1e-5
    made = autoregressive.Sampler(network, levels)(uniform, *codes)
    np.testing.assert_array_equal(made, expected)
    assert len(np.unique(expected)) == levels


def test_cached_sampling_at_28x28_takes_less_than_a_20th_of_the_naive_multiplications(monkeypatch, record_property):
    counted, conv2d, matmul = {"conv": 0, "matmul": 0}, tf.nn.conv2d, tf.matmul

    def convolve(x, kernel, *how):
        y = conv2d(x, kernel, *how)
        counted["conv"] += int(np.prod(y.shape[1:3]) * np.prod(kernel.shape))
        return y

    def multiply(a, b):
        counted["matmul"] += int(np.prod(b.shape))
        return matmul(a, b)

    monkeypatch.setattr(autoregressive.tf.nn, "conv2d", convolve)
    monkeypatch.setattr(autoregressive.tf, "matmul", multiply)
    for build in (lambda s: pixel_cnn(s, 32, 15), lambda s: gated_pixel_cnn(s, 24, 6)):
        network = build((28, 28, 1))
        counted.update(conv=0, matmul=0)
        network(tf.zeros([1, 28, 28, 1]))
        once, counted["conv"] = counted["conv"], 0
        assert once > 0 and counted["matmul"] == 0
        tf.function(autoregressive.Sampler(network, 2)).get_concrete_function(tf.TensorSpec([1, 28 * 28]))
        # The bodies of the loops are traced once: that of the rows has convolutions, that of the pixels products.
        cached, called_anew = 28 * counted["conv"] + 28 * 28 * counted["matmul"], 28 * 28 * once
        record_property(f"{network.name}: multiplications per picture, cached and naive", f"{cached:,} {called_anew:,}")
        assert counted["matmul"] > 0 and cached < called_anew / 20
        np.testing.assert_allclose(called_anew / cached, 784, rtol=0.2)


def test_samples_of_2x2_pixels_have_the_enumerated_frequencies_by_chi_squared(record_property):
    model = PixelCNN(off_their_start(pixel_cnn((2, 2, 1), 4, 1, first_kernel=3), 0.5))
    image = autoregressive.picture(numbers_of(None, (2, 2, 1), 2), 2)
    p = np.exp(model.log_likelihood(image))
    sample, _ = model.signatures()["sample"]
    made = np.concatenate([sample(1024, seed)["generated"] for seed in range(10)])
    which = ((made.reshape(-1, 4) > 0) @ [8, 4, 2, 1]).astype(int)
    expected = p * len(made)
    chi = float(np.sum((np.bincount(which, minlength=16) - expected) ** 2 / expected))
    record_property("chi squared, 15 degrees", chi)
    assert chi < 37.7  # of 1,000 such sets of samples one is above


def test_a_value_is_drawn_by_the_inverse_of_its_law():
    u = tf.constant((np.arange(1000) + 0.5) / 1000, tf.float32)
    p = np.array([0.1, 0.0, 0.6, 0.3])
    logits = tf.tile(tf.math.log(tf.constant(p[None] + 1e-20, tf.float32)), [1000, 1])
    value = autoregressive.chosen(logits, u).numpy()
    np.testing.assert_array_equal(np.bincount(value.astype(int), minlength=4), [100, 0, 600, 300])
    assert (np.diff(value) >= 0).all()
    white = autoregressive.chosen(tf.fill([1000, 1], np.float32(np.log(0.3 / 0.7))), u).numpy()
    assert white[:300].all() and not white[300:].any()


def test_a_picture_is_a_function_of_the_numbers_it_is_drawn_with():
    model = TestPixelCNN().make()
    (generate, _), (sample, _) = (model.signatures()[name] for name in ("serving_default", "sample"))
    with random.stream(11):
        z = model.prior.draw(3)
    assert model.prior.ends == (0.0, 1.0) and z.shape == (3, 20)
    np.testing.assert_array_equal(sample(3, 11)["generated"], generate(z)["generated"])
    assert not np.array_equal(sample(3, 12)["generated"], sample(3, 11)["generated"])
    assert set(np.unique(generate(z)["generated"])) == {-1.0, 1.0}


# --- what is refused


def leaking(kind):
    image = keras.Input((4, 4, 2 if kind == "colours" else 1))
    first = MaskedConv2D(2, 3, "B" if kind == "B" else "A")(image)
    if kind == "residual":
        first = keras.layers.Add()([image, first])
    if kind == "rows":
        first = MaskedConv2D(2, 3, "rows")(first)
    if kind == "plain":
        first = keras.layers.Conv2D(2, 3, padding="same")(first)
    return keras.Model(image, MaskedConv2D(1, 1, "B")(first))


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ("B", "with mask B, 1 colours, sees pixels that are yet to come"),
        ("rows", "with mask rows, 1 colours, sees pixels that are yet to come"),
        ("colours", "with mask A, 1 colours, sees pixels that are yet to come"),
        ("residual", "sees pixels that are yet to come; put mask A or above before it"),
        ("plain", r"\(Conv2D\) is none that pictures are drawn by pixel by pixel: MaskedConv2D, Activation"),
    ],
)
def test_a_network_that_sees_what_is_to_come_is_refused(kind, says):
    with pytest.raises(InputError, match=says):
        PixelCNN(leaking(kind))


def test_networks_levels_and_sizes_that_do_not_fit_are_refused():
    network = pixel_cnn((4, 4, 1), 4, 1)
    with pytest.raises(InputError, match=r"logits \[4, 4, 1\]: expected \[4, 4, 8\], of 8 levels"):
        PixelCNN(network, levels=8)
    with pytest.raises(InputError, match="binarize 'dynamic' of 8 levels: expected threshold, or dynamic of 2"):
        PixelCNN(network, levels=8, binarize="dynamic")
    with pytest.raises(InputError, match="binarize 'grey' of 2 levels"):
        PixelCNN(network, binarize="grey")
    with pytest.raises(InputError, match="width 8: expected a multiple of 6, twice the colours, like 12"):
        pixel_cnn((4, 4, 3), 8)
    with pytest.raises(InputError, match="width 8: expected a multiple of 3, the colours, like 9"):
        gated_pixel_cnn((4, 4, 3), 8)
    for build in pixel_cnn, gated_pixel_cnn:
        with pytest.raises(InputError, match="kernels of 4 and 7: expected odd sides"):
            build((4, 4, 1), kernel=4)
    with pytest.raises(ValueError, match=r"kernel \(2, 2\), mask 'A': expected odd sides"):
        MaskedConv2D(1, 2, "A")
    with pytest.raises(ValueError, match="mask 'C'"):
        MaskedConv2D(1, 3, "C")


def test_the_networks_have_the_parameters_of_published_programs():
    assert pixel_cnn((28, 28, 1)).count_params() == 53_569
    decoder = gated_pixel_cnn((28, 28, 1), code_dim=16, normalization=layers.WeightNorm())
    # The last vertical gate leads nowhere, and is left out: what tells it the code has 16 * 32 + 32 + 32 parameters.
    assert decoder.count_params() == 222_962 - 576
