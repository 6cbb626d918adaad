"""Glyphs: the characters of the DejaVu fonts in 12 styles, aligned. Rendered on this computer, nothing to download.

The fonts are those inside matplotlib's wheel. Preparing the set takes some ten seconds, once.
"""

import contextlib
import functools
import hashlib
import io
import os
import pathlib
import string
import sys
import unicodedata

import matplotlib
import numpy as np
import tensorflow_datasets as tfds
from matplotlib import ft2font
from PIL import Image, ImageDraw, ImageFont

from tfgan_zoo.errors import InputError

_FONTS = {
    "sans": "DejaVuSans",
    "sans_bold": "DejaVuSans-Bold",
    "sans_oblique": "DejaVuSans-Oblique",
    "sans_bold_oblique": "DejaVuSans-BoldOblique",
    "sans_mono": "DejaVuSansMono",
    "sans_mono_bold": "DejaVuSansMono-Bold",
    "sans_mono_oblique": "DejaVuSansMono-Oblique",
    "sans_mono_bold_oblique": "DejaVuSansMono-BoldOblique",
    "serif": "DejaVuSerif",
    "serif_bold": "DejaVuSerif-Bold",
    "serif_italic": "DejaVuSerif-Italic",
    "serif_bold_italic": "DejaVuSerif-BoldItalic",
}
STYLES = tuple(_FONTS)
LETTERS = tuple(string.ascii_uppercase)
LICENCE = "DejaVu fonts licence (Bitstream Vera derived, free); DejaVu's changes are in the public domain"

_SIZE = 64
_BASELINE = 46  # Glyphs rise at most 45 pixels above it and fall at most 16 below: a row of paper stays free.
_FONT_SIZE = 40
_CATEGORIES = tuple(
    major + minor
    for major, *minors in ("Ccfnos", "Llmotu", "Mcen", "Ndlo", "Pcdefios", "Sckmo", "Zlps")
    for minor in minors
)


class Glyphs(tfds.core.GeneratorBasedBuilder):
    """One example = one character: its picture in each style of `STYLES`, and what Unicode says about it.

    A picture is `[64, 64, 1]` uint8, black ink (0) on white paper (255), anti-aliased. All 12 pictures of a character
    have the same font size and the same baseline, and each is centred on its ink from left to right, so that pictures
    of two styles can be compared pixel by pixel. The outermost pixels are always paper.

    Further features: `code_point`; `name`, Unicode's (a caption); `script`, the first word of the name (LATIN, GREEK,
    ...); `category`, Unicode's general category; `letter`, the class A to Z of a Latin letter whatever its case and
    accents (by canonical decomposition), -1 for any other character.

    Characters that all 12 fonts have and draw with ink: 2,364. A hash of the code point puts about a tenth of them in
    `test`, so no character is in both splits. Examples are in the order of code points.
    """

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "12 styles of the DejaVu fonts at 64x64."}

    def _info(self):
        pictures = {style: tfds.features.Image(shape=(_SIZE, _SIZE, 1), dtype=np.uint8) for style in STYLES}
        return tfds.core.DatasetInfo(
            builder=self,
            description="The characters of the DejaVu fonts in 12 aligned styles, black on white, 64x64.",
            features=tfds.features.FeaturesDict(
                {
                    **pictures,
                    "code_point": np.int64,
                    "name": tfds.features.Text(),
                    "script": tfds.features.Text(),
                    "category": tfds.features.ClassLabel(names=_CATEGORIES),
                    "letter": tfds.features.ClassLabel(names=LETTERS),
                }
            ),
            homepage="https://dejavu-fonts.github.io",
            license=LICENCE,
            disable_shuffling=True,
        )

    def _split_generators(self, dl_manager):
        del dl_manager  # Nothing is downloaded.
        characters = common_characters()
        return {
            "train": self._generate_examples([c for c in characters if not held_out(c)]),
            "test": self._generate_examples([c for c in characters if held_out(c)]),
        }

    def _generate_examples(self, characters):
        for character in characters:
            name = unicodedata.name(character)
            yield (
                ord(character),
                {
                    **render(character),
                    "code_point": ord(character),
                    "name": name,
                    "script": name.split()[0],
                    "category": unicodedata.category(character),
                    "letter": letter(character),
                },
            )


def builder(data_dir=None):
    """The prepared `Glyphs` builder; renders the set first if `data_dir` (by default TFDS's own) does not hold it."""
    glyphs = Glyphs(data_dir=data_dir)
    if glyphs.data_path.exists():
        return glyphs
    print(f"rendering glyphs into {glyphs.data_dir} ...", file=sys.stderr)
    tfds.disable_progress_bar()
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            glyphs.download_and_prepare(download_config=tfds.download.DownloadConfig(try_download_gcs=False))
    except OSError as error:
        # TFDS renames a finished folder into place, which fails when another process has done so meanwhile.
        glyphs = Glyphs(data_dir=data_dir)
        if not glyphs.data_path.exists():
            raise InputError(f"glyphs cannot be written to {glyphs.data_dir} ({error}); give a data_dir") from None
    finally:
        tfds.enable_progress_bar()
    return glyphs


def common_characters():
    """The characters that all 12 fonts have and draw with ink, as a list of strings in the order of code points."""
    charmaps = [set(ft2font.FT2Font(path).get_charmap()) for path in _font_paths()]
    return [chr(c) for c in sorted(set.intersection(*charmaps)) if _has_ink(chr(c))]


def held_out(character):
    """Whether a character belongs to the test split: a fixed choice of about one in ten."""
    return hashlib.sha256(str(ord(character)).encode()).digest()[0] % 10 == 0


def letter(character):
    """The class 0 to 25 of a Latin letter, case and accents aside; -1 for anything else."""
    base, *accents = unicodedata.normalize("NFD", character)
    if base in string.ascii_letters and all(unicodedata.combining(accent) for accent in accents):
        return LETTERS.index(base.upper())
    return -1


def render(character):
    """The pictures of one character: style -> uint8 `[64, 64, 1]`."""
    size = _FONT_SIZE
    while not _fits(boxes := [font.getbbox(character, anchor="ls") for font in _fonts(size)]):
        size -= 1
    pictures = {}
    for style, font, (left, _, right, _) in zip(STYLES, _fonts(size), boxes, strict=True):
        picture = Image.new("L", (_SIZE, _SIZE), 255)
        origin = (_SIZE - left - right) // 2
        ImageDraw.Draw(picture).text((origin, _BASELINE), character, font=font, fill=0, anchor="ls")
        pictures[style] = np.asarray(picture)[..., None]
    return pictures


def _fits(boxes):
    # A pixel of paper on every side.
    return all(
        right - left <= _SIZE - 2 and _BASELINE + top >= 1 and _BASELINE + bottom <= _SIZE - 1
        for left, top, right, bottom in boxes
    )


def _has_ink(character):
    boxes = [font.getbbox(character, anchor="ls") for font in _fonts(_FONT_SIZE)]
    return all(right > left and bottom > top for left, top, right, bottom in boxes)


@functools.cache
def _fonts(size):
    # The basic layout engine needs no system library, so every computer draws the same.
    return [ImageFont.truetype(path, size, layout_engine=ImageFont.Layout.BASIC) for path in _font_paths()]


def _font_paths():
    folder = pathlib.Path(matplotlib.get_data_path(), "fonts", "ttf")
    paths = [os.fspath(folder / f"{font}.ttf") for font in _FONTS.values()]
    missing = [path for path in paths if not os.path.exists(path)]
    if missing:
        raise InputError(f"glyphs needs the DejaVu fonts of matplotlib's wheel, but {missing[0]} is not there")
    return paths
