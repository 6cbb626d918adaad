import pathlib

import pytest

from tfgan_zoo.data import folders, layouts
from tfgan_zoo.errors import InputError


def tree(*names, tables=None, notes=()):
    return folders.Tree(pathlib.Path("d"), {name: f"d/{name}" for name in sorted(names)}, tables or {}, notes)


def table(tmp_path, name, text):
    (tmp_path / name).write_text(text, encoding="utf-8")
    return {name: str(tmp_path / name)}


def many(folder, count=2, ending=""):
    return [f"{folder}{i}{ending}.png" for i in range(count)]


def names(layout):
    return {split: [name for name, _ in items] for split, items in layout.splits.items()}


def labels(layout):
    return {split: [parts[1] for _, parts in items] for split, items in layout.splits.items()}


# ---------------------------------------------------------------------------------------------------------------------
# Single pictures


def test_every_20th_file_of_a_flat_folder_is_held_out():
    layout = layouts.single(tree(*(f"{i:02}.png" for i in range(41)), notes=("left out: x",)))
    assert len(layout.splits["train"]) == 39
    assert layout.splits["test"] == [(f"{i}.png", (f"d/{i}.png",)) for i in (19, 39)]
    assert layout.notes == ("pictures: 41, no folder of held-out ones: every 20th is held out", "left out: x")


def test_a_few_files_hold_out_their_last_and_a_single_one_is_both():
    assert names(layouts.single(tree("a.png"))) == {"train": ["a.png"], "test": ["a.png"]}
    assert names(layouts.single(tree("a.png", "deep/b.png"))) == {"train": ["a.png"], "test": ["deep/b.png"]}


@pytest.mark.parametrize("train", ["train", "Train", "TRAINING"])
@pytest.mark.parametrize("test", ["test", "Test", "TESTING", "val", "valid", "Validation"])
def test_splits_are_found_in_any_case_and_what_is_outside_is_named(train, test):
    layout = layouts.single(tree(f"{train}/a.png", f"{train}/deep/b.png", f"{test}/c.png", "d.png"))
    assert names(layout) == {"train": [f"{train}/a.png", f"{train}/deep/b.png"], "test": [f"{test}/c.png"]}
    where = ", ".join(sorted([f"{train}/", f"{test}/"]))
    assert layout.notes == (
        f"pictures in {where}: 2 to learn from, 1 held out ({test.lower()})",
        "left out, outside of the splits: 1 picture, first d.png",
    )


def test_test_is_preferred_to_validation_which_is_named():
    layout = layouts.single(tree("train/a.png", "val/b.png", "test/c.png"))
    assert names(layout)["test"] == ["test/c.png"] and "left out, another held-out split: val (1)" in layout.notes


def test_held_out_pictures_are_not_learned_from_where_there_is_no_train_folder():
    assert names(layouts.single(tree("a.png", "deep/b.png", "Test/c.png"))) == {
        "train": ["a.png", "deep/b.png"],
        "test": ["Test/c.png"],
    }
    with pytest.raises(
        InputError, match=r"^d has pictures to hold out \(test\) and none to learn from; put those into"
    ):
        layouts.single(tree("test/a.png"))


@pytest.mark.parametrize("first, second", [("Train", "train"), ("train", "training"), ("trainA", "train_a")])
def test_two_folders_that_name_the_same_split_are_refused(first, second):
    both = " and ".join(f"{name}/" for name in sorted([first, second]))
    with pytest.raises(InputError, match=f"^d has {both}, which name the same; merge them or rename one$"):
        layouts.single(tree(f"{first}/a.png", f"{second}/b.png"))


def test_splits_are_found_below_one_wrapping_folder_within_domains_and_within_classes():
    wrapped = layouts.single(tree("maps/maps/train/a.png", "maps/maps/val/b.png"))
    assert names(wrapped) == {"train": ["maps/maps/train/a.png"], "test": ["maps/maps/val/b.png"]}
    domains = layouts.single(tree("trainA/a.png", "trainB/b.png", "testA/c.png"))
    assert names(domains) == {"train": ["trainA/a.png", "trainB/b.png"], "test": ["testA/c.png"]}
    classes = layouts.single(tree("cat/train/a.png", "dog/train/b.png", "cat/test/c.png"))
    assert names(classes) == {"train": ["cat/train/a.png", "dog/train/b.png"], "test": ["cat/test/c.png"]}
    # A trip to a test track is not held out: the other folder has no splits.
    assert len(names(layouts.single(tree("cars/test/a.png", "home/b.png", "home/c.png")))["train"]) == 2


def test_class_folders_are_one_set():
    assert names(layouts.single(tree("cat/a.png", "dog/b.png"))) == {"train": ["cat/a.png"], "test": ["dog/b.png"]}


def test_a_folder_without_pictures_is_refused():
    for layout in (layouts.single, layouts.labelled, layouts.paired, layouts.two_domains):
        with pytest.raises(InputError, match="^no images in d; expected files that end in .png .jpg"):
            layout(tree())


# ---------------------------------------------------------------------------------------------------------------------
# Labelled pictures


@pytest.mark.parametrize("train, test", [("train", "test"), ("Train", "Test"), ("TRAINING", "validation")])
def test_class_folders_lie_in_split_folders_which_are_no_classes(train, test):
    layout = layouts.labelled(tree(f"{train}/b/x.png", f"{train}/a/deep/x.png", f"{train}/c/x.png", f"{test}/b/x.png"))
    assert layout.classes == ("a", "b", "c") and labels(layout) == {"train": [0, 1, 2], "test": [1]}
    assert layout.splits["test"] == [(f"{test}/b/x.png", (f"d/{test}/b/x.png", 1))]
    assert layout.notes[0] == "class folders, to learn from: a 1, b 1, c 1"


def test_splits_lie_in_class_folders_or_beside_them():
    below = layouts.labelled(tree("cat/train/a.png", "dog/train/b.png", "cat/test/c.png", "dog/test/d.png"))
    assert below.classes == ("cat", "dog") and labels(below) == {"train": [0, 1], "test": [0, 1]}
    beside = layouts.labelled(tree("cat/a.png", "dog/b.png", "valid/dog/c.png"))
    assert beside.classes == ("cat", "dog") and labels(beside) == {"train": [0, 1], "test": [1]}


def test_a_held_out_class_that_is_not_learned_is_refused_and_loose_pictures_are_named():
    with pytest.raises(
        InputError, match="^the held-out pictures of d have the class c, which those to learn from have"
    ):
        layouts.labelled(tree("train/a/x.png", "train/b/x.png", "test/c/x.png"))
    layout = layouts.labelled(tree("a/x.png", "a/y.png", "b/x.png", "b/y.png", "loose.png"))
    assert layout.notes[-1] == "left out, without a class: 1 picture, first loose.png"


@pytest.mark.parametrize("files", [["a.png"], ["train/a.png"], ["one/a.png"], ["trainA/a.png", "trainB/b.png"]])
def test_fewer_than_two_classes_are_refused(files):
    with pytest.raises(InputError, match="^d has [01] subfolders? with images; labelled images need one subfolder per"):
        layouts.labelled(tree(*files))


def test_the_held_out_pick_leaves_each_class_a_picture_to_learn_from():
    # Number 19 is the only picture of b, number 39 one of many of c.
    files = [*many("a/a", 9), *many("a/b", 9), "a/z.png", "b/x.png", *many("c/a", 9), *many("c/b", 10), "c/z.png"]
    layout = layouts.labelled(tree(*files))
    assert names(layout)["test"] == ["c/z.png"] and set(labels(layout)["train"]) == {0, 1, 2}
    # Of two pictures of one class and one of another the last would be held out: the class has no other.
    few = layouts.labelled(tree("a/x.png", "a/y.png", "b/x.png"))
    assert names(few) == {"train": ["a/x.png", "b/x.png"], "test": ["a/y.png"]}
    # A class all of whose pictures would be picked keeps its first.
    single = layouts.labelled(tree("a/x.png", "b/x.png"))
    assert names(single) == {"train": ["a/x.png", "b/x.png"], "test": ["a/x.png", "b/x.png"]}


def test_labels_come_from_a_table_in_the_order_of_numbers(tmp_path):
    text = "\ufefffile,label\na.png,10\nsub/b.png,9\ntest/c.png,10\n\ngone.png,9\n"
    found = table(tmp_path, "labels.csv", text)
    layout = layouts.labelled(tree("a.png", "sub/b.png", "test/c.png", "extra.png", tables=found))
    assert layout.classes == ("9", "10") and names(layout)["test"] == ["test/c.png"]
    assert dict(zip(names(layout)["train"], labels(layout)["train"], strict=True)) == {"a.png": 1, "sub/b.png": 0}
    assert layout.notes[0] == "labels of labels.csv, to learn from: 9 1, 10 1"
    assert "left out, rows whose file is no picture below the folder: 1, first gone.png" in layout.notes
    assert "left out, without a class: 1 picture, first extra.png" in layout.notes


def test_a_table_of_labels_may_name_splits_and_have_no_header_or_be_jsonl(tmp_path):
    files = [f"{name}.png" for name in "abcd"]
    text = "a.png,x,train\nb.png,y,train\nc.png,x,val\nd.png,y,test\n"
    layout = layouts.labelled(tree(*files, tables=table(tmp_path, "labels.csv", text)))
    assert names(layout) == {"train": ["a.png", "b.png"], "test": ["d.png"]}
    text = '{"file": "a.png", "label": 1}\n{"file": "b.png", "label": 0}\n{"file": "c.png", "label": 1}\n'
    layout = layouts.labelled(tree(*files, tables=table(tmp_path, "labels.jsonl", text)))
    assert layout.classes == ("0", "1") and names(layout) == {"train": ["b.png", "a.png"], "test": ["c.png"]}


@pytest.mark.parametrize(
    "text, message",
    [
        ("", "d/labels.csv is empty; expected file and label in each row"),
        ("file,label\n", "d/labels.csv is empty"),
        ("a.png\n", "d/labels.csv line 1 is not understood; expected file and label"),
        ("a.png,x\na.png,y\n", "d/labels.csv line 2 gives a.png a second label; keep one"),
        ("a.png,x,dev\n", "d/labels.csv line 1 has the split dev; give train, test or validation"),
        ("q.png,x\nr.png,y\n", "names 2 rows, but in 2 of them a file is no picture below that folder, first q.png"),
        ("a.png,x\n", "d has 1 label; labelled images need"),
    ],
)
def test_a_table_that_is_not_understood_is_one_clear_line(tmp_path, text, message):
    with pytest.raises(InputError, match=message) as error:
        layouts.labelled(tree("a.png", "b.png", tables=table(tmp_path, "labels.csv", text)))
    assert "\n" not in str(error.value)


# ---------------------------------------------------------------------------------------------------------------------
# Pairs

TWO_FOLDERS = {
    "A/ B/": ("A/", "B/", None, None),
    "a/ b/": ("a/", "b/", None, None),
    "trainA/ trainB/": ("trainA/", "trainB/", "testA/", "testB/"),
    "Train_A/ Train_B/": ("Train_A/", "Train_B/", "val_A/", "val_B/"),
    "train/A train/B": ("train/A/", "train/B/", "test/A/", "test/B/"),
    "A/train B/train": ("A/train/", "B/train/", "A/test/", "B/test/"),
    "input/ target/": ("input/", "target/", None, None),
    "train/inputs train/targets": ("train/inputs/", "train/targets/", "valid/inputs/", "valid/targets/"),
    "images/ masks/": ("images/", "masks/", None, None),
    "set/A set/B": ("set/A/", "set/B/", None, None),
}


@pytest.mark.parametrize("case", TWO_FOLDERS)
def test_two_folders_are_pairs_of_files_of_the_same_stem(case):
    a, b, test_a, test_b = TWO_FOLDERS[case]
    files = [f"{a}1.png", f"{a}sub/2.png", f"{b}1.jpg", f"{b}sub/2.png", f"{a}3.png", f"{b}3.png"]
    files += [f"{test_a}9.png", f"{test_b}9.png"] if test_a else []
    layout = layouts.paired(tree(*files))
    pairs = [(f"{a}1.png", f"{b}1.jpg"), (f"{a}3.png", f"{b}3.png"), (f"{a}sub/2.png", f"{b}sub/2.png")]
    held_out = [(f"{test_a}9.png", f"{test_b}9.png")] if test_a else [pairs.pop()]
    assert names(layout) == {
        "train": [f"{x} + {y}" for x, y in pairs],
        "test": [f"{x} + {y}" for x, y in held_out],
    }
    assert [parts for _, parts in layout.splits["test"]] == [(f"d/{x}", f"d/{y}") for x, y in held_out]
    assert not layout.side_by_side and layout.notes[0].startswith("pairs of files of the same name, ")
    swapped = layouts.paired(tree(*files), swap=True)
    assert [parts for _, parts in swapped.splits["test"]] == [(f"d/{y}", f"d/{x}") for x, y in held_out]


def test_names_that_end_in_their_folder_are_paired_too():
    layout = layouts.paired(tree("A/1_A.png", "A/2_A.png", "B/1_B.png", "B/2_B.png"))
    assert names(layout) == {"train": ["A/1_A.png + B/1_B.png"], "test": ["A/2_A.png + B/2_B.png"]}


def test_a_file_without_a_partner_is_named_and_most_without_are_refused():
    layout = layouts.paired(tree(*many("A/"), *many("B/"), "A/x.png", "B/y.png", "z.png", "B/0.jpg"))
    assert sum(map(len, layout.splits.values())) == 2
    assert layout.notes[-3:] == (
        "left out, without a partner of the same name: A/x.png, B/y.png",
        "left out, a second file of the same name: B/0.png",
        "left out, in neither of the two folders: z.png",
    )
    with pytest.raises(
        InputError, match=r"^d has A/, B/, but 6 of 8 pictures have no partner of the same name, first A/"
    ):
        layouts.paired(tree(*many("A/", 4, "x"), *many("B/", 2, "y"), "A/1.png", "B/1.png"))
    with pytest.raises(
        InputError, match=r"^d has pictures in trainA/ of A and none of B; pairs are side-by-side files; A"
    ):
        layouts.paired(tree("trainA/a.png"))


def test_other_folders_hold_side_by_side_files():
    layout = layouts.paired(tree("Train/a.png", "TEST/b.png"))
    assert layout.side_by_side and names(layout) == {"train": ["Train/a.png"], "test": ["TEST/b.png"]}
    assert layout.notes[0] == "side by side: each file is cut into a left and a right half"


def test_pairs_come_from_a_table(tmp_path):
    files = ["x/1.png", "y/one.png", "x/2.png", "y/two.png", "z.png"]
    text = "id,target,image,split\n1,y/one.png,./x/1.png,train\n2,y/two.png,x/2.png,test\n3,y/gone.png,x/1.png,train\n"
    layout = layouts.paired(tree(*files, tables=table(tmp_path, "pairs.csv", text)))
    assert names(layout) == {"train": ["x/1.png + y/one.png"], "test": ["x/2.png + y/two.png"]}
    assert layout.notes[0] == "pairs of pairs.csv"
    assert "left out, rows whose file is no picture below the folder: 1, first y/gone.png" in layout.notes
    assert "left out, not in the table: 1 picture, first z.png" in layout.notes
    text = '{"image": "x/1.png", "target": "y/one.png"}\n{"image": "x/2.png", "target": "y/two.png"}\n'
    layout = layouts.paired(tree(*files, tables=table(tmp_path, "pairs.jsonl", text)))
    assert names(layout) == {"train": ["x/1.png + y/one.png"], "test": ["x/2.png + y/two.png"]}
    for name, text in (("pairs.jsonl", "{"), ("pairs.jsonl", "[1]"), ("pairs.csv", "x/1.png\n")):
        with pytest.raises(
            InputError, match=f"^d/{name} .*; expected image and target in each row, and split if you l"
        ):
            layouts.paired(tree(*files, tables=table(tmp_path, name, text)))


# ---------------------------------------------------------------------------------------------------------------------
# Two domains


@pytest.mark.parametrize(
    "case", ["A/ B/", "trainA/ trainB/", "Train_A/ Train_B/", "train/A train/B", "A/train B/train"]
)
def test_two_domains_have_held_out_pictures_of_their_own(case):
    a, b, test_a, _ = TWO_FOLDERS[case]
    files = [f"{a}1.png", f"{a}2.png", f"{b}x.png", f"{b}y.png", "z.png"] + [f"{test_a}9.png"] * bool(test_a)
    layout = layouts.two_domains(tree(*files))
    assert list(layout.splits) == ["trainA", "trainB", "testA", "testB"]
    assert names(layout) == {
        "trainA": [f"{a}1.png", f"{a}2.png"] if test_a else [f"{a}1.png"],
        "trainB": [f"{b}x.png"],
        "testA": [f"{test_a}9.png"] if test_a else [f"{a}2.png"],
        "testB": [f"{b}y.png"],
    }
    assert layout.notes[-1] == "left out, of neither domain: 1 picture, first z.png"


@pytest.mark.parametrize(
    "files", [["a.png"], ["horse/a.png", "zebra/b.png"], ["trainB/a.png"], ["input/a", "target/a"]]
)
def test_folders_of_other_names_are_no_domains(files):
    with pytest.raises(
        InputError, match="^d has no trainA/; unpaired images need trainA/ and trainB/ in the folder, or"
    ):
        layouts.two_domains(tree(*files))
