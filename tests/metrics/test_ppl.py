import numpy as np
import pytest

from tfgan_zoo import latent
from tfgan_zoo.errors import InputError
from tfgan_zoo.metrics import ppl
from tfgan_zoo.metrics.ppl import perceptual_path_length


def draw(count, seed):
    return np.random.default_rng(seed).standard_normal([count, 6])


def squared(a, b):
    return np.sum((a - b) ** 2, axis=1)


def trimmed_mean(values):
    """Without what lies outside the 1st and the 99th percentile; of 201 values, two at each end."""
    return np.sort(values)[2:-2].mean()


def test_on_straight_lines_a_linear_generator_has_the_length_of_its_image():
    """|W (z2 - z1)|^2, wherever on the line: the step is epsilon times that vector."""
    weights = np.random.default_rng(9).standard_normal([6, 10])
    z = draw(402, 5)
    result = perceptual_path_length(
        lambda z: z @ weights, squared, draw, samples=201, spherical=False, seed=5, batch_size=64
    )
    assert result == {"ppl": pytest.approx(trimmed_mean(squared(z[1::2] @ weights, z[0::2] @ weights)), rel=1e-9)}


@pytest.mark.parametrize("ends", [False, True])
def test_a_path_of_styles_is_straight_and_may_be_measured_at_its_ends_alone(ends):
    """G(w) = sum of squares over layers: its speed is 2 w (w2 - w1), at w1 itself where `ends`."""

    def styles(count, seed):
        return np.random.default_rng(seed).standard_normal([count, 3, 2])

    w = styles(402, 5)
    begin, end = w[0::2], w[1::2]
    t = np.random.default_rng([5, 1]).random([201, 1, 1]) * (0 if ends else 1)
    expected = trimmed_mean(np.sum(2 * (begin + t * (end - begin)) * (end - begin), axis=(1, 2)) ** 2)
    result = perceptual_path_length(
        lambda w: np.sum(w**2, axis=(1, 2))[:, None], squared, styles, samples=201, spherical=False, ends=ends, seed=5
    )
    assert result["ppl"] == pytest.approx(expected, rel=1e-2)  # epsilon is 1e-4


def test_on_the_sphere_the_speed_is_that_of_the_angle_and_of_the_length():
    """G = identity: (|z2| - |z1|)^2 along the ray, (length times angle)^2 across it."""
    z = draw(402, 5)
    begin, end = z[0::2], z[1::2]
    lengths = np.linalg.norm(begin, axis=1), np.linalg.norm(end, axis=1)
    angle = np.arccos(np.sum(begin * end, axis=1) / (lengths[0] * lengths[1]))
    t = np.random.default_rng([5, 1]).random(201)
    length = lengths[0] + t * (lengths[1] - lengths[0])
    expected = trimmed_mean((lengths[1] - lengths[0]) ** 2 + (length * angle) ** 2)
    result = perceptual_path_length(lambda z: z, squared, draw, samples=201, seed=5)
    assert result["ppl"] == pytest.approx(expected, rel=1e-4)


def test_a_generator_that_normalises_z_sees_the_published_path():
    """Its speed is the angle alone, whatever the lengths of z."""

    def normalised(z):
        return z / np.linalg.norm(z, axis=1, keepdims=True)

    unit = normalised(draw(402, 5))
    angle = np.arccos(np.sum(unit[0::2] * unit[1::2], axis=1))
    for factor in (1.0, 7.0):
        result = perceptual_path_length(
            normalised, squared, lambda count, seed, f=factor: f * draw(count, seed), samples=201, seed=5
        )
        assert result["ppl"] == pytest.approx(trimmed_mean(angle**2), rel=1e-4)


def test_the_great_circle_is_that_of_the_latent_walks():
    unit = draw(2, 0) / np.linalg.norm(draw(2, 0), axis=1, keepdims=True)
    walk = latent.interpolate(unit[:1], unit[1:], 5, spherical=True)
    for i, t in enumerate(np.linspace(0, 1, 5)):
        np.testing.assert_allclose(ppl._great_circle(unit[:1], unit[1:], np.array([[t]])), walk[i], atol=1e-6)


def test_outliers_at_both_ends_are_left_out():
    """One pair in 400 is a million times as far, one is not apart."""

    distances = iter([np.full(400, 3e-8), np.full(400, 12e-8)])  # of one step, and of two at once

    def distance(a, b):
        values = next(distances)
        values[:2] = 10**6 * values[2], 0.0
        return values

    result = perceptual_path_length(lambda z: z, distance, draw, samples=400, batch_size=400)
    assert result["ppl"] == pytest.approx(3, rel=1e-12)


@pytest.mark.parametrize(("digits", "refused"), [(np.float32, False), (np.float16, True)])
def test_a_generator_that_rounds_more_than_a_step_changes_is_refused(digits, refused):
    def generate(z):
        return np.tanh(z).astype(digits).astype(np.float64)

    if refused:
        with pytest.raises(InputError, match="changes pictures by less than the model rounds them"):
            perceptual_path_length(generate, squared, draw, samples=201)
        return
    exact = perceptual_path_length(np.tanh, squared, draw, samples=201)["ppl"]
    assert perceptual_path_length(generate, squared, draw, samples=201)["ppl"] == pytest.approx(exact, rel=1e-2)


def test_a_generator_that_always_draws_the_same_has_no_length():
    assert perceptual_path_length(np.zeros_like, squared, draw, samples=201) == {"ppl": 0.0}


def test_the_generator_gets_pairs_in_the_dtype_that_was_drawn_and_batches_change_nothing():
    seen = []

    def generate(z):
        seen.append((len(z), z.dtype))
        return z

    def draw32(count, seed):
        return draw(count, seed).astype(np.float32)

    one = perceptual_path_length(generate, squared, draw32, samples=5, batch_size=2, epsilon=0.01)
    assert seen == [(4, np.float32), (4, np.float32), (4, np.float32), (2, np.float32)]  # the first for two steps, too
    assert perceptual_path_length(generate, squared, draw32, samples=5, epsilon=0.01) == pytest.approx(one, rel=1e-6)


@pytest.mark.parametrize("options", [{"samples": 0}, {"samples": 3, "epsilon": 0.0}, {"samples": 3, "batch_size": 0}])
def test_numbers_that_are_not_above_zero_are_refused(options):
    with pytest.raises(InputError, match="expected each above 0"):
        perceptual_path_length(lambda z: z, squared, draw, **options)


@pytest.mark.parametrize("distance", [lambda a, b: a - b, lambda a, b: np.full(len(a), np.nan)])
def test_distances_that_are_not_one_finite_number_a_pair_are_refused(distance):
    with pytest.raises(InputError, match="for 3 pairs; expected one finite number each"):
        perceptual_path_length(lambda z: z, distance, draw, samples=3)
