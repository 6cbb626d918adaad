import numpy as np
import pytest

from tfgan_zoo.errors import InputError
from tfgan_zoo.metrics import swd
from tfgan_zoo.metrics.swd import Descriptors, sliced_wasserstein


def descriptors(images, batches=1, **options):
    result = Descriptors(images.shape[1:], **options)
    for batch in np.array_split(images, batches):
        result.update(batch)
    return result


def random_images(shape, seed=0):
    return np.random.default_rng(seed).uniform(-0.5, 0.5, shape).astype(np.float32)


def test_flat_images_have_the_distance_of_their_grey_values():
    """Images of one value each. Normalised, half and half give -1 and 1; a quarter of bright ones -1/sqrt(3) and
    sqrt(3). Each way turns the 49 equal numbers s into 7 s <way, diagonal>, and E|<way, diagonal>| in n dimensions is
    Gamma(n / 2) / (sqrt(pi) Gamma((n + 1) / 2)), for n = 49 0.114552."""
    half = np.repeat([-1.0, -1.0, 1.0, 1.0], 64).reshape([4, 8, 8, 1])
    quarter = np.repeat([-1.0, -1.0, -1.0, 1.0], 64).reshape([4, 8, 8, 1])
    low, high = -1 / np.sqrt(3), np.sqrt(3)
    line = 0.5 * abs(-1 - low) + 0.25 * abs(1 - low) + 0.25 * abs(1 - high)
    result = sliced_wasserstein(descriptors(half, per_image=8), descriptors(quarter, per_image=8), directions=4096)
    assert result == {"swd_8": pytest.approx(1000 * 7 * 0.114552 * line, rel=0.02), "swd": result["swd_8"]}


def test_brightness_and_contrast_of_a_set_do_not_matter():
    images = random_images([20, 16, 16, 3])
    real = descriptors(images)
    same = sliced_wasserstein(real, descriptors(0.5 * images + [0.4, -0.2, 0.0]), directions=16)
    assert same == {"swd_16": pytest.approx(0, abs=1e-3), "swd": pytest.approx(0, abs=1e-3)}


def test_the_distance_is_symmetric_and_that_of_a_set_to_itself_is_zero():
    a, b = descriptors(random_images([4, 32, 32, 1])), descriptors(random_images([4, 32, 32, 1], 1), seed=1)
    assert sliced_wasserstein(a, a) == {"swd_32": 0, "swd_16": 0, "swd": 0}
    assert sliced_wasserstein(a, b) == pytest.approx(sliced_wasserstein(b, a))


@pytest.mark.parametrize(
    ("shape", "names"),
    [
        ([8, 8, 1], ["swd_8"]),
        ([28, 28, 1], ["swd_28"]),
        ([64, 64, 3], ["swd_64", "swd_32", "swd_16"]),
        ([33, 70, 1], ["swd_33", "swd_17"]),
    ],
)
def test_levels_halve_while_they_have_16_pixels(shape, names):
    real = descriptors(random_images([2, *shape]), per_image=4)
    fake = descriptors(random_images([2, *shape], 1), per_image=4)
    result = sliced_wasserstein(real, fake, repeats=1, directions=8)
    assert list(result) == [*names, "swd"]
    assert result["swd"] == pytest.approx(np.mean([result[name] for name in names]))


@pytest.mark.parametrize("size", [32, 33])
def test_the_pyramid_of_a_flat_image_is_flat_to_its_borders(size):
    fine, coarse = swd._laplacian_pyramid(np.full([1, size, size, 2], 0.7, np.float32), 2)
    np.testing.assert_allclose(fine, 0, atol=1e-6)
    np.testing.assert_allclose(coarse, 0.7, atol=1e-6)


def test_a_pixel_is_spread_as_by_hand():
    """A lone 256 in the middle: 36, 24, 6, 16, 4, 1 around it; every second of them is kept, and spread again."""
    image = np.zeros([1, 32, 32, 1], np.float32)
    image[0, 16, 16] = 256
    fine, coarse = swd._laplacian_pyramid(image, 2)
    np.testing.assert_allclose(coarse[0, 7:10, 7:10, 0], [[1, 6, 1], [6, 36, 6], [1, 6, 1]])
    # Along one line 1 6 1 comes back as (1 + 6 * 6 + 1) / 8 in the middle; across it the same.
    assert fine[0, 16, 16, 0] == pytest.approx(256 - ((1 + 36 + 1) / 8) ** 2, rel=1e-6)


def test_batches_change_nothing():
    images = random_images([7, 16, 16, 3])
    whole, parts = descriptors(images, seed=3), descriptors(images, 3, seed=3)
    np.testing.assert_array_equal(whole.patches[0][0], np.concatenate(parts.patches[0]))
    other = descriptors(random_images([7, 16, 16, 3], 1), seed=4)
    first, second = (sliced_wasserstein(real, other, directions=16) for real in (whole, parts))
    assert first == pytest.approx(second, rel=1e-6)


def test_patches_are_cut_out_whole_and_everywhere():
    """The pixels of this image are its coordinates."""
    y, x = np.mgrid[0:9, 0:12] / 100
    cut = descriptors(np.stack([y, x], axis=-1)[None], per_image=500).patches[0][0].reshape(500, 2, 7, 7)
    np.testing.assert_allclose(cut[:, 0] - cut[:, 0, :1], np.broadcast_to(y[:7, :7], [500, 7, 7]), atol=1e-7)
    np.testing.assert_allclose(cut[:, 1] - cut[:, 1, :, :1], np.broadcast_to(x[:7, :7], [500, 7, 7]), atol=1e-7)
    corners = {tuple(corner) for corner in np.rint(100 * cut[:, :, 0, 0]).astype(int)}
    assert corners == {(row, column) for row in range(3) for column in range(6)}


def test_images_of_one_colour_give_a_number():
    flat, real = np.zeros([4, 16, 16, 1]), random_images([4, 16, 16, 1])
    # A set without deviation projects to 0; the other to what E|N(0, 1)| says, near enough.
    result = sliced_wasserstein(descriptors(flat), descriptors(real))
    assert result["swd"] == pytest.approx(1000 * np.sqrt(2 / np.pi), rel=0.05)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Descriptors((6, 9, 1)), "images of 6 x 9; expected 1 or more, and sides of 7"),
        (lambda: descriptors(np.full([1, 8, 8, 1], 255.0)), "values from 255 to 255"),
        (lambda: descriptors(np.full([1, 8, 8, 1], np.nan)), "values from nan"),
        (lambda: Descriptors((8, 8, 3)).update(np.zeros([1, 8, 8, 1])), r"images of \[8, 8, 1\]"),
        (
            lambda: sliced_wasserstein(descriptors(np.zeros([1, 8, 8, 1])), descriptors(np.zeros([2, 8, 8, 1]))),
            "descriptors of 1 images .* and of 2",
        ),
        (lambda: sliced_wasserstein(Descriptors((8, 8, 1)), Descriptors((8, 8, 1))), "descriptors of 0 images"),
        (
            lambda: sliced_wasserstein(*[descriptors(np.zeros([1, 8, 8, 1]))] * 2, directions=0),
            "4 repeats of 0 directions",
        ),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(InputError, match=message):
        call()
