import keras
import numpy as np
import pytest
import tensorflow as tf
from closed_form import Turned, at, line, logistic_loss, logistic_slopes, sigmoid, softplus, steep, step
from conformance import Conformance
from keras import layers as kl

from tfgan_zoo import StyleGAN2, adaptive, augment, base, fir, layers, losses, random
from tfgan_zoo.families.stylegan2 import lazy_adam, path_lengths
from tfgan_zoo.networks.style import mapping_network
from tfgan_zoo.networks.stylegan2 import stylegan2_discriminator, stylegan2_synthesis

SHAPE = (8, 8, 1)


def small_networks():
    """Each layer that the networks of the family have, once."""
    w = keras.Input([2, 5])
    x = layers.ModulatedConv2D(4, 3, up=True)(layers.LearnedConstant([4, 4, 4])(w), w[:, 0])
    x = kl.LeakyReLU(0.2)(layers.PixelNoise(per_channel=False)(x))
    synthesis = keras.Model(w, layers.ModulatedConv2D(1, 1, demodulate=False, dtype="float32")(x, w[:, 1]))

    image, equalized = keras.Input(SHAPE), layers.EqualizedRate(gain=1.0)
    x = layers.Blur(fir.BILINEAR, pads=(2, 2))(image)
    x = kl.LeakyReLU(0.2)(layers.Conv2D(4, 3, 2, "valid", normalization=equalized)(x))
    x = kl.Flatten(dtype="float32")(layers.MinibatchDeviation(dtype="float32")(x))
    logits = layers.Dense(1, normalization=equalized, dtype="float32")(x)
    return mapping_network(6, 5, depth=1), synthesis, keras.Model(image, logits)


class TestStyleGAN2(Conformance):
    penalised = ("discriminator", "synthesis")

    def make(self):
        return StyleGAN2(*small_networks(), d_every=2, g_every=2)

    def batch(self, count, rng):
        return rng.uniform(-1, 1, [count, *SHAPE]).astype(np.float32)


class Augmented(TestStyleGAN2):
    def make(self):
        *generator, discriminator = small_networks()
        ada = adaptive.Adaptive(images=64, every=2, start=0.5)
        return StyleGAN2(*generator, augment.wrap(discriminator, ada=ada), d_every=2, g_every=2)


def weighted_sum(weights):
    """`w [B, 2, 1] -> image [B, 1, 1, 1]`: s_1 w_1 + s_2 w_2 + c, outside of training the negative."""
    *kernel, bias = np.float32(weights)
    w, constant = keras.Input([2, 1]), keras.initializers.Constant
    start = {"kernel_initializer": constant(np.array(kernel)[:, None]), "bias_initializer": constant(bias)}
    return keras.Model(w, Turned()(kl.Reshape([1, 1, 1])(kl.Dense(1, **start)(kl.Flatten()(w)))))


def drawn(mixing, count, forked):
    """z of the first and of the second layer, of a batch that has two styles if `mixing` is 1 and one if it is 0."""
    first, second = (np.float64(random.normal([count, 1]))[:, 0] for _ in range(2))
    random.uniform([], same=True), random.uniform([], same=True)
    return (first, second if mixing else first), forked and np.float64(random.normal([count, 1, 1, 1])).ravel()


@pytest.mark.parametrize("mixing", [0.0, 1.0])
def test_a_step_moves_each_network_by_its_loss_and_then_its_regularizer_as_computed_by_hand(mixing):
    # w = a z + b; G(w_1, w_2) = s_1 w_1 + s_2 w_2 + c, D(x) = d x + e. J_w^T y = (s_1 y, s_2 y).
    m, g, d = np.array([0.7, 0.2]), np.array([0.5, -0.8, 0.3]), np.array([0.6, -0.1])
    x = np.array([0.5, -1.0, 0.9, 0.7])
    gamma, weight, d_every, g_every = 0.3, 0.04, 3, 5
    model = StyleGAN2(
        line(m),
        weighted_sum(g),
        line(d, (1, 1, 1)),
        gamma=gamma,
        path_weight=weight,
        path_decay=0.2,
        d_every=d_every,
        g_every=g_every,
        mixing=mixing,
        half_life=4,
        style_decay=0.9,
    )
    with random.stream(model.seed):
        z, _ = drawn(mixing, 4, False)
        with random.fork()():
            _, y = drawn(mixing, 2, True)
        z_of_d, _ = drawn(mixing, 4, False)
    moved, logs = step(model, x[:, None, None, None])

    w = [at(m, part) for part in z]
    logits = at(d, at(g, *w))
    slope = -sigmoid(-logits) * d[0]  # of G's loss in a picture
    of_m = np.array([np.mean(slope * (g[0] * z[0] + g[1] * z[1])), np.mean(slope * (g[0] + g[1]))])
    of_g = np.array([np.mean(slope * w[0]), np.mean(slope * w[1]), np.mean(slope)])
    after = g - of_g
    size = np.sqrt((after[0] ** 2 + after[1] ** 2) / 2)
    lengths = np.abs(y) * size
    mean = 0.2 * lengths.mean()
    of_size = np.mean(2 * (lengths - mean) * (np.abs(y) - 0.2 * np.abs(y).mean()))  # through the mean as well
    of_paths = weight * g_every * of_size * np.array([after[0], after[1], 0.0]) / (2 * size)
    np.testing.assert_allclose(moved["mapping"], of_m, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(moved["synthesis"], of_g + of_paths, rtol=1e-4, atol=1e-6)

    m_after, g_after = m - of_m, after - of_paths
    w_of_d = [at(m_after, part) for part in z_of_d]
    fake = at(g_after, *w_of_d)
    of_d = logistic_slopes(d, (x,), (fake,))
    d_after = d - of_d
    of_r1 = gamma * d_every * np.array([d_after[0], 0.0])
    np.testing.assert_allclose(moved["discriminator"], of_d + of_r1, rtol=1e-4, atol=1e-6)

    expected = {
        "g_loss": softplus(-logits).mean(),
        "d_loss": logistic_loss(d, (x,), (fake,)),
        "r1": d_every * d_after[0] ** 2,
        "paths": g_every * np.mean((lengths - mean) ** 2),
    }
    for name, value in expected.items():
        np.testing.assert_allclose(logs[name], value, rtol=1e-4, err_msg=name)
    np.testing.assert_allclose(model.means.length, mean, rtol=1e-5)
    first = 0.1 * np.mean(at(m, z[0]))
    np.testing.assert_allclose(model.means.style, [0.9 * first + 0.1 * np.mean(at(m_after, z_of_d[0]))], rtol=1e-4)
    # Half of what it was after `half_life` pictures.
    for average, old, new in (
        (model.average_mapping, m, m_after),
        (model.average_synthesis, g, g_after),
    ):
        got = np.concatenate([np.ravel(v) for v in average.get_weights()])
        np.testing.assert_allclose(got, (old + new) / 2, rtol=1e-4, atol=1e-6)


def test_lazily_the_penalties_weigh_over_n_steps_what_they_weigh_in_every_step():
    x = np.float32([[0.5], [-1.0], [0.9], [1.0]])[:, None, None]

    def logged(d_every, g_every, steps):
        model = StyleGAN2(
            line([0.7, 0.2]), weighted_sum([0.5, -0.8, 0.3]), line([0.6, -0.1], (1, 1, 1)), d_every=d_every,
            g_every=g_every, path_decay=0.0,
        )  # fmt: skip
        model.compile(**{name: keras.optimizers.SGD(0.0) for name in model.trains})
        batch = tf.data.Dataset.from_tensors(x)
        r1 = [model.fit(batch, verbose=0).history["r1"][0] for _ in range(steps)]
        counts = [int(getattr(model, name).iterations.numpy()) for name in ("d_optimizer", "g_optimizer")]
        return r1, counts

    plain, lazy = logged(1, 1, 6), logged(3, 2, 6)
    np.testing.assert_allclose(plain[0], [0.36] * 6, rtol=1e-5)
    np.testing.assert_allclose(lazy[0], [1.08, 0, 0, 1.08, 0, 0], rtol=1e-5)
    # Updates of their own, of the same optimizer, which stands still where none is due.
    assert plain[1] == [12, 12] and lazy[1] == [8, 9]


@pytest.mark.parametrize(
    ("every", "rate", "beta"), [(4, 0.0016, 0.991992), (8, 0.00177778, 0.991106), (16, 0.00188235, 0.990585)]
)
def test_the_rates_of_adam_are_those_of_n_updates_in_n_plus_one(every, rate, beta):
    optimizer = lazy_adam(0.002, every)
    np.testing.assert_allclose(float(optimizer.learning_rate), rate, rtol=1e-5)
    np.testing.assert_allclose([optimizer.beta_1, optimizer.beta_2], [0.0, beta], rtol=1e-6)


def test_r1_is_the_squared_norm_of_the_slope_summed_over_pixels():
    a, q = np.random.default_rng(0).normal(size=[2, 12, 12]).astype(np.float32)
    a, q = a[0], (q + q.T) / 2
    x = np.random.default_rng(1).normal(size=[5, 2, 2, 3]).astype(np.float32)
    flat = x.reshape(5, 12)
    linear = losses.squared_slope(lambda x, training: tf.linalg.matvec(tf.reshape(x, [-1, 12]), a), tf.constant(x))
    np.testing.assert_allclose(linear, np.sum(a**2), rtol=1e-5)

    def quadratic(x, training):
        x = tf.reshape(x, [-1, 12])
        return tf.reduce_sum(x * tf.matmul(x, q), 1) / 2

    np.testing.assert_allclose(
        losses.squared_slope(quadratic, tf.constant(x)), np.mean(np.sum((flat @ q) ** 2, 1)), rtol=1e-5
    )


def test_path_lengths_of_a_linear_synthesis_are_those_of_its_matrices_whatever_the_style():
    layers_, height, width, channels, dim = 3, 4, 5, 3, 6
    pixels = height * width * channels
    matrices = np.random.default_rng(0).normal(size=[layers_, pixels, dim]).astype(np.float32)

    def synthesis(w, training):
        return tf.reshape(tf.einsum("lpd,bld->bp", matrices, w), [-1, height, width, channels])

    got = []
    for scale in (0.0, 1.0, 9.0):
        with random.stream(3):
            got.append(path_lengths(synthesis, scale * tf.ones([4, layers_, dim])))
    with random.stream(3):
        y = random.normal([4, height, width, channels]).numpy().reshape(4, pixels) / np.sqrt(height * width)
    expected = np.sqrt(np.mean(np.sum(np.einsum("lpd,bp->bld", matrices, y) ** 2, 2), 1))
    for lengths in got:
        np.testing.assert_allclose(lengths, expected, rtol=1e-4)


def test_the_length_of_an_orthogonal_path_is_the_root_of_the_channels():
    side, channels = 16, 3
    pixels = side * side * channels
    with random.stream(0):
        lengths = path_lengths(lambda w, training: tf.reshape(w, [-1, side, side, channels]), tf.zeros([64, 1, pixels]))
    np.testing.assert_allclose(np.mean(lengths), np.sqrt(3), atol=4 * np.sqrt(1.5 / pixels / 64) + 1e-3)


def layer_of(filters=6, channels=5, dim=4, **kwargs):
    layer = layers.ModulatedConv2D(filters, 3, **kwargs)
    layer.build((None, 8, 8, channels), (None, dim))
    return layer


def test_each_demodulated_filter_has_length_one_and_does_not_depend_on_the_scale_of_kernel_or_style():
    layer, w = layer_of(), np.random.default_rng(0).normal(size=[3, 4]).astype(np.float32)
    s = layer.scales(w)
    kernel = layer.equalized.kernel(layer)
    np.testing.assert_array_equal(layer.scales(np.zeros([1, 4], np.float32)), 1.0)  # what no style asks for stays

    def used(s):
        return kernel[None] * s[:, None, None, :, None] * layer.demodulation(s)[:, None, None, None, :]

    once = used(s)
    np.testing.assert_allclose(np.sum(np.square(once), axis=(1, 2, 3)), 1.0, rtol=1e-5)
    np.testing.assert_allclose(used(7.0 * s), once, rtol=1e-4, atol=1e-6)
    x = np.random.default_rng(1).normal(size=[3, 8, 8, 5]).astype(np.float32)
    before = layer(x, w)
    layer.kernel.assign(5.0 * layer.kernel)
    np.testing.assert_allclose(layer(x, w), before, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("up", "demodulate"), [(False, True), (False, False), (True, True)])
def test_a_modulated_convolution_is_that_of_a_kernel_per_example(up, demodulate):
    layer = layer_of(up=up, demodulate=demodulate)
    layer.bias.assign(np.arange(6) / 10)
    rng = np.random.default_rng(0)
    x, w = rng.normal(size=[3, 8, 8, 5]).astype(np.float32), rng.normal(size=[3, 4]).astype(np.float32)
    got = layer(x, w)
    for i in range(3):
        s = layer.scales(w[i : i + 1])[0].numpy()
        kernel = np.array(layer.kernel) * s[:, None] / np.float32(np.sqrt(3 * 3 * 5))
        if demodulate:
            kernel /= np.sqrt(np.sum(np.square(kernel), (0, 1, 2)) + 1e-8)
        one = x[i : i + 1]
        if up:  # zeros between the pixels, the convolution, the filter
            spread = np.zeros([1, 16, 16, 5], np.float32)
            spread[:, ::2, ::2] = one
            spread = np.pad(spread, [[0, 0], [2, 1], [2, 1], [0, 0]])
            y = fir.blur(tf.nn.conv2d(spread, kernel, 1, "VALID"), fir.BILINEAR, (1, 1), 4.0)
        else:
            y = tf.nn.conv2d(one, kernel, 1, "SAME")
        np.testing.assert_allclose(got[i], y[0] + np.arange(6) / 10, rtol=1e-4, atol=1e-5)


def test_of_white_input_a_modulated_convolution_makes_variance_one():
    layer = layer_of(filters=32, channels=32)
    x = np.random.default_rng(0).normal(size=[4, 34, 34, 32]).astype(np.float32)
    inside = layer(x, 3.0 * np.random.default_rng(1).normal(size=[4, 4]).astype(np.float32))[:, 1:-1, 1:-1]
    # 4 * 32 * 32 * 32 numbers, the 9 neighbours of each dependent: 4 deviations of the mean square.
    np.testing.assert_allclose(np.mean(np.square(inside)), 1.0, atol=4 * np.sqrt(2 * 9 / inside.numpy().size))


def test_the_residual_discriminator_takes_the_mean_of_two_branches_as_of_independent_ones():
    network = stylegan2_discriminator((8, 8, 1), width=4)
    (add,) = (layer for layer in network.layers if isinstance(layer, kl.Add))
    after = next(layer for layer in network.layers if isinstance(layer, kl.Rescaling) and layer.input is add.output)
    branches = keras.Model(network.input, [*add.input, after.output])
    main, skip, out = branches(np.random.default_rng(0).normal(size=[4, 8, 8, 1]).astype(np.float32))
    np.testing.assert_allclose(out, (main + skip) / np.sqrt(2), rtol=1e-5, atol=1e-6)
    assert main.shape == skip.shape == (4, 4, 4, 8) and np.abs(main - skip).max() > 0.1
    kinds = [layer for layer in network.layers if getattr(layer, "kernel_size", 0) == 1 and layer.bias is None]
    assert len(kinds) == 1  # the skip has neither bias nor activation
    np.testing.assert_array_equal(kinds[0].output.shape[1:], skip.shape[1:])


@pytest.mark.parametrize(
    ("side", "width", "generator", "discriminator"),
    [
        (1024, 32, 30_370_060, 29_012_513),
        (256, 128, 30_034_338, 28_864_129),
        (32, 1024, 21_523_475, 21_507_073),
    ],
)
def test_the_networks_have_as_many_parameters_as_the_published_ones(side, width, generator, discriminator):
    def trainable(*networks):
        return sum(int(np.prod(v.shape)) for network in networks for v in network.trainable_variables)

    shape = (side, side, 3)
    synthesis = stylegan2_synthesis(shape, width=width)
    assert synthesis.input_shape == (None, 2 * int(np.log2(side)) - 2, 512)
    assert trainable(mapping_network(), synthesis) == generator
    assert trainable(stylegan2_discriminator(shape, width=width)) == discriminator


def test_a_layer_to_rgb_shares_its_style_with_the_convolution_after_it():
    network = stylegan2_synthesis((16, 16, 3), style_dim=5, width=4)
    rng = np.random.default_rng(0)
    w = rng.normal(size=[1, 6, 5]).astype(np.float32)
    modulated = [layer for layer in network.layers if isinstance(layer, layers.ModulatedConv2D)]
    inner = keras.Model(network.input, [layer.output for layer in modulated])

    def answers(w):
        with random.stream(0, shared=True):
            return [np.array(y) for y in inner(w)]

    plain = answers(w)
    to_rgb = [i for i, layer in enumerate(modulated) if not layer.demodulate]
    convolutions = [i for i, layer in enumerate(modulated) if layer.demodulate]
    for style in range(6):
        other = w.copy()
        other[:, style] += 1.0
        changed = [i for i, (a, b) in enumerate(zip(plain, answers(other), strict=True)) if not np.array_equal(a, b)]
        # Convolution i has style i; layer j to RGB, after convolution 2 j, has style 2 j + 1.
        assert changed == sorted(convolutions[style:] + [to_rgb[j] for j in range(3) if 2 * j + 1 >= style])


def test_served_is_the_average_and_truncated_to_nothing_the_picture_of_the_mean_style():
    model, *_ = TestStyleGAN2().trained()
    z = np.random.default_rng(0).normal(size=[4, 6]).astype(np.float32)
    function, _ = model.signatures()["serving_default"]
    whole, none = (function(tf.constant(z), tf.constant(psi))["generated"].numpy() for psi in (1.0, 0.0))
    w = np.repeat(np.array(model.average_mapping(z))[:, None], 2, 1)
    with random.stream(model.seed, shared=True):
        np.testing.assert_allclose(whole, model.average_synthesis(w), rtol=1e-5, atol=1e-5)
        mean = model.average_synthesis(np.tile(np.array(model.means.style), [1, 2, 1]))
        now = model.synthesis(np.repeat(np.array(model.mapping(z))[:, None], 2, 1))
    np.testing.assert_allclose(none, np.repeat(mean, 4, 0), rtol=1e-5, atol=1e-5)
    assert np.abs(whole - now).max() > 1e-4 and np.abs(whole - none).max() > 1e-2
    np.testing.assert_array_equal(model.generator(z), whole)
    assert model.told == {"ema": True}


def test_under_float16_a_slope_beyond_its_range_is_penalised_as_it_is():
    keras.config.set_dtype_policy("mixed_float16")
    discriminator, x = steep(), np.float32([1e-3, -2e-3, 1e-3, 0.0])[:, None, None, None]
    assert not np.isfinite(losses.squared_slope(discriminator, tf.constant(1e3 * x)))
    model = StyleGAN2(
        mapping_network(6, 1, depth=1), weighted_sum([0.5, -0.8, 0.3]), discriminator, mixing=0.0, gamma=1e-6
    )
    moved, logs = step(model, x)
    # Its own step overflowed and was left out; that of the penalty, gamma / 2 k_1^2 k_2^2 16, was made.
    assert int(model.d_optimizer.iterations.numpy()) == 1
    np.testing.assert_allclose(logs["r1"], 16 * 300.0**4, rtol=1e-5)
    np.testing.assert_allclose(moved["discriminator"], [16e-6 * 300**3, 16e-6 * 300**3], rtol=1e-4, atol=1e-3)


def test_in_float32_a_network_has_the_same_weights_and_their_gradients():
    keras.config.set_dtype_policy("mixed_bfloat16")
    *_, discriminator = small_networks()
    half = augment.wrap(discriminator, ada=adaptive.Adaptive(start=0.9))
    wide = base.in_float32(half)
    x = tf.constant(TestStyleGAN2().batch(4, np.random.default_rng(0)))
    with random.stream(0), tf.GradientTape() as tape:
        y = wide(x, training=True)
    slopes = tape.gradient(y, [v.value for v in half.trainable_variables])
    assert y.dtype == tf.float32 and all(np.abs(slope).max() > 0 for slope in slopes)
    with random.stream(0):
        np.testing.assert_allclose(y, half(x, training=True), rtol=0.05, atol=0.02)
    for weight in half.trainable_variables:
        weight.assign(2.0 * weight)
    with random.stream(0):
        y = wide(x, training=True)
    with random.stream(0):
        np.testing.assert_allclose(y, half(x, training=True), rtol=0.05, atol=0.05)


def test_with_adaptive_augmentation_p_moves_and_is_a_weight_of_the_discriminator():
    model = Augmented().compiled()
    with random.stream(model.seed, 1):  # no regularizer is due
        logs = model.train_step(tf.constant(Augmented().batch(4, np.random.default_rng(0))))
    (layer,) = (layer for layer in model.discriminator.layers if isinstance(layer, adaptive.Adaptive))
    assert any(weight is layer.p for weight in model.discriminator.non_trainable_variables)
    np.testing.assert_allclose(layer.p, logs["augment_p"], rtol=1e-6)
    np.testing.assert_allclose(abs(logs["augment_p"] - 0.5), 4 / 64, rtol=1e-5)
