import dataclasses
import importlib

import keras
import numpy as np
import pytest
import tensorflow as tf
from closed_form import line, logistic_loss, logistic_slopes, sigmoid, slope_at, softplus, steep, step
from conformance import Conformance

from tfgan_zoo import StyleGAN, averages, growing, layers, losses, random
from tfgan_zoo.families.stylegan import MeanStyle
from tfgan_zoo.networks.growing import copied, growing_discriminators
from tfgan_zoo.networks.style import mapping_network
from tfgan_zoo.networks.stylegan import stylegan_syntheses

SHAPE = (8, 8, 1)


def off_their_start(network):
    """Noise and biases count, and no map is constant."""
    rng = np.random.default_rng(0)
    for weight in network.weights:
        if any(name in weight.path for name in ("strength", "bias", "constant")):
            weight.assign(np.array(weight) + 0.3 * rng.normal(size=weight.shape))
    return network


def made(shape=SHAPE, level=1, which="steady", **kwargs):
    syntheses = stylegan_syntheses(shape, style_dim=6, width=8)
    off_their_start(syntheses[-1].steady)
    discriminator = getattr(growing_discriminators(shape, width=8, blur=True)[level], which)
    return StyleGAN(mapping_network(5, 6, depth=2), getattr(syntheses[level], which), discriminator, **kwargs)


class TestStyleGAN(Conformance):
    """In the middle of a fade-in."""

    penalised = ("discriminator",)

    def make(self):
        return made(which="fading", stage=growing.Stage(0, -1, 6))

    def batch(self, count, rng):
        return rng.uniform(-1, 1, [count, *SHAPE]).astype(np.float32)


# ---------------------------------------------------------------------------------------------------------------------
# A step by hand


def synthesis_of(weights):
    """w [B, 4, 1] -> image [B, 1, 1, 1], of the styles of four layers: w_1 s_1 + ... + w_4 s_4 + b; or `[w, alpha]`."""
    w, alpha = keras.Input([4, 1]), keras.Input([1])
    styles = keras.layers.Flatten()(w)
    shade = line(weights)([styles[:, i : i + 1] for i in range(4)] + [alpha])
    return keras.Model([w, alpha], keras.layers.Reshape([1, 1, 1])(shade))


def critic(weights):
    """D(x, alpha) = w_1 (x + x^2) + w_2 alpha + b."""
    image, alpha = keras.Input([1, 1, 1]), keras.Input([1])
    x = keras.layers.Flatten()(image)
    return keras.Model([image, alpha], line(weights)([x + x**2, alpha]))


def mixed(model, z1, z2, chance, place):
    """The styles [B, layers] of a batch, by NumPy."""
    crossover = int(place) if chance < 0.9 else 4
    return np.stack([z1 if layer < crossover else z2 for layer in range(4)], 1)


@pytest.mark.parametrize("seed", [0, 3])
def test_a_step_moves_each_network_by_the_gradient_computed_by_hand(seed):
    # f(z) = m z + c; whole pictures are 2x2, a level's one pixel, alpha is 1/4; gamma is 10.
    m, g, d = np.array([0.7, -0.2]), np.array([0.5, -0.8, 0.9, 0.3, 0.4, 0.1]), np.array([0.6, 0.3, -0.1])
    whole = np.random.default_rng(0).uniform(-1, 1, [3, 4, 4, 1])
    before = np.array([0.1, 0.3]), np.array([0.2, 0.1, -0.3, 0.6, 0.2, 0.5])
    kept = line(before[0]), synthesis_of(before[1])
    for network in kept:
        network.trainable = False

    class Halving(growing.Stage):
        def real(self, image, alpha):
            # A level of one pixel has none before: alpha makes another difference.
            return tf.reduce_mean(image, [1, 2], keepdims=True) - alpha

    # 6 layers, of which the level uses 4, would be `depth - 2 times`: here 4 of 4, at times 0 a whole of one pixel.
    stage = Halving(0, -1, 4)
    model = StyleGAN(line(m), synthesis_of(g), critic(d), *kept, stage=stage, half_life=30, seed=seed)
    model.mean_style.value.assign([0.9])
    draws = [random.normal, random.normal, None, None] * 2
    with random.stream(seed):
        drawn = []
        for draw in draws:
            drawn.append(np.float64(draw([3, 1]))[:, 0] if draw else float(random.uniform([], same=True)))
    moved, logs = step(model, whole)

    real, alpha = whole.mean((1, 2, 3)) - 0.25, np.full(3, 0.25)
    z1, z2, chance, place = drawn[:4]
    w = mixed(model, m[0] * z1 + m[1], m[0] * z2 + m[1], chance, 1 + 3 * place)
    fake = w @ g[:4] + g[4] * alpha + g[5]
    seen_real, seen_fake = (real + real**2, alpha), (fake + fake**2, alpha)
    slope = d[0] * (1 + 2 * real)
    of_r1 = np.array([np.mean(2 * slope * (1 + 2 * real)), 0, 0])
    of_d = logistic_slopes(d, seen_real, seen_fake) + 5 * of_r1
    np.testing.assert_allclose(moved["discriminator"], of_d, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(logs["d_loss"], logistic_loss(d, seen_real, seen_fake), rtol=1e-5)
    np.testing.assert_allclose(logs["r1"], np.mean(slope**2), rtol=1e-5)

    after = d - of_d
    z1, z2, chance, place = drawn[4:]
    w = mixed(model, m[0] * z1 + m[1], m[0] * z2 + m[1], chance, 1 + 3 * place)
    fake = w @ g[:4] + g[4] * alpha + g[5]
    logits = after[0] * (fake + fake**2) + after[1] * alpha + after[2]
    along = -sigmoid(-logits) * after[0] * (1 + 2 * fake)
    z = mixed(model, z1, z2, chance, 1 + 3 * place)
    of_f = np.array([np.mean(along * (z @ g[:4])), np.mean(along) * g[:4].sum()])
    np.testing.assert_allclose(moved["synthesis"], slope_at(along, *w.T, alpha), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(moved["mapping"], of_f, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(logs["g_loss"], softplus(-logits).mean(), rtol=1e-5)

    # The averages keep 0.5^(3 / 30), of networks before G's step; the mean style 0.995 of itself, twice.
    keep = 0.5**0.1
    for network, old, new in zip(kept, before, (m, g), strict=True):
        got = np.concatenate([x.ravel() for x in network.get_weights()])
        np.testing.assert_allclose(got, keep * old + (1 - keep) * new, rtol=1e-5)
    mean = 0.9
    for z1 in drawn[0], drawn[4]:
        mean = 0.995 * mean + 0.005 * np.mean(m[0] * z1 + m[1])
    np.testing.assert_allclose(model.mean_style.value, [mean], rtol=1e-5)


# ---------------------------------------------------------------------------------------------------------------------
# Promises


def test_r1_of_a_small_level_is_that_of_the_pixels_of_whole_pictures():
    model = made((16, 16, 1), level=0, stage=growing.Stage(2))
    whole = np.random.default_rng(0).uniform(-1, 1, [4, 16, 16, 1]).astype(np.float32)
    image = tf.constant(whole)
    with tf.GradientTape() as tape:
        tape.watch(image)
        logits = model.discriminator(model.stage.real(image, None), training=True)
    expected = np.mean(np.sum(np.square(tape.gradient(logits, image)), (1, 2, 3)))
    _, logs = step(model, whole)
    np.testing.assert_allclose(logs["r1"], expected, rtol=1e-4)


def test_the_crossover_is_one_of_the_layers_that_the_level_uses_and_nine_of_ten_batches_are_mixed():
    model = made((16, 16, 1), level=1, stage=growing.Stage(1))  # 4 of 6 layers
    found = []
    for number in range(300):
        with random.stream(0, number):
            w = np.array(model.mixed_styles(1))[0]
        same = (w == w[0]).all(-1)
        assert same[: same.sum()].all()
        found.append(int(same.sum()))
    counts = np.bincount(found, minlength=7)
    assert counts[[0, 4, 5]].sum() == 0 and counts[6] + counts[1:4].sum() == 300
    np.testing.assert_allclose(counts[1:4] / 300, 0.3, atol=0.09)  # three deviations
    np.testing.assert_allclose(counts[6] / 300, 0.1, atol=0.06)


def test_without_a_difference_to_the_mean_style_all_z_give_one_picture_and_with_it_they_do_not():
    model = made(cutoff=None)
    model.mean_style.value.assign(np.random.default_rng(1).normal(size=6))
    z = np.random.default_rng(0).normal(size=[3, 5]).astype(np.float32)

    def pictures(psi):
        return np.array(model({"z": z, "truncation": psi})["generated"])

    np.testing.assert_array_equal(pictures(0.0), np.repeat(pictures(0.0)[:1], 3, axis=0))
    assert np.abs(pictures(0.5) - pictures(0.5)[:1]).max() > 0.01
    np.testing.assert_array_equal(pictures(1.0), model.generate(z))
    coarse = made(cutoff=2)  # of 4 layers: the others are as z says
    coarse.mean_style.value.assign(np.random.default_rng(1).normal(size=6))
    some = np.array(coarse({"z": z, "truncation": 0.0})["generated"])
    assert np.abs(some - some[:1]).max() > 0.01


def test_a_style_from_a_layer_on_leaves_what_the_layers_before_it_give_to_the_last_bit():
    synthesis = made().synthesis
    each = [layer.output for layer in synthesis.layers if isinstance(layer, layers.AdaIN)]
    seen = keras.Model(synthesis.inputs[0], each)
    w1, w2 = np.random.default_rng(0).normal(size=[2, 3, 4, 6]).astype(np.float32)
    with random.stream(0):
        of_one = seen(w1)
    for crossover in range(5):
        w = np.where((np.arange(4) < crossover)[:, None], w1, w2)
        with random.stream(0):
            of_both = seen(w)
        for layer in range(4):
            assert np.array_equal(of_both[layer], of_one[layer]) == (layer < crossover)
    model = made()
    z1, z2 = np.random.default_rng(0).normal(size=[2, 3, 5]).astype(np.float32)
    mix, _ = model.signatures()["style_mix"]
    for crossover, z in (4, z1), (0, z2):
        np.testing.assert_array_equal(mix(z1, z2, tf.constant(crossover))["generated"], model.generate(z))


def test_adain_gives_each_channel_the_mean_and_the_deviation_of_its_style():
    layer = layers.AdaIN(1)
    x, w = (np.random.default_rng(i).normal(size=s).astype(np.float32) for i, s in ((0, [2, 6, 5, 3]), (1, [2, 3, 4])))
    y = layer(x, w)
    scale, offset = np.split(np.array(layer.affine(w[:, 1])), 2, axis=-1)
    np.testing.assert_allclose(np.mean(y, (1, 2)), offset, atol=1e-4)
    np.testing.assert_allclose(np.std(y, (1, 2)), np.abs(1 + scale), atol=1e-4)


def test_a_synthesis_that_grows_begins_as_the_smaller_one_upsampled_and_ends_as_the_larger_one():
    levels = stylegan_syntheses((16, 32, 3), style_dim=6, width=8)
    off_their_start(levels[-1].steady)
    w = np.random.default_rng(0).normal(size=[2, 6, 6]).astype(np.float32)

    def made_by(network, *given):
        with random.stream(0, shared=True):
            return np.array(network([w, *given] if given else w))

    for before, level in zip(levels[:-1], levels[1:], strict=True):
        small, large = made_by(before.steady).repeat(2, 1).repeat(2, 2), made_by(level.steady)
        for alpha in (0.0, 0.25, 1.0):
            got = made_by(level.fading, np.full([2, 1], alpha, np.float32))
            np.testing.assert_allclose(got, (1 - alpha) * small + alpha * large, atol=1e-5)
        assert np.abs(small - large).max() > 0.1


def test_every_enlargement_is_followed_by_a_convolution_and_a_blur_and_d_blurs_before_it_shrinks():
    def order(network, kinds):
        return [kind for layer in network.layers for kind in kinds if type(layer).__name__ == kind]

    synthesis = stylegan_syntheses((16, 16, 1), style_dim=6, width=8)[-1].steady
    kinds = order(synthesis, ("UpSampling2D", "Conv2D", "Blur", "PixelNoise", "Bias", "LeakyReLU", "AdaIN"))
    styled = ["PixelNoise", "Bias", "LeakyReLU", "AdaIN"]
    level = ["UpSampling2D", "Conv2D", "Blur", *styled, "Conv2D", *styled]
    assert kinds == [*styled, "Conv2D", *styled, *level, *level, "Conv2D"]  # the last one to colours
    judge = growing_discriminators((8, 8, 1), width=8, blur=True)[-1].steady
    kinds = order(judge, ("Conv2D", "Blur", "AveragePooling2D", "LeakyReLU"))
    assert kinds[:8] == ["Conv2D", "LeakyReLU"] * 2 + ["Blur", "Conv2D", "AveragePooling2D", "LeakyReLU"]


def test_without_strength_noise_changes_nothing_and_with_it_training_draws_another_each_time():
    levels = stylegan_syntheses(SHAPE, style_dim=6, width=8)
    network, w = levels[1].steady, np.random.default_rng(0).normal(size=[2, 4, 6]).astype(np.float32)

    def drawn(number):
        with random.stream(0, number):
            return np.array(network(w, training=True))

    np.testing.assert_array_equal(drawn(0), drawn(1))
    off_their_start(network)
    assert np.abs(drawn(0) - drawn(1)).max() > 0.01


def parameters(networks):
    """Each weight once."""
    return sum(int(np.prod(w.shape)) for w in {id(w): w for n in networks for w in n.trainable_weights}.values())


@pytest.mark.parametrize(
    ("side", "count"), [(32, 22_841_356), (64, 25_137_935), (256, 26_086_229), (1024, 26_219_627)]
)  # fmt: skip
def test_the_generator_of_the_papers_width_has_the_published_parameters(side, count, monkeypatch):
    monkeypatch.setattr(layers.EqualizedRate, "initializer", "zeros")  # nothing is drawn: the time goes into that
    levels = stylegan_syntheses((side, side, 3))
    networks = [network for level in levels for network in level if network is not None]
    assert parameters([mapping_network(), *networks]) == count


def test_the_numbers_that_the_method_fixes_are_the_papers():
    model = made()
    assert (model.gamma, model.mixing, model.half_life) == (10.0, 0.9, 10_000)
    assert (model.style_decay, model.cutoff) == (0.995, 8)
    constant = next(layer for layer in stylegan_syntheses(SHAPE)[0].steady.layers if hasattr(layer, "constant"))
    np.testing.assert_array_equal(constant.constant, np.ones([4, 4, 512]))


def test_what_is_served_are_the_averages_in_the_size_of_whole_pictures_faded_as_far_as_the_step_is():
    shape, stage = (16, 16, 1), growing.Stage(1, 10, 4)
    syntheses = stylegan_syntheses(shape, style_dim=6, width=8)
    means = copied(syntheses)
    off_their_start(means[-1].steady)
    mapping, style = mapping_network(5, 6, depth=2), MeanStyle(6)
    slow = averages.copy(mapping)
    slow.set_weights([1.5 * w for w in slow.get_weights()])
    judge = growing_discriminators(shape, width=8, blur=True)[1].fading
    model = StyleGAN(mapping, syntheses[1].fading, judge, slow, means[1].fading, style, stage=stage)
    z = np.random.default_rng(0).normal(size=[2, 5]).astype(np.float32)
    w = np.repeat(np.array(slow(z))[:, None], 6, axis=1)
    model.step.assign(13)
    with random.stream(model.seed, shared=True):
        expected = np.clip(means[1].fading([w, np.full([2, 1], 0.75, np.float32)]), -1, 1)
    expected = expected.repeat(2, 1).repeat(2, 2)
    np.testing.assert_allclose(model.generate(z), expected, atol=1e-5)
    np.testing.assert_allclose(model({"z": z, "truncation": 1.0})["generated"], expected, atol=1e-5)
    assert np.abs(expected).max() == 1.0, "clipped"
    whole = np.random.default_rng(0).uniform(-1, 1, [2, *shape]).astype(np.float32)
    alpha = tf.constant(0.75)
    on = judge(stage.given(stage.real(whole, alpha), alpha))
    discriminate, _ = model.signatures()["discriminate"]
    np.testing.assert_allclose(discriminate(whole)["logits"], on, rtol=1e-5, atol=1e-6)
    assert model.mean_style is style and model.told == {"ema": True}


def test_under_float16_a_slope_beyond_its_range_is_penalised_as_it_is():
    keras.config.set_dtype_policy("mixed_float16")
    discriminator, black = steep(30_000.0, 4.0), np.zeros([4, 1, 1, 1], np.float32)
    assert not np.isfinite(losses.squared_slope(discriminator, tf.constant(black)))
    w = keras.Input([2, 1])
    synthesis = keras.Model(w, 0.0 * keras.layers.Reshape([1, 1, 1], dtype="float32")(w[:, 0]))
    model = StyleGAN(mapping_network(1, 1, depth=1), synthesis, discriminator, gamma=1e-6)
    moved, logs = step(model, black)
    # gamma / 2 (k_1 k_2)^2; on black pictures the other terms have no slope in the kernels.
    np.testing.assert_allclose(logs["r1"], 120_000.0**2, rtol=1e-5)
    np.testing.assert_allclose(moved["discriminator"], [0.12 * 4, 0.12 * 30_000], rtol=1e-2)


def test_the_paper_preset_has_the_published_batches_and_rates():
    config = importlib.import_module("recipes.stylegan").PRESETS["paper"]
    batch = growing.by_height(config.batch_sizes, config.batch_size)
    rate = growing.by_height(config.learning_rates, config.learning_rate)
    heights = [4 * 2**n for n in range(9)]
    phases = growing.phases(heights, batch, start=config.start, images=config.phase_images, steps=config.steps)
    assert [p.name for p in phases[:3]] == ["8", "16_fade", "16"] and len(phases) == 15
    assert [batch(n) for n in (8, 16, 32, 64, 1024)] == [256, 128, 64, 32, 32]
    assert [rate(n) for n in (64, 128, 256, 512, 1024)] == [0.001, 0.0015, 0.002, 0.003, 0.003]
    shown = np.diff([0, *(p.until for p in phases)]) * [p.batch_size for p in phases]
    np.testing.assert_allclose(shown.sum(), 25e6, rtol=1e-5)
    assert dataclasses.replace(config, flip=False).half_life == 10_000
