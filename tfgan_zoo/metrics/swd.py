"""Sliced Wasserstein distance on Laplacian pyramids, which needs no network.

"Progressive Growing of GANs for Improved Quality, Stability, and Variation", Karras et al. 2018 (arXiv 1710.10196),
section 5.
"""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from tfgan_zoo.errors import InputError
from tfgan_zoo.metrics import checks

PATCH = 7
AT_ONCE = 16  # directions; each takes 4 bytes per descriptor


class Descriptors:
    """Random 7 x 7 patches of every level of the Laplacian pyramids of images that come in batches.

    Levels halve while the shorter side is at least 16; an image below that is one level, itself. The paper takes 16,384
    images, its code 8-bit ones; here they are not rounded. Memory: `per_image * 49 * C * 4` bytes per image and level
    (75 kB for 128 patches of RGB: 1.2 GB for the paper's count), kept to the end, as in that code.

    Args:
        image_shape: `(H, W, C)`, sides of 7 or more.
        per_image: patches per image and level.
        seed: of the places of the patches, which are functions of it and of the image's number, whatever the batches.
            Real and fake images want seeds of their own; with the same seed patches lie at the same places.
    """

    def __init__(self, image_shape, *, per_image=128, seed=0):
        height, width, self.channels = image_shape
        if min(height, width) < PATCH or per_image < 1:
            raise InputError(
                f"{per_image} patches of images of {height} x {width}; expected 1 or more, and sides of {PATCH} or more"
            )
        self.image_shape, self.per_image, self.count = tuple(image_shape), per_image, 0
        self.sizes = [(height, width)]  # of the levels
        while min(size := tuple((side + 1) // 2 for side in self.sizes[-1])) >= 16:
            self.sizes.append(size)
        self.patches = [[] for _ in self.sizes]  # per level, arrays [n, C * 49]
        self._sums = np.zeros([2, len(self.sizes), self.channels])  # of values and of their squares
        self._rng = np.random.default_rng(seed)

    def update(self, images):
        """Adds `images [B, H, W, C]` in [-1, 1].

        Raises:
            InputError: another shape or range.
        """
        images = checks.images(images)
        if images.shape[1:] != self.image_shape:
            raise InputError(f"images of {list(images.shape[1:])}; expected {list(self.image_shape)}, as announced")
        places = self._rng.random([len(images), len(self.sizes), self.per_image, 2])
        which = np.repeat(np.arange(len(images)), self.per_image)
        for i, level in enumerate(_laplacian_pyramid(images, len(self.sizes))):
            windows = sliding_window_view(level, (PATCH, PATCH), axis=(1, 2))  # [B, H - 6, W - 6, C, 7, 7]
            y, x = (places[:, i] * windows.shape[1:3]).astype(int).reshape(-1, 2).T
            patches = windows[which, y, x]  # [B * per_image, C, 7, 7]
            self._sums[0, i] += patches.sum(axis=(0, 2, 3), dtype=np.float64)
            self._sums[1, i] += np.square(patches, dtype=np.float64).sum(axis=(0, 2, 3))
            self.patches[i].append(patches.reshape(len(patches), -1))
        self.count += len(images)

    def project(self, level, directions):
        """Descriptors, each channel with mean 0 and deviation 1 over all of them, on `directions [n, C * 49]`, sorted.

        Returns:
            `[n, count * per_image]` float32.
        """
        mean, square = self._sums[:, level] / (self.count * self.per_image * PATCH**2)  # [C] each
        deviation = np.sqrt(np.maximum(square - mean**2, 0.0))
        flat = deviation < 1e-6  # of one colour: no deviation to divide by
        scaled = directions / np.repeat(np.where(flat, 1.0, deviation), PATCH**2)
        offset = scaled @ np.repeat(mean, PATCH**2)  # so that no normalised copy is made
        scaled = scaled.astype(np.float32)
        projected = np.concatenate([scaled @ patches.T for patches in self.patches[level]], axis=1)
        projected -= offset[:, None].astype(np.float32)
        projected.sort(axis=1)
        return projected


def sliced_wasserstein(a, b, *, repeats=4, directions=128, seed=0):
    """Mean Wasserstein-1 distance of the descriptors along random directions, per level, times 1000 as in the paper.

    Args:
        a, b: `Descriptors` of as many images of one shape.
        repeats, directions: `repeats * directions` directions are drawn for each level.
        seed: of the directions.

    Returns:
        `{"swd_<shorter side of the level>": ..., ..., "swd": their mean}`, each times 1000.

    Raises:
        InputError: no images, or not as many of the same shape.
    """
    if (a.image_shape, a.per_image, a.count) != (b.image_shape, b.per_image, b.count) or not a.count:
        raise InputError(
            f"descriptors of {a.count} images {list(a.image_shape)} and of {b.count} images {list(b.image_shape)}, "
            f"{a.per_image} and {b.per_image} each; expected as many of one shape"
        )
    if min(repeats, directions) < 1:
        raise InputError(f"{repeats} repeats of {directions} directions; expected at least 1 each")
    rng = np.random.default_rng(seed)
    result = {}
    for level, size in enumerate(a.sizes):
        ways = rng.standard_normal([repeats * directions, a.channels * PATCH**2])
        ways /= np.linalg.norm(ways, axis=1, keepdims=True)
        total = 0.0
        for start in range(0, len(ways), AT_ONCE):
            part = ways[start : start + AT_ONCE]
            total += np.abs(a.project(level, part) - b.project(level, part)).mean(axis=1, dtype=np.float64).sum()
        result[f"swd_{min(size)}"] = float(1000 * total / len(ways))
    return result | {"swd": float(np.mean(list(result.values())))}


def _laplacian_pyramid(images, levels):
    pyramid = [images]
    for _ in range(levels - 1):
        smaller = _blur(pyramid[-1])[:, ::2, ::2]
        spread = np.zeros_like(pyramid[-1])
        spread[:, ::2, ::2] = 4 * smaller  # the blur takes three of four zeros in
        pyramid[-1] = pyramid[-1] - _blur(spread)
        pyramid.append(smaller)
    return pyramid


def _blur(images):
    """5 x 5 binomial filter; the border is mirrored without being repeated."""
    for axis in (1, 2):
        padded = np.pad(images, [(2, 2) if i == axis else (0, 0) for i in range(4)], mode="reflect")
        shifts = [np.take(padded, range(i, i + images.shape[axis]), axis) for i in range(5)]
        images = sum(np.float32(weight / 16) * part for weight, part in zip((1, 4, 6, 4, 1), shifts, strict=True))
    return images
