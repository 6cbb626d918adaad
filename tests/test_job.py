"""Phases of a run, and runs that train nothing: recipes written here, with tiny networks."""

import dataclasses
import json
import os
import signal
import weakref

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfgan_zoo import Pix2Pix, base, held_out, losses, pictures, run
from tfgan_zoo.data import batches, columns
from tfgan_zoo.networks.patchgan import patchgan_discriminator
from tfgan_zoo.networks.unet import unet_generator
from tfgan_zoo.run import callbacks

SHAPE = (8, 8, 1)


class Regression(base.GenerativeModel):
    """The first phase: a generator that is trained by L1 alone."""

    def __init__(self, generator, *, seed=0):
        super().__init__({"generator": generator}, {"g_optimizer": ["generator"]}, seed=seed)

    def train_step(self, batch):
        with tf.GradientTape() as tape:
            l1 = losses.l1(batch["target"], self.generator(batch["image"], training=True))
        self.minimize(l1, tape, self.g_optimizer)
        return self.track(warm_up=l1)

    def preview(self, batch):
        return {"input": batch["image"], "target": batch["target"]}

    def signatures(self):
        return {}


@dataclasses.dataclass(kw_only=True)
class Config(run.Config):
    image_size: run.ImageSize = run.square(8)
    batch_size: int = 2
    steps: int = 7
    warm_up_steps: int = 3


def pairs():
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, [2, 12, *SHAPE], dtype=np.uint8)
    examples = batches.from_arrays({"image": (pixels[0], "bicubic"), "target": (pixels[1], "bicubic")})
    return columns.Data(
        name="noise", kind="pairs", columns=examples.columns, train=examples, test=examples, description="noise",
        licence="none",
    )  # fmt: skip


def two_phases(job, config):
    data = pairs()
    with job.scope():
        generator = unet_generator(SHAPE, width=4)
        first = Regression(generator, seed=config.seed)
        second = Pix2Pix(generator, patchgan_discriminator(SHAPE, 4, 1, condition_channels=1), seed=config.seed)
        sgd = {"g_optimizer": keras.optimizers.Adam(1e-3)}
    job.train(first, data, until=config.warm_up_steps, phase="warm_up", **sgd)
    with job.scope():
        optimizers = {"g_optimizer": keras.optimizers.Adam(1e-3), "d_optimizer": keras.optimizers.Adam(1e-3)}
    job.train(second, data, until=config.steps, phase="both", **optimizers)
    job.finish(second, data, metrics="l1")


def untrained(job, config):
    with job.scope():
        model = Pix2Pix(unet_generator(SHAPE, width=4), patchgan_discriminator(SHAPE, 4, 1, condition_channels=1))
    job.finish(model, pairs(), metrics=lambda: {"steps": float(model.step.numpy())})


@pytest.fixture
def main(tmp_path, capsys):
    def call(recipe, *flags, name="run"):
        where = [f"--run-dir={tmp_path / name}", f"--export-dir={tmp_path / name / 'exported'}"]
        quick = ["--strategy=one_device", "--precision=float32", "--log-every=1", "--checkpoint-every=2"]
        capsys.readouterr()
        code = 0
        try:
            run.main("pix2pix", {"default": Config()}, recipe, argv=[*quick, *where, *flags])
        except SystemExit as end:
            code = end.code or 0
        return code, *capsys.readouterr()

    return call


def tensors(path):
    reader = tf.train.load_checkpoint(str(path))
    names = [n for n in reader.get_variable_to_shape_map() if not n.startswith(("_CHECKPOINTABLE", "save_counter"))]
    return {name: reader.get_tensor(name) for name in names}


def killed_at(step, patch, how):
    """The process is told to stop, or ends at once, at the end of this step of the run."""

    def end(self, batch, logs=None):
        if int(self.model.step.numpy()) == step:
            how()

    patch.setattr(callbacks.NanGuard, "on_train_batch_end", end)


class Killed(BaseException):
    """Nobody handles it: what is not saved is gone."""


def dies():
    raise Killed


@pytest.mark.parametrize("step", [2, 5, 6])
def test_a_run_of_two_phases_that_share_a_generator_ends_with_the_same_bits_wherever_it_was_cut(main, tmp_path, step):
    assert main(two_phases, name="whole")[0] == 0
    with pytest.MonkeyPatch.context() as patch:
        killed_at(step, patch, dies)
        with pytest.raises(Killed):
            main(two_phases)
    keras.utils.set_random_seed(9)
    code, out, err = main(two_phases)
    assert code == 0, err
    began = {2: (0, 3), 5: (3, 4), 6: (3, 4)}[step]  # it died before the checkpoint of its last step
    assert f"phase warm_up, from step {began[0]} to 3" in out and f"phase both, from step {began[1]} to 7" in out
    expected, got = (tensors(tmp_path / name / "checkpoints/both/ckpt-7") for name in ("whole", "run"))
    assert expected.keys() == got.keys() and len(expected) > 40
    for name, value in expected.items():
        np.testing.assert_array_equal(got[name], value, err_msg=name)
    logs = [callbacks.read_losses(tmp_path / name / "metrics.jsonl") for name in ("whole", "run")]
    assert logs[0] == logs[1] and [line["step"] for line in logs[0]] == [1, 2, 3, 4, 5, 6, 7]
    assert "warm_up" in logs[0][2] and "d_loss" in logs[0][3]


def test_a_signal_in_the_second_phase_saves_it_and_the_same_command_goes_on(main, tmp_path):
    with pytest.MonkeyPatch.context() as patch:
        killed_at(5, patch, lambda: os.kill(os.getpid(), signal.SIGTERM))
        code, _, err = main(two_phases)
    assert code == 128 + signal.SIGTERM and "stopped at step 5 and saved" in err.splitlines()[-1]
    code, out, _ = main(two_phases)
    assert code == 0 and "phase both, from step 5 to 7" in out


def test_the_graph_of_a_phase_is_let_go_of_before_the_next_one_trains(main, monkeypatch):
    graphs, there, fit = [], [], keras.Model.fit

    def fitted(model, *args, **kwargs):
        there.append([graph() is not None for graph in graphs])
        history = fit(model, *args, **kwargs)
        graphs.extend(weakref.ref(f.graph) for f in model.train_function._list_all_concrete_functions())
        return history

    monkeypatch.setattr(keras.Model, "fit", fitted)
    code, _, err = main(two_phases)
    assert code == 0, err
    assert there == [[], [False]]


def test_a_dry_run_shows_the_networks_of_every_phase_and_creates_nothing(main, tmp_path):
    code, out, err = main(two_phases, "--dry-run")
    assert code == 0, err
    parameters = [line for line in out.splitlines() if line.startswith("  parameters")]
    assert len(parameters) == 2 and "discriminator" not in parameters[0] and "discriminator" in parameters[1]
    assert "phase warm_up: generator " in parameters[0] and json.loads(out[out.index("{") :])["steps"] == 7
    assert list(tmp_path.iterdir()) == []


def test_a_model_that_trains_nothing_is_measured_drawn_and_exported(main, tmp_path):
    code, out, err = main(untrained)
    assert code == 0, err
    assert json.loads((tmp_path / "run/evaluation.json").read_text())["metrics"] == {"steps": 0.0}
    assert (tmp_path / "run/exported/1/saved_model.pb").exists() and (tmp_path / "run/samples.png").exists()
    assert "this run is finished" in main(untrained)[1]


@pytest.mark.parametrize(("at_once", "rows"), [(pictures.AT_ONCE, 16), (5 * 64, 5), (1, 1)])
def test_a_grid_of_large_pictures_shows_few(main, monkeypatch, at_once, rows):
    seen, preview = [], Pix2Pix.preview
    monkeypatch.setattr(pictures, "AT_ONCE", at_once)
    monkeypatch.setattr(
        Pix2Pix, "preview", lambda self, batch: seen.append(len(batch["image"])) or preview(self, batch)
    )
    code, _, err = main(untrained)
    assert code == 0, err
    assert seen == [rows]


@pytest.mark.parametrize(("name", "flag", "kept"), [("glyphs", "auto", 4), ("noise", "auto", 0), ("noise", "on", 4)])
def test_held_out_pictures_go_with_an_export_if_they_are_glyphs_or_it_is_asked_for(
    main, tmp_path, monkeypatch, name, flag, kept
):
    found = dataclasses.replace(pairs(), name=name)
    monkeypatch.setitem(globals(), "pairs", lambda: found)
    main(untrained, f"--export-examples={flag}", "--export-weights=float16")
    version = tmp_path / "run/exported/1"
    assert len(held_out.read(version).of("serving_default", "image")) == kept
    assert json.loads((version / "metadata.json").read_text())["weights"] == "float16"


def test_a_recipe_may_free_a_flag_and_what_the_base_frees_stays_free():
    @dataclasses.dataclass(kw_only=True)
    class Own(Config):
        steps: int = 9
        weights: str = run.free("")
        width: int = 8

    fixed = run.flags.fixed(Own())
    assert "width" in fixed and "warm_up_steps" in fixed and "image_size" in fixed
    assert not {"steps", "weights", "run_dir", "dataset"} & set(fixed)


@pytest.mark.parametrize(("text", "size"), [("256", (256, 256)), ("256x512", (256, 512)), ("8X12", (8, 12))])
def test_a_size_is_one_number_or_height_x_width(text, size):
    config = run.flags.parse({"default": Config()}, [f"--image-size={text}"])
    assert config.image_size == size and config.pictures()["image_size"] == size


@pytest.mark.parametrize("text", ["256x", "x256", "-4", "4.5", "axb", "1x2x3"])
def test_what_is_no_size_is_refused_by_name(text, capsys):
    with pytest.raises(SystemExit) as end:
        run.flags.parse({"default": Config()}, [f"--image-size={text}"])
    said = "".join(capsys.readouterr())
    assert end.value.code == 2 and "--image-size" in said


def test_other_data_than_the_run_began_with_is_refused_unless_it_is_allowed(main, tmp_path, monkeypatch):
    assert main(two_phases)[0] == 0
    monkeypatch.setitem(globals(), "pairs", lambda: dataclasses.replace(_pairs(), fingerprint="other"))
    code, _, err = main(two_phases)
    assert code == 2 and "was begun on other data than noise is now" in err and "--other-data" in err
    assert main(two_phases, "--other-data", "--steps=8")[0] == 0


_pairs = pairs
