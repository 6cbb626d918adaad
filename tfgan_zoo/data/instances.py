"""Pairs with ids of instances: which pixels of a picture belong to one thing. The kind `instances`.

The ids are read from files or, where there are none, found in the picture to be translated: each connected piece of ink
is an instance, and so is the paper.
"""

import dataclasses
import pathlib

import numpy as np
import tensorflow as tf

from tfgan_zoo.data import columns, decoding, folders, images, layouts, sets
from tfgan_zoo.errors import InputError

NAMES = ("image", "instance", "target")


def instances(
    dataset,
    *,
    image_size,
    channels=None,
    fit=None,
    value_range=None,
    direction="a_to_b",
    source="sans",
    target="serif_bold_italic",
    data_dir=None,
):
    """Aligned pairs and ids: the columns `image` and `target`, and `instance`, int32 `[H, W, 1]`.

    Args:
        dataset: as of `images.pairs`; a folder of `A/` and `B/` may have `instances/` beside them, with a file of ids
            for each pair, of the same name (docs/data.md).
        image_size, channels, fit, value_range, direction, source, target, data_dir: as of `images.pairs`. Ids are
            those of the place whichever of the two pictures is the first; found ones are those of the first.

    Raises:
        InputError: the data cannot be found, or is of another kind.
    """
    decode = _Pictures(**vars(images.pictures(image_size, channels, fit, value_range)))
    if direction not in ("a_to_b", "b_to_a"):
        raise InputError(f"direction is {direction!r}; give a_to_b or b_to_a")
    swap = direction == "b_to_a"
    found = images.resolve(dataset, data_dir)
    if isinstance(found, pathlib.Path):
        layout = layouts.paired_with_ids(folders.walk(found, ("pairs.csv", "pairs.jsonl")), swap)
        if layout.side_by_side:
            decode = _Halves(**vars(decode) | {"fit": fit or "stretch"}, swap=swap)
        return images.from_files(
            "instances", dataset, found, layout, NAMES, decode, data_dir, shown=_shown, direction=direction
        )
    a, b = sets.two_features(found, dataset, source, target)
    features = [b, a] if swap else [a, b]
    what = f"pairs {' -> '.join(features)} with ids of connected ink"
    return images.from_tfds("instances", dataset, found, NAMES, features, decode, what, data_dir)


def connected(picture):
    """Ids of the connected pieces of ink: uint8 [H, W, C] -> int32 [H, W, 1].

    Ink is what is darker than half, in the mean of its colours (opacity aside); pixels that touch, at a corner too, are
    of one piece. Paper is 0, the pieces are 1, 2, ... in the order of their first pixels, row by row.
    """
    colours = picture[..., :3] if picture.shape[-1] == 4 else picture
    ink = np.pad(colours.mean(-1) < 127.5, 1)
    width = ink.shape[1]
    place = np.flatnonzero(ink)
    root = np.arange(ink.size)
    pairs = [(place[ink.flat[place + step]], step) for step in (1, width - 1, width, width + 1)]
    a = np.concatenate([here for here, _ in pairs])
    b = np.concatenate([here + step for here, step in pairs])
    while True:  # each round joins neighbours and halves the way to the root
        low = np.minimum(root[a], root[b])
        before = root.copy()
        for end in (a, b):
            np.minimum.at(root, before[end], low)
        root = root[root]
        if np.array_equal(root, before):
            break
    _, number = np.unique(root[place], return_inverse=True)
    found = np.zeros(ink.shape, np.int32)
    found.flat[place] = number + 1
    return found[1:-1, 1:-1, None]


@dataclasses.dataclass(frozen=True)
class _Pictures(decoding.Pictures):
    """Decodes two files, or three of which the second has ids, into a picture, ids and a picture."""

    def __call__(self, first, *rest):
        image, target = super().__call__(first, rest[-1])
        ids = decoding.read_ids(rest[0], self.height, self.width, self.fit) if len(rest) > 1 else connected(image)
        return image, ids, target

    def columns(self, names):
        return super().columns(names) | {"instance": _column(self.height, self.width)}


@dataclasses.dataclass(frozen=True)
class _Halves(decoding.Halves):
    """Decodes a side-by-side file into a picture, ids and a picture."""

    def __call__(self, file):
        image, target = super().__call__(file)
        return image, connected(image), target

    def columns(self, names):
        return super().columns(names) | {"instance": _column(self.height, self.width)}


def _column(height, width):
    return columns.Column(tf.TensorSpec([height, width, 1], tf.int32), "nearest")


def _shown(parts):
    return (parts[0], parts[-1]) if len(parts) > 1 else parts
