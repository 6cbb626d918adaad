"""Pictures with holes: the columns `image`, grey in the hole, `mask`, 1 where the picture is known and 0 in the hole,
and `target`, the whole picture.

The mask of example number i is a function of i and of what `masks` says, so a held-out example always has the same.
In training `Masked.redraw`, a transform, gives an example another mask each time it comes, a function of (seed, number
in the run): a resumed run draws what it would have drawn.
"""

import dataclasses
import hashlib
import math
import pathlib
from collections.abc import Callable
from typing import NamedTuple

import tensorflow as tf

from tfgan_zoo.data import batches, counted, images
from tfgan_zoo.data.columns import Column, Data
from tfgan_zoo.errors import InputError

WALKS, TURNS = 4, 4  # of the strokes: at most so many walks, of so many straight parts each
BINS = 5  # neighbouring examples have holes of different sizes: from the least to the largest in so many parts
_GREY = 128  # of 255, in the hole
_ACCEPTED = "give strokes, strokes:LEAST,MOST, pixels, pixels:LEAST,MOST, center, half, a folder, or white:FOLDER"


class Holes(NamedTuple):
    """A law of masks.

    Attributes:
        draws: how many numbers in (0, 1) a mask is a function of. The first decides how large the hole is.
        draw: `[draws] -> mask [H, W, 1]`, float32.
    """

    draws: int
    draw: Callable


@dataclasses.dataclass(frozen=True, kw_only=True)
class Masked(Data):
    """Pictures with holes: `image [H, W, C]`, `mask [H, W, 1]` float32, `target [H, W, C]`.

    Attributes:
        masks: where the holes are, as it was given.
        holes: the law of training masks.
    """

    masks: str
    holes: Holes

    def redraw(self, element, seed, columns):
        """A transform of training examples (`data/transforms.py`): a mask of its own each time an example comes."""
        mask = self.holes.draw(tf.random.stateless_uniform([self.holes.draws], seed))
        grey = self.columns["image"].in_batch(tf.constant(_GREY, tf.uint8))
        return element | {"mask": mask, "image": tf.where(mask > 0, element["target"], grey)}


def masked(dataset, *, masks="strokes", data_dir=None, **pictures):
    """Pictures with holes.

    Args:
        dataset, data_dir, pictures: as `images.images` takes them.
        masks: as `with_holes` takes it.

    Raises:
        InputError: the data or the masks cannot be found, or are of another kind.
    """
    return with_holes(images.images(dataset, data_dir=data_dir, **pictures), masks, data_dir=data_dir)


def with_holes(data, masks="strokes", *, data_dir=None):
    """Pictures, and the same with holes.

    Args:
        data: a `Data` of single images: the column `image`.
        masks: where the holes are.
            `strokes`: the pixels that are nearest to one to four random walks, as many as make a tenth to a half of the
            picture; `strokes:0.01,0.6`: another share;
            `pixels`: so many single pixels, four fifths; `pixels:0.5,0.9`: another share;
            `center`: the middle, half as high and half as wide; `half`: the left, right, upper or lower half;
            a folder of masks of one's own, made to fit, black in the hole; `white:folder`: white there. It is split as
            folders of pictures are: training and held-out examples have different masks.
        data_dir: where prepared sets are kept.

    Returns:
        A `Masked`.

    Raises:
        InputError: `masks` is none of these, a share is not in (0, 1), or the folder cannot be read.
    """
    height, width, _ = data.shapes["image"]
    train, test, made_of = _laws(masks, height, width, data_dir)
    columns = {
        "image": data.columns["image"],
        "mask": Column(tf.TensorSpec([height, width, 1], tf.float32), "nearest"),
        "target": data.columns["image"],
    }
    known = {field.name: getattr(data, field.name) for field in dataclasses.fields(Data)}
    known |= {
        "kind": "masked",
        "columns": columns,
        "train": _holed(data.train, columns, train, 0),
        "test": _holed(data.test, columns, test, 1),
        "description": f"{data.description}; holes: {masks}",
    }
    if made_of:
        known["fingerprint"] = hashlib.sha256(f"{data.fingerprint} {made_of}".encode()).hexdigest()
    return Masked(**known, masks=masks, holes=train)


def _holed(examples, columns, holes, split):
    def add(stored, numbers):
        u = counted.uniform(split, numbers, holes.draws)
        part = tf.cast(numbers % BINS, tf.float32)
        u = tf.concat([(part[:, None] + u[:, :1]) / BINS, u[:, 1:]], axis=1)
        shape = columns["mask"].spec
        mask = tf.map_fn(lambda one: tf.ensure_shape(holes.draw(one), shape.shape), u, fn_output_signature=shape)
        whole = stored["image"]
        return {"image": tf.where(mask > 0, whole, tf.constant(_GREY, tf.uint8)), "mask": mask, "target": whole}

    if isinstance(examples, batches.Streamed):
        numbered = tuple(encoded.enumerate() for encoded in examples.encoded)
        return batches.Streamed(columns, examples.counts, numbered, lambda x: add(examples.decode(x[1]), x[0]))
    return batches.Examples(columns, examples.counts, lambda i: add(examples.load(i), i))


# ---------------------------------------------------------------------------------------------------------------------
# Laws


def _laws(masks, height, width, data_dir):
    """Those of training and of held-out examples, and the fingerprint of what they are made of, "" for nothing."""
    name, _, rest = masks.partition(":")
    if name in _SHARES:
        law = _SHARES[name](_share(masks, rest, _DEFAULT_SHARES[name]), height, width)
    elif masks in _PLAIN:
        law = _PLAIN[masks](height, width)
    else:
        folder = rest if name == "white" else masks
        if not pathlib.Path(folder).expanduser().is_dir() or not folder:
            raise InputError(f"masks is {masks!r}, which is neither a law of masks nor a folder; {_ACCEPTED}")
        return _of_folder(folder, name == "white", height, width, data_dir)
    return law, law, ""


def _share(masks, text, default):
    if not text:
        return default
    try:
        least, *more = [float(part) for part in text.split(",")]
        (most,) = more or [least]
    except ValueError:
        raise InputError(f"masks is {masks!r}, whose share of the picture is no number; {_ACCEPTED}") from None
    if not 0 < least <= most < 1:
        raise InputError(f"masks is {masks!r}; expected shares of the picture above 0 and below 1, the least first")
    return least, most


def _nearest(score, u, share):
    """The mask whose hole are the pixels of the lowest `score [H, W]`, a share of them by `u` in (0, 1)."""
    flat = tf.reshape(score, [-1])
    least, most = share
    count = tf.cast(tf.round((least + (most - least) * u) * flat.shape[0]), tf.int32)
    last = tf.clip_by_value(count, 1, flat.shape[0] - 1) - 1
    return tf.cast(score > tf.raw_ops.NthElement(input=flat, n=last), tf.float32)[..., None]


def _strokes(share, height, width):
    # Drawn anew for every example of every step, beside which networks train: each operation counts.
    parts = WALKS * TURNS
    sizes = [1, 1, 2 * WALKS, WALKS, WALKS, parts, parts]
    y, x = (tf.range(n, dtype=tf.float32) + 0.5 for n in (height, width))
    size = tf.constant([height, width], tf.float32)[:, None]
    far = tf.constant(1e6, tf.float32)

    def draw(u):
        of_share, number, corner, angle, thickness, turn, length = tf.split(u, sizes)
        turn, length = (tf.reshape(v, [WALKS, TURNS]) for v in (turn, length))
        angle = 2 * math.pi * angle[:, None] + tf.cumsum(math.pi * (turn - 0.5), axis=1)  # up to a right angle a turn
        step = tf.stack([tf.sin(angle), tf.cos(angle)]) * length * (min(height, width) / 2)  # [2, WALKS, TURNS]
        begin = (tf.reshape(corner, [2, WALKS]) * size)[..., None] + tf.cumsum(step, axis=2, exclusive=True)
        there = tf.range(WALKS, dtype=tf.float32) <= tf.floor(number * WALKS)
        near = tf.where(there, 1 / (0.5 + thickness), far)[:, None]  # what distances to a walk are multiplied by
        near, dy, dx, y0, x0 = (
            tf.reshape(v, [parts, 1, 1]) for v in (near + tf.zeros([1, TURNS]), *tf.unstack(step), *tf.unstack(begin))
        )
        dy, dx, from_y, from_x = near * dy, near * dx, near * (y[:, None] - y0), near * (x - x0)
        length2 = tf.square(dy) + tf.square(dx) + 1e-6
        along = tf.clip_by_value(from_y * (dy / length2) + from_x * (dx / length2), 0.0, 1.0)  # [parts, H, W]
        distance2 = tf.square(from_y - along * dy) + tf.square(from_x - along * dx)
        return _nearest(tf.reduce_min(distance2, axis=0), of_share[0], share)

    return Holes(sum(sizes), draw)


def _pixels(share, height, width):
    return Holes(1 + height * width, lambda u: _nearest(tf.reshape(u[1:], [height, width]), u[0], share))


def _center(height, width):
    hole = tf.zeros([height // 2, width // 2, 1])
    around = [[(n - n // 2) // 2, n - n // 2 - (n - n // 2) // 2] for n in (height, width)]
    mask = tf.pad(hole, [*around, [0, 0]], constant_values=1.0)
    return Holes(1, lambda u: mask)


def _half(height, width):
    upper = tf.cast(tf.range(height) < height // 2, tf.float32)[:, None, None] * tf.ones([1, width, 1])
    left = tf.cast(tf.range(width) < width // 2, tf.float32)[:, None] * tf.ones([height, 1, 1])
    four = tf.stack([upper, 1 - upper, left, 1 - left])
    return Holes(2, lambda u: four[tf.minimum(tf.cast(u[1] * 4, tf.int32), 3)])


_SHARES = {"strokes": _strokes, "pixels": _pixels}
_DEFAULT_SHARES = {"strokes": (0.1, 0.5), "pixels": (0.8, 0.8)}
_PLAIN = {"center": _center, "half": _half}


def _of_folder(folder, hole_is_white, height, width, data_dir):
    pictures = images.images(folder, image_size=(height, width), channels=1, data_dir=data_dir)

    def law(examples):
        if isinstance(examples, batches.Streamed):
            raise InputError(f"the masks of {folder} do not fit into memory; give fewer, or smaller pictures")
        count = examples.counts[0]

        def draw(u):
            which = tf.minimum(tf.cast(u[1] * count, tf.int64), count - 1)
            white = tf.cast(examples.load(which[None])["image"][0] > 127, tf.float32)
            return 1 - white if hole_is_white else white

        return Holes(2, draw)

    return law(pictures.train), law(pictures.test), f"{pictures.fingerprint} {hole_is_white}"
