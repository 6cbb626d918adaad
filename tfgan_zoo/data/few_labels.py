"""Images few of which have a label: what semi-supervised learning learns from."""

import dataclasses

import numpy as np
import tensorflow as tf

from tfgan_zoo.data import batches, images
from tfgan_zoo.data.columns import LABEL, Data
from tfgan_zoo.errors import InputError


@dataclasses.dataclass(frozen=True, kw_only=True)
class FewLabels(Data):
    """The columns `image` and `label`, of few examples; `unlabelled` and `matched`, of all. Held out: `image`, `label`.

    Attributes:
        chosen: the numbers of the training examples whose labels are known, int64 `[classes * labels_per_class]`.
    """

    chosen: np.ndarray


def few_labels(
    dataset, *, labels_per_class, seed, image_size, channels=None, fit=None, value_range=None, data_dir=None
):
    """Labelled images of which only a few per class, chosen by a seed, keep their labels.

    A batch has as many labelled images as others: the few come again and again, each once in every pass over them. The
    columns `unlabelled` and `matched` each pass over all training images, those with labels too, in their own orders.

    Args:
        dataset: as `images.labelled` takes it.
        labels_per_class: how many of each class keep their label.
        seed: of the choice.
        image_size, channels, fit, value_range, data_dir: as in `images.images`.

    Raises:
        InputError: the data cannot be found, or is of another kind; a class has fewer images; the set does not fit into
            memory.
    """
    how = {"image_size": image_size, "channels": channels, "fit": fit, "value_range": value_range}
    data = images.labelled(dataset, **how, data_dir=data_dir)
    if isinstance(data.train, batches.Streamed):
        raise InputError(f"{data.name} is too large to choose labels from; give a smaller --image-size or set")
    train, count = data.train, data.train.counts[0]
    chosen = _choose(_labels(train), data.classes, labels_per_class, seed)
    kept = tf.constant(chosen)

    def load(labelled, unlabelled, matched):
        known = train.load(tf.gather(kept, labelled))
        others = {"unlabelled": train.load(unlabelled)["image"], "matched": train.load(matched)["image"]}
        return {"image": known["image"], "label": known["label"], **others}

    picture = data.columns["image"]
    columns = {"image": picture, "label": LABEL, "unlabelled": picture, "matched": picture}
    return FewLabels(
        **{field.name: getattr(data, field.name) for field in dataclasses.fields(Data)}
        | {
            "columns": columns,
            "train": batches.Examples(columns, (len(chosen), count, count), load),
            "description": f"{data.description}; {labels_per_class} labels per class",
        },
        chosen=chosen,
    )


def _labels(train):
    """Of all examples, int64 `[N]`."""
    numbers = np.arange(train.counts[0])
    with tf.device("CPU"):  # where the examples are
        parts = [
            train.load(tf.constant(part))["label"].numpy() for part in np.split(numbers, range(500, len(numbers), 500))
        ]
    return np.concatenate(parts)


def _choose(labels, classes, labels_per_class, seed):
    rng, chosen = np.random.default_rng(seed), []
    for label, name in enumerate(classes):
        (those,) = np.nonzero(labels == label)
        if len(those) < labels_per_class:
            raise InputError(
                f"class {name} has {len(those)} training images; --labels-per-class={labels_per_class} is more"
            )
        chosen.append(np.sort(rng.permutation(those)[:labels_per_class]))
    return np.concatenate(chosen)
