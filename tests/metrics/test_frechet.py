import numpy as np
import pytest

from tfgan_zoo.errors import InputError
from tfgan_zoo.metrics.frechet import Moments, frechet_distance


def moments(features, batches=1):
    result = Moments()
    for batch in np.array_split(features, batches):
        result.update(batch)
    return result


def with_moments(mean, covariance, count=50):
    """Features whose sample mean and unbiased covariance are exactly these."""
    x = np.random.default_rng(0).standard_normal([count, len(mean)])
    x -= x.mean(axis=0)
    x = x @ np.linalg.inv(np.linalg.cholesky(np.atleast_2d(np.cov(x, rowvar=False)))).T  # white
    return x @ np.linalg.cholesky(covariance).T + mean


@pytest.mark.parametrize("batches", [1, 7, 50])
def test_batches_give_the_mean_and_the_unbiased_covariance_of_the_whole(batches):
    x = np.random.default_rng(1).standard_normal([50, 4])
    got = moments(x, batches)
    assert got.count == 50
    np.testing.assert_allclose(got.mean, x.mean(axis=0), atol=1e-15)
    np.testing.assert_allclose(got.covariance, np.cov(x, rowvar=False), atol=1e-14)


def test_no_digits_are_lost_far_from_the_origin():
    x = np.random.default_rng(2).integers(-8, 8, [1000, 3]) / 8  # exact after the shift
    np.testing.assert_allclose(moments(x + 2.0**20, 9).covariance, moments(x).covariance, atol=1e-10)


def test_float32_features_are_summed_in_float64():
    x = np.full([100_000, 1], 0.1, np.float32)
    assert moments(x, 100).mean[0] == pytest.approx(float(np.float32(0.1)), rel=1e-12)


def test_merging_equals_having_seen_both_and_leaves_the_other_alone():
    x = np.random.default_rng(3).standard_normal([30, 2])
    both, other = moments(x[:11]), moments(x[11:])
    before = other.covariance.copy()
    both.merge(other)
    both.merge(Moments())
    first = Moments()
    first.merge(other)
    first.update(x[:11])
    assert both.count == first.count == 30 and other.count == 19
    np.testing.assert_allclose(both.covariance, np.cov(x, rowvar=False), atol=1e-14)
    np.testing.assert_allclose(first.covariance, np.cov(x, rowvar=False), atol=1e-14)
    np.testing.assert_array_equal(other.covariance, before)


def test_the_distance_of_one_dimensional_gaussians_is_that_of_their_means_and_deviations():
    a, b = with_moments([1.0], [[4.0]]), with_moments([4.0], [[0.25]])
    assert frechet_distance(moments(a), moments(b)) == pytest.approx(3**2 + (2 - 0.5) ** 2, rel=1e-12)


def test_covariances_that_do_not_commute_agree_with_the_closed_form_for_two_dimensions():
    first, second = np.array([[2.0, 0.6], [0.6, 1.0]]), np.array([[1.0, -0.4], [-0.4, 3.0]])
    # Tr sqrt(M) of a 2 x 2 matrix is sqrt(Tr M + 2 sqrt(det M)).
    product = first @ second
    root = np.sqrt(np.trace(product) + 2 * np.sqrt(np.linalg.det(product)))
    expected = 1 + 4 + np.trace(first) + np.trace(second) - 2 * root
    a, b = moments(with_moments([0.0, 0.0], first)), moments(with_moments([1.0, 2.0], second))
    assert frechet_distance(a, b) == pytest.approx(expected, rel=1e-12)
    assert frechet_distance(b, a) == pytest.approx(expected, rel=1e-12)


def test_a_distance_to_itself_is_zero():
    x = moments(np.random.default_rng(4).standard_normal([200, 16]))
    assert frechet_distance(x, x) == pytest.approx(0, abs=1e-12)


def test_points_on_a_line_have_the_distance_of_the_line():
    """Covariances of rank 1 in 30 dimensions, from 2 images each, with variances 2 and 18."""
    way = np.ones([1, 30]) / np.sqrt(30)
    a, b = moments(np.array([[-1.0], [1.0]]) @ way), moments(np.array([[-3.0], [3.0]]) @ way)
    assert frechet_distance(a, b) == pytest.approx(2 * (3 - 1) ** 2, rel=1e-12)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: frechet_distance(moments(np.ones([1, 2])), moments(np.ones([5, 2]))), "moments of 1 features"),
        (lambda: frechet_distance(moments(np.ones([5, 2])), moments(np.ones([5, 3]))), "of 2 and of 3 numbers"),
        (lambda: Moments().mean, "moments of 0 features"),
        (lambda: moments(np.array([[1.0, np.nan]])), "not finite"),
        (lambda: moments(np.array([[1.0, -np.inf]])), "not finite"),
        (lambda: moments(np.ones([4])), r"shape \[4\]"),
        (lambda: moments(np.ones([4, 2])).update(np.ones([4, 3])), "features of 3 numbers after 2"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(InputError, match=message):
        call()
