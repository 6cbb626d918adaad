"""Pictures and texts that say what is on them: what a model learns from that draws what it is told.

A training example is a picture, one of its captions and a picture that has none of its captions: the columns `image`,
`text` and `wrong`. A held-out one is a picture and its first caption. Where the class of a picture is known there is a
`label` too, for measuring.
"""

import dataclasses
import os
import pathlib

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds

from tfgan_zoo.data import batches, decoding, folders, glyphs, images, layouts, sets
from tfgan_zoo.data.columns import LABEL, TEXT, Data
from tfgan_zoo.errors import InputError

_NAMES = ("caption", "text", "name")  # of text features, the first that is there is taken
_NAMED = "a text file of the same name, picture.txt for picture.png, with a caption in each line"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Captioned(Data):
    """The columns `image`, `text` and `wrong`, maybe `label`. Held out: `image` and `text`, maybe `label`.

    Attributes:
        captions: those to learn from, each once, sorted.
        held_out: the others: those of held-out examples that are not among them.
    """

    captions: tuple[str, ...]
    held_out: tuple[str, ...]


def captioned(dataset, *, image_size, channels=None, fit=None, value_range=None, data_dir=None):
    """Pictures and captions.

    A picture with several captions has another one of them each time it comes, all equally often. A wrong picture is
    any other with which it shares no caption, directly or over others. Both hang on the number of the example in the
    run alone.

    Args:
        dataset: `glyphs`, the Latin letters in 12 styles with Unicode's names for captions; a TFDS name of a set with a
            text feature, whose images (all of them, where there are several) are of that text; or a folder with a
            text file beside each picture (docs/data.md).
        image_size, channels, fit, value_range, data_dir: as in `images.images`.

    Raises:
        InputError: the data cannot be found, or is of another kind; all pictures have one caption; the set does not fit
            into memory.
    """
    decode = images.pictures(image_size, channels, fit, value_range)
    found = images.resolve(dataset, data_dir)
    if isinstance(found, pathlib.Path):
        layout, names = _beside(folders.walk(found, beside=(".txt",))), ("image", "text")
        data = images.from_files(
            "captioned", dataset, found, layout, names, Told(**vars(decode)), data_dir, shown=lambda parts: parts[:1]
        )
    else:
        pictures, text, label, classes = _features(found, dataset)
        decode = dataclasses.replace(decode, channels=decode.channels or sets.channels(found, pictures))
        features, names = [*pictures, text, *label], ("image", "text", *(["label"] if label else []))
        data = images.from_tfds(
            "captioned", dataset, found, names, features, Told(**vars(decode), pictures=len(pictures)),
            "captioned images", data_dir, classes=classes,
        )  # fmt: skip
    if isinstance(data.train, batches.Streamed):
        raise InputError(f"{data.name} is too large to find wrong pictures in; give a smaller --image-size or set")
    lines, tested = _lines(data.train), _lines(data.test)
    captions = sorted({line for some in lines for line in some})
    held_out = sorted({some[0] for some in tested} - set(captions))
    train, test = _with_wrong(data, lines), _first_captions(data.test, tested)
    known = {field.name: getattr(data, field.name) for field in dataclasses.fields(Data)}
    return Captioned(
        **known | {"columns": train.columns, "train": train, "test": test,
           "description": f"{data.description}; {len(captions):,} captions to learn from, {len(held_out):,} others"},
        captions=tuple(captions),
        held_out=tuple(held_out),
    )  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Told(decoding.Pictures):
    """Decodes an item of pictures, what they show, and maybe a label: the path of a text file, or a text as bytes.

    Attributes:
        pictures: of an item, each of which is an example.
    """

    pictures: int = 1

    def __call__(self, picture, text, *label):
        """One picture, its text, maybe its label -> arrays: of the text its captions, a line each."""
        if isinstance(text, bytes):
            told = captions_of(b" ".join(text.split()), "the text")
        else:
            told = captions_of(pathlib.Path(text).read_bytes(), folders.printable(os.path.basename(text)))
        return (*super().__call__(picture), told, *super().__call__(*label))

    def columns(self, names):
        """As of `Pictures`, and `text`."""
        return super().columns(names) | {"text": TEXT}

    def examples(self, items):
        """Each picture of an item apart, with its text and label; those with a label of -1, none, are left out."""
        for name, parts in items:
            pictures, told = parts[: self.pictures], parts[self.pictures :]
            if len(told) == 1 or told[1] >= 0:
                yield from ((name, (picture, *told)) for picture in pictures)


def captions_of(content, name):
    """The captions in the bytes of a text file, as UTF-8 bytes, one per line, without empty lines.

    Args:
        content: bytes.
        name: of the file, for messages.

    Raises:
        ValueError: it is empty or not UTF-8.
    """
    try:
        lines = content.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise ValueError(f"{name} is not UTF-8") from None
    lines = [" ".join(line.split()) for line in lines if line.strip()]
    if not lines:
        raise ValueError(f"{name} is empty")
    return "\n".join(lines).encode()


def _features(builder, dataset):
    """The names of the picture features, of the text feature, `[label feature]` or `[]`, and the names of classes."""
    pictures = list(glyphs.STYLES) if builder.name == "glyphs" else sets.images_of(builder)
    texts = sets.features_of(builder, tfds.features.Text)
    labels = sets.features_of(builder, tfds.features.ClassLabel)
    labels = ["letter"] if builder.name == "glyphs" else labels if len(labels) == 1 else []
    text = next((name for name in _NAMES if name in texts), texts[0] if len(texts) == 1 else None)
    if not pictures or text is None:
        has = ", ".join(texts) or "none"
        raise InputError(
            f"{dataset} has {len(pictures)} images and the text features {has}; captioned images need an image and one "
            f"text, or one called {' or '.join(_NAMES)}: choose another set, or a folder with {_NAMED}"
        )
    classes = ()
    for label in labels:
        feature = builder.info.features[label]
        classes = tuple(feature.names or map(str, range(feature.num_classes)))
    return pictures, text, labels, classes


def _beside(tree):
    """A folder of pictures, flat or nested, with a text file beside each -> `train` and `test`."""
    texts = {name: os.path.splitext(path)[0] + ".txt" for name, path in tree.files.items()}
    missing = [name for name, text in texts.items() if not os.path.isfile(text)]
    if 2 * len(missing) > len(texts):
        raise InputError(
            f"{folders.printable(tree.root)}: {len(missing):,} of {len(texts):,} pictures have no caption, first "
            f"{folders.printable(missing[0])}; captioned images need {_NAMED}"
        )
    files = {name: path for name, path in tree.files.items() if name not in set(missing)}
    layout = layouts.single(dataclasses.replace(tree, files=files))
    splits = {split: [(name, (path, texts[name])) for name, (path,) in items] for split, items in layout.splits.items()}
    notes = ("captions: the lines of the text file beside each picture", *layout.notes)
    if missing:
        notes += (f"left out, without a text file of the same name: {folders.some(missing)}",)
    return layout._replace(splits=splits, notes=notes)


def _lines(part):
    """The captions of each example, a list of tuples."""
    numbers, found = np.arange(part.counts[0]), []
    with tf.device("CPU"):  # where the examples are
        for some in np.split(numbers, range(500, len(numbers), 500)):
            found += [tuple(text.decode().split("\n")) for text in part.load(tf.constant(some))["text"].numpy()]
    return found


def groups(lines):
    """The number of the group of each example, int64 `[N]`: those that share a caption, maybe over others, are one."""
    parent = {}

    def root(caption):
        while parent.setdefault(caption, caption) != caption:
            parent[caption] = caption = parent[parent[caption]]
        return caption

    for first, *others in lines:
        for other in others:
            parent[root(other)] = root(first)
    roots = [root(first) for first, *_ in lines]
    numbers = {name: i for i, name in enumerate(dict.fromkeys(roots))}
    return np.array([numbers[name] for name in roots], np.int64)


def _with_wrong(data, lines):
    """Training examples of three index streams: that of the example, of the wrong picture and of the caption."""
    part, group, count = data.train, groups(lines), len(lines)
    if group.max() == 0:
        raise InputError(f"all pictures of {data.name} share captions, so that none is wrong; give some of others")
    order, size = np.argsort(group, kind="stable"), np.bincount(group)
    end = np.cumsum(size)
    flat, several = [line for some in lines for line in some], np.array([len(some) for some in lines])
    with tf.device("CPU"):  # where pipelines run
        flat, start, several = tf.constant(flat), tf.constant(np.cumsum(several) - several), tf.constant(several)
        after, others, order = tf.constant(end[group]), tf.constant(count - size[group]), tf.constant(order)
    picture = part.columns["image"]
    columns = {"image": picture, "text": TEXT, "wrong": picture}
    columns |= {"label": LABEL} if "label" in part.columns else {}

    def load(i, j, k):
        wrong = tf.gather(order, (tf.gather(after, i) + j % tf.gather(others, i)) % count)  # of those behind its group
        text = tf.gather(flat, tf.gather(start, i) + k % tf.gather(several, i))
        return part.load(i) | {"text": text, "wrong": part.load(wrong)["image"]}

    return batches.Examples(columns, (count,) * 3, load)


def _first_captions(part, lines):
    def first(stored):
        return stored | {"text": tf.strings.regex_replace(stored["text"], "\n(.|\n)*", "")}

    if all(len(some) == 1 for some in lines):
        return part
    return batches.Examples(part.columns, part.counts, lambda i: first(part.load(i)))
