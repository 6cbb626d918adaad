import hashlib
import os
import shutil

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds
from PIL import Image
from sample_data import BLUE, RED, first, greys, png_16_bit, same, save, store, values

from tfgan_zoo.data import batches, images, inspection, prepared, transforms
from tfgan_zoo.errors import InputError


@pytest.fixture(scope="module")
def tfds_dir(tmp_path_factory):
    """TFDS sets made here: `shades` (50 grey images and labels), `twins` (images i and 255 - i), `horses2zebras`."""
    folder = tmp_path_factory.mktemp("tfds")
    shape = {"shape": (4, 4, 1), "dtype": np.uint8}

    def shade(i):
        return np.full((4, 4, 1), i, np.uint8)

    image, label = tfds.features.Image(**shape), tfds.features.ClassLabel(names=["even", "odd"])
    store(
        folder,
        "shades",
        {"image": image, "label": label},
        train=[{"image": shade(i), "label": i % 2} for i in range(50)],
    )
    store(folder, "twins", {"b": image, "a": image}, train=[{"a": shade(i), "b": shade(255 - i)} for i in range(50)])
    domains = {"trainA": range(30), "trainB": range(100, 120), "testA": range(30, 34), "testB": range(120, 123)}
    store(
        folder, "horses2zebras", {"image": image}, **{k: [{"image": shade(i)} for i in v] for k, v in domains.items()}
    )
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


@pytest.mark.parametrize("where", ["a.png", "b/b.png", "z.png"])
def test_any_colour_picture_makes_the_set_rgb_and_is_named(tmp_path, where):
    save(tmp_path / "x/broken.png", 4, 4, mode="RGB").write_text("no")
    for name in ("a.png", "b/b.png", "z.png"):
        save(tmp_path / "x" / name, 4, 4, mode="RGB" if name == where else "L", color=(1, 2, 3) if name == where else 9)
    data = images.images(tmp_path / "x", image_size=4, data_dir=tmp_path)
    assert data.shapes["image"] == (4, 4, 3)
    assert data.notes[1:] == (f"colours: 2 grey and 1 colour, first {where}, read as RGB",)
    asked = images.images(tmp_path / "x", image_size=4, channels=1, data_dir=tmp_path)
    assert asked.notes[-1] == f"colours: 2 grey and 1 colour, first {where}, read as grey (asked for)"


def test_a_grey_folder_stays_grey_and_its_notes_come_again_with_the_prepared_set(tmp_path):
    greys(tmp_path / "x", 3)
    (tmp_path / "x/read.me").touch()
    data, again = (images.images(tmp_path / "x", image_size=4, data_dir=tmp_path) for _ in range(2))
    assert data.shapes["image"] == (4, 4, 1)
    assert data.notes == again.notes == (
        "pictures: 3, no folder of held-out ones: every 20th is held out",
        "left out, no pictures by their names: 1 .me",
        "colours: all are grey, read as grey",
    )  # fmt: skip


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


@pytest.mark.parametrize("direction", ["a_to_b", "b_to_a"])
def test_two_folders_are_pairs_and_are_not_cut_into_halves(tmp_path, direction):
    for i in range(3):
        save(tmp_path / f"x/A/{i}.png", 4, 4, color=i)
        save(tmp_path / f"x/B/{i}.jpg", 4, 4, color=100 + i)
    save(tmp_path / "x/B/alone.png", 4, 4)
    data = images.pairs(tmp_path / "x", image_size=4, direction=direction, data_dir=tmp_path)
    assert data.description == f"{tmp_path}/x: 2 training and 1 held-out pairs, 4x4x1"
    got = batches.take(data.train, 2)
    expected = ([0, 1], [100, 101]) if direction == "a_to_b" else ([100, 101], [0, 1])
    assert (values(got["image"]), values(got["target"])) == expected
    assert data.notes[0] == "pairs of files of the same name, A/, B/"
    assert "left out, without a partner of the same name: B/alone.png" in data.notes


def test_single_pictures_are_not_cut_into_pairs(tmp_path):
    for i in range(3):
        save(tmp_path / f"x/{i}.png", 8, 8)
    save(tmp_path / "x/wide.png", 16, 8)
    with pytest.raises(
        InputError, match=r"^3 of 4 pictures of .*/x are too narrow to be A and B side by side, first 0"
    ) as e:
        images.pairs(tmp_path / "x", image_size=4, data_dir=tmp_path)
    assert "0.png of 8x8; pairs are side-by-side files; A/ and B/" in str(e.value) and "\n" not in str(e.value)
    assert list((tmp_path / "prepared").iterdir()) == []


def test_two_portrait_pictures_side_by_side_are_wide_enough(tmp_path):
    save(tmp_path / "x/a.png", 18, 16)
    save(tmp_path / "x/b.png", 18, 16)
    assert images.pairs(tmp_path / "x", image_size=4, data_dir=tmp_path).train.counts == (1,)


def deep(folder, **rows):
    for name, row in rows.items():
        folder.mkdir(exist_ok=True)
        Image.fromarray(np.array(row)[None]).save(folder / f"{name}.tif")
    return folder


def in_255(batch):
    return np.rint((np.asarray(batch)[:, 0, :, 0] + 1) * 127.5).astype(int).tolist()


@pytest.mark.parametrize(
    "dtype, most, white, line",
    [
        (np.int32, 255, 255, "0 to 255 become black to white (found: 0 to 255 in the set)"),
        (np.uint16, 4000, 4095, "0 to 4095 become black to white (found: 0 to 4000 in the set)"),
        (np.uint16, 65535, 65535, "0 to 65535 become black to white (found: 0 to 65535 in the set)"),
        (np.float32, 0.875, 1, "0 to 1 become black to white (found: 0 to 0.875 in the set)"),
        (np.float32, 50, 50, "0 to 50 become black to white (found: 0 to 50 in the set)"),
    ],
)
def test_black_and_white_are_found_over_the_whole_set(tmp_path, dtype, most, white, line):
    half = np.array([0, most / 2]).astype(dtype)  # the file with the largest value is the held-out one
    deep(tmp_path / "x", a=half, b=np.array([0, most]).astype(dtype))
    data = images.images(tmp_path / "x", image_size=(1, 2), data_dir=tmp_path)
    assert in_255(batches.take(data.train, 1)) == [[0, round(float(half[1]) / white * 255)]]
    assert in_255(batches.take(data.test, 1)) == [[0, round(most / white * 255)]]
    assert data.notes[-1] == f"more than 8 bits in 2 pictures, first a.tif: {line}"


def test_bits_that_all_png_files_say_are_significant_are_white(tmp_path):
    (tmp_path / "x").mkdir()
    for name, significant in (("a", 12), ("b", 12)):
        (tmp_path / f"x/{name}.png").write_bytes(png_16_bit(819, significant=significant))
    data = images.images(tmp_path / "x", image_size=1, data_dir=tmp_path)
    assert values(batches.take(data.train, 1)) == [51]  # 819 / 4095 of 255
    assert data.notes[-1].endswith("0 to 4095 become black to white (found: 819 to 819 in the set)")
    (tmp_path / "x/b.png").write_bytes(png_16_bit(819))
    data = images.images(tmp_path / "x", image_size=1, data_dir=tmp_path)
    assert values(batches.take(data.train, 1)) == [204]  # 819 / 1023 of 255


def test_black_and_white_can_be_asked_for_and_are_part_of_the_fingerprint(tmp_path):
    deep(tmp_path / "x", a=np.array([0, 1000], np.uint16), b=np.array([0, 1000], np.uint16))
    found = images.images(tmp_path / "x", image_size=(1, 2), data_dir=tmp_path)
    asked = images.images(tmp_path / "x", image_size=(1, 2), value_range=(0, 2000), data_dir=tmp_path)
    assert in_255(batches.take(asked.train, 1)) == [[0, 128]]  # 127.5, to the even number
    assert asked.notes[-1].endswith("first a.tif: 0 to 2000 become black to white (asked for)")
    change = prepared.difference(found.fingerprint, asked.fingerprint, tmp_path)
    assert change == "range as the files say -> 0 to 2000"


def test_pictures_of_8_bits_are_not_touched_by_a_range(tmp_path):
    greys(tmp_path / "x", 3)
    data = images.images(tmp_path / "x", image_size=4, value_range=(0, 2), data_dir=tmp_path)
    assert values(batches.take(data.train, 2)) == [0, 1]


def test_floating_point_pictures_that_tell_no_range_are_refused_unless_it_is_asked_for(tmp_path):
    deep(tmp_path / "x", a=np.zeros(2, np.float32), b=np.zeros(2, np.float32))
    with pytest.raises(
        InputError, match="^2 pictures of .*/x of floating-point numbers do not tell black from white, fi"
    ):
        images.images(tmp_path / "x", image_size=4, data_dir=tmp_path)
    data = images.images(tmp_path / "x", image_size=(1, 2), value_range=(-1, 1), data_dir=tmp_path)
    assert in_255(batches.take(data.train, 1)) == [[128, 128]]


def test_colours_of_16_bits_of_which_only_the_lower_are_used_are_refused(tmp_path):
    (tmp_path / "x").mkdir()
    (tmp_path / "x/a.png").write_bytes(png_16_bit(4095, 4095, 4095))
    with pytest.raises(
        InputError, match="^1 picture of .*/x of 16 bits per colour use no more than 12 of them and would"
    ):
        images.images(tmp_path / "x", image_size=4, data_dir=tmp_path)
    (tmp_path / "x/b.png").write_bytes(png_16_bit(65535, 65535, 65535))
    assert values(batches.take(images.images(tmp_path / "x", image_size=1, data_dir=tmp_path).train, 1)) == [15]


def test_the_first_of_several_frames_is_read_and_that_is_said(tmp_path):
    save(tmp_path / "x/a.gif", 4, 4, color=7, save_all=True, append_images=[Image.new("L", (4, 4), 200)])
    data = images.images(tmp_path / "x", image_size=4, channels=1, data_dir=tmp_path)
    assert "several frames, of which the first is read: 1 picture, first a.gif" in data.notes


def test_of_very_many_files_some_are_looked_at_evenly_and_that_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr(inspection, "_MOST", 4)
    greys(tmp_path / "x", 8)
    save(tmp_path / "x/06.png", 4, 4, mode="RGB")
    data = images.images(tmp_path / "x", image_size=4, data_dir=tmp_path)
    assert data.notes[-2:] == (
        "looked at 4 of 8 pictures, evenly chosen, for what follows",
        "colours: 3 grey and 1 colour, first 06.png, read as RGB",
    )


def test_class_names_and_their_order_are_part_of_the_fingerprint(tmp_path):
    for name in ("cat", "dog"):
        for i in range(2):
            save(tmp_path / f"x/{name}/{i}.png", 4, 4, color=i)

    def load():
        return images.labelled(tmp_path / "x", image_size=4, data_dir=tmp_path)

    before = load()
    assert before.notes[0] == "class folders, to learn from: cat 2, dog 1"
    (tmp_path / "x/cat").rename(tmp_path / "x/wildcat")
    renamed = load()
    assert before.classes == ("cat", "dog") and renamed.classes == ("dog", "wildcat")
    assert "2 of the classes are others, first cat -> dog" in prepared.difference(
        before.fingerprint, renamed.fingerprint, tmp_path
    )
    rows = ["dog/0.png,{0}", "dog/1.png,{0}", "wildcat/0.png,{1}", "wildcat/1.png,{1}"]
    prints = set()
    for names in (("a", "b"), ("a", "c"), ("b", "a")):
        (tmp_path / "x/labels.csv").write_text("\n".join(rows).format(*names))
        data = load()
        assert data.classes == tuple(sorted(names))
        prints.add(data.fingerprint)
    assert len(prints) == 3 and not prints & {before.fingerprint, renamed.fingerprint}


def test_a_folder_has_one_name_and_an_empty_one_is_refused(tmp_path, monkeypatch):
    greys(tmp_path / "pics", 2)
    monkeypatch.chdir(tmp_path)
    data = [images.images(name, image_size=4, data_dir=tmp_path) for name in ("pics", "pics/", "pics//")]
    assert {x.name for x in data} == {"pics"} and len({x.fingerprint for x in data}) == 1
    assert len({x.description for x in data}) == 1
    for name in ("", "  "):
        with pytest.raises(InputError, match="^the name of the data set is empty; give `glyphs`, a TFDS name"):
            images.images(name, image_size=4)


def test_names_that_cannot_be_printed_are_read_and_shown_as_escapes(tmp_path):
    folder = tmp_path / os.fsdecode(b"p\xefcs\x1b[31m")
    odd = os.fsdecode(b"caf\xe9")
    for i, name in enumerate((f"{odd}/a.png", f"{odd}/b\n.png", "dog/c.png", "dog/d.png")):
        save(folder / name, 4, 4, color=i)
    (folder / odd / "b\n.png").write_text("no")
    data = images.labelled(folder, image_size=4, data_dir=tmp_path)
    assert data.classes == (r"caf\udce9", "dog")
    (train,) = first(batches.in_order(data.train, 8))
    assert (values(train["image"]), train["label"].tolist()) == ([0, 2, 2], [0, 1, 1])
    for text in (data.name, data.description, *data.notes, *data.classes, *data.broken):
        assert text.isprintable() and text.encode()
    assert list(data.broken) == [rf"{tmp_path}/p\udcefcs\x1b[31m/caf\udce9/b\n.png"]
    assert images.labelled(folder, image_size=4, data_dir=tmp_path).fingerprint == data.fingerprint


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
    "trainA": ("pairs", lambda t, _: folder_of(t, "trainA/a.png"), r"data has pictures in trainA/ of A and none of"),
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
        (
            "images",
            {"image_size": 8, "value_range": (1, 1)},
            r"^value_range is \(1, 1\); give the values of black and w",
        ),
        ("images", {"image_size": 8, "value_range": (0, float("inf"))}, r"^value_range is \(0, inf\); give the values"),
        ("images", {"image_size": 8, "value_range": (1,)}, r"^value_range is \(1,\); give the values of black and wh"),
        ("pairs", {"image_size": 8, "fit": "squeeze"}, "^fit is 'squeeze'; give crop, stretch, pad$"),
        ("images", {"image_size": 8, "style": "comic"}, "^glyphs has 12 images .*, none of them comic; give one as st"),
        ("pairs", {"image_size": 8, "direction": "up"}, "^direction is 'up'; give a_to_b or b_to_a$"),
        ("pairs", {"image_size": 8, "target": "comic"}, "^glyphs has no image named comic; source and target are two"),
    ],
)
def test_an_argument_that_does_not_fit_is_one_clear_line(kind, options, message):
    with pytest.raises(InputError, match=message):
        getattr(images, kind)("glyphs", **options)


def test_a_tfds_set_of_floating_point_pictures_is_refused(tmp_path):
    feature = tfds.features.Image(shape=(4, 4, 1), dtype=np.float32)
    store(tmp_path, "depths", {"image": feature}, train=[{"image": np.zeros((4, 4, 1), np.float32)}] * 2)
    with pytest.raises(
        InputError, match="^depths has float32 numbers as its image image; choose a set of integers, or a"
    ):
        images.images("depths", image_size=4, data_dir=tmp_path)


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


def test_data_says_how_pictures_of_another_shape_were_made_to_fit(tmp_path):
    for i in range(2):
        save(tmp_path / f"pairs/{i}.png", 16, 4, color=i)
        save(tmp_path / f"single/{i}.png", 16, 4, color=i)
    where = {"image_size": 4, "data_dir": tmp_path / "tfds"}
    assert images.pairs(tmp_path / "pairs", **where).fit == "stretch", "halves are not cropped"
    assert images.images(tmp_path / "single", **where).fit == "crop"
    assert images.images(tmp_path / "single", fit="pad", **where).fit == "pad"
