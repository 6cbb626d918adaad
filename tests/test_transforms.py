import numpy as np
import pytest
import tensorflow as tf

from tfgan_zoo.data import batches, transforms
from tfgan_zoo.data.columns import LABEL, Column, picture


def seeds(n):
    return [tf.constant([7, i], tf.int64) for i in range(n)]


def columns_of(**elements):
    return {name: picture(*x.shape) for name, x in elements.items()}


def test_a_flip_mirrors_half_of_the_examples_with_all_their_columns():
    image = tf.reshape(tf.range(12.0), [2, 2, 3])
    frames = tf.stack([image, 2 * image, 3 * image])
    mask = tf.constant([[[0], [1]], [[1], [0]]], tf.uint8)
    element = {"image": image, "frames": frames, "mask": mask, "label": tf.constant(3, tf.int64)}
    columns = {
        "image": picture(2, 2, 3),
        "frames": Column(tf.TensorSpec([3, 2, 2, 3], tf.uint8), "bicubic"),
        "mask": Column(tf.TensorSpec([2, 2, 1], tf.uint8), "nearest"),
        "label": LABEL,
    }
    flipped = 0
    for seed in seeds(200):
        got = transforms.random_flip(element, seed, columns)
        is_flipped = not np.array_equal(got["image"], image)
        across = slice(None, None, -1 if is_flipped else 1)
        np.testing.assert_array_equal(got["image"], image[:, across])
        np.testing.assert_array_equal(got["frames"], frames[:, :, across])
        np.testing.assert_array_equal(got["mask"], mask[:, across])
        assert got["label"] == 3 and got["mask"].dtype == tf.uint8
        flipped += is_flipped
    assert 80 <= flipped <= 120


def test_independent_flips_do_not_agree_always():
    image = tf.reshape(tf.range(12.0), [2, 2, 3])
    flip = transforms.independently(transforms.random_flip)
    pair = {"a": image, "b": image}
    got = [flip(pair, seed, columns_of(**pair)) for seed in seeds(200)]
    assert 80 <= sum(np.array_equal(x["a"], x["b"]) for x in got) <= 120
    one, seed = {"image": image}, seeds(1)[0]
    np.testing.assert_array_equal(
        flip(one, seed, columns_of(**one))["image"], transforms.random_flip(one, seed, columns_of(**one))["image"]
    )


def test_jitter_crops_one_place_of_the_enlarged_pair():
    rows = tf.broadcast_to(tf.range(16.0)[:, None, None], [16, 16, 1])
    jitter = transforms.random_jitter(1.5)
    enlarged = tf.image.resize(rows, [24, 24])
    pair = {"image": rows, "target": 2 * rows}
    corners = set()
    for seed in seeds(60):
        a, b = jitter(pair, seed, columns_of(**pair)).values()
        assert a.shape == (16, 16, 1)
        np.testing.assert_allclose(b, 2 * a, rtol=1e-6)
        corners |= {top for top in range(9) if np.allclose(a, enlarged[top : top + 16, :16])}
    assert corners == set(range(9))
    one = {"image": rows}
    np.testing.assert_array_equal(transforms.random_jitter(1)(one, seeds(1)[0], columns_of(**one))["image"], rows)


def test_jitter_keeps_a_mask_of_zeros_and_ones_on_its_picture():
    # A block of 4 x 4 white pixels; enlarged twice it is one of 8 x 8, and its mask is it without the soft edge.
    image = np.zeros([12, 12, 1], np.float32)
    image[4:8, 4:8] = 1
    element = {"image": tf.constant(image), "mask": tf.constant(image, tf.uint8)}
    columns = {"image": picture(12, 12, 1), "mask": Column(tf.TensorSpec([12, 12, 1], tf.uint8), "nearest")}
    places = set()
    for seed in seeds(40):
        got = transforms.random_jitter(2)(element, seed, columns)
        mask = got["mask"].numpy()
        assert mask.dtype == np.uint8 and set(np.unique(mask)) <= {0, 1}
        np.testing.assert_array_equal(mask == 1, got["image"].numpy() > 0.5)
        places.add(tuple(np.argwhere(mask[..., 0]).min(0)) if mask.any() else None)
    assert len(places) > 20


def test_jitter_moves_all_frames_alike():
    frames = tf.random.stateless_uniform([3, 8, 8, 1], [1, 2])
    columns = {
        "frames": Column(tf.TensorSpec([3, 8, 8, 1], tf.uint8), "bicubic"),
        "image": picture(8, 8, 1),
    }
    for seed in seeds(5):
        got = transforms.random_jitter(1.25)({"frames": frames, "image": frames[1]}, seed, columns)
        assert got["frames"].shape == (3, 8, 8, 1)
        np.testing.assert_array_equal(got["frames"][1], got["image"])
        assert not np.array_equal(got["frames"][0], got["frames"][1])


@pytest.mark.parametrize("ratio", [2, 4])
def test_jitter_keeps_low_and_high_resolution_aligned(ratio):
    # Means of ratio x ratio pixels of a straight slope are the slope at low resolution, away from the edges, where
    # enlarging repeats pixels.
    across, down = np.meshgrid(np.arange(24.0 * ratio), np.arange(16.0 * ratio))
    high = (across + 100 * down)[..., None].astype(np.float32)
    low = high.reshape(16, ratio, 24, ratio, 1).mean((1, 3))
    element = {"image": tf.constant(low), "target": tf.constant(high)}
    corners = set()
    for seed in seeds(20):
        got = transforms.random_jitter(1.3)(element, seed, columns_of(**element))
        assert got["target"].shape == high.shape
        means = got["target"].numpy().reshape(16, ratio, 24, ratio, 1).mean((1, 3))
        np.testing.assert_allclose(means[1:-1, 1:-1], got["image"][1:-1, 1:-1], rtol=2e-4, atol=0.05)
        corners.add(float(got["image"][8, 12, 0]))
    assert len(corners) > 5


def test_transforms_compose_in_batches():
    pixels = np.random.default_rng(0).integers(0, 256, (6, 8, 8, 3), dtype=np.uint8)
    examples = batches.from_arrays({"image": (pixels, "bicubic"), "label": (np.arange(6), None)})
    transform = transforms.compose(transforms.random_jitter(286 / 256), transforms.random_flip)
    dataset = batches.batches(examples, 4, seed=0, transform=transform)
    assert dataset.element_spec == {
        "image": tf.TensorSpec([4, 8, 8, 3], tf.float32),
        "label": tf.TensorSpec([4], tf.int64),
    }
    moved, still = (next(iter(x)) for x in (dataset, batches.batches(examples, 4, seed=0)))
    np.testing.assert_array_equal(moved["label"], still["label"])
    key = tf.constant([0, -1], tf.int64)
    for p in range(4):
        expected = transform(
            {name: x[p] for name, x in still.items()},
            tf.random.fold_in(key, tf.constant(p, tf.int64)),
            examples.columns,
        )
        np.testing.assert_allclose(moved["image"][p], expected["image"], atol=1e-6)
