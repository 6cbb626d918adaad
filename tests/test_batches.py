import gc

import numpy as np
import pytest
import tensorflow as tf
from sample_data import first, same, values

from tfgan_zoo.data import batches
from tfgan_zoo.errors import InputError


@pytest.fixture
def shades():
    """39 pictures of which number i has the grey value i."""
    return flat(range(39))


def flat(numbers):
    pixels = np.broadcast_to(np.array(numbers, np.uint8)[:, None, None, None], (len(numbers), 4, 4, 1))
    return batches.from_arrays({"image": (pixels, "bicubic")})


def noise(element, seed, columns):
    return {
        name: x + tf.random.stateless_uniform(x.shape, seed) if columns[name].resize else x
        for name, x in element.items()
    }


def test_the_order_is_that_of_a_permutation_per_epoch_by_index_shuffle(shades):
    seen = sum(map(values, first(batches.batches(shades, 13, seed=3), 9)), [])
    last = tf.constant(38, tf.int64)
    for p, value in enumerate(seen):
        order = tf.random.fold_in(tf.constant([3, 0], tf.int64), tf.constant(p // 39, tf.int64))
        assert tf.random.experimental.index_shuffle(tf.constant(p % 39, tf.int64), order, last) == value


def test_every_epoch_visits_everything_once_in_an_order_of_its_own(shades):
    seen = sum(map(values, first(batches.batches(shades, 13, seed=0), 9)), [])
    epochs = [seen[i : i + 39] for i in (0, 39, 78)]
    assert [sorted(e) for e in epochs] == [list(range(39))] * 3
    assert len({tuple(e) for e in [*epochs, range(39)]}) == 4
    assert seen[:13] != values(first(batches.batches(shades, 13, seed=1))[0])


def test_pictures_become_float32_from_minus_one_to_one_and_all_else_stays():
    pixels = np.array([0, 255], np.uint8)[:, None, None, None] * np.ones((2, 4, 6, 3), np.uint8)
    arrays = {
        "image": (pixels, "bicubic"),
        "frames": (pixels[:, None], "bicubic"),
        "mask": (pixels[..., :1] // 255, "nearest"),
        "label": (np.array([0, 1]), None),
        "text": (np.array(["a", "b"]), None),
        "point": (np.array([[0.0, 0.5], [1.0, 2.0]], np.float32), None),
    }
    examples = batches.from_arrays(arrays)
    assert batches.batches(examples, 2, seed=0).element_spec == {
        "image": tf.TensorSpec([2, 4, 6, 3], tf.float32),
        "frames": tf.TensorSpec([2, 1, 4, 6, 3], tf.float32),
        "mask": tf.TensorSpec([2, 4, 6, 1], tf.uint8),
        "label": tf.TensorSpec([2], tf.int64),
        "text": tf.TensorSpec([2], tf.string),
        "point": tf.TensorSpec([2, 2], tf.float32),
    }
    got = batches.take(examples, 2)
    np.testing.assert_array_equal(got["image"][:, 0, 0, 0], [-1, 1])
    np.testing.assert_array_equal(got["frames"][:, 0, 0, 0, 0], [-1, 1])
    np.testing.assert_array_equal(got["mask"][:, 0, 0, 0], [0, 1])
    assert got["text"].tolist() == [b"a", b"b"]
    np.testing.assert_array_equal(got["point"], arrays["point"][0])
    assert examples.columns["image"].batch_spec == tf.TensorSpec([4, 6, 3], tf.float32)


def test_starting_at_a_step_equals_skipping_to_it(shades):
    skipped = first(batches.batches(shades, 6, seed=5, transform=noise).skip(11), 4)
    same(skipped, first(batches.batches(shades, 6, seed=5, step=11, transform=noise), 4))
    same(skipped, first(batches.batches(shades, 6, seed=5, transform=noise), 15)[11:])


@pytest.mark.parametrize("pipelines, replicas", [(1, 4), (2, 4), (4, 4)])
def test_pipelines_and_replicas_share_out_the_global_batch(shades, pipelines, replicas):
    local = replicas // pipelines
    parts = []
    for w in range(pipelines):
        context = tf.distribute.InputContext(pipelines, w, replicas)
        slices = first(batches.batches(shades, 12, seed=5, step=2, transform=noise, context=context), 3 * local)
        assert slices[0].shape == (3, 4, 4, 1)
        parts.append([np.concatenate(slices[t * local : (t + 1) * local]) for t in range(3)])
    joined = [np.concatenate(step) for step in zip(*parts, strict=True)]
    same(joined, first(batches.batches(shades, 12, seed=5, step=2, transform=noise), 3))


def test_replicas_of_a_strategy_get_their_slices(shades, two_replicas):
    dataset = two_replicas.distribute_datasets_from_function(
        lambda context: batches.batches(shades, 12, seed=5, step=2, transform=noise, context=context)
    )
    iterator = iter(dataset)
    for whole in first(batches.batches(shades, 12, seed=5, step=2, transform=noise), 3):
        same(np.concatenate([x.numpy() for x in next(iterator).values]), whole)


def test_no_pipeline_is_tuned_since_its_end_would_wait_for_the_thread_that_tunes(shades):
    streamed = batches.Streamed(shades.columns, shades.counts, (tf.data.Dataset.range(39),), lambda i: shades.load(i))
    made = [
        make(examples, 13)
        for examples in (shades, streamed)
        for make in (batches.in_order, lambda examples, size: batches.batches(examples, size, seed=0))
    ]
    assert [dataset.options().autotune.enabled for dataset in made] == [False] * 4


def test_batches_outlive_the_examples_they_come_from():
    iterator = iter(batches.batches(flat(range(39)), 8, seed=0))
    gc.collect()
    assert [next(iterator).shape for _ in range(20)][-1] == (8, 4, 4, 1)


def test_in_order_gives_everything_once(shades):
    got = first(batches.in_order(shades, 16), 9)
    assert [len(x) for x in got] == [16, 16, 7] and sum(map(values, got), []) == list(range(39))


def test_take_spreads_over_the_set(shades):
    assert values(batches.take(shades, 3)) == [6, 19, 32]
    assert values(batches.take(flat([7, 8]), 5)) == [7, 7, 8, 8, 8]


def test_unpaired_columns_are_drawn_independently_and_side_by_side_ones_together():
    a, b = flat(range(7)), flat(range(100, 105))
    examples = batches.unpair(a=a, b=b)
    assert examples.counts == (7, 5) and list(examples.columns) == ["a", "b"]
    got = first(batches.batches(examples, 5, seed=0), 7)
    seen = {name: sum((values(batch[name]) for batch in got), []) for name in "ab"}
    assert [sorted(seen["a"][i : i + 7]) for i in range(0, 35, 7)] == [list(range(7))] * 5
    assert [sorted(seen["b"][i : i + 5]) for i in range(0, 35, 5)] == [list(range(100, 105))] * 7
    pairs = batches.side_by_side(a=a, b=b)
    assert pairs.counts == (5,)
    for batch in [*first(batches.batches(pairs, 5, seed=0), 4), *first(batches.in_order(pairs, 3), 2)]:
        assert [v + 100 for v in values(batch["a"])] == values(batch["b"])


def test_a_transform_can_make_other_columns(shades):
    def transform(element, seed, columns):
        return {"low": element["image"][::2, ::2], "image": element["image"]}

    got = first(batches.batches(shades, 3, seed=0, transform=transform))[0]
    same(got["low"], got["image"][:, ::2, ::2])


def test_a_batch_that_does_not_divide_over_replicas_is_an_input_error(shades):
    with pytest.raises(InputError, match="^batch size 7 does not divide over 2 replicas; give a multiple of it$"):
        batches.batches(shades, 7, seed=0, context=tf.distribute.InputContext(1, 0, 2))


@pytest.mark.parametrize(
    "arrays, message",
    [
        ({"a": (np.zeros((2, 4, 4, 1)), "bicubic")}, r"^column a is float64; pictures are uint8, 0 to 255$"),
        ({"a": (np.zeros((2, 4), np.uint8), "nearest")}, r"^column a has examples of shape \[4\]; expected \[height, "),
        ({"a": (np.zeros((2, 4)), "linear")}, r"^column a is to be resized by 'linear'; give bicubic, nearest or Non"),
        ({"a": (np.zeros(2), None), "b": (np.zeros(3), None)}, r"^the columns have {'a': 2, 'b': 3} examples; give as"),
        ({"a": (np.zeros(0), None)}, r"^the columns have {'a': 0} examples; give as many of each, at least 1$"),
    ],
)
def test_arrays_that_are_no_columns_are_one_clear_line(arrays, message):
    with pytest.raises(InputError, match=message):
        batches.from_arrays(arrays)
