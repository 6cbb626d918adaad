import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds
from sample_data import first, same, save, store, values

from tfgan_zoo.data import batches, captioned, glyphs
from tfgan_zoo.data.columns import LABEL, TEXT
from tfgan_zoo.errors import InputError
from tfgan_zoo.words import Words


def told(folder, *texts):
    """Grey pictures, number i of the value i and with the text i: a string, bytes, or None for no file."""
    for i, text in enumerate(texts):
        path = save(folder / f"{i:02}.png", 4, 4, color=i)
        if text is not None:
            path.with_suffix(".txt").write_bytes(text if isinstance(text, bytes) else text.encode())
    return folder


def read(folder, data_dir, **how):
    return captioned.captioned(str(folder), image_size=4, data_dir=data_dir, **how)


def seen(data, steps=30, size=8, seed=0, **how):
    """All of some batches: value of the picture, text, value of the wrong picture."""
    found = first(batches.batches(data.train, size, seed=seed, **how), steps)
    return [
        (value, text.decode(), wrong)
        for batch in found
        for value, text, wrong in zip(values(batch["image"]), batch["text"], values(batch["wrong"]), strict=True)
    ]


def test_a_text_file_beside_a_picture_is_its_caption_and_every_20th_is_held_out(tmp_path):
    data = read(told(tmp_path / "set", *(f"number {i}" for i in range(21))), tmp_path)
    assert (
        data.kind == "captioned" and data.columns["text"] == TEXT and list(data.columns) == ["image", "text", "wrong"]
    )
    assert data.shapes == {"image": (4, 4, 1), "text": (), "wrong": (4, 4, 1)}
    assert all(text == f"number {value}" and wrong not in (value, 19) for value, text, wrong in seen(data))
    (batch,) = batches.in_order(data.test, 4)
    assert values(batch["image"]) == [19] and batch["text"].numpy().tolist() == [b"number 19"]
    assert data.held_out == ("number 19",) and len(data.captions) == 20
    assert data.notes[0] == "captions: the lines of the text file beside each picture"
    assert "20 captions to learn from, 1 others" in data.description
    shown = batches.take(data.test, 2)
    assert shown["text"].tolist() == [b"number 19"] * 2


def test_each_line_is_a_caption_and_all_of_a_picture_come_equally_often_but_held_out_the_first(tmp_path):
    texts = [f"{i} one\r\n\r\n  {i}   two \n{i} drei\n" for i in range(6)]
    data = read(told(tmp_path / "set", *texts), tmp_path)
    found = [text for _, text, _ in seen(data, steps=75, size=4)]  # 60 passes over five pictures
    assert set(found) == {f"{i} {word}" for i in range(5) for word in ("one", "two", "drei")}
    times = [sum(text.endswith(word) for text in found) for word in ("one", "two", "drei")]
    assert times == [120, 120, 60]  # of numbers 0 to 4 a third of 0, 1 and 2, and twice
    (batch,) = batches.in_order(data.test, 4)
    assert batch["text"].numpy().tolist() == [b"5 one"]


@pytest.mark.parametrize("classes", [2, 3, 10])
def test_in_10_000_draws_no_wrong_picture_has_a_caption_of_the_right_one(tmp_path, classes):
    data = read(told(tmp_path / "set", *(f"class {i % classes}" for i in range(24))), tmp_path)
    found = seen(data, steps=100, size=100)
    assert len(found) == 10_000
    assert all(
        value % classes != wrong % classes and text == f"class {value % classes}" for value, text, wrong in found
    )
    # Any of another class comes, of the 23 to learn from.
    of_0 = np.bincount([wrong for value, _, wrong in found if value == 0], minlength=24)
    others = [i for i in range(24) if i % classes and i != 19]
    assert np.flatnonzero(of_0).tolist() == others


def test_pictures_that_share_a_caption_over_others_are_never_wrong_for_each_other(tmp_path):
    group = captioned.groups([("a", "b"), ("c",), ("b", "d"), ("e",), ("d",)])
    np.testing.assert_array_equal(group, [0, 1, 0, 2, 0])
    data = read(told(tmp_path / "set", "a\nb", "c", "b\nd", "e", "d", "held out"), tmp_path)
    assert {(value, wrong) for value, _, wrong in seen(data)} == {
        (v, w) for v in range(5) for w in range(5) if group[v] != group[w]
    }  # fmt: skip


def test_what_an_example_is_told_hangs_on_its_number_in_the_run_alone(tmp_path):
    data = read(told(tmp_path / "set", *(f"{i}\nnumber {i}" for i in range(10))), tmp_path)
    whole, again = (first(batches.batches(data.train, 4, seed=3, step=step), 6 - step) for step in (0, 2))
    for a, b in zip(whole[2:], again, strict=True):
        same(a, b)
    parts = [
        first(batches.batches(data.train, 4, seed=3, context=tf.distribute.InputContext(2, i, 2)), 2) for i in (0, 1)
    ]
    joined = tf.nest.map_structure(lambda a, b: np.concatenate([a, b]), parts[0][0], parts[1][0])
    same(joined, whole[0])


def test_words_take_the_place_of_texts_in_a_pipeline(tmp_path):
    data = read(told(tmp_path / "set", *(f"number {i}" for i in range(10))), tmp_path)
    words = Words.of(data.captions)
    (batch,) = first(batches.batches(data.train, 4, seed=0, transform=words.transform))
    assert batch["text"].dtype == np.int32 and batch["text"].shape == (4, 2)
    assert [words.text(ids) for ids in batch["text"]] == [f"number {value}" for value in values(batch["image"])]


def test_texts_that_cannot_be_read_are_named_and_their_pictures_skipped(tmp_path, capsys):
    folder = told(tmp_path / "set", *(f"number {i}" for i in range(8)), "", b"\xff\xfe\xfa", None, "a last one")
    data = read(folder, tmp_path)
    assert data.broken == {
        str(folder / "08.png"): "08.txt is empty", str(folder / "09.png"): "09.txt is not UTF-8"
    }  # fmt: skip
    assert any("left out, without a text file of the same name: 10.png" in note for note in data.notes)
    assert not any("no pictures by their names" in note for note in data.notes)
    assert "skipped broken image" in capsys.readouterr().err
    assert {value for value, _, _ in seen(data)} == set(range(8)) and data.held_out == ("a last one",)
    assert all(text == f"number {value}" for value, text, _ in seen(data))


@pytest.mark.parametrize(
    ("texts", "says"),
    [
        ([None, None, "a"], "2 of 3 pictures have no caption, first 00.png; captioned images need a text file of the"),
        (["a", "A\nb", "a\nA", "b"], "all pictures of .* share captions, so that none is wrong; give some of others"),
        (["", " \n", ""], "none of 2 images can be read, from .*00.png on; give other files"),
    ],
)
def test_a_folder_without_captions_of_its_own_is_refused(tmp_path, texts, says):
    with pytest.raises(InputError, match=says) as error:
        read(told(tmp_path / "set", *texts), tmp_path)
    assert "\n" not in str(error.value)


def features(*texts, images=("picture",), labels=()):
    return (
        {name: tfds.features.Image(shape=(4, 4, 1)) for name in images}
        | {name: tfds.features.Text() for name in texts}
        | {name: tfds.features.ClassLabel(names=["dark", "light"]) for name in labels}
    )


def grey(value):
    return np.full([4, 4, 1], value, np.uint8)


def test_all_pictures_of_an_example_of_tensorflow_datasets_have_its_text_and_label(tmp_path):
    examples = [
        {"a": grey(2 * i), "b": grey(2 * i + 1), "name": f"it's  {i // 2}", "more": "x", "kind": i % 2}
        for i in range(8)
    ]
    store(
        tmp_path,
        "two_each",
        features("name", "more", images="ab", labels=["kind"]),
        train=examples[:6],
        test=examples[6:],
    )
    data = captioned.captioned("two_each", image_size=4, data_dir=tmp_path)
    assert data.classes == ("dark", "light") and data.columns["label"] == LABEL and data.train.counts[0] == 12
    for value, text, wrong in seen(data):
        assert text == f"it's {value // 4}" and value // 4 != wrong // 4
    (batch,) = batches.in_order(data.test, 9)
    assert sorted(zip(values(batch["image"]), batch["label"].numpy().tolist(), strict=True)) == [
        (12, 0), (13, 0), (14, 1), (15, 1)
    ]  # fmt: skip
    assert set(batch["text"].numpy().tolist()) == {b"it's 3"} and data.held_out == ("it's 3",)


def test_a_set_of_tensorflow_datasets_without_one_text_is_refused(tmp_path):
    example = {"picture": grey(1), "left": "a", "right": "b"}
    store(tmp_path, "two_texts", features("left", "right"), train=[example])
    with pytest.raises(
        InputError, match="two_texts has 1 images and the text features left, right; captioned images ne"
    ):
        captioned.captioned("two_texts", image_size=4, data_dir=tmp_path)


def test_glyphs_are_the_latin_letters_with_the_names_of_unicode(tmp_path, monkeypatch):
    some = ["A", "e", "é", "É", "ä", "x", "1", "β", "Z"]
    monkeypatch.setattr(glyphs, "common_characters", lambda: some)
    monkeypatch.setattr(glyphs, "held_out", lambda character: character in "éZ")
    data = captioned.captioned("glyphs", image_size=16, data_dir=tmp_path)
    assert data.captions == (
        "LATIN CAPITAL LETTER A", "LATIN CAPITAL LETTER E WITH ACUTE", "LATIN SMALL LETTER A WITH DIAERESIS",
        "LATIN SMALL LETTER E", "LATIN SMALL LETTER X",
    )  # fmt: skip
    assert data.held_out == ("LATIN CAPITAL LETTER Z", "LATIN SMALL LETTER E WITH ACUTE")
    assert data.train.counts == (60, 60, 60) and data.test.counts == (24,) and data.classes == glyphs.LETTERS
    for batch in first(batches.batches(data.train, 20, seed=0), 3):
        names = [text.decode() for text in batch["text"]]
        assert [glyphs.LETTERS[i] for i in batch["label"]] == [name.split()[3] for name in names]
