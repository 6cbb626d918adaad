"""Names, examples of requests, and picture files."""

import gc
import json
import weakref

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers as kl
from serving import proofs
from serving.models import small

from tfgan_zoo import gallery, latent, litert, random, served_files, signatures
from tfgan_zoo.export import export
from tfgan_zoo.networks.residual_translator import residual_translator_generator
from tfgan_zoo.networks.unet import unet_generator


def spec(name, *shape, dtype=tf.float32):
    return tf.TensorSpec(shape, dtype, name=name)


SPECS = [
    spec("z", None, 5),
    spec("z1", None, 5),
    spec("z2", None, 5),
    spec("crossover", dtype=tf.int32),
    spec("w", None, 4, 5),
    spec("image", None, 8, 12, 3),
    spec("point", None, 2),
    spec("mask", None, 8, 12, 1),
    spec("truncation"),
    spec("generated", None, 8, 8, 1),
    spec("logits", None, 1),
    spec("class_logits", None, 3),
    spec("label", None, dtype=tf.int64),
    spec("domain", None, dtype=tf.int64),
    spec("count", dtype=tf.int32),
    spec("seed", dtype=tf.int64),
    spec("image_bytes", None, dtype=tf.string),
    spec("text", None, dtype=tf.string),
    spec("frames", None, 2, 8, 12, 3),
    spec("generated_bytes", None, dtype=tf.string),
    spec("instance", None, 8, 12, 1, dtype=tf.int32),
    spec("instance_bytes", None, dtype=tf.string),
    spec("mask_bytes", None, dtype=tf.string),
    spec("iterations", dtype=tf.int32),
    spec("loss", None),
    spec("category", None, dtype=tf.int64),
    spec("continuous", None, 2),
    spec("class_probabilities", None, 3),
    spec("category_probabilities", None, 3),
    spec("continuous_mean", None, 2),
    spec("continuous_deviation", None, 2),
    spec("code", None, 5),
    spec("code_deviation", None, 5),
    spec("representation", None, 5),
    spec("code_logits", None, 1),
    spec("styles", None, 4, 5),
    spec("embedding", None, 5),
    spec("log_likelihood", None),
    spec("bound", None),
    spec("energy", None),
]


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
        channels = 1 if spec.name == "instance_bytes" else 3
        shapes = {tuple(tf.io.decode_png(file).shape) for file in array}
        assert shapes == {(20, 12, channels)} and len(set(array)) == 3
    if spec.name == "instance":
        assert set(np.unique(array)) == {0, 1, 2}


def test_every_name_is_tried():
    assert {spec.name for spec in SPECS} == set(signatures.NAMES)


def test_every_control_is_one_that_the_gallery_has():
    assert {name.control for name in signatures.NAMES.values()} - {""} <= set(gallery.FITS)


def test_an_unknown_name_gets_an_example_by_its_type_and_free_sides_are_16():
    assert signatures.example(spec("photo", None, None, 8, 3), 2).shape == (2, 16, 8, 3)
    assert signatures.example(spec("photo", None, None, None, 3), 2, (24, 40)).shape == (2, 24, 40, 3)
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
    assert signatures.code(z, latent.Prior(5, "uniform", low=0.0)) == "tf.random.uniform([1, 5], 0.0, 1.0)"
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


def test_an_auto_encoder_answers_by_its_code_and_draws_by_its_prior():
    matrix = np.random.default_rng(0).normal(size=[5, 48]).astype(np.float32) / 5

    def encode(image):
        flat = tf.reshape(image, [-1, 48])
        return {"code": flat @ matrix.T, "code_deviation": tf.ones([tf.shape(image)[0], 5])}

    prior = latent.Prior(5)
    served = signatures.auto_encoder(encode, lambda z: tf.reshape(z @ matrix, [-1, 4, 4, 3]), prior, (4, 4, 3))
    image = np.random.default_rng(1).uniform(-1, 1, [2, 4, 4, 3]).astype(np.float32)
    code = image.reshape(2, 48) @ matrix.T
    told = served["encode"][0](image)
    np.testing.assert_allclose(told["code"], code, rtol=1e-5)
    np.testing.assert_array_equal(told["code_deviation"], np.ones([2, 5]))
    picture = (code @ matrix).reshape(2, 4, 4, 3)
    for name, given in (("reconstruct", image), ("decode", code), ("serving_default", code)):
        np.testing.assert_allclose(served[name][0](tf.constant(given))["generated"], picture, rtol=1e-4, atol=1e-5)
    with random.stream(7):
        drawn = prior.draw(3)
    sample = served["sample"][0](tf.constant(3), tf.constant(7, tf.int64))["generated"]
    np.testing.assert_allclose(sample, tf.reshape(drawn @ matrix, [-1, 4, 4, 3]), rtol=1e-5)
    (plain,) = signatures.auto_encoder(lambda x: encode(x)["code"], None, prior, (4, 4, 3))["encode"][0](image).items()
    assert plain[0] == "code" and plain[1].shape == [2, 5]
    assert sorted(served) == ["decode", "encode", "reconstruct", "sample", "sample_png", "serving_default"]


# --- pictures of any size


@pytest.mark.parametrize(
    ("network", "sizes"),
    [
        (lambda: unet_generator((8, 8, 1), width=4), (8, 8)),
        (lambda: unet_generator((32, 48, 3), width=4), (16, 16)),
        (lambda: unet_generator((256, 256, 1), width=1), (256, 256)),
        (lambda: unet_generator((32, 32, 1), width=4, depth=2, normalization="instance"), (4, 4)),
        (lambda: residual_translator_generator((16, 24, 1), width=4, blocks=1), (4, 8)),
        (lambda: of_layers(kl.Conv2D(4, 3, 2, "same"), kl.UpSampling2D(4)), (2, 2)),
        (lambda: of_layers(kl.PReLU(shared_axes=[1, 2])), (1, 1)),
        (lambda: of_layers(kl.PReLU()), None),  # a slope for each pixel
        (lambda: of_layers(kl.LayerNormalization(axis=[1, 2, 3])), None),
        (lambda: of_layers(kl.Flatten(), kl.Dense(64), kl.Reshape((8, 8, 1))), None),
        (lambda: of_layers(kl.Conv2D(1, 3, padding="same"), kl.Resizing(8, 8)), None),
    ],
)
def test_the_sizes_that_a_network_takes_are_read_off_its_layers(network, sizes):
    assert signatures.any_size(network()) == sizes


def test_what_sizes_a_network_takes_is_found_out_once(monkeypatch):
    network, other = (residual_translator_generator((8, 8, 1), width=8, blocks=1) for _ in range(2))
    found = signatures.any_size(network)
    with monkeypatch.context() as patch:
        patch.setattr(signatures, "_any_size", lambda network: None)
        assert signatures.any_size(network) == found
        assert signatures.any_size(other) is None
    kept = weakref.ref(other)
    del other
    gc.collect()
    assert kept() is None, "nobody needs it any more"


def of_layers(*layers):
    x = image = keras.Input((8, 8, 1))
    for layer in layers:
        x = layer(x)
    return keras.Model(image, x)


@pytest.mark.parametrize(
    "network",
    [lambda: unet_generator((8, 8, 1), width=4, dropout=0.0),
     lambda: residual_translator_generator((8, 8, 1), width=4, blocks=1)],
)  # fmt: skip
def test_a_network_at_another_size_is_the_one_that_is_built_for_it(network):
    built = network()
    name, weights = built.name, built.get_weights()
    unet = lambda: unet_generator((24, 16, 1), width=4, depth=3, dropout=0.0)  # noqa: E731
    other = unet() if name == "unet_generator" else residual_translator_generator((24, 16, 1), 1, 4, 1)
    other.set_weights(weights)
    on_images, _ = signatures.image_to_image(built, (8, 8, 1), signatures.any_size(built))
    image = tf.random.stateless_uniform([2, 24, 16, 1], [1, 2], -1, 1)
    np.testing.assert_allclose(on_images[0](image)["generated"], other(image), atol=1e-5)


def test_a_picture_is_mirrored_at_its_edges_as_often_as_needed():
    picture = tf.constant([[[0.0], [1.0], [2.0]], [[3.0], [4.0], [5.0]]])
    larger = signatures.mirrored(picture, 4, 8)[..., 0]
    np.testing.assert_array_equal(larger[0], [0, 1, 2, 1, 0, 1, 2, 1])
    np.testing.assert_array_equal(larger[:, 0], [0, 3, 0, 3])
    np.testing.assert_array_equal(signatures.mirrored(picture, 2, 3), picture)
    np.testing.assert_array_equal(signatures.mirrored(picture[:1, :1], 3, 2)[..., 0], np.zeros([3, 2]))
    np.testing.assert_array_equal(larger, np.pad(picture[..., 0], [(0, 2), (0, 5)], "reflect"))


def filled(image, mask, domain):
    """Twice as large: what is known, and in the hole the number of the domain."""
    number = tf.cast(domain, tf.float32)[:, None, None, None] / 10
    return tf.repeat(tf.repeat(mask * image + (1 - mask) * number, 2, 1), 2, 2)


MORE = (spec("mask", None, 8, 8, 1), spec("domain", None, dtype=tf.int64))


@pytest.fixture(scope="module")
def filling(tmp_path_factory):
    """The signatures of a loaded export of `filled`, whose sides must be multiples of 4."""
    on_images, on_files = signatures.image_to_image(filled, (8, 8, 1), signatures.Sizes(4, 8), scale=2, more=MORE)
    model = small("points")
    model.signatures = lambda: {"serving_default": on_images, "fill_bytes": on_files}
    path = export(model, tmp_path_factory.mktemp("filling") / "x")
    return tf.saved_model.load(str(path)).signatures, json.loads((path / "metadata.json").read_text())


def grey(height, width, level):
    return tf.io.encode_png(tf.fill([height, width, 1], tf.constant(level, tf.uint8)))


def test_an_answer_may_be_larger_and_depend_on_a_mask_and_a_number(filling):
    served, metadata = filling
    image, mask = np.full([2, 12, 16, 1], 0.6, np.float32), np.ones([2, 12, 16, 1], np.float32)
    mask[1, :4] = 0
    domain = tf.constant([3, -5], tf.int64)
    made = served["serving_default"](image=tf.constant(image), mask=tf.constant(mask), domain=domain)["generated"]
    expected = np.full([2, 24, 32, 1], 0.6)
    expected[1, :8] = -0.5
    np.testing.assert_allclose(made, expected, atol=1e-6)
    described = metadata["signatures"]["serving_default"]
    assert described["sizes"] == {"trained": [8, 8], "scale": 2, "multiple": 4, "least": 8}
    assert described["inputs"]["image"]["shape"] == [None, None, None, 1]
    assert signatures.told_sizes(metadata, "serving_default") == ((8, 8), (4, 8), 2)


def test_files_of_pictures_and_masks_are_answered_in_the_size_of_each(filling):
    served, _ = filling
    files = [grey(5, 11, 204), grey(1, 1, 204)]
    masks = [tf.io.encode_png(tf.constant([[[255]] * 4 + [[0]] * 7] * 5, tf.uint8)), grey(1, 1, 127)]
    made = served["fill_bytes"](
        image_bytes=tf.stack(files), mask_bytes=tf.stack(masks), domain=tf.constant([10, -10], tf.int64)
    )["generated_bytes"]
    wide, small = (tf.io.decode_png(file).numpy()[..., 0] for file in made.numpy())
    np.testing.assert_array_equal(wide, [[204] * 8 + [255] * 14] * 10)
    np.testing.assert_array_equal(small, np.zeros([2, 2]), err_msg="a grey below the middle is a hole")


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"image": tf.zeros([2, 12, 10, 1]), "mask": tf.zeros([2, 12, 10, 1])}, "image must have sides that are multi"),
        ({"image": tf.zeros([2, 4, 8, 1]), "mask": tf.zeros([2, 4, 8, 1])}, "sides that are multiples of 4, 8 or more"),
        ({"mask": tf.ones([2, 12, 8, 1])}, "mask must be as high and as wide as image"),
        ({"mask": tf.ones([3, 8, 8, 1])}, "there must be one mask per image"),
        ({"domain": tf.zeros([1], tf.int64)}, "there must be one domain per image"),
        ({"domain_bytes": tf.zeros([1], tf.int64)}, "there must be one domain per image"),
        ({"mask_bytes": tf.stack([grey(8, 8, 0), grey(9, 8, 0)])}, "mask_bytes must be as high and as wide as image_b"),
        ({"mask_bytes": tf.constant([b"x", b"y"])}, "mask_bytes must be PNG or JPEG files"),
    ],
)  # fmt: skip
def test_what_does_not_fit_together_is_refused_in_one_line(filling, given, says):
    two = tf.zeros([2], tf.int64)
    if any(name.endswith("_bytes") for name in given):
        right = {"image_bytes": tf.stack([grey(8, 8, 0)] * 2), "mask_bytes": tf.stack([grey(8, 8, 0)] * 2)}
        given = {name.replace("domain_bytes", "domain"): value for name, value in given.items()}
        name = "fill_bytes"
    else:
        right, name = {"image": tf.zeros([2, 8, 8, 1]), "mask": tf.zeros([2, 8, 8, 1])}, "serving_default"
    with pytest.raises(tf.errors.InvalidArgumentError, match=says):
        filling[0][name](**{**right, "domain": two, **given})


def test_files_with_a_mask_are_made_to_fit_where_a_network_takes_one_size():
    _, (on_files, specs) = signatures.image_to_image(filled, (8, 8, 1), scale=2, more=MORE)
    assert [s.name for s in specs] == ["image_bytes", "mask_bytes", "domain"] and on_files.described()["fit"] == "crop"
    half = tf.io.encode_png(tf.constant([[[0]] * 10 + [[255]] * 10] * 20, tf.uint8))
    made = on_files(grey(20, 20, 204)[None], half[None], tf.constant([10], tf.int64))["generated_bytes"]
    np.testing.assert_array_equal(tf.io.decode_png(made[0])[..., 0], [[255] * 8 + [204] * 8] * 16)


@pytest.mark.parametrize("told", [{}, {"signatures": []}, {"signatures": {"a": {"sizes": {"trained": [8]}}}},
                                  {"signatures": {"a": {"sizes": {"trained": [8, 0], "scale": 1}}}}])  # fmt: skip
def test_metadata_of_another_form_tells_no_sizes(told):
    assert signatures.told_sizes(told, "a") == (None, None, 1)


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


class _Styles:
    """Stand-ins of two numbers per style and four layers: a picture is a row of pixels, two per layer, their styles."""

    def __init__(self, cutoff=None):
        self.average = tf.Variable([0.5, -0.25])
        self.served = signatures.style_signatures(
            lambda z: tf.stack([tf.reduce_sum(z, 1), z[:, 0] * z[:, 1]], 1),
            lambda w: tf.reshape(w, [-1, 1, 8, 1]) / 10.0,
            lambda image: tf.reduce_mean(image, [1, 2]),
            self.average,
            latent.Prior(3),
            4,
            (1, 8, 1),
            cutoff=cutoff,
        )

    def __call__(self, name, *inputs):
        function, specs = self.served[name]
        return function(*(tf.constant(x, s.dtype) for x, s in zip(inputs, specs, strict=True)))


def test_styles_are_truncated_towards_their_mean_mixed_from_a_layer_on_and_given_as_they_are():
    model, z1, z2 = _Styles(), np.float32([[1, 2, 3], [0, 1, -1]]), np.float32([[3, -1, 0], [2, 2, 2]])
    w1, w2, mean = np.array([[6, 2], [0, 0]]), np.array([[2, -3], [6, 4]]), np.array([0.5, -0.25])

    def pictures(*styles):  # of each layer
        return np.stack(styles, 1).reshape(2, 1, 8, 1) / 10

    styles = model("mapping", z1)["styles"]
    np.testing.assert_allclose(styles, np.stack([w1] * 4, 1))
    np.testing.assert_allclose(model("synthesis", styles)["generated"], pictures(w1, w1, w1, w1), rtol=1e-6)
    for psi in (0.0, 0.3, 1.0):
        near = mean + psi * (w1 - mean)
        got = model("serving_default", z1, psi)["generated"]
        np.testing.assert_allclose(got, pictures(near, near, near, near), rtol=1e-5)
        first = _Styles(cutoff=1)("serving_default", z1, psi)["generated"]
        np.testing.assert_allclose(first, pictures(near, w1, w1, w1), rtol=1e-5)
    as_trained = model("serving_default", z1, 1.0)["generated"]
    np.testing.assert_array_equal(as_trained, model("synthesis", styles)["generated"])
    for crossover in range(5):
        mixed = model("style_mix", z1, z2, crossover)["generated"]
        layers = [w1] * crossover + [w2] * (4 - crossover)
        np.testing.assert_allclose(mixed, pictures(*layers), rtol=1e-6)
    with random.stream(5):
        z = latent.Prior(3).draw(2)
    sampled = model("sample", 2, 5)["generated"]
    np.testing.assert_allclose(sampled, model("serving_default", z, 1.0)["generated"], rtol=1e-6)
    np.testing.assert_allclose(model("discriminate", sampled)["logits"], np.mean(sampled, (1, 2)), rtol=1e-6)


def test_a_request_to_mix_styles_fails_where_no_layer_or_other_noise_is_meant():
    model, z = _Styles(), np.ones([2, 3], np.float32)
    for crossover, other, says in [(-1, z, "from 0 to 4"), (5, z, "from 0 to 4"), (1, z[:1], "one z2 per z1")]:
        with pytest.raises(tf.errors.InvalidArgumentError) as refused:
            model("style_mix", z, other, crossover)
        assert says in signatures.refusal(refused.value)


def test_the_code_of_a_truncation_is_that_of_training():
    assert signatures.code(spec("truncation"), latent.Prior(5)) == "tf.fill([], 1.0)"
