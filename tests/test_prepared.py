import json
import os
import re
import shutil
import time

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds
from PIL import Image
from sample_data import first, greys, same, save, values

from tfgan_zoo.data import batches, images, prepared
from tfgan_zoo.errors import InputError


@pytest.fixture
def folder(tmp_path):
    return greys(tmp_path / "greys")


@pytest.fixture
def load(folder, tmp_path):
    """Loads the folder of greys into a data folder of the test's own."""
    return lambda **how: images.images(folder, **{"image_size": 4, "data_dir": tmp_path / "data"} | how)


def sets_in(data_dir):
    return sorted(path.name for path in (data_dir / "prepared").iterdir())


def test_a_set_lies_below_its_fingerprint_and_tfds_reads_it(load, tmp_path):
    data = load()
    assert re.fullmatch("[0-9a-f]{64}", data.fingerprint) and sets_in(tmp_path / "data") == [data.fingerprint]
    builder = tfds.builder_from_directory(tmp_path / "data/prepared" / data.fingerprint)
    assert builder.info.splits["train"].num_examples == 39
    numbers = [i for i in range(41) if i not in (19, 39)]
    dataset = builder.as_dataset(split="train", shuffle_files=False)
    assert [int(x["image"][0, 0, 0]) for x in dataset.as_numpy_iterator()] == numbers


def test_a_prepared_set_is_read_and_not_made_again_even_where_files_have_changed_within(load, folder, monkeypatch):
    data = load()
    monkeypatch.setattr(prepared, "_write", None)  # would fail
    again = load()
    assert again.fingerprint == data.fingerprint
    shutil.rmtree(folder)
    same(first(batches.batches(again.train, 8, seed=0), 9), first(batches.batches(data.train, 8, seed=0), 9))


@pytest.mark.parametrize("limit, kind", [(10**9, "decoded"), (5_000, "encoded"), (100, "streamed")])
def test_the_same_examples_come_decoded_encoded_or_streamed(tmp_path, monkeypatch, limit, kind):
    for i in range(41):  # 41 * 16 * 16 pixels are 10,496 bytes, their PNG files less than 5,000
        save(tmp_path / f"greys/{i:02}.png", 16, 16, color=i)
    monkeypatch.setattr(prepared, "IN_MEMORY_BYTES", limit)
    data = images.images(tmp_path / "greys", image_size=16, data_dir=tmp_path)
    assert isinstance(data.train, batches.Streamed) == (kind == "streamed")
    assert sum(map(values, first(batches.in_order(data.train, 10), 9)), []) == [i for i in range(41) if i % 20 != 19]
    assert values(batches.take(data.test, 2)) == [19, 39]
    dataset = batches.batches(data.train, 13, seed=0)
    assert dataset.element_spec == tf.TensorSpec([13, 16, 16, 1], tf.float32)
    seen = sum(map(values, first(dataset, 6)), [])
    assert sorted(seen[:39]) == sorted(seen[39:]) == [i for i in range(41) if i % 20 != 19]
    if kind != "streamed":
        monkeypatch.setattr(prepared, "IN_MEMORY_BYTES", 10**9)
        memory = images.images(tmp_path / "greys", image_size=16, data_dir=tmp_path)
        same(first(dataset, 6), first(batches.batches(memory.train, 13, seed=0), 6))


def test_nothing_of_python_runs_in_a_pipeline(load, monkeypatch):
    for limit in (10**9, 3_000, 100):
        monkeypatch.setattr(prepared, "IN_MEMORY_BYTES", limit)
        for dataset in (batches.batches(load().train, 4, seed=0), batches.in_order(load().test, 4)):
            graph = tf.compat.v1.GraphDef.FromString(dataset._as_serialized_graph().numpy())
            operations = {n.op for f in graph.library.function for n in f.node_def} | {n.op for n in graph.node}
            assert not [op for op in operations if "PyFunc" in op]


def test_a_broken_file_is_replaced_by_the_next_one_and_named_once(folder, load, capfd):
    whole = (folder / "07.png").read_bytes()
    (folder / "07.png").write_bytes(whole[:-20])
    (folder / "08.png").write_text("not an image")
    (folder / "40.png").unlink()
    (folder / "40.png").symlink_to(folder / "nowhere")
    data = load()
    got = values(first(batches.in_order(data.train, 39))[0])
    assert got == [0, 1, 2, 3, 4, 5, 6, 9, 9, 9, *range(10, 19), *range(20, 39), 0]
    assert {os.path.basename(k): v for k, v in data.broken.items() if k[-6:] != "07.png"} == {
        "08.png": "not an image",
        "40.png": "missing",
    }
    assert "truncated" in data.broken[os.fspath(folder / "07.png")]
    lines = [line for line in capfd.readouterr().err.splitlines() if "broken" in line]
    assert lines[1:] == [
        f"skipped broken image {folder}/08.png (not an image)",
        f"skipped broken image {folder}/40.png (missing)",
        "skipped 3 broken images in all",
    ]
    assert load().broken == data.broken
    assert "broken" not in capfd.readouterr().err


def test_the_fingerprint_changes_with_the_files_and_with_what_is_asked(load, folder):
    prints = [load().fingerprint]
    for how in ({"image_size": 5}, {"image_size": (4, 5)}, {"channels": 3}, {"fit": "pad"}):
        prints.append(load(**how).fingerprint)
    save(folder / "41.png", 4, 4, color=41)
    prints.append(load().fingerprint)
    os.utime(folder / "41.png", ns=(0, 1))
    prints.append(load().fingerprint)
    shutil.move(folder / "41.png", folder / "42.png")
    prints.append(load().fingerprint)
    assert len(set(prints)) == len(prints)
    assert load().fingerprint == prints[-1]


def test_a_folder_that_moved_is_the_same_set(load, folder, tmp_path):
    moved = tmp_path / "elsewhere"
    before = load().fingerprint
    folder.rename(moved)
    assert images.images(moved, image_size=4, data_dir=tmp_path / "data").fingerprint == before


def test_a_difference_says_in_a_few_words_what_changed(load, folder, tmp_path):
    old = load().fingerprint

    def change(**how):
        return prepared.difference(old, load(**how).fingerprint, tmp_path / "data")

    assert change() == "nothing"
    assert change(image_size=8) == "size 4x4 -> 8x8"
    assert change(channels=3, fit="stretch") == "channels as they are -> 3; fit crop -> stretch"
    save(folder / "50.png", 4, 4)
    assert change() == "1 file added, first 50.png"
    (folder / "00.png").unlink()
    (folder / "01.png").write_bytes((folder / "02.png").read_bytes())
    save(folder / "51.png", 4, 4)
    # One fewer before them: other files are every 20th now.
    assert change() == (
        "2 files added, first 50.png; 1 removed, first 00.png; 1 changed, first 01.png; "
        "4 moved to another split, first 19.png"
    )
    assert prepared.difference("0" * 64, old, tmp_path / "data") is None
    assert prepared.difference(old, "0" * 64, tmp_path / "data") is None


def test_a_killed_preparation_leaves_nothing_that_is_taken_for_whole(load, tmp_path, monkeypatch):
    def killed(request, folder):
        write(request, folder)
        raise KeyboardInterrupt

    write = prepared._write
    with monkeypatch.context() as patch:
        patch.setattr(prepared, "_write", killed)
        with pytest.raises(KeyboardInterrupt):
            load()
    assert sets_in(tmp_path / "data") == []


def test_what_a_killed_preparation_left_is_not_read_and_removed_after_an_hour(load, tmp_path):
    data = load()
    whole = tmp_path / "data/prepared" / data.fingerprint
    for age, name in ((0, "young"), (3601, "old")):
        left = whole.with_name(f".{data.fingerprint[:16]}-{name}")
        shutil.copytree(whole, left)
        for path in (left, *left.iterdir()):
            os.utime(path, (path.stat().st_atime, time.time() - age))
    shutil.rmtree(whole)
    assert load().train.counts == (39,)
    assert sets_in(tmp_path / "data") == [f".{data.fingerprint[:16]}-young", data.fingerprint]


def test_a_set_of_many_files_keeps_its_order(load, tmp_path, monkeypatch):
    monkeypatch.setattr(prepared, "_SHARD_BYTES", 16 * 3)  # three examples
    data = load()
    folder = tmp_path / "data/prepared" / data.fingerprint
    assert len(list(folder.glob("prepared-train.tfrecord-*"))) == 13
    numbers = [i for i in range(41) if i not in (19, 39)]
    assert values(first(batches.in_order(data.train, 39))[0]) == numbers


def test_of_two_that_prepare_at_once_one_wins_and_both_read_it(load, tmp_path, monkeypatch):
    def overtaken(request, folder):
        write(request, folder)
        monkeypatch.setattr(prepared, "_write", write)
        load()

    write = prepared._write
    monkeypatch.setattr(prepared, "_write", overtaken)
    data = load()
    assert sets_in(tmp_path / "data") == [data.fingerprint]
    assert values(batches.take(data.test, 2)) == [19, 39]


@pytest.mark.parametrize("part", ["*.tfrecord-*", "metadata.json", "dataset_info.json", "features.json"])
@pytest.mark.parametrize("harm", ["gone", "cut", "empty", "a folder"])
def test_a_set_that_is_damaged_is_set_aside_and_made_anew(load, tmp_path, capfd, part, harm):
    data = load()
    folder = tmp_path / "data/prepared" / data.fingerprint
    file = sorted(folder.glob(part))[-1]
    content = file.read_bytes()
    file.unlink()
    if harm in ("cut", "empty"):
        file.write_bytes(content[: len(content) // 2] if harm == "cut" else b"")
    elif harm == "a folder":
        file.mkdir()
    capfd.readouterr()
    again = load()
    same(first(batches.batches(again.train, 8, seed=0), 9), first(batches.batches(data.train, 8, seed=0), 9))
    assert sets_in(tmp_path / "data") == [data.fingerprint, f"{data.fingerprint}.damaged"]
    lines = capfd.readouterr().err.splitlines()
    assert len(lines) == 1 and "made anew" in lines[0], lines


def test_a_data_folder_that_cannot_be_written_is_one_clear_line(load, tmp_path):
    (tmp_path / "data").write_text("a file")
    with pytest.raises(InputError, match=r"^nothing can be written to .*data/prepared \(.*\); give a data_dir$") as e:
        load()
    assert "\n" not in str(e.value)


def test_where_no_file_can_be_read_it_is_one_clear_line_and_nothing_stays(tmp_path):
    for name in "ab":
        (tmp_path / f"x/{name}.png").parent.mkdir(exist_ok=True)
        (tmp_path / f"x/{name}.png").write_text("no")
    with pytest.raises(InputError, match="^none of 1 images can be read, from .*x/a.png on; give other files$"):
        images.images(tmp_path / "x", image_size=4, data_dir=tmp_path)
    assert sets_in(tmp_path) == []


def test_more_files_than_workers_keep_their_order(tmp_path):
    rng = np.random.default_rng(0)
    for i in range(300):  # larger files first, so that later ones are ready before them
        size = 200 if i % 7 == 0 else 4
        pixels = np.full((size, size, 1), i % 251, np.uint8).repeat(3, -1)
        pixels[..., 1] = rng.integers(0, 255, (size, size)) if size > 4 else 0
        (tmp_path / "x").mkdir(exist_ok=True)
        Image.fromarray(pixels).save(tmp_path / f"x/{i:03}.png")
    data = images.images(tmp_path / "x", image_size=4, data_dir=tmp_path)
    expected = [i % 251 for i in range(300) if i % 20 != 19]
    assert sum(map(values, first(batches.in_order(data.train, 50), 9)), []) == expected


def test_the_listing_is_kept_as_json(load, tmp_path):
    data = load()
    kept = json.loads((tmp_path / "data/prepared" / data.fingerprint / "metadata.json").read_text())
    assert kept["listing"]["settings"] == {
        "kind": "images", "size": "4x4", "channels": "as they are", "fit": "crop", "range": "as the files say"
    }  # fmt: skip
    assert len(kept["listing"]["files"]["train"]) == 39 and kept["broken"] == {}
    assert kept["columns"] == {"image": [[4, 4, 1], "uint8", "bicubic"]}
