import datetime
import errno
import io
import json
import os
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from google.protobuf import text_format
from PIL import Image
from serving import proofs
from serving.models import SHAPE, small
from tensorflow_serving.config import model_server_config_pb2

from tfgan_zoo import SNGAN, GoGAN, PixelCNN, held_out, latent, signatures
from tfgan_zoo.errors import InputError
from tfgan_zoo.export import WRITTEN_HERE, export
from tfgan_zoo.networks.mlp import mlp_discriminator, mlp_generator
from tfgan_zoo.networks.pixel_cnn import gated_pixel_cnn


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """kind -> (live model, path of its version 1)."""
    models = {kind: small(kind) for kind in ("dcgan", "pix2pix")}
    return {k: (m, export(m, tmp_path_factory.mktemp("exported") / k)) for k, m in models.items()}


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
    np.save(kind + ".answer", model(**{name: tf.constant(np.load(kind + ".npy"))})["generated"])
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
        np.testing.assert_allclose(answer, live["generated"], atol=1e-6)


def test_versions_count_up_from_the_highest_there_is(tmp_path):
    model = small("points")
    assert export(model, tmp_path / "new" / "dcgan") == tmp_path / "new" / "dcgan" / "1"
    for other in ("9", "10", "notes", "11.old"):
        (tmp_path / "new" / "dcgan" / other).mkdir()
    assert export(model, str(tmp_path / "new" / "dcgan")).name == "11"


@pytest.mark.parametrize("moment", ["save", "card", "rename"])
def test_a_failure_leaves_no_new_version_and_the_old_ones_as_they_were(tmp_path, monkeypatch, moment):
    model = small("points")
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
    assert sorted(path.name for path in [export(model, tmp_path), *tmp_path.glob("[0-9]*")]) == ["1", "2", "2"]


def test_an_export_folder_that_is_a_file_is_an_input_error(tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(InputError, match="^the export folder .*file is a file; give another"):
        export(small("points"), tmp_path / "file")
    assert (tmp_path / "file").read_text() == "mine"


TAKES_AND_GIVES = {
    "dcgan": [
        "| `serving_default` | `z` float32 [B, 6] | `generated` float32 [B, 8, 8, 1] |",
        "| `sample` | `count` int32 [], `seed` int64 [] | `generated` float32 [B, 8, 8, 1] |",
        "| `sample_png` | `count` int32 [], `seed` int64 [] | `generated_bytes` string [B] |",
        "| `discriminate` | `image` float32 [B, 8, 8, 1] | `logits` float32 [B, 1] |",
    ],
    "pix2pix": [
        "| `serving_default` | `image` float32 [B, H, W, 1] | `generated` float32 [B, H, W, 1] |",
        "| `translate_bytes` | `image_bytes` string [B] | `generated_bytes` string [B] |",
    ],
}


@pytest.mark.parametrize("kind", ["dcgan", "pix2pix"])
def test_the_model_card_lists_every_signature_with_what_it_takes_and_gives(exported, kind):
    model, path = exported[kind]
    card = (path / "README.md").read_text(encoding="utf-8")
    assert card.startswith(f"# {kind}\n") and "- `image`: pictures in [-1, 1]" in card
    rows = [line for line in card.splitlines() if line.startswith("| `")]
    assert rows == TAKES_AND_GIVES[kind]
    assert len(rows) == len(model.signatures())


ABOUT = {
    "family": "dcgan",
    "seed": 5,
    "command": "python recipes/dcgan.py --seed=5",
    "commit": "0123abc+",
    "device": "2 CPU cores",
    "data": {"name": "shapes", "description": "shapes: 9 images", "licence": "CC0", "classes": ["round", "square"]},
    "metrics": {"fd": 1.5},
    "protocol": {"extractor": "pixels", "seed": 7},
    "config": {"batch_size": 4},
}


def test_what_is_known_about_a_run_is_in_the_card_and_in_the_metadata(tmp_path):
    model = small("dcgan")
    model.step.assign(12)
    path = export(model, tmp_path / "faces", ABOUT)
    metadata = json.loads((path / "metadata.json").read_text(encoding="utf-8"))
    assert {name: metadata[name] for name in ABOUT} == ABOUT
    assert (metadata["class"], metadata["arxiv"], metadata["step"], metadata["version"]) == (
        "DCGAN",
        "1511.06434",
        12,
        1,
    )
    assert metadata["title"].startswith("Unsupervised Representation Learning with Deep")
    assert metadata["precision"] == "float32" and metadata["packages"]["tensorflow"] == tf.__version__
    assert metadata["parameters"]["generator"] == model.generator.count_params()
    made = datetime.datetime.fromisoformat(metadata["created"])
    assert made.utcoffset() == datetime.timedelta(0)
    assert metadata["signatures"]["sample"] == {
        "inputs": {
            "count": {"dtype": "int32", "shape": [], "meaning": "how many, 1 to 1024"},
            "seed": {"dtype": "int64", "shape": [], "meaning": "any; the same gives the same"},
        },
        "outputs": {
            "generated": {
                "dtype": "float32",
                "shape": [None, 8, 8, 1],
                "meaning": "pictures in [-1, 1], or points on the scale of the data, that the model made",
            }
        },
    }
    card = (path / "README.md").read_text(encoding="utf-8")
    for said in (
        "# dcgan\n", "1511.06434", "Data: shapes: 9 images. Licence: CC0", "Classes, from label 0: round, square",
        "Trained for 12 steps with `python recipes/dcgan.py --seed=5`", "Seed 5", "Commit 0123abc+",
        "Precision float32 on 2 CPU cores", "| fd | 1.5000 |", "Measured with: extractor pixels, seed 7.",
        "| `batch_size` | 4 |", "as version 1",
    ):  # fmt: skip
        assert said in card, said


def test_a_version_number_is_not_used_again_when_its_version_was_deleted(tmp_path):
    model = small("points")
    last = [export(model, tmp_path / "dcgan") for _ in range(2)][-1]
    last.rename(tmp_path / "gone")
    assert export(model, tmp_path / "dcgan").name == "3"


def test_two_exports_at_once_get_a_number_each(tmp_path, monkeypatch):
    model, rename = small("points"), os.rename

    def beaten(source, target):
        if target == tmp_path / "dcgan" / "1":
            raise OSError(errno.ENOTEMPTY, "Directory not empty")
        rename(source, target)

    monkeypatch.setattr(os, "rename", beaten)
    path = export(model, tmp_path / "dcgan")
    assert path.name == "2" and json.loads((path / "metadata.json").read_text())["version"] == 2


def listed(folder):
    text = (folder / "models.config").read_text(encoding="utf-8")
    parsed = text_format.Parse(text, model_server_config_pb2.ModelServerConfig())
    return [(c.name, c.base_path, c.model_platform) for c in parsed.model_config_list.config]


def test_the_servers_config_lists_every_model_there_is_and_nothing_else(tmp_path):
    model = small("points")
    for other in ("empty", "notes/1", "old/.unfinished-7", "pix2pix/x"):
        (tmp_path / other).mkdir(parents=True)
    (tmp_path / "README.md").write_text("mine")
    export(model, tmp_path / "dcgan")
    assert listed(tmp_path) == [("dcgan", "/models/dcgan", "tensorflow")]
    export(model, tmp_path / "pix2pix")
    export(model, tmp_path / "dcgan")
    assert listed(tmp_path) == [("dcgan", "/models/dcgan", "tensorflow"), ("pix2pix", "/models/pix2pix", "tensorflow")]
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".")] == []


def test_a_servers_config_that_someone_wrote_is_left_as_it_is(tmp_path):
    model, own = small("points"), tmp_path / "models.config"
    own.write_text("model_config_list {}")
    export(model, tmp_path / "dcgan")
    assert own.read_text() == "model_config_list {}"
    own.write_text(WRITTEN_HERE)
    export(model, tmp_path / "dcgan")
    assert listed(tmp_path) == [("dcgan", "/models/dcgan", "tensorflow")]


def test_a_servers_config_that_cannot_be_written_is_a_warning_and_the_model_is_there(tmp_path):
    (tmp_path / "models.config").mkdir()
    with pytest.warns(UserWarning, match="models.config could not be written"):
        path = export(small("points"), tmp_path / "dcgan")
    assert (path / "saved_model.pb").exists()


@pytest.mark.parametrize("kind", ["dcgan", "pix2pix"])
def test_the_warm_up_file_has_a_request_of_one_example_for_each_signature(exported, served, kind):
    path = exported[kind][1]
    requests = proofs.warmup(path)
    assert {request.model_spec.name for request in requests} == {kind}
    assert sorted(request.model_spec.signature_name for request in requests) == sorted(served[kind])
    for request in requests:
        inputs = {name: tf.make_ndarray(value) for name, value in request.inputs.items()}
        [answer] = proofs.by_python(served[kind], [(request.model_spec.signature_name, inputs)])
        assert {len(value) for value in answer.values()} == {1}


def ask(function, count, seed):
    return function(count=tf.constant(count, tf.int32), seed=tf.constant(seed, tf.int64))


@pytest.mark.parametrize("name", ["sample", "sample_png"])
@pytest.mark.parametrize("count", [0, -3, signatures.MAX_COUNT + 1, 2**31 - 1])
def test_a_count_out_of_range_is_refused(served, name, count):
    with pytest.raises(tf.errors.InvalidArgumentError, match="count must be from 1 to 1024"):
        ask(served["dcgan"][name], count, 0)


def test_the_most_that_may_be_asked_for_is_answered(served):
    assert ask(served["dcgan"]["sample"], signatures.MAX_COUNT, 0)["generated"].shape == [signatures.MAX_COUNT, *SHAPE]


def test_a_seed_gives_the_same_pictures_each_time_and_another_seed_others(served):
    first = ask(served["dcgan"]["sample"], 4, 7)["generated"].numpy()
    np.testing.assert_array_equal(ask(served["dcgan"]["sample"], 4, 7)["generated"], first)
    apart = np.abs(first - ask(served["dcgan"]["sample"], 4, 2**40 + 7)["generated"]).reshape(4, -1).max(1)
    among = np.abs(first[:-1] - first[1:]).reshape(3, -1).max(1)
    assert min(*apart, *among) > 1e-3


def test_a_png_is_the_picture_that_sample_gives_to_half_a_level(served):
    images = ask(served["dcgan"]["sample"], 3, 5)["generated"]
    files = ask(served["dcgan"]["sample_png"], 3, 5)["generated_bytes"].numpy()
    decoded = np.stack([tf.io.decode_png(file).numpy() for file in files])
    assert decoded.shape == images.shape
    np.testing.assert_allclose(decoded / 127.5 - 1.0, images, atol=1 / 255 + 1e-6)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize(
    ("kind", "name", "key"),
    [("dcgan", "serving_default", "z"), ("dcgan", "discriminate", "image"), ("pix2pix", "serving_default", "image")],
)
def test_a_number_that_is_not_finite_is_refused(served, kind, name, key, value):
    function = served[kind][name]
    given = np.zeros([2, *(d or 8 for d in proofs.specs(function)[key].shape[1:])], np.float32)
    given.flat[-1] = value
    with pytest.raises(tf.errors.InvalidArgumentError, match=f"{key} must be finite"):
        function(**{key: tf.constant(given)})


def test_an_answer_that_would_not_be_finite_is_refused(served):
    with pytest.raises(tf.errors.InvalidArgumentError, match="logits would not be finite"):
        served["dcgan"]["discriminate"](image=tf.fill([1, *SHAPE], np.float32(3e38)))


@pytest.mark.parametrize(
    ("kind", "name"),
    [("dcgan", "serving_default"), ("dcgan", "discriminate"), ("pix2pix", "serving_default"),
     ("pix2pix", "translate_bytes")],
)  # fmt: skip
def test_no_examples_are_refused(served, kind, name):
    function = served[kind][name]
    ((key, spec),) = proofs.specs(function).items()
    with pytest.raises(tf.errors.InvalidArgumentError, match=f"{key} must hold one example or more"):
        function(**{key: tf.zeros([0, *(d or 8 for d in spec.shape[1:])], spec.dtype)})


@pytest.fixture(scope="module")
def labelled(tmp_path_factory):
    z, label, image = keras.Input((2,)), keras.Input((), dtype="int64"), keras.Input((4, 4, 1))
    keras.utils.set_random_seed(1)
    picture = keras.layers.Dense(16)(keras.layers.Concatenate()([z, keras.layers.Embedding(3, 2)(label)]))
    generator = keras.Model([z, label], keras.layers.Reshape((4, 4, 1))(picture))
    score = keras.layers.Dense(2)(keras.layers.Flatten()(image))
    discriminator = keras.Model([image, label], keras.layers.Dot(-1)([score, keras.layers.Embedding(3, 2)(label)]))
    path = export(SNGAN(generator, discriminator, num_classes=3), tmp_path_factory.mktemp("labelled") / "sngan")
    return tf.saved_model.load(str(path)).signatures


@pytest.mark.parametrize("label", [[-1, 0], [0, 3], [0], [0, 1, 2]])
def test_a_label_out_of_range_or_without_its_example_is_refused(labelled, label):
    label = tf.constant(label, tf.int64)
    says = "label must be from 0 to 2" if len(label) == 2 else "there must be one label per example"
    for name, given in (
        ("serving_default", {"z": tf.zeros([2, 2])}),
        ("discriminate", {"image": tf.zeros([2, 4, 4, 1])}),
    ):
        with pytest.raises(tf.errors.InvalidArgumentError, match=says):
            labelled[name](label=label, **given)


@pytest.mark.parametrize("count", [-1, 2**31 - 1])
def test_a_count_out_of_range_is_refused_before_as_many_labels_are_made(labelled, count):
    with pytest.raises(tf.errors.InvalidArgumentError, match="count must be from 1 to 1024"):
        labelled["sample"](count=tf.constant(count), seed=tf.constant(0, tf.int64), label=tf.constant(1, tf.int64))


def test_pictures_of_any_size_that_fits_are_translated_and_others_are_refused(exported, served):
    function, live = served["pix2pix"]["serving_default"], exported["pix2pix"][0]
    for sides in ([8, 8], [24, 16], [8, 40]):
        image = tf.random.stateless_uniform([2, *sides, 1], [1, 2], -1, 1)
        made = function(image=image)["generated"]
        assert made.shape == image.shape and np.std(made) > 0.01
        np.testing.assert_allclose(live(image)["generated"], made, atol=1e-5)
        np.testing.assert_allclose(live.predict(image, verbose=0)["generated"], made, atol=1e-5)
    for sides in ([8, 12], [4, 8], [1, 1]):
        with pytest.raises(tf.errors.InvalidArgumentError, match="image must have sides that are multiples of 8"):
            function(image=tf.zeros([1, *sides, 1]))


def test_files_of_any_size_are_translated_in_their_own_size(served):
    rng = np.random.default_rng(0)
    sides = [(8, 8), (20, 13), (16, 8), (1, 3)]
    greys = [rng.integers(0, 256, [*side, 1], np.uint8) for side in sides]
    answers = served["pix2pix"]["translate_bytes"](image_bytes=tf.stack(list(map(tf.io.encode_png, greys))))
    for grey, file in zip(greys, answers["generated_bytes"].numpy(), strict=True):
        height, width, _ = grey.shape
        image = np.pad(grey[..., 0] / 127.5 - 1, [(0, -height % 8), (0, -width % 8)], "reflect")
        expected = served["pix2pix"]["serving_default"](image=tf.constant(image[None, ..., None], tf.float32))
        made = tf.io.decode_png(file).numpy()
        assert made.shape == grey.shape
        np.testing.assert_allclose(made / 127.5 - 1, expected["generated"][0, :height, :width], atol=1 / 255 + 1e-3)


@pytest.mark.parametrize(("kind", "width", "height"), [("PNG", 11, 9), ("JPEG", 9, 11)])
def test_a_turned_photograph_is_answered_upright(served, kind, width, height):
    file = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by a quarter, clockwise
    Image.fromarray(np.zeros([width, height], np.uint8)).save(file, kind, exif=exif)
    made = served["pix2pix"]["translate_bytes"](image_bytes=tf.constant([file.getvalue()]))["generated_bytes"][0]
    assert tf.io.decode_png(made).shape == (height, width, 1)


def test_a_picture_is_refused_undecoded_that_would_be_too_large_for_the_network(tmp_path):
    path = export(small("pix2pix"), tmp_path / "pix2pix", max_pixels_each=128)
    metadata = json.loads((path / "metadata.json").read_text(encoding="utf-8"))
    assert metadata["picture_files"] == {"fit": "none", "max_pixels": 50_000_000, "max_pixels_each": 128}
    assert metadata["signatures"]["serving_default"]["sizes"] == {
        "trained": [8, 8], "scale": 1, "multiple": 8, "least": 8
    }  # fmt: skip
    card = (path / "README.md").read_text(encoding="utf-8")
    assert "answered in their own size; 50,000,000 pixels or less in a request, 128 or less in each" in card
    assert "Pictures in arrays: any height H and width W that are multiples of 8; trained at 8x8" in card
    translate = tf.saved_model.load(str(path)).signatures["translate_bytes"]
    fits, too_large = (tf.io.encode_png(tf.zeros([1, n, 1], tf.uint8)) for n in (16, 17))
    assert translate(image_bytes=tf.stack([fits] * 3))["generated_bytes"].shape == [3]
    says = "a picture of image_bytes must have 128 pixels or less, its sides taken up to multiples of 8"
    with pytest.raises(tf.errors.InvalidArgumentError, match=says):
        translate(image_bytes=tf.stack([fits, too_large]))


def test_a_way_to_make_files_fit_that_is_asked_for_is_the_one_of_an_export(tmp_path):
    path = export(small("pix2pix"), tmp_path / "pix2pix", {"config": {"fit": "pad"}}, fit="stretch")
    file = tf.io.encode_png(tf.fill([20, 12, 1], tf.constant(200, tf.uint8)))
    served = tf.saved_model.load(str(path)).signatures
    made = tf.io.decode_png(served["translate_bytes"](image_bytes=file[None])["generated_bytes"][0]).numpy()
    expected = served["serving_default"](image=tf.fill([1, *SHAPE], np.float32(200 / 127.5 - 1)))["generated"][0]
    np.testing.assert_allclose(made / 127.5 - 1, expected, atol=1 / 255 + 1e-3)
    assert json.loads((path / "metadata.json").read_text())["picture_files"]["fit"] == "stretch"


def test_a_file_that_is_no_picture_is_refused(served):
    with pytest.raises(tf.errors.InvalidArgumentError):
        served["pix2pix"]["translate_bytes"](image_bytes=tf.constant([b"GIF, it says"]))


# --- what is in it


def saved_numbers(path):
    """How many numbers the file of variables holds, whatever they are called."""
    shapes = tf.train.load_checkpoint(str(path / "variables" / "variables")).get_variable_to_shape_map()
    return sum(int(np.prod(shape)) for name, shape in shapes.items() if name.endswith("VARIABLE_VALUE"))


def test_a_network_that_no_signature_needs_is_not_in_the_export(tmp_path):
    model = GoGAN(mlp_generator(SHAPE, 3, [4]), mlp_discriminator(SHAPE, [4]), stage_steps=5)
    assert "previous" in model.roles
    path = export(model, tmp_path / "gogan")
    needed = [model.generator.count_params(), model.discriminator.count_params()]
    assert saved_numbers(path) == sum(needed) and model.previous.count_params() == needed[0]
    z = tf.random.stateless_normal([2, 3], [1, 2])
    answer = tf.saved_model.load(str(path)).signatures["serving_default"](z=z)["generated"]
    np.testing.assert_allclose(answer, model.generator(z), atol=1e-6)
    assert set(json.loads((path / "metadata.json").read_text())["parameters"]) == set(model.roles)


def test_a_variable_that_is_no_networks_own_is_in_the_export(tmp_path):
    model = small("points")
    served = model.signatures()
    shift = tf.Variable([3.0, -2.0])
    generate, specs = served["serving_default"]
    served["serving_default"] = (lambda z: {"generated": generate(z)["generated"] + shift}, specs)
    model.signatures = lambda: served
    path = export(model, tmp_path / "gan")
    z = tf.random.stateless_normal([2, 3], [1, 2])
    answer = tf.saved_model.load(str(path)).signatures["serving_default"](z=z)["generated"]
    np.testing.assert_allclose(answer, model.generator(z) + [3.0, -2.0], atol=1e-6)


@pytest.mark.parametrize("kind", ["dcgan", "pix2pix"])
def test_a_model_trained_on_two_replicas_is_exported_once_and_answers(two_replicas, tmp_path, kind):
    with two_replicas.scope():
        model = small(kind)
        model.compile(g_optimizer=keras.optimizers.SGD(0.1), d_optimizer=keras.optimizers.SGD(0.1))
    image = np.random.default_rng(0).uniform(-1, 1, [4, *SHAPE]).astype(np.float32)
    batch = image if kind == "dcgan" else {"image": image, "target": -image}
    model.fit(tf.data.Dataset.from_tensors(batch).repeat(), steps_per_epoch=2, verbose=0, shuffle=False)
    path = export(model, tmp_path / kind)
    # pix2pix serves its generator alone.
    needed = [model.generator, model.discriminator][: 2 if kind == "dcgan" else 1]
    assert saved_numbers(path) == sum(network.count_params() for network in needed)
    served = tf.saved_model.load(str(path)).signatures
    for name, (function, specs) in model.signatures().items():
        request = {spec.name: tf.constant(signatures.example(spec, 3), spec.dtype) for spec in specs}
        expected = function(*request.values())
        for key, value in served[name](**request).items():
            if value.dtype == tf.string:
                pair = [np.stack([tf.io.decode_png(file) for file in x.numpy()]) for x in (value, expected[key])]
                np.testing.assert_allclose(*np.array(pair, int), atol=1)
            else:
                assert np.std(value) > 1e-3
                np.testing.assert_allclose(value, expected[key], atol=1e-5)


def test_the_law_of_z_is_in_the_metadata_of_a_model_that_has_one(exported):
    metadata = {kind: json.loads((path / "metadata.json").read_text()) for kind, (_, path) in exported.items()}
    assert metadata["dcgan"]["noise"] == {"law": "uniform", "bound": 1.0}
    assert latent.Prior(6, **metadata["dcgan"]["noise"]) == exported["dcgan"][0].prior
    assert "noise" not in metadata["pix2pix"] and not any("ema" in told for told in metadata.values())


# --- pictures of other shapes

SHAPES = [(8, 16, 1), (16, 8, 3), (8, 8, 4), (8, 16, 4)]


@pytest.mark.parametrize("shape", SHAPES)
def test_png_files_of_rectangles_and_of_pictures_with_opacity_are_the_pictures_that_sample_gives(tmp_path, shape):
    served = tf.saved_model.load(str(export(small("dcgan", shape), tmp_path / "dcgan"))).signatures
    images = ask(served["sample"], 3, 5)["generated"]
    assert images.shape == [3, *shape] and np.std(images) > 0.01
    decoded = np.stack([tf.io.decode_png(file).numpy() for file in ask(served["sample_png"], 3, 5)["generated_bytes"]])
    assert decoded.shape == (3, *shape)
    np.testing.assert_allclose(decoded / 127.5 - 1.0, images, atol=1 / 255 + 1e-6)


@pytest.mark.parametrize("shape", SHAPES)
def test_files_are_translated_into_files_of_the_shape_and_channels_of_the_model(tmp_path, shape):
    served = tf.saved_model.load(str(export(small("pix2pix", shape), tmp_path / "pix2pix"))).signatures
    pixels = np.random.default_rng(0).integers(0, 256, [2, *shape], np.uint8)
    images = (pixels / 127.5 - 1.0).astype(np.float32)
    expected = served["serving_default"](image=tf.constant(images))["generated"]
    files = [tf.io.encode_png(picture) for picture in pixels]
    jpeg = tf.io.encode_jpeg(pixels[0, ..., : min(shape[2], 3)])
    assert served["translate_bytes"](image_bytes=jpeg[None])["generated_bytes"].shape == [1]
    answers = served["translate_bytes"](image_bytes=tf.stack(files))["generated_bytes"]
    decoded = np.stack([tf.io.decode_png(file).numpy() for file in answers])
    assert decoded.shape == (2, *shape) and np.std(decoded) > 1
    np.testing.assert_allclose(decoded / 127.5 - 1.0, expected, atol=1 / 255 + 1e-3)


def test_float16_weights_halve_an_export_and_change_its_answers_little(exported, tmp_path):
    given = {"dcgan": {"z": [3, 6]}, "pix2pix": {"image": [3, *SHAPE]}}
    for kind, inputs in given.items():
        model, whole = exported[kind]
        path = export(model, tmp_path / kind, weights="float16")
        request = {n: tf.random.stateless_uniform(shape, [1, 2], -1, 1) for n, shape in inputs.items()}
        small_one = tf.saved_model.load(str(path))
        answers = [
            loaded.signatures["serving_default"](**request)["generated"].numpy()
            for loaded in (tf.saved_model.load(str(whole)), small_one)
        ]
        assert np.abs(answers[0] - answers[1]).max() < 4e-3, "half a level of 8 bits"
        assert np.any(answers[0] != answers[1])
        after, specs = model.signatures()["serving_default"]
        live = after(*(request[spec.name] for spec in specs))["generated"]
        np.testing.assert_allclose(live, answers[0], atol=1e-5, err_msg="the live model has its own weights")
        stored = small_one.signatures["serving_default"].variables
        assert {v.dtype for v in stored if len(v.shape) > 1} == {tf.float16}
        assert {v.dtype for v in stored if len(v.shape) < 2} <= {tf.float32}
        assert json.loads((path / "metadata.json").read_text())["weights"] == "float16"
        assert "Kernels are stored as float16" in (path / "README.md").read_text()
        assert "Kernels are" not in (whole / "README.md").read_text()


def test_float16_weights_are_those_of_a_model_that_has_drawn_before(tmp_path):
    model = PixelCNN(gated_pixel_cnn((8, 8, 1), 8, 2, kernel=3, first_kernel=3))
    model.preview(tf.zeros([2, 8, 8, 1]))
    for weights, dtype in (("float16", tf.float16), ("float32", tf.float32)):
        loaded = tf.saved_model.load(str(export(model, tmp_path / "pixel_cnn", weights=weights)))
        stored = loaded.signatures["sample"].variables
        assert {v.dtype for v in stored if len(v.shape) > 1} == {dtype}


def test_a_weight_that_is_no_float16_is_an_input_error_and_so_are_other_weights(tmp_path):
    model = small("dcgan")
    kernel = next(v for v in model.generator.trainable_variables if len(v.shape) == 4)
    kernel.assign(kernel * 0 + 1e6)
    with pytest.raises(InputError, match="weights that are no float16; export with float32"):
        export(model, tmp_path / "dcgan", weights="float16")
    with pytest.raises(InputError, match="'int8'; give float32 or float16"):
        export(model, tmp_path / "dcgan", weights="int8")
    assert not keras.src.backend.common.stateless_scope.in_stateless_scope()


def test_held_out_inputs_are_in_the_export_where_a_signature_makes_pictures_of_them(tmp_path):
    rng = np.random.default_rng(0)
    columns = {name: rng.uniform(-1, 1, [2, *SHAPE]).astype(np.float32) for name in ("image", "target")}
    about = {"data": {"description": "two", "licence": "ours"}}
    found = held_out.read(export(small("pix2pix"), tmp_path / "pix2pix", about, examples=columns))
    assert (list(found.columns), found.description, found.licence) == (["image"], "two", "ours")
    for file, picture in zip(found.of("serving_default", "image"), columns["image"], strict=True):
        np.testing.assert_allclose(tf.io.decode_png(file).numpy() / 127.5 - 1, picture, atol=1 / 255 + 1e-6)
    path = export(small("dcgan"), tmp_path / "dcgan", about, examples=columns)
    assert held_out.read(path) == held_out.HeldOut() and not (path / "assets.extra/examples").exists()


def test_held_out_inputs_of_two_domains_go_to_the_signature_of_their_direction(tmp_path):
    frames = np.linspace(-1, 1, 2 * 3 * 4).reshape(1, 2, 3, 4, 1)
    functions = {"serving_default": (["image"], ["generated"]), "b_to_a": (["image"], ["generated"])}
    held_out.write(tmp_path, {"a": frames, "b": -frames[:, 0]}, functions, {})
    found = held_out.read(tmp_path)
    a, b = (tf.io.decode_png(found.of(name, "image")[0]).numpy() for name in ("a_to_b_bytes", "b_to_a"))
    np.testing.assert_allclose(a / 127.5 - 1, frames[0, 0], atol=1 / 255 + 1e-6)
    np.testing.assert_array_equal(b, 255 - a)
    assert found.of("serving_default", "mask") == []


def test_a_mask_is_white_where_the_picture_is_known(tmp_path):
    mask = np.array([[[[0.0], [1.0]]]], np.float32)
    columns = {"image": mask, "mask": mask, "target": 1 - 2 * mask}
    held_out.write(tmp_path, columns, {"fill": (["image", "mask"], ["generated"])}, {})
    whole = tf.io.decode_png(held_out.read(tmp_path).columns["image"][0])[..., 0]
    np.testing.assert_array_equal(whole, [[255, 0]], "of a picture with a hole the whole one")
    np.testing.assert_array_equal(tf.io.decode_png(held_out.read(tmp_path).columns["mask"][0])[..., 0], [[0, 255]])


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"columns": {"image": ["../../saved_model.pb"]}}', '{"columns": 1}'])
def test_held_out_inputs_that_are_damaged_are_none(tmp_path, text):
    (tmp_path / held_out.FOLDER).mkdir(parents=True)
    (tmp_path / held_out.FOLDER / "examples.json").write_text(text)
    assert not held_out.read(tmp_path).of("serving_default", "image")
