import io

import numpy as np
import pytest
from PIL import Image
from sample_data import BLUE, GREEN, RED, WHITE, save

from tfgan_zoo.data import decoding


def grey_16_bit(path, value):
    Image.fromarray(np.full((4, 4), value, np.uint16)).save(path)


def palette(path, **options):
    image = Image.new("P", (4, 4), 1)
    image.putpalette([0, 0, 0, *GREEN])
    image.save(path, **options)


SORTS = {
    "grey.png": (lambda p: save(p, 4, 4, color=77), 77),
    "bits.png": (lambda p: save(p, 4, 4, mode="1", color=1), 255),
    "grey_alpha.png": (lambda p: save(p, 4, 4, mode="LA", color=(0, 0)), 255),
    "grey_half_alpha.png": (lambda p: save(p, 4, 4, mode="LA", color=(0, 51)), 204),
    "grey_16.png": (lambda p: grey_16_bit(p, 77 * 257), 77),
    "grey_16_white.png": (lambda p: grey_16_bit(p, 65535), 255),
    "grey_16.tif": (lambda p: grey_16_bit(p, 128 * 257 + 100), 128),
    "rgb.png": (lambda p: save(p, 4, 4, mode="RGB", color=(10, 20, 30)), (10, 20, 30)),
    "rgb.BMP": (lambda p: save(p, 4, 4, mode="RGB", color=(10, 20, 30)), (10, 20, 30)),
    "rgb.tiff": (lambda p: save(p, 4, 4, mode="RGB", color=(10, 20, 30)), (10, 20, 30)),
    "rgb.webp": (lambda p: save(p, 4, 4, mode="RGB", color=(10, 20, 30), lossless=True), (10, 20, 30)),
    "rgba_clear.png": (lambda p: save(p, 4, 4, mode="RGBA", color=(9, 9, 9, 0)), WHITE),
    "rgba_solid.png": (lambda p: save(p, 4, 4, mode="RGBA", color=(10, 20, 30, 255)), (10, 20, 30)),
    "rgb_key.png": (lambda p: save(p, 4, 4, mode="RGB", color=RED, transparency=RED), WHITE),
    "palette.png": (palette, GREEN),
    "palette.gif": (palette, GREEN),
    "palette_clear.png": (lambda p: palette(p, transparency=1), WHITE),
    "cmyk.tif": (lambda p: save(p, 4, 4, mode="CMYK", color=(0, 255, 255, 0)), RED),
}


@pytest.mark.parametrize("name", SORTS)
def test_a_file_of_any_sort_becomes_grey_or_rgb(tmp_path, name):
    write, expected = SORTS[name]
    write(tmp_path / name)
    pixels = decoding.read(tmp_path / name, 4, 4)
    assert pixels.dtype == np.uint8 and pixels.shape == (4, 4, 1 if isinstance(expected, int) else 3)
    assert decoding.channels_of(tmp_path / name) == pixels.shape[-1]
    np.testing.assert_array_equal(pixels, np.broadcast_to(expected, pixels.shape))
    assert decoding.read(tmp_path / name, 4, 4, 1).shape == (4, 4, 1)
    np.testing.assert_array_equal(decoding.read(tmp_path / name, 4, 4, 3), np.broadcast_to(expected, (4, 4, 3)))
    assert decoding.read(tmp_path / name, 4, 4, 4).shape == (4, 4, 4)


@pytest.mark.parametrize(
    "mode, color, expected",
    [
        ("RGBA", (10, 20, 30, 40), (10, 20, 30, 40)),
        ("RGB", (10, 20, 30), (10, 20, 30, 255)),
        ("L", 77, (77, 77, 77, 255)),
        ("LA", (77, 5), (77, 77, 77, 5)),
        ("CMYK", (0, 255, 255, 0), (255, 0, 0, 255)),
    ],
)
def test_four_channels_keep_transparency(tmp_path, mode, color, expected):
    save(tmp_path / "x.tif", 4, 4, mode=mode, color=color)
    np.testing.assert_array_equal(decoding.read(tmp_path / "x.tif", 4, 4, 4), np.broadcast_to(expected, (4, 4, 4)))


def test_exif_orientation_is_applied(tmp_path):
    image = Image.new("RGB", (16, 16), RED)
    image.paste(BLUE, (0, 0, 16, 8))  # Blue above red; orientation 6 turns it clockwise: blue to the right.
    exif = Image.Exif()
    exif[0x0112] = 6
    image.save(tmp_path / "turned.png", exif=exif)
    pixels = decoding.read(tmp_path / "turned.png", 16, 16)
    assert tuple(pixels[8, 2]) == RED and tuple(pixels[8, 13]) == BLUE


def test_paths_bytes_and_file_objects_are_read_alike(tmp_path):
    save(tmp_path / "x.png", 5, 4, color=9)
    data = (tmp_path / "x.png").read_bytes()
    for file in (tmp_path / "x.png", str(tmp_path / "x.png"), data, io.BytesIO(data)):
        np.testing.assert_array_equal(decoding.read(file, 4, 4), np.full((4, 4, 1), 9))


def noise(path, height, width):
    pixels = np.random.default_rng(0).integers(0, 256, (height, width), dtype=np.uint8)
    Image.fromarray(pixels).save(path)
    return path, pixels


@pytest.mark.parametrize(
    "made, asked, part",
    [
        ((8, 13), (8, 8), np.s_[:, 2:10]),
        ((13, 8), (8, 8), np.s_[2:10]),
        ((8, 13), (8, 4), np.s_[:, 4:8]),
        ((13, 8), (4, 8), np.s_[4:8]),
        ((6, 9), (6, 9), np.s_[:]),
    ],
)
def test_a_fitting_side_is_cropped_in_the_middle_and_not_resized(tmp_path, made, asked, part):
    path, pixels = noise(tmp_path / "x.png", *made)
    np.testing.assert_array_equal(decoding.read(path, *asked)[..., 0], pixels[part])


def test_other_aspect_ratios_are_cropped_stretched_or_padded(tmp_path):
    image = Image.new("RGB", (16, 8), RED)
    image.paste(BLUE, (8, 0, 16, 8))
    image.save(tmp_path / "x.png")
    red_blue = np.array([RED] * 2 + [BLUE] * 2)
    crop, stretch = (decoding.read(tmp_path / "x.png", 8, 8, fit=fit) for fit in ("crop", "stretch"))
    np.testing.assert_array_equal(crop, np.broadcast_to(np.repeat(red_blue, 2, 0), (8, 8, 3)))
    np.testing.assert_array_equal(stretch[:, [0, 1, 6, 7]], np.broadcast_to(red_blue, (8, 4, 3)))
    pad = decoding.read(tmp_path / "x.png", 16, 16, fit="pad")
    np.testing.assert_array_equal(pad[[0, 3, 12, 15]], np.full((4, 16, 3), 255))
    np.testing.assert_array_equal(pad[4:12], np.asarray(image))
    bars = decoding.read(tmp_path / "x.png", 16, 16, 4, "pad")[0, 0]
    np.testing.assert_array_equal(bars, [255, 255, 255, 0])
    assert decoding.read(tmp_path / "x.png", 16, 16, 1, "pad")[0, 0] == 255


def test_shrinking_averages_and_growing_keeps_a_flat_image(tmp_path):
    checks = np.indices((64, 64)).sum(0) % 2 * 255
    Image.fromarray(checks.astype(np.uint8)).save(tmp_path / "checks.png")
    np.testing.assert_allclose(decoding.read(tmp_path / "checks.png", 8, 8), 127.5, atol=1)
    save(tmp_path / "small.png", 3, 2, color=99)
    np.testing.assert_array_equal(decoding.read(tmp_path / "small.png", 16, 16), np.full((16, 16, 1), 99))


def test_png_bytes_hold_the_pixels(tmp_path):
    for channels in (1, 3, 4):
        pixels = np.random.default_rng(0).integers(0, 256, (5, 7, channels), dtype=np.uint8)
        np.testing.assert_array_equal(decoding.read(decoding.png(pixels), 5, 7, channels), pixels)
