import keras
import numpy as np
import pytest
import tensorflow as tf

from tfgan_zoo import growing
from tfgan_zoo.errors import InputError
from tfgan_zoo.networks.growing import Level, copied, growing_discriminators, heights, progan_generators, widths

FACES = [4 * 2**level for level in range(9)]  # 4x4 to 1024x1024


def pictures(*shape, seed=0):
    return np.random.default_rng(seed).uniform(-1, 1, shape).astype(np.float32)


def test_the_phases_of_the_paper_have_its_level_of_detail_after_so_many_pictures():
    phases = growing.phases(FACES, lambda height: 1000, start=4, images=800_000, steps=19_000)

    def detail(thousands):  # how many levels are left: a batch has 1000 pictures
        phase = next(p for p in phases if thousands < p.until)
        alpha = phase.stage.alpha(tf.constant(thousands, tf.int64))
        assert phase.stage.times == 8 - phase.level
        return phase.stage.times + (0.0 if alpha is None else 1.0 - float(alpha))

    got = [detail(n) for n in (0, 799, 800, 1200, 1600, 2400, 2800, 18_000)]
    np.testing.assert_allclose(got, [8, 8, 8, 7.5, 7, 7, 6.5, 0])
    assert [p.name for p in phases[:4]] == ["4", "8_fade", "8", "16_fade"]
    assert (len(phases), phases[-1].name, phases[-1].until) == (17, "1024", 19_000)


def test_phases_are_as_long_as_their_batches_need_and_the_last_one_takes_what_is_left():
    batch_of = growing.by_height("16:3", 4)
    phases = growing.phases([4, 8, 16], batch_of, start=8, images=10, steps=12)
    assert [(p.name, p.level, p.batch_size, p.until) for p in phases] == [
        ("8", 1, 4, 3),
        ("16_fade", 2, 3, 7),
        ("16", 2, 3, 12),
    ]
    assert [p.stage for p in phases] == [growing.Stage(1), growing.Stage(0, 3, 4), growing.Stage(0)]
    levels = [Level(f"steady {height}", f"fading {height}") for height in (4, 8, 16)]
    assert [p.of(levels) for p in phases] == ["steady 8", "fading 16", "steady 16"]
    (only,) = growing.phases([4, 8], batch_of, start=8, images=10, steps=12)
    assert (only.name, only.until, only.stage.steps) == ("8", 12, 0)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"start": 5}, "--start=5: expected a height of 4, 8, 16"),
        ({"steps": 12}, "--steps=12 is not above the 12 of the phases before the last"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_line(given, says):
    with pytest.raises(InputError, match=says) as error:
        growing.phases([4, 8, 16], lambda height: 4, **{"start": 4, "images": 12, "steps": 99} | given)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("text", ["256", "256:", "256:0", "a:1", "256:-1", "256:1.5", "256;1", "256:inf"])
def test_numbers_by_height_that_cannot_be_read_are_refused(text):
    with pytest.raises(InputError, match="like 256:14,512:6"):
        growing.by_height(text, 16)


def test_a_height_that_is_not_named_has_the_other_number():
    rate = growing.by_height("128:0.0015,256:2e-3", 1e-3)
    assert [rate(n) for n in (64, 128, 256, 512)] == [1e-3, 0.0015, 2e-3, 1e-3]
    assert growing.by_height("", 16)(64) == 16 and growing.by_height("64:8", 16)(64) == 8


def test_alpha_goes_from_0_to_1_and_no_further():
    stage = growing.Stage(times=1, begin=10, steps=4)
    got = [float(stage.alpha(tf.constant(n, tf.int64))) for n in (3, 10, 11, 13, 14, 99)]
    np.testing.assert_allclose(got, [0, 0, 0.25, 0.75, 1, 1])
    assert growing.Stage(times=1).alpha(tf.constant(5)) is None


def test_real_pictures_are_halved_to_the_level_and_faded_as_the_fakes_are():
    whole = pictures(2, 8, 4, 3)
    level = whole.reshape(2, 4, 2, 2, 2, 3).mean((2, 4))
    before = level.reshape(2, 2, 2, 1, 2, 3).mean((2, 4)).repeat(2, 1).repeat(2, 2)
    stage = growing.Stage(times=1, begin=0, steps=4)
    np.testing.assert_allclose(stage.real(whole, None), level, atol=1e-6)
    np.testing.assert_allclose(stage.real(whole, 0.25), 0.75 * before + 0.25 * level, atol=1e-6)
    np.testing.assert_allclose(stage.real(whole, 1.0), level, atol=1e-6)
    np.testing.assert_array_equal(stage.whole(level), level.repeat(2, 1).repeat(2, 2))
    assert stage.given(whole, None) is whole
    image, alpha = stage.given(whole, tf.constant(0.5))
    assert image is whole and alpha.numpy().tolist() == [[0.5], [0.5]]


# --- the networks


def generators(shape=(32, 16, 3)):
    return progan_generators(shape, latent_dim=5, width=8, wide=2)


def discriminators(shape=(32, 16, 3), **kwargs):
    return growing_discriminators(shape, width=8, wide=2, **kwargs)


def moved(levels):
    """Their biases are off 0."""
    for i, weight in enumerate(levels[-1].steady.weights):
        if len(weight.shape) == 1:
            weight.assign(pictures(*weight.shape, seed=i))
    return levels


def told(x, alpha):
    return [x, np.full([len(x), 1], alpha, np.float32)]


def test_a_generator_that_grows_begins_as_the_smaller_one_upsampled_and_ends_as_the_larger_one():
    levels, z = moved(generators()), pictures(3, 5)
    assert [level.steady.output_shape[1:] for level in levels] == [(8, 4, 3), (16, 8, 3), (32, 16, 3)]
    assert levels[0].fading is None
    for before, level in zip(levels[:-1], levels[1:], strict=True):
        small, large = before.steady(z).numpy().repeat(2, 1).repeat(2, 2), level.steady(z)
        np.testing.assert_allclose(level.fading(told(z, 0.0)), small, atol=1e-5)
        np.testing.assert_allclose(level.fading(told(z, 1.0)), large, atol=1e-5)
        np.testing.assert_allclose(level.fading(told(z, 0.25)), 0.75 * small + 0.25 * large, atol=1e-5)
        assert np.abs(small - large).max() > 0.1


@pytest.mark.parametrize("blur", [False, True])
def test_a_discriminator_that_grows_begins_as_the_smaller_one_of_the_halved_picture_and_ends_as_the_larger_one(blur):
    levels = moved(discriminators(blur=blur))
    for before, level in zip(levels[:-1], levels[1:], strict=True):
        image = pictures(4, *level.steady.input_shape[1:])
        small, large = before.steady(growing.halved(image)), level.steady(image)
        np.testing.assert_allclose(level.fading(told(image, 0.0)), small, atol=1e-5)
        np.testing.assert_allclose(level.fading(told(image, 1.0)), large, atol=1e-5)
        between = level.fading(told(image, 0.5))
        assert np.abs(between - small).max() > 1e-3 and np.abs(between - large).max() > 1e-3


def all_parameters(levels):
    """Of all networks, each weight once."""
    networks = [network for level in levels for network in level if network is not None]
    return sum(int(np.prod(w.shape)) for w in {id(w): w for n in networks for w in n.trainable_weights}.values())


@pytest.mark.parametrize(
    ("side", "of_g", "of_d"),
    [(32, 20_719_628, 20_726_785), (64, 22_490_383, 22_498_049), (256, 23_044_309, 23_052_353),
     (1024, 23_079_115, 23_087_249)],
)  # fmt: skip
def test_networks_of_the_papers_width_have_the_published_parameters(side, of_g, of_d, monkeypatch):
    # Nothing is drawn: the time goes into that.
    monkeypatch.setattr("tfgan_zoo.layers.EqualizedRate.initializer", "zeros")
    assert all_parameters(progan_generators((side, side, 3))) == of_g
    assert all_parameters(growing_discriminators((side, side, 3))) == of_d


def test_maps_have_the_channels_of_the_papers_table():
    shape = (1024, 1024, 3)
    assert heights(shape) == FACES
    assert widths(shape, 512, 4) == [512, 512, 512, 512, 256, 128, 64, 32, 16]
    assert widths((28, 28, 1), 48, 1) == [48, 24, 12] and widths(shape, 4, 1)[-1] == 1


def test_the_gains_are_root_two_but_for_the_first_layer_of_colours_and_the_last():
    (g, d) = generators()[-1].steady, discriminators()[-1].steady
    gains = [layer.normalization.gain for layer in g.layers if hasattr(layer, "normalization")]
    np.testing.assert_allclose(gains, [2**0.5 / 4] + [2**0.5] * 5 + [1.0])
    gains = [layer.normalization.gain for layer in d.layers if hasattr(layer, "normalization")]
    np.testing.assert_allclose(gains, [2**0.5] * 7 + [1.0])


def test_levels_share_their_layers_and_the_copies_of_averages_share_theirs_with_each_other():
    levels = generators()
    means = copied(levels)
    assert means[0].fading is None
    z = pictures(2, 5)
    for level, mean in zip(levels, means, strict=True):
        np.testing.assert_array_equal(mean.steady(z), level.steady(z))
        assert mean.steady.trainable_weights == [] and len(mean.steady.weights) == len(level.steady.weights)
    for group in levels, means:
        first = group[0].steady.weights[0]
        assert all(network.weights[0] is first for level in group for network in level if network is not None)
        assert first in group[0].steady.weights and len(group[2].fading.weights) == len(group[2].steady.weights) + 2
    assert levels[0].steady.weights[0] is not means[0].steady.weights[0]
    np.testing.assert_array_equal(means[2].fading(told(z, 0.5)), levels[2].fading(told(z, 0.5)))


def test_pixel_norm_colours_and_the_last_layers_are_float32_in_mixed_precision():
    keras.config.set_dtype_policy("mixed_float16")
    g, d = generators()[-1], discriminators()[-1]
    for network in g.steady, g.fading:
        assert network.layers[-1].compute_dtype == network.outputs[0].dtype == "float32"
    # The deviation over the minibatch, a convolution, and then what is float32.
    last = [layer.compute_dtype for layer in d.steady.layers[-3:]]
    assert last == ["float32"] * 3 and d.steady.layers[1].compute_dtype == "float16"
