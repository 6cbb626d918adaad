import numpy as np
import pytest

from tfgan_zoo.errors import InputError
from tfgan_zoo.metrics.mmd import gaussian_kernel, two_sample_test


def population(mean, deviation, dim, bandwidth):
    """Squared MMD of N(mean, deviation^2 I) and N(0, I)."""

    def k(variance, distance):
        wide = bandwidth**2 + variance
        return (bandwidth**2 / wide) ** (dim / 2) * np.exp(-distance / (2 * wide))

    return k(2, 0) + k(2 * deviation**2, 0) - 2 * k(1 + deviation**2, dim * mean**2)


def samples(count, seed, mean=0.3, deviation=0.8):
    rng = np.random.default_rng(seed)
    return mean + deviation * rng.standard_normal([count, 2]), rng.standard_normal([count, 2])


def test_its_expectation_is_the_closed_form():
    np.testing.assert_allclose(population(0.3, 0.8, 2, 1.0), 0.039745, atol=1e-6)
    found = [two_sample_test(*samples(1000, seed), bandwidth=1.0, permutations=1)["mmd"] for seed in range(20)]
    error = np.std(found) / np.sqrt(len(found))
    np.testing.assert_allclose(np.mean(found), 0.039745, atol=4 * error)
    assert error < 2e-3


def test_it_is_a_mean_over_pairs_of_different_rows():
    x, y = samples(5, 0)
    y = y[:4]

    def k(a, b):
        return np.exp(-np.sum((a - b) ** 2) / (2 * 0.7**2))

    def mean(rows):
        return np.mean([k(a, b) for i, a in enumerate(rows) for j, b in enumerate(rows) if i != j])

    expected = mean(x) + mean(y) - 2 * np.mean([k(a, b) for a in x for b in y])
    np.testing.assert_allclose(two_sample_test(x, y, bandwidth=0.7, permutations=1)["mmd"], expected, rtol=1e-12)
    np.testing.assert_allclose(gaussian_kernel(x, 0.7), [[k(a, b) for b in x] for a in x], rtol=1e-12)


def test_samples_of_one_law_are_as_far_apart_as_chance_has_it_and_others_are_not():
    same = two_sample_test(*samples(1000, 1, 0.0, 1.0), bandwidth=1.0)
    np.testing.assert_allclose(same["mmd_by_chance"], 1.5e-3, rtol=0.4)  # of 60 draws, elsewhere
    assert same["mmd_p"] > 0.05 and same["mmd"] < same["mmd_by_chance"]
    other = two_sample_test(*samples(1000, 1), bandwidth=1.0)
    assert other["mmd"] > 20 * other["mmd_by_chance"]
    np.testing.assert_allclose(other["mmd_p"], 1 / 201)


def test_one_sample_in_a_wider_scale_has_the_same_value_with_a_wider_kernel():
    x, y = samples(50, 2)
    a, b = two_sample_test(x, y, bandwidth=1.0), two_sample_test(5 * x, 5 * y, bandwidth=5.0)
    np.testing.assert_allclose(list(a.values()), list(b.values()), rtol=1e-9)


def test_what_are_no_two_samples_is_refused():
    with pytest.raises(InputError, match=r"^real has 2 features and fake has 3; expected the same"):
        two_sample_test(np.zeros([4, 2]), np.zeros([4, 3]), bandwidth=1.0)
    with pytest.raises(InputError, match="^samples of 1 and 4 rows, bandwidth 1, 200 permutations: expected 2 or more"):
        two_sample_test(np.zeros([1, 2]), np.zeros([4, 2]), bandwidth=1.0)
    with pytest.raises(InputError, match="bandwidth 0, "):
        two_sample_test(np.zeros([4, 2]), np.zeros([4, 2]), bandwidth=0.0)
