import dataclasses
import io

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from sample_data import first, save

from tfgan_zoo import Pix2PixHD, served_files
from tfgan_zoo.data import batches, decoding, folders, instances, layouts, transforms
from tfgan_zoo.errors import InputError
from tfgan_zoo.families.pix2pix_hd import edges
from tfgan_zoo.metrics import measure, sources
from tfgan_zoo.networks import pix2pix_hd as networks


def _by_search(ink):
    """Ids of connected pieces, by a search from each first pixel."""
    found, number = np.zeros(ink.shape, np.int32), 0
    for start in zip(*np.nonzero(ink), strict=True):
        if found[start]:
            continue
        number += 1
        waiting = [start]
        while waiting:
            y, x = waiting.pop()
            if 0 <= y < ink.shape[0] and 0 <= x < ink.shape[1] and ink[y, x] and not found[y, x]:
                found[y, x] = number
                waiting += [(y + i, x + j) for i in (-1, 0, 1) for j in (-1, 0, 1)]
    return found


@pytest.mark.parametrize("share", [0.0, 0.15, 0.4, 0.7, 1.0])
def test_connected_ink_is_what_a_search_finds(share):
    ink = np.random.default_rng(0).random([23, 31]) < share
    picture = np.where(ink, 120, 130).astype(np.uint8)[..., None]
    np.testing.assert_array_equal(instances.connected(picture)[..., 0], _by_search(ink))
    np.testing.assert_array_equal(instances.connected(np.repeat(picture, 3, -1))[..., 0], _by_search(ink))
    opaque = np.concatenate([np.repeat(picture, 3, -1), np.full_like(picture, 255)], -1)
    np.testing.assert_array_equal(instances.connected(opaque)[..., 0], _by_search(ink))


def test_a_spiral_is_one_piece_and_touching_corners_join():
    spiral = np.zeros([21, 21], bool)
    for k in range(0, 10, 2):
        spiral[k, k : 21 - k] = spiral[20 - k, k : 21 - k] = spiral[k : 21 - k, 20 - k] = spiral[k + 2 : 21 - k, k] = (
            True
        )
        spiral[k + 2, k : k + 3] = True
    assert instances.connected(np.where(spiral, 0, 255).astype(np.uint8)[..., None]).max() == _by_search(spiral).max()
    assert instances.connected(np.where(np.eye(9), 0, 255).astype(np.uint8)[..., None]).max() == 1


def test_glyphs_have_their_pieces_of_ink_as_ids(tmp_path):
    from tfgan_zoo.data import glyphs

    picture = glyphs.render("i")["sans"]
    assert instances.connected(picture).max() == 2  # the dot and the stem


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Pairs of 8x4 pixels; A is grey i, B 100 + i, the ids are i in the left half and 1000 in the right."""
    root = tmp_path_factory.mktemp("pairs")
    for split, count in (("train", 3), ("test", 1)):
        for i in range(count):
            save(root / split / "A" / f"{i}.png", 8, 4, color=i)
            save(root / split / "B" / f"{i}.jpg", 8, 4, color=100 + i)
            ids = np.full([4, 8], 1000, np.uint16)
            ids[:, :4] = i
            (root / split / "instances").mkdir(exist_ok=True)
            Image.fromarray(ids).save(root / split / "instances" / f"{i}.png")
    return root


@pytest.mark.parametrize(("direction", "values"), [("a_to_b", (1, 101)), ("b_to_a", (101, 1))])
def test_ids_of_16_bits_are_read_by_value_beside_their_pair(folder, tmp_path, direction, values):
    data = instances.instances(folder, image_size=(4, 8), direction=direction, data_dir=tmp_path)
    assert data.kind == "instances" and list(data.columns) == ["image", "instance", "target"]
    assert data.shapes == {"image": (4, 8, 1), "instance": (4, 8, 1), "target": (4, 8, 1)}
    example = next(iter(batches.in_order(data.train, 3)))
    assert example["instance"].dtype == tf.int32 and example["image"].dtype == tf.float32
    for i in range(3):
        assert set(np.unique(example["instance"][i, :, :4])) == {i} and set(
            np.unique(example["instance"][i, :, 4:])
        ) == {1000}
    seen = [np.rint((example[name][1].numpy() + 1) * 127.5).mean() for name in ("image", "target")]
    np.testing.assert_allclose(seen, values, atol=1)
    assert any("instances" in note for note in data.notes) and not any("16" in note for note in data.notes)
    cropped = instances.instances(folder, image_size=(4, 4), data_dir=tmp_path)
    np.testing.assert_array_equal(
        first(batches.in_order(cropped.train, 3))[0]["instance"][2, 0, :, 0], [2, 2, 1000, 1000]
    )


def test_without_a_folder_of_ids_they_are_found_in_the_picture(tmp_path):
    for i in range(2):
        for side in "AB":
            picture = np.full([6, 6], 255, np.uint8)
            picture[1:3, 1:3] = picture[4, 4] = 0 if side == "A" else 255
            (tmp_path / "d" / side).mkdir(parents=True, exist_ok=True)
            Image.fromarray(picture).save(tmp_path / "d" / side / f"{i}.png")
    expected = np.zeros([6, 6], np.int32)
    expected[1:3, 1:3], expected[4, 4] = 1, 2
    data = instances.instances(tmp_path / "d", image_size=6, data_dir=tmp_path / "t")
    np.testing.assert_array_equal(next(iter(batches.in_order(data.train, 1)))["instance"][0, ..., 0], expected)
    back = instances.instances(tmp_path / "d", image_size=6, direction="b_to_a", data_dir=tmp_path / "t")
    assert np.max(next(iter(batches.in_order(back.train, 1)))["instance"]) == 0
    for i in range(2):
        beside = np.concatenate([np.array(Image.open(tmp_path / f"d/{s}/{i}.png")) for s in "AB"], 1)
        (tmp_path / "s").mkdir(exist_ok=True)
        Image.fromarray(beside).save(tmp_path / f"s/{i}.png")
    halves = instances.instances(tmp_path / "s", image_size=6, data_dir=tmp_path / "t")
    np.testing.assert_array_equal(next(iter(batches.in_order(halves.train, 1)))["instance"][0, ..., 0], expected)


def test_a_transform_moves_ids_as_it_moves_their_picture(folder, tmp_path):
    data = instances.instances(folder, image_size=(4, 8), data_dir=tmp_path)
    flipped = first(batches.batches(data.train, 3, seed=0, transform=transforms.random_flip), 4)
    left = np.concatenate([x["instance"][:, 0, 0, 0] for x in flipped])
    assert (left == 1000).any() and (left != 1000).any()


@pytest.mark.parametrize("mode", ["L", "P", "RGB", "I;16", "I", "1", "RGBA"])
def test_ids_of_any_kind_of_file_keep_what_is_equal_equal(mode, tmp_path):
    ids = np.array([[0, 0, 1, 1], [0, 0, 1, 1]], np.uint8)
    values = {"L": ids + 254, "I;16": ids.astype(np.uint16) + 999, "I": ids.astype(np.int32) + 70_000, "1": ids > 0}
    if mode == "P":
        image = Image.fromarray(ids, "P")
        image.putpalette([9, 9, 9] * 256)  # of equal colours: what counts is the number
    elif mode in values:
        image = Image.fromarray(values[mode])
    else:
        image = Image.fromarray(np.stack([ids, 0 * ids, 255 - ids, *[ids * 255] * (mode == "RGBA")], -1))
    path = tmp_path / ("x.tif" if mode == "I" else "x.png")
    image.save(path)
    read = decoding.read_ids(path, 2, 4)
    assert read.dtype == np.int32 and read.shape == (2, 4, 1)
    np.testing.assert_array_equal(read[..., 0] == read[0, 3, 0], ids == 1)
    assert len(np.unique(read)) == 2
    small = decoding.read_ids(path, 1, 2, fit="stretch")
    np.testing.assert_array_equal(small.ravel(), [read[0, 0, 0], read[0, 3, 0]])
    padded = decoding.read_ids(path, 4, 4, fit="pad")
    np.testing.assert_array_equal(padded[:, 0, 0], [-1, read[0, 0, 0], read[0, 0, 0], -1])


def _tree(*names):
    return folders.Tree(folders.pathlib.Path("d"), {name: f"d/{name}" for name in sorted(names)}, {}, ())


def test_a_map_belongs_to_the_pair_of_its_name_and_a_pair_without_one_is_named():
    layout = layouts.paired_with_ids(
        _tree(*(f"train{s}/{i}.png" for s in "AB" for i in range(4)), "testA/x_A.png", "testB/x_B.png",
              *(f"train_instances/{i}.tif" for i in (0, 1, 3)), "test_instances/x_instances.png")
    )  # fmt: skip
    assert [parts for _, parts in layout.splits["test"]] == [
        ("d/testA/x_A.png", "d/test_instances/x_instances.png", "d/testB/x_B.png")
    ]
    assert [parts[1] for _, parts in layout.splits["train"]] == [f"d/train_instances/{i}.tif" for i in (0, 1, 3)]
    assert layout.notes[0].startswith("ids of instances: ") and "without a map of ids" in layout.notes[-1]


def test_most_pairs_without_a_map_are_refused_and_no_folder_of_maps_is_none():
    names = [f"{side}/{i}.png" for side in "AB" for i in range(5)]
    with pytest.raises(InputError, match="^d has instances/, but 4 of 5 pairs have no map of ids .*, first A/1.png"):
        layouts.paired_with_ids(_tree(*names, "instances/0.png"))
    assert layouts.paired_with_ids(_tree(*names)) == layouts.paired(_tree(*names))


@pytest.mark.parametrize("fit", ["crop", "stretch", "pad"])
@pytest.mark.parametrize("size", [(7, 5), (16, 9), (4, 20)])
def test_served_files_of_ids_are_read_at_the_pixels_that_training_reads(fit, size, tmp_path):
    ids = np.random.default_rng(0).integers(0, 5, [*size]).astype(np.uint16)
    for depth in (np.uint16, np.uint8):
        Image.fromarray(ids.astype(depth)).save(tmp_path / "x.png")
        served = served_files.read_ids(tf.constant([(tmp_path / "x.png").read_bytes()] * 2), 6, 8, fit)
        assert served.dtype == tf.int32 and served.shape == (2, 6, 8, 1)
        trained = decoding.read_ids(tmp_path / "x.png", 6, 8, fit)
        scale = 257 if depth is np.uint8 else 1
        np.testing.assert_array_equal(served[1], np.where(trained < 0, -1, trained * scale))


def test_what_is_no_png_file_or_too_large_is_refused_by_its_header():
    Image.new("L", (9, 9)).save(file := io.BytesIO(), "JPEG")
    with pytest.raises(tf.errors.InvalidArgumentError, match="instance_bytes must be PNG files"):
        served_files.read_ids(tf.constant([file.getvalue()]), 4, 4)
    Image.new("L", (9, 9)).save(file := io.BytesIO(), "PNG")
    with pytest.raises(tf.errors.InvalidArgumentError, match="instance_bytes must hold 80 pixels or less"):
        served_files.read_ids(tf.constant([file.getvalue()]), 4, 4, max_pixels=80)


def test_a_model_that_takes_ids_is_scored_on_pairs_with_ids(folder, tmp_path):
    network = networks.global_generator((4, 8, 2), 1, width=2, downs=1, blocks=1)
    judge = networks.multiscale_discriminator((4, 8, 1), 2, width=2, layers=1, scales=1)
    flags = measure.Measures(metrics="l1")
    generator = sources.live(Pix2PixHD(network, judge), flags)
    data = sources.data_for(generator, dataset=str(folder), data_dir=tmp_path)
    assert data.kind == "instances" and set(generator.columns) == {"image", "instance"}
    flags = dataclasses.replace(flags, count=1, real_count=1)
    record, *_ = measure.Measurement(sources.Source(generator, data, "test", flags), flags).run(quiet=True)
    example = batches.take(data.test, 1)
    expected = np.abs(network(np.concatenate([example["image"], edges(example["instance"])], -1)) - example["target"])
    np.testing.assert_allclose(record["value"], expected.mean(), atol=1 / 127.5)
