import numpy as np
import pytest

from tfgan_zoo.errors import InputError
from tfgan_zoo.metrics.kid import kernel_distance


def test_two_points_have_the_distance_of_their_kernels():
    """Sets of one repeated point each: k(a, a) + k(b, b) - 2 k(a, b), D = 2."""
    result = kernel_distance(np.tile([2.0, 0.0], [5, 1]), np.tile([1.0, 1.0], [6, 1]), subsets=3, subset_size=4)
    assert result == {"kid": pytest.approx(3.0**3 + 2.0**3 - 2 * 2.0**3), "kid_std": pytest.approx(0, abs=1e-12)}


def test_a_sample_is_not_compared_with_itself():
    """By hand, D = 1: real {0, 1}, fake {0, 2}: k(0, 1) = 1, k(0, 2) = 1, cross mean (1 + 1 + 1 + 27) / 4."""
    result = kernel_distance(np.array([[0.0], [1.0]]), np.array([[0.0], [2.0]]), subsets=1, subset_size=2)
    assert result["kid"] == pytest.approx(1 + 1 - 2 * 30 / 4)


def test_the_mean_is_that_of_the_kernel_between_gaussians():
    """x ~ N(0, 1), y ~ N(1, 1): E k(x, x') = 4, E k(y, y') = 32, E k(x, y) = 7, so 4 + 32 - 14."""
    rng = np.random.default_rng(0)
    real, fake = rng.standard_normal([30_000, 1]), 1 + rng.standard_normal([30_000, 1])
    result = kernel_distance(real, fake, subsets=100, subset_size=300)
    assert result["kid"] == pytest.approx(22, abs=4 * result["kid_std"] / 10)


def test_equal_distributions_have_mean_zero_and_values_below_it():
    rng = np.random.default_rng(1)
    values = [
        kernel_distance(rng.standard_normal([50, 4]), rng.standard_normal([50, 4]), subsets=1, subset_size=50)["kid"]
        for _ in range(200)
    ]
    assert np.mean(values) == pytest.approx(0, abs=4 * np.std(values) / np.sqrt(200))
    assert min(values) < 0 < max(values)


def test_the_seed_decides_the_subsets():
    rng = np.random.default_rng(2)
    real, fake = rng.standard_normal([2, 40, 3])
    first, again, other = (kernel_distance(real, fake, subsets=3, subset_size=10, seed=seed) for seed in (5, 5, 6))
    assert first == again
    assert first["kid"] != other["kid"]


@pytest.mark.parametrize("size", [1, 11])
def test_subsets_of_a_size_that_does_not_fit_are_refused(size):
    with pytest.raises(InputError, match=f"100 subsets of {size} from 10 real and 12 fake"):
        kernel_distance(np.ones([10, 2]), np.ones([12, 2]), subset_size=size)


def test_features_of_two_extractors_are_refused():
    with pytest.raises(InputError, match="real has 2 features and fake has 3"):
        kernel_distance(np.ones([10, 2]), np.ones([10, 3]), subset_size=5)
