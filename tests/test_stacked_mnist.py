import contextlib
import functools
import json

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds
from sample_data import store

from recipes import unrolled_gan as recipe
from tfgan_zoo.data import batches, stacked_mnist
from tfgan_zoo.errors import InputError
from tfgan_zoo.metrics import modes
from tfgan_zoo.metrics.classifier import train_classifier


@pytest.fixture(scope="module")
def fake_mnist(tmp_path_factory):
    """A TFDS folder with a `mnist` of 40 + 20 flat digits: number i has the grey value i (test: 100 + i)."""
    folder = tmp_path_factory.mktemp("tfds")
    shape = {"shape": (28, 28, 1), "dtype": np.uint8}
    flat = {
        split: [{"image": np.full((28, 28, 1), start + i, np.uint8), "label": i % 10} for i in range(count)]
        for split, start, count in (("train", 0, 40), ("test", 100, 20))
    }
    features = {"image": tfds.features.Image(**shape), "label": tfds.features.ClassLabel(num_classes=10)}
    store(folder, "mnist", features, version="3.0.1", **flat)
    return folder


def greys(batch):
    """The grey values of the channels of each stack, which must be flat: `[B, 3]`."""
    values = np.rint((np.asarray(batch) + 1) * 127.5)
    np.testing.assert_array_equal(values, np.broadcast_to(values[:, :1, :1], values.shape))
    return values[:, 0, 0]


def test_a_stack_is_three_independent_digits_of_its_split(fake_mnist):
    data = stacked_mnist.stacks(data_dir=fake_mnist)
    assert (data.kind, data.shapes, data.test.counts) == ("images", {"image": (28, 28, 3)}, (10_000,))
    stacks = data.train.load(tf.range(3000, dtype=tf.int64))["image"]
    assert stacks.dtype == tf.uint8 and stacks.shape == (3000, 28, 28, 3)
    for drawn in (greys(tf.cast(stacks, tf.float32) / 127.5 - 1), greys(data.sample(3000, tf.constant([1, 2])))):
        for channel in drawn.T:
            counts = np.bincount(channel.astype(int), minlength=40)
            assert len(counts) == 40
            np.testing.assert_allclose(counts, 75, atol=5 * np.sqrt(75))
        np.testing.assert_allclose(np.corrcoef(drawn.T), np.eye(3), atol=5 / np.sqrt(3000))
    held_out = greys(batches.take(data.test, 50))
    assert held_out.min() >= 100 and held_out.max() < 120


def test_a_batch_is_the_same_whether_the_run_began_at_0_or_resumed_there(fake_mnist):
    train = stacked_mnist.stacks(data_dir=fake_mnist).train
    whole = [greys(b) for b in batches.batches(train, 16, seed=5).take(4)]
    resumed = [greys(b) for b in batches.batches(train, 16, seed=5, step=2).take(2)]
    np.testing.assert_array_equal(resumed, whole[2:])
    other = greys(next(iter(batches.batches(train, 16, seed=6))))
    assert not np.array_equal(other, whole[0]) and not np.array_equal(whole[0], whole[1])


def test_stacks_come_in_any_size(fake_mnist):
    data = stacked_mnist.stacks(image_size=16, data_dir=fake_mnist)
    assert batches.take(data.train, 2).shape == (2, 16, 16, 3)
    assert data.description == (
        "stacked_mnist: three of 40 digits on each other, 16x16x3; training stacks without end, 10,000 held-out ones "
        "of 20 other digits"
    )


@pytest.mark.parametrize(
    ("dataset", "network", "most"), [("stacked_mnist", "stacked_mnist", 64), ("mnist", "recurrent", 10)]
)
def test_a_run_on_digits_ends_with_the_modes_that_its_classifier_finds(
    dataset, network, most, fake_mnist, tmp_path, monkeypatch
):
    monkeypatch.setattr(modes, "STACKED_SAMPLES", 64)
    monkeypatch.setattr(recipe, "train_classifier", functools.partial(train_classifier, steps=1, batch_size=4))
    config = recipe.Config(
        dataset=dataset, network=network, width=32, d_fraction=0.5, latent_dim=4, image_size=16,
        data_dir=str(fake_mnist), run_dir=str(tmp_path),
    )  # fmt: skip
    asked = {}

    class Job:
        """Trains nothing and keeps what it is asked for."""

        folder, scope = tmp_path, contextlib.nullcontext

        def train(self, model, data, **how):
            asked.update(how)

        def finish(self, model, data, **how):
            asked.update(model=model, data=data, **how)

    recipe.main(Job(), config)
    shape = asked["data"].shapes["image"]
    assert asked["model"].generator.output_shape[1:] == shape
    assert {"g_optimizer", "d_optimizer"} <= set(asked)
    score = asked["metrics"]()
    assert 1 <= score["modes"] <= most and 0 <= score["kl"] <= np.log(10.0 ** shape[-1]) + 1e-9
    assert json.loads((tmp_path / "mnist_classifier.json").read_text())["test_examples"] == 20


@pytest.mark.parametrize(
    ("flags", "shape", "message"),
    [
        ({"network": "recurrent"}, (2,), "^--network=recurrent makes pictures, not points; give appendix_a or plain$"),
        ({"network": "stacked_mnist", "width": 20}, (28, 28, 3), "^--width=20 halves three times .* a multiple of 8$"),
        ({"network": "stacked_mnist", "width": 8, "d_fraction": 0.25}, (28, 28, 3), "gives D layers of 0.25 and more"),
        ({"width": 10, "d_fraction": 0.25}, (8, 8, 1), "^--width=10 with --d-fraction=0.25 gives D layers of 2.5 and"),
    ],
)
def test_widths_that_make_no_network_are_one_clear_line(flags, shape, message):
    with pytest.raises(InputError, match=message):
        recipe.networks(recipe.Config(**flags), shape)


@pytest.mark.parametrize("network", ["plain", "appendix_a"])
def test_the_discriminator_has_its_fraction_of_the_generators_width(network):
    _, whole = recipe.networks(recipe.Config(network=network, width=16), (2,))
    _, half = recipe.networks(recipe.Config(network=network, width=16, d_fraction=0.5), (2,))
    hidden = [[layer.units for layer in d.layers if hasattr(layer, "units")][:-1] for d in (whole, half)]
    assert hidden == ([[16, 16], [8, 8]] if network == "plain" else [[16], [8]])
