"""`evaluate.main` on tiny SavedModels, made with TensorFlow alone, against folders of tiny pictures."""

import functools
import json
import shutil
import types
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from serving.models import small

from tfgan_zoo import SRResNet, evaluate, latent, pictures
from tfgan_zoo.data import batches, images, low_high
from tfgan_zoo.data.columns import Data
from tfgan_zoo.errors import InputError
from tfgan_zoo.export import export
from tfgan_zoo.metrics import classifier, frechet, kid, measure, neighbours, protocol, similarity, sources, swd
from tfgan_zoo.networks.srresnet import srresnet_generator

SIZE = 16
QUICK = ["--metrics=ms_ssim", "--ms-ssim-pairs=9"]
N = 24  # pictures in the folder; every 20th is held out, so the training split has 23


def save(path, **signatures):
    """A SavedModel of functions with specs: `name=(function, [specs])`."""
    module = tf.Module()
    module.shift = tf.Variable(0.125)
    functions = {
        name: tf.function(functools.partial(function, module), input_signature=specs, autograph=False)
        for name, (function, specs) in signatures.items()
    }
    tf.saved_model.save(module, str(path), signatures=functions)
    return path


def spec(name, *shape, dtype=tf.float32):
    return tf.TensorSpec(shape, dtype, name=name)


def from_z(module, z):
    """Pictures whose pixels are tanh of z, tiled, plus a shift: what they are is a function of z alone."""
    image = tf.tile(tf.reshape(tf.tanh(z), [-1, 4, 1, 1]), [1, 4, SIZE, 1])
    return {"generated": image * 0.5 + module.shift}


def by_seed(module, count, seed):
    z = tf.random.stateless_normal([count, 4], tf.stack([seed, 7]))
    return from_z(module, z)


Z = spec("z", None, 4)
COUNT, SEED = spec("count", dtype=tf.int32), spec("seed", dtype=tf.int64)


def labelled(module, z, label):
    """A picture is all of one grey, that of its label."""
    grey = tf.cast(label, tf.float32)[:, None, None, None] - 0.5
    return {"generated": tf.ones([1, SIZE, SIZE, 1]) * grey + 0.0 * tf.reduce_sum(z) + 0.0 * module.shift}


def in_memory(kind, classes=(), test_is_paired=False, **arrays):
    """A data set of arrays, as `batches.from_arrays` takes them; the same to learn from and held out."""
    examples = batches.from_arrays(arrays)
    return Data(
        "x", kind, examples.columns, examples, examples, "x", "none", classes=classes, test_is_paired=test_is_paired
    )


def not_a_number(module, z):
    return {"generated": tf.sqrt(from_z(module, z)["generated"] - 9.0)}


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """name -> version folder."""
    root = tmp_path_factory.mktemp("models")
    both = {"serving_default": (from_z, [Z]), "sample": (by_seed, [COUNT, SEED])}
    image = spec("picture", None, SIZE, SIZE, 1)
    return {
        "noise": save(root / "noise" / "1", **both),
        "foreign": save(
            root / "foreign",
            predict=(
                lambda m, latents: {"out": from_z(m, latents)["generated"] * 127.5 + 127.5},
                [spec("latents", None, 4)],
            ),
        ),
        "truncated": save(
            root / "truncated",
            sample=(by_seed, [COUNT, SEED]),
            cut=(lambda m, z, t: from_z(m, z * t), [Z, spec("truncation")]),
        ),
        "labels": save(root / "labels", serving_default=(labelled, [Z, spec("label", None, dtype=tf.int64)])),
        "negative": save(root / "negative", serving_default=(lambda m, x: {"y": 0.25 - x * (m.shift * 8)}, [image])),
        "useless": save(root / "useless", serving_default=(lambda m, x: {"y": x + m.shift}, [spec("x", None, 3)])),
        "nan": save(
            root / "nan", serving_default=(lambda m, z: {"generated": tf.sqrt(from_z(m, z)["generated"] - 9.0)}, [Z])
        ),
    }


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Grey pictures of noise."""
    folder = tmp_path_factory.mktemp("pictures")
    rng = np.random.default_rng(5)
    for i in range(N):
        Image.fromarray(rng.integers(0, 256, [SIZE, SIZE], np.uint8)).save(folder / f"{i:02d}.png")
    return folder


@pytest.fixture(scope="module")
def halves(tmp_path_factory):
    """Side-by-side files: noise, and its negative."""
    folder = tmp_path_factory.mktemp("halves")
    rng = np.random.default_rng(6)
    for i in range(N):
        left = rng.integers(40, 210, [SIZE, SIZE], np.uint8)
        Image.fromarray(np.concatenate([left, 255 - left], 1)).save(folder / f"{i:02d}.png")
    return folder


@pytest.fixture(scope="module")
def extractor(tmp_path_factory):
    """Flags of a `.keras` extractor: the means of 2x2 blocks of 8x8 pixels, and two classes: dark and bright."""
    path = tmp_path_factory.mktemp("extractor") / "blocks.keras"
    image = keras.Input([SIZE, SIZE, 1])
    x = keras.layers.Flatten(name="blocks")(keras.layers.AveragePooling2D(8)(image))
    kernel = np.outer(np.ones(4), [-9.0, 9.0])
    top = keras.layers.Dense(2, "softmax", name="classes")
    model = keras.Model(image, top(x))
    top.set_weights([kernel, np.zeros(2)])
    model.save(path)
    return [f"--extractor={path}", "--feature-layer=blocks", "--extractor-name=Blocks"]


@pytest.fixture(scope="module")
def sets(tmp_path_factory):
    """Where prepared sets go; else it would be the home of whoever runs the tests."""
    return tmp_path_factory.mktemp("sets")


@pytest.fixture
def call(capsys, sets):
    """Runs the command line: (exit code, stdout, last line of stderr)."""

    def call(*argv):
        capsys.readouterr()
        code = 0
        try:
            evaluate.main([*map(str, argv), f"--data-dir={sets}"])
        except SystemExit as end:
            code = end.code
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        return code, out, ([line for line in err.splitlines() if line.strip()] or [""])[-1]

    return call


@pytest.fixture
def noise(models, tmp_path):
    """A copy of the model `noise` that a test may write beside."""
    return shutil.copytree(models["noise"], tmp_path / "exported" / "noise" / "1")


def records(folder):
    return {r["metric"]: r for r in json.loads((folder / "metrics.json").read_text())}


def real_and_made(folder, sets, model, **flags):
    """What the command compares, computed here."""
    flags = measure.Measures(**flags)
    generator = sources.load(model, flags)
    source = sources.Source(generator, sources.data_for(generator, dataset=str(folder), data_dir=sets), "train", flags)
    return np.concatenate([batch for batch, _ in source.reals()]), np.concatenate([b for b, _, _ in source.fakes()])


def blocks(images):
    return images.reshape(-1, 2, 8, 2, 8).mean(axis=(2, 4)).reshape(-1, 4).astype(np.float64)


# --- numbers


def test_every_metric_of_samples_is_that_of_the_images_and_stands_beside_the_model(
    noise, folder, sets, extractor, call
):
    code, out, err = call(
        noise, f"--dataset={folder}", "--split=train", "--metrics=fd,kid,prdc,is,swd,ms_ssim", "--kid-subset-size=10",
        "--kid_subsets=7", "--is-splits=3", "--ms-ssim-pairs=9", "--batch_size=5", "--seed=3", "--count=30", *extractor,
    )  # fmt: skip
    assert code == 0, err
    real, made = real_and_made(folder, sets, noise, batch_size=5, seed=3, count=30)
    assert real.shape == (23, SIZE, SIZE, 1) and made.shape == (30, SIZE, SIZE, 1)
    a, b = frechet.Moments(), frechet.Moments()
    a.update(blocks(real))
    b.update(blocks(made))
    found = {name: r["value"] for name, r in records(noise).items()}
    expected = {
        "FD-Blocks": frechet.frechet_distance(a, b),
        "KID-Blocks": kid.kernel_distance(blocks(real), blocks(made), subsets=7, subset_size=10, seed=3)["kid"],
        **{f"{k}-Blocks": v for k, v in neighbours.prdc(blocks(real), blocks(made)).items()},
        "ms_ssim": similarity.pair_ms_ssim(made[:9], pairs=9, seed=3)["ms_ssim"],
    }
    patches = [swd.Descriptors([SIZE, SIZE, 1], seed=seed) for seed in (6, 7)]
    patches[0].update(real)
    patches[1].update(made[:23])
    expected["swd"] = swd.sliced_wasserstein(*patches, seed=3)["swd"]
    assert set(found) == {*expected, "IS-Blocks"}
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, rel=1e-4, abs=1e-6), name
    dark = 1 / (1 + np.exp(18 * blocks(made).sum(1)))
    assert 1 < found["IS-Blocks"] < 2 and 0 < dark.mean() < 1
    assert out.count("\n") == len(found) + 3 and "peak memory" in out
    assert out.splitlines()[0] == f"  {noise}, sample; compared with train of {folder}: images, 16x16x1"
    assert records(noise)["swd"]["details"]["swd_16"] == pytest.approx(found["swd"])


def test_black_and_white_pictures_are_compared_with_data_that_is_made_so(
    noise, models, folder, halves, sets, extractor, call, tmp_path
):
    on = ["--split=train", "--black-and-white"]
    code, _, err = call(
        noise, f"--dataset={folder}", *on, "--metrics=fd,swd", "--seed=3", "--count=30", "--batch-size=5", *extractor
    )
    assert code == 0, err
    real, made = (np.sign(images) for images in real_and_made(folder, sets, noise, seed=3, count=30, batch_size=5))
    assert np.unique(real).tolist() == np.unique(made).tolist() == [-1, 1]
    a, b = frechet.Moments(), frechet.Moments()
    a.update(blocks(real))
    b.update(blocks(made))
    found = records(noise)
    assert found["FD-Blocks"]["value"] == pytest.approx(frechet.frechet_distance(a, b), rel=1e-4)
    patches = [swd.Descriptors([SIZE, SIZE, 1], seed=seed) for seed in (6, 7)]
    patches[0].update(real)
    patches[1].update(made[:23])
    assert found["swd"]["value"] == pytest.approx(swd.sliced_wasserstein(*patches, seed=3)["swd"], rel=1e-4)
    assert found["swd"]["protocol"]["pixels"] == found["FD-Blocks"]["protocol"]["pixels"] == "black and white"

    negative = shutil.copytree(models["negative"], tmp_path / "negative")
    for model, data, metrics in ((noise, folder, "fd,ppl"), (negative, halves, "swd")):
        code, _, error = call(model, f"--dataset={data}", *on, f"--metrics={metrics}", *extractor)
        assert code == 2 and "--black-and-white is for samples, and not for ppl" in error


def test_a_number_carries_its_protocol(noise, folder, extractor, call):
    assert call(noise, f"--dataset={folder}", "--split=train", "--metrics=fd", "--count=30", *extractor)[0] == 0
    (noise / "metadata.json").write_text('{"ema": true}')
    assert call(noise, f"--dataset={folder}", "--split=train", "--metrics=swd", "--count=30")[0] == 0
    fd, swd_ = records(noise)["FD-Blocks"], records(noise)["swd"]
    made_of = fd["protocol"]
    assert len(made_of.pop("extractor_sha256")) == 64
    assert made_of == {
        "extractor": "Blocks", "feature_layer": "blocks", "preprocessing": "(x - 127.5) / 127.5",
        "resize": "bilinear with antialiasing to 16x16", "real_images": 23, "fake_images": 30, "task": "noise",
        "signature": None,
        "dataset": str(folder), "kind": "images", "split": "train", "image_shape": [16, 16, 1], "pixels": "8 bits",
        "seed": 0, "noise": None, "truncation": None, "ema": None, "settings": {},
    }  # fmt: skip
    of_swd = swd_["protocol"]
    assert (of_swd["extractor"], of_swd["ema"]) == (None, True)
    assert (of_swd["real_images"], of_swd["fake_images"]) == (23, 23), "as many of both"
    assert swd_["environment"]["packages"]["tensorflow"] == tf.__version__
    assert swd_["environment"]["peak_memory_mib"] > 100


def test_a_model_that_copies_the_data_has_distances_of_zero(folder, extractor, call, tmp_path):
    pixels = [np.asarray(Image.open(p), np.float32) / 127.5 - 1 for p in sorted(folder.iterdir())]
    train = tf.constant(np.stack([p for i, p in enumerate(pixels) if i != 19])[..., None])
    copy = save(
        tmp_path / "copy",
        serving_default=(lambda m, z: {"generated": tf.gather(train, tf.range(tf.shape(z)[0])) + 0.0 * m.shift}, [Z]),
    )
    code, _, err = call(
        copy, f"--dataset={folder}", "--split=train", "--metrics=fd,kid,prdc", "--kid-subset-size=23", *extractor
    )  # fmt: skip
    assert code == 0, err
    found = {name: r["value"] for name, r in records(copy).items()}
    assert found["FD-Blocks"] == pytest.approx(0, abs=1e-6)
    assert found["KID-Blocks"] < 0, "unbiased: of one set with itself it is below 0"
    assert [found[f"{k}-Blocks"] for k in ("precision", "recall", "coverage")] == [1, 1, 1]


def test_pairs_are_measured_against_their_targets(models, halves, call, tmp_path):
    model = shutil.copytree(models["negative"], tmp_path / "negative")
    code, _, err = call(
        model, f"--dataset={halves}", "--split=train", "--metrics=l1,psnr,ssim,ms_ssim", "--batch-size=7"
    )
    assert code == 0, err
    found = {name: r["value"] for name, r in records(model).items()}
    # The answer is the target, a negative, and 0.25 brighter: 32 of 255 levels after rounding.
    assert found["l1"] == pytest.approx(32 / 127.5, abs=1e-6)
    assert found["psnr"] == pytest.approx(-20 * np.log10(32 / 255), abs=1e-3)
    assert 0.5 < found["ssim"] < 1 and found["ms_ssim"] == pytest.approx(found["ssim"], abs=1e-5), "one scale: one SSIM"
    assert records(model)["l1"]["protocol"]["task"] == "image to image"


def test_a_model_of_pictures_of_any_size_is_measured_at_that_of_its_training(halves, call, tmp_path):
    live = small("pix2pix", (SIZE, SIZE, 1))
    path = export(live, tmp_path / "pix2pix")
    code, printed, err = call(path, f"--dataset={halves}", "--split=train", "--metrics=l1", "--batch-size=7")
    assert code == 0 and f"pairs, {SIZE}x{SIZE}x1" in printed, err
    for generator in (sources.load(path, measure.Measures()), sources.live(live, measure.Measures())):
        assert (generator.signature, generator.shape) == ("serving_default", (SIZE, SIZE, 1))
    (path / "metadata.json").unlink()
    code, _, err = call(path, f"--dataset={halves}", "--metrics=l1")
    assert code == 2 and "does not say what size its images are" in err


def test_each_label_is_asked_for_as_often_and_told_by_the_classifier(models, extractor, call, tmp_path):
    model = shutil.copytree(models["labels"], tmp_path / "labels")
    for name, grey in (("dark", 40), ("light", 215)):
        (tmp_path / "classes" / name).mkdir(parents=True)
        for i in range(10):
            Image.new("L", (SIZE, SIZE), grey + i).save(tmp_path / "classes" / name / f"{i}.png")
    code, _, err = call(
        model, f"--dataset={tmp_path}/classes", "--split=train", "--metrics=label_accuracy,is,fd", "--is-splits=1",
        *extractor, "--batch-size=4",
    )  # fmt: skip
    assert code == 0, err
    found = {name: r["value"] for name, r in records(model).items()}
    assert found["label_accuracy-Blocks"] == 1.0
    told = records(model)["label_accuracy-Blocks"]
    assert told["details"] == dict.fromkeys(("real", "of_dark", "of_light", "real_of_dark", "real_of_light"), 1.0)
    assert (told["protocol"]["real_images"], told["protocol"]["fake_images"]) == (19, 19)
    # 19 images to make, 10 dark and 9 light, each told for sure.
    assert found["IS-Blocks"] == pytest.approx(np.exp(-10 / 19 * np.log(10 / 19) - 9 / 19 * np.log(9 / 19)), abs=1e-4)
    assert records(model)["IS-Blocks"]["protocol"]["task"] == "noise and label"


@pytest.fixture
def greys_of_two_labels():
    """A source of a model that mistakes every second picture of label 1, and of data of which it has all right."""

    def by_label(z, label):
        wrong = (label == 1) & (tf.range(tf.size(label)) % 4 == 1)
        shade = tf.where(wrong, -0.5, tf.cast(label, tf.float32) - 0.5)
        ramp = tf.reshape(tf.linspace(0.0, 0.4, SIZE * SIZE), [1, SIZE, SIZE, 1])  # some contrast, for SSIM
        return {"generated": shade[:, None, None, None] + ramp + 0.0 * tf.reduce_sum(z)}

    model = live(serving_default=(by_label, [Z, spec("label", None, dtype=tf.int64)]))
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 60, [6, SIZE, SIZE, 1]) + np.array([40, 40, 40, 40, 190, 190])[:, None, None, None]
    label = np.array([0, 0, 0, 0, 1, 1])
    data = in_memory("labelled", classes=("dark", "light"), image=(pixels.astype(np.uint8), "bicubic"),
                     label=(label, None))  # fmt: skip
    return lambda flags: sources.Source(sources.live(model, flags), data, "test", flags)


def test_large_pictures_are_measured_by_few_at_once_unless_it_is_said_how_many(greys_of_two_labels, monkeypatch):
    assert greys_of_two_labels(measure.Measures()).batch_size == 64
    monkeypatch.setattr(pictures, "AT_ONCE", 2 * SIZE * SIZE)
    source = greys_of_two_labels(measure.Measures(count=6))
    assert [len(made) for made, *_ in source.fakes()] == [2, 2, 2] == [len(real) for real, _ in source.reals()]
    assert greys_of_two_labels(measure.Measures(batch_size=5)).batch_size == 5


def test_label_accuracy_is_told_of_each_class_and_of_real_pictures(greys_of_two_labels, extractor):
    flags = measure.Measures(metrics="label_accuracy", count=8, extractor=extractor[0].partition("=")[2],
                             feature_layer="blocks", extractor_name="Blocks")  # fmt: skip
    (record,) = measure.Measurement(greys_of_two_labels(flags), flags).run(quiet=True)
    assert record["metric"] == "label_accuracy-Blocks" and record["value"] == 0.75
    expected = {"real": 1.0, "of_dark": 1.0, "of_light": 0.5, "real_of_dark": 1.0, "real_of_light": 1.0}
    assert record["details"] == expected


def test_ms_ssim_within_is_that_of_each_class_made_and_real(greys_of_two_labels):
    flags = measure.Measures(metrics="ms_ssim_within", count=8, within_pairs=3)
    source = greys_of_two_labels(flags)
    (record,) = measure.Measurement(source, flags).run(quiet=True)

    def within(batches, labels):
        kept = np.concatenate([np.flatnonzero(labels == label)[:3] for label in (0, 1)])
        return similarity.ms_ssim_within(batches[kept], labels[kept], pairs=3, seed=0)

    made = [(pictures, label) for pictures, label, _ in source.fakes()]
    real = list(source.reals())
    made, real = (within(*(np.concatenate(parts) for parts in zip(*pairs, strict=True))) for pairs in (made, real))
    assert record["value"] == pytest.approx(made["ms_ssim"]) and record["value"] > real["ms_ssim"]
    assert record["details"] == pytest.approx(
        {"max": made["ms_ssim_max"], "real": real["ms_ssim"], "real_max": real["ms_ssim_max"], "ms_ssim_scales": 1}
    )
    assert record["details"]["max"] == pytest.approx(1.0), "one picture for all z"
    assert record["protocol"]["settings"] == {"pairs": 3, "classes": 2}


def test_ms_ssim_within_classes_of_one_picture_each_is_refused(greys_of_two_labels):
    flags = measure.Measures(metrics="ms_ssim_within", count=2)
    with pytest.raises(InputError, match="compares pictures of one class, and no class has two; give more"):
        measure.Measurement(greys_of_two_labels(flags), flags).run(quiet=True)


def test_many_details_of_a_number_are_printed_in_lines_of_eight(capsys):
    source = types.SimpleNamespace(
        name="m", shape=(8, 8, 1), split="test", data=types.SimpleNamespace(name="x", kind="labelled")
    )
    details = {f"of_{i}": i / 10 for i in range(10)}
    evaluate._show([{"metric": "label_accuracy-x", "value": 0.5, "details": details}], source)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3 and lines[1].endswith("of_7 0.7") and lines[2] == "    of_8 0.8, of_9 0.9"


def test_requests_of_one_label_each_give_all_labels_alike():
    given = []

    def function(count, seed, label):
        given.append((int(label), int(count), int(seed)))
        return {"generated": tf.zeros([int(count), 8, 8, 1])}

    inputs = {"count": COUNT, "seed": SEED, "label": spec("label", dtype=tf.int64)}
    flags = measure.Measures(count=101, batch_size=8)
    generator = sources.Generator("m", "sample", function, inputs, "generated", (8, 8, 1), flags)
    pictures = (np.zeros([101, 8, 8, 1], np.uint8), "bicubic")
    data = in_memory("labelled", classes=("a", "b", "c"), image=pictures, label=(np.zeros(101, np.int64), None))
    labels = np.concatenate([label for _, label, _ in sources.Source(generator, data, "test", flags).fakes()])
    assert np.bincount(labels).tolist() == [34, 34, 33]
    assert max(count for _, count, _ in given) <= 8 and len({seed for *_, seed in given}) == len(given)


def test_a_model_made_elsewhere_is_scored_by_its_only_signature_in_its_own_range(models, folder, call, tmp_path):
    foreign = shutil.copytree(models["foreign"], tmp_path / "foreign")
    same = save(tmp_path / "same", serving_default=(from_z, [Z]))
    for model, more in ((foreign, ["--model-range=0..255"]), (same, [])):
        assert call(model, f"--dataset={folder}", "--split=train", "--metrics=swd", *more)[0] == 0
    assert records(foreign)["swd"]["value"] == pytest.approx(records(same)["swd"]["value"], rel=1e-4)
    assert records(foreign)["swd"]["protocol"]["noise"] == {"law": "normal"}
    code, _, error = call(foreign, f"--dataset={folder}")
    assert code == 2 and "makes values from" in error and error.endswith("range over with --model-range")


def test_of_several_pictures_the_first_by_name_is_scored_though_a_file_keeps_them_in_no_order(tmp_path):
    def several(module, z):
        return {name: from_z(module, z)["generated"] for name in "fbaced"}

    path = save(tmp_path / "several", serving_default=(several, [Z]))
    assert {sources.load(path, measure.Measures()).output for _ in range(4)} == {"a"}


def test_truncation_picks_a_signature_that_has_it(models, folder, call, tmp_path):
    model = shutil.copytree(models["truncated"], tmp_path / "truncated")
    assert call(model, f"--dataset={folder}", "--split=train", "--metrics=ms_ssim", "--truncation=0.0")[0] == 0
    record = records(model)["ms_ssim"]
    assert record["value"] == pytest.approx(1.0, abs=1e-5), "all samples are the same"
    assert (record["protocol"]["truncation"], record["environment"]["signature"]) == (0.0, "cut")


def test_a_signature_that_takes_a_truncation_is_asked_for_pictures_as_trained(models):
    as_trained, half = (
        sources.load(models["truncated"], measure.Measures(signature="cut", truncation=truncation))
        for truncation in (None, 0.5)
    )
    z = np.random.default_rng(0).normal(size=[2, 4]).astype(np.float32)
    np.testing.assert_allclose(as_trained.raw(z=0.5 * z), half.raw(z=z), rtol=1e-5)
    assert np.ptp(as_trained.raw(z=z)) > np.ptp(half.raw(z=z))


def test_path_length_of_features_that_are_linear_in_z_is_that_of_the_walk(extractor, call, folder, tmp_path):
    def linear(m, z):  # a block's mean is 0.1 z
        return {"generated": tf.repeat(tf.repeat(tf.reshape(0.1 * z, [-1, 2, 2, 1]), 8, 1), 8, 2) + 0.0 * m.shift}

    model = save(tmp_path / "linear", serving_default=(linear, [Z]))
    code, _, err = call(
        model, f"--dataset={folder}", "--metrics=ppl", "--ppl-samples=400", "--noise=uniform", "--seed=1", *extractor
    )  # fmt: skip
    assert code == 0, err
    z = np.random.default_rng(1).uniform(-1, 1, [800, 4])
    lengths = 0.01 * np.sum((z[1::2] - z[0::2]) ** 2, axis=1)  # E |dz|^2 / 100, of straight lines
    low, high = np.percentile(lengths, [1, 99])
    expected = lengths[(lengths >= low) & (lengths <= high)].mean()
    assert records(model)["PPL-Blocks"]["value"] == pytest.approx(expected, rel=0.02)  # epsilon is 1e-4, pixels float32


def test_path_length_in_w_is_that_of_the_styles_that_z_is_mapped_to(extractor, call, folder, tmp_path, models):
    def drawn(m, w):  # a block's mean is 0.1 w of the first layer
        blocks = tf.reshape(0.1 * w[:, 0], [-1, 2, 2, 1])
        return {"generated": tf.repeat(tf.repeat(blocks, 8, 1), 8, 2) + 0.0 * m.shift}

    def mapped(m, z):
        return {"styles": tf.repeat(3.0 * z[:, None], 2, 1) + 0.0 * m.shift}

    def both(m, z):
        return drawn(m, mapped(m, z)["styles"])

    signatures = {"mapping": (mapped, [Z]), "synthesis": (drawn, [spec("w", None, 2, 4)])}
    signatures["cut"] = (lambda m, z, t: both(m, t * z), [Z, spec("truncation")])
    model = save(tmp_path / "styled", serving_default=(both, [Z]), **signatures)
    flags = [f"--dataset={folder}", "--metrics=ppl", "--ppl-samples=400", "--seed=1", *extractor]
    assert call(model, *flags, "--ppl-space=w", "--ppl-ends")[0] == 0
    z = np.random.default_rng(1).standard_normal([800, 4])
    lengths = 0.09 * np.sum((z[1::2] - z[0::2]) ** 2, axis=1)
    low, high = np.percentile(lengths, [1, 99])
    expected = lengths[(lengths >= low) & (lengths <= high)].mean()
    record = records(model)["PPL-Blocks"]
    assert record["value"] == pytest.approx(expected, rel=0.02)
    assert record["protocol"]["settings"] == {"samples": 400, "spherical": False, "ends": True, "space": "w"}
    assert "has no mapping to w" in call(models["noise"], *flags, "--ppl-space=w")[2]
    assert "expected one of them" in call(model, *flags, "--ppl-space=w", "--signature=cut", "--truncation=0.5")[2]


def test_a_classifier_trained_by_its_command_is_an_extractor(models, call, sets, capsys, tmp_path):
    for name, grey in (("dark", 40), ("light", 215)):
        (tmp_path / "greys" / name).mkdir(parents=True)
        for i in range(10):
            Image.new("L", (SIZE, SIZE), grey + i).save(tmp_path / "greys" / name / f"{i}.png")
    classifier.main(
        [
            f"--dataset={tmp_path}/greys",
            "--image_size=16",
            f"--out={tmp_path}/out",
            "--steps=20",
            "--batch-size=8",
            f"--data-dir={sets}",
        ]
    )
    path = tmp_path / "out" / "greys_classifier.keras"
    assert f"classifier {path}" in capsys.readouterr().out
    model = shutil.copytree(models["labels"], tmp_path / "labels")
    code, _, err = call(model, f"--dataset={tmp_path}/greys", "--split=train", "--metrics=label_accuracy,fd",
                        f"--extractor={path}")  # fmt: skip
    assert code == 0, err
    assert records(model)["label_accuracy-greys_classifier"]["value"] == 1.0
    assert records(model)["FD-greys_classifier"]["protocol"]["feature_layer"] == "input of logits"
    with pytest.raises(SystemExit) as end:
        classifier.main([f"--dataset={tmp_path}/greys", "--steps=0"])
    assert end.value.code == 2 and capsys.readouterr().err == "error: --steps=0 must be 1 or more\n"


# --- columns


def live(prior=None, **signatures):
    """What `evaluate.measuring` needs of a model: functions with specs."""
    return types.SimpleNamespace(prior=prior, signatures=lambda: signatures)


def found(model, data, metrics):
    """name -> value, measured as a recipe asks for it."""
    return {record["metric"]: record["value"] for record in evaluate.measuring(model, data, metrics)()}


def greys(*levels, size=8, channels=1):
    """Pictures of one grey each, and that they are scaled by interpolation."""
    return np.full([len(levels), size, size, channels], 0, np.uint8) + np.uint8(levels).reshape(-1, 1, 1, 1), "bicubic"


def test_a_signature_is_called_with_the_columns_that_it_names():
    seen = []

    def inpaint(image, mask):
        seen.append((image.shape, mask.shape))
        return {"generated": image * mask + 0.2 * (1.0 - mask)}

    holes = np.zeros([3, 8, 8, 1], np.uint8)
    holes[:, :, :4] = 1  # the left half is known
    data = in_memory("pairs", image=greys(0, 51, 255), mask=(holes, "nearest"), target=greys(51, 51, 255))
    model = live(serving_default=(inpaint, [spec("image", None, 8, 8, 1), spec("mask", None, 8, 8, 1)]))
    # Known halves: 0 for 51, 51, 255. Holes: 0.2 is level 153, that is 102, 102 and 102 from the targets.
    values = found(model, data, "l1")
    expected = [(51 + 3 * 102) / 2 / 3 / 127.5, 51 / 3 / 127.5]
    np.testing.assert_allclose([values["l1"], values["l1_identity"]], expected, rtol=1e-5)
    assert seen == [((None, 8, 8, 1), (None, 8, 8, 1))], "traced once"


def test_a_model_is_given_labels_that_are_columns():
    def by_label(image, label):
        return {"generated": image + 0.2 * tf.cast(label, tf.float32)[:, None, None, None]}

    data = in_memory("pairs", image=greys(0, 0, 0), label=(np.array([0, 1, 2]), None), target=greys(0, 0, 51))
    model = live(serving_default=(by_label, [spec("image", None, 8, 8, 1), spec("label", None, dtype=tf.int64)]))
    # 0.2 is 25.5 levels, rounded to the even 26; 0.4 is 51, as the target.
    np.testing.assert_allclose(found(model, data, "l1")["l1"], 26 / 3 / 127.5, rtol=1e-5)


def test_an_answer_of_another_size_than_the_input_is_compared_with_its_target():
    def enlarge(image):
        return {"generated": tf.repeat(tf.repeat(image, 2, 1), 2, 2)}

    data = in_memory("pairs", image=greys(0, 102), target=greys(0, 51, size=16))
    model = live(serving_default=(enlarge, [spec("image", None, 8, 8, 1)]))
    np.testing.assert_allclose(found(model, data, "l1")["l1"], 51 / 2 / 127.5, rtol=1e-5)
    names = set(found(model, data, "l1,psnr,swd"))
    assert names == {"l1", "psnr", "swd"}, "doing nothing is no answer where the sizes differ"
    # Y of grey spans 219 of 255; a bicubic filter answers as the model does where all pixels are alike.
    few = in_memory("low_high", image=greys(51, 102, size=12), target=greys(102, 153, size=24))
    model = live(serving_default=(enlarge, [spec("image", None, 12, 12, 1)]))
    values = found(model, few, "psnr_y,ssim_y")
    assert list(values) == ["psnr_y", "psnr_y_bicubic", "ssim_y", "ssim_y_bicubic"]
    for name in ("psnr_y", "psnr_y_bicubic"):
        np.testing.assert_allclose(values[name], -20 * np.log10(0.2 * 219 / 255), rtol=1e-5)
    np.testing.assert_allclose(values["ssim_y_bicubic"], values["ssim_y"], rtol=1e-6)
    same = live(serving_default=(lambda image: {"generated": image}, [spec("image", None, 8, 8, 1)]))
    with pytest.raises(InputError, match=r"makes \[8, 8, 1\], the data is \[16, 16, 1\]"):
        found(same, data, "l1")


def test_each_way_of_unpaired_data_is_measured_from_its_own_domain_to_the_other():
    a = 2 * np.random.default_rng(3).integers(0, 128, [5, 8, 8, 1], np.uint8)  # b is half as bright
    in_a, in_b = a / 127.5 - 1.0, a / 255 - 1.0
    shape = [spec("image", None, 8, 8, 1)]
    to_b = (lambda image: {"generated": tf.minimum(image, 0.0)}, shape)
    model = live(serving_default=to_b, a_to_b=to_b, b_to_a=(lambda image: {"generated": 2.0 * image + 1.0}, shape))
    pictures = {"a": (a, "bicubic"), "b": (a // 2, "bicubic")}
    values = found(model, in_memory("unpaired", test_is_paired=True, **pictures), {"a_to_b": "l1", "b_to_a": "l1"})
    expected = {
        "l1_a_to_b": np.abs(np.round(np.minimum(in_a, 0) * 127.5 + 127.5) / 127.5 - 1 - in_b).mean(),
        "l1_b_to_a": 0.0,
        "l1_identity_a_to_b": np.abs(in_a - in_b).mean(), "l1_identity_b_to_a": np.abs(in_a - in_b).mean(),
    }  # fmt: skip
    assert set(values) == set(expected) and expected["l1_a_to_b"] > 0.1
    for name, value in expected.items():
        np.testing.assert_allclose(values[name], value, rtol=1e-5, atol=1e-6, err_msg=name)

    apart = in_memory("unpaired", **pictures)  # nobody knows which b is of which a
    with pytest.raises(InputError, match="l1 compares images with their targets, which there are none of here"):
        found(model, apart, {"b_to_a": "l1"})
    expected = {"swd_b_to_a": swd_of(in_a, in_a), "swd_a_to_b": swd_of(in_b, np.minimum(in_a, 1 / 255))}
    for name, value in found(model, apart, {"a_to_b": "swd", "b_to_a": "swd"}).items():
        np.testing.assert_allclose(value, expected[name], rtol=1e-3, err_msg=name)


def swd_of(real, made, seed=0):
    """What `--metrics=swd` computes of two arrays."""
    both = [swd.Descriptors(real.shape[1:], seed=2 * seed), swd.Descriptors(made.shape[1:], seed=2 * seed + 1)]
    for descriptors, batch in zip(both, (real, made), strict=True):
        descriptors.update(batch)
    return swd.sliced_wasserstein(*both, seed=seed)["swd"]


def test_a_recipe_may_measure_by_a_function_of_its_own():
    data = in_memory("images", image=greys(0, 1, 2))
    measured = iter([3, 4])
    measure_it = evaluate.measuring(None, data, lambda: {"modes": next(measured), "high_quality": np.float32(0.5)})
    protocol_of_it = {"data": "x", "split": "test", "images": 3}
    for modes in (3.0, 4.0):
        assert measure_it() == [
            {"metric": "modes", "value": modes, "details": {}, "protocol": protocol_of_it},
            {"metric": "high_quality", "value": 0.5, "details": {}, "protocol": protocol_of_it},
        ]
    (record,) = evaluate.measuring(None, data, (lambda: {"modes": 1}, 2))()  # of the first two only
    assert record["protocol"]["images"] == 2


def test_without_metrics_pairs_are_measured_by_l1_and_pictures_from_noise_by_swd():
    image = [spec("image", None, 8, 8, 1)]
    translator = live(serving_default=(lambda image: {"generated": image}, image))
    pairs = in_memory("pairs", image=greys(0, 51), target=greys(51, 51))
    records = evaluate.in_training(translator, pairs)()
    assert [record["metric"] for record in records] == ["l1", "l1_identity"]
    np.testing.assert_allclose([record["value"] for record in records], [51 / 2 / 127.5] * 2, rtol=1e-6)
    assert records[0]["protocol"]["signature"] == "serving_default"

    def from_noise(z):
        return {"generated": tf.zeros([1, 8, 8, 1]) + tf.tanh(z[:, :1])[:, None, None]}

    noise = live(latent.Prior(3, "uniform"), serving_default=(from_noise, [spec("z", None, 3)]))
    many = in_memory("images", image=greys(*[7] * 300))
    (record,) = evaluate.in_training(noise, many)()
    assert record["metric"] == "swd" and record["protocol"]["noise"] == {"law": "uniform", "bound": 1.0}
    assert (record["protocol"]["real_images"], record["protocol"]["fake_images"]) == (256, 256)


def test_data_without_a_column_that_the_signature_names_is_refused():
    both = [spec("image", None, 8, 8, 1), spec("mask", None, 8, 8, 1)]
    model = live(serving_default=(lambda image, mask: {"generated": image * mask}, both))
    with pytest.raises(
        InputError, match="serving_default takes image, mask, and x has image, target; choose another --signature"
    ):
        found(model, in_memory("pairs", image=greys(0), target=greys(0)), "l1")
    alone = live(serving_default=(lambda image: {"generated": image}, both[:1]))
    with pytest.raises(InputError, match="^x has image, label and no target; choose another data set$"):
        found(alone, in_memory("labelled", image=greys(0, 1), label=(np.array([0, 1]), None)), "swd")


@pytest.mark.parametrize("shape", [(12, 16, 1), (16, 12, 3), (12, 12, 4), (12, 16, 4)])
def test_rectangles_and_pictures_with_opacity_are_measured(shape):
    rng = np.random.default_rng(4)
    real = rng.integers(0, 256, [6, *shape], np.uint8)
    given = tf.TensorSpec([None, *shape], tf.float32, name="image")
    translator = live(serving_default=(lambda image: {"generated": -image}, [given]))
    pairs = in_memory("pairs", image=(real, "bicubic"), target=(real, "bicubic"))
    values = found(translator, pairs, "l1,psnr,ssim,swd")
    target = real / 127.5 - 1.0
    np.testing.assert_allclose(values["l1"], np.abs(2 * target).mean(), rtol=1e-5)
    np.testing.assert_allclose(
        values["psnr"], np.mean([10 * np.log10(4 / np.square(2 * x).mean()) for x in target]), rtol=1e-5
    )
    np.testing.assert_allclose(values["l1_identity"], 0.0, atol=1e-6)
    np.testing.assert_allclose(values["swd"], swd_of(target, -target), rtol=1e-4)

    def from_noise(z):
        return {"generated": tf.ones([1, *shape]) * tf.tanh(z[:, :1])[:, None, None]}

    noise = live(latent.Prior(3), serving_default=(from_noise, [spec("z", None, 3)]))
    alone = in_memory("images", image=(real, "bicubic"))
    z = latent.Prior(3).array(6, np.random.default_rng(0))
    made = np.round(np.tanh(z[:, :1]) * 127.5 + 127.5)[:, None, None] / 127.5 - 1 + np.zeros(shape)
    np.testing.assert_allclose(found(noise, alone, "swd")["swd"], swd_of(target, made), rtol=1e-3)


def test_a_model_of_larger_pictures_is_scored_by_the_command(folder, call, tmp_path):
    """Each pixel of the low picture as a square: what is compared with is the picture as it was."""
    image = spec("image", None, SIZE // 2, SIZE // 2, 1)

    def enlarged(module, x):
        return {"generated": tf.repeat(tf.repeat(x, 2, 1), 2, 2) + 0.0 * module.shift}

    model = save(tmp_path / "enlarged", serving_default=(enlarged, [image]))
    code, _, error = call(model, f"--dataset={folder}", "--metrics=l1,psnr_y")
    assert code == 0, error
    found = records(model)
    assert found["l1"]["protocol"]["kind"] == "low_high" and found["l1"]["protocol"]["image_shape"] == [SIZE, SIZE, 1]
    pictures = [np.asarray(Image.open(path)) for path in sorted(folder.iterdir())][19::20]
    low = [np.asarray(Image.fromarray(x).resize((SIZE // 2, SIZE // 2), Image.Resampling.BICUBIC)) for x in pictures]
    errors = [np.abs(np.kron(a, np.ones((2, 2))) - b) for a, b in zip(low, pictures, strict=True)]
    np.testing.assert_allclose(found["l1"]["value"], np.mean(errors) / 127.5, rtol=1e-4)


def test_a_rectangular_model_of_pictures_with_opacity_is_scored_by_the_command(call, tmp_path):
    def rectangles(module, z):
        return {"generated": tf.ones([1, 8, 12, 4]) * tf.tanh(z[:, :1])[:, None, None] + 0.0 * module.shift}

    model = save(tmp_path / "clear", serving_default=(rectangles, [Z]))
    for i in range(6):
        (tmp_path / "data").mkdir(exist_ok=True)
        Image.new("RGBA", (24, 16), (40 * i, 0, 0, 100)).save(tmp_path / "data" / f"{i}.png")
    where = [f"--dataset={tmp_path / 'data'}", "--split=train", "--metrics=swd"]
    code, _, error = call(model, *where)
    assert code == 2 and "makes RGBA images and" in error and "has RGB ones; convert them with --channels=4" in error
    assert call(model, *where, "--channels=4")[0] == 0
    assert records(model)["swd"]["protocol"]["image_shape"] == [8, 12, 4]


@pytest.mark.parametrize(
    ("metric", "higher"),
    [("psnr", True), ("ssim_b_to_a", True), ("IS-Digits", True), ("precision-Digits_a_to_b", True), ("l1", False),
     ("l1_a_to_b", False), ("swd", False), ("FD-Digits", False), ("ms_ssim", False), ("iso", False)],
)  # fmt: skip
def test_which_values_are_better_is_known_of_every_name_a_metric_goes_by(metric, higher):
    assert protocol.higher_is_better(metric) == higher


def test_ms_ssim_of_pictures_with_their_targets_is_better_higher():
    assert protocol.higher_is_better("ms_ssim", of_pairs=True) and protocol.higher_is_better("ms_ssim_a_to_b", True)
    assert not protocol.higher_is_better("ms_ssim_within", of_pairs=True)


# --- what is known of the model


def test_the_data_is_that_of_the_training_and_the_line_of_the_result_names_it(halves, call, tmp_path):
    """The negative of a picture is that of its partner, whichever way; the other half, in colour, is not."""
    image = spec("image", None, SIZE, SIZE, 3)
    model = save(tmp_path / "negative", serving_default=(lambda m, x: {"generated": -x + 0.0 * m.shift}, [image]))
    colour = tmp_path / "colour"
    colour.mkdir()
    for path in halves.iterdir():
        pixels = np.asarray(Image.open(path))
        Image.fromarray(np.stack([pixels] * 2 + [pixels // 2 * 2], -1)[:, :, :]).save(colour / path.name)
    config = {"direction": "b_to_a", "channels": 3, "fit": "stretch"}
    metadata = {"data": {"name": str(halves), "kind": "pairs"}, "config": config}
    (model / "metadata.json").write_text(json.dumps(metadata))
    code, out, error = call(model)
    assert code == 0, error
    assert out.splitlines()[0] == (
        f"  {model}, serving_default, b_to_a; compared with test of {halves}: pairs, {SIZE}x{SIZE}x3"
    )
    assert records(model)["l1"]["value"] == pytest.approx(0, abs=1e-6)
    code, out, error = call(model, f"--dataset={colour}", "--direction=a_to_b", "--split=all")
    assert code == 0 and f"a_to_b; compared with all of {colour}: pairs" in out, error
    assert records(model)["l1"]["protocol"]["fake_images"] == N


def test_the_direction_of_the_training_is_the_one_that_is_measured(call, tmp_path):
    """b is a black picture: a perfect model from b to a has to make the one white picture that a is."""
    for i in range(4):
        (tmp_path / "pairs").mkdir(exist_ok=True)
        both = np.zeros([SIZE, 2 * SIZE], np.uint8)
        both[:, :SIZE] = 255
        Image.fromarray(both).save(tmp_path / "pairs" / f"{i}.png")
    image = spec("image", None, SIZE, SIZE, 1)
    model = save(
        tmp_path / "white", serving_default=(lambda m, x: {"generated": x * 0.0 + 1.0 + 0.0 * m.shift}, [image])
    )
    data = {"name": str(tmp_path / "pairs"), "kind": "pairs"}
    for direction, value in (("b_to_a", 0.0), ("a_to_b", 2.0)):
        (model / "metadata.json").write_text(json.dumps({"data": data, "config": {"direction": direction}}))
        assert call(model)[0] == 0
        np.testing.assert_allclose(records(model)["l1"]["value"], value, atol=1e-6)


@pytest.mark.parametrize("changed", [False, True])
def test_data_that_changed_since_the_training_is_said_to_have(noise, folder, sets, call, changed):
    data = images.images(str(folder), image_size=SIZE, data_dir=sets)
    told = {"name": str(folder), "kind": "images", "fingerprint": "other" if changed else data.fingerprint}
    (noise / "metadata.json").write_text(json.dumps({"data": told}))
    code, out, _ = call(noise, "--split=train")
    assert code == 0
    assert (f"  {folder} has changed since {noise} was trained on it" in out.splitlines()) == changed


def test_a_model_whose_data_is_gone_or_not_known_is_not_scored_against_other_data(noise, call, tmp_path):
    code, out, error = call(noise)
    assert (code, out, error) == (2, "", f"error: {noise} does not say what it was trained on; give --dataset")
    gone = tmp_path / "gone"
    (noise / "metadata.json").write_text(json.dumps({"data": {"name": str(gone), "kind": "images"}}))
    code, out, error = call(noise)
    assert (code, out) == (2, "")
    assert error == f"error: {noise} was trained on {gone}, which is not there; give --dataset"


def test_an_export_that_enlarges_is_scored_on_parts_of_pictures_as_it_was_trained(call, sets, noise, tmp_path):
    rng = np.random.default_rng(7)
    for i in range(3):
        (tmp_path / "photos").mkdir(exist_ok=True)
        Image.fromarray(rng.integers(0, 256, [25, 50], np.uint8)).save(tmp_path / f"photos/{i}.png")
    given = {"image_size": 24, "scale": 2, "tiles": True, "data_dir": sets}
    data = low_high.low_high(str(tmp_path / "photos"), **given)
    model = SRResNet(srresnet_generator((5, 4, 1), 2, width=4, blocks=1))
    told = {name: getattr(data, name) for name in ("name", "kind", "description", "licence", "fingerprint")}
    config = {"tiles": True, "image_size": "24", "scale": 2, "data_dir": str(sets)}
    path = export(model, tmp_path / "exported" / "srgan", {"data": told, "config": config})
    code, out, _ = call(path, "--metrics=psnr_y")
    assert code == 0 and "changed" not in out
    found = {name: record["value"] for name, record in records(path).items()}
    expected = {record["metric"]: record["value"] for record in evaluate.measuring(model, data, "psnr_y")()}
    assert found == pytest.approx(expected, rel=1e-5) and set(found) == {"psnr_y", "psnr_y_bicubic"}
    assert call(path, "--metrics=psnr_y", "--image-size=20x40")[0] == 0
    code, _, error = call(path, "--metrics=psnr_y", "--image-size=wide")
    assert code == 2 and error.startswith("error: --image-size=wide is no size")
    code, _, error = call(noise, f"--dataset={tmp_path / 'photos'}", "--tiles=True")
    assert (code, error) == (2, "error: --tiles is for models that enlarge pictures; leave it out")


@pytest.mark.parametrize("text", ["{", "[]", '{"noise": "uniform"}', '{"noise": {"law": "cauchy"}}'])
def test_metadata_that_is_no_json_or_has_an_unknown_law_of_noise_is_one_clear_line(text, noise, call):
    (noise / "metadata.json").write_text(text)
    code, _, error = call(noise)
    assert code == 2 and error.startswith(f"error: {noise}/metadata.json cannot be read (") and error.count("\n") == 0


def test_metadata_of_another_form_tells_nothing():
    for metadata in ({}, {"data": [1], "config": 3}, {"data": {"name": 5}, "config": {"channels": "3"}}):
        assert sources.trained_on(metadata) == sources.Settings()


# --- folders of pictures


def test_two_folders_of_pictures_are_compared_without_a_model(folder, extractor, call, tmp_path):
    made = tmp_path / "made"
    made.mkdir()
    rng = np.random.default_rng(8)
    pixels = [rng.integers(0, 256, [SIZE, SIZE], np.uint8) for _ in range(21)]
    for i, picture in enumerate(pixels):
        Image.fromarray(picture).save(made / f"{i:02d}.png")
    metrics = ["--metrics=fd,kid,prdc", "--kid-subset-size=10", "--kid-subsets=7", *extractor]
    code, out, error = call(f"--pictures={made}", f"--dataset={folder}", *metrics)
    assert code == 0, error
    lines = out.splitlines()
    assert lines[0] == f"  {made}; compared with all of {folder}: images, 16x16x1"
    found = {line.split()[0]: float(line.split()[1]) for line in lines[1:]}
    reals = [np.asarray(Image.open(path)) for path in sorted(folder.iterdir())]
    held_out_last = [reals[i] for i in range(N) if i != 19] + [reals[19]], pixels[:19] + pixels[20:] + [pixels[19]]
    real, fake = (blocks(np.stack(part)[..., None] / 127.5 - 1.0) for part in held_out_last)
    a, b = frechet.Moments(), frechet.Moments()
    a.update(real)
    b.update(fake)
    assert found["FD-Blocks"] == pytest.approx(frechet.frechet_distance(a, b), rel=1e-3)
    expected = {f"{name}-Blocks": value for name, value in neighbours.prdc(real, fake).items()}
    expected["KID-Blocks"] = kid.kernel_distance(real, fake, subsets=7, subset_size=10, seed=0)["kid"]
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, rel=1e-3, abs=1e-6), name
    assert sorted(path.suffix for path in made.iterdir()) == [".png"] * 21, "nothing is written there"
    same = call(f"--pictures={folder}", f"--dataset={folder}", "--metrics=fd", *extractor)[1]
    assert float(same.splitlines()[1].split()[1]) == pytest.approx(0, abs=1e-6)
    for argv, says in (
        ([f"--pictures={made}"], "--pictures needs --dataset"),
        ([f"--pictures={made}", f"--dataset={folder}", "model"], "and the model model are given; give one of them"),
        ([f"--pictures={tmp_path}/none", f"--dataset={folder}"], "none is no folder; give one of pictures"),
        ([f"--pictures={made}", f"--dataset={folder}", "--count=22"], "--count=22, and there are 21 pictures"),
        ([f"--pictures={made}", f"--dataset={folder}", "--metrics=ppl", *extractor], "ppl walks from z to z"),
        ([f"--pictures={made}", f"--dataset={folder}", "--metrics=l1"], "l1 compares images with their targets"),
        (
            [f"--pictures={made}", f"--dataset={folder}", "--metrics=label_accuracy", *extractor],
            "a model that takes labels",
        ),
    ):
        code, _, error = call(*argv)
        assert code == 2 and says in error, (argv, error)


# --- the file beside the model


def test_numbers_are_appended_and_the_latest_is_compared(noise, models, folder, call, tmp_path):
    other = shutil.copytree(models["truncated"], tmp_path / "other")
    for model, seed in ((noise, 0), (noise, 1), (other, 1)):
        assert call(model, f"--dataset={folder}", "--split=train", *QUICK, f"--seed={seed}")[0] == 0
    assert [r["protocol"]["seed"] for r in json.loads((noise / "metrics.json").read_text())] == [0, 1]
    code, out, _ = call("--compare", noise, other, "--metric=ms_ssim")
    assert code == 0
    value = records(noise)["ms_ssim"]["value"]
    assert out.splitlines()[1].split() == ["ms_ssim", f"{value:.6g}", f"{value:.6g}"], (
        "the same function behind `sample`"
    )


def test_different_protocols_are_not_compared_and_the_field_is_named(noise, models, folder, call, tmp_path):
    other = shutil.copytree(models["noise"], tmp_path / "other")
    assert call(noise, f"--dataset={folder}", "--split=train", *QUICK, "--count=20")[0] == 0
    assert call(other, f"--dataset={folder}", "--split=train", *QUICK, "--count=20", "--seed=4")[0] == 0
    code, out, error = call("--compare", noise, other, "--metric=ms_ssim")
    assert (code, out) == (2, "")
    assert error.startswith(f"error: ms_ssim of {noise} and of {other} are of different protocols: seed is 0 and 4; ")
    assert call("--compare", noise, other, "--despite=seed")[0] == 0
    code, _, error = call("--compare", noise, other, "--metric=fd")
    assert code == 2 and error == f"error: {noise} has no measurement of fd, only ms_ssim; measure it first"
    code, _, error = call("--compare", noise)
    assert code == 2 and "give two or more" in error


@pytest.mark.parametrize("text", ["", "[{]", "{}", '[{"metric": "swd"}]', "[1]"])
def test_a_file_that_is_not_of_measurements_is_set_aside_and_made_anew(noise, folder, call, text, capsys):
    (noise / "metrics.json").write_text(text)
    protocol.read(noise)
    assert capsys.readouterr().err.count("metrics.json cannot be read") == 1
    assert (noise / "metrics.json.damaged").read_text() == text
    assert call(noise, f"--dataset={folder}", "--split=train", *QUICK)[0] == 0
    assert [record["metric"] for record in json.loads((noise / "metrics.json").read_text())] == ["ms_ssim"]


def test_a_folder_that_cannot_be_written_is_found_out_before_anything_is_measured(noise, folder, call, monkeypatch):
    write, measured = Path.write_bytes, []

    def full(path, content):
        if path.parent == noise:
            raise OSError(30, "Read-only file system")
        return write(path, content)

    monkeypatch.setattr(Path, "write_bytes", full)
    monkeypatch.setattr(measure.Measurement, "run", lambda *_, **__: measured.append(1))
    code, out, error = call(noise, f"--dataset={folder}", "--split=train", *QUICK)
    assert (code, out, measured) == (2, "", [])
    assert error.endswith(f"metrics.json cannot be written (Read-only file system); make {noise} writable")


def test_what_was_measured_is_printed_before_it_is_written(noise, folder, call, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(protocol.os, "replace", full)
    code, out, error = call(noise, f"--dataset={folder}", "--split=train", *QUICK)
    assert code == 2 and "No space left on device" in error
    assert "  ms_ssim" in out and "written" not in out


def test_a_write_that_fails_leaves_the_file_as_it_was(tmp_path, monkeypatch):
    record = {"metric": "psnr", "value": float("inf"), "details": {}, "protocol": {}}
    protocol.append(tmp_path, [record])
    before = (tmp_path / "metrics.json").read_bytes()
    assert float(json.loads(before)[0]["value"]) == np.inf, "in JSON there is no infinity"

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(protocol.os, "replace", full)
    with pytest.raises(InputError, match="metrics.json cannot be written .No space left on device"):
        protocol.append(tmp_path, [record])
    assert [p.name for p in tmp_path.iterdir()] == ["metrics.json"]
    assert (tmp_path / "metrics.json").read_bytes() == before


# --- what is refused


def test_bad_input_is_one_line_and_exit_code_2(models, noise, folder, halves, extractor, call, tmp_path):
    noise_model, data = str(noise), f"--dataset={folder}"
    colour = tmp_path / "colour"
    colour.mkdir()
    Image.new("RGB", (20, 20), "red").save(colour / "x.png")
    (tmp_path / "empty").mkdir()
    cases = [
        ([], "no model given; give version folders"),
        (["no/such/model"], "no/such/model does not exist; give a version folder"),
        ([tmp_path / "empty"], "is no SavedModel: it has no saved_model.pb"),
        ([noise.parent], f"holds the versions 1; give one, {noise}"),
        ([models["useless"]], "no signature that makes images [B, H, W, C] from noise or images, among serving_d"),
        ([noise_model, "--signature=none"], "has no signature none, only sample, serving_default"),
        ([noise_model, "--truncation=0.5"], "with an input `truncation`, among sample, serving_default"),
        ([models["nan"], data], "makes values from nan to nan where [-1, 1] was expected"),
        ([noise_model, data, "--metrics=swd,fud"], "--metrics=swd,fud: fud is none of fid, fd, kid"),
        ([noise_model, data, "--split=train", "--metrics=fd"], "fd needs an extractor: give --extractor="),
        ([noise_model, data, "--split=train", "--metrics=fid", *extractor], "blocks.keras; ask for fd"),
        ([noise_model, data, "--metrics=l1"], "l1 compares images with their targets"),
        ([noise_model, data, "--metrics=label_accuracy", *extractor], "label_accuracy needs a model that takes labels"),
        ([noise_model, data, "--metrics=ms_ssim_within"], "ms_ssim_within needs a model that takes labels"),
        ([noise_model, data, "--split=train", "--metrics=kid", *extractor],
         "kid needs 1000 real images, there are 23; give more or a smaller --kid-subset-size"),
        ([noise_model, data, "--metrics=fd", *extractor], "fd needs 2 real images, there are 1; give more"),
        ([noise_model, data, "--split=train", "--count=5", "--metrics=prdc", *extractor], "prdc needs 6 made images"),
        ([noise_model, data, "--real-count=9"], "--real-count=9, and"),
        ([noise_model, data, "--count=0"], "--count=0 must be 1 or more"),
        ([noise_model, f"--dataset={colour}"], "makes grey images and "),
        ([noise_model, f"--dataset={tmp_path}/nowhere"], "nowhere"),
        ([noise_model, data, "--kind=pairs"], "--kind=pairs does not fit"),
        ([models["labels"], data, "--kind=images"], "give labelled"),
        ([noise_model, data, "--split=train", "--metrics=fid", "--extractor=inception-2015"], "SHA-256 009d6814"),
    ]  # fmt: skip
    for argv, says in cases:
        code, out, error = call(*argv)
        assert (code, out) == (2, ""), argv
        assert error.startswith("error: ") and says in error, error
    assert not (noise / "metrics.json").exists()
    assert call(noise_model, f"--dataset={colour}", "--channels=1")[0] == 0, "converted when asked for"


@pytest.mark.parametrize("flag", ["--count=many", "--no-such-flag", "--split=dev"])
def test_a_flag_that_cannot_be_is_refused(call, flag):
    assert call("x", flag)[0] == 2


def test_a_model_of_clips_is_scored_on_their_pictures_as_unpaired_ones():
    told = sources.trained_on({"data": {"name": "clips", "kind": "frames"}, "config": {"fit": "pad"}})
    assert told == sources.Settings(dataset="clips", kind="unpaired", fit="pad")
    assert sources.trained_on({"data": {"kind": "labelled"}}).kind == "labelled"


def words_of(greys):
    """A model of texts: the grey that a text names."""

    def by_text(z, text):
        grey = tf.add_n([tf.where(text == name, value, 0.0) for name, value in greys.items()])
        return {"generated": tf.ones([1, SIZE, SIZE, 1]) * grey[:, None, None, None] + 0.0 * tf.reduce_sum(z)}

    text = spec("text", None, dtype=tf.string)
    by_count = spec("text", dtype=tf.string)
    sample = (lambda count, seed, text: by_text(tf.zeros([1, 4]), text[None]), [COUNT, SEED, by_count])
    judge = (lambda image, text: {"logits": image[:, :1, 0, 0]}, [spec("image", None, SIZE, SIZE, 1), text])
    return live(serving_default=(by_text, [Z, text]), sample=sample, discriminate=judge)


def test_a_model_of_texts_is_asked_for_those_of_the_examples_and_told_by_their_labels(extractor):
    data = in_memory(
        "captioned", classes=("dark", "light"), image=greys(30, 40, 200, 210, size=SIZE),
        text=(np.array([b"night", b"cellar", b"snow", b"day"], object), None), label=(np.array([0, 0, 1, 1]), None),
    )  # fmt: skip
    model = words_of({"night": -0.5, "cellar": 0.5, "snow": 0.5, "day": 0.7})  # the cellar is light
    flags = measure.Measures(metrics="label_accuracy", batch_size=3, extractor=extractor[0].partition("=")[2],
                             feature_layer="blocks", extractor_name="Blocks")  # fmt: skip
    source = sources.Source(sources.live(model, flags), data, "test", flags)
    (record,) = measure.Measurement(source, flags).run(quiet=True)
    assert record["value"] == 0.75
    assert record["details"] == {
        "real": 1.0,
        "of_dark": 0.5,
        "of_light": 1.0,
        "real_of_dark": 1.0,
        "real_of_light": 1.0,
    }
    assert record["protocol"]["task"] == "noise and text" and record["protocol"]["fake_images"] == 4
    with pytest.raises(InputError, match="ppl walks from z to z, and the model is told a text; leave it out"):
        measure.Measurement(source, measure.Measures(metrics="ppl"))
    with pytest.raises(InputError, match="--count=5, and x has 4 test examples; give fewer"):
        sources.Source(source.generator, data, "test", measure.Measures(count=5))
    silent = in_memory("images", image=greys(30, 40, size=SIZE))
    with pytest.raises(InputError, match="takes text, and x has image; choose another --signature, --kind or data set"):
        sources.Source(source.generator, silent, "test", flags)
    untold = in_memory("captioned", image=greys(1, 2, size=SIZE), text=(np.array([b"a", b"b"], object), None))
    source = sources.Source(source.generator, untold, "test", flags)
    with pytest.raises(InputError, match="label_accuracy needs a model that takes labels, or texts of known labels"):
        measure.Measurement(source, flags)
    found = measure.Measurement(source, measure.Measures(metrics="swd")).run(quiet=True)
    assert np.isfinite(found[0]["value"])


def test_the_data_of_a_model_of_texts_is_captioned(tmp_path):
    for i, text in enumerate(("dark", "light", "dark")):
        Image.new("L", (SIZE, SIZE), 60 * i).save(tmp_path / f"{i}.png")
        (tmp_path / f"{i}.txt").write_text(text)
    generator = sources.live(words_of({"dark": -0.5}), measure.Measures())
    data = sources.data_for(generator, dataset=str(tmp_path), data_dir=tmp_path / "sets")
    assert data.kind == "captioned" and data.shapes["image"] == (SIZE, SIZE, 1)
