"""Names, examples of requests, and picture files."""

import json

import numpy as np
import pytest
import tensorflow as tf
from serving import proofs
from serving.models import small

from tfgan_zoo import gallery, latent, litert, served_files, signatures
from tfgan_zoo.export import export


def spec(name, *shape, dtype=tf.float32):
    return tf.TensorSpec(shape, dtype, name=name)


SPECS = [
    spec("z", None, 5), spec("image", None, 8, 12, 3), spec("point", None, 2), spec("mask", None, 8, 12, 1),
    spec("frames", None, 2, 8, 12, 3), spec("truncation"), spec("generated", None, 8, 8, 1), spec("logits", None, 1),
    spec("label", None, dtype=tf.int64), spec("domain", None, dtype=tf.int64), spec("count", dtype=tf.int32),
    spec("seed", dtype=tf.int64), spec("image_bytes", None, dtype=tf.string), spec("text", None, dtype=tf.string),
    spec("generated_bytes", None, dtype=tf.string),
]  # fmt: skip


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)
def test_the_example_of_a_name_fits_its_spec_and_its_meaning(spec):
    array = signatures.example(spec, 3)
    tensor = tf.constant(array, spec.dtype)  # as it is sent
    assert tensor.shape == [3 if d is None else d for d in spec.shape] and signatures.NAMES[spec.name].meaning
    np.testing.assert_array_equal(signatures.example(spec, 3), array, err_msg="the same each time")
    if spec.dtype != tf.string:
        assert array.dtype == spec.dtype.as_numpy_dtype and np.isfinite(array).all()
    if spec.name in ("image", "generated", "z"):
        assert -1 <= array.min() < -0.5 and 0.5 < array.max() <= 1
    if spec.name == "mask":
        assert set(np.unique(array)) == {0.0, 1.0}
    if spec.name in ("label", "domain"):
        np.testing.assert_array_equal(array, [0, 1, 0])
    if spec.name == "count":
        assert array == 3
    if spec.name.endswith("_bytes"):
        assert {tuple(tf.io.decode_png(file).shape) for file in array} == {(20, 12, 3)} and len(set(array)) == 3


def test_every_name_is_tried():
    assert {spec.name for spec in SPECS} == set(signatures.NAMES)


def test_every_control_is_one_that_the_gallery_has():
    assert {name.control for name in signatures.NAMES.values()} - {""} <= set(gallery.FITS)


def test_an_unknown_name_gets_an_example_by_its_type_and_free_sides_are_16():
    assert signatures.example(spec("photo", None, None, 8, 3), 2).shape == (2, 16, 8, 3)
    (file,) = signatures.example(spec("scan", None, dtype=tf.string))
    assert tf.io.decode_png(file).shape == [20, 12, 3]


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)
def test_the_code_that_is_printed_makes_one_example(spec):
    made = eval(signatures.code(spec, latent.Prior(5)), {"tf": tf})
    assert made.dtype == spec.dtype and made.shape == [1 if d is None else d for d in spec.shape]


def test_the_code_of_z_draws_by_the_law_of_the_model():
    z = spec("z", None, 5)
    assert signatures.code(z, latent.Prior(5)) == "tf.random.normal([1, 5])"
    assert signatures.code(z, latent.Prior(5, "uniform", 2.0)) == "tf.random.uniform([1, 5], -2.0, 2.0)"
    assert signatures.code(z) == "tf.zeros([1, 5])"


def test_a_new_name_is_known_everywhere_at_once(tmp_path, monkeypatch):
    angle = signatures.Name("degrees to turn by", lambda shape, rng: np.full(shape, 7.0), "truncation")
    monkeypatch.setitem(signatures.NAMES, "angle", angle)
    model = small("points")
    specs = [spec("z", None, 3), spec("angle")]

    def turned(times):
        def serve(z, angle):
            picture = tf.zeros([tf.shape(z)[0], 4, 4, 1])
            return {"generated": picture + times * angle + tf.reshape(model.generator(z)[:, :1], [-1, 1, 1, 1])}

        return {"serving_default": (serve, specs)}

    paths = []
    for times in (1.0, 3.0):
        model.signatures = lambda times=times: turned(times)
        paths.append(export(model, tmp_path / "turned"))
    card = (paths[0] / "README.md").read_text(encoding="utf-8")
    assert "- `angle`: degrees to turn by" in card
    described = json.loads((paths[0] / "metadata.json").read_text(encoding="utf-8"))["signatures"]["serving_default"]
    assert described["inputs"]["angle"] == {"dtype": "float32", "shape": [], "meaning": "degrees to turn by"}
    (request,) = proofs.warmup(paths[0])
    assert tf.make_ndarray(request.inputs["angle"]) == 7.0
    (use,) = gallery.describe(paths[0], "turned").uses
    assert use.inputs["angle"].control == "truncation"
    difference = litert.largest_difference(litert.convert(paths[0]), paths[1])
    np.testing.assert_allclose(difference, (3 - 1) * 7, rtol=1e-6)


# --- picture files


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_a_file_holds_the_pictures_and_gives_them_back_in_1_3_and_4_channels(channels):
    levels = np.random.default_rng(0).integers(0, 256, [2, 3, 5, channels])
    files = signatures.to_png(tf.constant(levels / 127.5 - 1.0, tf.float32))
    assert files.dtype == tf.string and files.shape == [2]
    pictures = served_files.read(files, 3, 5, channels)
    assert pictures.dtype == tf.float32 and pictures.shape == [2, 3, 5, channels]
    np.testing.assert_allclose(pictures, levels / 127.5 - 1.0, atol=1e-6)


def test_png_levels_are_rounded_and_clipped():
    images = tf.constant([-1.5, -1.0, 0.0, 0.999, 2.0, 100.4 / 127.5 - 1.0, 100.6 / 127.5 - 1.0], shape=[1, 1, 7, 1])
    levels = tf.io.decode_png(signatures.to_png(images)[0]).numpy().ravel()
    np.testing.assert_array_equal(levels, [0, 0, 128, 255, 255, 100, 101])
