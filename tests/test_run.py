"""`run.main` on recipes/pix2pix.py with tiny networks and twelve tiny pictures."""

import dataclasses
import json
import os
import shutil
import signal
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from recipes import pix2pix as recipe
from tfgan_zoo import run
from tfgan_zoo.families.pix2pix import Pix2Pix
from tfgan_zoo.run import callbacks, devices, job
from tfgan_zoo.run.flags import parse

TINY = [
    "--image-size=8", "--width=8", "--patch-layers=1", "--batch-size=2", "--steps=4", "--strategy=one_device",
    "--precision=float32", "--log-every=1", "--sample-every=2", "--checkpoint-every=2",
]  # fmt: skip


@dataclasses.dataclass
class Result:
    code: int
    out: str
    err: str

    @property
    def error(self):
        """What `main` said when it failed: one line, the last of stderr."""
        line = self.err.splitlines()[-1]
        assert line.startswith("error: ") and "Traceback" not in self.err, self.err
        return line


@pytest.fixture
def main(tmp_path, capsys, folder, tmp_path_factory):
    """Runs the recipe with the tiny flags and these, on folders in tmp_path."""

    def call(*flags):
        where = [f"--dataset={folder}", f"--run-dir={tmp_path / 'run'}", f"--export-dir={tmp_path / 'exported'}"]
        argv = [*TINY, *where, f"--data-dir={tmp_path_factory.getbasetemp() / 'tfds'}", *flags]
        capsys.readouterr()
        code = 0
        try:
            run.main("pix2pix", recipe.PRESETS, recipe.main, argv=argv)
        except SystemExit as end:
            code = end.code or 0
        return Result(code, *capsys.readouterr())

    return call


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Twelve side-by-side A|B files: a grey level, and its negative."""
    folder = tmp_path_factory.mktemp("pairs")
    for i in range(12):
        pixels = np.full([8, 16, 1], 10 + 20 * i, np.uint8)
        pixels[:, 8:] = 255 - pixels[:, 8:]
        Image.fromarray(pixels.repeat(3, -1)).save(folder / f"{i:02d}.png")
    return folder


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    return tmp_path_factory.mktemp("finished")


@pytest.fixture
def finished(main, template, tmp_path):
    """A run of 4 steps, done once for all tests; what it printed."""
    if not (template / "result.json").exists():
        result = main()
        assert result.code == 0, result.err
        (template / "result.json").write_text(json.dumps(dataclasses.asdict(result)))
        shutil.copytree(tmp_path, template / "copy")
        (template / "origin").write_text(str(tmp_path))
    else:
        shutil.copytree(template / "copy", tmp_path, dirs_exist_ok=True)
        record = tmp_path / "run" / "exported.json"
        record.write_text(record.read_text().replace((template / "origin").read_text(), str(tmp_path)))
    return Result(**json.loads((template / "result.json").read_text()))


def tree(folder):
    return {str(p.relative_to(folder)): p.read_bytes() for p in Path(folder).rglob("*") if p.is_file()}


def weights(tmp_path):
    newest = max(
        (tmp_path / "run" / "checkpoints" / "1").glob("*.index"), key=lambda path: int(path.stem.split("-")[1])
    )
    return tf.train.load_checkpoint(str(newest.with_suffix("")))


def test_a_run_trains_evaluates_draws_and_exports_and_says_where(finished, tmp_path):
    folder = tmp_path / "run"
    lines = callbacks.read_losses(folder / "metrics.jsonl")
    assert [line["step"] for line in lines] == [1, 2, 3, 4]
    assert set(lines[0]) == {"step", "d_loss", "g_loss", "l1"}
    for name in ("samples.png", "samples/step-0000002.png", "samples/step-0000004.png"):
        with Image.open(folder / name) as image:  # 16 examples of 3 pictures, 10 pixels each with their border
            assert image.size == (10 * 2 * 3, 10 * 8), name
    with Image.open(folder / "losses.png") as image:
        assert len(image.convert("RGB").getcolors(10**6)) > 100, "three lines and their axes"
    measured = json.loads((folder / "evaluation.json").read_text())
    evaluation = measured["metrics"]
    assert measured["step"] == 4 and set(evaluation) == set(measured["protocol"]) == {"l1", "l1_identity"}
    np.testing.assert_allclose(evaluation["l1_identity"], 2 * abs(127.5 - (10 + 20 * 11)) / 127.5, atol=1e-6)
    config = json.loads((folder / "config.json").read_text())
    assert (config["steps"], config["precision"], config["learning_rate"]) == (4, "float32", 2e-4)
    environment = json.loads((folder / "environment.json").read_text())
    assert environment["replicas"] == 1 and environment["packages"]["tensorflow"] == tf.__version__
    card = (tmp_path / "exported" / "1" / "README.md").read_text()
    for said in ("# pix2pix", "1611.07004", "Trained for 4 steps", "| `batch_size` | 2 |", "| `serving_default` |"):
        assert said in card
    for name, value in evaluation.items():
        assert f"| {name} | {value:.4f} |" in card
        assert f"{name} {value:.4f}" in finished.out
    assert "exported/1; to use it:" in finished.out
    metadata = json.loads((tmp_path / "exported" / "1" / "metadata.json").read_text())
    assert (metadata["family"], metadata["step"], metadata["seed"]) == ("pix2pix", 4, 0)
    assert metadata["metrics"] == evaluation
    assert metadata["config"]["batch_size"] == 2 and metadata["command"] == environment["command"]
    assert metadata["data"]["licence"] and metadata["protocol"]["held-out examples"] > 0


def test_the_export_of_a_run_answers_files_in_their_own_size(finished, tmp_path):
    exported = tmp_path / "exported" / "1"
    metadata = json.loads((exported / "metadata.json").read_text())
    assert metadata["picture_files"]["fit"] == "none" and metadata["config"]["fit"] == "stretch"
    translate = tf.saved_model.load(str(exported)).signatures["translate_bytes"]
    channels = metadata["signatures"]["serving_default"]["inputs"]["image"]["shape"][-1]
    file = tf.io.encode_png(tf.fill([20, 13, channels], tf.constant(200, tf.uint8)))
    (made,) = translate(image_bytes=file[None])["generated_bytes"]
    assert tf.io.decode_png(made).shape == [20, 13, channels]


def test_the_printed_code_runs(finished, tmp_path):
    code = finished.out[finished.out.index("    import tensorflow") :]
    code = "\n".join(line[4:] for line in code.splitlines())
    path = code.split('load("')[1].split('"')[0]
    names = {}
    exec(code.replace(path, str(tmp_path / "exported" / "1")), names)
    assert names["generated"].shape == [1, 8, 8, 3]


def test_a_finished_run_does_nothing_when_run_again(finished, main, tmp_path):
    before = tree(tmp_path)
    again = main()
    assert again.code == 0
    assert "this run is finished; --steps=8 goes on, --no-resume starts afresh" in again.out
    changed = {name for name, data in tree(tmp_path).items() if before.get(name) != data}
    assert {n for n in changed if "tensorboard" not in n} <= {"run/environment.json", "run/config.json"}
    assert [path.name for path in (tmp_path / "exported").glob("[0-9]*")] == ["1"]


def test_more_steps_go_on_from_the_last_one_and_export_the_next_version(finished, main, tmp_path):
    before = callbacks.read_losses(tmp_path / "run" / "metrics.jsonl")
    more = main("--steps=6")
    assert more.code == 0, more.err
    assert "from step 4 to 6" in more.out
    lines = callbacks.read_losses(tmp_path / "run" / "metrics.jsonl")
    assert lines[:4] == before and [line["step"] for line in lines] == [1, 2, 3, 4, 5, 6]
    assert sorted(path.name for path in (tmp_path / "exported").glob("[0-9]*")) == ["1", "2"]


def test_no_resume_moves_the_old_run_aside(finished, main, tmp_path):
    before = tree(tmp_path / "run")
    (tmp_path / "run.1").mkdir()
    fresh = main("--no-resume", "--steps=1", "--batch-size=4")
    assert fresh.code == 0, fresh.err
    assert f"what was in {tmp_path}/run is in {tmp_path}/run.2 now" in fresh.out
    assert tree(tmp_path / "run.2") == before
    assert [line["step"] for line in callbacks.read_losses(tmp_path / "run" / "metrics.jsonl")] == [1]


def test_a_run_that_is_told_to_stop_saves_exits_with_the_signal_and_goes_on_to_the_same_weights(
    finished, main, tmp_path, monkeypatch
):
    for name in ("run", "exported"):
        shutil.move(tmp_path / name, tmp_path / f"whole-{name}")
    whole = tf.train.load_checkpoint(str(tmp_path / "whole-run" / "checkpoints" / "1" / "ckpt-4"))
    with monkeypatch.context() as patch:
        patch.setattr(callbacks.NanGuard, "on_train_batch_begin",
                      lambda self, batch, logs: batch == 2 and os.kill(os.getpid(), signal.SIGTERM))  # fmt: skip
        stopped = main("--checkpoint-every=100")
    assert stopped.code == 128 + signal.SIGTERM
    assert stopped.err.splitlines()[-1] == "stopped at step 3 and saved; the same command goes on from there"
    assert not (tmp_path / "exported").exists()

    rest = main("--checkpoint-every=100")
    assert rest.code == 0 and "from step 3 to 4" in rest.out
    resumed = weights(tmp_path)
    names = [
        name for name in whole.get_variable_to_shape_map() if not name.startswith(("_CHECKPOINTABLE", "save_counter"))
    ]
    assert len(names) > 20
    for name in names:
        np.testing.assert_array_equal(resumed.get_tensor(name), whole.get_tensor(name), err_msg=name)


# --- evaluation while training


def test_evaluations_do_not_touch_the_run_and_the_best_step_is_exported_when_asked(finished, main, tmp_path):
    for name in ("run", "exported"):
        shutil.move(tmp_path / name, tmp_path / f"plain-{name}")
    result = main("--evaluate-every=1", "--export-best")
    assert result.code == 0, result.err
    lines = callbacks.read_losses(tmp_path / "run" / "evaluations.jsonl")
    assert [line["step"] for line in lines] == [1, 2, 3, 4]
    assert set(lines[0]["metrics"]) == {"l1", "l1_identity"} and lines[0]["protocol"]["l1"]["split"] == "test"
    l1 = {line["step"]: line["metrics"]["l1"] for line in lines}
    step = min(l1, key=l1.get)
    assert f"best       step {step} by l1 {l1[step]:.6g}" in result.out and "kept: the lowest l1" in result.out
    assert json.loads((tmp_path / "run" / "exported.json").read_text())["step"] == step
    evaluation = json.loads((tmp_path / "run" / "evaluation.json").read_text())
    assert (evaluation["step"], evaluation["metrics"]["l1"]) == (step, l1[step])

    plain = tf.train.load_checkpoint(str(tmp_path / "plain-run" / "checkpoints" / "1" / "ckpt-4"))
    names = [n for n in plain.get_variable_to_shape_map() if not n.startswith(("_CHECKPOINTABLE", "save_counter"))]
    assert len(names) > 20
    for name in names:
        np.testing.assert_array_equal(weights(tmp_path).get_tensor(name), plain.get_tensor(name), err_msg=name)


def test_evaluations_measure_what_their_flags_name(main, tmp_path):
    result = main("--evaluate-every=2", "--evaluate-with=--metrics=swd,psnr --count=1", "--best-metric=psnr")
    assert result.code == 0, result.err
    lines = callbacks.read_losses(tmp_path / "run" / "evaluations.jsonl")
    assert [line["step"] for line in lines] == [2, 4] and set(lines[0]["metrics"]) == {"swd", "psnr"}
    assert lines[0]["protocol"]["psnr"]["fake_images"] == 1 and lines[0]["protocol"]["swd"]["dataset"]
    best = json.loads((tmp_path / "run" / "checkpoints" / "1" / "best" / "best.json").read_text())
    assert best["value"] == max(line["metrics"]["psnr"] for line in lines) and "highest psnr" in result.out


def test_evaluations_that_cannot_be_are_refused_before_a_step(main, tmp_path):
    for flags, said in (
        (["--export-best"], "--export-best needs --evaluate-every, from 1 to the 4 steps of the run"),
        (["--best-metric=l1", "--evaluate-every=5"], "--best-metric needs --evaluate-every, from 1 to the 4 steps"),
        (["--evaluate-every=2", "--best-metric=l2"], "--best-metric=l2 is not measured, only l1, l1_identity"),
        (["--evaluate-every=2", "--evaluate-with=--metrics=fd"], "fd needs 2 real images, there are 1; give more"),
        (["--evaluate-every=2", "--evaluate-with=--metrics=none"], "none is none of fid, fd, kid"),
    ):
        result = main(*flags)
        assert result.code == 2 and said in result.error
    assert main("--evaluate-every=2", "--evaluate-with=--dataset=mnist").code == 2, "the data is that of the run"
    assert not (tmp_path / "run" / "metrics.jsonl").exists()


# --- what is refused; nothing is trained


def test_a_dry_run_prints_the_config_and_the_parameter_counts_and_creates_nothing(main, tmp_path):
    result = main("--dry-run")
    assert result.code == 0, result.err
    config = json.loads(result.out[result.out.index("{") :])
    assert (config["image_size"], config["precision"], config["dry_run"]) == ("8", "float32", True)
    assert "parameters generator " in result.out and ", discriminator " in result.out
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("flag", ["--batch-size=6", "--batch_size=6"])
def test_dashes_and_underscores_both_work(flag):
    assert parse(recipe.PRESETS, [flag]).batch_size == 6


def test_a_preset_changes_the_defaults_and_flags_override_it_wherever_they_stand():
    default, paper = recipe.PRESETS["default"], recipe.PRESETS["paper"]
    assert parse(recipe.PRESETS, []) == default
    assert parse(recipe.PRESETS, ["--preset=paper"]) == parse(recipe.PRESETS, ["--preset", "paper"]) == paper
    expected = dataclasses.replace(paper, steps=7, jitter=False)
    assert parse(recipe.PRESETS, ["--steps=7", "--preset=paper", "--no-jitter"]) == expected


@pytest.mark.parametrize(
    ("flags", "named"),
    [
        (["--batch-size=many"], "--batch-size"),
        (["--preset=huge"], "--preset"),
        (["--precision=float8"], "--precision"),
        (["--direction=c_to_d"], "--direction"),
        (["--no-such-flag"], "--no-such-flag"),
        (["--pre=paper"], "--pre"),
    ],
)
def test_a_flag_that_cannot_be_is_refused_by_name(main, tmp_path, flags, named):
    result = main(*flags)
    assert result.code == 2
    assert named in result.err + result.out and "Traceback" not in result.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["steps", "batch-size", "image-size", "steps-per-execution", "log-every", "width"])
def test_counts_are_one_or_more(main, name):
    result = main(f"--{name}=0")
    assert (result.code, result.error) == (2, f"error: --{name}=0 must be 1 or more")


def test_data_that_is_not_there_or_of_another_kind_is_refused(main, tmp_path):
    flat = tmp_path / "unpaired" / "trainA"
    flat.mkdir(parents=True)
    Image.new("L", (8, 8)).save(flat / "x.png")
    (tmp_path / "empty").mkdir()
    for dataset, said in (
        ("no_such_dataset_anywhere", "no_such_dataset_anywhere"),
        (tmp_path / "missing", "missing"),
        (tmp_path / "empty", "empty"),
        (
            tmp_path / "unpaired",
            "unpaired has pictures in trainA/ of A and none of B; pairs are side-by-side files; A/ and B/",
        ),
    ):
        result = main(f"--dataset={dataset}")
        assert result.code == 2 and said in result.error
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("flags", [[], ["--no-resume"]])
def test_a_run_folder_that_is_a_file_is_refused(main, tmp_path, flags):
    (tmp_path / "run").write_text("mine")
    result = main(*flags)
    assert result.code == 2 and f"the run folder {tmp_path}/run is a file; give a folder with --run-dir" in result.error
    assert (tmp_path / "run").read_text() == "mine"


@pytest.mark.parametrize("text", [b'{"steps": 4, "batch', b"", b"\xff\xfe\x00", b"[1]", b"3"])
def test_a_config_that_cannot_be_read_is_refused(main, tmp_path, text):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "config.json").write_bytes(text)
    result = main()
    assert result.code == 2
    assert f"{tmp_path}/run/config.json" in result.error and "--run-dir or --no-resume" in result.error
    assert tree(tmp_path) == {"run/config.json": text}


def test_other_numbers_than_the_run_began_with_are_refused(finished, main, tmp_path):
    before = tree(tmp_path)
    for flag, said in (
        ("--batch-size=4", "--batch-size=2, now --batch-size=4"),
        ("--width=9", "--width=8, now --width=9"),
        ("--seed=5", "--seed=0, now --seed=5"),
        ("--precision=mixed_bfloat16", "--precision=float32, now --precision=mixed_bfloat16"),
        ("--learning-rate=0.1", "--learning-rate=0.0002, now --learning-rate=0.1"),
    ):
        result = main(flag)
        assert result.code == 2
        begun = f"error: {tmp_path}/run was begun with {said}; "
        assert result.error == begun + "give the same, another --run-dir, or --no-resume to start afresh"
    assert tree(tmp_path) == before


def test_a_run_goes_on_in_the_precision_it_began_with(finished, main, monkeypatch):
    monkeypatch.setattr(devices, "precision", lambda name, chosen: pytest.fail("asked the hardware"))
    result = main("--precision=auto")
    assert result.code == 0 and "float32 (as this run began)" in result.out


def test_fewer_steps_than_are_done_are_refused(finished, main, tmp_path):
    result = main("--steps=3")
    assert (result.code, result.error) == (
        2, f"error: {tmp_path}/run is at step 4, past --steps=3; ask for more steps or --no-resume",
    )  # fmt: skip
    assert weights(tmp_path).get_tensor("model/step/.ATTRIBUTES/VARIABLE_VALUE") == 4


def test_an_execution_leads_to_the_next_line_of_the_log_however_many_steps_it_may_have(main, tmp_path):
    every = ["--sample-every=12", "--checkpoint-every=6"]
    result = main("--steps=12", "--steps-per-execution=5", "--log-every=6", *every)
    assert result.code == 0, result.err
    in_threes = callbacks.read_losses(tmp_path / "run" / "metrics.jsonl")
    assert [line["step"] for line in in_threes] == [6, 12]
    assert main("--no-resume", "--steps=12", "--steps-per-execution=1", "--log-every=6", *every).code == 0
    one_by_one = callbacks.read_losses(tmp_path / "run" / "metrics.jsonl")
    for line, other in zip(in_threes, one_by_one, strict=True):
        np.testing.assert_allclose(list(line.values()), list(other.values()), rtol=1e-6)


def test_a_batch_that_does_not_divide_over_the_replicas_is_refused(main, two_replicas, monkeypatch, tmp_path):
    monkeypatch.setattr(devices, "strategy", lambda *_: (two_replicas, "two"))
    result = main("--batch-size=3")
    assert (result.code, result.error) == (
        2, "error: --batch-size=3 is not a multiple of the 2 replicas; choose one",
    )  # fmt: skip
    result = main("--jit=on")
    assert (result.code, result.error) == (2, "error: --jit=on works with one replica, not 2; use --jit=auto")
    assert list(tmp_path.iterdir()) == []


def test_a_run_on_two_replicas_starts_ends_and_exports(main, two_replicas, monkeypatch, tmp_path):
    monkeypatch.setattr(devices, "strategy", lambda *_: (two_replicas, "two"))
    result = main("--steps=2", "--steps-per-execution=2", "--log-every=2")
    assert result.code == 0, result.err
    assert [line["step"] for line in callbacks.read_losses(tmp_path / "run" / "metrics.jsonl")] == [2]
    assert (tmp_path / "exported" / "1" / "saved_model.pb").exists()


class _TurnsBad(Pix2Pix):
    """A generator loss that is NaN from step 3 on, counted from 0."""

    def track(self, **scalars):
        late = tf.cast(self.step.read_value(), tf.float32) >= 3.0
        scalars["g_loss"] = tf.where(late, np.nan, scalars["g_loss"])
        return super().track(**scalars)


def test_a_loss_that_is_nan_ends_the_run_names_itself_and_keeps_the_last_good_checkpoint(main, tmp_path, monkeypatch):
    monkeypatch.setattr(recipe, "Pix2Pix", _TurnsBad)
    result = main("--steps=8")
    assert result.code == job.DIVERGED
    assert result.error == (
        "error: the loss g_loss is nan at step 4; nothing was exported, the last good checkpoint is kept; "
        "try a lower learning rate in another --run-dir, or with --no-resume"
    )
    assert not (tmp_path / "exported").exists()
    assert [path.stem for path in (tmp_path / "run" / "checkpoints" / "1").glob("*.index")] == ["ckpt-2"]
    kept = weights(tmp_path)
    assert all(np.isfinite(kept.get_tensor(n)).all() for n in kept.get_variable_to_shape_map() if "generator" in n)
    assert [line["step"] for line in callbacks.read_losses(tmp_path / "run" / "metrics.jsonl")] == [1, 2, 3]


def test_a_learning_rate_that_is_far_too_high_ends_the_run_and_exports_nothing(main, tmp_path):
    result = main("--learning-rate=1e38", "--checkpoint-every=1")
    assert result.code == job.DIVERGED
    assert (
        " is nan at step " in result.error
        or " is inf at step " in result.error
        or " is not finite at step " in result.error
    )
    assert not (tmp_path / "exported").exists()


def test_a_broken_picture_is_skipped_and_counted(main, tmp_path, folder):
    mixed = tmp_path / "mixed"
    shutil.copytree(folder, mixed)
    (mixed / "03.png").write_bytes((mixed / "03.png").read_bytes()[:40])
    result = main(f"--dataset={mixed}", "--steps=8")
    assert result.code == 0, result.err
    assert "1 broken images: " in result.out and "03.png" in result.out
