"""Trains the small classifier that measures labelled pictures: for `evaluate`, features and label accuracy.

    python -m tfgan_zoo.classifier --dataset=mnist --image-size=28
    python -m tfgan_zoo.evaluate exported/sagan/1 --dataset=mnist --extractor=classifiers/mnist_classifier.keras ...

The default, the letters of the embedded glyphs, takes about two minutes on two CPU cores.
"""

import dataclasses
import json
import sys

import tensorflow as tf
import tyro

from tfgan_zoo.data import images
from tfgan_zoo.errors import InputError
from tfgan_zoo.metrics.classifier import train_classifier


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
    try:
        config = tyro.cli(Config, args=argv, description=__doc__)
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
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
    print(f"  accuracy   {record['accuracy']:.4f} on {record['test_examples']:,} held-out pictures")
    print(f"  classifier {path}")


if __name__ == "__main__":
    main()
