import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from sample_data import first, greys, same, save

from tfgan_zoo.data import batches, low_high, transforms
from tfgan_zoo.errors import InputError


def photos(folder, *sizes, held_out=1):
    """PNG files of noise of `(width, height)` each, the last `held_out` in `test/`; name -> pixels."""
    found = {}
    for i, (width, height) in enumerate(sizes):
        split = "test" if i >= len(sizes) - held_out else "train"
        path = folder / split / f"{i}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        found[path.name] = np.random.default_rng(i).integers(0, 256, [height, width, 3], np.uint8)
        Image.fromarray(found[path.name]).save(path)
    return found


def stored(examples):
    return {name: x.numpy() for name, x in examples.load(tf.range(examples.counts[0], dtype=tf.int64)).items()}


def test_the_low_one_is_pillow_s_bicubic_reduction_of_the_target(tmp_path):
    pictures = photos(tmp_path / "photos", (24, 16), (24, 16))
    data = low_high.low_high(tmp_path / "photos", image_size=(16, 24), scale=4, data_dir=tmp_path / "data")
    assert data.shapes == {"image": (4, 6, 3), "target": (16, 24, 3)} and data.kind == "low_high"
    got = stored(data.train)
    np.testing.assert_array_equal(got["target"][0], pictures["0.png"])
    small = Image.fromarray(pictures["0.png"]).resize((6, 4), Image.Resampling.BICUBIC)
    np.testing.assert_array_equal(got["image"][0], np.asarray(small))
    assert data.description.endswith("1 training and 1 held-out pictures, 4x6x3 -> 16x24x3")


def test_photos_of_any_size_are_cut_at_their_own_scale_into_as_many_parts_as_fit(tmp_path):
    pictures = photos(tmp_path / "photos", (19, 9), (8, 17), (8, 8))
    data = low_high.low_high(tmp_path / "photos", image_size=8, scale=2, tiles=True, data_dir=tmp_path / "data")
    wide, high = (
        pictures["0.png"],
        pictures["1.png"],
    )  # in the middle: 1 column is left over at the left, 2 at the right
    expected = [wide[0:8, 1:9], wide[0:8, 9:17], high[0:8], high[8:16]]
    np.testing.assert_array_equal(stored(data.train)["target"], expected)
    assert data.test.counts == (1,) and data.broken == {}
    assert "4 training and 1 held-out parts of pictures, 4x4x3 -> 8x8x3" in data.description


def test_a_photo_without_room_for_a_part_and_a_broken_one_are_named(tmp_path):
    photos(tmp_path / "photos", (8, 8), (7, 9), (9, 9), (8, 8))
    (tmp_path / "photos/train/bad.png").write_bytes(b"no picture")
    data = low_high.low_high(tmp_path / "photos", image_size=8, scale=2, tiles=True, data_dir=tmp_path / "data")
    reasons = {name.rsplit("/", 1)[1]: reason for name, reason in data.broken.items()}
    assert reasons == {"1.png": "7 wide and 9 high: no room for a part of 8 and 8", "bad.png": "not an image"}
    assert data.train.counts == (4,)


def test_scale_and_tiles_are_parts_of_the_fingerprint(tmp_path):
    photos(tmp_path / "photos", (24, 24), (24, 24))
    ways = [{"scale": 2}, {"scale": 4}, {"scale": 2, "tiles": True}]
    found = {
        low_high.low_high(tmp_path / "photos", image_size=8, data_dir=tmp_path / "data", **way).fingerprint
        for way in ways
    }
    assert len(found) == 3


def test_glyphs_come_as_grey_pictures_in_two_sizes(tmp_path):
    data = low_high.low_high("glyphs", image_size=16, scale=2, data_dir=tmp_path)
    assert data.shapes == {"image": (8, 8, 1), "target": (16, 16, 1)}
    assert low_high.low_high("glyphs", image_size=16, scale=2, data_dir=tmp_path).fingerprint == data.fingerprint


def test_patches_of_both_sizes_are_of_one_place_and_a_resumed_run_sees_the_same(tmp_path):
    high = np.arange(24 * 20, dtype=np.int64).reshape(1, 24, 20, 1) % 256
    low = high[:, ::4, ::4]
    arrays = {"image": (low.astype(np.uint8), "bicubic"), "target": (high.astype(np.uint8), "bicubic")}
    examples = batches.from_arrays(arrays)
    crop = transforms.random_crop(12, 8)
    corners = set()
    for batch in first(batches.batches(examples, 8, seed=3, transform=crop), 20):
        assert batch["image"].shape == (8, 3, 2, 1) and batch["target"].shape == (8, 12, 8, 1)
        np.testing.assert_array_equal(batch["target"][:, ::4, ::4], batch["image"])
        corners |= {int(value) for value in np.rint((batch["image"][:, 0, 0, 0] + 1) * 127.5)}
    assert corners == {int(low[0, row, column, 0]) for row in range(4) for column in range(4)}
    whole = first(batches.batches(examples, 2, seed=3, transform=crop), 4)
    same(first(batches.batches(examples, 2, seed=3, transform=crop, step=2), 2), whole[2:])


@pytest.mark.parametrize("size", [(12, 24), (28, 8), (10, 8)])
def test_a_patch_that_does_not_fit_is_one_line(size):
    arrays = {
        "image": (np.zeros([1, 6, 5, 1], np.uint8), "bicubic"),
        "target": (np.zeros([1, 24, 20, 1], np.uint8), "bicubic"),
    }
    with pytest.raises(InputError, match=rf"a part of {size[0]}x{size[1]} of image 6x5, target 24x20"):
        batches.batches(batches.from_arrays(arrays), 1, seed=0, transform=transforms.random_crop(*size))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"image_size": 10}, "image_size is 10x10 and scale 4"),
        ({"image_size": 8, "scale": 1}, "image_size is 8x8 and scale 1"),
        ({"image_size": 8, "tiles": True, "fit": "pad"}, "fit is 'pad' and tiles are asked for"),
        ({"image_size": 64, "tiles": True}, "none of 39 images can be read"),
    ],
)
def test_bad_requests_are_one_line(given, message, tmp_path):
    with pytest.raises(InputError, match=message):
        low_high.low_high(greys(tmp_path / "greys"), data_dir=tmp_path / "data", **given)


def test_all_formats_that_the_zoo_reads_are_cut(tmp_path):
    save(tmp_path / "photos" / "train" / "a.jpg", 20, 9, color=90)
    save(tmp_path / "photos" / "test" / "b.tif", 9, 9, color=30000, mode="I;16")
    data = low_high.low_high(tmp_path / "photos", image_size=8, scale=2, tiles=True, data_dir=tmp_path / "data")
    assert data.train.counts == (2,) and data.shapes["target"] == (8, 8, 1)
    assert len(np.unique(stored(data.train)["target"])) == 1
