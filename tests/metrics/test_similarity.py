import numpy as np
import pytest

from tfgan_zoo.errors import InputError
from tfgan_zoo.metrics import similarity


def random_images(shape, seed=0):
    return np.random.default_rng(seed).uniform(-1, 1, shape).astype(np.float32)


def test_psnr_is_that_of_the_mean_squared_error_of_each_image():
    """Differences of 0.2 and 0.02 of a range of 2: 20 dB and 40 dB."""
    a = np.zeros([2, 8, 8, 3])
    np.testing.assert_allclose(similarity.psnr(a, a + np.reshape([0.2, 0.02], [2, 1, 1, 1])), [20, 40], rtol=1e-6)
    assert similarity.psnr(a, a).tolist() == [np.inf, np.inf]


def test_the_crop_leaves_the_border_out():
    a = np.zeros([1, 8, 8, 1])
    b = np.ones([1, 8, 8, 1])
    b[:, 2:-2, 2:-2] = 0.2
    assert similarity.psnr(a, b, crop=2) == pytest.approx(20, rel=1e-6)
    assert similarity.psnr(a, b, crop=1) == pytest.approx(10 * np.log10(4 / ((16 * 0.04 + 20) / 36)), rel=1e-6)


def test_luma_weighs_the_channels_as_bt_601_does():
    """A difference of 0.2 (0.1 of the range) in green alone is 12.8553 of 255 in Y."""
    a = np.zeros([1, 8, 8, 3])
    b = a + [0.0, 0.2, 0.0]
    assert similarity.psnr(a, b, luma=True) == pytest.approx(20 * np.log10(255 / 12.8553), rel=1e-6)
    black, white = -np.ones([1, 1, 1, 3]), np.ones([1, 1, 1, 3])
    assert 255 * similarity._luma((black + 1) / 2) == pytest.approx(16)
    assert 255 * similarity._luma((white + 1) / 2) == pytest.approx(235)


def test_psnr_y_and_ssim_y_are_of_luma_without_4_pixels_at_each_border():
    """-20 log10 e of an error e in Y, wherever the border is; of grey images Y spans 219 of 255."""
    a, b = np.zeros([1, 20, 20, 3]), np.full([1, 20, 20, 3], [0.0, 0.2, 0.0])
    b[:, :4], b[:, -4:], b[:, :, :4], b[:, :, -4:] = -1, 1, 0.5, -0.5
    assert similarity.psnr_y(a, b) == pytest.approx(-20 * np.log10(12.8553 / 255), rel=1e-6)
    grey = np.zeros([1, 20, 20, 1])
    assert similarity.psnr_y(grey, grey + 0.2) == pytest.approx(20 - 20 * np.log10(219 / 255), rel=1e-6)
    images = [random_images([2, 20, 24, 3], seed) for seed in (0, 1)]
    inner = [image[:, 4:-4, 4:-4] for image in images]
    np.testing.assert_allclose(similarity.ssim_y(*images), similarity.ssim(*inner, luma=True), rtol=1e-12)
    with pytest.raises(InputError, match="luma of images of 4 channels"):
        similarity.psnr_y(*[np.zeros([1, 20, 20, 4])] * 2)


def test_ssim_of_flat_images_is_its_luminance_term():
    """0.25 and 0.75 of the range, no variance: (2 * 0.1875 + 1e-4) / (0.0625 + 0.5625 + 1e-4)."""
    a, b = np.full([1, 11, 11, 1], -0.5), np.full([1, 11, 11, 1], 0.5)
    assert similarity.ssim(a, b) == pytest.approx((2 * 0.1875 + 1e-4) / (0.625 + 1e-4), rel=1e-6)


@pytest.mark.parametrize(("size", "count"), [(176, 5), (161, 5), (160, 4), (64, 3), (28, 2), (20, 1), (8, 1)])
def test_small_images_have_fewer_scales(size, count):
    assert similarity.scales(size, size + 5) == count
    images = random_images([2, size, size, 1])
    np.testing.assert_allclose(similarity.ms_ssim(images, images), 1, rtol=1e-6)


def test_the_luminance_term_has_the_weight_of_the_last_scale():
    """Flat images differ in luminance only, which the last scale alone counts."""
    term = (2 * 0.1875 + 1e-4) / (0.625 + 1e-4)
    for size, weight in ((176, 0.1333), (64, 0.3001 / (0.0448 + 0.2856 + 0.3001)), (16, 1.0)):
        a, b = np.full([1, size, size, 1], -0.5), np.full([1, size, size, 1], 0.5)
        assert similarity.ms_ssim(a, b) == pytest.approx(term**weight, rel=1e-9)


def test_one_scale_is_plain_ssim():
    a, b = random_images([3, 16, 16, 3]), random_images([3, 16, 16, 3], 1)
    b = 0.7 * a + 0.3 * b
    np.testing.assert_allclose(similarity.ms_ssim(a, b), similarity.ssim(a, b), rtol=1e-6)


def test_pairs_are_of_different_images():
    """Of two images, every pair is the same: the mean is their MS-SSIM, whatever the seed."""
    a, b = random_images([2, 1, 32, 32, 1])
    b = 0.5 * a + 0.5 * b
    result = similarity.pair_ms_ssim(np.concatenate([a, b]), pairs=9, seed=3, batch_size=4)
    assert result == {"ms_ssim": pytest.approx(similarity.ms_ssim(a, b)[0], rel=1e-6), "ms_ssim_scales": 2}
    assert 0.2 < result["ms_ssim"] < 0.95


def test_classes_are_compared_within_themselves():
    """One class repeats an image, the other holds a light and a dark one."""
    flat = [np.full([16, 16, 1], value) for value in (-0.5, 0.5)]
    textured = random_images([16, 16, 1])
    images, labels = np.stack([flat[0], textured, flat[1], textured]), np.array([4, 7, 4, 7])
    result = similarity.ms_ssim_within(images, labels, pairs=5, seed=0)
    term = (2 * 0.1875 + 1e-4) / (0.625 + 1e-4)
    assert result == {
        "ms_ssim": pytest.approx((term + 1) / 2, rel=1e-6),
        "ms_ssim_max": pytest.approx(1, rel=1e-6),
        "ms_ssim_scales": 1,
    }


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: similarity.psnr(np.zeros([1, 8, 8, 1]), np.zeros([1, 8, 9, 1])), "expected the same"),
        (lambda: similarity.psnr(np.zeros([8, 8, 1]), np.zeros([8, 8, 1])), r"expected \[B, H, W, C\]"),
        (lambda: similarity.psnr(*[np.full([1, 8, 8, 1], 3.0)] * 2), r"from 3 to 3; expected \[-1, 1\]"),
        (lambda: similarity.psnr(*[np.zeros([1, 8, 8, 1])] * 2, crop=4), "crop=4 of images of 8 x 8"),
        (lambda: similarity.psnr(*[np.zeros([1, 8, 8, 1])] * 2, luma=True), "luma of images of 1 channels"),
        (lambda: similarity.ssim(*[np.zeros([1, 12, 12, 1])] * 2, crop=1), "images of 10 x 10 after the crop"),
        (lambda: similarity.pair_ms_ssim(np.zeros([1, 8, 8, 1]), pairs=1, seed=0), "1 pairs of 1 images"),
        (
            lambda: similarity.ms_ssim_within(np.zeros([3, 8, 8, 1]), [0, 1], pairs=1, seed=0),
            r"labels of shape \[2\]",
        ),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(InputError, match=message):
        call()
