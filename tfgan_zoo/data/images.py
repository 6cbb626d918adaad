"""A name -> batches of images: `glyphs`, a TFDS name or a folder, in the form that a family of GANs eats.

One function per kind of batch (`images`, `labelled`, `pairs`, `unpaired`) gives a `Data`; `batches`, `in_order` and
`take` read its `train` and `test` examples. Order and augmentation are functions of (seed, example number) alone, so a
run that resumes at any step, on any number of replicas, sees what it would have seen without the interruption.
"""

import dataclasses
import io
import os
import pathlib
import re
import sys
import threading
from collections.abc import Callable

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds
from absl import logging
from PIL import Image, ImageOps, UnidentifiedImageError

from tfgan_zoo.data import glyphs
from tfgan_zoo.errors import InputError

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff")
IN_MEMORY_BYTES = 2**30
SHUFFLE_BUFFER = 16384
_AUGMENT = -1  # Stands where the number of a stream does in the key of random numbers.
_ACCEPTED = "give `glyphs`, a TFDS name such as `mnist` or `cycle_gan/horse2zebra`, or a folder of images"


@dataclasses.dataclass(frozen=True)
class Examples:
    """Examples that can be loaded by number, in any order.

    Attributes:
        counts: how many there are, one number per independent index stream: `(n,)`, or `(n_a, n_b)` when unpaired.
        load: one int64 scalar tensor per stream -> one element, in-graph: an image uint8 `[H, W, C]` or a tuple of
            images and int64 labels.
    """

    counts: tuple[int, ...]
    load: Callable


@dataclasses.dataclass(frozen=True)
class Streamed:
    """Examples of a TFDS set too large for memory, read in the order of its files.

    Epoch e shuffles them through a buffer of `SHUFFLE_BUFFER` encoded examples, keyed by (seed, e). Starting in the
    middle of an epoch reads the part before it and throws it away undecoded: slow to start, but exact.

    Attributes:
        counts: as in `Examples`.
        encoded: one finite `tf.data.Dataset` per stream, each element a tuple of encoded images and labels.
        decode: one such tuple per stream -> one element, as `Examples.load` gives.
    """

    counts: tuple[int, ...]
    encoded: tuple[tf.data.Dataset, ...]
    decode: Callable


class Broken(dict):
    """File -> why it cannot be read. Each is named once on stderr."""

    def __init__(self):
        super().__init__()
        self._lock = threading.Lock()

    def report(self, name, error):
        with self._lock:
            if name not in self:
                self[name] = _reason(error)
                print(f"skipped broken image {name} ({self[name]})", file=sys.stderr)


@dataclasses.dataclass(frozen=True)
class Data:
    """A data set in the form of one kind of batch.

    Attributes:
        name: as it was given.
        kind: images, labelled, pairs, unpaired, or points (`data/toy.py`).
        image_size: height and width of every image.
        channels: 1 or 3.
        train: examples to learn from.
        test: examples held out from them. Those of unpaired data come as pairs: true ones where they are known.
        description: one line for the console.
        licence: the licence of the data, as far as its source states one.
        classes: names of the labels, when labelled.
        broken: files found unreadable so far, with the reason; grows while batches are read.
        test_is_paired: of unpaired data, whether the two images of a held-out example belong together.
        shown: held-out examples that a sample grid is made of.
    """

    name: str
    kind: str
    image_size: int
    channels: int
    train: Examples | Streamed
    test: Examples | Streamed
    description: str
    licence: str
    classes: tuple[str, ...] = ()
    broken: Broken = dataclasses.field(default_factory=Broken)
    test_is_paired: bool = False
    shown: int = 16


# ---------------------------------------------------------------------------------------------------------------------
# Kinds


def images(dataset, *, image_size, channels=None, data_dir=None, style="sans"):
    """Single images: an element is one image.

    Args:
        dataset: `glyphs`; a TFDS name; or a folder, flat or nested, with its own `train/` and `test/` or `val/` or
            with every 20th file held out. A TFDS set without a test split holds out its last 5 %.
        image_size: height and width. The shorter side is resized to it and the middle is cropped.
        channels: 1 or 3; by default what the data has.
        data_dir: where TFDS keeps its sets.
        style: which image of an example to take, where there are several (a style of `glyphs.STYLES`).

    Raises:
        InputError: the data cannot be found, or is of another kind.
    """
    _check_size(image_size, channels)
    source = _resolve(dataset, data_dir)
    if isinstance(source, pathlib.Path):
        return _from_files("images", dataset, _file_split(source), _Square(image_size, channels))
    features = [_image_feature(source, dataset, style)]
    return _from_tfds("images", dataset, source, features, _Square(image_size, channels))


def labelled(dataset, *, image_size, channels=None, data_dir=None):
    """Images of known class: an element is (image, label). `Data.classes` names the labels.

    Args:
        dataset: `glyphs` (the Latin letters A to Z, in any case, accent and style); a TFDS name of a set that has one
            image and a class label; or a folder with one subfolder per class, within `train/` and `test/` if there.
        image_size, channels, data_dir: as in `images`.

    Raises:
        InputError: the data cannot be found, or is of another kind.
    """
    _check_size(image_size, channels)
    source = _resolve(dataset, data_dir)
    square = _Square(image_size, channels, labelled=True)
    if isinstance(source, pathlib.Path):
        split, classes = _class_split(source)
        return _from_files("labelled", dataset, split, square, classes)
    if source.name == "glyphs":
        return _from_tfds("labelled", dataset, source, [*glyphs.STYLES, "letter"], square, glyphs.LETTERS)
    found = _images_of(source)
    labels = _features_of(source, tfds.features.ClassLabel)
    label = "label" if "label" in labels else labels[0] if len(labels) == 1 else None
    if len(found) != 1 or label is None:
        raise InputError(
            f"{dataset} has {_listing(found, 'image')} and {_listing(labels, 'class label')}; labelled images need "
            f"one of each: choose another set, or a folder with one subfolder per class"
        )
    names = tuple(source.info.features[label].names or map(str, range(source.info.features[label].num_classes)))
    return _from_tfds("labelled", dataset, source, [found[0], label], square, names)


def pairs(
    dataset,
    *,
    image_size,
    channels=None,
    direction="a_to_b",
    source="sans",
    target="serif_bold_italic",
    data_dir=None,
):
    """Aligned pairs: an element is (a, b), to be translated from a to b.

    Args:
        dataset: `glyphs`; a TFDS name of a set with two images per example; or a folder of side-by-side A|B files.
        image_size: height and width. Each half of a file is resized to it; nothing is cropped.
        direction: `a_to_b`, or `b_to_a` to swap the two.
        source, target: which images of an example are a and b, where it has more than two (styles of glyphs).
        channels, data_dir: as in `images`.

    Raises:
        InputError: the data cannot be found, or is of another kind.
    """
    _check_size(image_size, channels)
    if direction not in ("a_to_b", "b_to_a"):
        raise InputError(f"direction is {direction!r}; give a_to_b or b_to_a")
    swap = direction == "b_to_a"
    found = _resolve(dataset, data_dir)
    if isinstance(found, pathlib.Path):
        if (found / "trainA").is_dir():
            raise InputError(f"{dataset} has trainA/: unpaired images; pairs need files with A and B side by side")
        return _from_files("pairs", dataset, _file_split(found), _Halves(image_size, channels, swap))
    a, b = _two_features(found, dataset, source, target)
    features = [b, a] if swap else [a, b]
    return _from_tfds("pairs", dataset, found, features, _Square(image_size, channels))


def unpaired(dataset, *, image_size, channels=None, source="sans", target="serif_bold_italic", data_dir=None):
    """Images of two domains, drawn independently: an element is (a, b) with nothing in common.

    Args:
        dataset: a folder with `trainA/`, `trainB/` and, if there, `testA/`, `testB/`; a TFDS name of a set with
            splits of these names (`cycle_gan/...`); or a set of pairs, as `pairs` takes it, whose pairing only the
            held-out examples keep.
        source, target: as in `pairs`.
        image_size, channels, data_dir: as in `images`.

    Raises:
        InputError: the data cannot be found, or is of another kind.
    """
    _check_size(image_size, channels)
    found = _resolve(dataset, data_dir)
    square = _Square(image_size, channels)
    if isinstance(found, pathlib.Path):
        return _unpaired_folders(dataset, found, square)
    if "trainA" in found.info.splits:
        features = [_image_feature(found, dataset, "image")]
        return _unpaired_tfds(dataset, found, features, [("trainA", "testA"), ("trainB", "testB")], square)
    features = _two_features(found, dataset, source, target)
    return _unpaired_tfds(dataset, found, features, [("train", "test", "validation")], square)


# ---------------------------------------------------------------------------------------------------------------------
# Batches


def batches(examples, batch_size, *, seed, step=0, augment=None, context=None):
    """Endless batches of float32 images in [-1, 1]; labels stay int64.

    Example number p, counted from the start of the run, is the same whatever `step` it starts at: each epoch visits
    every example once, in an order keyed by (seed, stream, epoch).

    Args:
        examples: `Data.train`.
        batch_size: the global batch.
        seed: an int.
        step: how many batches to leave out at the start.
        augment: None, or `(float element, seed [2]) -> element`, in-graph; its seed is a function of (seed, p).
        context: None, or the `tf.distribute.InputContext` of a pipeline. Then batches are those of single replicas:
            pipeline w with r replicas gives the slices w*r ... w*r + r-1 of each global batch in turn.

    Returns:
        A `tf.data.Dataset` of `[batch, H, W, C]` (or tuples of them and of labels `[batch]`), with static shapes.
    """
    context = context or tf.distribute.InputContext()
    replicas = context.num_replicas_in_sync
    if batch_size < 1 or batch_size % replicas:
        raise InputError(f"batch size {batch_size} does not divide over {replicas} replicas; give a multiple of it")
    local = batch_size // context.num_input_pipelines  # Examples of a global batch that this pipeline reads.
    first = local * context.input_pipeline_id
    if isinstance(examples, Streamed):
        start = step * batch_size
        streams = [_endless(examples.encoded[k], n, _key(seed, k), start) for k, n in enumerate(examples.counts)]
        dataset = tf.data.Dataset.zip(tuple(streams)).enumerate(start)
        dataset = dataset.filter(lambda p, _: (p % batch_size >= first) & (p % batch_size < first + local))
    else:
        dataset = tf.data.Dataset.range(step * local, tf.int64.max)
        dataset = dataset.map(lambda m: m // local * batch_size + first + m % local)

    def element(p, encoded=None):
        if encoded is None:
            loaded = examples.load(*(_shuffled(p, n, _key(seed, k)) for k, n in enumerate(examples.counts)))
        else:
            loaded = examples.decode(*encoded)
        loaded = _to_float(loaded)
        return loaded if augment is None else augment(loaded, tf.random.fold_in(_key(seed, _AUGMENT), p))

    dataset = dataset.map(element, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
    return dataset.batch(batch_size // replicas, drop_remainder=True).prefetch(tf.data.AUTOTUNE)


def in_order(examples, batch_size):
    """Every example once, in order, as `batches` gives them; the last batch may be smaller. For evaluation."""
    if isinstance(examples, Streamed):
        dataset = tf.data.Dataset.zip(examples.encoded)
        load = examples.decode
    else:
        dataset = tf.data.Dataset.range(min(examples.counts))
        dataset = dataset.map(lambda i: (i,) * len(examples.counts))
        load = examples.load
    dataset = dataset.map(lambda *x: _to_float(load(*x)), num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
    return dataset.batch(batch_size).prefetch(tf.data.AUTOTUNE)


def take(examples, n):
    """`n` examples spread evenly over the set (the first `n` of streamed ones), as one NumPy batch. For sample grids.

    A set of fewer than `n` repeats examples.
    """
    if isinstance(examples, Streamed):
        return next(in_order(examples, n).as_numpy_iterator())
    spread = [[(2 * i + 1) * count // (2 * n) for count in examples.counts] for i in range(n)]
    elements = [_to_float(examples.load(*(tf.constant(i, tf.int64) for i in indices))) for indices in spread]
    return tf.nest.map_structure(lambda *x: np.stack(x), *elements)


def _key(seed, stream):
    return tf.constant([seed, stream], tf.int64)


def _shuffled(p, count, key):
    order = tf.random.fold_in(key, p // count)
    return tf.random.experimental.index_shuffle(p % count, order, tf.constant(count - 1, tf.int64))


def _endless(encoded, count, key, start):
    def epoch(e):
        # `shuffle` mixes the global seed into its own; set here it is that of this function only.
        tf.compat.v1.set_random_seed(1)
        return encoded.shuffle(SHUFFLE_BUFFER, seed=tf.random.fold_in(key, e)[0], reshuffle_each_iteration=False)

    return tf.data.Dataset.range(start // count, tf.int64.max).flat_map(epoch).skip(start % count)


def _to_float(element):
    return tf.nest.map_structure(lambda x: tf.cast(x, tf.float32) / 127.5 - 1.0 if x.dtype == tf.uint8 else x, element)


# ---------------------------------------------------------------------------------------------------------------------
# Augmentation: (element, seed [2]) -> element. The images of a tuple share the draw; `independently` undoes that.


def random_flip(element, seed):
    """Mirrors left and right, half of the time."""
    flip = tf.random.stateless_uniform([], seed) < 0.5
    return _map_images(lambda image: tf.where(flip, tf.reverse(image, [1]), image), element)


def random_jitter(scale):
    """Resizes up by `scale` and crops back at a random place: pix2pix section 6.2, where it is 286/256."""

    def jitter(element, seed):
        place = tf.random.stateless_uniform([2], seed)

        def crop(image):
            height, width, _ = image.shape
            large = [round(height * scale), round(width * scale)]
            corner = tf.cast(place * [large[0] - height + 1, large[1] - width + 1], tf.int32)
            return tf.slice(tf.image.resize(image, large), [*tf.unstack(corner), 0], image.shape)

        return _map_images(crop, element)

    return jitter


def independently(augment):
    """`augment` with a draw of its own for each image of a tuple, as unpaired images want it."""

    def each(element, seed):
        if not isinstance(element, tuple):
            return augment(element, seed)
        return tuple(augment(x, tf.random.fold_in(seed, i)) for i, x in enumerate(element))

    return each


def compose(*augments):
    """Several augmentations, one after the other, each with a seed of its own."""

    def all_of_them(element, seed):
        for i, augment in enumerate(augments):
            element = augment(element, tf.random.fold_in(seed, i))
        return element

    return all_of_them


def _map_images(function, element):
    return tf.nest.map_structure(lambda x: function(x) if x.shape.rank == 3 else x, element)


# ---------------------------------------------------------------------------------------------------------------------
# Pixels


def read_image(file, image_size, channels=None):
    """One image file -> uint8 `[image_size, image_size, channels]`: the shorter side resized, the middle cropped.

    Args:
        file: a path or a binary file object. Grey, RGB, palette, CMYK, 16-bit, with or without transparency (which
            becomes white) and EXIF orientation (which is applied).
        image_size: height and width.
        channels: 1 or 3; by default 1 if the file is grey, else 3.

    Raises:
        Exception: whatever Pillow raises on a file that is not a whole image.
    """
    return _pixels(_fit(_open(file, channels), image_size))


def _open(file, channels):
    with Image.open(file) as image:
        grey = image.mode in ("1", "L", "LA", "I", "I;16", "I;16L", "I;16B")
        image = ImageOps.exif_transpose(image)
        if image.mode == "F":
            raise ValueError("pixels are floating-point numbers of unknown range")
        if image.mode.startswith("I"):
            values = np.rint(np.asarray(image).astype(np.float64) * (255 / 65535))
            image = Image.fromarray(np.clip(values, 0, 255).astype(np.uint8))
        elif image.has_transparency_data:
            image = image.convert("RGBA")
            image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
        return image.convert("L" if channels == 1 or (channels is None and grey) else "RGB")


def _fit(image, size):
    width, height = image.size
    side = min(width, height)
    left, top = (width - side) // 2, (height - side) // 2
    square = (left, top, left + side, top + side)
    if side == size:
        return image.crop(square)
    return image.resize((size, size), Image.Resampling.BICUBIC, box=square)  # Pillow's filters widen as they shrink.


def _pixels(image):
    pixels = np.asarray(image)
    return pixels[..., None] if pixels.ndim == 2 else pixels


@dataclasses.dataclass(frozen=True)
class _Square:
    """Decodes an item: image files (paths, or bytes) and, if `labelled`, a label at the end."""

    image_size: int
    channels: int | None
    labelled: bool = False

    def __call__(self, *item):
        files, label = (item[:-1], (np.int64(item[-1]),)) if self.labelled else (item, ())
        return tuple(read_image(_file(f), self.image_size, self.channels) for f in files) + label

    def types(self, length):
        return [tf.uint8] * (length - self.labelled) + [tf.int64] * self.labelled


@dataclasses.dataclass(frozen=True)
class _Halves:
    """Decodes a side-by-side A|B file into (a, b)."""

    image_size: int
    channels: int | None
    swap: bool

    def __call__(self, file):
        image = _open(file, self.channels)
        width, height = image.size
        if width < 2:
            raise ValueError("one pixel wide: no two halves")
        half = width // 2
        size = (self.image_size, self.image_size)
        halves = [image.crop((left, 0, left + half, height)) for left in (0, width - half)]
        halves = [x if x.size == size else x.resize(size, Image.Resampling.BICUBIC) for x in halves]
        return tuple(_pixels(x) for x in (reversed(halves) if self.swap else halves))

    def types(self, length):
        return [tf.uint8] * 2 * length


def _file(file):
    return io.BytesIO(file) if isinstance(file, bytes) else file


def _reason(error):
    if isinstance(error, FileNotFoundError):
        return "missing"
    if isinstance(error, UnidentifiedImageError):
        return "not an image"
    return _first_line(error)


def _first_line(error):
    line = next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
    return re.sub(r"^Failed to construct dataset .*?}\": ", "", line)  # TFDS's preamble.


# ---------------------------------------------------------------------------------------------------------------------
# Elements


def _loaded(items, names, decode, broken):
    """`Examples` of items that `decode` turns into arrays.

    An item that cannot be decoded is replaced by the next one that can: by its index alone, whatever was read before.
    """

    def read(index):
        for i in range(len(items)):
            item = (int(index) + i) % len(items)
            name = names(item)
            if name in broken:
                continue
            try:
                return decode(*items[item])
            except Exception as error:  # Pillow raises a dozen kinds on broken files.
                broken.report(name, error)
        raise _all_broken(len(items), names(0))

    read(0)  # All broken fails here, and not in the pipeline, where a message is lost in a trace.
    return Examples((len(items),), _in_graph(read, decode, len(items[0])))


def _all_broken(count, first):
    return InputError(f"none of {count} images can be read, from {first} on; give other files")


def _in_graph(function, decode, length):
    types = decode.types(length)
    shape = [decode.image_size, decode.image_size, decode.channels]

    def load(*inputs):
        element = tf.nest.flatten(tf.numpy_function(function, inputs, types))  # Eagerly, one output is no list.
        for x in element:
            x.set_shape(shape if x.dtype == tf.uint8 else [])
        return element[0] if len(element) == 1 else tuple(element)

    return load


def _unpair(a, b):
    """Two single streams -> examples with two independent streams."""
    if isinstance(a, Streamed):
        return Streamed(a.counts + b.counts, a.encoded + b.encoded, lambda x, y: (a.decode(x), b.decode(y)))
    return Examples(a.counts + b.counts, lambda i, j: (a.load(i), b.load(j)))


def _zip(a, b):
    """Two single streams -> one, as long as the shorter."""
    return Examples(min(a.counts, b.counts), lambda i: (a.load(i), b.load(i)))


def _data(kind, dataset, decode, train, test, licence, broken, what, classes=()):
    name, size = os.fspath(dataset), decode.image_size
    counts = " + ".join(f"{n:,}" for n in train.counts)
    shape = f"{size}x{size}x{decode.channels}"
    description = f"{name}: {counts} training and {test.counts[0]:,} held-out {what}, {shape}"
    return Data(name, kind, size, decode.channels, train, test, description, licence, tuple(classes), broken)


# ---------------------------------------------------------------------------------------------------------------------
# Folders


def _from_files(kind, dataset, split, decode, classes=()):
    broken = Broken()
    decode = _with_channels(decode, split[:1], broken)
    train, test = (_files(items, decode, broken) for items in split)
    what = f"images of {len(classes)} classes" if classes else kind
    return _data(kind, dataset, decode, train, test, "not stated", broken, what, classes)


def _unpaired_folders(dataset, folder, decode):
    for domain in ("trainA", "trainB"):
        if not (folder / domain).is_dir():
            raise InputError(f"{dataset} has no {domain}/; unpaired images need trainA/ and trainB/ in the folder")
    broken = Broken()
    splits = [_held_out(folder / f"train{domain}", folder / f"test{domain}") for domain in "AB"]
    decode = _with_channels(decode, [train for train, _ in splits], broken)
    train, test = ([_files(items, decode, broken) for items in domains] for domains in zip(*splits, strict=True))
    what = "unpaired images"
    return _data("unpaired", dataset, decode, _unpair(*train), _zip(*test), "not stated", broken, what)


def _files(items, decode, broken):
    return _loaded(items, lambda i: items[i][0], decode, broken)


def _with_channels(decode, splits, broken):
    if decode.channels:
        return decode
    return dataclasses.replace(decode, channels=max(_channels_of(items, broken) for items in splits))


def _channels_of(items, broken):
    for file, *_ in items:
        try:
            return len(_open(file, None).getbands())
        except Exception as error:  # As in `_loaded`.
            broken.report(file, error)
    raise _all_broken(len(items), items[0][0])


def _file_split(folder):
    if (folder / "train").is_dir():
        return _held_out(folder / "train", folder / "test", folder / "val")
    return _held_out(folder)


def _held_out(train, *tests):
    """(train, test) items: of the first of `tests` that has images, or every 20th of `train`.

    A single image is both: there is nothing to hold out.
    """
    items = _items(train)
    if not items:
        raise InputError(f"no images in {train}; expected files that end in {' '.join(SUFFIXES)}")
    for test in tests:
        if test.is_dir() and (found := _items(test)):
            return items, found
    return _every_20th(items)


def _every_20th(items):
    if len(items) == 1:
        return items, items
    held_out = set(range(19, len(items), 20)) or {len(items) - 1}
    return (
        [item for i, item in enumerate(items) if i not in held_out],
        [item for i, item in enumerate(items) if i in held_out],
    )


def _class_split(folder):
    train = folder / "train" if (folder / "train").is_dir() else folder
    classes = _class_folders(train)
    if len(classes) < 2:
        raise InputError(f"{train} has {len(classes)} subfolders with images; labelled images need one per class")
    items = [(*item, label) for label, name in enumerate(classes) for item in classes[name]]
    for test in (folder / "test", folder / "val"):
        if train != folder and test.is_dir() and (found := _class_folders(test)):
            unknown = sorted(set(found) - set(classes))
            if unknown:
                raise InputError(f"{test} has the class {unknown[0]}, which {train} has not; remove or rename it")
            labels = {name: label for label, name in enumerate(classes)}
            return (items, [(*item, labels[name]) for name in found for item in found[name]]), tuple(classes)
    return _every_20th(items), tuple(classes)


def _class_folders(folder):
    found = {path.name: _items(path) for path in sorted(folder.iterdir()) if path.is_dir() and path.name[0] != "."}
    return {name: items for name, items in found.items() if items}


def _items(folder):
    """One-tuples of image paths, sorted by path relative to `folder`; hidden files and folders left out."""
    found = []
    for parent, folders, files in os.walk(folder, followlinks=True):
        folders[:] = [f for f in folders if not f.startswith((".", "__MACOSX"))]
        paths = (pathlib.Path(parent, f) for f in files if not f.startswith(".") and f.lower().endswith(SUFFIXES))
        found.extend((path.relative_to(folder).as_posix(), os.fspath(path)) for path in paths)
    return [(path,) for _, path in sorted(found)]


# ---------------------------------------------------------------------------------------------------------------------
# TFDS


def _resolve(dataset, data_dir):
    """The folder or the prepared TFDS builder that a name stands for."""
    name = os.fspath(dataset)
    if name == "glyphs":
        return glyphs.builder(data_dir)
    path = pathlib.Path(name).expanduser()
    if path.is_dir():
        return path
    if path.is_file():
        raise InputError(f"{name} is a file; {_ACCEPTED}")
    # Other forms of names (`namespace:name`) make TFDS look into the network.
    if not re.fullmatch(r"[A-Za-z]\w*(/[\w.+-]+)?(:\d+\.\d+\.\d+)?", name):
        raise InputError(f"{name} is neither a folder that exists nor a TFDS name; {_ACCEPTED}")
    try:
        builder = tfds.builder(name, data_dir=data_dir)
    except Exception as error:  # Unknown name, configuration or version, or a set whose own imports are missing.
        why = "" if isinstance(error, tfds.core.DatasetNotFoundError) else f" ({_first_line(error)})"
        raise InputError(f"{name} is neither a folder that exists nor a TFDS name{why}; {_ACCEPTED}") from None
    if not builder.data_path.exists():
        print(f"preparing {name} in {builder.data_path} ...", file=sys.stderr)
        try:
            builder.download_and_prepare(download_config=tfds.download.DownloadConfig(try_download_gcs=False))
        except Exception as error:  # No network, a server's answer, a missing package, a manual download.
            raise InputError(
                f"{name} is not in {builder.data_path} and cannot be prepared there ({_first_line(error)}); "
                f"give the data_dir that has it, or another data set"
            ) from None
    return builder


def _from_tfds(kind, dataset, builder, features, decode, classes=()):
    """Examples with `features`, the last of which is a label if `decode.labelled`."""
    broken = Broken()
    decode = _with_channels_of_features(decode, builder, features)
    # Labels of a test split are often withheld, those of validation are not.
    split = _split(builder, dataset, "train", *(["validation", "test"] if decode.labelled else ["test", "validation"]))
    train, test = (_examples(dataset, builder, part, features, decode, broken) for part in split)
    if kind == "pairs":
        what = f"pairs {' -> '.join(features)}"
    elif kind == "labelled":
        what = f"images of {len(classes)} classes"
    else:
        what = kind if len(_images_of(builder)) == 1 else f"images {features[0]}"
    return _data(kind, dataset, decode, train, test, _licence(builder), broken, what, classes)


def _unpaired_tfds(dataset, builder, features, splits, decode):
    """Two domains: one feature in two splits, or two features of one split, whose test examples are true pairs."""
    broken = Broken()
    decode = _with_channels_of_features(decode, builder, features)
    domains = [(_split(builder, dataset, *names), feature) for names in splits for feature in features]
    large = any(_is_large(builder, train) for (train, _), _ in domains)
    train = _unpair(*(_examples(dataset, builder, train, [f], decode, broken, large) for (train, _), f in domains))
    test = _zip(*(_examples(dataset, builder, test, [f], decode, broken, False) for (_, test), f in domains))
    pairs = len(features) == 2
    what = f"unpaired {' and '.join(features)}" if pairs else "unpaired images"
    data = _data("unpaired", dataset, decode, train, test, _licence(builder), broken, what)
    return dataclasses.replace(data, test_is_paired=pairs)


def _examples(dataset, builder, split, features, decode, broken, large=None):
    encoded = _encoded(builder, split, features)
    if _is_large(builder, split) if large is None else large:
        load = _in_graph(decode, decode, len(features))
        return Streamed((builder.info.splits[split].num_examples,), (encoded,), lambda item: load(*item))
    items = [item for batch in encoded.batch(1024).as_numpy_iterator() for item in zip(*batch, strict=True)]
    if decode.labelled and len(features) > 2:  # Several pictures of one class: glyphs.
        items = [(image, item[-1]) for item in items if item[-1] >= 0 for image in item[:-1]]
    return _loaded(items, lambda i: f"{dataset} {split} {i}", decode, broken)


def _is_large(builder, split):
    return builder.info.splits[split.split("[")[0]].num_bytes > IN_MEMORY_BYTES


def _encoded(builder, split, features):
    """A dataset of tuples: images as their files' bytes, labels int64. In the order of the files, always the same."""
    encoded = {f: tfds.decode.SkipDecoding() for f in features if f in _images_of(builder)}
    verbosity = logging.get_verbosity()
    logging.set_verbosity(logging.ERROR)  # TFDS warns ten times of a deprecated property that it reads itself.
    try:
        dataset = builder.as_dataset(
            split=split,
            shuffle_files=False,
            decoders=tfds.decode.PartialDecoding(dict.fromkeys(features, True), decoders=encoded),
            read_config=tfds.ReadConfig(interleave_cycle_length=1, try_autocache=False),
        )
    finally:
        logging.set_verbosity(verbosity)
    return dataset.map(lambda example: tuple(example[f] for f in features))


def _split(builder, dataset, train, *tests):
    """(train, test): the first of `tests` that is there, or the last 5 % of `train`."""
    splits = builder.info.splits
    if train not in splits:
        raise InputError(f"{dataset} has no split named {train}, only {', '.join(splits)}; choose another set")
    for test in tests:
        if test in splits and splits[test].num_examples:
            return train, test
    count = splits[train].num_examples
    last = max(1, count // 20)
    return f"{train}[:{count - last}]", f"{train}[{count - last}:]"


def _images_of(builder):
    # Sorted, because a set read from its files alone has its features in a different order each time.
    return _features_of(builder, tfds.features.Image)


def _features_of(builder, kind):
    features = builder.info.features
    return sorted(k for k, f in features.items() if isinstance(f, kind)) if hasattr(features, "items") else []


def _image_feature(builder, dataset, preferred):
    found = _images_of(builder)
    if len(found) == 1:
        return found[0]
    if preferred in found:
        return preferred
    if not found:
        raise InputError(f"{dataset} has no image feature; choose another set")
    raise InputError(f"{dataset} has {_listing(found, 'image')}, none of them {preferred}; give one as style")


def _two_features(builder, dataset, source, target):
    found = _images_of(builder)
    if source in found and target in found:
        return source, target
    if len(found) == 2:
        return tuple(found)
    if len(found) < 2:
        raise InputError(
            f"{dataset} has {_listing(found, 'image')} per example; pairs need two: choose another set, or a folder "
            f"of files with A and B side by side"
        )
    unknown = source if source not in found else target
    raise InputError(f"{dataset} has no image named {unknown}; source and target are two of {', '.join(found)}")


def _with_channels_of_features(decode, builder, features):
    if decode.channels:
        return decode
    shapes = [builder.info.features[f].shape for f in features if f in _images_of(builder)]
    return dataclasses.replace(decode, channels=1 if all(shape[-1] == 1 for shape in shapes) else 3)


def _licence(builder):
    info = builder.info
    return info.redistribution_info.license or (f"see {info.homepage}" if info.homepage else "not stated")


# ---------------------------------------------------------------------------------------------------------------------
# Messages


def _check_size(image_size, channels):
    if image_size < 1:
        raise InputError(f"image_size is {image_size}; give the height and width in pixels, at least 1")
    if channels not in (None, 1, 3):
        raise InputError(f"channels is {channels}; give 1 for grey or 3 for colour")


def _listing(names, what):
    return f"{len(names)} {what}{'s' * (len(names) != 1)} ({', '.join(names)})" if names else f"no {what}"
