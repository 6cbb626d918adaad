"""Sets of TensorFlow Datasets: finding one by name, its splits, its pictures and labels, its encoded examples."""

import re
import sys

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds
from absl import logging

from tfgan_zoo import errors
from tfgan_zoo.data import batches
from tfgan_zoo.data.folders import printable
from tfgan_zoo.errors import InputError


def resolve(name, data_dir, accepted):
    """A name -> its builder, with the set on disk. Downloads and prepares it first if need be.

    Args:
        name: as TFDS takes it, with a configuration and a version if need be.
        data_dir: where TFDS keeps its sets.
        accepted: the end of a message: what else could be given.

    Raises:
        InputError: there is no such set, or it cannot be prepared.
    """
    # Other forms of names (`namespace:name`) make TFDS look into the network.
    if not re.fullmatch(r"[A-Za-z]\w*(/[\w.+-]+)?(:\d+\.\d+\.\d+)?", name):
        raise InputError(f"{printable(name)} is neither a folder that exists nor a TFDS name; {accepted}")
    try:
        builder = tfds.builder(name, data_dir=data_dir)
    except Exception as error:  # Unknown name, configuration or version, or a set whose own imports are missing.
        why = "" if isinstance(error, tfds.core.DatasetNotFoundError) else f" ({_first_line(error)})"
        raise InputError(f"{name} is neither a folder that exists nor a TFDS name{why}; {accepted}") from None
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


def split(builder, dataset, train, *tests):
    """(train, test): the first of `tests` that is there, or the last 5 % of `train`.

    Raises:
        InputError: there is no `train`.
    """
    splits = builder.info.splits
    if train not in splits:
        raise InputError(f"{dataset} has no split named {train}, only {', '.join(splits)}; choose another set")
    for test in tests:
        if test in splits and splits[test].num_examples:
            return train, test
    count = splits[train].num_examples
    last = max(1, count // 20)
    return f"{train}[:{count - last}]", f"{train}[{count - last}:]"


def encoded(builder, part, features):
    """A dataset of dicts of a split, in the order of its files: pictures as encoded, all else decoded."""
    skipped = {f: tfds.decode.SkipDecoding() for f in features if f in images_of(builder)}
    verbosity = logging.get_verbosity()
    logging.set_verbosity(logging.ERROR)  # TFDS warns ten times of a deprecated property that it reads itself.
    try:
        examples = builder.as_dataset(
            split=part,
            shuffle_files=False,
            decoders=tfds.decode.PartialDecoding(dict.fromkeys(features, True), decoders=skipped),
            read_config=tfds.ReadConfig(interleave_cycle_length=1, try_autocache=False),
        )
        return batches.untuned(examples)
    finally:
        logging.set_verbosity(verbosity)


def items(builder, dataset, part, features, label=None):
    """The items `(name, parts)` of a split, as `folders` has them, with bytes for paths.

    Args:
        features: picture features, the parts of an item.
        label: None, or a label feature. Then each picture of an example is an item of its own, with the label behind
            it; where there are several, examples without a label (-1) are left out.

    Raises:
        InputError: the files of the set are damaged.
    """
    number = 0
    for example in _read(builder, dataset, encoded(builder, part, [*features, *([label] if label else [])])):
        found = [tuple(example[f] for f in features)]
        if label is not None:
            known = len(features) == 1 or example[label] >= 0
            found = [(picture, int(example[label])) for picture in found[0] if known]
        for parts in found:
            yield f"{dataset} {part} {number}", parts
            number += 1


def images_of(builder):
    """The names of the picture features of an example."""
    # Sorted, because a set read from its files alone has its features in a different order each time.
    return features_of(builder, tfds.features.Image)


def features_of(builder, kind):
    """The names of the features of a kind."""
    features = builder.info.features
    return sorted(k for k, f in features.items() if isinstance(f, kind)) if hasattr(features, "items") else []


def image_feature(builder, dataset, preferred):
    """The one picture feature of an example, or the one preferred among several.

    Raises:
        InputError: there is none, or none of that name.
    """
    found = images_of(builder)
    if len(found) == 1:
        return found[0]
    if preferred in found:
        return preferred
    if not found:
        raise InputError(f"{dataset} has no image feature; choose another set")
    raise InputError(f"{dataset} has {_listed(found, 'image')}, none of them {preferred}; give one as style")


def two_features(builder, dataset, source, target):
    """The names of two picture features: those asked for, or the only two.

    Raises:
        InputError: there are fewer than two, or others.
    """
    found = images_of(builder)
    if source in found and target in found:
        return source, target
    if len(found) == 2:
        return tuple(found)
    if len(found) < 2:
        raise InputError(
            f"{dataset} has {_listed(found, 'image')} per example; pairs need two: choose another set, or a folder "
            f"of files with A and B side by side"
        )
    unknown = source if source not in found else target
    raise InputError(f"{dataset} has no image named {unknown}; source and target are two of {', '.join(found)}")


def image_and_label(builder, dataset):
    """The names of the picture feature and of the label feature, and the names of the classes.

    Raises:
        InputError: there is not one of each.
    """
    found = images_of(builder)
    labels = features_of(builder, tfds.features.ClassLabel)
    label = "label" if "label" in labels else labels[0] if len(labels) == 1 else None
    if len(found) != 1 or label is None:
        raise InputError(
            f"{dataset} has {_listed(found, 'image')} and {_listed(labels, 'class label')}; labelled images need "
            f"one of each: choose another set, or a folder with one subfolder per class"
        )
    feature = builder.info.features[label]
    return found[0], label, tuple(feature.names or map(str, range(feature.num_classes)))


def check_values(builder, dataset, features):
    """Refuses what would be read as other pictures than they are.

    Raises:
        InputError: floating-point pictures, which TFDS keeps as four channels of bytes.
    """
    for name in sorted(features):
        dtype = np.dtype(builder.info.features[name].np_dtype)
        if dtype.kind == "f":
            raise InputError(
                f"{dataset} has {dtype} numbers as its image {name}; choose a set of integers, or a folder"
            )


def channels(builder, features):
    """1 if all these picture features are grey, else 3."""
    return 1 if all(builder.info.features[f].shape[-1] == 1 for f in features) else 3


def licence(builder):
    """What the set says of its licence."""
    info = builder.info
    return info.redistribution_info.license or (f"see {info.homepage}" if info.homepage else "not stated")


def _read(builder, dataset, examples):
    try:
        yield from examples.prefetch(64).as_numpy_iterator()
    except tf.errors.OpError as error:
        raise InputError(
            f"{dataset} in {builder.data_path} cannot be read ({_first_line(error)}); delete it there, so that it is "
            f"prepared again"
        ) from None


def _first_line(error):
    return re.sub(r"^Failed to construct dataset .*?}\": ", "", errors.first_line(error))  # TFDS's preamble.


def _listed(names, what):
    return f"{len(names)} {what}{'s' * (len(names) != 1)} ({', '.join(names)})" if names else f"no {what}"
