import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from tfgan_zoo import pictures

RNG = np.random.default_rng(0)


@pytest.mark.parametrize(
    ("shape", "count"),
    [
        ((2,), 64),
        ((8, 8, 1), 64),
        ((256, 256, 3), 64),
        ((512, 256, 3), 32),
        ((3, 1024, 1024, 3), 1),
        ((4096, None, 1), 64),
    ],
)
def test_of_large_pictures_few_are_made_at_once(shape, count):
    assert pictures.few(shape) == count
    assert pictures.few(shape, 2) == min(2, count)


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


# --- grids of images


def cells(*values, size=2, channels=1):
    """An image of one value each."""
    return np.broadcast_to(np.reshape(values, [-1, 1, 1, 1]), [len(values), size, size, channels]).astype(np.float32)


def centres(picture, size=2):
    """The values of a picture's cells, back in [-1, 1]; borders are grey."""
    step = size + 2
    rows, across = picture.shape[0] // step, picture.shape[1] // step
    inner = picture.reshape(rows, step, across, step, -1)
    for edge in (inner[:, 0], inner[:, -1], inner[:, :, :, 0], inner[:, :, :, -1]):
        assert (edge == 128).all()
    inside = inner[:, 1:-1, :, 1:-1].astype(float)
    assert (inside == inside[:, :1, :, :1]).all()
    return inside[:, 0, :, 0] / 127.5 - 1


def test_a_single_label_fills_a_square_with_white_where_nothing_is_left():
    picture = pictures.tile({"sample": cells(-1, -0.6, -0.2, 0.2, 0.6)})
    assert picture.dtype == np.uint8
    expected = [[-1, -0.6, -0.2], [0.2, 0.6, 1]]
    np.testing.assert_allclose(centres(picture)[..., 0], expected, atol=1 / 255)


def test_several_labels_stand_next_to_each_other_for_each_example():
    columns = {"input": cells(-1, -0.8, -0.6), "output": cells(0, 0.2, 0.4)}
    np.testing.assert_allclose(
        centres(pictures.tile(columns))[..., 0], [[-1, 0], [-0.8, 0.2], [-0.6, 0.4]], atol=1 / 255
    )
    columns = {name: cells(*values) for name, values in zip("ab", np.linspace(-1, 0.9, 18).reshape(2, 9), strict=True)}
    picture = centres(pictures.tile(columns))[..., 0]  # 9 of 2 in two groups: 5 rows of 4
    pairs = np.stack([columns["a"][:, 0, 0, 0], columns["b"][:, 0, 0, 0]], 1).reshape(-1)
    np.testing.assert_allclose(picture.ravel(), [*pairs, 1, 1], atol=1 / 255)
    assert picture.shape == (5, 4)


def test_grey_beside_rgb_becomes_rgb():
    rgb = np.zeros([1, 2, 2, 3], np.float32) + [1, -1, 0.2]
    picture = pictures.tile({"grey": cells(-0.6), "rgb": rgb})
    assert picture.shape == (4, 8, 3)
    np.testing.assert_allclose(centres(picture), [[[-0.6] * 3, [1, -1, 0.2]]], atol=1 / 255)


def test_pictures_without_opacity_are_opaque_beside_those_with_it():
    clear = np.zeros([1, 2, 2, 4], np.float32) + [1, -1, 0.2, -1]
    rgb = np.zeros([1, 2, 2, 3], np.float32) + [-1, 0.6, 1]
    picture = pictures.tile({"grey": cells(-0.6), "rgb": rgb, "clear": clear})
    assert picture.shape == (4, 12, 4)
    inside = picture[1, [1, 5, 9]]
    np.testing.assert_array_equal(inside, [[51, 51, 51, 255], [0, 204, 255, 255], [255, 0, 153, 0]])


def test_smaller_pictures_are_enlarged_to_the_largest_by_repeating_pixels():
    small = np.array([[-1.0, 1.0], [0.6, -0.6]], np.float32)[None, :, :, None]
    picture = pictures.tile({"small": small, "large": cells(0.2, size=4)})
    assert picture.shape == (6, 12, 1)
    np.testing.assert_array_equal(picture[1:5, 1:5, 0], np.kron([[0, 255], [204, 51]], np.ones([2, 2])))
    assert (picture[1:5, 7:11] == 153).all()


def test_rectangles_stand_beside_squares_of_another_height_and_width():
    flat = np.array([[-1.0, -0.2, 0.2, 1.0]], np.float32)[None, :, :, None]  # 1x4
    tall = np.array([[0.6], [-0.6]], np.float32)[None, :, :, None]  # 2x1
    picture = pictures.tile({"flat": flat, "tall": tall})
    assert picture.shape == (4, 12, 1)
    np.testing.assert_array_equal(picture[1:3, 1:5, 0], [[0, 102, 153, 255]] * 2)
    np.testing.assert_array_equal(picture[1:3, 7:11, 0], [[204] * 4, [51] * 4])
    one = pictures.tile({"x": np.zeros([3, 2, 5, 1], np.float32)})
    assert one.shape == (2 * 4, 2 * 7, 1)
    assert (one[1:3, 1:6] == 128).all() and (one[5:7, 8:13] == 255).all(), "the fourth cell is blank"


def test_the_frames_of_a_clip_stand_side_by_side_in_the_order_of_time():
    clip = np.linspace(-1, 1, 6, dtype=np.float32).reshape(2, 3, 1, 1, 1)  # two clips of three frames
    picture = pictures.tile({"a": clip, "b": -clip})
    assert picture.shape == (2 * 3, 2 * 5, 1)  # an example per row
    np.testing.assert_array_equal(picture[1, 1:9, 0], [0, 51, 102, 128, 128, 255, 204, 153])
    np.testing.assert_array_equal(picture[4, 1:4, 0], [153, 204, 255])
    one = pictures.tile({"a": np.concatenate([clip] * 6)})  # 12 of one label: as many beside each other as look square
    assert one.shape == (6 * 3, 2 * 5, 1)


def test_values_outside_the_range_are_clipped():
    np.testing.assert_array_equal(np.unique(pictures.tile({"x": cells(-3, 3, 3, 3)})), [0, 128, 255])


@pytest.mark.parametrize(("channels", "mode"), [(1, "L"), (3, "RGB"), (4, "RGBA")])
def test_a_saved_png_holds_the_same_pixels(tmp_path, channels, mode):
    picture = np.random.default_rng(0).integers(0, 256, [5, 7, channels], np.uint8)
    pictures.save_png(picture, tmp_path / "x.png")
    with Image.open(tmp_path / "x.png") as image:
        assert image.mode == mode
        np.testing.assert_array_equal(np.asarray(image).reshape(picture.shape), picture)
