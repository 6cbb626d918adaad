import os

import pytest
from sample_data import greys, save

from tfgan_zoo.data import folders
from tfgan_zoo.errors import InputError


def made(folder, *names):
    for name in names:
        save(folder / name, 4, 4, format="PNG")
    return folder


def names(split):
    return {part: [name for name, _ in items] for part, items in split.items()}


def test_every_20th_file_of_a_flat_folder_is_held_out(tmp_path):
    split = folders.file_split(greys(tmp_path))
    assert len(split["train"]) == 39
    assert split["test"] == [(f"{i}.png", (os.fspath(tmp_path / f"{i}.png"),)) for i in (19, 39)]


def test_a_few_files_hold_out_their_last_and_a_single_one_is_both(tmp_path):
    assert names(folders.file_split(made(tmp_path, "a.png"))) == {"train": ["a.png"], "test": ["a.png"]}
    assert names(folders.file_split(made(tmp_path, "deep/b.png"))) == {"train": ["a.png"], "test": ["deep/b.png"]}


@pytest.mark.parametrize("train", ["train", "Train", "TRAIN"])
@pytest.mark.parametrize("test", ["test", "Test", "val", "valid", "Validation"])
def test_train_and_held_out_folders_are_found_in_any_case_nested_and_without_hidden_files(tmp_path, train, test):
    made(tmp_path, f"{train}/a.png", f"{train}/deep/b.JPG", f"{test}/c.png", f"{train}/.hidden.png", "d.png")
    made(tmp_path, f"{train}/notes.txt", f"{train}/.cache/e.png", f"{train}/__MACOSX/f.png")
    assert names(folders.file_split(tmp_path)) == {
        "train": [f"{train}/a.png", f"{train}/deep/b.JPG"],
        "test": [f"{test}/c.png"],
    }


def test_an_empty_held_out_folder_is_passed_over(tmp_path):
    made(tmp_path, "train/a.png", "val/b.png", "test/c.txt")
    assert names(folders.file_split(tmp_path)) == {"train": ["train/a.png"], "test": ["val/b.png"]}


def test_domains_have_held_out_folders_of_their_own(tmp_path):
    made(tmp_path, "trainA/a.png", "TrainB/b.png", "TrainB/c.png", "testA/d.png")
    assert names(folders.domain_split(tmp_path, "A")) == {"train": ["trainA/a.png"], "test": ["testA/d.png"]}
    assert names(folders.domain_split(tmp_path, "B")) == {"train": ["TrainB/b.png"], "test": ["TrainB/c.png"]}


def test_test_classes_have_the_labels_of_the_training_classes(tmp_path):
    made(tmp_path, "train/a/x.png", "train/b/x.png", "train/c/x.png", "test/b/x.png", "train/.d/x.png", "train/e/x.txt")
    split, classes = folders.class_split(tmp_path)
    assert classes == ("a", "b", "c")
    assert [parts[1:] for _, parts in split["train"]] == [(0,), (1,), (2,)]
    assert split["test"] == [("test/b/x.png", (os.fspath(tmp_path / "test/b/x.png"), 1))]
    made(tmp_path, "test/d/x.png")
    with pytest.raises(InputError, match="test has the class d, which .*train has not; remove or rename it$"):
        folders.class_split(tmp_path)


def test_a_listing_tells_what_changed(tmp_path):
    (tmp_path / "a.png").write_bytes(b"12345")
    os.utime(tmp_path / "a.png", ns=(0, 77))
    (tmp_path / "b.png").symlink_to(tmp_path / "nowhere")
    items = folders.file_split(tmp_path)
    assert folders.listing([*items["train"], *items["test"]]) == [["a.png", 5, 77], ["b.png", -1, 0]]
    assert folders.listing([("x/a.png", (tmp_path / "a.png", 3))]) == [["x/a.png", 5, 77, 3]]
