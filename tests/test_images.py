import hashlib
import os
import shutil

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds
from PIL import Image
from sample_data import BLUE, RED, first, same, save, values

from tfgan_zoo.data import batches, images, prepared, transforms
from tfgan_zoo.errors import InputError


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


# ---------------------------------------------------------------------------------------------------------------------
# Folders


def test_a_folder_gives_single_images(tmp_path):
    for i in range(41):
        save(tmp_path / f"greys/{i:02}.png", 4, 4, color=i)
    data = images.images(os.fspath(tmp_path / "greys"), image_size=4, data_dir=tmp_path)
    assert (data.kind, data.train.counts, data.test.counts) == ("images", (39,), (2,))
    assert data.shapes == {"image": (4, 4, 1)}
    assert data.description == f"{tmp_path}/greys: 39 training and 2 held-out images, 4x4x1"
    (held_out,) = first(batches.in_order(data.test, 8))
    assert values(held_out) == [19, 39]


def test_pictures_come_in_any_height_width_and_number_of_channels(tmp_path):
    save(tmp_path / "x/a.png", 20, 10, mode="RGBA", color=(10, 20, 30, 204))
    for channels, color in ((4, [10, 20, 30, 204]), (3, [59, 67, 75]), (1, [66])):
        data = images.images(tmp_path / "x", image_size=(6, 12), channels=channels, data_dir=tmp_path)
        assert data.shapes == {"image": (6, 12, channels)} and data.description.endswith(f"6x12x{channels}")
        batch = first(batches.batches(data.train, 2, seed=0))[0]
        np.testing.assert_allclose(batch, np.broadcast_to(np.array(color) / 127.5 - 1, batch.shape), atol=2 / 127)
    padded = images.images(tmp_path / "x", image_size=20, fit="pad", data_dir=tmp_path)
    assert (batches.take(padded.train, 1)[0, [0, 4, 15, 19]] == 1).all()


def test_the_channels_are_those_of_the_first_picture_that_can_be_read(tmp_path):
    save(tmp_path / "x/a.png", 4, 4, mode="RGB").write_text("no")
    save(tmp_path / "x/b.png", 4, 4)
    save(tmp_path / "x/c.png", 4, 4, mode="RGB")
    assert images.images(tmp_path / "x", image_size=4, data_dir=tmp_path).shapes["image"] == (4, 4, 1)


def test_class_folders_give_labels(tmp_path):
    for i in range(20):
        save(tmp_path / f"x/cat/{i:02}.png", 4, 4, color=i)
        save(tmp_path / f"x/dog/{i:02}.png", 4, 4, color=100 + i)
    data = images.labelled(tmp_path / "x", image_size=4, data_dir=tmp_path)
    assert data.classes == ("cat", "dog") and data.shapes == {"image": (4, 4, 1), "label": ()}
    batch = first(batches.batches(data.train, 38, seed=0))[0]
    assert batch["label"].dtype == np.int64
    assert batch["label"].tolist() == [int(v >= 100) for v in values(batch["image"])]
    assert first(batches.in_order(data.test, 8))[0]["label"].tolist() == [0, 1]


def side_by_side(path, width, height):
    image = Image.new("RGB", (width, height), RED)
    image.paste(BLUE, (width // 2, 0, width, height))
    path.parent.mkdir(exist_ok=True)
    image.save(path)


@pytest.mark.parametrize("direction, expected", [("a_to_b", (RED, BLUE)), ("b_to_a", (BLUE, RED))])
def test_side_by_side_files_are_split_down_the_middle(tmp_path, direction, expected):
    side_by_side(tmp_path / "x/ab.png", 17, 6)
    data = images.pairs(tmp_path / "x", image_size=8, direction=direction, data_dir=tmp_path)
    got = batches.take(data.train, 1)
    for name, color in zip(("image", "target"), expected, strict=True):
        np.testing.assert_allclose(got[name], np.broadcast_to(np.array(color) / 127.5 - 1, (1, 8, 8, 3)), atol=1e-6)


def test_halves_are_stretched_unless_asked_otherwise(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (4, 16), dtype=np.uint8)
    (tmp_path / "x").mkdir()
    Image.fromarray(noise).save(tmp_path / "x/ab.png")
    half = Image.fromarray(noise[:, :8])
    expected = {
        None: np.asarray(half.resize((4, 4), Image.Resampling.BICUBIC)),
        "stretch": np.asarray(half.resize((4, 4), Image.Resampling.BICUBIC)),
        "crop": noise[:, 2:6],
    }
    for fit, pixels in expected.items():
        data = images.pairs(tmp_path / "x", image_size=4, fit=fit, data_dir=tmp_path)
        got = batches.take(data.train, 1)["image"][0, ..., 0]
        np.testing.assert_array_equal(got, pixels.astype(np.float32) / np.float32(127.5) - 1)


def test_a_pair_one_pixel_wide_is_broken(tmp_path):
    save(tmp_path / "x/train/a.png", 1, 4, color=9)
    save(tmp_path / "x/train/b.png", 8, 4, color=5)
    save(tmp_path / "x/test/c.png", 8, 4, color=6)
    data = images.pairs(tmp_path / "x", image_size=4, data_dir=tmp_path)
    got = batches.take(data.train, 2)
    assert values(got["image"]) == values(got["target"]) == [5, 5]
    assert data.broken == {f"{tmp_path}/x/train/a.png": "one pixel wide: no two halves"}


def test_unpaired_folders_are_two_columns_of_their_own(tmp_path):
    for i in range(7):
        save(tmp_path / f"x/trainA/{i}.png", 4, 4, color=i)
    for i in range(5):
        save(tmp_path / f"x/trainB/{i}.png", 4, 4, color=100 + i, mode="RGB" if i == 0 else "L")
    save(tmp_path / "x/testA/a.png", 4, 4, color=50)
    save(tmp_path / "x/testB/b.png", 4, 4, color=150)
    save(tmp_path / "x/testB/c.png", 4, 4, color=151)
    data = images.unpaired(tmp_path / "x", image_size=4, data_dir=tmp_path)
    assert (data.train.counts, data.test.counts) == ((7, 5), (1,)) and not data.test_is_paired
    assert data.shapes == {"a": (4, 4, 3), "b": (4, 4, 3)}
    assert data.description == f"{tmp_path}/x: 7 + 5 training and 1 held-out unpaired images, 4x4x3"
    (got,) = first(batches.in_order(data.test, 4))
    assert (values(got["a"]), values(got["b"])) == ([50], [150])


# ---------------------------------------------------------------------------------------------------------------------
# TFDS


def test_a_tfds_set_without_a_test_split_holds_out_its_last_twentieth(tfds_dir):
    data = images.labelled("shades", image_size=4, data_dir=tfds_dir)
    assert (data.train.counts, data.test.counts, data.classes) == ((48,), (2,), ("even", "odd"))
    seen = [
        (value, label)
        for part in (data.train, data.test)
        for batch in first(batches.in_order(part, 100))
        for value, label in zip(values(batch["image"]), batch["label"].tolist(), strict=True)
    ]
    assert sorted(seen) == [(i, i % 2) for i in range(50)]


def test_two_images_per_example_are_pairs_or_unpaired_with_paired_tests(tfds_dir):
    data = images.pairs("twins", image_size=4, direction="b_to_a", data_dir=tfds_dir)
    got = first(batches.batches(data.train, 16, seed=0))[0]
    assert [255 - v for v in values(got["image"])] == values(got["target"]) and max(values(got["target"])) < 50
    data = images.unpaired("twins", image_size=4, data_dir=tfds_dir)
    assert (data.train.counts, data.test.counts, data.test_is_paired) == ((48, 48), (2,), True)
    got = first(batches.batches(data.train, 48, seed=0))[0]
    assert sorted(values(got["a"])) == sorted(255 - v for v in values(got["b"]))
    assert values(got["a"]) != [255 - v for v in values(got["b"])]
    got = batches.take(data.test, 2)
    assert values(got["a"]) == [255 - v for v in values(got["b"])]
    data = images.images("twins", image_size=4, style="b", data_dir=tfds_dir)
    assert min(values(batches.take(data.train, 48))) > 200


def test_two_domains_of_a_tfds_set_are_unpaired(tfds_dir):
    data = images.unpaired("horses2zebras", image_size=4, data_dir=tfds_dir)
    assert (data.train.counts, data.test.counts, data.test_is_paired) == ((30, 20), (3,), False)
    got = first(batches.batches(data.train, 20, seed=0))[0]
    assert max(values(got["a"])) < 30 and sorted(values(got["b"])) == list(range(100, 120))


def test_the_fingerprint_of_a_tfds_set_hangs_on_what_is_taken_of_it(tfds_dir):
    kinds = [
        images.pairs("twins", image_size=4, data_dir=tfds_dir),
        images.pairs("twins", image_size=4, direction="b_to_a", data_dir=tfds_dir),
        images.unpaired("twins", image_size=4, data_dir=tfds_dir),
        images.images("twins", image_size=4, style="a", data_dir=tfds_dir),
        images.images("shades", image_size=4, data_dir=tfds_dir),
    ]
    assert len({data.fingerprint for data in kinds}) == 5
    change = prepared.difference(kinds[0].fingerprint, kinds[1].fingerprint, tfds_dir)
    assert change == "features a/b -> b/a"
    change = prepared.difference(kinds[3].fingerprint, kinds[4].fingerprint, tfds_dir)
    assert change == "features a -> image; twins 1.0.0 -> shades 1.0.0"


@pytest.mark.parametrize("kind, name", [("labelled", "shades"), ("unpaired", "twins"), ("unpaired", "horses2zebras")])
def test_a_streamed_set_resumes_exactly_and_visits_everything(tfds_dir, monkeypatch, kind, name):
    monkeypatch.setattr(prepared, "IN_MEMORY_BYTES", 100)
    monkeypatch.setattr(batches, "SHUFFLE_BUFFER", 8)
    data = getattr(images, kind)(name, image_size=4, data_dir=tfds_dir)
    assert isinstance(data.train, batches.Streamed)
    column, count = next(iter(data.columns)), data.train.counts[0]
    tf.random.set_seed(1)
    whole = first(batches.batches(data.train, 6, seed=3, transform=transforms.random_flip), 24)
    seen = first(batches.batches(data.train, 6, seed=3), count // 6)
    epoch = sum((values(batch[column]) for batch in seen), [])
    assert len(set(epoch)) == count // 6 * 6 and epoch != sorted(epoch)
    tf.random.set_seed(2)
    same(whole[9:], first(batches.batches(data.train, 6, seed=3, step=9, transform=transforms.random_flip), 15))
    parts = [
        first(batches.batches(data.train, 6, seed=3, step=9, context=tf.distribute.InputContext(2, w, 2)), 15)
        for w in range(2)
    ]
    joined = [tf.nest.map_structure(lambda *x: np.concatenate(x), *p) for p in zip(*parts, strict=True)]
    same(joined, first(batches.batches(data.train, 6, seed=3, step=9), 15))
    assert len(batches.take(data.train, 5)[column]) == 5
    everything = first(batches.in_order(data.test, 100))[0]
    assert len(everything[column]) == data.test.counts[0]
    if data.test_is_paired:
        assert values(everything["a"]) == [255 - v for v in values(everything["b"])]


# ---------------------------------------------------------------------------------------------------------------------
# The embedded set


def test_glyphs_come_as_every_kind():
    data = images.pairs("glyphs", image_size=64)
    assert data.description == "glyphs: 2,154 training and 210 held-out pairs sans -> serif_bold_italic, 64x64x1"
    assert "DejaVu" in data.licence and not data.broken
    batch = first(batches.batches(data.train, 4, seed=0))[0]
    assert batch["image"].shape == batch["target"].shape == (4, 64, 64, 1)
    assert batch["image"].max() == batch["target"].max() == 1
    assert images.images("glyphs", image_size=32, style="serif").train.counts == (2154,)
    assert images.unpaired("glyphs", image_size=32, target="sans_mono").train.counts == (2154, 2154)
    data = images.labelled("glyphs", image_size=32)
    assert len(data.classes) == 26 and data.train.counts[0] + data.test.counts[0] == 12 * 474


# Of three batches of 64 from steps 0 and 40, as they were when each example was decoded by Pillow in the pipeline.
GOLDEN = {
    "images": (
        "17193fa86fe92617d19fcb49c2891889c615ccb92eb5c9499cecccd2732e3453",
        "758e24fd6eda095f71dc5b3ca0235605accde6bcdb94677f7ca1606fdc2bbabc",
    ),
    "labelled": (
        "af0daf2829d7498e23384dd119b8103b58c224c0b8e4954f6d01fade2d375e0c",
        "09ac3acf9ea3bbe2ccf87d209cd0f242eada79e0089f2475d55a5e3f755c8209",
    ),
    "pairs": (
        "56ac813d1a58a1eaf9e0c7a551d3483850d6cbac0c690f7f96ebbd78deb9b3e9",
        "2aa2d5c0a0753f4dae085bfc556613a8f735b026ee9c0b610369ea0eb3bf0a1e",
    ),
    "unpaired": (
        "8115209185c49946538a8cac2c4d8723aee4a2361463d608fc26923e2ed86cb1",
        "e7f14e06e9d571a35e1f5555f3b1512200d7173c182f1b31f8aac284056cba85",
    ),
}


@pytest.mark.parametrize("kind", GOLDEN)
def test_the_same_seed_gives_the_same_glyphs_as_ever(kind):
    data = getattr(images, kind)("glyphs", image_size=32)
    for step, expected in zip((0, 40), GOLDEN[kind], strict=True):
        digest = hashlib.sha256()
        for batch in first(batches.batches(data.train, 64, seed=0, step=step), 3):
            for values_ in batch.values() if isinstance(batch, dict) else [batch]:
                digest.update(values_.tobytes())
        assert digest.hexdigest() == expected


# ---------------------------------------------------------------------------------------------------------------------
# Errors: one line each


def folder_of(tmp_path, *names):
    for name in names:
        save(tmp_path / "data" / name, 4, 4)
    (tmp_path / "data").mkdir(exist_ok=True)
    return tmp_path / "data"


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
        (
            "images",
            {"image_size": (8, 0)},
            r"^image_size is \(8, 0\); give the height and width in pixels",
        ),
        ("images", {"image_size": (8, 8, 3)}, r"^image_size is \(8, 8, 3\); give the height and width in pixels"),
        ("images", {"image_size": 8, "channels": 2}, "^channels is 2; give 1 for grey, 3 for colour or 4 for colour "),
        ("pairs", {"image_size": 8, "fit": "squeeze"}, "^fit is 'squeeze'; give crop, stretch, pad$"),
        ("images", {"image_size": 8, "style": "comic"}, "^glyphs has 12 images .*, none of them comic; give one as st"),
        ("pairs", {"image_size": 8, "direction": "up"}, "^direction is 'up'; give a_to_b or b_to_a$"),
        ("pairs", {"image_size": 8, "target": "comic"}, "^glyphs has no image named comic; source and target are two"),
    ],
)
def test_an_argument_that_does_not_fit_is_one_clear_line(kind, options, message):
    with pytest.raises(InputError, match=message):
        getattr(images, kind)("glyphs", **options)


def test_a_set_whose_files_are_damaged_is_one_clear_line(tfds_dir, tmp_path):
    shutil.copytree(tfds_dir / "shades", tmp_path / "shades")
    (file,) = (tmp_path / "shades/1.0.0").glob("*.tfrecord*")
    file.write_bytes(file.read_bytes()[:-7])
    with pytest.raises(InputError, match=r"^shades in .*shades.* cannot be read \(.*\); delete it there, so") as error:
        images.images("shades", image_size=4, data_dir=tmp_path)
    assert "\n" not in str(error.value) and list((tmp_path / "prepared").iterdir()) == []


def test_a_set_that_cannot_be_prepared_is_one_clear_line(tmp_path, monkeypatch):
    def no_network(self, **kwargs):
        raise ConnectionError("no route\nto host")

    monkeypatch.setattr(tfds.core.DatasetBuilder, "download_and_prepare", no_network)
    with pytest.raises(InputError, match=r"^mnist is not in .*mnist.* and cannot be prepared there \(no route\); give"):
        images.images("mnist", image_size=32, data_dir=tmp_path)
