"""One picture file of any sort -> pixels of an asked size. The only place where pictures are read by Pillow."""

import dataclasses
import io
import struct
import zlib
from typing import NamedTuple

import numpy as np
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from tfgan_zoo import errors
from tfgan_zoo.data import columns
from tfgan_zoo.errors import InputError

FITS = ("crop", "stretch", "pad")
_GREY = ("1", "L", "LA", "I", "I;16", "I;16L", "I;16B", "I;16N", "F")
_FRAMES = ("GIF", "TIFF", "WEBP", "PNG", "AVIF")
_SCALED = ("PPM", "JPEG2000")  # Pillow scales what it reads of these to 16 bits.
_BITS, _LEAST, _MOST, _LEAST_SIGNED, _MOST_SIGNED, _FORMAT = 258, 280, 281, 340, 341, 339  # TIFF tags


class Header(NamedTuple):
    """What a file says of itself before its pixels are read.

    Attributes:
        width, height: as the picture is seen, with its EXIF orientation applied.
        grey: whether it has no colours.
        deep: whether its values are of more than 8 bits, so that black and white have to be known: integers or
            floating-point numbers.
        floating: whether they are floating-point numbers.
        declared: the values of black and white, where the file says so; else None.
        significant: bits that a PNG file of 16 bits says are significant (sBIT), or None. By the PNG specification they
            are the upper ones, scaled to 16; some programs write them as the lower ones.
        frames: whether there are several frames, of which the first is read.
        cut: whether it is a colour picture of 16 bits per channel, of which Pillow reads the upper 8.
    """

    width: int
    height: int
    grey: bool
    deep: bool
    floating: bool
    declared: tuple[float, float] | None
    significant: int | None
    frames: bool
    cut: bool


def read(file, height, width, channels=None, fit="crop", value_range=None, found_range=None):
    """One image file -> uint8 `[height, width, channels]`.

    Args:
        file: a path, the bytes of a file, or a binary file object. Grey, RGB, palette, CMYK, 16-bit, with or without
            transparency and EXIF orientation (which is applied).
        height, width: in pixels. Pictures are scaled bicubically; one that fits is not touched.
        channels: 1, 3 or 4; by default 1 if the file is grey, else 3. With 4 transparency is kept, the last channel
            being opacity; otherwise what is transparent becomes white.
        fit: what to do with another aspect ratio: `crop` keeps the middle, `stretch` keeps all and distorts it, `pad`
            keeps all between white bars (transparent ones, where transparency is kept).
        value_range: (black, white), the values of files of more than 8 bits that become 0 and 255; by default what the
            file's own tags say, else `found_range`.
        found_range: the same, found in the other files of a set; by default 0 to 65535, and floating-point numbers are
            refused.

    Raises:
        Exception: whatever Pillow raises on a file that is not a whole image.
    """
    return _pixels(_fit(_open(file, channels, value_range, found_range), height, width, fit))


def read_ids(file, height, width, fit="crop"):
    """One file of ids -> int32 `[height, width, 1]`, by the nearest pixel.

    Args:
        file: as of `read`. What counts is the number of a pixel: of grey and palette files of 8, 16 or 32 bits their
            values, of colours red * 65536 + green * 256 + blue.
        height, width, fit: as of `read`; the bars of `pad` have the id -1.

    Raises:
        Exception: whatever Pillow raises on a file that is not a whole image.
    """
    with _opened(file) as image:
        image = ImageOps.exif_transpose(image)
        is_number = image.mode in (*_GREY, "P") and image.mode != "LA"
        ids = np.asarray(image if is_number else image.convert("RGB")).astype(np.int32)
    ids = ids if is_number else ids @ np.array([65536, 256, 1], np.int32)
    box, inner = _place(*ids.shape[::-1], height, width, fit)
    # In whole numbers: Pillow's nearest pixel is the one before where two are equally near, by rounding.
    columns, rows = (
        start + (2 * np.arange(size) + 1) * (end - start) // (2 * size)
        for start, end, size in zip(box[:2], box[2:], inner[::-1], strict=True)
    )
    found = np.full([height, width, 1], -1, np.int32)
    top, left = (height - inner[0]) // 2, (width - inner[1]) // 2
    found[top : top + inner[0], left : left + inner[1], 0] = ids[rows[:, None], columns]
    return found


def scaled(pixels, height, width):
    """uint8 `[H, W, C]` in another size, by the filter of `read`: bicubic, widened as it shrinks, on 8 bits."""
    image = Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)
    return _pixels(image.resize((width, height), Image.Resampling.BICUBIC))


def header(file):
    """The `Header` of a path, the bytes of a file or a binary file object. Raises what Pillow raises."""
    with _opened(file) as image:
        width, height = image.size
        raw = image.tile[0][3] if image.tile else ""
        raw = raw[0] if isinstance(raw, tuple) else raw
        # Pillow turns TIFF files itself; of a PNG file without EXIF data before its pixels it would read all of them.
        in_exif = image.format != "TIFF" and (image.format != "PNG" or "exif" in image.info)
        if in_exif and image.getexif().get(ExifTags.Base.Orientation, 1) in (5, 6, 7, 8):
            width, height = height, width
        return Header(
            width=width,
            height=height,
            grey=image.mode in _GREY,
            deep=_is_deep(image),
            floating=image.mode == "F",
            declared=_declared(image),
            significant=_significant(image.fp) if image.format == "PNG" and _is_deep(image) else None,
            frames=image.format in _FRAMES and getattr(image, "is_animated", False),
            cut=not _is_deep(image) and isinstance(raw, str) and ";16" in raw,
        )


def extremes(file):
    """The least and the largest value of a file, of any channel; (nan, nan) where none is finite."""
    with _opened(file) as image:
        values = _values(image)
    values = values[np.isfinite(values)]
    return (float(values.min()), float(values.max())) if values.size else (float("nan"), float("nan"))


def range_of(least, most, floating, significant=None):
    """What is black and white in a set of files of more than 8 bits, by the values in all of them.

    Integers use a whole, even number of bits, 8 or more, as sensors give them: up to 4000 means 4095. Where they do not
    fill half of 8 bits, the largest is white. Of floating-point numbers the largest is white, or 1 where it is near.
    Black is 0, or the least value where that is negative.

    Args:
        least, most: of all files.
        floating: whether any has floating-point numbers.
        significant: how many bits the files say are significant. They are taken for it where nothing is above them.

    Returns:
        (black, white), or None where the values do not tell.
    """
    least, most = min(least, 0.0), float(most)
    if not least < most:
        return None
    if floating:
        return least, 1.0 if 0.5 < most <= 1 else most
    if significant and least == 0 and most < 2**significant:
        return least, float(2**significant - 1)
    if most < 128 or least < 0:
        return least, most
    bits = int(most).bit_length()
    return least, float(2 ** max(8, bits + bits % 2) - 1)


def reason(error):
    """Why a file could not be read, in a few words."""
    if isinstance(error, FileNotFoundError):
        return "missing"
    if isinstance(error, UnidentifiedImageError):
        return "not an image"
    return errors.first_line(error)


@dataclasses.dataclass(frozen=True)
class Pictures:
    """Decodes an item whose every part is a file, or a label: an int."""

    height: int
    width: int
    channels: int | None
    fit: str
    value_range: tuple[float, float] | None = None
    found_range: tuple[float, float] | None = None

    def __call__(self, *parts):
        """Paths or bytes of files, ints -> one array per part."""
        return tuple(
            np.int64(part)
            if isinstance(part, int | np.integer)
            else read(part, self.height, self.width, self.channels, self.fit, self.value_range, self.found_range)
            for part in parts
        )

    def columns(self, names):
        """Column names -> what they are: `label` is a label, all else are pictures."""
        column = columns.picture(self.height, self.width, self.channels)
        return {name: columns.LABEL if name == "label" else column for name in names}

    def examples(self, items):
        """The items of a split -> those that make an example each."""
        return items


@dataclasses.dataclass(frozen=True)
class Halves(Pictures):
    """Decodes a side-by-side A|B file into A and B, or with `swap` into B and A."""

    swap: bool = False

    def __call__(self, file):
        """The path or the bytes of a file -> two arrays."""
        image = _open(file, self.channels, self.value_range, self.found_range)
        width, height = image.size
        if width < 2:
            raise ValueError("one pixel wide: no two halves")
        half = width // 2
        halves = [image.crop((left, 0, left + half, height)) for left in (0, width - half)]
        halves = tuple(_pixels(_fit(x, self.height, self.width, self.fit)) for x in halves)
        return halves[::-1] if self.swap else halves


def png(pixels):
    """uint8 `[H, W, C]`, C of 1, 3 or 4 -> the bytes of a PNG file, in a fraction of the time that Pillow takes.

    Each row is stored as its difference to the one above, without trying PNG's other filters.
    """
    height, width, channels = pixels.shape
    rows = np.full([height, 1 + width * channels], 2, np.uint8)  # The first byte of a row is its filter, 2 is `Up`.
    rows[:, 1:] = np.diff(pixels.reshape(height, -1), axis=0, prepend=np.uint8(0))
    header = struct.pack(">IIBBBBB", width, height, 8, {1: 0, 3: 2, 4: 6}[channels], 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows.tobytes(), 1)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )


def _opened(file):
    return Image.open(io.BytesIO(file) if isinstance(file, bytes) else file)


def _open(file, channels, value_range, found_range):
    with _opened(file) as image:
        grey = image.mode in _GREY
        scale = value_range or _declared(image) or found_range
        if _is_deep(image):
            if image.mode == "F" and scale is None:
                raise ValueError("pixels are floating-point numbers of unknown range; give value_range")
            image = Image.fromarray(_scaled(_values(image), *(scale or (0, 65535))))
        else:
            image = ImageOps.exif_transpose(image)
            if image.has_transparency_data:
                image = image.convert("RGBA")
                if channels == 4:
                    return image
                image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
        if channels == 4:
            return image.convert("RGB").convert("RGBA")
        return image.convert("L" if channels == 1 or (channels is None and grey) else "RGB")


def _is_deep(image):
    return image.mode == "F" or image.mode.startswith("I")


def _values(image):
    """float64 `[H, W]` of a picture of more than 8 bits; `[H, W, C]` of any other."""
    unsigned = image.mode == "I" and _tag(image, _BITS) == 32 and _tag(image, _FORMAT) in (None, 1)
    values = np.asarray(ImageOps.exif_transpose(image))
    if unsigned:  # which Pillow reads as signed
        values = values.astype(np.int32).view(np.uint32)
    return values.astype(np.float64)


def _scaled(values, black, white):
    values = np.nan_to_num((values - black) * 255 / (white - black), nan=0.0, posinf=255.0, neginf=0.0)
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def _declared(image):
    """The values of black and white that a file's own tags give, or None."""
    if not _is_deep(image):
        return None
    if image.format in _SCALED:
        return 0.0, 65535.0
    for least, most in ((_LEAST_SIGNED, _MOST_SIGNED), (_LEAST, _MOST)):
        white = _tag(image, most)
        if white is not None:
            black = _tag(image, least) or 0
            return (float(black), float(white)) if black < white else None
    bits = _tag(image, _BITS)
    # 8, 16 and 32 are what the file stores, not what the values use.
    return (0.0, float(2**bits - 1)) if bits is not None and bits not in (8, 16, 32, 64) else None


def _significant(file):
    """The first number of the chunk sBIT of a PNG file, or None. The file stays where it is."""
    place = file.tell()
    try:
        file.seek(8)
        while len(start := file.read(8)) == 8 and start[4:] not in (b"IDAT", b"IEND"):
            if start[4:] == b"sBIT":
                return file.read(1)[0]
            file.seek(int.from_bytes(start[:4]) + 4, io.SEEK_CUR)
        return None
    finally:
        file.seek(place)


def _tag(image, number):
    """The number that a TIFF tag holds for the first channel, or None."""
    value = image.tag_v2.get(number) if image.format == "TIFF" else None
    return value[0] if isinstance(value, tuple) and value else value


def _fit(image, height, width, fit):
    box, inner = _place(*image.size, height, width, fit)
    picture = _resized(image, *inner, box)
    if picture.size == (width, height):
        return picture
    paper = Image.new(image.mode, (width, height), (255, 255, 255, 0) if image.mode == "RGBA" else "white")
    paper.paste(picture, ((width - picture.width) // 2, (height - picture.height) // 2))
    return paper


def _place(across, down, height, width, fit):
    """What is kept of a picture, (left, top, right, bottom), and the height and width that it is scaled to."""
    if fit == "pad":
        scale = min(width / across, height / down)
        return (0, 0, across, down), (max(1, round(down * scale)), max(1, round(across * scale)))
    if fit == "crop":
        keep = (min(across, max(1, round(down * width / height))), min(down, max(1, round(across * height / width))))
        left, top = (across - keep[0]) // 2, (down - keep[1]) // 2
        return (left, top, left + keep[0], top + keep[1]), (height, width)
    return (0, 0, across, down), (height, width)


def _resized(image, height, width, box):
    if (box[2] - box[0], box[3] - box[1]) == (width, height):
        return image.crop(box)
    return image.resize((width, height), Image.Resampling.BICUBIC, box=box)  # Pillow's filters widen as they shrink.


def _pixels(image):
    pixels = np.asarray(image)
    return pixels[..., None] if pixels.ndim == 2 else pixels


def as_range(text):
    """The flag `--value-range`, `0,4095`, as (0.0, 4095.0); None for no text.

    Raises:
        InputError: no two numbers, the second of which is the larger.
    """
    if not text:
        return None
    try:
        low, high = map(float, text.split(","))
    except ValueError:
        low = high = 0.0
    if not -float("inf") < low < high < float("inf"):
        raise InputError(f"--value-range={text}: expected two numbers, the lower and the higher, as 0,4095")
    return low, high
