import os
import shutil
import socket

import pytest
from PIL import Image

from tfgan_zoo.data import folders
from tfgan_zoo.errors import InputError


def made(folder, *names):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (4, 4)).save(path, format="PNG")
    return folder


def names(tree):
    return list(tree.files)


def test_pictures_of_all_suffixes_are_found_in_any_depth_and_what_is_left_out_is_counted(tmp_path):
    made(tmp_path, "a.png", "deep/er/b.JPG", "c.jfif", "d.tga", "e.ppm", "x.txt", "y.txt", "z.mp4", "README")
    tree = folders.walk(tmp_path)
    assert names(tree) == ["a.png", "c.jfif", "d.tga", "deep/er/b.JPG", "e.ppm"]
    assert tree.files["deep/er/b.JPG"] == os.fspath(tmp_path / "deep/er/b.JPG")
    assert tree.notes == ("left out, no pictures by their names: 2 .txt, 1 .mp4, 1 without suffix",)


def test_every_suffix_is_one_that_pillow_reads():
    Image.init()
    assert set(folders.SUFFIXES) <= set(Image.registered_extensions()) and len(set(folders.SUFFIXES)) == len(
        folders.SUFFIXES
    )


def test_hidden_files_and_folders_are_left_out_and_named(tmp_path):
    made(tmp_path, "a.png", ".b.png", ".venv/c.png", "__MACOSX/d.png")
    tree = folders.walk(tmp_path)
    assert names(tree) == ["a.png"] and tree.notes == ("left out, hidden: .b.png, .venv, __MACOSX",)


@pytest.mark.parametrize("target", [".", "..", "pics", "../.."])
def test_a_link_to_a_folder_above_or_already_read_is_not_followed(tmp_path, target):
    root = made(tmp_path / "x/data", "pics/a.png", "pics/b.png")
    (root / "again").symlink_to(root / target, target_is_directory=True)
    tree = folders.walk(root)
    assert names(tree) == ["pics/a.png", "pics/b.png"]
    assert tree.notes == ("left out, link to a folder above or already read: again",)


def test_a_link_that_sorts_before_what_it_leads_to_is_the_one_left_out(tmp_path):
    made(tmp_path, "z/a.png")
    (tmp_path / "a").symlink_to(tmp_path / "z")
    assert names(folders.walk(tmp_path)) == ["z/a.png"]


def test_two_links_in_a_circle_and_a_link_to_itself_end(tmp_path):
    made(tmp_path / "one", "a.png")
    made(tmp_path / "two", "b.png")
    (tmp_path / "one/to_two").symlink_to(tmp_path / "two")
    (tmp_path / "two/to_one").symlink_to(tmp_path / "one")
    (tmp_path / "one/self.png").symlink_to(tmp_path / "one/self.png")
    tree = folders.walk(tmp_path / "one")
    assert names(tree) == ["a.png", "self.png", "to_two/b.png"]  # the link to itself is named when it is read
    assert tree.notes == ("left out, link to a folder above or already read: to_two/to_one",)


def test_a_link_to_another_folder_and_to_a_file_is_followed(tmp_path):
    made(tmp_path / "store", "a.png", "b.png")
    root = made(tmp_path / "data", "c.png")
    (root / "more").symlink_to(tmp_path / "store")
    (root / "d.png").symlink_to(tmp_path / "store/a.png")
    assert names(folders.walk(root)) == ["c.png", "d.png", "more/a.png", "more/b.png"]


def test_what_is_neither_a_file_nor_a_folder_is_left_out(tmp_path, monkeypatch):
    made(tmp_path, "a.png")
    os.mkfifo(tmp_path / "pipe.png")
    monkeypatch.chdir(tmp_path)  # the path of a socket must be short
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket.png")
        tree = folders.walk(tmp_path)
    assert names(tree) == ["a.png"]
    assert tree.notes == ("left out, neither a file nor a folder: pipe.png, socket.png",)


OURS = {
    "the folder of a run": ("config.json", "metrics.jsonl"),
    "an exported model": ("saved_model.pb",),
    "a prepared set of TFDS": ("dataset_info.json", "features.json"),
    "a virtual environment": ("pyvenv.cfg",),
}


@pytest.mark.parametrize("what", OURS)
def test_folders_of_ours_are_never_data(tmp_path, what):
    made(tmp_path, "a.png", "other/b.png", "ours/samples/c.png", *(f"ours/{name}" for name in OURS[what]))
    tree = folders.walk(tmp_path)
    assert names(tree) == ["a.png", "other/b.png"] and tree.notes == (f"left out, {what}: ours",)
    with pytest.raises(InputError, match=f"ours is {what}, not data; give a folder of pictures$"):
        folders.walk(tmp_path / "ours")


def test_a_run_that_only_has_checkpoints_is_one_and_a_config_alone_is_none(tmp_path):
    made(tmp_path, "run/config.json", "run/checkpoints/x.png", "data/config.json", "data/b.png")
    assert names(folders.walk(tmp_path)) == ["data/b.png"]


def test_a_whole_file_system_is_refused_at_once():
    with pytest.raises(InputError, match="^/ is a whole file system; give the folder that holds the pictures$"):
        folders.walk("/")


def test_a_large_folder_with_hardly_a_picture_is_refused(tmp_path, monkeypatch):
    made(tmp_path, *(f"{i}.txt" for i in range(9)), "deep/a.png", "deep/b.png")
    monkeypatch.setattr(folders, "_MOST_ENTRIES", 9)
    monkeypatch.setattr(folders, "_FEWEST_PICTURES", 3)
    with pytest.raises(
        InputError, match=r"has more than 9 files and folders and hardly a picture among the first \(0\);"
    ):
        folders.walk(tmp_path)
    monkeypatch.setattr(folders, "_MOST_ENTRIES", 12)
    assert len(names(folders.walk(tmp_path))) == 2
    monkeypatch.setattr(folders, "_MOST_ENTRIES", 1)
    monkeypatch.setattr(folders, "_FEWEST_PICTURES", 0)
    assert len(names(folders.walk(tmp_path))) == 2


def test_tables_are_told_from_pictures_in_the_folder_itself_only(tmp_path):
    made(tmp_path, "a.png", "Labels.CSV", "deep/labels.csv")
    tree = folders.walk(tmp_path, ("labels.csv",))
    assert tree.tables == {"Labels.CSV": os.fspath(tmp_path / "Labels.CSV")} and names(tree) == ["a.png"]
    assert tree.notes == ("left out, no pictures by their names: 1 .csv",)


def test_a_folder_that_cannot_be_read_is_named(tmp_path, monkeypatch):
    made(tmp_path, "a.png", "closed/b.png")
    scandir = os.scandir

    def refused(path):
        if os.fspath(path).endswith("closed"):
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refused)
    tree = folders.walk(tmp_path)
    assert names(tree) == ["a.png"] and tree.notes == ("left out, folder that cannot be read: closed",)


@pytest.mark.parametrize(
    "name, shown",
    [
        ("plain schön.png", "plain schön.png"),
        ("red\x1b[31m\n.png", r"red\x1b[31m\n.png"),
        (os.fsdecode(b"latin\xe9.png"), r"latin\udce9.png"),
    ],
)
def test_names_are_printed_safely(tmp_path, name, shown):
    assert folders.printable(name) == shown
    made(tmp_path, "a.png", f".{name}")
    assert folders.walk(tmp_path).notes == (f"left out, hidden: .{shown}",)
    shown.encode()


def test_a_listing_tells_what_changed(tmp_path):
    for name, size, when in (("a.png", 5, 77), ("c.png", 2, 99)):
        (tmp_path / name).write_bytes(b"1" * size)
        os.utime(tmp_path / name, ns=(0, when))
    a, b, c = (os.fspath(tmp_path / f"{name}.png") for name in "abc")
    assert folders.listing([("x/a.png", (a,)), ("b.png", (b,))]) == [["x/a.png", 5, 77], ["b.png", -1, 0]]
    assert folders.listing([("x/a.png", (a, 3))]) == [["x/a.png", 5, 77, 3]]
    assert folders.listing([("a.png + c.png", (a, c))]) == [["a.png + c.png", 5, 77, 2, 99]]
    shutil.move(tmp_path / "a.png", tmp_path / "moved.png")
    assert folders.listing([("x/a.png", (tmp_path / "moved.png",))]) == [["x/a.png", 5, 77]]
