"""A small classifier trained on real labelled pictures, that says what generated ones show.

    python -m tfgan_zoo.metrics.classifier --dataset=mnist --image-size=28
    python -m tfgan_zoo.evaluate exported/sagan/1 --dataset=mnist --extractor=classifiers/mnist_classifier.keras ...

The default, the letters of the embedded glyphs, takes about two minutes on two CPU cores.
"""

import dataclasses
import json
import os
import re
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
import tyro

from tfgan_zoo import errors, files
from tfgan_zoo.data import batches, images
from tfgan_zoo.errors import InputError
from tfgan_zoo.networks.classifier import classifier

_AT_ONCE = 512


def train_classifier(data, folder, *, steps=1500, batch_size=128, learning_rate=2e-3, seed=0):
    """Trains `networks.classifier` on `data.train` and tests it on all of `data.test`.

    Writes `<folder>/<name>_classifier.keras` (`mnist_classifier.keras`) and beside it the same with `.json`: `accuracy`
    on `test_examples`, what it was trained on and how. Where the file is there and was trained just so, it is kept: the
    second call costs nothing. Sets the global Keras seed.

    Args:
        data: `images.labelled(...)`, whose columns are `image` and `label`.
        folder: the run folder.
        steps: training steps of Adam, whose rate falls to 0 along a cosine; 1500 of 128 are three passes over MNIST.
        batch_size, learning_rate, seed: of the training.

    Returns:
        The path of the classifier, for `load_classifier`.

    Raises:
        InputError: the data has no labels.
    """
    if data.kind != "labelled":
        raise InputError(f"{data.name} was loaded as {data.kind}; a classifier needs labelled images: give such a set")
    name = re.sub(r"\W+", "_", Path(data.name).name).strip("_")
    path = Path(folder) / f"{name}_classifier.keras"
    how = {
        "data": data.name,
        "fingerprint": data.fingerprint,
        "image_shape": list(data.shapes["image"]),
        "classes": list(data.classes),
        "train_examples": data.train.counts[0],
        "test_examples": data.test.counts[0],
        "steps": steps,
        "batch_size": batch_size,
        "learning_rate": learning_rate,
        "seed": seed,
    }
    if path.exists() and _record(path).items() >= how.items():
        return path
    keras.utils.set_random_seed(seed)
    network = classifier(how["image_shape"], len(data.classes))
    network.compile(
        keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(learning_rate, steps)),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        jit_compile=False,
    )
    examples = batches.batches(data.train, batch_size, seed=seed).map(lambda batch: (batch["image"], batch["label"]))
    network.fit(examples, steps_per_epoch=steps, shuffle=False, verbose=0)
    right = [
        network.predict_on_batch(batch["image"]).argmax(axis=1) == batch["label"]
        for batch in batches.in_order(data.test, _AT_ONCE).as_numpy_iterator()
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}")
    network.save(unfinished)
    path.with_suffix(".json").unlink(missing_ok=True)  # it would speak of another classifier for a moment
    os.replace(unfinished, path)
    record = how | {"accuracy": float(np.mean(np.concatenate(right)))}
    files.write_json(path.with_suffix(".json"), record)
    return path


def load_classifier(path):
    """What `train_classifier` wrote -> a function `images [N, H, W, C] in [-1, 1] -> logits [N, K]`, NumPy float32.

    Raises:
        InputError: no such file.
    """
    if not Path(path).is_file():
        raise InputError(f"there is no classifier {path}; train one with metrics.classifier.train_classifier")
    network = keras.models.load_model(path, compile=False)

    def logits(pictures):
        pictures = np.asarray(pictures, np.float32)
        parts = [network.predict_on_batch(pictures[i : i + _AT_ONCE]) for i in range(0, len(pictures), _AT_ONCE)]
        return np.concatenate(parts)

    return logits


def _record(path):
    try:
        return json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    except (OSError, ValueError):  # missing or cut short: as if there were no classifier
        return {}


@dataclasses.dataclass(kw_only=True)
class Config:
    """Train a small classifier on labelled pictures."""

    dataset: str = "glyphs"
    """glyphs (the letters A to Z), a TensorFlow Datasets name, or a folder with a subfolder per class."""
    data_dir: str | None = None
    """Where TensorFlow Datasets keeps its prepared data; its own default if not given."""
    image_size: int = 32
    """Height and width of the pictures."""
    out: str = "classifiers"
    """Folder for <dataset>_classifier.keras and .json."""
    steps: int = 1500
    """Training steps."""
    batch_size: int = 128
    """Pictures per step."""
    learning_rate: float = 2e-3
    """The rate of Adam, at first."""
    seed: int = 0
    """Weights and order are functions of it."""


def main(argv=None):
    """Runs the command line; exits with 2 for bad input."""
    config = tyro.cli(Config, args=argv, description=__doc__)
    with errors.one_line():
        for name in ("image_size", "steps", "batch_size"):
            if getattr(config, name) < 1:
                raise InputError(f"--{name.replace('_', '-')}={getattr(config, name)} must be 1 or more")
        tf.get_logger().setLevel("ERROR")
        data = images.labelled(config.dataset, image_size=config.image_size, data_dir=config.data_dir)
        print(f"  data       {data.description}", flush=True)
        path = train_classifier(
            data, config.out, steps=config.steps, batch_size=config.batch_size,
            learning_rate=config.learning_rate, seed=config.seed,
        )  # fmt: skip
        record = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    print(f"  accuracy   {record['accuracy']:.4f} on {record['test_examples']:,} held-out pictures")
    print(f"  classifier {path}")


if __name__ == "__main__":
    main()
