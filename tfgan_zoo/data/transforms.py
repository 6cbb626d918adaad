"""Augmentation of one example: `(element, seed [2], columns) -> element`, in-graph, a function of the seed alone.

An element is a dict of columns as batches hold them, `columns` says what each is (`columns.Column`). One draw moves all
columns of an example: pictures by interpolation, masks by the nearest pixel, labels and text not at all.
`independently` gives each column a draw of its own.
"""

import tensorflow as tf

from tfgan_zoo.errors import InputError


def random_flip(element, seed, columns):
    """Mirrors left and right, half of the time."""
    flip = tf.random.stateless_uniform([], seed) < 0.5
    return element | {k: tf.where(flip, tf.reverse(element[k], [-2]), element[k]) for k in _placed(columns)}


def random_jitter(scale):
    """Resizes up by `scale` and crops back at a random place: pix2pix section 6.2, where it is 286/256.

    Columns of different sizes keep one relative place. It is drawn on the grid of the smallest, so that where another
    is a whole number of times as large, both show the same to the pixel.

    Args:
        scale: how much larger the pictures become, 1 or more.
    """

    def jitter(element, seed, columns):
        sizes = {k: element[k].shape[-3:-1].as_list() for k in _placed(columns)}
        if not sizes:
            return element
        small = min(sizes.values())
        large = [round(n * scale) for n in small]
        place = tf.random.stateless_uniform([2], seed)
        corner = tf.cast(place * [a - b + 1 for a, b in zip(large, small, strict=True)], tf.int32)

        def crop(value, size, method):
            ratio = [a / b for a, b in zip(size, small, strict=True)]
            enlarged = tf.image.resize(value, [round(n * r) for n, r in zip(large, ratio, strict=True)], method)
            top, left = tf.unstack(tf.cast(tf.round(tf.cast(corner, tf.float32) * ratio), tf.int32))
            begin = [0] * (value.shape.rank - 3) + [top, left, 0]
            return tf.slice(enlarged, begin, value.shape)

        methods = {"bicubic": "bilinear", "nearest": "nearest"}
        return element | {k: crop(element[k], size, methods[columns[k].resize]) for k, size in sizes.items()}

    return jitter


def random_crop(height, width):
    """Cuts a part of one size out at a random place: patches of large pictures.

    Columns of different sizes keep one place to the pixel. It is drawn on the grid of the smallest; the sides of the
    others are whole multiples of its sides.

    Args:
        height, width: of the part in the largest column; in each smaller one it is as many times smaller.

    Raises:
        InputError: the part is larger than the pictures, or no whole number of pixels in each column.
    """

    def crop(element, seed, columns):
        sizes = {k: element[k].shape[-3:-1].as_list() for k in _placed(columns)}
        if not sizes:
            return element
        small, large = min(sizes.values()), max(sizes.values())
        pairs = list(zip((height, width), large, small, strict=True))
        shrinks = [whole // least for _, whole, least in pairs]
        exact = all(part <= whole and part % times == 0 for (part, whole, _), times in zip(pairs, shrinks, strict=True))
        if not exact or any(n % least for size in sizes.values() for n, least in zip(size, small, strict=True)):
            found = ", ".join(f"{k} {h}x{w}" for k, (h, w) in sizes.items())
            raise InputError(f"a part of {height}x{width} of {found}: expected no more, and whole pixels in each")
        kept = [part // times for (part, _, _), times in zip(pairs, shrinks, strict=True)]  # of the smallest
        place = tf.random.stateless_uniform([2], seed)
        corner = tf.cast(place * [n - m + 1 for n, m in zip(small, kept, strict=True)], tf.int32)

        def cut(value, size):
            ratio = [a // b for a, b in zip(size, small, strict=True)]
            begin = tf.concat([[0] * (value.shape.rank - 3), corner * ratio, [0]], 0)
            part = [m * r for m, r in zip(kept, ratio, strict=True)]
            return tf.slice(value, begin, [*value.shape[:-3], *part, value.shape[-1]])

        return element | {k: cut(element[k], size) for k, size in sizes.items()}

    return crop


def independently(transform):
    """`transform` with a draw of its own for each column, as unpaired images want it."""

    def each(element, seed, columns):
        return {
            k: transform({k: x}, tf.random.fold_in(seed, i) if len(element) > 1 else seed, {k: columns[k]})[k]
            for i, (k, x) in enumerate(element.items())
        }

    return each


def compose(*transforms):
    """Several, one after the other, each with a seed of its own."""

    def all_of_them(element, seed, columns):
        for i, transform in enumerate(transforms):
            element = transform(element, tf.random.fold_in(seed, i), columns)
        return element

    return all_of_them


def _placed(columns):
    """The names of the columns that have a place in the picture."""
    return [name for name, column in columns.items() if column.resize is not None]
