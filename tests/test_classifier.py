import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfgan_zoo.data import batches
from tfgan_zoo.data.columns import Data
from tfgan_zoo.errors import InputError
from tfgan_zoo.metrics.classifier import load_classifier, train_classifier
from tfgan_zoo.networks.classifier import classifier


def shades(name="shades/three:1.0.0", kind="labelled"):
    """Noisy pictures of three brightnesses; example i is of class i modulo 3."""
    labels = np.arange(300) % 3
    noise = np.random.default_rng(0).integers(0, 60, (300, 8, 8, 1))
    pixels = (90 * labels[:, None, None, None] + noise).astype(np.uint8)
    examples = batches.from_arrays({"image": (pixels, "bicubic"), "label": (labels, None)})
    return Data(name, kind, examples.columns, examples, examples, name, "none", ("dark", "grey", "bright"))


def test_a_classifier_learns_its_classes_and_says_how_well(tmp_path):
    path = train_classifier(shades(), tmp_path / "run", steps=60, batch_size=16)
    assert path == tmp_path / "run/three_1_0_0_classifier.keras"
    record = json.loads(path.with_suffix(".json").read_text())
    assert (record["accuracy"], record["test_examples"]) == (1.0, 300)
    assert (record["classes"], record["image_shape"]) == (["dark", "grey", "bright"], [8, 8, 1])
    batch = next(batches.in_order(shades().test, 300).as_numpy_iterator())
    logits = load_classifier(path)(np.concatenate([batch["image"]] * 3))
    assert logits.shape == (900, 3) and logits.dtype == np.float32
    np.testing.assert_array_equal(logits.argmax(axis=1), np.tile(batch["label"], 3))


def test_a_classifier_that_is_there_is_kept_and_one_of_other_data_is_not(tmp_path):
    path = train_classifier(shades("a"), tmp_path, steps=2)
    first = path.read_bytes()
    assert train_classifier(shades("a"), tmp_path, steps=2) == path and path.read_bytes() == first
    train_classifier(shades("a"), tmp_path, steps=3)
    assert path.read_bytes() != first
    path.with_suffix(".json").write_text("{")
    train_classifier(shades("a"), tmp_path, steps=2)
    assert json.loads(path.with_suffix(".json").read_text())["steps"] == 2
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a_classifier.json", "a_classifier.keras"]


def test_a_classifier_measures_in_float32_whatever_the_precision_of_the_run():
    keras.config.set_dtype_policy("mixed_bfloat16")
    network = classifier((28, 28, 1), 10)
    assert {layer.compute_dtype for layer in network.layers[1:]} == {"float32"}
    assert network(tf.zeros([2, 28, 28, 1])).shape == (2, 10)
    # 28 -> 14 -> 7: two blocks (kernel, four numbers per channel), 7 * 7 * 32 pixels, 128 units, 10 logits
    assert network.count_params() == 9 * 16 + 64 + 9 * 16 * 32 + 128 + (7 * 7 * 32 + 1) * 128 + 129 * 10


def test_what_cannot_be_classified_is_one_clear_line(tmp_path):
    with pytest.raises(
        InputError, match="^a was loaded as images; a classifier needs labelled images: give such a set$"
    ):
        train_classifier(shades("a", "images"), tmp_path)
    with pytest.raises(InputError, match="^there is no classifier .*none.keras; train one with "):
        load_classifier(tmp_path / "none.keras")
