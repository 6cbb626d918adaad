"""Pictures of several domains, each a number: what a translator between all of them learns from and is measured on.

A training example is a picture and its own domain, the columns `image` and `domain`. A held-out one is a request:
`image`, `source`, the domain it is of, and `domain`, the one asked for. Where the pictures of the domains belong
together, as those of one character in 12 styles, it also has `target`, the true picture in the domain asked for.
Training does not know which belong together.
"""

import dataclasses
import pathlib

import tensorflow as tf

from tfgan_zoo.data import batches, glyphs, images, prepared, sets
from tfgan_zoo.data.columns import LABEL, Data


def domains(dataset, *, image_size, channels=None, fit=None, value_range=None, data_dir=None):
    """Pictures and the numbers of their domains: the columns `image` and `domain`. `Data.classes` names the domains.

    Every held-out picture is asked for in every other domain.

    Args:
        dataset: `glyphs`, whose 12 styles are the domains; a TFDS name of a set whose examples have several aligned
            images, each a domain, or one image and a class label, which is the domain; or a folder with one subfolder
            per domain, within `train/` and `test/` if there, or with a `labels.csv` (docs/data.md).
        image_size, channels, fit, value_range, data_dir: as in `images.images`.

    Raises:
        InputError: the data cannot be found, or is of another kind.
    """
    how = {"image_size": image_size, "channels": channels, "fit": fit, "value_range": value_range}
    found = images.resolve(dataset, data_dir)
    several = not isinstance(found, pathlib.Path) and len(sets.images_of(found)) > 1
    if several:
        data = _aligned(dataset, found, images.pictures(**how), data_dir)
    else:
        data = images.labelled(dataset, **how, data_dir=data_dir)
    columns = {"image": data.columns["image"], "domain": LABEL}
    train = _made(data.train, columns, lambda stored: {"image": stored["image"], "domain": stored["label"]})
    test = requests(data.test, len(data.classes), several)
    counts, shape = train.counts[0], "x".join(map(str, columns["image"].spec.shape))
    return dataclasses.replace(
        data,
        kind="domains",
        columns=columns,
        train=train,
        test=test,
        description=f"{data.name}: {counts:,} training and {data.test.counts[0]:,} held-out images of "
        f"{len(data.classes)} domains, {shape}" + (", each held out with its picture in all others" if several else ""),
    )


def _aligned(dataset, builder, decode, data_dir):
    """Labelled images, one example's after the other: of K features the picture number K e + k is that of feature k."""
    features = list(glyphs.STYLES) if builder.name == "glyphs" else sets.images_of(builder)
    sets.check_values(builder, dataset, features)
    split = dict(zip(("train", "test"), sets.split(builder, dataset, "train", "test", "validation"), strict=True))

    def items(part):
        for name, pictures in sets.items(builder, dataset, part, features):
            for k, picture in enumerate(pictures):
                yield f"{name} {features[k]}", (picture, k)

    request = prepared.Request(
        made_of={
            "set": " ".join(builder.info.full_name.rsplit("/", 1)),
            "splits": split,
            "examples": {name: info.num_examples for name, info in builder.info.splits.items()},
            "classes": features,
        },
        settings=images.settings("domains", decode),
        names=("image", "label"),
        decode=decode,
        splits={name: lambda part=part: items(part) for name, part in split.items()},
        inspect=lambda: (
            dataclasses.replace(decode, channels=decode.channels or sets.channels(builder, features)), ()
        ),
    )  # fmt: skip
    made = prepared.prepare(request, data_dir)
    train, test = made.splits["train"], made.splits["test"]
    return Data(
        name=str(dataset),
        kind="labelled",
        columns=train.columns,
        train=train,
        test=test,
        description="",
        licence=sets.licence(builder),
        classes=tuple(features),
        broken=made.broken,
        fingerprint=made.fingerprint,
        fit=decode.fit,
        notes=made.notes,
    )


def requests(part, count, aligned):
    """Labelled images -> each of them for every other domain.

    They come in `count` - 1 turns. In each turn every picture is asked for once, and neighbours for different domains:
    the first of them are a fair sample of all.

    Args:
        part: `Examples` or `Streamed` of `image` and `label`.
        count: labels are 0 ... `count` - 1.
        aligned: whether pictures number `count` e + k, of label k, belong together: then there is a `target`.

    Returns:
        The same with the columns `image`, `source`, `domain` and maybe `target`.
    """
    pictures = part.counts[0]
    columns = {"image": part.columns["image"], "source": LABEL, "domain": LABEL}
    columns |= {"target": part.columns["image"]} if aligned else {}

    def asked(turn, number, source):
        return (source + 1 + (turn + number // count) % (count - 1)) % count

    if isinstance(part, batches.Examples):

        def load(i):
            number = i % pictures
            stored = part.load(number)
            domain = asked(i // pictures, number, stored["label"])
            found = {"image": stored["image"], "source": stored["label"], "domain": domain}
            return found | ({"target": part.load(number // count * count + domain)["image"]} if aligned else {})

        return batches.Examples(columns, ((count - 1) * pictures,), load)

    def turn_of(turn):
        def request(first, group):
            number = first * count + tf.range(tf.shape(group["label"], tf.int64)[0], dtype=tf.int64)
            found = {"image": group["image"], "source": group["label"]}
            found["domain"] = asked(turn, number, group["label"])
            return found | ({"target": tf.gather(group["image"], found["domain"])} if aligned else {})

        return part.encoded[0].batch(count).enumerate().map(request).unbatch()

    def decode(encoded):
        def pixels(name):
            return part.decode({"image": encoded[name], "label": encoded["source"]})["image"]

        return encoded | {"image": pixels("image")} | ({"target": pixels("target")} if aligned else {})

    turns = tf.data.Dataset.range(count - 1).flat_map(turn_of)
    return batches.Streamed(columns, ((count - 1) * pictures,), (turns,), decode)


def _made(part, columns, make):
    """`part` with what it gives made anew by `make`, a function of a dict of columns as they are stored."""
    if isinstance(part, batches.Streamed):
        return dataclasses.replace(part, columns=columns, decode=lambda *encoded: make(part.decode(*encoded)))
    return batches.Examples(columns, part.counts, lambda *i: make(part.load(*i)))
