"""Pictures with holes: where the holes are, that they are the same again, and how what fills them is scored."""

import json

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from sample_data import first, greys, same, save, values

from tfgan_zoo import PartialConv, evaluate
from tfgan_zoo.data import batches, images, masked, prepared, transforms
from tfgan_zoo.errors import InputError
from tfgan_zoo.export import export
from tfgan_zoo.metrics import holes
from tfgan_zoo.networks.partial_unet import partial_unet

GREY = np.float32(128) / np.float32(127.5) - 1


@pytest.fixture
def load(tmp_path):
    """Loads 41 greys with holes, number i of the value i, at 16x16 unless said otherwise."""
    folder = greys(tmp_path / "greys")
    return lambda **how: masked.masked(folder, **{"image_size": 16, "data_dir": tmp_path / "data"} | how)


def of_all(examples):
    """All of its masks, `[N, H, W]`."""
    return np.concatenate([batch["mask"][..., 0] for batch in batches.in_order(examples, 8).as_numpy_iterator()])


def test_the_picture_is_grey_in_the_hole_and_the_target_is_whole(load):
    data = load()
    assert data.kind == "masked" and data.description.endswith("held-out images, 16x16x1; holes: strokes")
    assert data.shapes == {"image": (16, 16, 1), "mask": (16, 16, 1), "target": (16, 16, 1)}
    for batch in (batches.take(data.test, 2), first(batches.batches(data.train, 8, seed=0, transform=data.redraw))[0]):
        image, mask, target = batch["image"], batch["mask"], batch["target"]
        assert mask.dtype == np.float32 and set(np.unique(mask)) == {0.0, 1.0}
        assert (target == target[:, :1, :1]).all() and set(values(target)) <= set(range(41))
        np.testing.assert_allclose(image, np.where(mask > 0, target, GREY), atol=1e-6)


@pytest.mark.parametrize("masks", ["strokes:0.2,0.4", "pixels:0.2,0.4"])
def test_holes_are_as_large_as_was_asked_for_and_of_all_sizes_between(load, masks):
    data = load(masks=masks)
    shares = 1 - of_all(data.train).mean((1, 2))
    assert 0.2 - 1 / 256 <= shares.min() < 0.23 and 0.37 < shares.max() <= 0.4 + 1 / 256
    fifth = np.floor((shares - 0.2) / 0.04 - 1e-9).clip(0, 4)
    assert (np.abs(fifth - np.arange(39) % 5) <= 1).all(), "neighbours have holes of different sizes"


def test_a_share_of_one_number_is_that_share():
    data = masked._laws("pixels:0.75", 8, 8, None)[0]
    u = tf.random.stateless_uniform([5, data.draws], [1, 2])
    masks = np.array([data.draw(x) for x in u])
    np.testing.assert_array_equal((masks == 0).sum((1, 2, 3)), 48)
    assert len({mask.tobytes() for mask in masks}) == 5


def test_strokes_are_the_pixels_nearest_to_straight_parts():
    """With all turns straight on and one walk there is one line: its hole is all within a distance of it."""
    law = masked._laws("strokes:0.1", 32, 32, None)[0]
    top, left, angle, thickness = [0.51] * 4, [0.26] * 4, [0.0] * 4, [0.5] * 4
    turns, lengths = [0.5] * 16, [0.25] * 16  # 4 parts of 4 pixels to the right, from (16.32, 8.32) on
    mask = law.draw(tf.constant([0.5, 0.0, *top, *left, *angle, *thickness, *turns, *lengths]))[..., 0].numpy()
    y, x = np.mgrid[:32, :32] + 0.5
    distance = np.hypot(y - 16.32, x - np.clip(x, 8.32, 24.32))
    assert (mask == 0).sum() == 102
    np.testing.assert_array_equal(mask == 0, distance <= np.sort(distance, axis=None)[101])


def test_the_middle_and_the_halves_are_holes(load):
    expected = np.ones([16, 16])
    expected[4:12, 4:12] = 0
    np.testing.assert_array_equal(of_all(load(masks="center").test), [expected] * 2)
    halves = of_all(load(masks="half").train)
    np.testing.assert_array_equal(halves.mean((1, 2)), 0.5)
    four = {half.tobytes() for half in halves}
    assert len(four) == 4 and all((h == h[:, :1]).all() or (h == h[:1]).all() for h in halves)


def test_an_example_has_its_own_mask_always_and_in_training_another_each_time_resumed_exactly(load):
    data, again = load(), load()
    np.testing.assert_array_equal(of_all(data.test), of_all(again.test))
    assert len({mask.tobytes() for mask in [*of_all(data.train), *of_all(data.test)]}) == 41
    how = {"seed": 3, "transform": transforms.compose(transforms.random_flip, data.redraw)}
    whole = first(batches.batches(data.train, 13, **how), 6)  # two epochs
    same(first(batches.batches(again.train, 13, step=4, **how), 2), whole[4:])
    drawn = [mask.tobytes() for batch in whole for mask in batch["mask"]]
    assert len(set(drawn)) == len(drawn) == 78
    same(first(batches.batches(data.train, 13, seed=3, transform=how["transform"])), whole[:1])


def test_streamed_pictures_have_the_masks_that_they_have_in_memory(load, monkeypatch):
    in_memory = load()
    monkeypatch.setattr(prepared, "IN_MEMORY_BYTES", 100)
    streamed = load()
    assert isinstance(streamed.train, batches.Streamed)
    for part in ("train", "test"):
        a, b = (first(batches.in_order(getattr(data, part), 8), 9) for data in (in_memory, streamed))
        same(a, b)
    (batch,) = first(batches.batches(streamed.train, 13, seed=0))
    by_value = dict(zip([i for i in range(41) if i % 20 != 19], of_all(in_memory.train), strict=True))
    np.testing.assert_array_equal(batch["mask"][..., 0], [by_value[v] for v in values(batch["target"])])


def test_masks_of_a_folder_are_black_in_the_hole_or_white_and_held_out_ones_are_others(load, tmp_path):
    for i in range(20):  # number i has a hole of i + 1 rows; 19 is held out
        pixels = np.full([32, 32], 250, np.uint8)
        pixels[: 1 + i] = 10
        Image.fromarray(pixels).save(save(tmp_path / f"masks/{i:02}.png", 1, 1))
    folder = tmp_path / "masks"
    data, white = (load(masks=masks, image_size=32) for masks in (f"{folder}", f"white:{folder}"))
    rows = (of_all(data.train) == 0).all(2).sum(1)
    assert set(rows) <= set(range(1, 20)) and len(set(rows)) > 10
    np.testing.assert_array_equal((of_all(data.test) == 0).all(2).sum(1), 20)
    np.testing.assert_array_equal(of_all(white.train), 1 - of_all(data.train))
    (batch,) = first(batches.batches(data.train, 8, seed=0, transform=data.redraw))
    assert len(set((batch["mask"] == 0).all((2, 3)).sum(1))) > 2
    assert len({x.fingerprint for x in (data, white, load(image_size=32))}) == 3


@pytest.mark.parametrize(
    ("masks", "says"),
    [
        ("holes", "masks is 'holes', which is neither a law of masks nor a folder; give strokes"),
        ("", "masks is '', which is neither"),
        ("white:", "masks is 'white:', which is neither"),
        ("center:0.5", "masks is 'center:0.5', which is neither"),
        ("strokes:many", "masks is 'strokes:many', whose share of the picture is no number"),
        ("strokes:0.1,0.2,0.3", "whose share of the picture is no number"),
        ("pixels:0.5,0.2", "masks is 'pixels:0.5,0.2'; expected shares of the picture above 0 and below 1"),
        ("pixels:1", "above 0 and below 1"),
    ],
)
def test_masks_that_are_none_are_one_clear_line(load, masks, says):
    with pytest.raises(InputError, match=says):
        load(masks=masks)


def test_masks_too_many_for_memory_are_refused(load, tmp_path, monkeypatch):
    pictures = images.images(tmp_path / "greys", image_size=16, data_dir=tmp_path / "data")
    monkeypatch.setattr(prepared, "IN_MEMORY_BYTES", 100)
    with pytest.raises(InputError, match="do not fit into memory"):
        masked.with_holes(pictures, str(tmp_path / "greys"), data_dir=tmp_path / "data")


def test_the_mean_of_the_border_is_that_of_the_known_pixels_that_touch_the_hole():
    image = np.arange(25, dtype=np.float32).reshape(1, 5, 5, 1)
    mask = np.ones([1, 5, 5, 1], np.float32)
    mask[0, :2, :2] = 0  # touched by (0, 2), (1, 2), (2, 0), (2, 1), (2, 2)
    filled = holes.border_mean(np.where(mask > 0, image, 99), mask)
    np.testing.assert_allclose(filled[0, :2, :2], np.mean([2, 7, 10, 11, 12]))
    np.testing.assert_array_equal(filled[mask == 1], image[mask == 1])
    np.testing.assert_array_equal(holes.border_mean(image, 0 * mask), 0 * image)


def test_the_score_is_of_all_pixels_in_holes_together_on_the_levels_of_8_bits(load):
    data = load(masks="center")  # its held-out pictures are of 19 and 39
    ten = np.float32(10 / 127.5)
    targets = {values(b["target"])[0]: b["target"] for b in batches.in_order(data.test, 1).as_numpy_iterator()}

    def inpaint(image, mask):
        assert image.shape[1:] == mask.shape[1:] == (16, 16, 1)
        whole = np.concatenate([targets[v] for v in values(image)])
        off = np.array([[[[ten]]] if v == 19 else [[[2.9 * ten]]] for v in values(image)], np.float32)
        return np.where(mask > 0, image, whole + off)

    found = holes.scores(inpaint, data)
    np.testing.assert_allclose(found["psnr_hole"], 10 * np.log10(255**2 / np.mean([10**2, 29**2])), rtol=1e-5)
    assert found["psnr_hole_border_mean"] > 140, "all is of one grey"
    np.testing.assert_allclose(holes.scores(inpaint, data, 1, 1)["psnr_hole"], 20 * np.log10(255 / 10), rtol=1e-5)
    with pytest.raises(InputError, match="3 held-out examples are asked for and .* has 2"):
        holes.scores(inpaint, data, 3)


def test_an_export_is_scored_on_the_pictures_and_the_masks_of_its_training(load, tmp_path, capsys):
    model = PartialConv(partial_unet((16, 16, 1), width=4, levels=2))
    config = {"masks": "center", "data_dir": str(tmp_path / "data")}
    about = {"description": "greys", "licence": "none", "name": str(tmp_path / "greys"), "kind": "masked"}
    about = {"data": about, "config": config}
    path = export(model, tmp_path / "exported/partial_conv", about)
    load()
    evaluate.main([str(path), "--metrics=l1,psnr"])
    assert "compared with test of" in capsys.readouterr().out
    records = {r["metric"]: r for r in json.loads((path / "metrics.json").read_text())}
    batch = batches.take(load(masks="center").test, 2)
    made = model.inpaint(batch["image"], batch["mask"])
    expected = np.abs(np.rint(np.array(made) * 127.5 + 127.5) / 127.5 - 1 - batch["target"]).mean()
    np.testing.assert_allclose(records["l1"]["value"], expected, atol=2e-4)
    identity = np.abs(batch["image"] - batch["target"]).mean()
    np.testing.assert_allclose(records["l1_identity"]["value"], identity, rtol=1e-3)
    assert records["psnr"]["protocol"]["masks"] == "center"
    evaluate.main([str(path), "--metrics=l1", "--masks=half"])
    records = json.loads((path / "metrics.json").read_text())
    assert records[-1]["protocol"]["masks"] == "half"
