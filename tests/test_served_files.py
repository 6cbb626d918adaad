"""Picture files in a graph: the pixels are those that the training data gets of the same files."""

import io
import json
import struct
import zlib

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from serving.models import small

from tfgan_zoo import served_files, signatures
from tfgan_zoo.data import decoding
from tfgan_zoo.errors import InputError
from tfgan_zoo.export import export

LEVELS = 3  # of 255, the most that a pixel may differ from Pillow's
HEIGHT, WIDTH = 16, 24


def photo(height, width, channels=3):
    """Soft colours with some noise: what a photograph is to a filter."""
    rng = np.random.default_rng(0)
    coarse = Image.fromarray(rng.integers(0, 256, [8, 8, channels], np.uint8).squeeze())
    soft = np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC), int).reshape(height, width, channels)
    return Image.fromarray(np.clip(soft + rng.integers(-8, 9, soft.shape), 0, 255).astype(np.uint8).squeeze())


def encoded(image, kind="PNG", **options):
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def turned(orientation, order="MM"):
    """EXIF data of a camera; `order` of its bytes: MM is big-endian."""
    number = struct.Struct(">HHIHH" if order == "MM" else "<HHIHH")
    whole = struct.Struct(">HIH" if order == "MM" else "<HIH")
    entries = [number.pack(0x0100, 3, 1, 6, 0), number.pack(0x0112, 3, 1, orientation, 0)]
    return b"Exif\0\0" + order.encode() + whole.pack(42, 8, len(entries)) + b"".join(entries) + bytes(4)


def keyed():
    """A transparent colour instead of opacity: red and blue halves, of which red is not seen."""
    image = Image.new("RGB", (40, 30), "red")
    image.paste("blue", (20, 0, 40, 30))
    return encoded(image, transparency=(255, 0, 0))


FILES = {
    **{f"jpeg_turned_{i}": encoded(photo(31, 52), "JPEG", exif=turned(i), quality=92) for i in range(1, 9)},
    **{f"png_turned_{i}": encoded(photo(31, 52), exif=turned(i)) for i in (3, 6, 8)},
    "little_endian": encoded(photo(31, 52), "JPEG", exif=turned(6, "II")),
    "no_orientation": encoded(photo(31, 52), "JPEG", exif=turned(9)),
    "transparent": encoded(photo(40, 33, 4)),
    "grey_alpha": encoded(photo(40, 33, 4).convert("LA")),
    "palette": encoded(photo(33, 40).quantize(16)),
    "palette_of_4": encoded(photo(33, 40).quantize(4), bits=2),
    "palette_keyed": encoded(photo(33, 40).quantize(16), transparency=3),
    "keyed": keyed(),
    "sixteen_bits": encoded(Image.fromarray(np.asarray(photo(30, 41, 1)).astype(np.uint16) * 257 - 100)),
    "one_bit": encoded(photo(40, 50, 1).convert("1")),
    "wide": encoded(photo(20, 90)),
    "tall": encoded(photo(90, 20), "JPEG"),
    "cmyk": encoded(photo(40, 40).convert("CMYK"), "JPEG", quality=95),
    "grey": encoded(photo(40, 50, 1)),
    "grey_jpeg": encoded(photo(40, 50, 1), "JPEG"),
    "progressive": encoded(photo(40, 50), "JPEG", progressive=True),
    "of_that_size": encoded(photo(HEIGHT, WIDTH)),
    "transparent_of_that_size": encoded(photo(HEIGHT, WIDTH, 4)),
    "small": encoded(photo(3, 4)),
}


def interlaced(image):
    """A PNG file in Adam7's seven passes, which Pillow does not write."""
    pixels = np.asarray(image)
    height, width, channels = pixels.shape
    passes = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)]
    rows = b""
    for top, left, down, across in passes:
        part = pixels[top::down, left::across]
        rows += b"".join(b"\0" + row.tobytes() for row in part if row.size)
    return png_of(width, height, rows, colour={3: 2, 4: 6}[channels], interlaced=1)


def png_of(width, height, rows, colour=2, interlaced=0):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, colour, 0, 0, interlaced)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


FILES["interlaced"] = interlaced(photo(40, 33))


@pytest.mark.parametrize("fit", served_files.FITS)
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_the_pixels_of_a_file_of_any_sort_are_those_of_the_training_data(channels, fit):
    spec = [tf.TensorSpec([None], tf.string)]
    read = tf.function(lambda x: served_files.read(x, HEIGHT, WIDTH, channels, fit), spec, autograph=False)
    for name, picture in zip(FILES, read(tf.constant(list(FILES.values()))).numpy(), strict=True):
        expected = decoding.read(FILES[name], HEIGHT, WIDTH, channels, fit).astype(float)
        made = picture * 127.5 + 127.5
        if channels == 4:  # the colour of what is hardly seen is hardly known
            for pixels in (made, expected):
                pixels[..., :3] *= expected[..., 3:] / 255
        assert expected.std() > 8
        np.testing.assert_allclose(made, expected, atol=LEVELS, err_msg=name)


def test_an_export_of_one_size_reads_files_as_its_training_did(tmp_path, monkeypatch):
    monkeypatch.setattr(signatures, "any_size", lambda network: None)
    shape = (HEIGHT, WIDTH, 3)
    model = small("pix2pix", shape)
    names = ["jpeg_turned_6", "transparent", "wide", "palette", "cmyk", "interlaced"]
    for fit in ("crop", "pad"):
        path = export(model, tmp_path / "pix2pix", {"config": {"fit": fit}})
        metadata = json.loads((path / "metadata.json").read_text(encoding="utf-8"))
        assert metadata["picture_files"] == {"fit": fit, "max_pixels": 50_000_000}
        served = tf.saved_model.load(str(path)).signatures
        files = served["translate_bytes"](image_bytes=tf.constant([FILES[name] for name in names]))["generated_bytes"]
        pixels = np.stack([decoding.read(FILES[name], *shape, fit) for name in names])
        expected = served["serving_default"](image=tf.constant(pixels / 127.5 - 1.0, tf.float32))["generated"]
        made = np.stack([tf.io.decode_png(file) for file in files.numpy()])
        np.testing.assert_allclose(made, expected * 127.5 + 127.5, atol=2 * LEVELS)
    assert "framed with white; 50,000,000 pixels or less" in (path / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_a_picture_that_says_that_it_is_large_is_refused_before_it_is_decoded(tmp_path, kind):
    bomb = encoded(photo(3, 4), kind)  # of 20,000 x 20,000, it says
    if kind == "PNG":
        bomb = bomb[:16] + struct.pack(">II", 20_000, 20_000) + bomb[24:]
    else:
        frame = bomb.index(b"\xff\xc0")
        bomb = bomb[: frame + 5] + struct.pack(">HH", 20_000, 20_000) + bomb[frame + 9 :]
    with pytest.raises(tf.errors.InvalidArgumentError, match="must hold 50000000 pixels or less in all"):
        served_files.read(tf.constant([bomb]), 8, 8, 3)
    path = export(small("pix2pix"), tmp_path / "pix2pix", max_pixels=100)
    translate = tf.saved_model.load(str(path)).signatures["translate_bytes"]
    one = encoded(photo(10, 5), kind)
    assert translate(image_bytes=tf.constant([one, one]))["generated_bytes"].shape == [2]
    for many in ([one, one, encoded(photo(1, 1), kind)], [bomb]):
        with pytest.raises(tf.errors.InvalidArgumentError, match="image_bytes must hold 100 pixels or less in all"):
            translate(image_bytes=tf.constant(many))


def test_sizes_that_no_picture_has_are_refused_and_do_not_add_up_to_a_small_number():
    file = encoded(photo(3, 4))
    endless = file[:16] + b"\xff" * 8 + file[24:]
    with pytest.raises(tf.errors.InvalidArgumentError, match="pixels or less"):
        served_files.read(tf.constant([endless] * 8), 8, 8, 3)
    empty = file[:16] + bytes(8) + file[24:]
    with pytest.raises(tf.errors.InvalidArgumentError, match="image_bytes must be PNG or JPEG files"):
        served_files.read(tf.constant([empty]), 8, 8, 3)


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_a_file_in_its_own_size_has_the_pixels_of_the_training_data(channels):
    files, headers = served_files.headers_of(tf.constant(list(FILES.values())))
    for name, file, header in zip(FILES, files, headers, strict=True):
        picture = served_files.read_one(file, header, channels).numpy()
        height, width = picture.shape[:2]
        assert [height, width] == [int(side) for side in served_files.size_of(header)]
        told = decoding.header(FILES[name])
        assert (width, height) == (told.width, told.height), name
        expected = decoding.read(FILES[name], height, width, channels)
        np.testing.assert_allclose(picture * 127.5 + 127.5, expected, atol=LEVELS, err_msg=name)


@pytest.mark.parametrize(
    "content",
    [b"", b"GIF89a, it says", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe1\0\0" * 9,
     b"\xff\xd8" + b"\xff" * 9000, encoded(photo(9, 9), "BMP"), encoded(photo(9, 9), "GIF")],
)  # fmt: skip
def test_what_is_no_png_or_jpeg_file_is_refused(content):
    with pytest.raises(tf.errors.InvalidArgumentError, match="image_bytes must be PNG or JPEG files"):
        served_files.read(tf.constant([content]), 8, 8, 3)


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_a_file_cut_short_is_refused(kind):
    file = encoded(photo(40, 50), kind)
    for length in (30, len(file) // 2):
        with pytest.raises(tf.errors.InvalidArgumentError):
            served_files.read(tf.constant([file[:length]]), 8, 8, 3)


def test_exif_data_that_is_damaged_is_no_orientation():
    plain = served_files.read(tf.constant([encoded(photo(31, 52), "JPEG")]), 8, 8, 3)
    for exif in (b"Exif\0\0", b"Exif\0\0MM\0*\0\0\0\x08\xff\xff", b"Exif\0\0II*\0\xff\xff\xff\xff"):
        picture = served_files.read(tf.constant([encoded(photo(31, 52), "JPEG", exif=exif)]), 8, 8, 3)
        np.testing.assert_array_equal(picture, plain)


def test_settings_that_cannot_be_are_refused(tmp_path):
    assert served_files.FITS == decoding.FITS
    with pytest.raises(ValueError, match="fit is 'shrink'; give crop, stretch, pad"):
        served_files.read(tf.constant([b""]), 8, 8, 3, "shrink")
    with pytest.raises(InputError, match="fit is 'shrink'; give crop, stretch, pad"):
        export(small("points"), tmp_path / "gan", fit="shrink")
    with pytest.raises(InputError, match="max_pixels is 0; give 1 or more"):
        export(small("points"), tmp_path / "gan", max_pixels=0)
