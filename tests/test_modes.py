import numpy as np
import pytest

from tfgan_zoo.data import toy
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
