"""`python -m tfgan_zoo.latent`, on models whose pictures are linear in z or w."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from serving.models import small

from tfgan_zoo import DCGAN, latent, layers, litert, pictures
from tfgan_zoo.export import export
from tfgan_zoo.latent import __main__ as command
from tfgan_zoo.latent import directions, projection
from tfgan_zoo.latent.exported import Exported
from tfgan_zoo.networks.dcgan import dcgan_discriminator

DIM, LAYERS, SHAPE = 3, 4, (4, 6, 1)
RNG = np.random.default_rng(0)
PIXELS = RNG.normal(size=[LAYERS, DIM, 24]).astype(np.float32) / 12  # what a style of each layer draws
MAPPING = np.diag([3.0, 1.0, 0.2]).astype(np.float32) @ np.linalg.qr(RNG.normal(size=[3, 3]))[0].astype(np.float32)


def spec(name, *shape, dtype=tf.float32):
    return tf.TensorSpec(shape, dtype, name)


def drawn(w):
    return tf.reshape(tf.add_n([w[:, i] @ pixels for i, pixels in enumerate(PIXELS)]), [-1, *SHAPE])


def mapped(z, truncation=1.0):
    return tf.repeat((truncation * z @ MAPPING)[:, None], LAYERS, 1)


def mixed(z1, z2, crossover):
    first = tf.range(LAYERS)[None, :, None] < crossover
    return {"generated": drawn(tf.where(first, mapped(z1), mapped(z2)))}


def save(folder, noise=None, **functions):
    module = tf.Module()
    for name, (function, specs) in functions.items():
        setattr(module, name, tf.function(function, input_signature=specs))
    tf.saved_model.save(module, str(folder), signatures={name: getattr(module, name) for name in functions})
    (folder / "metadata.json").write_text(json.dumps({"noise": noise or {"law": "normal"}}))
    return folder


@pytest.fixture(scope="module")
def styled(tmp_path_factory):
    z, truncation = spec("z", None, DIM), spec("truncation")
    w = spec("w", None, LAYERS, DIM)
    two = [spec("z1", None, DIM), spec("z2", None, DIM), spec("crossover", dtype=tf.int32)]
    return save(
        tmp_path_factory.mktemp("styled") / "1",
        serving_default=(lambda z, truncation: {"generated": drawn(mapped(z, truncation))}, [z, truncation]),
        mapping=(lambda z: {"styles": mapped(z)}, [z]),
        synthesis=(lambda w: {"generated": drawn(w)}, [w]),
        style_mix=(mixed, two),
    )


@pytest.fixture(scope="module")
def labelled(tmp_path_factory):
    """A model of z and a label, with a code for each picture; z is uniform."""
    matrix = PIXELS[0]

    def decode(z, label):
        return {"generated": tf.reshape(z @ matrix, [-1, *SHAPE]) + tf.cast(label, tf.float32)[:, None, None, None] / 4}

    def encode(image):
        return {"code": tf.reshape(image, [-1, 24]) @ np.linalg.pinv(matrix)}

    folder = save(
        tmp_path_factory.mktemp("labelled") / "1",
        noise={"law": "uniform", "bound": 0.5},
        serving_default=(decode, [spec("z", None, DIM), spec("label", None, dtype=tf.int64)]),
        encode=(encode, [spec("image", None, *SHAPE)]),
    )
    told = json.loads((folder / "metadata.json").read_text()) | {"data": {"classes": ["none", "some"]}}
    (folder / "metadata.json").write_text(json.dumps(told))
    return folder


def run(name, version, *flags):
    command.main([name, str(version), *map(str, flags)])


def cells(path, rows, columns):
    """The pictures of a sheet, `[rows, columns, H, W]`, 0 ... 255, without their frames."""
    picture = np.asarray(Image.open(path)).astype(int)
    height, width = SHAPE[0] + 2, SHAPE[1] + 2
    assert picture.shape == (rows * height, columns * width)
    return picture.reshape(rows, height, columns, width).swapaxes(1, 2)[:, :, 1:-1, 1:-1]


def levels(images):
    return np.round(np.clip(np.asarray(images) * 127.5 + 127.5, 0, 255)).astype(int)[..., 0]


def normal(count, seed=0):
    return latent.Prior(DIM).array(count, np.random.default_rng(seed))


def test_a_walk_goes_from_one_sample_to_the_next_along_the_great_circle_of_z(styled, tmp_path, capsys):
    run("interpolate", styled, "--space=z", "--rows=2", "--columns=3", f"--out={tmp_path}/walk.png")
    z = normal(4)
    middle = latent.interpolate(z[:2], z[2:], 3, spherical=True)[1]
    got = cells(tmp_path / "walk.png", 2, 3)
    for column, points in enumerate([z[:2], middle, z[2:]]):
        np.testing.assert_allclose(got[:, column], levels(drawn(mapped(points))), atol=1)
    assert capsys.readouterr().out == f"{tmp_path}/walk.png: 2 walks in z\n"


def test_a_walk_in_w_is_a_straight_line_and_so_is_one_in_uniform_noise(styled, labelled, tmp_path):
    run("interpolate", styled, "--rows=1", "--columns=3", f"--out={tmp_path}/w.png")
    w = mapped(normal(2))
    np.testing.assert_allclose(cells(tmp_path / "w.png", 1, 3)[0, 1], levels(drawn((w[:1] + w[1:]) / 2))[0], atol=1)
    run("interpolate", labelled, "--rows=1", "--columns=3", f"--out={tmp_path}/z.png")
    z = latent.Prior(DIM, "uniform", 0.5).array(2, np.random.default_rng(0))
    expected = levels(tf.reshape(z.mean(0) @ PIXELS[0], SHAPE))
    np.testing.assert_allclose(cells(tmp_path / "z.png", 1, 3)[0, 1], expected, atol=1)


def test_a_gif_goes_round_through_all_points_and_back_to_the_first(styled, tmp_path):
    run("interpolate", styled, "--space=w", "--rows=3", "--columns=4", f"--out={tmp_path}/walk.gif")
    film = Image.open(tmp_path / "walk.gif")
    assert film.n_frames == 3 * 3 and film.info["loop"] == 0 and film.size == (6 * 32, 4 * 32)
    expected = levels(drawn(mapped(normal(3))))
    for point in range(3):
        film.seek(3 * point)
        frame = np.asarray(film.convert("L")).astype(int)[::32, ::32]
        np.testing.assert_allclose(frame, expected[point], atol=2)


def test_terms_are_averaged_and_the_result_is_drawn_below_them(styled, tmp_path):
    flags = ["--minuend", "0", "1", "--subtrahend", "2", "--addend", "5", "--columns=4"]
    run("arithmetic", styled, *flags, f"--out={tmp_path}/sum.png")
    z = normal(6)
    result = z[:2].mean(0) - z[2] + z[5]
    np.testing.assert_allclose(np.load(tmp_path / "sum.npz")["point"], result, rtol=1e-5)
    got = cells(tmp_path / "sum.png", 5, 4)
    np.testing.assert_allclose(got[3, 0], levels(drawn(mapped(result[None])))[0], atol=1)
    np.testing.assert_allclose(got[0, 2], levels(drawn(mapped(z[:2].mean(0, keepdims=True))))[0], atol=1)
    np.testing.assert_allclose(got[4], levels(drawn(mapped(z[:4]))), atol=1)
    assert (got[3, 1:] == 255).all()


def test_terms_may_be_pictures_of_a_model_that_has_codes(labelled, tmp_path):
    point = np.array([0.3, -0.2, 0.1], np.float32)
    Image.fromarray(levels(tf.reshape(point @ PIXELS[0], SHAPE)).astype(np.uint8)).save(tmp_path / "a.png")
    flags = ["--minuend", tmp_path / "a.png", "--subtrahend", "0", "--addend", "0"]
    run("arithmetic", labelled, *flags, f"--out={tmp_path}/sum.png")
    np.testing.assert_allclose(np.load(tmp_path / "sum.npz")["point"], point, atol=0.03)


def test_a_column_of_the_truncated_has_that_truncation(styled, tmp_path):
    run("truncate", styled, "--psi", "1", "0.5", "0", "--rows=2", f"--out={tmp_path}/t.png")
    got = cells(tmp_path / "t.png", 2, 3)
    for column, psi in enumerate((1.0, 0.5, 0.0)):
        np.testing.assert_allclose(got[:, column], levels(drawn(mapped(normal(2), psi))), atol=1)


def test_large_pictures_are_asked_for_by_few_at_once(styled, monkeypatch):
    whole = Exported(styled)
    monkeypatch.setattr(pictures, "AT_ONCE", 2 * 24)
    few, z = Exported(styled), normal(5)
    assert (whole.at_once, few.at_once) == (64, 2)
    np.testing.assert_allclose(few.generate(z), whole.generate(z), atol=1e-6)
    asked = {"z1": z, "z2": z[::-1], "crossover": 2}
    np.testing.assert_allclose(few.answer("style_mix", 5, **asked), whole.answer("style_mix", 5, **asked), atol=1e-6)
    served, given = few.model.signatures["style_mix"], []

    def counted(**inputs):
        given.append(len(inputs["z1"]))
        return served(**inputs)

    monkeypatch.setattr(litert, "served", lambda *_: counted)
    counted.structured_input_signature = served.structured_input_signature
    few.answer("style_mix", 5, **asked)
    assert given == [2, 2, 1]


@pytest.mark.parametrize("crossover", [0, 2, LAYERS])
def test_mixed_styles_are_a_rows_before_the_crossover_and_a_columns_from_there_on(styled, tmp_path, crossover):
    run("mix", styled, "--rows=2", "--columns=3", f"--crossover={crossover}", f"--out={tmp_path}/m.png")
    got, z = cells(tmp_path / "m.png", 3, 4), normal(5)
    np.testing.assert_allclose(got[1:, 0], levels(drawn(mapped(z[:2]))), atol=1)
    np.testing.assert_allclose(got[0, 1:], levels(drawn(mapped(z[2:]))), atol=1)
    for row in range(2):
        for column in range(3):
            styles = np.concatenate([mapped(z[[row]])[:, :crossover], mapped(z[[2 + column]])[:, crossover:]], 1)
            np.testing.assert_allclose(got[1 + row, 1 + column], levels(drawn(styles))[0], atol=1)


@pytest.mark.parametrize("space", ["z", "w"])
def test_a_picture_of_the_model_is_found_again(styled, tmp_path, capsys, space):
    w = mapped(np.array([[0.8, -1.1, 0.5]], np.float32))
    Image.fromarray(levels(drawn(w))[0].astype(np.uint8)).save(tmp_path / "target.png")
    flags = [f"--space={space}", "--steps=200", "--columns=4", f"--out={tmp_path}/found.png"]
    run("project", styled, tmp_path / "target.png", *flags)
    found = np.load(tmp_path / "found.npz")
    assert found["space"] == space and found["loss"] < 3e-4 < found["losses"][0] and len(found["losses"]) == 201
    got = cells(tmp_path / "found.png", 1, 5)[0]
    np.testing.assert_allclose(got[-1], levels(drawn(w))[0], atol=6)
    np.testing.assert_array_equal(got[0], levels(drawn(w))[0])
    assert f"-> {found['loss']:.5f} in 200 steps of {space}" in capsys.readouterr().out
    ends = [tmp_path / "found.npz"] * 2
    run("interpolate", styled, f"--space={space}", "--columns=2", f"--out={tmp_path}/between.png", "--ends", *ends)
    np.testing.assert_array_equal(cells(tmp_path / "between.png", 1, 2)[0, 0], got[-1])


def test_a_search_stays_in_the_bounds_of_uniform_noise_and_never_ends_above_its_start():
    draws = np.random.default_rng(0).uniform(-0.5, 0.5, [8, 3]).astype(np.float32)

    def generate(points):
        return tf.reshape(points, [-1, 1, 3, 1])

    far = np.array([9.0, -9.0, 0.1], np.float32).reshape(1, 3, 1)
    found = projection.project(generate, far, draws, steps=60, bounds=(-0.5, 0.5))
    np.testing.assert_allclose(found.point[:2], [0.5, -0.5], rtol=1e-5)
    assert found.loss == found.losses.min() <= found.losses[0] and found.way.shape[1:] == (3,)
    np.testing.assert_array_equal(found.way[0], draws[np.argmin([np.sum((d - far.ravel()) ** 2) for d in draws])])
    np.testing.assert_array_equal(found.way[-1], found.point)


def test_components_are_the_axes_of_the_points_by_their_deviation():
    axes = np.linalg.qr(np.random.default_rng(1).normal(size=[4, 4]))[0]
    points = np.random.default_rng(2).normal(size=[20_000, 4]) * [4.0, 2.0, 1.0, 0.5] @ axes + 7.0
    found, deviations = directions.principal(points, 3)
    np.testing.assert_allclose(deviations, [4.0, 2.0, 1.0], rtol=0.02)
    np.testing.assert_allclose(np.abs(np.sum(found * axes[:3], axis=1)), 1.0, atol=1e-3)
    assert (np.take_along_axis(found, np.abs(found).argmax(1)[:, None], 1) > 0).all()


def test_factors_are_the_eigenvectors_of_the_weights_with_themselves():
    weights = np.random.default_rng(0).normal(size=[4, 9])
    found, gains = directions.factorized(weights, 2)
    values, vectors = np.linalg.eigh(weights @ weights.T)
    np.testing.assert_allclose(gains**2, values[::-1][:2], rtol=1e-6)
    np.testing.assert_allclose(np.abs(np.sum(found * vectors.T[::-1][:2], axis=1)), 1.0, atol=1e-6)


def test_the_components_of_w_are_drawn_by_their_deviation(styled, tmp_path):
    flags = ["--rows=2", "--columns=3", "--reach=1"]
    run("directions", styled, *flags, f"--out={tmp_path}/d.png")
    found = np.load(tmp_path / "d.npz")
    np.testing.assert_allclose(found["sizes"], [3.0, 1.0], rtol=0.03)  # those of MAPPING
    got, w = cells(tmp_path / "d.png", 2, 3), mapped(normal(10_000))[:2]
    for column, t in enumerate((-1.0, 0.0, 1.0)):
        along = (t * found["sizes"][:, None] * found["directions"])[:, None]
        np.testing.assert_allclose(got[:, column], levels(drawn(w + along)), atol=1)


def test_the_first_weights_of_styles_are_those_of_all_layers(styled):
    model = litert.load(styled)
    weights = directions.first_weights(model.signatures["synthesis"], "w")
    gram = sum(matrix @ matrix.T for matrix in PIXELS)
    np.testing.assert_allclose(weights @ weights.T, gram, rtol=1e-4, atol=1e-6)


def normed(kind):
    z = keras.Input([5])
    dense = (layers.Dense(16, normalization=kind()) if kind else keras.layers.Dense(16))(z)
    image = keras.layers.Reshape((8, 8, 1))(keras.layers.Dense(64)(keras.layers.ReLU()(dense)))
    return keras.Model(z, image)


@pytest.mark.parametrize("kind", [None, layers.WeightNorm, layers.EqualizedRate])
def test_the_first_weights_are_those_that_the_first_layer_computes_with(tmp_path, kind):
    network = normed(kind)
    model = DCGAN(network, dcgan_discriminator((8, 8, 1), width=8))
    loaded = litert.load(export(model, tmp_path / "m"))
    weights = directions.first_weights(loaded.signatures["serving_default"], "z")
    (layer,) = [x for x in network.layers if x.name.startswith("dense") and x.input.shape[-1] == 5]
    np.testing.assert_allclose(weights, layer(np.eye(5)) - layer(np.zeros([1, 5])), rtol=1e-4, atol=1e-5)


def test_a_dcgan_is_walked_through_and_its_first_weights_are_found(tmp_path):
    version = export(small("dcgan"), tmp_path / "dcgan")
    for name in ("interpolate", "arithmetic", "directions"):
        run(name, version, f"--out={tmp_path}/{name}.png")
        assert Image.open(tmp_path / f"{name}.png").size[0] > 50
    assert np.load(tmp_path / "directions.npz")["directions"].shape == (6, 6)  # no more than z is long


def test_a_label_is_given_by_name_or_number_and_is_else_the_first(labelled):
    z = np.zeros([2, 3], np.float32)
    for given, expected in (((), 0.0), (("label=1",), 0.25), (("label=some",), 0.25)):
        np.testing.assert_allclose(Exported(labelled, given).generate(z), np.full([2, *SHAPE], expected))


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["interpolate", "gone"], "gone holds no saved_model.pb"),
        (["interpolate", "STYLED", "--out=walk.mp4"], "expected a name that ends in .png or .gif"),
        (["truncate", "STYLED", "--out=walk.gif"], "expected a name that ends in .png"),
        (["interpolate", "STYLED", "--columns=1"], "--columns=1: expected 2 or more"),
        (["interpolate", "STYLED", "--rows=0"], "--rows=0: expected 1 or more"),
        (["interpolate", "STYLED", "--seed=-1"], "--seed=-1: expected 0 or more"),
        (["interpolate", "LABELLED", "--space=w"], "has no mapping and synthesis; its space is z"),
        (["interpolate", "STYLED", "--ends", "a.npz", "b.npz"], "a.npz is no file of `project`"),
        (["interpolate", "STYLED", "--ends", "a.npz"], "--ends: expected two files or more"),
        (["interpolate", "LABELLED", "--given", "label=2"], "--given label=2: expected one of none, some"),
        (["interpolate", "LABELLED", "--given", "label"], "--given 'label': expected NAME=VALUE"),
        (["interpolate", "LABELLED", "--given", "style=3"], "--given style: LABELLED takes z and label"),
        (["arithmetic", "STYLED", "--minuend", "a.png"], "a.png does not exist; give a picture file"),
        (["truncate", "LABELLED"], "LABELLED takes no truncation"),
        (["truncate", "STYLED", "--psi"], "--psi is empty"),
        (["mix", "LABELLED"], "has no signature style_mix"),
        (["mix", "STYLED", "--crossover=5"], "--crossover=5: expected 0 to 4"),
        (["project", "STYLED", "here.txt"], "here.txt is no picture that can be read"),
        (["project", "STYLED", "here.txt", "--rate=0"], "--rate=0.0: expected a number above 0"),
        (["directions", "LABELLED", "--method=components"], "has no mapping to w"),
        (["directions", "STYLED", "--reach=0"], "--reach=0.0: expected"),
        (["directions", "STYLED", "--out=there.png"], "there.png is there already"),
        (["directions", "STYLED", "--out=beside.png"], "beside.npz is there already"),
    ],
)
def test_what_cannot_be_done_is_one_line(styled, labelled, tmp_path, monkeypatch, capsys, words, says):
    monkeypatch.chdir(tmp_path)
    for name in ("here.txt", "there.png", "beside.npz"):
        (tmp_path / name).write_text("none")
    places = {"STYLED": str(styled), "LABELLED": str(labelled)}
    with pytest.raises(SystemExit) as stopped:
        command.main([places.get(word, word) for word in words])
    error = capsys.readouterr().err
    for word, place in places.items():
        says = says.replace(word, place)
    assert stopped.value.code == 2 and error.startswith("error: ") and says in error and error.count("\n") == 1
    assert sorted(p.name for p in tmp_path.iterdir()) == ["beside.npz", "here.txt", "there.png"]


def test_a_model_that_draws_points_is_refused(tmp_path, capsys):
    with pytest.raises(SystemExit):
        run("interpolate", export(small("points"), tmp_path / "points"))
    assert "draws no pictures but points" in capsys.readouterr().err
