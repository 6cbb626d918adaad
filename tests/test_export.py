import os
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfgan_zoo import DCGAN, Pix2Pix, signatures
from tfgan_zoo.errors import InputError
from tfgan_zoo.export import export
from tfgan_zoo.networks.dcgan import dcgan_discriminator, dcgan_generator
from tfgan_zoo.networks.patchgan import patchgan_discriminator
from tfgan_zoo.networks.unet import unet_generator

SHAPE = (8, 8, 1)


def small(kind):
    keras.utils.set_random_seed(1)
    if kind == "dcgan":
        model = DCGAN(dcgan_generator(SHAPE, latent_dim=6, width=8), dcgan_discriminator(SHAPE, width=8))
    else:
        discriminator = patchgan_discriminator(SHAPE, width=8, layers=1, condition_channels=1)
        model = Pix2Pix(unet_generator(SHAPE, width=8), discriminator, seed=3)
    for variable in model.variables:  # what is 0 or 1 at first would hide that it was not saved
        if variable.dtype == "float32" and variable.trainable:
            variable.assign(variable + tf.random.stateless_normal(variable.shape, [1, 2]) * 0.1)
    return model


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """kind -> (live model, path of its version 1)."""
    models = {kind: small(kind) for kind in ("dcgan", "pix2pix")}
    return {k: (m, export(m, tmp_path_factory.mktemp("exported") / k, f"# {k}\n")) for k, m in models.items()}


@pytest.fixture(scope="module")
def served(exported):
    return {kind: tf.saved_model.load(str(path)).signatures for kind, (_, path) in exported.items()}


def tree(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


ALONE = """
import sys
import numpy as np
import tensorflow as tf
for kind, name, path in [argument.split("=") for argument in sys.argv[1:]]:
    model = tf.saved_model.load(path).signatures["serving_default"]
    np.save(kind + ".answer", model(**{name: tf.constant(np.load(kind + ".npy"))})["image"])
print([module for module in sys.modules if module.startswith("tfgan_zoo")])
"""


def test_a_process_that_imports_only_tensorflow_gets_the_same_numbers(exported, tmp_path):
    given = {"dcgan": ("z", [5, 6]), "pix2pix": ("image", [3, *SHAPE])}
    for kind, (_, shape) in given.items():
        np.save(tmp_path / kind, np.random.default_rng(0).uniform(-1, 1, shape).astype(np.float32))
    command = [
        sys.executable,
        "-c",
        ALONE,
        *(f"{kind}={name}={exported[kind][1]}" for kind, (name, _) in given.items()),
    ]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout.splitlines()[-1] == "[]", "it does not need tfgan_zoo"
    for kind in given:
        answer = np.load(tmp_path / f"{kind}.answer.npy")
        live = exported[kind][0].signatures()["serving_default"][0](tf.constant(np.load(tmp_path / f"{kind}.npy")))
        assert answer.dtype == np.float32 and np.std(answer) > 0.01
        np.testing.assert_allclose(answer, live["image"], atol=1e-6)


def test_versions_count_up_from_the_highest_there_is(tmp_path):
    model = small("dcgan")
    assert export(model, tmp_path / "new" / "dcgan") == tmp_path / "new" / "dcgan" / "1"
    for other in ("9", "10", "notes", "11.old"):
        (tmp_path / "new" / "dcgan" / other).mkdir()
    assert export(model, str(tmp_path / "new" / "dcgan")).name == "11"


@pytest.mark.parametrize("moment", ["save", "card", "rename"])
def test_a_failure_leaves_no_new_version_and_the_old_ones_as_they_were(tmp_path, monkeypatch, moment):
    model = small("dcgan")
    before = tree(export(model, tmp_path))
    save = tf.saved_model.save

    def crash(*args, **kwargs):
        if moment == "save":
            save(*args, **kwargs)
        raise OSError("no space left")

    with monkeypatch.context() as broken, pytest.raises(OSError, match="no space left"):
        place = {"save": (tf.saved_model, "save"), "card": (type(tmp_path), "write_text"), "rename": (os, "rename")}
        broken.setattr(*place[moment], crash)
        export(model, tmp_path)
    assert [path.name for path in tmp_path.iterdir() if path.name.isdecimal()] == ["1"]
    assert tree(tmp_path / "1") == before
    assert sorted(path.name for path in [export(model, tmp_path), *tmp_path.iterdir()]) == ["1", "2", "2"]


def test_an_export_folder_that_is_a_file_is_an_input_error(tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(InputError, match="is a file; give a folder with --export-dir"):
        export(small("dcgan"), tmp_path / "file")
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.parametrize("kind", ["dcgan", "pix2pix"])
def test_the_model_card_lists_every_signature_with_its_inputs(exported, kind):
    model, path = exported[kind]
    card = (path / "README.md").read_text(encoding="utf-8")
    assert card.startswith(f"# {kind}\n")
    rows = [line for line in card.splitlines() if line.startswith("| `")]
    assert (
        rows
        == {
            "dcgan": [
                "| `serving_default` | `z` float32 [B, 6] |",
                "| `sample` | `count` int32 [], `seed` int64 [] |",
                "| `sample_png` | `count` int32 [], `seed` int64 [] |",
                "| `discriminate` | `image` float32 [B, 8, 8, 1] |",
            ],
            "pix2pix": [
                "| `serving_default` | `image` float32 [B, 8, 8, 1] |",
                "| `translate_bytes` | `image_bytes` string [B] |",
            ],
        }[kind]
    )
    assert len(rows) == len(model.signatures())


def ask(function, count, seed):
    return function(count=tf.constant(count, tf.int32), seed=tf.constant(seed, tf.int64))


@pytest.mark.parametrize("name", ["sample", "sample_png"])
@pytest.mark.parametrize("count", [0, -3, signatures.MAX_COUNT + 1, 2**31 - 1])
def test_a_count_out_of_range_is_refused(served, name, count):
    with pytest.raises(tf.errors.InvalidArgumentError, match="count must be from 1 to 1024"):
        ask(served["dcgan"][name], count, 0)


def test_the_most_that_may_be_asked_for_is_answered(served):
    assert ask(served["dcgan"]["sample"], signatures.MAX_COUNT, 0)["image"].shape == [signatures.MAX_COUNT, *SHAPE]


def test_a_seed_gives_the_same_pictures_each_time_and_another_seed_others(served):
    first = ask(served["dcgan"]["sample"], 4, 7)["image"].numpy()
    np.testing.assert_array_equal(ask(served["dcgan"]["sample"], 4, 7)["image"], first)
    apart = np.abs(first - ask(served["dcgan"]["sample"], 4, 2**40 + 7)["image"]).reshape(4, -1).max(1)
    among = np.abs(first[:-1] - first[1:]).reshape(3, -1).max(1)
    assert min(*apart, *among) > 1e-3


def test_a_png_is_the_picture_that_sample_gives_to_half_a_level(served):
    images = ask(served["dcgan"]["sample"], 3, 5)["image"]
    files = ask(served["dcgan"]["sample_png"], 3, 5)["image_bytes"].numpy()
    decoded = np.stack([tf.io.decode_png(file).numpy() for file in files])
    assert decoded.shape == images.shape
    np.testing.assert_allclose(decoded / 127.5 - 1.0, images, atol=1 / 255 + 1e-6)


def test_files_of_any_size_are_translated_as_the_pictures_in_them(served):
    rng = np.random.default_rng(0)
    grey = [rng.integers(0, 256, [8, 8, 1], np.uint8), np.full([20, 12, 1], 200, np.uint8)]
    files = [tf.io.encode_png(grey[0]), tf.io.encode_jpeg(grey[1], quality=100)]
    images = np.stack([grey[0] / 127.5 - 1.0, np.full(SHAPE, 200 / 127.5 - 1.0)]).astype(np.float32)
    answers = served["pix2pix"]["translate_bytes"](image_bytes=tf.stack(files))["image_bytes"].numpy()
    decoded = np.stack([tf.io.decode_png(file).numpy() for file in answers]) / 127.5 - 1.0
    expected = served["pix2pix"]["serving_default"](image=tf.constant(images))["image"]
    np.testing.assert_allclose(decoded, expected, atol=1 / 255 + 1e-3)


def test_a_file_that_is_no_picture_is_refused(served):
    with pytest.raises(tf.errors.InvalidArgumentError):
        served["pix2pix"]["translate_bytes"](image_bytes=tf.constant([b"GIF, it says"]))


def test_png_levels_are_rounded_and_clipped():
    images = tf.constant([-1.5, -1.0, 0.0, 0.999, 2.0, 100.4 / 127.5 - 1.0, 100.6 / 127.5 - 1.0], shape=[1, 1, 7, 1])
    levels = tf.io.decode_png(signatures.to_png(images)[0]).numpy().ravel()
    np.testing.assert_array_equal(levels, [0, 0, 128, 255, 255, 100, 101])


def test_pixels_from_a_file_run_from_minus_one_to_one_in_the_channels_asked_for():
    pixels = np.array([[[0, 0, 0], [255, 255, 255]], [[255, 255, 255], [0, 0, 0]]], np.uint8)
    image = signatures.from_bytes(tf.io.encode_png(pixels), 2, 2, 1)
    np.testing.assert_allclose(image[..., 0], [[-1, 1], [1, -1]], atol=1e-6)
    np.testing.assert_allclose(signatures.from_bytes(tf.io.encode_png(pixels), 1, 1, 3), [[[0, 0, 0]]], atol=1e-6)
