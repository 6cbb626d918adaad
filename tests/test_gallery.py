import io
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import keras
import numpy as np
import pytest
import streamlit as st
import tensorflow as tf
from PIL import Image
from serving.models import small
from streamlit.testing.v1 import AppTest

from tfgan_zoo import DCGAN, SNGAN, gallery, held_out, latent
from tfgan_zoo.errors import InputError
from tfgan_zoo.export import export
from tfgan_zoo.gallery import __main__ as command
from tfgan_zoo.gallery import components
from tfgan_zoo.networks.dcgan import dcgan_discriminator, dcgan_generator
from tfgan_zoo.networks.sn_resnet import sn_resnet_discriminator, sn_resnet_generator

SHAPE = (8, 8, 1)
ROOT = Path(__file__).resolve().parent.parent
PAGE = Path(gallery.__file__).with_name("page.py")


def words(x, text, truncation):
    """Grey pictures, the brighter the longer the text."""
    length = tf.cast(tf.strings.length(text), tf.float32)[:, None, None, None]
    return {"generated": tf.zeros([tf.shape(x)[0], 8, 8, 3]) + length / 10 * truncation}


def save(folder, **functions):
    """A SavedModel of functions; each comes with the specs of its inputs."""
    module = tf.Module()
    module.f = {name: tf.function(f, input_signature=specs, autograph=False) for name, (f, *specs) in functions.items()}
    tf.saved_model.save(module, str(folder), signatures=module.f)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Four models that can be shown and two that cannot."""
    folder = tmp_path_factory.mktemp("exported")
    keras.utils.set_random_seed(1)
    dcgan = DCGAN(dcgan_generator(SHAPE, latent_dim=10, width=8), dcgan_discriminator(SHAPE, width=8))
    labelled = {"num_classes": 3, "width": 4}
    sngan = SNGAN(
        sn_resnet_generator(SHAPE, latent_dim=4, **labelled), sn_resnet_discriminator(SHAPE, **labelled), num_classes=3
    )
    for variable in dcgan.generator.trainable_variables + sngan.generator.trainable_variables:
        # At first pictures are all but grey, and the same for all labels.
        variable.assign(variable + tf.random.stateless_normal(variable.shape, [1, 2]) * 0.1)
    export(dcgan, folder / "dcgan")
    export(sngan, folder / "sngan", {"data": {"description": "d", "licence": "l", "classes": ["A", "B", "C"]}})

    picture, vector = tf.TensorSpec([None, *SHAPE], name="image"), tf.TensorSpec([None, 2], name="x")
    text = tf.TensorSpec([None], tf.string, name="text")
    there, back = (lambda image: {"generated": image / 2}), (lambda image: {"generated": -image})
    save(folder / "both_ways" / "1", serving_default=(there, picture), b_to_a=(back, picture))
    save(folder / "words" / "1", serving_default=(words, vector, text, tf.TensorSpec([], name="truncation")))
    save(folder / "points" / "1", serving_default=(lambda x: {"generated": x}, vector))
    (folder / "damaged" / "3").mkdir(parents=True)
    (folder / "damaged" / "3" / "saved_model.pb").write_bytes(b"not a protobuf")
    (folder / "notes").mkdir()
    return folder


@pytest.fixture(scope="module")
def models(folder):
    return {model.name: model for model in gallery.discover(folder)}


def png(values):
    file = io.BytesIO()
    Image.fromarray(values).save(file, "PNG")
    return file.getvalue()


def test_models_are_found_in_a_folder_a_family_or_a_version(folder, models):
    assert list(models) == ["both_ways", "damaged", "dcgan", "points", "sngan", "words"]
    for place in ("dcgan", "dcgan/1"):
        assert [model.name for model in gallery.discover(folder / place)] == ["dcgan"]


def test_versions_are_shown_newest_first(tmp_path):
    for version in ("9", "10"):
        (tmp_path / "x" / version).mkdir(parents=True)
        (tmp_path / "x" / version / "saved_model.pb").write_bytes(b"damaged")
    assert [model.name for model in gallery.discover(tmp_path)] == ["x, version 10", "x, version 9"]


def test_what_a_model_gets_is_decided_by_its_signatures(models):
    def wants(name):
        return [(use.label, {n: t.control for n, t in use.inputs.items()}) for use in models[name].uses]

    assert wants("dcgan") == [("serving_default", {"z": "noise"})], "sample and discriminate add nothing"
    assert wants("sngan") == [("serving_default", {"z": "noise", "label": "label"})]
    assert wants("both_ways") == [("a_to_b", {"image": "image"}), ("b_to_a", {"image": "image"})]
    assert wants("words") == [("serving_default", {"x": "noise", "text": "text", "truncation": "truncation"})]
    assert models["sngan"].names("label") == ["A", "B", "C"] and models["dcgan"].names("label") == []


def test_what_cannot_be_shown_says_why(models):
    assert models["points"].uses == () and "serving_default gives generated" in models["points"].reason
    assert "cannot be read" in models["damaged"].reason


@pytest.mark.parametrize(("name", "law"), [("dcgan", "uniform"), ("sngan", "normal")])
def test_a_seed_gives_the_pictures_that_sample_gives(models, name, law):
    model = models[name]
    loaded, use = gallery.load(model.path), model.uses[0]
    prior = model.prior(use.inputs["z"].shape[1])
    assert prior.law == law
    z = gallery.draw(7, 5, prior)
    label = {"label": 2} if name == "sngan" else {}
    made = gallery.answer(loaded, use, {"z": z, **label}, 5)
    right = loaded.signatures["sample"](
        count=tf.constant(5), seed=tf.constant(7, tf.int64), **{n: tf.constant(v, tf.int64) for n, v in label.items()}
    )
    assert made.shape == (5, *SHAPE) and np.std(made) > 1e-3
    np.testing.assert_allclose(made, right["generated"], atol=1e-6)


def test_one_value_is_meant_for_each_example(models):
    given = {"x": np.zeros([3, 2], np.float32), "text": "four", "truncation": 0.5}
    made = gallery.answer(gallery.load(models["words"].path), models["words"].uses[0], given, 3)
    np.testing.assert_allclose(made, np.full([3, 8, 8, 3], 0.2), atol=1e-6)


def test_a_request_that_the_model_refuses_is_an_input_error(models):
    use = models["sngan"].uses[0]
    with pytest.raises(InputError, match="refuses this .*label must be from 0 to 2"):
        gallery.answer(gallery.load(models["sngan"].path), use, {"z": np.zeros([1, 4]), "label": 3})


def test_noise_is_moved_along_its_first_components_and_uniform_noise_stays_in_bounds():
    z = np.full([2, 4], 0.5, np.float32)
    np.testing.assert_allclose(gallery.shift(z, [1.0, -2.0], latent.Prior(4)), [[1.5, -1.5, 0.5, 0.5]] * 2)
    np.testing.assert_allclose(gallery.shift(z, [1.0, -2.0], latent.Prior(4, "uniform")), [[1.0, -1.0, 0.5, 0.5]] * 2)
    np.testing.assert_allclose(
        gallery.shift(z, [1.0, -2.0], latent.Prior(4, "uniform", 1.2)), [[1.2, -1.2, 0.5, 0.5]] * 2
    )
    np.testing.assert_allclose(
        gallery.shift(z, [1.0, -2.0], latent.Prior(4, "uniform", low=0.0)), [[1.0, 0.0, 0.5, 0.5]] * 2
    )
    assert np.all(z == 0.5)


def test_an_uploaded_file_becomes_the_picture_that_the_signature_wants():
    wanted = gallery.Tensor("image", "float32", (None, 4, 6, 3))
    half = np.repeat(np.uint8([[0], [255]]), 12, axis=0).repeat(36, axis=1)  # [24, 36], black above
    picture = gallery.from_file(png(half), wanted)
    assert picture.shape == (4, 6, 3)
    np.testing.assert_allclose(picture[0], -1, atol=1e-6)
    np.testing.assert_allclose(picture[3], 1, atol=1e-6)
    np.testing.assert_allclose(gallery.from_file(png(half), wanted, swap=True), -picture, atol=1e-6)
    free = gallery.Tensor("image", "float32", (None, None, None, 1))
    assert gallery.from_file(png(half), free).shape == (gallery.UNKNOWN_SIZE, gallery.UNKNOWN_SIZE, 1)
    with pytest.raises(InputError, match="cannot be read as a picture; give a PNG or JPEG file"):
        gallery.from_file(b"GIF? no", wanted)


def test_a_picture_of_any_size_keeps_its_own_and_the_answer_has_it(others, monkeypatch):
    (use,) = next(model for model in gallery.discover(others) if model.name == "pix2pix").uses
    assert (use.sizes, use.scale, use.inputs["image"].trained) == ((8, 8), 1, RECTANGLE[:2])
    assert gallery.canvas(use.inputs["image"]) == (128, 256), "of the shape of training"
    picture = gallery.from_file(png(np.full([11, 20], 100, np.uint8)), use.inputs["image"])
    assert picture.shape == (11, 20, 4)
    made = gallery.answer(gallery.load(others / "pix2pix" / "1"), use, {"image": picture})
    mirrored = np.pad(picture, [(0, 5), (0, 4), (0, 0)], "reflect")
    right = gallery.answer(gallery.load(others / "pix2pix" / "1"), use, {"image": mirrored})
    np.testing.assert_allclose(made, right[:, :11, :20], atol=1e-6)
    assert gallery.from_file(png(np.zeros([40, 20], np.uint8)), use.inputs["image"], sides=(8, 16)).shape == (8, 16, 4)
    monkeypatch.setattr(gallery, "LONGEST", 16)
    assert gallery.from_file(png(np.zeros([8, 40], np.uint8)), use.inputs["image"]).shape == (3, 16, 4)


def test_a_swap_of_black_and_white_leaves_opacity_as_it_is():
    wanted = gallery.Tensor("image", "float32", (None, 1, 1, 4))
    clear = png(np.uint8([[[255, 51, 0, 102]]]))
    np.testing.assert_allclose(gallery.from_file(clear, wanted), [[[1, -0.6, -1, -0.2]]], atol=1e-6)
    np.testing.assert_allclose(gallery.from_file(clear, wanted, swap=True), [[[-1, 0.6, 1, -0.2]]], atol=1e-6)


def test_a_mask_is_1_where_the_file_is_nearer_to_white():
    wanted = gallery.Tensor("mask", "float32", (None, 2, 3, 1))
    greys = png(np.uint8([[0, 120, 255], [130, 255, 10]]))
    mask = gallery.from_file(greys, wanted)
    assert mask.dtype == np.float32
    np.testing.assert_array_equal(mask[..., 0], [[0, 0, 1], [1, 1, 0]])
    np.testing.assert_array_equal(gallery.from_file(greys, wanted, swap=True), 1 - mask)
    picture = gallery.Tensor("image", "float32", (None, 2, 3, 1))
    seen = gallery.shown({"m": mask, "x": mask * 0.5 - 1}, {"x": picture, "m": wanted})
    np.testing.assert_array_equal(seen["m"][..., 0], [[-1, -1, 1], [1, 1, -1]])
    np.testing.assert_array_equal(seen["x"][..., 0], [[0, 0, -0.5], [-0.5, -0.5, 0]])


@pytest.mark.parametrize(
    ("shape", "size"),
    [((64, 64), (256, 256)), ((8, 12), (171, 256)), ((512, 128), (256, 64)), ((None, None), (256, 256))],
)
def test_a_canvas_has_the_shape_of_the_pictures(shape, size):
    assert gallery.canvas(gallery.Tensor("image", "float32", (None, *shape, 3))) == size


def test_a_sheet_has_rows_of_the_asked_length_and_enlarges_what_is_small():
    ramp = np.linspace(-1, 1, 6, dtype=np.float32)[:, None, None, None] * np.ones([1, 8, 8, 1], np.float32)
    picture = gallery.sheet(ramp, 3)
    assert picture.shape == (2 * 10 * 18, 3 * 10 * 18), "two rows of three, each with a margin of 1, 18 times as large"
    middles = picture[90::180, 90::180]
    np.testing.assert_array_equal(middles, [[0, 51, 102], [153, 204, 255]])
    film = gallery.sheet(ramp.reshape(2, 3, 8, 8, 1))
    np.testing.assert_array_equal(film, picture)
    assert gallery.sheet(np.zeros([1, 300, 200, 3], np.float32)).shape == (302, 202, 3)
    assert gallery.sheet(np.zeros([4, 300, 200, 4], np.float32), 4).shape == (302, 4 * 202, 4)
    assert gallery.sheet(np.zeros([2, 36, 12, 1], np.float32), 2).shape == (4 * 38, 4 * 2 * 14)


@pytest.fixture
def page(folder, monkeypatch):
    """The page, with this model chosen."""

    # Streamlit calls it after each run; it collects garbage, and TensorFlow forgets its kernels.
    monkeypatch.setattr(keras.backend, "clear_session", lambda: None)
    st.cache_data.clear()  # what a test before has drawn

    def open_page(name=None, where=folder):
        monkeypatch.setattr(sys, "argv", [str(PAGE), str(where)])
        app = AppTest.from_file(str(PAGE), default_timeout=120).run()
        if name:
            app.sidebar.selectbox[0].select(name).run()
        assert not app.exception and not app.error
        return app

    return open_page


def test_the_page_shows_models_with_cards_and_says_what_is_not_shown(page):
    app = page("dcgan")
    assert app.sidebar.selectbox[0].options == ["both_ways", "dcgan", "sngan", "words"]
    listed = " ".join(caption.value for caption in app.sidebar.caption)
    assert "**points** is not shown: no signature" in listed and "**damaged** is not shown: it cannot be read" in listed
    assert any(text.value.startswith("### dcgan") and "## Signatures" in text.value for text in app.markdown)
    assert len(app.image) == 2 and len(app.slider) == 1 + 8


def test_sliders_seeds_and_labels_change_the_pictures(page):
    app = page("sngan")
    seen = [app.image[0].value[0]]

    def changed():
        assert not app.exception and not app.error
        seen.append(app.image[0].value[0])
        return len(set(seen)) == len(seen)

    assert app.main.selectbox[0].options == ["A", "B", "C"]
    app.button[0].click().run()
    assert app.number_input[0].value == 1 and changed()
    app.slider[1].set_value(2.5).run()
    assert changed()
    app.main.selectbox[0].select_index(2).run()
    assert changed()
    strip = app.image[1].value[0]
    app.number_input[2].set_value(5).run()
    assert app.image[1].value[0] != strip and app.image[0].value[0] == seen[-1]


def test_a_text_and_a_truncation_are_asked_for_where_the_signature_takes_them(page):
    app = page("words")
    before = app.image[0].value[0]
    app.text_input[0].set_value("abc").run()
    assert app.image[0].value[0] != before
    assert [slider.label for slider in app.slider if "Truncation" in slider.label]


def test_an_uploaded_picture_is_translated_both_ways(page):
    app = page("both_ways")
    assert app.radio[0].options == ["a_to_b", "b_to_a"] and not app.image
    answers = []
    for way in ("a_to_b", "b_to_a"):
        app.radio[0].set_value(way).run()
        app.radio[1].set_value("Upload").run()
        app.file_uploader[0].upload("black.png", png(np.zeros([20, 20], np.uint8)), "image/png").run()
        assert not app.exception and not app.error and len(app.image) == 2
        answers.append(app.image[1].value[0])
        assert app.image[0].value[0] not in answers
    assert answers[0] != answers[1]
    app.file_uploader[0].upload("black.png", b"no picture", "image/png").run()
    assert "cannot be read as a picture" in app.error[0].value


RECTANGLE = (8, 16, 4)


@pytest.fixture(scope="module")
def others(tmp_path_factory):
    """Models of masks, of noise and pictures, of domains, and of rectangles with opacity."""
    folder = tmp_path_factory.mktemp("others")
    picture, mask = tf.TensorSpec([None, *SHAPE], name="image"), tf.TensorSpec([None, *SHAPE], name="mask")
    noise, domain = tf.TensorSpec([None, 2], name="z"), tf.TensorSpec([None], tf.int64, name="domain")

    def fill(image, mask):
        return {"generated": mask * image + (1 - mask) * 0.2}

    def variants(image, z):
        return {"generated": image * 0.5 + tf.tanh(z[:, :1])[:, None, None] * 0.5}

    def turn(image, domain):
        return {"generated": image * (1 - 2 * tf.cast(domain, tf.float32)[:, None, None, None])}

    save(folder / "holes" / "1", serving_default=(fill, picture, mask))
    save(folder / "variants" / "1", serving_default=(variants, picture, noise))
    save(folder / "domains" / "1", serving_default=(turn, picture, domain))
    for kind in ("dcgan", "pix2pix"):
        export(small(kind, RECTANGLE), folder / kind)
    return folder


def upload(app, *levels):
    """A file of one grey for each picture that is asked for."""
    for i in range(len(levels)):
        froms = [radio for radio in app.radio if radio.label == "From"]
        froms[i].set_value("Upload").run()
    for i, level in enumerate(levels):
        app.file_uploader[i].upload("x.png", png(np.full([20, 20], level, np.uint8)), "image/png").run()
    assert not app.exception and not app.error


@pytest.fixture
def sheets(monkeypatch):
    """The pictures that the page has drawn, the newest last; the page itself has only addresses of them."""
    drawn, sheet = [], gallery.sheet
    monkeypatch.setattr(gallery, "sheet", lambda *args, **kwargs: drawn.append(sheet(*args, **kwargs)) or drawn[-1])
    return drawn


def greys(sheets):
    """The level of each of pictures that are of one grey within their margins."""
    inside = [sheet[60:-60, 60:-60] for sheet in sheets]
    assert all((part == part[0, 0]).all() for part in inside)
    return [part[0, 0] for part in inside]


def test_ids_of_instances_are_those_of_connected_ink_and_a_picture_is_all_that_is_asked_for(page, tmp_path, sheets):
    def of_ids(image, instance):
        return {"generated": tf.cast(instance, tf.float32) / 2 - 1 + 0 * image}

    image = tf.TensorSpec([None, None, None, 1], name="image")
    ids = tf.TensorSpec([None, None, None, 1], tf.int32, name="instance")
    save(tmp_path / "ids" / "1", serving_default=(of_ids, image, ids))
    save(tmp_path / "alone" / "1", serving_default=(lambda instance: {"generated": tf.cast(instance, tf.float32)}, ids))
    alone, model = gallery.discover(tmp_path)
    assert alone.uses == () and "serving_default takes instance" in alone.reason
    picture = np.ones([9, 9, 1], np.float32)
    picture[1:3, 1:3] = picture[5:, 5:] = -1
    expected = np.full_like(picture, -1)
    expected[1:3, 1:3], expected[5:, 5:] = -0.5, 0
    loaded, (use,) = gallery.load(model.path), model.uses
    np.testing.assert_array_equal(gallery.answer(loaded, use, {"image": picture})[0], expected)
    both = np.stack([picture, np.ones_like(picture)])
    np.testing.assert_array_equal(gallery.answer(loaded, use, {"image": both})[1], np.full_like(picture, -1))
    app = page("ids", tmp_path)
    upload(app, 0)
    assert greys(sheets[-2:]) == [0, 64], "all ink: one instance"
    assert any("connected ink" in caption.value for caption in app.caption)


def test_a_mask_is_asked_for_like_a_picture_and_black_is_the_hole(page, others, sheets):
    app = page("holes", others)
    assert [radio.options for radio in app.main.radio] == [["Draw", "Upload"], ["Rectangle", "Draw", "Upload"]]
    assert not app.image
    upload(app, 255, 40)
    assert [image.proto.imgs[0].caption for image in app.image] == ["Image", "Mask", "The answer"]
    assert greys(sheets[-3:]) == [128, 0, 153], "the picture is grey in the hole"
    app.checkbox[1].check().run()  # black and white of the mask
    assert greys(sheets[-3:]) == [255, 255, 255]


def test_the_hole_may_be_a_rectangle_of_the_picture(page, others, sheets):
    mask = gallery.hole((10, 20), (30, 70), (0, 50))
    assert mask.shape == (10, 20, 1) and mask.dtype == np.float32
    np.testing.assert_array_equal(
        mask[..., 0], [[float(not (3 <= i < 7 and j < 10)) for j in range(20)] for i in range(10)]
    )
    for ends in ((0, 0), (100, 100), (50, 50)):
        assert gallery.hole((8, 8), ends, ends).sum() == 63, "one pixel"
    app = page("holes", others)
    app.radio[0].set_value("Upload").run()
    app.file_uploader[0].upload("x.png", png(np.full([20, 20], 255, np.uint8)), "image/png").run()
    assert not app.exception and [image.proto.imgs[0].caption for image in app.image] == ["Image", "Mask", "The answer"]
    size = sheets[-1].shape[0]
    assert [(sheet[size // 2, size // 2], sheet[size // 8, size // 2]) for sheet in sheets[-2:]] == [
        (0, 255),
        (153, 255),
    ]
    app.slider[0].set_value((80, 100)).run()
    assert sheets[-1][size // 2, size // 2] == 255


def test_a_picture_is_asked_for_beside_noise(page, others):
    app = page("variants", others)
    assert not app.image and not app.exception
    upload(app, 255)
    assert len(app.image) == 2 and len(app.slider) == 1 + 2
    before = app.image[0].value[0]
    app.slider[1].set_value(2.5).run()
    assert app.image[0].value[0] != before


def test_a_domain_is_asked_for_as_a_number(page, others, sheets):
    app = page("domains", others)
    upload(app, 255)
    assert greys(sheets[-2:]) == [255, 255]
    assert [number.label for number in app.number_input] == ["Domain"]
    app.number_input[0].set_value(1).run()
    assert greys(sheets[-2:]) == [255, 0]
    assert app.get("download_button")


def test_domains_are_chosen_by_name_where_the_metadata_has_them(page, others, sheets, tmp_path):
    shutil.copytree(others / "domains" / "1", tmp_path / "named" / "1")
    (tmp_path / "named" / "1" / "metadata.json").write_text(json.dumps({"data": {"domains": ["young", "old"]}}))
    app = page("named", tmp_path)
    assert app.main.selectbox[0].options == ["young", "old"] and not app.number_input
    upload(app, 255)
    app.main.selectbox[0].select_index(1).run()
    assert greys(sheets[-2:]) == [255, 0]


@pytest.fixture(scope="module")
def kept(folder, others, tmp_path_factory):
    """Models that came with held-out inputs, one with none, one of noise, and one of codes; with paper and scores."""
    place = tmp_path_factory.mktemp("kept")
    for name, source in (("holes", others), ("both_ways", folder), ("domains", others), ("dcgan", folder)):
        shutil.copytree(source / name / "1", place / name / "1")
    pictures = np.stack([np.full(SHAPE, level, np.float32) for level in (1.0, -1.0, 0.2)])
    mask = np.ones([3, *SHAPE], np.float32)
    mask[:, :, 4:] = 0
    data = {"description": "greys", "licence": "ours"}
    functions = {"serving_default": (["image", "mask"], ["generated"])}
    held_out.write(place / "holes" / "1", {"image": pictures, "mask": mask}, functions, data)
    functions = {name: (["image"], ["generated"]) for name in ("serving_default", "b_to_a")}
    held_out.write(place / "both_ways" / "1", {"a": pictures, "b": pictures[::-1]}, functions, data)

    def coded(z, category, continuous):
        shift = 0.1 * tf.cast(category[:, 0] + 2 * category[:, 1], tf.float32) + 0.2 * continuous[:, 0]
        return {"generated": tf.zeros([tf.shape(z)[0], *SHAPE]) + shift[:, None, None, None]}

    numbers = tf.TensorSpec([None, 2], tf.int64, name="category"), tf.TensorSpec([None, 1], name="continuous")
    save(place / "codes" / "1", serving_default=(coded, tf.TensorSpec([None, 2], name="z"), *numbers))
    about = {"title": "Codes", "arxiv": "1606.03657", "metrics": {"l1": 0.25}, "data": {"classes": ["A", "B"]}}
    (place / "codes" / "1" / "metadata.json").write_text(json.dumps(about))
    measured = [{"metric": "fd", "value": value, "protocol": {}} for value in (9.0, 7.5)]
    (place / "codes" / "1" / "metrics.json").write_text(json.dumps(measured))
    return place


def test_held_out_inputs_are_shown_translated_at_once_each_way_with_their_licence(page, kept, sheets):
    app = page("both_ways", kept)
    assert [image.proto.imgs[0].caption for image in app.image] == ["Image", "The answer", "greys. Licence: ours"]
    assert greys(sheets[-2:]) == [255, 191]
    next(radio for radio in app.radio if radio.label == "Which").set_value(1).run()
    assert greys(sheets[-2:]) == [0, 64], "another of them; all of them are drawn once"
    app.radio[0].set_value("b_to_a").run()
    assert greys(sheets[-3:-1]) == [153, 102], "b_to_a begins with b, whose first is the last of a"
    assert sheets[-1].shape == (3 * 18 * 10, 2 * 18 * 10)


def test_a_held_out_mask_belongs_to_its_picture(page, kept, sheets):
    app = page("holes", kept)
    froms = [radio for radio in app.main.radio if radio.label == "From"]
    assert [radio.options[0] for radio in froms] == ["Example", "Example"] and len(app.image) == 4
    size = sheets[-2].shape[0]
    assert [sheet[size // 2, [size // 4, size * 3 // 4]].tolist() for sheet in sheets[-4:-1]] == [
        [255, 128], [255, 0], [255, 153],
    ]  # fmt: skip
    froms[0].set_value("Upload").run()
    assert [r.options for r in app.main.radio if r.label == "From"][1] == ["Rectangle", "Draw", "Upload"]


def test_a_hole_is_drawn_on_the_picture_and_what_was_drawn_is_the_hole(page, kept, sheets, monkeypatch):
    drawn = []
    hole_above = np.repeat(np.uint8([[0], [255]]), 128, 0).repeat(256, 1)

    def draw(size, key, under=None, pen=14):
        drawn.append((size, under, pen))
        return png(hole_above) if under is not None else b""

    monkeypatch.setattr(components, "sketch", draw)
    app = page("holes", kept)
    [radio for radio in app.main.radio if radio.label == "From"][1].set_value("Draw").run()
    size, under, pen = drawn[-1]
    assert (size, pen) == ((256, 256), 24) and (under == 1).all()
    size = sheets[-2].shape[0]
    assert [sheet[[size // 4, size * 3 // 4], size // 2].tolist() for sheet in sheets[-2:]] == [[0, 255], [153, 255]]


def test_codes_are_asked_for_by_sliders_and_categories_by_numbers_not_by_the_names_of_classes(page, kept, sheets):
    app = page("codes", kept)
    assert [number.label for number in app.number_input][:3] == ["Category[0]", "Category[1]", "Seed"]
    assert not app.main.selectbox
    slider = next(slider for slider in app.slider if slider.label == "Continuous[0]")
    assert not [s for s in app.slider if s.label == "continuous[0]"], "they are given, not drawn"
    assert (sheets[-2][90::180, 90::180] == 128).all()
    slider.set_value(1.0).run()
    app.number_input[1].set_value(2).run()
    assert (sheets[-2][90::180, 90::180] == round(0.6 * 127.5 + 127.5)).all()


def test_the_overview_has_every_model_with_paper_scores_and_a_picture(page, kept):
    app = page(where=kept)
    app.sidebar.radio[0].set_value("All models").run()
    assert not app.exception and not app.error
    names = ["both_ways", "codes", "dcgan", "domains", "holes"]
    assert [header.value for header in app.subheader] == names
    captions = [caption.value for caption in app.main.caption]
    assert "Codes [arXiv](https://arxiv.org/abs/1606.03657)" in captions and "l1 0.25, fd 7.5" in captions
    assert len(app.image) == 4 and captions.count("It has to be given a picture.") == 1, "of domains none was kept"


def test_two_models_are_compared_on_one_seed(page, folder, sheets):
    app = page(where=folder)
    app.sidebar.radio[0].set_value("Two side by side").run()
    first, second = app.main.selectbox[:2]
    first.select("dcgan").run()
    assert app.main.selectbox[1].options == ["sngan", "words"], "those that take noise, too"
    assert [image.proto.imgs[0].caption for image in app.image] == ["dcgan", "sngan"]
    model = next(model for model in gallery.discover(folder) if model.name == "dcgan")
    z = gallery.draw(3, 16, model.prior(10))
    next(number for number in app.number_input if number.label == "Seed").set_value(3).run()
    assert not app.exception and not app.error
    np.testing.assert_array_equal(
        sheets[-2], gallery.sheet(gallery.answer(gallery.load(model.path), model.uses[0], {"z": z}, 16))
    )


def test_two_models_are_compared_on_one_picture(page, kept, sheets):
    app = page(where=kept)
    app.sidebar.radio[0].set_value("Two side by side").run()
    assert app.main.selectbox[0].value == "both_ways"
    app.main.selectbox[1].select("domains").run()
    assert not app.exception and [image.proto.imgs[0].caption for image in app.image] == ["both_ways", "domains"]
    size = sheets[-1].shape[1]
    ends = [sheet[size // 4, [size // 4, size * 3 // 4]].tolist() for sheet in sheets[-2:]]
    assert ends == [[255, 191], [255, 255]], "the held-out picture of the first goes to both"
    app.number_input[0].set_value(1).run()
    assert sheets[-1][size // 4, size * 3 // 4] == 0


def test_a_picture_and_the_answer_to_it_are_put_beside_each_other_whatever_their_sizes():
    small_one, answer = np.float32([[[-1.0], [1.0]]]), np.zeros([2, 4, 4], np.float32)
    both = gallery.beside([small_one], answer)
    assert both.shape == (2, 2, 4, 4)
    np.testing.assert_array_equal(both[0, :, :, 0], [[-1, -1, 1, 1]] * 2)
    np.testing.assert_array_equal(both[0, :, :, 3], np.ones([2, 4]), "what has no opacity is opaque")


def test_without_a_folder_there_are_those_of_exported_and_those_that_came_with_the_package(kept, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shipped = tmp_path / "package"
    shutil.copytree(kept / "codes", shipped / "codes")
    monkeypatch.setattr(gallery, "SHIPPED", shipped)
    assert [model.name for model in gallery.find()] == ["codes, shipped"]
    shutil.copytree(kept / "codes", tmp_path / "exported" / "codes")
    assert [model.name for model in gallery.find()] == ["codes", "codes, shipped"]
    assert [model.name for model in gallery.find("exported")] == ["codes"]
    with pytest.raises(InputError, match="holds no exported model"):
        gallery.find("exprted")


SHIPPED = sorted(path.parent for path in gallery.SHIPPED.glob("*/*/saved_model.pb"))


def test_the_models_that_come_with_the_package_are_few_small_and_packed_with_it():
    sizes = [sum(p.stat().st_size for p in path.rglob("*") if p.is_file()) for path in SHIPPED]
    assert len(SHIPPED) >= 3 and max(sizes) <= 1.5 * 2**20 and sum(sizes) <= 12 * 2**20
    assert all(path.is_dir() for path in gallery.SHIPPED.iterdir()), "models.config would be of exported/"
    assert 'package_data={"tfgan_zoo.gallery": ["models/**"]}' in (ROOT / "setup.py").read_text()


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.parent.name)
def test_a_model_that_comes_with_the_package_is_shown_at_once_and_says_what_it_is(path):
    model = gallery.describe(path, path.parent.name)
    assert model.link and "DejaVu fonts licence" in model.card and "Kernels are stored as float16" in model.card
    assert not re.search(r"(?<![\w.])/(?:tmp|home|work|root)/", model.card + json.dumps(model.metadata))
    assert gallery.look(model, gallery.load(path)).std() > 30


def test_the_file_of_an_answer_holds_its_pixels_alone():
    picture = np.linspace(-1, 1, 12, dtype=np.float32).reshape(3, 4, 1)
    np.testing.assert_array_equal(tf.io.decode_png(gallery.png(picture)), np.round(picture * 127.5 + 127.5))
    assert tf.io.decode_png(gallery.png(np.zeros([2, 3, 4, 1], np.float32))).shape == (6, 4, 1)


def test_rectangles_with_opacity_are_answered_and_shown(page, others, sheets):
    models = {model.name: model for model in gallery.discover(others)}
    (use,) = models["dcgan"].uses
    loaded = gallery.load(models["dcgan"].path)
    made = gallery.answer(loaded, use, {"z": gallery.draw(7, 3, models["dcgan"].prior(6))}, 3)
    right = loaded.signatures["sample"](count=tf.constant(3), seed=tf.constant(7, tf.int64))["generated"]
    assert made.shape == (3, *RECTANGLE)
    np.testing.assert_allclose(made, right, atol=1e-6)

    app = page("dcgan", others)
    assert len(app.image) == 2
    assert sheets[0].shape == (18 * 4 * 10, 18 * 4 * 18, 4), "4 rows of 4, 18 times as large"
    app = page("pix2pix", others)
    upload(app, 100)
    assert len(app.image) == 2 and [sheet.shape for sheet in sheets[-2:]] == [(12 * 22, 12 * 22, 4)] * 2
    np.testing.assert_array_equal(np.unique(sheets[-2].reshape(-1, 4), axis=0), [[100, 100, 100, 255], [128] * 4])


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def shake_hands(port, host, origin):
    """The status that a browser gets which opens the page's WebSocket."""
    request = (
        f"GET /_stcore/stream HTTP/1.1\r\nHost: {host}\r\nOrigin: {origin}\r\nUpgrade: websocket\r\n"
        "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(request.encode())
        return int(connection.recv(100).split()[1])


@pytest.mark.parametrize(
    ("host", "names"),
    [("127.0.0.1", ["127.0.0.1", "localhost"]), ("192.0.2.1", ["192.0.2.1"]), ("::1", ["::1"]), ("0.0.0.0", ["*"])],
)
def test_the_page_is_called_by_the_name_of_the_address_it_listens_on(host, names):
    assert command._names(host) == names


def test_the_server_answers_on_this_machine_only(folder):
    port = free_port()
    arguments = [sys.executable, "-m", "tfgan_zoo.gallery", str(folder), f"--port={port}", "--no-browser"]
    outside = socket.create_server(("127.0.0.1", 0))  # whatever the server fetches, it fetches here
    proxy = f"http://127.0.0.1:{outside.getsockname()[1]}"
    environment = {**os.environ, "http_proxy": proxy, "https_proxy": proxy, "no_proxy": ""}
    with (
        outside,
        subprocess.Popen(
            arguments, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment
        ) as server,
    ):
        try:
            for _ in range(600):
                try:
                    health = urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=5).read()
                    break
                except urllib.error.URLError:
                    assert server.poll() is None, server.stdout.read()
                    time.sleep(0.2)
            assert health == b"ok"
            html = urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5).read().decode()
            assert re.findall(r'(?:src|href)="(?:https?:)?//[^"]*"', html) == [], "nothing comes from elsewhere"
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection(("127.0.0.2", port), timeout=5)  # would be answered on 0.0.0.0
            here, elsewhere = f"127.0.0.1:{port}", f"elsewhere.example:{port}"
            assert shake_hands(port, here, f"http://{here}") == 101
            assert shake_hands(port, f"localhost:{port}", f"http://localhost:{port}") == 101
            assert shake_hands(port, elsewhere, f"http://{elsewhere}") == 403, "a name that was turned to here"
            assert shake_hands(port, here, f"http://{elsewhere}") == 403, "a page of elsewhere"
            outside.settimeout(0.2)
            with pytest.raises(TimeoutError):
                outside.accept()
        finally:
            server.kill()  # an orderly end of a process with TensorFlow takes seconds


def test_bad_input_ends_with_2_and_one_line(folder, tmp_path, monkeypatch, capsys):
    def refused(*arguments):
        with pytest.raises(SystemExit) as end:
            command.main(list(arguments))
        error = capsys.readouterr().err
        assert end.value.code == 2 and error.startswith("error: ") and error.count("\n") == 1
        return error

    assert f"{tmp_path} holds no exported model" in refused(str(tmp_path))
    assert "--port=0 must be from 1 to 65535" in refused(str(folder), "--port=0")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert f"127.0.0.1:{port} cannot be listened on" in refused(str(folder), f"--port={port}")
    monkeypatch.setattr(command.importlib.util, "find_spec", lambda name: None)
    assert "make gallery, or pip install streamlit" in refused(str(folder))


def test_metadata_that_is_no_json_or_has_an_unknown_law_of_noise_is_a_reason(folder, tmp_path):
    (tmp_path / "saved_model.pb").write_bytes((folder / "words" / "1" / "saved_model.pb").read_bytes())
    for text in ("{", "[]", '{"noise": "uniform"}', '{"noise": {"law": "cauchy"}}', '{"noise": {"sigma": 1}}'):
        (tmp_path / "metadata.json").write_text(text)
        assert "cannot be read" in gallery.discover(tmp_path)[0].reason, text
    (tmp_path / "metadata.json").write_text(json.dumps({"noise": {"law": "uniform", "bound": 2.0}}))
    assert gallery.discover(tmp_path)[0].prior(3) == latent.Prior(3, "uniform", 2.0)
    (tmp_path / "metadata.json").unlink()
    assert gallery.discover(tmp_path)[0].prior(3) == latent.Prior(3)


def test_a_model_with_a_strange_card_or_strange_metadata_is_shown_without_what_is_strange(folder, tmp_path, page):
    def version(name, card, metadata):
        path = tmp_path / name / "1"
        shutil.copytree(folder / "both_ways" / "1", path)
        (path / "README.md").write_bytes(card)
        (path / "metadata.json").write_text(json.dumps(metadata))

    picture = b"![x](http://192.0.2.1/x.png) !![y][1] <img src=http://192.0.2.1/y.png>\n\n[1]: http://192.0.2.1/z.png"
    version("linked", b"# Card\n" + picture, {"title": picture.decode()})
    version("odd", b"caf\xe9", {"title": 5, "data": [1], "picture_files": "crop"})
    version("odder", b"", {"data": {"classes": 7}, "picture_files": {"fit": ["x"]}})
    models = {model.name: model for model in gallery.discover(tmp_path)}
    assert models["odd"].card == "caf\ufffd" and models["odd"].title == str(models["odd"].path)
    assert [(models[name].names("label"), models[name].fit) for name in ("odd", "odder")] == [([], "crop")] * 2
    for name in models:
        app = page(name, tmp_path)
        texts = [element.value for element in (*app.markdown, *app.caption)]
        assert not [text for text in texts if "![" in text or "<img" in text]
    assert "## Card" in gallery.without_pictures("## Card") and gallery.without_pictures("a! [b]") == "a! [b]"


def test_a_picture_of_another_shape_is_made_to_fit_as_the_model_was_trained():
    wanted = gallery.Tensor("image", "float32", (None, 4, 4, 1))
    wide = png(np.uint8([[0, 0, 0, 0, 255, 255, 255, 255]]).repeat(4, 0))
    middle = gallery.from_file(wide, wanted)
    np.testing.assert_array_equal(middle[..., 0], [[-1, -1, 1, 1]] * 4)
    framed = gallery.from_file(wide, wanted, fit="pad")
    np.testing.assert_array_equal(framed[[0, 3], :, 0], np.ones([2, 4]))
    bomb = png(np.zeros([4, 4], np.uint8))
    bomb = bomb[:16] + (20_000).to_bytes(4, "big") * 2 + bomb[24:]
    with pytest.raises(InputError, match="more than 50,000,000 pixels; give a smaller one"):
        gallery.from_file(bomb, wanted)
