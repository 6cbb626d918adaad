"""Extractors, each made here: tiny networks whose features are known, and InceptionV3 with made-up weights."""

import dataclasses
import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfgan_zoo.errors import InputError
from tfgan_zoo.metrics import extractors
from tfgan_zoo.metrics.extractors import Flags


def pictures(*shape, seed=0):
    """8 bits deep, in [-1, 1]."""
    return np.random.default_rng(seed).integers(0, 256, shape).astype(np.float32) / np.float32(127.5) - 1


def bilinear(images, size):
    """TensorFlow's first bilinear resize: pixel i of the result lies at i * scale, nothing is averaged."""
    height, width = images.shape[1:3]

    def weights(n_in, n_out):
        at = np.arange(n_out) * (n_in / n_out)
        low = at.astype(int)
        high, part = np.minimum(low + 1, n_in - 1), at - low
        matrix = np.zeros([n_out, n_in])
        np.add.at(matrix, (np.arange(n_out), low), 1 - part)
        np.add.at(matrix, (np.arange(n_out), high), part)
        return matrix

    return np.einsum("ih,jw,bhwc->bijc", weights(height, size), weights(width, size), images)


KERNEL = np.random.default_rng(1).normal(size=[3, 5]).astype(np.float32)
SOFTMAX = np.random.default_rng(2).normal(size=[5, 4]).astype(np.float32)


def graph_like_that_of_2015(path, size=6):
    """A frozen graph with the names of the real one, and like it written for a batch of 1."""
    graph = tf.Graph()
    with graph.as_default():
        contents = tf.compat.v1.placeholder(tf.string, [], name="DecodeJpeg/contents")
        image = tf.cast(tf.io.decode_jpeg(contents, channels=3, name="DecodeJpeg"), tf.float32, name="Cast")
        batch = tf.expand_dims(image, 0, name="ExpandDims")
        resized = tf.compat.v1.image.resize_bilinear(batch, [size, size], name="ResizeBilinear")
        x = tf.multiply(tf.subtract(resized, 128.0, name="Sub"), 1 / 128, name="Mul")
        x = tf.nn.conv2d(x, KERNEL[None, None], 1, "VALID", name="conv")
        pool = tf.nn.avg_pool2d(x, size, 1, "VALID", name="pool_3")
        flat = tf.reshape(pool, [1, 5], name="pool_3/_reshape")
        logits = tf.linalg.matmul(flat, tf.constant(SOFTMAX, name="softmax/weights"), name="softmax/logits/MatMul")
        tf.nn.softmax(tf.add(logits, 7.0 * np.arange(4, dtype=np.float32), name="softmax/logits"), name="softmax")
    definition = graph.as_graph_def(add_shapes=True)
    for node in definition.node:
        for shape in node.attr["_output_shapes"].list.shape if "_output_shapes" in node.attr else ():
            if shape.dim and shape.dim[0].size == -1:
                shape.dim[0].size = 1
    path.write_bytes(definition.SerializeToString())
    return path


def test_the_graph_of_2015_is_run_as_it_is_for_any_batch_and_size(tmp_path):
    path = graph_like_that_of_2015(tmp_path / "graph.pb")
    extractor = extractors.inception_2015(path, sha256=extractors.sha256_of(path))
    assert extractor.is_canonical and extractor.of("FID") == "FID"
    for shape in ([3, 9, 9, 3], [5, 4, 4, 3]):
        images = pictures(*shape)
        features, probabilities = extractor(images)
        expected = ((bilinear(images * 127.5 + 127.5, 6) - 128) / 128 @ KERNEL).mean(axis=(1, 2))
        np.testing.assert_allclose(features, expected, atol=2e-5)
        without_bias = np.exp(expected @ SOFTMAX)
        np.testing.assert_allclose(probabilities, without_bias / without_bias.sum(1, keepdims=True), atol=1e-5)


def test_grey_images_are_repeated_to_rgb(tmp_path):
    path = graph_like_that_of_2015(tmp_path / "graph.pb")
    extractor = extractors.inception_2015(path, sha256=extractors.sha256_of(path))
    grey = pictures(2, 6, 6, 1)
    np.testing.assert_array_equal(extractor(grey)[0], extractor(np.repeat(grey, 3, -1))[0])


def test_only_the_file_with_the_known_hash_may_be_the_graph_of_2015(tmp_path):
    path = graph_like_that_of_2015(tmp_path / "graph.pb")
    found = extractors.sha256_of(path)
    with pytest.raises(InputError, match=f"graph.pb is another file, with SHA-256 {found}; give .*2015-12-05.tgz, SHA"):
        extractors.load(Flags(extractor="inception-2015", extractor_path=str(path)))


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("inception-2015", "inception-2015-12-05.tgz, SHA-256 009d6814"),
        ("inception-v3", "keras-applications.*MD5 9a0d"),
    ],
)
def test_a_missing_file_says_where_it_is_from_and_its_hash(tmp_path, name, says):
    with pytest.raises(InputError, match=f"^--extractor={name} needs --extractor-path: .*{says}"):
        extractors.load(Flags(extractor=name))
    with pytest.raises(InputError, match=f"^--extractor-path={tmp_path}/none is no file; it is .*{says}"):
        extractors.load(Flags(extractor=name, extractor_path=str(tmp_path / "none")))


def test_keras_inception_v3_gets_keras_own_preprocessing_after_the_resize(tmp_path):
    keras.config.set_dtype_policy("mixed_bfloat16")  # of a run that evaluates itself: features stay float32
    before = keras.config.dtype_policy().name
    path = tmp_path / "notop.weights.h5"
    keras.config.set_dtype_policy("float32")
    model = keras.applications.InceptionV3(include_top=False, weights=None, pooling="avg")
    model.save_weights(path)
    keras.config.set_dtype_policy("mixed_bfloat16")
    extractor = extractors.load(Flags(extractor="inception-v3", extractor_path=str(path)))
    assert keras.config.dtype_policy().name == before
    images = pictures(1, 299, 299, 3)
    features, probabilities = extractor(images)
    expected = model(keras.applications.inception_v3.preprocess_input(images * 127.5 + 127.5), training=False)
    assert features.shape == (1, 2048) and probabilities is None and features.std() > 0
    np.testing.assert_allclose(features, expected, atol=1e-5 * float(np.abs(expected).max()))
    assert (extractor.of("FD"), extractor.of("KID")) == ("FD-InceptionV3-Keras", "KID-InceptionV3-Keras")


def keras_network(path, channels=3, size=4, top="softmax"):
    """Features: twice the mean of each channel. Classes: the first two of them."""
    image = keras.Input([size, size, channels])
    x = keras.layers.GlobalAveragePooling2D(name="mean")(image)
    x = keras.layers.Rescaling(2.0, name="pool")(x)
    keras.Model(image, keras.layers.Activation(top, name="top")(x)).save(path)
    return path


@pytest.mark.parametrize("logits", [False, True])
def test_a_keras_file_gives_the_named_layer_of_scaled_pixels(tmp_path, logits):
    path = keras_network(tmp_path / "net.keras", top="linear" if logits else "softmax")
    flags = Flags(extractor=str(path), feature_layer="pool", extractor_offset=127, extractor_scale=128,
                  extractor_logits=logits)  # fmt: skip
    extractor = extractors.load(flags)
    images = pictures(3, 4, 4, 3)
    features, probabilities = extractor(images)
    expected = 2 * ((images * 127.5 + 127.5 - 127) / 128).mean(axis=(1, 2))
    np.testing.assert_allclose(features, expected, atol=1e-5)
    soft = np.exp(expected)
    np.testing.assert_allclose(probabilities, soft / soft.sum(1, keepdims=True), atol=1e-5)
    assert extractor.stamp() == {
        "extractor": "net", "extractor_sha256": extractors.sha256_of(path), "feature_layer": "pool",
        "preprocessing": "(x - 127) / 128", "resize": "bilinear with antialiasing to 4x4",
    }  # fmt: skip
    assert extractors.load(dataclasses.replace(flags, extractor_name="Means")).of("FD") == "FD-Means"


def test_images_are_averaged_when_an_extractor_is_smaller(tmp_path):
    extractor = extractors.load(Flags(extractor=str(keras_network(tmp_path / "net.keras")), feature_layer="pool"))
    halves = np.full([1, 32, 32, 3], -1.0, np.float32)
    halves[:, ::2] = 1.0  # every other row is white: a resize that picks rows would see one colour
    np.testing.assert_allclose(extractor(halves)[0], np.zeros([1, 3]), atol=0.02)


def test_a_classifier_trained_here_needs_no_flags(tmp_path):
    image = keras.Input([4, 4, 1])
    x = keras.layers.Rescaling(3.0)(keras.layers.Flatten()(image))
    keras.Model(image, keras.layers.Dense(5, name="logits")(x)).save(tmp_path / "x_classifier.keras")
    (tmp_path / "x_classifier.json").write_text(json.dumps({"classes": list("abcde"), "accuracy": 0.5}))
    extractor = extractors.load(Flags(extractor=str(tmp_path / "x_classifier.keras")))
    images = pictures(2, 4, 4, 1)
    features, probabilities = extractor(images)
    np.testing.assert_allclose(features, 3 * images.reshape(2, -1), atol=1e-5)
    np.testing.assert_allclose(probabilities.sum(1), [1, 1], atol=1e-6)
    assert extractor.name == "x_classifier"


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """A SavedModel of images [B, 4, 4, 3]: the mean of each channel, and probabilities of two classes."""
    path = tmp_path_factory.mktemp("saved") / "net"
    module = tf.Module()
    module.scale = tf.Variable(3.0)

    @tf.function(input_signature=[tf.TensorSpec([None, 4, 4, 3], tf.float32, name="x")])
    def serve(x):
        mean = module.scale * tf.reduce_mean(x, [1, 2])
        return {"features": mean, "classes": tf.nn.softmax(mean[:, :2]), "map": x}

    tf.saved_model.save(module, str(path), signatures=serve)
    return path


def test_a_saved_model_gives_the_named_output(exported):
    extractor = extractors.load(Flags(extractor=str(exported), feature_layer="features", extractor_name="Mean"))
    images = pictures(5, 4, 4, 3)
    features, probabilities = extractor(images)
    np.testing.assert_allclose(features, 3 * images.mean(axis=(1, 2)), atol=1e-5)
    np.testing.assert_allclose(probabilities.sum(1), np.ones(5), atol=1e-6)
    assert probabilities.shape == (5, 2) and extractor.of("FD") == "FD-Mean"


def test_the_hash_of_a_folder_is_of_names_and_contents(tmp_path):
    for name, text in (("a", "1"), ("b", "2")):
        (tmp_path / name).write_text(text)
    first = extractors.sha256_of(tmp_path)
    (tmp_path / "b").write_text("3")
    second = extractors.sha256_of(tmp_path)
    (tmp_path / "b").rename(tmp_path / "c")
    assert len({first, second, extractors.sha256_of(tmp_path)}) == 3
    (tmp_path / "c").rename(tmp_path / "b")
    (tmp_path / "b").write_text("2")
    assert extractors.sha256_of(tmp_path) == first


def test_what_cannot_be_an_extractor_is_refused(tmp_path, exported):
    path = keras_network(tmp_path / "net.keras")
    (tmp_path / "text.keras").write_text("no zip")
    (tmp_path / "folder").mkdir()
    for flags, says in (
        (Flags(extractor="nowhere.keras"), "^--extractor=nowhere.keras does not exist; give inception-2015, "),
        (Flags(extractor=str(tmp_path / "folder")), "folder is neither a .keras file nor a SavedModel folder; give"),
        (Flags(extractor=str(tmp_path / "text.keras")), "text.keras cannot be loaded by Keras .*; give a whole .keras"),
        (Flags(extractor=str(path)), "^--feature-layer= is no layer of .*that do: mean, pool, top$"),
        (Flags(extractor=str(path), feature_layer="none"), "^--feature-layer=none is no layer of"),
        (Flags(extractor=str(exported), feature_layer="map"), "no output of .*; those that do: classes, features$"),
        (Flags(extractor=str(path), feature_layer="pool", extractor_size=8), "extractor-size=8, but .* takes 4x4 only"),
        (Flags(extractor=str(path), feature_layer="pool", extractor_scale=0), "scale=0 must be a number other than"),
    ):  # fmt: skip
        with pytest.raises(InputError, match=says):
            extractors.load(flags)
    grey = extractors.load(
        Flags(extractor=str(keras_network(tmp_path / "grey.keras", channels=1)), feature_layer="pool")
    )  # fmt: skip
    with pytest.raises(InputError, match="^grey takes grey images, these are RGB"):
        grey(pictures(1, 4, 4, 3))


def test_pictures_with_opacity_are_refused_by_a_network_of_rgb(exported):
    rgb = extractors.load(Flags(extractor=str(exported), feature_layer="features"))
    assert rgb.channels == 3
    with pytest.raises(InputError, match="^net takes RGB images, these are RGBA; choose another extractor$"):
        rgb(pictures(1, 4, 4, 4))
