"""A name -> data: `glyphs`, a TFDS name or a folder, in the form that a family of GANs eats.

One function per kind of batch (`images`, `labelled`, `pairs`, `unpaired`) gives a `Data`, whose `train` and `test` the
functions of `data/batches.py` read. Pictures are read once, into a prepared set (`data/prepared.py`).
"""

import dataclasses
import math
import os
import pathlib

from tfgan_zoo.data import batches, decoding, folders, glyphs, inspection, layouts, prepared, sets
from tfgan_zoo.data.columns import Data
from tfgan_zoo.errors import InputError

_ACCEPTED = "give `glyphs`, a TFDS name such as `mnist` or `cycle_gan/horse2zebra`, or a folder of images"


def images(dataset, *, image_size, channels=None, fit=None, value_range=None, data_dir=None, style="sans"):
    """Single images: the column `image`.

    Args:
        dataset: `glyphs`; a TFDS name; or a folder, flat or nested, with its own `train/` and `test/` or `val/` or
            with every 20th file held out (docs/data.md). A TFDS set without a test split holds out its last 5 %.
        image_size: height and width, an int or two.
        channels: 1, 3, or 4 to keep transparency; by default 3 if any picture has colours, else 1.
        fit: what to do with a picture of another aspect ratio: `crop` it in the middle, `stretch` it, `pad` it with
            white.
        value_range: (black, white), the values that are black and white in files of more than 8 bits; by default what
            the file's own tags say, else what fits all files of the folder.
        data_dir: where TFDS keeps its sets, and where prepared ones are kept; by default TFDS's own.
        style: which image of an example to take, where there are several (a style of `glyphs.STYLES`).

    Raises:
        InputError: the data cannot be found, or is of another kind.
    """
    decode = pictures(image_size, channels, fit, value_range)
    source = resolve(dataset, data_dir)
    if isinstance(source, pathlib.Path):
        layout = layouts.single(folders.walk(source))
        return from_files("images", dataset, source, layout, ("image",), decode, data_dir)
    feature = sets.image_feature(source, dataset, style)
    what = "images" if len(sets.images_of(source)) == 1 else f"images {feature}"
    return from_tfds("images", dataset, source, ("image",), [feature], decode, what, data_dir)


def labelled(dataset, *, image_size, channels=None, fit=None, value_range=None, data_dir=None):
    """Images of known class: the columns `image` and `label`. `Data.classes` names the labels.

    Args:
        dataset: `glyphs` (the Latin letters A to Z, in any case, accent and style); a TFDS name of a set that has one
            image and a class label; or a folder with one subfolder per class, within `train/` and `test/` if there, or
            with a `labels.csv`.
        image_size, channels, fit, value_range, data_dir: as in `images`.

    Raises:
        InputError: the data cannot be found, or is of another kind.
    """
    decode = pictures(image_size, channels, fit, value_range)
    source = resolve(dataset, data_dir)
    names = ("image", "label")
    if isinstance(source, pathlib.Path):
        layout = layouts.labelled(folders.walk(source, ("labels.csv", "labels.jsonl")))
        return from_files("labelled", dataset, source, layout, names, decode, data_dir)
    if source.name == "glyphs":
        features, label, classes = list(glyphs.STYLES), "letter", glyphs.LETTERS
    else:
        feature, label, classes = sets.image_and_label(source, dataset)
        features = [feature]
    what = f"images of {len(classes)} classes"
    return from_tfds("labelled", dataset, source, names, features, decode, what, data_dir, label, classes)


def pairs(
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
    """Aligned pairs: the columns `image` and `target`; the first is to be translated into the second.

    Args:
        dataset: `glyphs`; a TFDS name of a set with two images per example; or a folder of side-by-side A|B files, of
            `A/` and `B/` with files of the same names, or with a `pairs.csv` (docs/data.md).
        fit: as in `images`, of each picture; by default `stretch` for the halves of side-by-side files, so that nothing
            is cropped, and `crop` for all else.
        direction: `a_to_b`, or `b_to_a` to swap the two.
        source, target: which images of an example are a and b, where it has more than two (styles of glyphs).
        image_size, channels, value_range, data_dir: as in `images`.

    Raises:
        InputError: the data cannot be found, or is of another kind.
    """
    decode = pictures(image_size, channels, fit, value_range)
    if direction not in ("a_to_b", "b_to_a"):
        raise InputError(f"direction is {direction!r}; give a_to_b or b_to_a")
    swap = direction == "b_to_a"
    names = ("image", "target")
    found = resolve(dataset, data_dir)
    if isinstance(found, pathlib.Path):
        layout = layouts.paired(folders.walk(found, ("pairs.csv", "pairs.jsonl")), swap)
        if layout.side_by_side:
            decode = decoding.Halves(
                decode.height, decode.width, channels, fit or "stretch", decode.value_range, swap=swap
            )
        return from_files("pairs", dataset, found, layout, names, decode, data_dir, direction=direction)
    a, b = sets.two_features(found, dataset, source, target)
    features = [b, a] if swap else [a, b]
    return from_tfds("pairs", dataset, found, names, features, decode, f"pairs {' -> '.join(features)}", data_dir)


def unpaired(
    dataset,
    *,
    image_size,
    channels=None,
    fit=None,
    value_range=None,
    source="sans",
    target="serif_bold_italic",
    data_dir=None,
):
    """Images of two domains, drawn independently: the columns `a` and `b`, which have nothing in common.

    Args:
        dataset: a folder with `trainA/`, `trainB/` and, if there, `testA/`, `testB/`; a TFDS name of a set with
            splits of these names (`cycle_gan/...`); or a set of pairs, as `pairs` takes it, whose pairing only the
            held-out examples keep.
        source, target: as in `pairs`.
        image_size, channels, fit, value_range, data_dir: as in `images`.

    Raises:
        InputError: the data cannot be found, or is of another kind.
    """
    decode = pictures(image_size, channels, fit, value_range)
    found = resolve(dataset, data_dir)
    if isinstance(found, pathlib.Path):
        layout = layouts.two_domains(folders.walk(found))
        return from_files("unpaired", dataset, found, layout, ("image",), decode, data_dir)
    if "trainA" in found.info.splits:
        features = [sets.image_feature(found, dataset, "image")] * 2
        parts = [sets.split(found, dataset, f"train{domain}", f"test{domain}") for domain in "AB"]
        what = "unpaired images"
    else:
        features = sets.two_features(found, dataset, source, target)
        parts = [sets.split(found, dataset, "train", "test", "validation")] * 2
        what = f"unpaired {' and '.join(features)}"
    split = {
        f"{name}{domain}": (parts[k][i], [features[k]])
        for i, name in enumerate(("train", "test"))
        for k, domain in enumerate("AB")
    }
    return _from_splits("unpaired", dataset, found, ("image",), split, decode, what, data_dir)


# ---------------------------------------------------------------------------------------------------------------------
# Sources


def resolve(dataset, data_dir=None):
    """The folder, a `pathlib.Path`, or the prepared TFDS builder that a name stands for.

    Raises:
        InputError: there is no such data.
    """
    name = os.fspath(dataset)
    if not name.strip():
        raise InputError(f"the name of the data set is empty; {_ACCEPTED}")
    if name == "glyphs":
        return glyphs.builder(data_dir)
    path = pathlib.Path(name).expanduser()
    if path.is_dir():
        return path
    if path.is_file():
        raise InputError(f"{folders.printable(name)} is a file; {_ACCEPTED}")
    return sets.resolve(name, data_dir, _ACCEPTED)


def pictures(image_size, channels=None, fit=None, value_range=None):
    """How files become pictures, by the arguments that every kind of data takes.

    Returns:
        A `decoding.Pictures`.

    Raises:
        InputError: a size, channels, a fit or a range that cannot be.
    """
    size = image_size if isinstance(image_size, tuple | list) else (image_size, image_size)
    if len(size) != 2 or min(size) < 1:
        raise InputError(f"image_size is {image_size}; give the height and width in pixels, at least 1")
    if channels not in (None, 1, 3, 4):
        raise InputError(f"channels is {channels}; give 1 for grey, 3 for colour or 4 for colour and opacity")
    fit = fit or "crop"
    if fit not in decoding.FITS:
        raise InputError(f"fit is {fit!r}; give {', '.join(decoding.FITS)}")
    if value_range is not None:
        if len(value_range) != 2 or not all(map(math.isfinite, value_range)) or not value_range[0] < value_range[1]:
            raise InputError(f"value_range is {value_range}; give the values of black and white, the first less")
        value_range = tuple(map(float, value_range))
    return decoding.Pictures(*size, channels, fit, value_range)


def settings(kind, decode, **others):
    """What of `decode`, and of `others`, is part of a prepared set's fingerprint: name -> text."""
    channels = "as they are" if decode.channels is None else str(decode.channels)
    size = f"{decode.height}x{decode.width}"
    span = "as the files say" if decode.value_range is None else "{:g} to {:g}".format(*decode.value_range)
    return {"kind": kind, "size": size, "channels": channels, "fit": decode.fit, "range": span, **others}


def from_files(kind, dataset, folder, layout, names, decode, data_dir, *, shown=lambda parts: parts, **others):
    """The data of a folder.

    Args:
        kind: of data.
        dataset: the name that was given.
        folder: the folder, a `pathlib.Path`.
        layout: a `layouts.Layout` of it.
        names: of the columns.
        decode: a `decoding.Pictures`: the parts of an item -> an array per column.
        data_dir: where prepared sets are kept.
        shown: the parts of an item -> those that are pictures.
        **others: what else the examples hang on.

    Raises:
        InputError: none can be read, or they do not tell how.
    """
    split = layout.splits
    request = prepared.Request(
        made_of={
            "files": {name: folders.listing(items) for name, items in split.items()},
            **({"classes": list(layout.classes)} if layout.classes else {}),
        },
        settings=settings(kind, decode, **others),
        names=names,
        decode=decode,
        splits={name: lambda items=items: decode.examples(items) for name, items in split.items()},
        inspect=lambda: inspection.inspect(
            decode, [(name, shown(parts)) for items in split.values() for name, parts in items], folder
        ),
        total=sum(map(len, split.values())),
        folder=os.fspath(folder),
    )
    data = prepared.prepare(request, data_dir)
    classes = layout.classes
    what = f"images of {len(classes)} classes" if classes else "unpaired images" if kind == "unpaired" else kind
    return _data(kind, dataset, data, decode, "not stated", what, classes, notes=layout.notes + data.notes)


def from_tfds(kind, dataset, builder, names, features, decode, what, data_dir, label=None, classes=(), **others):
    """The data of a set of TensorFlow Datasets.

    Args:
        kind, dataset, names, decode, data_dir: as of `from_files`.
        builder: a prepared TFDS builder.
        features: of an example, which are the parts of an item.
        what: the examples are, for a line.
        label: the feature that is the class, the last part of an item; None: none.
        classes: names of the labels.
        **others: as of `from_files`.

    Raises:
        InputError: the set has no such features or cannot be read.
    """
    # Labels of a test split are often withheld, those of validation are not.
    tests = ("validation", "test") if label else ("test", "validation")
    split = {
        name: (part, features)
        for name, part in zip(("train", "test"), sets.split(builder, dataset, "train", *tests), strict=True)
    }
    return _from_splits(kind, dataset, builder, names, split, decode, what, data_dir, label, classes, **others)


def _from_splits(kind, dataset, builder, names, split, decode, what, data_dir, label=None, classes=(), **others):
    def items(part, features):
        return lambda: decode.examples(sets.items(builder, dataset, part, features, label))

    taken = {f for _, features in split.values() for f in features}
    sets.check_values(builder, dataset, taken)

    used = " and ".join(dict.fromkeys("/".join(features) for _, features in split.values()))
    request = prepared.Request(
        made_of={
            "set": " ".join(builder.info.full_name.rsplit("/", 1)),
            "splits": {name: part for name, (part, _) in split.items()},
            "examples": {name: info.num_examples for name, info in builder.info.splits.items()},
        },
        settings=settings(kind, decode, features=used, label=label or "none", **others),
        names=names,
        decode=decode,
        splits={name: items(*of) for name, of in split.items()},
        inspect=lambda: (dataclasses.replace(decode, channels=decode.channels or sets.channels(builder, taken)), ()),
    )
    data = prepared.prepare(request, data_dir)
    is_paired = kind == "unpaired" and split["testA"][0] == split["testB"][0]
    return _data(kind, dataset, data, decode, sets.licence(builder), what, classes, is_paired)


def _data(kind, dataset, data, decode, licence, what, classes=(), test_is_paired=False, notes=()):
    if kind == "unpaired":
        train = batches.unpair(a=data.splits["trainA"], b=data.splits["trainB"])
        test = batches.side_by_side(a=data.splits["testA"], b=data.splits["testB"])
    else:
        train, test = data.splits["train"], data.splits["test"]
    # `pics` and `pics/` are one folder, and what cannot be printed would break the model card.
    name = folders.printable(dataset).rstrip("/") or "/"
    counts = " + ".join(f"{n:,}" for n in train.counts)
    shape = "x".join(map(str, next(iter(train.columns.values())).spec.shape))
    return Data(
        name=name,
        kind=kind,
        columns=train.columns,
        train=train,
        test=test,
        description=f"{name}: {counts} training and {test.counts[0]:,} held-out {what}, {shape}",
        licence=licence,
        classes=tuple(classes),
        broken=data.broken,
        test_is_paired=test_is_paired,
        fingerprint=data.fingerprint,
        fit=decode.fit,
        notes=notes,
    )
