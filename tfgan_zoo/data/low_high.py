"""Pictures in two sizes, for super-resolution: the columns `image`, low resolution, and `target`, the picture itself.

The low one is made where pictures are read, by Pillow's bicubic filter (Keys' with a = -1/2, widened as it shrinks), on
8 bits; it is a part of the prepared set, and `scale` of its fingerprint. MATLAB's `imresize`, by which papers make
theirs, has the same kernel and differs at the borders.
"""

import dataclasses
import functools
import pathlib

from tfgan_zoo.data import columns, decoding, folders, images, layouts, sets
from tfgan_zoo.errors import InputError


def low_high(
    dataset,
    *,
    image_size,
    scale=4,
    tiles=False,
    channels=None,
    fit=None,
    value_range=None,
    data_dir=None,
    style="sans",
):
    """Pictures, and the same `scale` times smaller.

    Args:
        dataset, channels, value_range, data_dir, style: as `images.images` takes them.
        image_size: height and width of the large ones, an int or two; multiples of `scale`.
        scale: how many times lower and narrower the small ones are.
        tiles: cut each picture, at its own scale, into as many parts of `image_size` as fit, in the middle. A picture
            without room for one is named as a broken one is, and the next stands in for it.
        fit: as in `images.images`, without `tiles`.

    Raises:
        InputError: the data cannot be found, or is of another kind; a size that does not fit `scale`.
    """
    plain = images.pictures(image_size, channels, fit, value_range)
    if scale < 2 or plain.height % scale or plain.width % scale:
        size = f"{plain.height}x{plain.width}"
        raise InputError(f"image_size is {size} and scale {scale}; give a scale of 2 or more, and multiples of it")
    if tiles and fit:
        raise InputError(f"fit is {fit!r} and tiles are asked for, which are cut as they are; give one of them")
    decode = _LowHigh(**vars(plain), scale=scale, tiles=tiles)
    names, others = ("image", "target"), {"scale": str(scale), "tiles": "yes" if tiles else "no"}
    found = images.resolve(dataset, data_dir)
    if isinstance(found, pathlib.Path):
        layout = layouts.single(folders.walk(found))
        data = images.from_files("low_high", dataset, found, layout, names, decode, data_dir, **others)
    else:
        features = [sets.image_feature(found, dataset, style)]
        data = images.from_tfds("low_high", dataset, found, names, features, decode, "", data_dir, **others)
    low, high = ("x".join(map(str, data.shapes[name])) for name in names)
    counts = f"{data.train.counts[0]:,} training and {data.test.counts[0]:,} held-out"
    what = "parts of pictures" if tiles else "pictures"
    return dataclasses.replace(data, description=f"{data.name}: {counts} {what}, {low} -> {high}", fit="")


@dataclasses.dataclass(frozen=True)
class _LowHigh(decoding.Pictures):
    """Decodes a file, or the part of it that has a corner, into a small and a large picture."""

    scale: int = 4
    tiles: bool = False

    def __call__(self, file, *corner):
        """The path or the bytes of a file, top and left of a part -> two arrays."""
        if corner:
            whole = _whole(file, self.channels, self.value_range, self.found_range)
            top, left = corner
            high = whole[top : top + self.height, left : left + self.width]
            if high.shape[:2] != (self.height, self.width):
                size = f"{whole.shape[1]} wide and {whole.shape[0]} high"
                raise ValueError(f"{size}: no room for a part of {self.width} and {self.height}")
        else:
            (high,) = super().__call__(file)
        return decoding.scaled(high, self.height // self.scale, self.width // self.scale), high

    def columns(self, names):
        low, high = (columns.picture(self.height // s, self.width // s, self.channels) for s in (self.scale, 1))
        return dict(zip(names, (low, high), strict=True))

    def examples(self, items):
        return self._parts(items) if self.tiles else items

    def _parts(self, items):
        for name, (file,) in items:
            try:
                header = decoding.header(file)
            except Exception:  # Pillow raises a dozen kinds on broken files; it is named when it is read.
                yield name, (file, 0, 0)
                continue
            rows, across = (n // part for n, part in ((header.height, self.height), (header.width, self.width)))
            top, left = (header.height - rows * self.height) // 2, (header.width - across * self.width) // 2
            corners = [(top + i * self.height, left + k * self.width) for i in range(rows) for k in range(across)]
            for at, corner in enumerate(corners or [(0, 0)]):
                yield f"{name} part {at}" if corners else name, (file, *corner)


@functools.lru_cache(maxsize=4)  # the parts of a picture follow each other
def _whole(file, channels, value_range, found_range):
    header = decoding.header(file)
    return decoding.read(file, header.height, header.width, channels, "crop", value_range, found_range)
