"""The package as a library: the program of docs/library.md, the examples of the families, and what is refused."""

import ast
import inspect
import json
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from conformance import state

import tfgan_zoo
from tfgan_zoo import DCGAN, GAN
from tfgan_zoo.base import GenerativeModel
from tfgan_zoo.data import batches, transforms
from tfgan_zoo.errors import InputError
from tfgan_zoo.networks.dcgan import dcgan_discriminator, dcgan_generator
from tfgan_zoo.networks.mlp import mlp_discriminator, mlp_generator
from tfgan_zoo.optimizers import Adam

ROOT = Path(__file__).resolve().parent.parent
FAMILIES = [value for value in vars(tfgan_zoo).values() if isinstance(value, type)]

SAY = """
import json, pathlib
print(json.dumps({
    "steps": [int(m.step.numpy()) for m in (model, translator, again, fast, half, compiled, mirrored)],
    "losses": {name: len(values) for name, values in history.history.items()},
    "logged": len(pathlib.Path("losses.csv").read_text().splitlines()),
    "shapes": [list(x.shape) for x in (picture, generated, translated, image)],
    "answers": [float(np.abs(np.array(x) - np.array(generated)).max()) for x in (same, image)],
    "png": [bytes(file[:4]).hex() for file in png.numpy()],
    "pair": float(np.abs(sum(next(iter(train)).values())).max()),
    "weights": sorted(path.name for path in pathlib.Path().glob("epoch-*")),
    "policies": [m.generator.layers[1].compute_dtype for m in (half, model)],
}))
"""


@pytest.mark.slow
def test_the_program_of_the_library_page_runs_and_answers(tmp_path):
    page = (ROOT / "docs/library.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    assert len(blocks) > 5
    (tmp_path / "program.py").write_text("\n\n".join([*blocks, SAY]), encoding="utf-8")
    done = subprocess.run([sys.executable, "program.py"], cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    *printed, last = done.stdout.splitlines()
    said = json.loads(last)
    assert [line.split(" ", 1)[0] for line in printed] == ["10", "20"]
    assert said["steps"] == [20, 5, 25, 20, 2, 2, 2]
    assert said["losses"] == {"d_loss": 2, "g_loss": 2} and said["logged"] == 3
    assert said["shapes"] == [[1, 8, 8, 1]] + [[4, 8, 8, 1]] * 3
    np.testing.assert_allclose(said["answers"], 0.0, atol=1e-6)
    assert said["png"] == ["89504e47"] * 2
    np.testing.assert_allclose(said["pair"], 0.0, atol=1e-6)  # a target is its image in negative, mirrored or not
    assert said["weights"] == ["epoch-1.weights.h5", "epoch-2.weights.h5"]
    assert said["policies"] == ["bfloat16", "float32"]


def example_of(family):
    """The code under `Example:` in the docstring of a family."""
    doc = inspect.cleandoc(family.__doc__)
    found = re.search(r"^Example:\n((?: {4}.*\n|\n)+)", f"{doc}\n", re.MULTILINE)
    assert found, f"{family.__name__} has no Example:"
    return textwrap.dedent(found[1])


@pytest.fixture
def run_eagerly():
    """Functions are not traced, which takes longest: that their graphs compute the same is tested for each family."""
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


@pytest.mark.filterwarnings("ignore:Even though the `tf.config")  # of pipelines, which are graphs all the same
@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.__name__)
def test_the_example_of_a_family_trains_and_answers(family, run_eagerly):
    code = example_of(family)
    space = {}
    exec(compile(code, f"<the example of {family.__name__}>", "exec"), space)
    *_, model = models = [value for value in space.values() if isinstance(value, GenerativeModel)]
    assert {type(one) for one in models} == {family} and (int(model.step.numpy()) > 0 or not model.trains)
    last = ast.parse(code).body[-1]
    assert isinstance(last, ast.Assign), "the last line is one answer"
    answer = space[last.targets[0].id]
    assert np.isfinite(np.array(answer)).all()


def dcgan():
    return DCGAN(dcgan_generator((8, 8, 1), latent_dim=6, width=8), dcgan_discriminator((8, 8, 1), width=8))


Z = np.zeros([2, 6], np.float32)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (lambda m: m(Z[:, :5]), "DCGAN was called with z of shape [2, 5]; expected [None, 6]"),
        (lambda m: m.predict(Z[:, :5], verbose=0), "DCGAN was called with z of shape [2, 5]; expected [None, 6]"),
        (lambda m: m({"x": Z}), "DCGAN was called with x; expected z"),
        (lambda m: m([Z, Z]), "DCGAN was called with 2 inputs; expected z, as a dict or in this order, each an array"),
        (lambda m: m.compile(), "DCGAN.compile takes the optimizers d_optimizer, g_optimizer; got none"),
        (
            lambda m: DCGAN(keras.Sequential([keras.layers.Dense(4)]), m.discriminator),
            "DCGAN: the generator is not built; call it or its build() once first",
        ),
        (
            lambda m: m.evaluate(np.zeros([4, 8, 8, 1])),
            "DCGAN has no validation loss; score an export by python -m tfgan_zoo.evaluate, or in fit by a callback, "
            "and leave validation_data out",
        ),
    ],
    ids=["shape", "shape in predict", "name", "count", "optimizers", "unbuilt", "evaluate"],
)
def test_what_does_not_fit_is_refused_in_one_line(wrong, says):
    with pytest.raises((InputError, TypeError, ValueError)) as error:
        wrong(dcgan())
    assert str(error.value) == says


@pytest.mark.parametrize("how", ["save", "export", "checkpoint"])
def test_what_would_lose_the_optimizers_is_refused_in_one_line(how, tmp_path):
    model, path = dcgan(), tmp_path / "model.keras"
    model.compile(g_optimizer=keras.optimizers.SGD(0.1), d_optimizer=keras.optimizers.SGD(0.1))
    images = tf.data.Dataset.from_tensors(np.zeros([4, 8, 8, 1], np.float32))
    with pytest.raises(InputError, match=r"would lose the optimizers and the algorithm; to serve it use") as error:
        if how == "checkpoint":
            model.fit(images, shuffle=False, verbose=0, callbacks=[keras.callbacks.ModelCheckpoint(path)])
        else:
            getattr(model, how)(path)
    assert "\n" not in str(error.value) and list(tmp_path.iterdir()) == []


def test_what_a_model_is_called_with_is_not_rounded_to_half_precision():
    keras.config.set_dtype_policy("mixed_bfloat16")
    model = GAN(mlp_generator((2,), latent_dim=3), mlp_discriminator((2,)))  # networks of points compute in float32
    z = np.random.default_rng(0).normal(size=[4, 3]).astype(np.float32)
    np.testing.assert_array_equal(model(z)["generated"], model.generator(z))


@pytest.mark.parametrize("how", ["checkpoint", "weights"])
def test_a_program_that_goes_on_as_the_page_says_ends_with_the_bits_of_one_that_did_not_stop(how, tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, [12, 8, 8, 1], dtype=np.uint8)
    examples = batches.from_arrays({"image": (pixels, "bicubic")})

    def go_on(model, steps):
        model.compile(g_optimizer=Adam(1e-2), d_optimizer=Adam(1e-2))
        if (tmp_path / "last.index").exists():
            tf.train.Checkpoint(model=model).read(str(tmp_path / "last")).assert_consumed()
        elif (tmp_path / "last.weights.h5").exists():
            model.load_weights(tmp_path / "last.weights.h5")
        data = batches.batches(examples, 4, seed=1, step=int(model.step.numpy()), transform=transforms.random_flip)
        model.fit(data, steps_per_epoch=steps, shuffle=False, verbose=0)
        return model

    first, whole = dcgan(), dcgan()
    whole.set_weights(first.get_weights())
    go_on(whole, 5)
    go_on(first, 2)
    if how == "checkpoint":
        tf.train.Checkpoint(model=first).write(str(tmp_path / "last"))
    else:
        first.save_weights(tmp_path / "last.weights.h5")
    resumed = go_on(dcgan(), 3)
    assert int(resumed.step.numpy()) == 5
    got, expected = state(resumed), state(whole)  # optimizers too
    assert got.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_array_equal(got[name], value, err_msg=name)
