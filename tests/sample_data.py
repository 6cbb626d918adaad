"""What the tests of `tfgan_zoo/data` share: small files and folders, and how to look at batches."""

import struct
import zlib

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds
from PIL import Image

RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)


def save(path, *size, color=0, mode="L", **options):
    """Writes a picture of one colour of `(width, height)`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, color).save(path, **options)
    return path


def greys(folder, count=41):
    """A folder of grey images of which number i has the value i; every 20th is held out."""
    for i in range(count):
        save(folder / f"{i:02}.png", 4, 4, color=i)
    return folder


def store(folder, name, features, version="1.0.0", **splits):
    """Writes a set of TensorFlow Datasets; it keeps the examples of a split in an order of its own."""
    tfds.disable_progress_bar()
    tfds.dataset_builders.store_as_tfds_dataset(
        name=name,
        version=version,
        data_dir=folder,
        features=tfds.features.FeaturesDict(features),
        split_datasets={split: list(enumerate(examples)) for split, examples in splits.items()},
    )
    tfds.enable_progress_bar()


def png_16_bit(*values, significant=None):
    """The bytes of a PNG file of one pixel of 16 bits, grey or RGB; `significant` is its sBIT."""
    chunks = (
        (b"IHDR", struct.pack(">IIBBBBB", 1, 1, 16, {1: 0, 3: 2}[len(values)], 0, 0, 0)),
        *([(b"sBIT", bytes([significant] * len(values)))] if significant else []),
        (b"IDAT", zlib.compress(b"\0" + struct.pack(f">{len(values)}H", *values))),
        (b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )


def values(batch):
    """The grey value of each image of a batch."""
    return np.rint((np.asarray(batch)[:, 0, 0, 0] + 1) * 127.5).astype(int).tolist()


def first(dataset, n=1):
    """The first n batches, as NumPy arrays."""
    return list(dataset.take(n).as_numpy_iterator())


def same(a, b):
    """Asserts that two nests of arrays are equal, bit for bit."""
    tf.nest.assert_same_structure(a, b)
    for x, y in zip(tf.nest.flatten(a), tf.nest.flatten(b), strict=True):
        np.testing.assert_array_equal(x, y)
