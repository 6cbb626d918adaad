"""A lowered step is the step of the run, and what came back ends as a run does. Without JAX, which is not installed."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from benchmarks import accelerator
from tfgan_zoo import GAN
from tfgan_zoo.data import batches
from tfgan_zoo.networks.mlp import mlp_discriminator, mlp_generator
from tfgan_zoo.optimizers import Adam

FLAGS = ["gan", "--image-size=8", "--width=8", "--steps=6", "--batch-size=4"]


def model():
    made = GAN(mlp_generator((8, 8, 1), 6, [8]), mlp_discriminator((8, 8, 1), [8], "leaky_relu"))
    made.compile(g_optimizer=Adam(1e-3), d_optimizer=Adam(1e-3))
    return made


def test_the_step_of_numbered_examples_is_that_of_the_run():
    pictures = np.random.default_rng(0).integers(0, 256, [10, 8, 8, 1]).astype(np.uint8)
    ours, theirs = model(), model()
    theirs.set_weights(ours.get_weights())
    step, numbers, kept = accelerator.stepping(ours, batches.from_arrays({"image": (pictures, "bicubic")}), None, 4, 0)
    numbers[0].assign([7, 1, 1, 3])
    told = step.python_function()
    expected = theirs.make_train_function()(iter([tf.constant(pictures[[7, 1, 1, 3]] / 127.5 - 1.0, tf.float32)]))
    assert {name: float(x) for name, x in told.items()} == pytest.approx({n: float(x) for n, x in expected.items()})
    for mine, other in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-5, atol=1e-7)
    held = {id(v) for v in kept}
    every = [v.value for v in [*ours.variables, *ours.g_optimizer.variables, *ours.d_optimizer.variables]]
    assert {id(v) for v in every if v.dtype.is_floating} <= held and id(ours.step) in held


def test_what_came_back_ends_as_a_run_does(tmp_path):
    folder = tmp_path / "work"
    own = [f"--run-dir={tmp_path / 'run'}", f"--export-dir={tmp_path / 'exported'}"]
    keras.utils.clear_session()  # which numbers names anew, as another process does
    accelerator.main(["lower", str(folder), *FLAGS])
    (plan,) = json.loads((folder / "plan.json").read_text())
    assert plan["steps"] == 6 and plan["losses"] == ["d_loss", "g_loss"] and plan["begins"] == {}
    counts = {kind: sum(k == kind for k, _ in plan["parameters"]) for kind in ("numbers", "constant", "variable")}
    assert counts == {"numbers": 1, "constant": 1, "variable": len(plan["names"])}
    updated = {i for _, _, i in plan["updates"]}
    assert {plan["names"][i] for i in set(range(len(plan["names"]))) - updated} == {
        "adam/learning_rate:0",
        "adam_1/learning_rate:0",
    }

    with np.load(folder / "0-before.npz") as before:
        after = {k: np.full_like(x, 6) if x.dtype == np.int64 else x + x.dtype.type(1) for k, x in before.items()}
    np.savez(folder / "0-after.npz", **after)
    (folder / "0-told.json").write_text(json.dumps({"losses": [{"d_loss": 1.0, "g_loss": 0.5}]}))
    keras.utils.clear_session()
    accelerator.main(["finish", str(folder), *FLAGS, *own])
    told = json.loads((tmp_path / "exported/1/metadata.json").read_text())
    assert told["step"] == 6
    bias = next(i for i, name in enumerate(plan["names"]) if name.endswith("bias:0"))
    checkpoint = tf.train.load_checkpoint(str(next((tmp_path / "run/checkpoints/1").glob("*.index")).with_suffix("")))
    saved = [checkpoint.get_tensor(name) for name in checkpoint.get_variable_to_shape_map()]
    assert any(np.shape(x) == after[str(bias)].shape and np.array_equal(x, after[str(bias)]) for x in saved)
    keras.utils.clear_session()
    with pytest.raises(SystemExit, match="at step 6 of 7; ask for --steps=6"):
        accelerator.main(["finish", str(folder), *FLAGS, *own, "--steps=7", "--no-resume"])
    keras.utils.clear_session()
    with pytest.raises(SystemExit, match="lowered with other variables"):
        accelerator.main(["finish", str(folder), *FLAGS, "--optimizer=sgd", *own, "--no-resume"])


def test_a_recipe_whose_step_would_be_compiled_in_is_refused(tmp_path):
    flags = ["pix2pix", "--image-size=32", "--width=8", "--jitter", "--steps=2", "--batch-size=2"]
    with pytest.raises(SystemExit, match="the number of the step would be compiled in"):
        accelerator.main(["lower", str(tmp_path / "work"), *flags])


def test_examples_with_texts_are_refused(tmp_path):
    texts = tf.constant(["a", "b"])
    step = tf.function(lambda: {"length": tf.strings.length(tf.gather(texts, 0))}, jit_compile=True)
    with pytest.raises(SystemExit, match="takes no strings"):
        accelerator.lower(tmp_path, 0, None, step, [], [])
