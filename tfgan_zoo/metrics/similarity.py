"""How alike two images are: PSNR, SSIM, MS-SSIM; and how alike the images of one set are, which measures diversity.

SSIM: Wang et al. 2004; MS-SSIM: Wang, Simoncelli and Bovik 2003: an 11 x 11 Gaussian of deviation 1.5, without padding,
K1 = 0.01, K2 = 0.03, channels averaged. In float64: `tf.image.ssim` computes in float32, where the variances of flat
regions are rounding errors, which cost 1e-4 of the result. Nothing is rounded to 8 bits.
"""

import numpy as np

from tfgan_zoo.errors import InputError
from tfgan_zoo.metrics import checks

FILTER = 11
BORDER = 4  # pixels that papers on super-resolution leave out, at a scale of 4
WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)  # of the scales, finest first: Wang et al. 2003


def psnr(a, b, *, crop=0, luma=False):
    """Peak signal to noise ratio in dB, over all pixels and channels; infinite for equal images.

    Args:
        a, b: `[B, H, W, C]` in [-1, 1].
        crop: pixels that are left out at each border; the upscaling factor in super-resolution.
        luma: on Y of BT.601 in its studio range (16 to 235 of 255), as super-resolution papers measure (MATLAB's
            `rgb2ycbcr`), instead of RGB.

    Returns:
        `[B]` float64.

    Raises:
        InputError: shapes or values that do not fit.
    """
    a, b = _prepare(a, b, crop, luma)
    with np.errstate(divide="ignore"):
        return -10 * np.log10(np.mean((a - b) ** 2, axis=(1, 2, 3)))


def ssim(a, b, *, crop=0, luma=False):
    """Structural similarity; 1 for equal images. Arguments and result as of `psnr`; at least 11 x 11 after the crop."""
    a, b = _prepare(a, b, crop, luma)
    if min(a.shape[1:3]) < FILTER:
        raise InputError(f"images of {a.shape[1]} x {a.shape[2]} after the crop; SSIM needs sides of {FILTER} or more")
    return _compare(a, b)[0].mean(axis=1)


def psnr_y(a, b):
    """`psnr` as super-resolution papers measure it: on Y, without 4 pixels at each border.

    Args:
        a, b: `[B, H, W, C]` in [-1, 1], RGB; grey images are taken for RGB ones of three equal channels.

    Returns:
        `[B]` float64.

    Raises:
        InputError: shapes or values that do not fit.
    """
    return psnr(_colour(a), _colour(b), crop=BORDER, luma=True)


def ssim_y(a, b):
    """`ssim`, arguments and result as of `psnr_y`."""
    return ssim(_colour(a), _colour(b), crop=BORDER, luma=True)


def _colour(images):
    images = np.asarray(images)
    return np.repeat(images, 3, axis=-1) if images.ndim == 4 and images.shape[-1] == 1 else images


def ms_ssim(a, b, *, crop=0, luma=False):
    """Multi-scale structural similarity on `scales(height, width)` scales. Arguments and result as of `psnr`.

    The five weights are the published ones (their sum is 1.0001). Where the image is too small for five scales, the
    first ones are taken and divided by their sum; below 11 pixels the filter shrinks with the image. Such numbers
    compare only with their like. (ProGAN's code shrinks the filter instead of leaving out scales.)
    """
    a, b = _prepare(a, b, crop, luma)
    count = scales(*a.shape[1:3])
    weights = WEIGHTS if count == len(WEIGHTS) else np.array(WEIGHTS[:count]) / sum(WEIGHTS[:count])
    result = 1.0
    for i, weight in enumerate(weights):
        whole, contrast = _compare(a, b)  # [B, C] each
        result = result * np.maximum(whole if i == count - 1 else contrast, 0.0) ** weight
        a, b = _halve(a), _halve(b)
    return result.mean(axis=1)


def scales(height, width):
    """How many scales, at most 5, `ms_ssim` has on such images: each halves, and the last holds the 11 x 11 filter."""
    count, side = 1, (min(height, width) + 1) // 2
    while count < len(WEIGHTS) and side >= FILTER:
        count, side = count + 1, (side + 1) // 2
    return count


def pair_ms_ssim(images, *, pairs, seed, batch_size=64):
    """Mean MS-SSIM of random pairs of different images: the higher, the less diverse they are.

    Args:
        images: `[N, H, W, C]` in [-1, 1], N at least 2.
        pairs: how many.
        seed: of the pairs.
        batch_size: pairs compared at once.

    Returns:
        `{"ms_ssim": ..., "ms_ssim_scales": how many scales (see `ms_ssim`)}`.

    Raises:
        InputError: fewer than 2 images or 1 pair; shapes or values that do not fit.
    """
    if len(images) < 2 or pairs < 1:
        raise InputError(f"{pairs} pairs of {len(images)} images; expected at least 1 pair and 2 images")
    rng = np.random.default_rng(seed)
    first = rng.integers(len(images), size=pairs)
    second = (first + rng.integers(1, len(images), size=pairs)) % len(images)  # never the same image
    values = []
    for start in range(0, pairs, batch_size):
        part = slice(start, start + batch_size)
        values.append(ms_ssim(np.take(images, first[part], axis=0), np.take(images, second[part], axis=0)))
    count = scales(*np.shape(images)[1:3])
    return {"ms_ssim": float(np.concatenate(values).mean(dtype=np.float64)), "ms_ssim_scales": count}


def ms_ssim_within(images, labels, *, pairs, seed, batch_size=64):
    """`pair_ms_ssim` within each class: the measure of Odena et al. 2017 (arXiv 1610.09585), 100 pairs per class there.

    Args:
        images: `[N, H, W, C]` in [-1, 1].
        labels: `[N]`, at least 2 images of each.
        pairs: per class.
        seed: of the pairs.
        batch_size: pairs compared at once.

    Returns:
        `{"ms_ssim": mean over the classes, "ms_ssim_max": of the least diverse class, "ms_ssim_scales": ...}`.

    Raises:
        InputError: another number of labels than images; else as `pair_ms_ssim`.
    """
    images, labels = np.asarray(images), np.asarray(labels)
    if labels.shape != images.shape[:1] or not len(labels):
        raise InputError(f"labels of shape {list(labels.shape)} for images of {list(images.shape)}; expected one each")
    results = [
        pair_ms_ssim(images[labels == label], pairs=pairs, seed=[seed, i], batch_size=batch_size)
        for i, label in enumerate(np.unique(labels))
    ]
    values = [result["ms_ssim"] for result in results]
    return results[0] | {"ms_ssim": float(np.mean(values)), "ms_ssim_max": max(values)}


def _prepare(a, b, crop, luma):
    """Checked, in [0, 1] (SSIM is not defined on negative values), cropped, float64."""
    a, b = checks.images(a, "the first images"), checks.images(b, "the second images")
    if a.shape != b.shape:
        raise InputError(f"images of the shapes {list(a.shape)} and {list(b.shape)}; expected the same")
    if not 0 <= 2 * crop < min(a.shape[1:3]):
        raise InputError(f"crop={crop} of images of {a.shape[1]} x {a.shape[2]}; expected 0 or more, something left")
    if luma and a.shape[-1] != 3:
        raise InputError(f"luma of images of {a.shape[-1]} channels; expected RGB: leave luma out")
    inner = slice(crop, -crop or None)
    a, b = ((x[:, inner, inner].astype(np.float64) + 1) / 2 for x in (a, b))
    return (_luma(a), _luma(b)) if luma else (a, b)


def _luma(rgb):
    return (16 + rgb @ np.array([[65.481], [128.553], [24.966]])) / 255


def _compare(a, b):
    """SSIM and its contrast and structure term, means over the places: `[B, C]` each."""
    size = min(FILTER, *a.shape[1:3])
    window = np.exp(-0.5 * ((np.arange(size) - (size - 1) / 2) / (1.5 * size / FILTER)) ** 2)
    window /= window.sum()
    mean_a, mean_b = _smooth(a, window), _smooth(b, window)
    covariance = _smooth(a * b, window) - mean_a * mean_b
    variances = _smooth(a * a + b * b, window) - mean_a**2 - mean_b**2
    luminance = (2 * mean_a * mean_b + 0.01**2) / (mean_a**2 + mean_b**2 + 0.01**2)
    contrast = (2 * covariance + 0.03**2) / (variances + 0.03**2)
    return (luminance * contrast).mean(axis=(1, 2)), contrast.mean(axis=(1, 2))


def _smooth(x, window):
    height, width = (side - len(window) + 1 for side in x.shape[1:3])
    x = sum(weight * x[:, i : i + height] for i, weight in enumerate(window))
    return sum(weight * x[:, :, i : i + width] for i, weight in enumerate(window))


def _halve(x):
    """Means of 2 x 2 pixels; an odd side repeats its last row or column, as `tf.image` does."""
    x = np.pad(x, [(0, 0), (0, x.shape[1] % 2), (0, x.shape[2] % 2), (0, 0)], mode="edge")
    return (x[:, ::2, ::2] + x[:, 1::2, ::2] + x[:, ::2, 1::2] + x[:, 1::2, 1::2]) / 4
