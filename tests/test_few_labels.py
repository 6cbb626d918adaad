import numpy as np
import pytest
import tensorflow as tf

from tfgan_zoo.data import batches, few_labels, images
from tfgan_zoo.data.columns import LABEL
from tfgan_zoo.errors import InputError


@pytest.fixture
def numbered(monkeypatch):
    """Flat pictures of 3 classes: number i of 40 is of grey i and has the label i % 3; held out are 200, 201, ..."""

    def labelled(dataset, **how):
        def examples(start, count):
            numbers = start + np.arange(count)
            pixels = np.broadcast_to(numbers[:, None, None, None], [count, 2, 2, 1]).astype(np.uint8)
            return batches.from_arrays({"image": (pixels, "bicubic"), "label": (numbers % 3, None)})

        train, test = examples(0, 40), examples(200, 6)
        return images.Data(
            name=dataset, kind="labelled", columns=train.columns, train=train, test=test,
            description=f"{dataset}: 40", licence="", classes=("a", "b", "c"),
        )  # fmt: skip

    monkeypatch.setattr(images, "labelled", labelled)


def greys(pictures):
    return np.rint((np.asarray(pictures)[:, 0, 0, 0] + 1) * 127.5).astype(int)


def read(count=4, steps=10, **how):
    data = few_labels.few_labels("set", **{"labels_per_class": count, "seed": 0, "image_size": 2} | how)
    return data, list(batches.batches(data.train, 12, seed=3).take(steps))


def test_as_many_of_each_class_as_asked_for_keep_their_labels_and_come_again_and_again(numbered):
    data, read_batches = read()
    assert data.columns["label"] == LABEL and list(data.shapes) == ["image", "label", "unlabelled", "matched"]
    np.testing.assert_array_equal(np.bincount(data.chosen % 3), [4, 4, 4])
    for batch in read_batches:  # 12 labels: a pass over them is a batch
        np.testing.assert_array_equal(np.sort(greys(batch["image"])), np.sort(data.chosen))
        np.testing.assert_array_equal(greys(batch["image"]) % 3, batch["label"])


def test_both_columns_without_labels_pass_over_all_pictures_in_orders_of_their_own(numbered):
    _, read_batches = read(steps=10)
    seen = {name: np.concatenate([greys(batch[name]) for batch in read_batches]) for name in ("unlabelled", "matched")}
    for numbers in seen.values():
        np.testing.assert_array_equal([np.sort(epoch) for epoch in numbers.reshape(3, 40)], [np.arange(40)] * 3)
    assert (seen["unlabelled"] != seen["matched"]).mean() > 0.8


def test_the_choice_is_a_function_of_the_seed_and_held_out_examples_all_have_labels(numbered):
    first, again, other = (read(seed=seed)[0] for seed in (0, 0, 1))
    np.testing.assert_array_equal(first.chosen, again.chosen)
    assert (first.chosen != other.chosen).any()
    (batch,) = batches.in_order(first.test, 10)
    np.testing.assert_array_equal(greys(batch["image"]), np.arange(200, 206))
    np.testing.assert_array_equal(batch["label"], np.arange(200, 206) % 3)
    assert first.description == "set: 40; 4 labels per class" and first.kind == "labelled"


def test_a_class_with_fewer_pictures_and_a_set_too_large_for_memory_are_refused(numbered, monkeypatch):
    assert len(read(count=13)[0].chosen) == 39
    with pytest.raises(InputError, match="class b has 13 training images; --labels-per-class=14 is more"):
        read(count=14)
    whole = images.labelled("set")
    streamed = batches.Streamed(whole.train.columns, whole.train.counts, (tf.data.Dataset.range(40),), None)
    monkeypatch.setattr(images, "labelled", lambda *a, **k: images.Data(**vars(whole) | {"train": streamed}))
    with pytest.raises(InputError, match="set is too large to choose labels from; give a smaller --image-size or set"):
        read()


def test_letters_have_labels_and_others_too(tmp_path):
    data = few_labels.few_labels("glyphs", labels_per_class=2, seed=0, image_size=8)
    assert len(data.chosen) == 52 and len(data.classes) == 26 and data.train.counts[0] == 52
    assert data.fingerprint and data.test.counts[0] > 100
