import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from tfgan_zoo import pictures

RNG = np.random.default_rng(0)


def coloured(picture):
    """Pixels that are not grey."""
    return (picture.max(-1).astype(int) - picture.min(-1)) > 40


def test_a_scatter_has_the_same_axes_wherever_the_samples_are():
    data = RNG.normal(size=[200, 2]).astype(np.float32)
    inside = pictures.tile({"data": data, "sample": np.zeros([1, 2])})
    outside = pictures.tile({"data": data, "sample": np.full([1, 2], 100.0)})
    assert inside.shape == outside.shape == (320, 320, 3) and inside.dtype == np.uint8
    # The legend has the sample's colour in both; the point in the middle only one.
    changed = np.argwhere((inside != outside).any(-1))
    assert len(changed) > 0 and np.ptp(changed, axis=0).max() < 8
    assert coloured(inside).sum() > coloured(outside).sum() > 0


def test_the_columns_of_one_dimension_hold_d_over_the_range_of_the_data():
    real = np.linspace(0.0, 2.0, 11, dtype=np.float32)[:, None]
    shown = pictures.columns_of_points(real, real, lambda x: tf.sigmoid(x))
    x, d = shown["D(x)"].T
    assert (x[0], x[-1]) == (-1.0, 3.0)  # half of the range more on either side
    np.testing.assert_allclose(d, 1 / (1 + np.exp(-x)), rtol=1e-5)
    assert set(pictures.columns_of_points(np.zeros([3, 2]), np.zeros([3, 2]), None)) == {"data", "sample"}
    picture = pictures.tile(shown)
    assert picture.shape == (320, 320, 3) and coloured(picture).sum() > 100


def test_the_density_of_a_normal_sample_is_near_the_normal_density():
    x = np.linspace(-2, 2, 9)
    estimate = pictures.density(RNG.normal(size=[20_000, 1]), x)
    np.testing.assert_allclose(estimate, np.exp(-0.5 * x**2) / np.sqrt(2 * np.pi), atol=0.015)
    assert np.isfinite(pictures.density(np.zeros([5, 1]), x)).all()


@pytest.mark.parametrize(("count", "parts"), [(1, 1), (3, 3), (30, 8)])
def test_a_strip_shows_at_most_eight_pictures_first_and_last_included(tmp_path, count, parts):
    for i in range(count):
        Image.new("RGB", (40, 40), (i, 0, 0)).save(tmp_path / f"step-{i * 10:07d}.png")
    strip = pictures.strip(tmp_path.glob("step-*.png"))
    assert strip.shape == (54, 40 * parts, 3)
    assert (strip[-1, 0, 0], strip[-1, -1, 0]) == (0, count - 1)
