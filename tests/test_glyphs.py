import shutil
import unicodedata

import numpy as np
import pytest
import tensorflow_datasets as tfds

from tfgan_zoo.data import glyphs
from tfgan_zoo.errors import InputError


@pytest.fixture(scope="module")
def builder():
    return glyphs.builder()


def test_the_twelve_fonts_share_2364_characters_that_have_ink():
    characters = glyphs.common_characters()
    assert len(characters) == 2364
    assert characters == sorted(set(characters))
    assert not {" ", "\u00a0", "\u2003"} & set(characters)


def test_the_splits_hold_every_character_once(builder):
    code_points = {}
    for split in ("train", "test"):
        dataset = builder.as_dataset(split=split, decoders=_only("code_point"), shuffle_files=False)
        code_points[split] = [int(example["code_point"]) for example in dataset.as_numpy_iterator()]
    train, test = code_points["train"], code_points["test"]
    assert (len(train), len(test)) == (2154, 210)
    assert train == sorted(train)
    assert sorted(train + test) == [ord(c) for c in glyphs.common_characters()]


def test_the_split_of_a_character_never_changes():
    assert [c for c in "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789" if glyphs.held_out(c)] == ["I", "U", "5", "9"]


def test_an_example_carries_what_unicode_says_and_its_twelve_pictures(builder):
    dataset = builder.as_dataset(split="train", shuffle_files=False).filter(lambda x: x["code_point"] == ord("ä"))
    (example,) = dataset.as_numpy_iterator()
    assert example["name"].decode() == "LATIN SMALL LETTER A WITH DIAERESIS"
    assert example["script"] == b"LATIN"
    assert builder.info.features["category"].int2str(example["category"]) == "Ll"
    assert builder.info.features["letter"].int2str(example["letter"]) == "A"
    rendered = glyphs.render("ä")
    assert tuple(rendered) == glyphs.STYLES
    for style in glyphs.STYLES:
        np.testing.assert_array_equal(example[style], rendered[style])


@pytest.mark.parametrize(
    "character, index", [("A", 0), ("z", 25), ("é", 4), ("Ǘ", 20), ("ß", -1), ("Ω", -1), ("Я", -1), ("7", -1)]
)
def test_a_letter_is_known_whatever_its_case_and_accents(character, index):
    assert glyphs.letter(character) == index


def test_no_glyph_touches_the_border_or_is_blank():
    widest_and_tallest = "‱‰⌨⟵ΉЖǗἾ∭j|"
    common = glyphs.common_characters()
    for character in [*(c for c in widest_and_tallest if c in common), *common[::15]]:
        pictures = np.stack(list(glyphs.render(character).values()))
        assert pictures.shape == (12, 64, 64, 1) and pictures.dtype == np.uint8
        border = np.concatenate([pictures[:, [0, -1]].ravel(), pictures[:, :, [0, -1]].ravel()])
        assert border.min() == 255, unicodedata.name(character)
        assert (pictures.min(axis=(1, 2, 3)) < 128).all(), unicodedata.name(character)


def test_glyphs_stand_on_one_baseline_and_are_centred():
    for picture in glyphs.render("H").values():
        rows, columns = np.nonzero(picture[..., 0] < 255)
        assert rows.max() == 45
        assert abs(columns.min() + columns.max() - 63) <= 1


def test_the_categories_are_all_of_unicode():
    assert {unicodedata.category(chr(c)) for c in range(0x110000)} <= set(glyphs._CATEGORIES)
    assert len(glyphs._CATEGORIES) == 30


def test_a_process_that_loses_the_race_uses_what_the_winner_prepared(builder, tmp_path, monkeypatch, capsys):
    def prepare(self, **kwargs):
        shutil.copytree(builder.data_path, self.data_path)
        raise OSError("Directory not empty")

    monkeypatch.setattr(glyphs.Glyphs, "download_and_prepare", prepare)
    late = glyphs.builder(tmp_path)
    assert late.info.splits["test"].num_examples == 210
    assert capsys.readouterr().err == f"rendering glyphs into {tmp_path}/glyphs/1.0.0 ...\n"


def test_a_folder_that_cannot_be_written_is_one_clear_line(tmp_path, monkeypatch):
    def prepare(self, **kwargs):
        raise OSError("Read-only file system")

    monkeypatch.setattr(glyphs.Glyphs, "download_and_prepare", prepare)
    with pytest.raises(
        InputError, match=r"^glyphs cannot be written to .* \(Read-only file system\); give a data_dir$"
    ):
        glyphs.builder(tmp_path)


def _only(*features):
    return tfds.decode.PartialDecoding(dict.fromkeys(features, True))
