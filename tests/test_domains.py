import os

import numpy as np
import pytest
import tensorflow_datasets as tfds
from sample_data import first, same, save, store, values

from tfgan_zoo.data import batches, domains, prepared
from tfgan_zoo.errors import InputError


@pytest.fixture(scope="module")
def tfds_dir(tmp_path_factory):
    """Sets made here: `tones`, 42 examples of aligned images i, 50 + i and 100 + i; `shades`, images and labels."""
    folder = tmp_path_factory.mktemp("tfds")
    image = tfds.features.Image(shape=(4, 4, 1), dtype=np.uint8)

    def shade(i):
        return np.full((4, 4, 1), i, np.uint8)

    tones = [{name: shade(start + i) for name, start in (("c", 100), ("a", 0), ("b", 50))} for i in range(42)]
    store(folder, "tones", dict.fromkeys("cab", image), train=tones)
    label = tfds.features.ClassLabel(names=["even", "odd"])
    store(
        folder,
        "shades",
        {"image": image, "label": label},
        train=[{"image": shade(i), "label": i % 2} for i in range(50)],
    )
    return folder


def requests(data):
    """Value of the image, source, domain, and, where it is there, value of the target, of each held-out example."""
    columns = {}
    for batch in first(batches.in_order(data.test, 5), 100):
        for name, column in batch.items():
            shown = values(column) if name in ("image", "target") else column.tolist()
            columns.setdefault(name, []).extend(shown)
    return list(zip(*columns.values(), strict=True))


def test_aligned_images_are_a_domain_each_and_those_held_out_come_with_their_picture_in_every_other(tfds_dir):
    data = domains.domains("tones", image_size=4, data_dir=tfds_dir)
    assert (data.kind, data.classes, data.shapes) == ("domains", ("a", "b", "c"), {"image": (4, 4, 1), "domain": ()})
    assert data.train.counts == (120,) and data.test.counts == (2 * 3 * 2,)
    assert data.description == (
        "tones: 120 training and 6 held-out images of 3 domains, 4x4x1, each held out with its picture in all others"
    )
    batch = first(batches.batches(data.train, 120, seed=0))[0]
    assert batch["domain"].dtype == np.int64
    found = requests(data)
    held_out = {row[0] % 50 for row in found}  # two; TFDS has put the examples in an order of its own
    seen = sorted(zip(values(batch["image"]), batch["domain"].tolist(), strict=True))
    learned = [i for i in range(42) if i not in held_out]
    assert seen == sorted((50 * k + i, k) for i in learned for k in range(3)), "each picture, with its own domain"
    expected = {(50 * k + i, k, c, 50 * c + i) for i in held_out for k in range(3) for c in range(3) if c != k}
    assert list(data.test.columns) == ["image", "source", "domain", "target"] and len(found) == 12
    assert set(found) == expected
    # All pictures once before any comes again; the domains asked for are not those of one turn.
    assert {row[0] for row in found[:6]} == {50 * k + i for i in held_out for k in range(3)}
    assert len({(row[2] - row[1]) % 3 for row in found[:6]}) == 2


def test_the_held_out_glyphs_are_asked_for_in_every_other_style_in_equal_number(tmp_path_factory):
    # One part of the whole set, since the pictures do not matter: 12 styles, 21 characters.
    pictures, label = np.zeros([252, 2, 2, 1], np.uint8), np.arange(252) % 12
    part = batches.from_arrays({"image": (pictures, "bicubic"), "label": (label, None)})
    test = domains.requests(part, 12, aligned=True)
    found = next(iter(batches.in_order(test, test.counts[0])))
    pairs = np.stack([found["source"], found["domain"]], 1)
    counts = {tuple(pair): n for pair, n in zip(*np.unique(pairs, axis=0, return_counts=True), strict=True)}
    assert len(counts) == 132 and set(counts.values()) == {21} and all(a != b for a, b in counts)
    assert len(np.unique(pairs[:132], axis=0)) == 132, "the first of them are of every direction alike"


def test_images_with_a_class_label_have_it_for_their_domain_and_no_target(tfds_dir):
    data = domains.domains("shades", image_size=4, data_dir=tfds_dir)
    assert (data.classes, data.train.counts, data.test.counts) == (("even", "odd"), (48,), (2,))
    assert data.description == "shades: 48 training and 2 held-out images of 2 domains, 4x4x1"
    batch = first(batches.batches(data.train, 48, seed=0))[0]
    np.testing.assert_array_equal(np.array(values(batch["image"])) % 2, batch["domain"])
    found = requests(data)
    assert len({row[0] for row in found}) == 2 and all(row[1:] == (row[0] % 2, 1 - row[0] % 2) for row in found)
    assert not {row[0] for row in found} & set(values(batch["image"]))


def test_a_folder_has_a_subfolder_per_domain(tmp_path):
    for k, name in enumerate(("calm", "happy", "sad")):
        for i in range(3):
            save(tmp_path / f"faces/train/{name}/{i}.png", 4, 4, color=100 * k + i)
        save(tmp_path / f"faces/test/{name}/9.png", 4, 4, color=100 * k + 9)
    data = domains.domains(os.fspath(tmp_path / "faces"), image_size=4, data_dir=tmp_path)
    assert (data.kind, data.classes, data.train.counts) == ("domains", ("calm", "happy", "sad"), (9,))
    assert sorted(requests(data)) == [(100 * k + 9, k, c) for k in range(3) for c in range(3) if c != k]
    assert [note for note in data.notes if note.startswith("class folders, to learn from: calm 3, happy 3, sad 3")]


@pytest.mark.parametrize(("name", "count"), [("tones", 12), ("shades", 2)])
def test_what_is_too_large_for_memory_is_streamed_and_the_same(tfds_dir, monkeypatch, name, count):
    kept = domains.domains(name, image_size=4, data_dir=tfds_dir)
    monkeypatch.setattr(prepared, "IN_MEMORY_BYTES", 0)
    streamed = domains.domains(name, image_size=4, data_dir=tfds_dir)
    assert isinstance(streamed.train, batches.Streamed) and isinstance(streamed.test, batches.Streamed)
    assert streamed.test.counts == kept.test.counts == (count,) and streamed.test.columns == kept.test.columns
    assert requests(streamed) == requests(kept)
    same(*(first(batches.in_order(data.train, 7), 9) for data in (kept, streamed)))


def test_the_order_of_training_is_a_function_of_the_seed_and_a_transform_leaves_the_domain_alone(tfds_dir):
    data = domains.domains("tones", image_size=4, data_dir=tfds_dir)

    def darker(example, seed, columns):
        return example | {"image": example["image"] * 0.0 - 1.0}

    whole = first(batches.batches(data.train, 6, seed=1, transform=darker), 6)
    same(whole[4:], first(batches.batches(data.train, 6, seed=1, step=4, transform=darker), 2))
    assert set(values(whole[0]["image"])) == {0} and len(set(np.concatenate([b["domain"] for b in whole]))) == 3


def test_what_has_no_domains_is_refused_in_one_line(tmp_path):
    for i in range(3):
        save(tmp_path / f"flat/{i}.png", 4, 4)
    with pytest.raises(InputError, match="^.* one subfolder per class, two or more.*$"):
        domains.domains(os.fspath(tmp_path / "flat"), image_size=4, data_dir=tmp_path)
    with pytest.raises(InputError, match="neither a folder that exists nor a TFDS name"):
        domains.domains("no_such_set", image_size=4, data_dir=tmp_path)
