import itertools

import numpy as np
import pytest

from tfgan_zoo.data import toy
from tfgan_zoo.errors import InputError
from tfgan_zoo.metrics import modes

LINE = np.array([[0.0, 0.0], [10.0, 0.0], [20.0, 0.0]])


@pytest.mark.parametrize(
    ("samples", "found", "share"),
    [
        ([[0, 0]], 1, 1.0),
        ([[0, 0], [10, 0], [20, 0]], 3, 1.0),
        ([[0, 2.9], [10, 3.1]], 1, 0.5),  # within and beyond 3 sigma
        ([[2.5, 2.5], [0, 0]], 1, 0.5),  # each coordinate within, the distance beyond
        ([[5, 0], [100, 0]], 0, 0.0),
        ([[12, 0], [9, 0], [10, 1], [25, 0]], 1, 0.75),
    ],
)
def test_a_mode_counts_with_one_sample_within_three_sigma(samples, found, share):
    assert modes.coverage(np.array(samples), LINE, 1.0) == {"modes": found, "high_quality": share}


def test_the_data_itself_covers_every_mode():
    for name in ("toy:ring", "toy:grid"):
        data = toy.points(name)
        score = modes.coverage(data.sample(modes.SAMPLES, np.array([0, 1])), data.modes, data.sigma)
        assert score["modes"] == len(data.modes)
        np.testing.assert_allclose(score["high_quality"], 1 - np.exp(-4.5), atol=0.006)  # of a Gaussian in a plane


def stacks(*digits):
    """Flat pictures `[N, 2, 2, C]`, the brightness of whose channels are the digits."""
    digits = np.array(digits, np.float32)
    return np.broadcast_to((digits / 4.5 - 1)[:, None, None], [len(digits), 2, 2, digits.shape[1]])


def by_brightness(pictures):
    assert pictures.shape[1:] == (2, 2, 1)
    return np.eye(10)[np.rint((pictures[:, 0, 0, 0] + 1) * 4.5).astype(int)]


ALL = list(itertools.product(range(10), repeat=3))


@pytest.mark.parametrize(
    ("pictures", "found", "kl"),
    [
        (ALL, 1000, 0.0),
        (ALL * 2, 1000, 0.0),
        (ALL[:500], 500, np.log(2)),
        ([(7, 7, 7)] * 5, 1, np.log(1000)),
        ([(1, 2, 3), (3, 2, 1)], 2, np.log(500)),  # the order of the channels counts
        ([(1, 2, 3)] * 3 + [(4, 5, 6)], 2, 0.75 * np.log(750) + 0.25 * np.log(250)),
        ([(3,), (3,), (8,), (9,)], 3, 0.5 * np.log(5) + 0.5 * np.log(2.5)),  # single digits have ten modes
    ],
)
def test_a_stack_of_digits_is_one_mode_of_a_thousand(pictures, found, kl):
    score = modes.digit_modes(stacks(*pictures), by_brightness)
    assert score["modes"] == found
    np.testing.assert_allclose(score["kl"], kl, atol=1e-12)


def test_uniform_stacks_have_the_divergence_that_their_number_leaves():
    rng = np.random.default_rng(0)
    kl = [modes.digit_modes(stacks(*rng.integers(0, 10, [20_000, 3])), by_brightness)["kl"] for _ in range(3)]
    np.testing.assert_allclose(kl, 999 / 40_000, rtol=0.15)


def test_a_classifier_of_other_classes_and_pictures_out_of_range_are_refused():
    with pytest.raises(
        InputError, match=r"^the classifier gives \[2, 26\].*; expected \[2, 10\]: give one of this data$"
    ):
        modes.digit_modes(stacks((1, 2, 3), (4, 5, 6)), lambda pictures: np.zeros([len(pictures), 26]))
    with pytest.raises(InputError, match="expected"):
        modes.digit_modes(stacks((1, 2, 3)) + 5, by_brightness)
