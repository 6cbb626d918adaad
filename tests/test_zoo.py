"""The page of the zoo is made of the lines of its runs, and keeps what was written by hand."""

import dataclasses
import importlib
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks import zoo as module

ROOT = Path(__file__).resolve().parent.parent
LINE = {
    "family": "gan", "seed": 0, "commit": "0123456789", "device": "a machine", "precision": "float32", "seconds": 90.0,
    "steps": 1000, "batch_size": 64, "image_size": "16", "parameters": 1_500_000, "bytes": 2_000_000, "flags": [],
    "scores": {"FD": 8.0, "KID": 1.0, "precision": 0.5, "recall": 0.25, "density": 1.0, "coverage": 0.75},
    "held_out": {},
}  # fmt: skip


@pytest.fixture
def zoo(tmp_path, monkeypatch):
    text = module.PAGE.read_text(encoding="utf-8")
    for name, path in {"LINES": "zoo.jsonl", "PAGE": "zoo.md", "PICTURES": ""}.items():
        monkeypatch.setattr(module, name, tmp_path / path)
    module.PAGE.write_text(text[: text.index(module.MARK) + len(module.MARK)] + "\n", encoding="utf-8")
    return module


def written(zoo, out, *lines):
    zoo.LINES.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    zoo.write_page(zoo.families(), out)
    return zoo.PAGE.read_text(encoding="utf-8")


def test_the_zoo_has_every_family_of_the_readme():
    assert sorted(module.families()) == sorted(path.stem for path in (ROOT / "recipes").glob("*.py"))


def test_families_that_learn_black_and_white_pictures_are_scored_against_such():
    configs = {stem: importlib.import_module(f"recipes.{stem}").PRESETS["default"] for stem in module.families()}
    found = {stem for stem, config in configs.items() if module.learns_black_and_white(dataclasses.asdict(config))}
    assert found == {"bgan", "pixel_cnn", "pixel_vae", "pixel_gan"}


def test_a_family_is_a_row_of_means_over_its_runs(zoo, tmp_path):
    other = LINE | {"seed": 1, "seconds": 30.0, "scores": LINE["scores"] | {"FD": 10.0}}
    pix2pix = LINE | {"family": "pix2pix", "scores": {}, "held_out": {"l1": 0.04, "l1_identity": 0.08}}
    page = written(zoo, tmp_path, pix2pix, LINE, other)
    gan = "| GAN | 2 at 0123456 | 1 (0.5 to 1.5) | 1,000 of 64 | 1.50 M | 2.0 | 9 (8 to 10) | 1 (1 to 1)"
    assert page.index(gan) < page.index("| pix2pix | 1 at 0123456 | 1.5 |")  # in the order of the README
    assert "|  |  |  |  |  | l1 0.04, l1_identity 0.08 |  |" in page


def test_what_was_written_by_hand_stays(zoo, tmp_path):
    page = written(zoo, tmp_path, LINE)
    zoo.PAGE.write_text(page.replace("0.75 |  |  |", "0.75 |  | most are letters |"), encoding="utf-8")
    page = written(zoo, tmp_path, LINE, LINE | {"seed": 1})
    assert page.count("| GAN |") == 1 and "| most are letters |" in page and "| 2 at 0123456 |" in page


def test_the_sheet_shows_the_pictures_of_the_families_and_the_last_grid_of_a_run_is_its_familys(zoo, tmp_path):
    sheet = tmp_path / zoo.SHEET
    written(zoo, tmp_path, LINE, LINE | {"family": "dcgan"})
    assert not sheet.exists()
    Image.new("L", (30, 30), 0).save(tmp_path / "dcgan.png")  # of a run that was made elsewhere
    for seed, grey in enumerate([100, 200]):
        (tmp_path / f"runs/gan-{seed}").mkdir(parents=True)
        Image.new("L", (40, 60), grey).save(tmp_path / f"runs/gan-{seed}/samples.png")
    written(zoo, tmp_path, LINE, LINE | {"seed": 1}, LINE | {"family": "dcgan"})
    assert Image.open(tmp_path / "gan.png").getpixel((0, 0)) == 100
    shown = np.array(Image.open(sheet).convert("L"))
    assert shown.shape[1] > 500 and (shown < 50).mean() > 0.02 and not (tmp_path / "lsgan.png").exists()
