import io
import struct

import numpy as np
import pytest
from PIL import Image, TiffImagePlugin
from sample_data import BLUE, GREEN, RED, WHITE, png_16_bit, save

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
    assert decoding.header(tmp_path / name).grey == isinstance(expected, int)
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


# ---------------------------------------------------------------------------------------------------------------------
# More than 8 bits


def deep(path, values, **tags):
    """A file of one row. Tags: number -> value."""
    image = Image.fromarray(np.asarray(values)[None])
    info = TiffImagePlugin.ImageFileDirectory_v2()
    for number, value in tags.pop("tags", {}).items():
        info[number] = value
    image.save(path, **({"tiffinfo": info} if info else {}))
    return path


def row(path, **how):
    return decoding.read(path, 1, decoding.header(path).width, **how)[0, :, 0].tolist()


@pytest.mark.parametrize("dtype", [np.uint16, np.int32, np.float32])
def test_an_asked_or_found_range_becomes_black_to_white_and_what_is_outside_is_cut_off(tmp_path, dtype):
    path = deep(tmp_path / "x.tif", np.array([0, 100, 2100, 4100, 5000], dtype))
    header = decoding.header(path)
    assert header.deep and header.grey and header.floating == (dtype == np.float32) and header.declared is None
    assert decoding.extremes(path) == (0, 5000)
    # (2100 - 100) / 4000 * 255 = 127.5, rounded to the even 128
    assert row(path, value_range=(100, 4100)) == row(path, found_range=(100, 4100)) == [0, 0, 128, 255, 255]
    assert row(path, value_range=(100, 4100), found_range=(0, 9)) == [0, 0, 128, 255, 255]


def test_without_a_range_16_bits_are_taken_and_floating_point_numbers_refused(tmp_path):
    assert row(deep(tmp_path / "x.png", np.array([0, 257, 65535], np.uint16))) == [0, 1, 255]
    with pytest.raises(ValueError, match="floating-point numbers of unknown range; give value_range"):
        row(deep(tmp_path / "x.tif", np.array([0, 1], np.float32)))


def test_a_range_in_the_tags_of_a_file_goes_before_what_is_found_but_not_before_what_is_asked(tmp_path):
    path = deep(tmp_path / "x.tif", np.array([0, 50, 1050], np.uint16), tags={280: 50, 281: 1050})
    assert decoding.header(path).declared == (50, 1050)
    assert row(path, found_range=(0, 65535)) == [0, 0, 255]
    assert row(path, value_range=(0, 2550)) == [0, 5, 105]
    path = deep(tmp_path / "y.tif", np.array([0.0, 0.25, 0.5], np.float32), tags={340: 0.0, 341: 0.5})
    assert row(path) == [0, 128, 255]


def test_twelve_bits_packed_in_a_tiff_are_known_by_its_tag(tmp_path):
    packed = bytes([0x00, 0x0F, 0xFF])  # 0 and 4095
    entries = [(256, 2), (257, 1), (258, 12), (259, 1), (262, 1), (273, 8), (277, 1), (278, 1), (279, 3)]
    directory = struct.pack("<H", len(entries)) + b"".join(struct.pack("<HHIHH", t, 3, 1, v, 0) for t, v in entries)
    (tmp_path / "x.tif").write_bytes(b"II*\0" + struct.pack("<I", 12) + packed + b"\0" + directory + b"\0\0\0\0")
    assert decoding.header(tmp_path / "x.tif").declared == (0, 4095)
    assert row(tmp_path / "x.tif") == [0, 255]


def test_pillow_scales_portable_greymaps_by_their_own_largest_value(tmp_path):
    (tmp_path / "x.pgm").write_bytes(b"P5 2 1 4095\n" + struct.pack(">HH", 2048, 4095))
    assert decoding.header(tmp_path / "x.pgm").declared == (0, 65535)
    assert row(tmp_path / "x.pgm", found_range=(0, 4095)) == [128, 255]


def test_significant_bits_of_a_png_are_taken_where_nothing_is_above_them(tmp_path):
    (tmp_path / "x.png").write_bytes(png_16_bit(600, significant=12))
    header = decoding.header(tmp_path / "x.png")
    assert (header.significant, header.declared) == (12, None)
    assert decoding.header(deep(tmp_path / "y.png", np.array([600], np.uint16))).significant is None
    assert decoding.range_of(0, 600, False, 12) == (0, 4095) and decoding.range_of(0, 600, False) == (0, 1023)
    assert decoding.range_of(0, 65520, False, 12) == (0, 65535)  # scaled, as the specification has it
    assert decoding.read(tmp_path / "x.png", 1, 1, found_range=(0, 1200)).item() == 128


def test_unsigned_32_bits_are_not_read_as_negative_and_signed_ones_are(tmp_path):
    path = deep(tmp_path / "x.tif", np.array([0, -1], np.int32))
    assert decoding.extremes(path) == (-1, 0)
    data = path.read_bytes()
    entry = struct.pack("<HHIHH", 339, 3, 1, 2, 0)
    assert data.count(entry) == 1
    path.write_bytes(data.replace(entry, struct.pack("<HHIHH", 339, 3, 1, 1, 0)))
    assert decoding.extremes(path) == (0, 2**32 - 1)


def test_numbers_that_are_not_finite_are_black_or_white(tmp_path):
    path = deep(tmp_path / "x.tif", np.array([np.nan, -np.inf, 1, 2, np.inf], np.float32))
    assert decoding.extremes(path) == (1, 2) and row(path, value_range=(0, 2)) == [0, 0, 128, 255, 255]
    assert np.isnan(decoding.extremes(deep(tmp_path / "y.tif", np.array([np.nan], np.float32)))).all()


@pytest.mark.parametrize(
    "least, most, floating, expected",
    [
        (0, 255, False, (0, 255)),
        (7, 200, False, (0, 255)),
        (0, 1, False, (0, 1)),
        (0, 100, False, (0, 100)),
        (3, 256, False, (0, 1023)),
        (0, 4000, False, (0, 4095)),
        (0, 60000, False, (0, 65535)),
        (0, 20000, False, (0, 65535)),
        (0, 70000, False, (0, 2**18 - 1)),
        (-1024, 3071, False, (-1024, 3071)),
        (0, 0, False, None),
        (0, 0.9, True, (0, 1)),
        (0.1, 0.3, True, (0, 0.3)),
        (5, 254.5, True, (0, 254.5)),
        (-1, 1, True, (-1, 1)),
        (0, 0, True, None),
    ],
)
def test_the_range_of_a_set_is_that_of_whole_bits(least, most, floating, expected):
    assert decoding.range_of(least, most, floating) == expected


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_orientation_turns_deep_pictures_as_it_turns_others(tmp_path, orientation, suffix):
    pixels = np.arange(6, dtype=np.uint8).reshape(2, 3) * 40
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(pixels).save(tmp_path / f"8.{suffix}", exif=exif)
    Image.fromarray(pixels.astype(np.uint16) * 257).save(tmp_path / f"16.{suffix}", exif=exif)
    size = (3, 2) if orientation >= 5 else (2, 3)
    eight, sixteen = (decoding.read(tmp_path / f"{n}.{suffix}", *size) for n in (8, 16))
    np.testing.assert_array_equal(eight, sixteen)
    header = decoding.header(tmp_path / f"16.{suffix}")
    assert (header.height, header.width) == size


def test_a_header_says_that_there_are_frames_and_that_colours_are_cut(tmp_path):
    frames = [Image.new("L", (4, 4), i) for i in (0, 255)]
    for name in ("x.gif", "x.tif", "x.webp"):
        frames[0].save(tmp_path / name, save_all=True, append_images=frames[1:])
        assert decoding.header(tmp_path / name).frames
    save(tmp_path / "y.png", 4, 4, mode="RGB")
    header = decoding.header(tmp_path / "y.png")
    assert not (header.frames or header.cut or header.deep)
    (tmp_path / "z.png").write_bytes(png_16_bit(1000, 1000, 1000))
    header = decoding.header(tmp_path / "z.png")
    assert header.cut and not header.deep and decoding.extremes(tmp_path / "z.png") == (3, 3)  # 1000 // 256
