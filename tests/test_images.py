import gc
import os

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds
from PIL import Image

from tfgan_zoo.data import images
from tfgan_zoo.errors import InputError

RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)


def save(path, *size, color=0, mode="L", **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, color).save(path, **options)
    return path


@pytest.fixture
def greys(tmp_path):
    """A folder of 41 grey images of which number i has the value i; 2 of them are held out."""
    for i in range(41):
        save(tmp_path / f"greys/{i:02}.png", 4, 4, color=i)
    return tmp_path / "greys"


@pytest.fixture(scope="module")
def tfds_dir(tmp_path_factory):
    """TFDS sets made here: `shades` (50 grey images and labels), `twins` (images i and 255 - i), `horses2zebras`."""
    folder = tmp_path_factory.mktemp("tfds")
    shape = {"shape": (4, 4, 1), "dtype": np.uint8}

    def store(name, features, **splits):
        tfds.dataset_builders.store_as_tfds_dataset(
            name=name,
            version="1.0.0",
            data_dir=folder,
            features=tfds.features.FeaturesDict(features),
            split_datasets={k: list(enumerate(v)) for k, v in splits.items()},
        )

    def shade(i):
        return np.full((4, 4, 1), i, np.uint8)

    image, label = tfds.features.Image(**shape), tfds.features.ClassLabel(names=["even", "odd"])
    tfds.disable_progress_bar()
    store("shades", {"image": image, "label": label}, train=[{"image": shade(i), "label": i % 2} for i in range(50)])
    store("twins", {"b": image, "a": image}, train=[{"a": shade(i), "b": shade(255 - i)} for i in range(50)])
    domains = {"trainA": range(30), "trainB": range(100, 120), "testA": range(30, 34), "testB": range(120, 123)}
    store("horses2zebras", {"image": image}, **{k: [{"image": shade(i)} for i in v] for k, v in domains.items()})
    tfds.enable_progress_bar()
    return folder


def values(batch):
    """The grey value of each image of a batch."""
    return np.rint((np.asarray(batch)[:, 0, 0, 0] + 1) * 127.5).astype(int).tolist()


def first(dataset, n=1):
    return list(dataset.take(n).as_numpy_iterator())


# ---------------------------------------------------------------------------------------------------------------------
# Files of every sort


def grey_16_bit(path, value):
    Image.fromarray(np.full((4, 4), value, np.uint16)).save(path)


def palette(path, **options):
    image = Image.new("P", (4, 4), 1)
    image.putpalette([0, 0, 0, *GREEN])
    image.save(path, **options)


SORTS = {
    "grey.png": (lambda p: save(p, 4, 4, color=77), 77),
    "bits.png": (lambda p: save(p, 4, 4, mode="1", color=1), 255),
    "grey_alpha.png": (lambda p: save(p, 4, 4, mode="LA", color=(0, 0)), 255),
    "grey_half_alpha.png": (lambda p: save(p, 4, 4, mode="LA", color=(0, 51)), 204),
    "grey_16.png": (lambda p: grey_16_bit(p, 77 * 257), 77),
    "grey_16_white.png": (lambda p: grey_16_bit(p, 65535), 255),
    "grey_16.tif": (lambda p: grey_16_bit(p, 128 * 257 + 100), 128),
    "rgb.png": (lambda p: save(p, 4, 4, mode="RGB", color=(10, 20, 30)), (10, 20, 30)),
    "rgb.BMP": (lambda p: save(p, 4, 4, mode="RGB", color=(10, 20, 30)), (10, 20, 30)),
    "rgb.tiff": (lambda p: save(p, 4, 4, mode="RGB", color=(10, 20, 30)), (10, 20, 30)),
    "rgb.webp": (lambda p: save(p, 4, 4, mode="RGB", color=(10, 20, 30), lossless=True), (10, 20, 30)),
    "rgba_clear.png": (lambda p: save(p, 4, 4, mode="RGBA", color=(9, 9, 9, 0)), WHITE),
    "rgba_solid.png": (lambda p: save(p, 4, 4, mode="RGBA", color=(10, 20, 30, 255)), (10, 20, 30)),
    "rgb_key.png": (lambda p: save(p, 4, 4, mode="RGB", color=RED, transparency=RED), WHITE),
    "palette.png": (palette, GREEN),
    "palette.gif": (palette, GREEN),
    "palette_clear.png": (lambda p: palette(p, transparency=1), WHITE),
    "cmyk.tif": (lambda p: save(p, 4, 4, mode="CMYK", color=(0, 255, 255, 0)), RED),
}


@pytest.mark.parametrize("name", SORTS)
def test_a_file_of_any_sort_becomes_grey_or_rgb(tmp_path, name):
    write, expected = SORTS[name]
    write(tmp_path / name)
    pixels = images.read_image(tmp_path / name, 4)
    assert pixels.dtype == np.uint8 and pixels.shape == (4, 4, 1 if isinstance(expected, int) else 3)
    np.testing.assert_array_equal(pixels, np.broadcast_to(expected, pixels.shape))
    assert images.read_image(tmp_path / name, 4, channels=1).shape == (4, 4, 1)
    np.testing.assert_array_equal(
        images.read_image(tmp_path / name, 4, channels=3), np.broadcast_to(expected, (4, 4, 3))
    )


def test_exif_orientation_is_applied(tmp_path):
    image = Image.new("RGB", (16, 16), RED)
    image.paste(BLUE, (0, 0, 16, 8))  # Blue above red; orientation 6 turns it clockwise: blue to the right.
    exif = Image.Exif()
    exif[0x0112] = 6
    image.save(tmp_path / "turned.png", exif=exif)
    pixels = images.read_image(tmp_path / "turned.png", 16)
    assert tuple(pixels[8, 2]) == RED and tuple(pixels[8, 13]) == BLUE


def test_a_fitting_shorter_side_is_cropped_and_not_resized(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (8, 13), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "wide.png")
    np.testing.assert_array_equal(images.read_image(tmp_path / "wide.png", 8)[..., 0], noise[:, 2:10])


def test_shrinking_averages_and_growing_keeps_a_flat_image(tmp_path):
    checks = np.indices((64, 64)).sum(0) % 2 * 255
    Image.fromarray(checks.astype(np.uint8)).save(tmp_path / "checks.png")
    np.testing.assert_allclose(images.read_image(tmp_path / "checks.png", 8), 127.5, atol=1)
    save(tmp_path / "small.png", 3, 2, color=99)
    np.testing.assert_array_equal(images.read_image(tmp_path / "small.png", 16), np.full((16, 16, 1), 99))


# ---------------------------------------------------------------------------------------------------------------------
# Folders


def test_every_20th_file_of_a_flat_folder_is_held_out(greys):
    data = images.images(greys, image_size=4)
    assert (data.train.counts, data.test.counts, data.channels) == ((39,), (2,), 1)
    (held_out,) = first(images.in_order(data.test, 8))
    assert values(held_out) == [19, 39]
    assert data.description == f"{greys}: 39 training and 2 held-out images, 4x4x1"


def test_train_and_test_folders_are_used_nested_and_without_hidden_files(tmp_path):
    for name in ("train/a.png", "train/deep/b.JPG", "val/c.png", "train/.hidden.png", "train/notes.txt"):
        save(tmp_path / name, 4, 4, format="PNG")
    data = images.images(os.fspath(tmp_path), image_size=4)
    assert (data.train.counts, data.test.counts) == ((2,), (1,))


def test_one_image_is_both_training_and_test(tmp_path):
    save(tmp_path / "a.png", 4, 4, color=7)
    data = images.images(tmp_path, image_size=4)
    assert values(first(images.batches(data.train, 3, seed=0))[0]) == [7, 7, 7]
    assert data.test.counts == (1,)


def test_class_folders_give_labels(tmp_path):
    for i in range(20):
        save(tmp_path / f"cat/{i:02}.png", 4, 4, color=i)
        save(tmp_path / f"dog/{i:02}.png", 4, 4, color=100 + i)
    data = images.labelled(tmp_path, image_size=4)
    assert data.classes == ("cat", "dog")
    pixels, labels = first(images.batches(data.train, 38, seed=0))[0]
    assert labels.dtype == np.int64
    assert labels.tolist() == [int(v >= 100) for v in values(pixels)]
    (_, labels), *_ = first(images.in_order(data.test, 8))
    assert labels.tolist() == [0, 1]


def test_test_classes_have_the_labels_of_the_training_classes(tmp_path):
    for name in ("train/a", "train/b", "train/c", "test/b"):
        save(tmp_path / name / "x.png", 4, 4)
    data = images.labelled(tmp_path, image_size=4)
    assert first(images.in_order(data.test, 8))[0][1].tolist() == [1]
    save(tmp_path / "test/d/x.png", 4, 4)
    with pytest.raises(InputError, match="test has the class d, which .*train has not"):
        images.labelled(tmp_path, image_size=4)


@pytest.mark.parametrize("direction, expected", [("a_to_b", (RED, BLUE)), ("b_to_a", (BLUE, RED))])
def test_side_by_side_files_are_split_down_the_middle(tmp_path, direction, expected):
    image = Image.new("RGB", (17, 6), RED)
    image.paste(BLUE, (8, 0, 17, 6))
    image.save(tmp_path / "ab.png")
    data = images.pairs(tmp_path, image_size=8, direction=direction)
    for half, color in zip(images.take(data.train, 1), expected, strict=True):
        np.testing.assert_allclose(half, np.broadcast_to(np.array(color) / 127.5 - 1, (1, 8, 8, 3)), atol=1e-6)


def test_unpaired_folders_are_drawn_independently(tmp_path):
    for i in range(7):
        save(tmp_path / f"trainA/{i}.png", 4, 4, color=i)
    for i in range(5):
        save(tmp_path / f"trainB/{i}.png", 4, 4, color=100 + i, mode="L")
    save(tmp_path / "testA/a.png", 4, 4, color=50)
    save(tmp_path / "testB/b.png", 4, 4, color=150)
    save(tmp_path / "testB/c.png", 4, 4, color=151)
    data = images.unpaired(tmp_path, image_size=4)
    assert (data.train.counts, data.test.counts) == ((7, 5), (1,))
    a, b = (sum(map(values, x), []) for x in zip(*first(images.batches(data.train, 5, seed=0), 7), strict=True))
    assert [sorted(a[i : i + 7]) for i in range(0, 35, 7)] == [list(range(7))] * 5
    assert [sorted(b[i : i + 5]) for i in range(0, 35, 5)] == [list(range(100, 105))] * 7
    ((a, b),) = first(images.in_order(data.test, 4))
    assert (values(a), values(b)) == ([50], [150])
    assert [x.shape for x in images.take(data.train, 3)] == [(3, 4, 4, 1)] * 2


# ---------------------------------------------------------------------------------------------------------------------
# Broken files


def test_a_broken_file_is_replaced_by_the_next_one_and_named_once(greys, capfd):
    whole = (greys / "07.png").read_bytes()
    (greys / "07.png").write_bytes(whole[:-20])
    (greys / "08.png").write_text("not an image")
    data = images.images(greys, image_size=4)
    (greys / "40.png").unlink()
    got = sum(map(values, first(images.in_order(data.train, 39))), [])
    assert got == [0, 1, 2, 3, 4, 5, 6, 9, 9, 9, *range(10, 19), *range(20, 39), 0]
    first(images.batches(data.train, 39, seed=0), 2)
    assert {os.path.basename(k): v for k, v in data.broken.items() if k[-6:] != "07.png"} == {
        "08.png": "not an image",
        "40.png": "missing",
    }
    assert "truncated" in data.broken[os.fspath(greys / "07.png")]
    lines = [line for line in capfd.readouterr().err.splitlines() if line.startswith("skipped")]
    assert sorted(lines)[1:] == [
        f"skipped broken image {greys}/08.png (not an image)",
        f"skipped broken image {greys}/40.png (missing)",
    ]


def test_a_pair_one_pixel_wide_is_broken(tmp_path):
    save(tmp_path / "train/a.png", 1, 4, color=9)
    save(tmp_path / "train/b.png", 8, 4, color=5)
    save(tmp_path / "test/c.png", 8, 4, color=6)
    data = images.pairs(tmp_path, image_size=4)
    a, b = images.take(data.train, 2)
    assert values(a) == values(b) == [5, 5]
    assert list(data.broken.values()) == ["one pixel wide: no two halves"]


# ---------------------------------------------------------------------------------------------------------------------
# TFDS


def test_a_tfds_set_without_a_test_split_holds_out_its_last_twentieth(tfds_dir):
    data = images.labelled("shades", image_size=4, data_dir=tfds_dir)
    assert (data.train.counts, data.test.counts, data.channels, data.classes) == ((48,), (2,), 1, ("even", "odd"))
    seen = [
        (value, label)
        for part in (data.train, data.test)
        for pixels, labels in first(images.in_order(part, 100))
        for value, label in zip(values(pixels), labels.tolist(), strict=True)
    ]
    assert sorted(seen) == [(i, i % 2) for i in range(50)]


def test_two_images_per_example_are_pairs_or_unpaired_with_paired_tests(tfds_dir):
    data = images.pairs("twins", image_size=4, direction="b_to_a", data_dir=tfds_dir)
    a, b = first(images.batches(data.train, 16, seed=0))[0]
    assert [255 - v for v in values(a)] == values(b) and max(values(b)) < 50
    data = images.unpaired("twins", image_size=4, data_dir=tfds_dir)
    assert (data.train.counts, data.test.counts) == ((48, 48), (2,))
    a, b = first(images.batches(data.train, 48, seed=0))[0]
    assert sorted(values(a)) == sorted(255 - v for v in values(b))
    assert values(a) != [255 - v for v in values(b)]
    a, b = images.take(data.test, 2)
    assert values(a) == [255 - v for v in values(b)]
    data = images.images("twins", image_size=4, style="b", data_dir=tfds_dir)
    assert min(values(images.take(data.train, 48))) > 200


def test_two_domains_of_a_tfds_set_are_unpaired(tfds_dir):
    data = images.unpaired("horses2zebras", image_size=4, data_dir=tfds_dir)
    assert (data.train.counts, data.test.counts) == ((30, 20), (3,))
    a, b = first(images.batches(data.train, 20, seed=0))[0]
    assert max(values(a)) < 30 and sorted(values(b)) == list(range(100, 120))


@pytest.mark.parametrize("kind, name", [("labelled", "shades"), ("unpaired", "twins"), ("unpaired", "horses2zebras")])
def test_a_streamed_set_resumes_exactly_and_visits_everything(tfds_dir, monkeypatch, kind, name):
    monkeypatch.setattr(images, "IN_MEMORY_BYTES", 100)
    monkeypatch.setattr(images, "SHUFFLE_BUFFER", 8)
    data = getattr(images, kind)(name, image_size=4, data_dir=tfds_dir)
    assert isinstance(data.train, images.Streamed)
    tf.random.set_seed(1)
    whole = first(images.batches(data.train, 6, seed=3, augment=noise), 24)
    epoch = sum((values(b[0]) for b in first(images.batches(data.train, 6, seed=3), data.train.counts[0] // 6)), [])
    assert len(set(epoch)) == data.train.counts[0] // 6 * 6 and epoch != sorted(epoch)
    tf.random.set_seed(2)
    same(whole[9:], first(images.batches(data.train, 6, seed=3, step=9, augment=noise), 15))
    parts = [
        first(images.batches(data.train, 6, seed=3, step=9, context=tf.distribute.InputContext(2, w, 2)), 15)
        for w in range(2)
    ]
    joined = [tf.nest.map_structure(lambda *x: np.concatenate(x), *p) for p in zip(*parts, strict=True)]
    same(joined, first(images.batches(data.train, 6, seed=3, step=9), 15))
    assert len(tf.nest.flatten(images.take(data.train, 5))[0]) == 5


# ---------------------------------------------------------------------------------------------------------------------
# Batches


def noise(element, seed):
    return tf.nest.map_structure(
        lambda x: x + tf.random.stateless_uniform(x.shape, seed) if x.dtype == tf.float32 else x, element
    )


def same(a, b):
    tf.nest.assert_same_structure(a, b)
    for x, y in zip(tf.nest.flatten(a), tf.nest.flatten(b), strict=True):
        np.testing.assert_array_equal(x, y)


def test_every_epoch_visits_everything_once_in_an_order_of_its_own(greys):
    data = images.images(greys, image_size=4)
    seen = sum(map(values, first(images.batches(data.train, 13, seed=0), 9)), [])
    epochs = [seen[i : i + 39] for i in (0, 39, 78)]
    everything = [i for i in range(41) if i not in (19, 39)]
    assert [sorted(e) for e in epochs] == [everything] * 3
    assert len({tuple(e) for e in [*epochs, everything]}) == 4
    assert seen[:13] != values(first(images.batches(data.train, 13, seed=1))[0])


def test_batches_are_float32_from_minus_one_to_one_of_static_shape(tmp_path):
    save(tmp_path / "black.png", 4, 4, color=0)
    save(tmp_path / "white.png", 4, 4, color=255)
    dataset = images.batches(images.images(tmp_path, image_size=4, channels=3).train, 2, seed=0)
    assert dataset.element_spec == tf.TensorSpec([2, 4, 4, 3], tf.float32)
    both = [images.take(getattr(images.images(tmp_path, image_size=4), part), 1) for part in ("train", "test")]
    assert (both[0].min(), both[0].max(), both[1].min(), both[1].max()) == (-1, -1, 1, 1)


def test_starting_at_a_step_equals_skipping_to_it(greys):
    data = images.images(greys, image_size=4)
    skipped = first(images.batches(data.train, 6, seed=5, augment=noise).skip(11), 4)
    same(skipped, first(images.batches(data.train, 6, seed=5, step=11, augment=noise), 4))
    same(skipped, first(images.batches(data.train, 6, seed=5, augment=noise), 15)[11:])


@pytest.mark.parametrize("pipelines, replicas", [(1, 4), (2, 4), (4, 4)])
def test_pipelines_and_replicas_share_out_the_global_batch(greys, pipelines, replicas):
    data = images.images(greys, image_size=4)
    local = replicas // pipelines
    parts = []
    for w in range(pipelines):
        context = tf.distribute.InputContext(pipelines, w, replicas)
        slices = first(images.batches(data.train, 12, seed=5, step=2, augment=noise, context=context), 3 * local)
        assert slices[0].shape == (3, 4, 4, 1)
        parts.append([np.concatenate(slices[t * local : (t + 1) * local]) for t in range(3)])
    joined = [np.concatenate(step) for step in zip(*parts, strict=True)]
    same(joined, first(images.batches(data.train, 12, seed=5, step=2, augment=noise), 3))


def test_batches_outlive_the_data_they_come_from(greys):
    iterator = iter(images.batches(images.images(greys, image_size=4).train, 8, seed=0))
    gc.collect()
    assert [next(iterator).shape for _ in range(20)][-1] == (8, 4, 4, 1)


def test_take_spreads_over_the_set(greys):
    data = images.images(greys, image_size=4)
    assert values(images.take(data.train, 3)) == [6, 20, 33]
    assert len(images.take(data.test, 5)) == 5


def test_a_batch_that_does_not_divide_over_replicas_is_an_input_error(greys):
    data = images.images(greys, image_size=4)
    with pytest.raises(InputError, match="^batch size 7 does not divide over 2 replicas; give a multiple of it$"):
        images.batches(data.train, 7, seed=0, context=tf.distribute.InputContext(1, 0, 2))


# ---------------------------------------------------------------------------------------------------------------------
# Augmentation


def seeds(n):
    return [tf.constant([7, i], tf.int64) for i in range(n)]


def test_a_flip_mirrors_half_of_the_images_and_all_of_a_pair():
    image = tf.reshape(tf.range(12.0), [2, 2, 3])
    flipped = 0
    for seed in seeds(200):
        a, b, label = images.random_flip((image, image + 1, tf.constant(3)), seed)
        is_flipped = not np.array_equal(a, image)
        np.testing.assert_array_equal(a, image[:, ::-1] if is_flipped else image)
        np.testing.assert_array_equal(b, a + 1)
        assert label == 3
        flipped += is_flipped
    assert 80 <= flipped <= 120


def test_independent_flips_do_not_agree_always():
    image = tf.reshape(tf.range(12.0), [2, 2, 3])
    flip = images.independently(images.random_flip)
    agree = sum(np.array_equal(*flip((image, image), seed)) for seed in seeds(200))
    assert 80 <= agree <= 120
    np.testing.assert_array_equal(flip(image, seeds(1)[0]), images.random_flip(image, seeds(1)[0]))


def test_jitter_crops_one_place_of_the_enlarged_pair():
    rows = tf.broadcast_to(tf.range(16.0)[:, None, None], [16, 16, 1])
    jitter = images.random_jitter(1.5)
    enlarged = tf.image.resize(rows, [24, 24])
    corners = set()
    for seed in seeds(60):
        a, b = jitter((rows, 2 * rows), seed)
        assert a.shape == (16, 16, 1)
        np.testing.assert_allclose(b, 2 * a, rtol=1e-6)
        corners |= {top for top in range(9) if np.allclose(a, enlarged[top : top + 16, :16])}
    assert corners == set(range(9))
    np.testing.assert_array_equal(images.random_jitter(1)(rows, seeds(1)[0]), rows)


def test_augmentations_compose_in_batches(greys):
    data = images.images(greys, image_size=4)
    augment = images.compose(images.random_jitter(286 / 256), images.random_flip)
    assert images.batches(data.train, 4, seed=0, augment=augment).element_spec.shape == (4, 4, 4, 1)


# ---------------------------------------------------------------------------------------------------------------------
# The embedded set


def test_glyphs_come_as_every_kind():
    data = images.pairs("glyphs", image_size=64)
    assert data.description == "glyphs: 2,154 training and 210 held-out pairs sans -> serif_bold_italic, 64x64x1"
    assert "DejaVu" in data.licence and not data.broken
    a, b = first(images.batches(data.train, 4, seed=0))[0]
    assert a.shape == b.shape == (4, 64, 64, 1) and a.max() == b.max() == 1
    assert images.images("glyphs", image_size=32, style="serif").train.counts == (2154,)
    assert images.unpaired("glyphs", image_size=32, target="sans_mono").train.counts == (2154, 2154)
    data = images.labelled("glyphs", image_size=32)
    assert len(data.classes) == 26 and data.train.counts[0] + data.test.counts[0] == 12 * 474


# ---------------------------------------------------------------------------------------------------------------------
# Errors: one line each


def folder_of(tmp_path, *names):
    for name in names:
        save(tmp_path / "data" / name, 4, 4)
    (tmp_path / "data").mkdir(exist_ok=True)
    return tmp_path / "data"


def broken_folder(tmp_path):
    (tmp_path / "a.png").write_text("no")
    (tmp_path / "b.png").write_text("no")
    return tmp_path


WRONG = {
    "missing folder": (
        "images",
        lambda t, _: t / "no",
        r"no is neither a folder that exists nor a TFDS name; give `gl",
    ),
    "unknown name": ("images", lambda *_: "no_such_set", r"^no_such_set is neither a folder .* give `glyphs`, a TFDS"),
    "unknown form": ("images", lambda *_: "toy:ring", r"^toy:ring is neither a folder that exists nor a TFDS name"),
    "unknown version": ("images", lambda *_: "mnist:9.9.9", r"^mnist:9.9.9 is neither .*9\.9\.9.*"),
    "a file": ("images", lambda t, _: save(t / "x.png", 4, 4), r"x.png is a file; give `glyphs`"),
    "empty folder": (
        "images",
        lambda t, _: folder_of(t),
        r"^no images in .*data; expected files that end in .png .jpg",
    ),
    "all broken": ("images", lambda t, _: broken_folder(t), r"^none of 1 images can be read, from .*a.png on; give"),
    "flat folder": ("labelled", lambda t, _: folder_of(t, "a.png"), r"data has 0 subfolders with images; labelled im"),
    "no trainA": ("unpaired", lambda t, _: folder_of(t, "a.png"), r"data has no trainA/; unpaired images need trainA"),
    "trainA": ("pairs", lambda t, _: folder_of(t, "trainA/a.png"), r"data has trainA/: unpaired images; pairs need"),
    "one image": ("pairs", lambda *_: "shades", r"^shades has 1 image \(image\) per example; pairs need two: choose"),
    "one domain": ("unpaired", lambda *_: "shades", r"^shades has 1 image \(image\) per example; pairs need two"),
    "two images": (
        "images",
        lambda *_: "twins",
        r"^twins has 2 images \(a, b\), none of them sans; give one as style$",
    ),
    "no label": ("labelled", lambda *_: "twins", r"^twins has 2 images \(a, b\) and no class label; labelled images"),
    "no train": (
        "images",
        lambda *_: "horses2zebras",
        r"^horses2zebras has no split named train, only trainA, trainB, ",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_data_of_the_wrong_kind_is_one_clear_line(case, tmp_path, tfds_dir):
    kind, dataset, message = WRONG[case]
    with pytest.raises(InputError, match=message) as error:
        getattr(images, kind)(dataset(tmp_path, tfds_dir), image_size=4, data_dir=tfds_dir)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "kind, options, message",
    [
        ("images", {"image_size": 0}, "^image_size is 0; give the height and width in pixels, at least 1$"),
        ("images", {"image_size": 8, "channels": 4}, "^channels is 4; give 1 for grey or 3 for colour$"),
        ("images", {"image_size": 8, "style": "comic"}, "^glyphs has 12 images .*, none of them comic; give one as st"),
        ("pairs", {"image_size": 8, "direction": "up"}, "^direction is 'up'; give a_to_b or b_to_a$"),
        ("pairs", {"image_size": 8, "target": "comic"}, "^glyphs has no image named comic; source and target are two"),
    ],
)
def test_an_argument_that_does_not_fit_is_one_clear_line(kind, options, message):
    with pytest.raises(InputError, match=message):
        getattr(images, kind)("glyphs", **options)


def test_a_set_that_cannot_be_prepared_is_one_clear_line(tmp_path, monkeypatch):
    def no_network(self, **kwargs):
        raise ConnectionError("no route\nto host")

    monkeypatch.setattr(tfds.core.DatasetBuilder, "download_and_prepare", no_network)
    with pytest.raises(InputError, match=r"^mnist is not in .*mnist.* and cannot be prepared there \(no route\); give"):
        images.images("mnist", image_size=32, data_dir=tmp_path)
