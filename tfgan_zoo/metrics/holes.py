"""How well holes are filled: the peak signal to noise ratio of what is in them, beside that of the simplest filling."""

import numpy as np

from tfgan_zoo import pictures
from tfgan_zoo.data import batches
from tfgan_zoo.errors import InputError


def border_mean(image, mask):
    """Fills each hole with one colour: the mean of the known pixels that touch it, at a side or a corner.

    Args:
        image: `[B, H, W, C]`; what it holds in the hole does not matter.
        mask: `[B, H, W, 1]`, 1 where the image is known, 0 in the hole.

    Returns:
        `[B, H, W, C]` float32; 0 where nothing known touches the hole.
    """
    image, mask = np.asarray(image, np.float32), np.asarray(mask, np.float32)
    hole = np.pad(mask == 0, [(0, 0), (1, 1), (1, 1), (0, 0)])
    height, width = mask.shape[1:3]
    near = np.any([hole[:, i : i + height, j : j + width] for i in range(3) for j in range(3)], axis=0)
    border = (near & (mask > 0)).astype(np.float32)
    mean = (image * border).sum((1, 2), keepdims=True) / np.maximum(border.sum((1, 2), keepdims=True), 1)
    return np.where(mask > 0, image, mean)


class InHoles:
    """The error in the holes of all examples that it is shown, on the levels of 8 bits."""

    def __init__(self):
        self.squares, self.count = 0.0, 0.0

    def update(self, made, target, mask):
        """Adds examples `made`, `target [B, H, W, C]` in [-1, 1] and `mask [B, H, W, 1]`."""
        made = np.round(np.clip(np.asarray(made, np.float64) * 127.5 + 127.5, 0, 255)) / 127.5 - 1
        hole = np.asarray(mask) == 0
        self.squares += float((np.square(made - target) * hole).sum())
        self.count += float(hole.sum()) * made.shape[-1]

    def psnr(self):
        """Of the mean over all pixels in holes, in dB; infinite where all are right."""
        with np.errstate(divide="ignore"):
            return float(-10 * np.log10(self.squares / self.count / 4))


def scores(inpaint, data, count=None, batch_size=None):
    """The PSNR in the holes of held-out examples, one number for all their pixels.

    The mean is taken over all pixels in holes before the logarithm: of an image whose hole is filled perfectly PSNR is
    infinite.

    Args:
        inpaint: `(image [B, H, W, C], mask [B, H, W, 1]) -> image` in [-1, 1].
        data: `masked.Masked`.
        count: of examples, the first of them; None: all.
        batch_size: examples at once; None: as `pictures.few` says.

    Returns:
        `{"psnr_hole", "psnr_hole_border_mean"}`: of the answers, and of `border_mean`.

    Raises:
        InputError: there are fewer examples than `count`.
    """
    there = min(data.test.counts)
    if count is not None and count > there:
        raise InputError(f"{count} held-out examples are asked for and {data.name} has {there}; ask for fewer")
    left, made, mean = count or there, InHoles(), InHoles()
    batch_size = min(batch_size or pictures.few(data.shapes["image"]), left)
    for batch in batches.in_order(data.test, batch_size).as_numpy_iterator():
        image, mask, target = (batch[name][:left] for name in ("image", "mask", "target"))
        made.update(inpaint(image, mask), target, mask)
        mean.update(border_mean(image, mask), target, mask)
        left -= len(image)
        if not left:
            break
    return {"psnr_hole": made.psnr(), "psnr_hole_border_mean": mean.psnr()}
