"""The run folder and the files in it: whose it is, what is damaged, what is gone."""

import dataclasses
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfgan_zoo import Pix2Pix, files, run
from tfgan_zoo.data import batches, columns
from tfgan_zoo.errors import InputError
from tfgan_zoo.networks.patchgan import patchgan_discriminator
from tfgan_zoo.networks.unet import unet_generator
from tfgan_zoo.run import callbacks, job
from tfgan_zoo.run.folder import _alone

SHAPE = (8, 8, 1)


@dataclasses.dataclass(kw_only=True)
class Config(run.Config):
    image_size: run.ImageSize = run.square(8)
    batch_size: int = 2
    steps: int = 2
    width: int = 4
    learning_rate: float = 1e-3


def recipe(job, config):
    pixels = np.random.default_rng(0).integers(0, 256, [2, 12, *SHAPE], dtype=np.uint8)
    examples = batches.from_arrays({"image": (pixels[0], "bicubic"), "target": (pixels[1], "bicubic")})
    data = columns.Data(
        name="noise", kind="pairs", columns=examples.columns, train=examples, test=examples, description="noise",
        licence="none",
    )  # fmt: skip
    with job.scope():
        discriminator = patchgan_discriminator(SHAPE, 4, 1, condition_channels=1)
        model = Pix2Pix(unet_generator(SHAPE, width=config.width), discriminator, seed=config.seed)
        rates = config.learning_rate, config.learning_rate
        g_optimizer, d_optimizer = (keras.optimizers.SGD(rate) for rate in rates)
    job.train(model, data, until=config.steps, g_optimizer=g_optimizer, d_optimizer=d_optimizer)
    job.finish(model, data)


def start(folder, *given, main=recipe):
    """Runs the recipe in `folder`/run; the exit code."""
    quick = ["--strategy=one_device", "--precision=float32", "--log-every=1", "--checkpoint-every=1"]
    where = [f"--run-dir={folder / 'run'}", f"--export-dir={folder / 'exported' / 'x'}"]
    try:
        run.main("x", {"default": Config()}, main, argv=[*quick, *where, *given])
    except SystemExit as end:
        return end.code or 0
    return 0


@pytest.fixture
def main(tmp_path, capsys, monkeypatch):
    """Runs the recipe in tmp_path/run, from another working folder; (exit code, stdout, last line of stderr)."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")

    def call(*given, folder=tmp_path, **how):
        capsys.readouterr()
        code = start(folder, *given, **how)
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        return code, out, err

    return call


def tree(folder):
    return {str(p.relative_to(folder)): p.read_bytes() for p in Path(folder).rglob("*") if p.is_file()}


def last(err):
    return err.strip().splitlines()[-1]


# --- Which folders a run may have


@pytest.mark.parametrize("name", ["run[lr=1e-4]", "what?", "all*", "gs://bucket/run", "a\\b"])
@pytest.mark.parametrize("flag", ["--run-dir", "--export-dir"])
def test_a_path_that_tensorflow_would_misread_is_refused_before_anything_is_made(main, tmp_path, flag, name):
    path = name if "://" in name else str(tmp_path / name)
    code, _, err = main(f"{flag}={path}")
    assert code == 2 and last(err).startswith(f"error: {flag}={path}")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["here"]


@pytest.mark.parametrize("resume", ["--resume", "--no-resume"])
def test_a_run_folder_that_is_or_holds_the_working_folder_is_refused(main, tmp_path, resume):
    for folder in (".", "..", str(tmp_path)):
        code, _, err = main(f"--run-dir={folder}", resume)
        assert code == 2 and "is or holds the working folder" in last(err)
    assert tmp_path.exists()


@pytest.mark.parametrize("resume", ["--resume", "--no-resume"])
def test_a_folder_of_something_else_is_neither_used_nor_moved(main, tmp_path, resume):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "thesis.tex").write_text("mine")
    code, _, err = main(resume)
    assert code == 2 and "holds other files and no config.json of a run; give another --run-dir" in last(err)
    assert (tmp_path / "run" / "thesis.tex").read_text() == "mine"


def test_a_link_is_not_moved(main, tmp_path):
    (tmp_path / "there").mkdir()
    (tmp_path / "run").symlink_to(tmp_path / "there")
    assert main("--steps=1")[0] == 0
    code, _, err = main("--no-resume")
    assert code == 2 and "is a link or a mount point, which is not moved" in last(err)
    assert (tmp_path / "run").is_symlink() and (tmp_path / "there" / "config.json").exists()


def test_what_cannot_be_written_to_is_found_out_before_the_first_step(main, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    for flag in ("--run-dir", "--export-dir"):
        code, _, err = main(f"{flag}={tmp_path / 'file' / 'x'}")
        assert code == 2 and f"{flag}={tmp_path / 'file' / 'x'}" in last(err) and "give another folder" in last(err)
    assert not (tmp_path / "run").exists() and not (tmp_path / "exported").exists()


def test_a_second_run_of_a_folder_is_refused_while_the_first_lives_and_not_after_it_was_killed(main, tmp_path):
    assert main("--steps=1")[0] == 0
    code = (
        "import fcntl, sys, time\n"
        f"lock = open({str(tmp_path / 'run' / '.lock')!r}, 'a+'); fcntl.flock(lock, fcntl.LOCK_EX)\n"
        "print('held', flush=True); time.sleep(600)"
    )
    other = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    try:
        assert other.stdout.readline() == b"held\n"
        before = tree(tmp_path / "run")
        for resume in ("--resume", "--no-resume"):
            code, _, err = main(resume)
            assert code == 2 and f"the run folder {tmp_path}/run is in use by process {os.getpid()}" in last(err)
        assert tree(tmp_path / "run") == before and not (tmp_path / "run.1").exists()
    finally:
        other.kill()
        other.wait()
    assert main()[0] == 0


def test_a_lock_is_held_while_its_file_is_open(tmp_path):
    lock = _alone(tmp_path)
    with pytest.raises(InputError, match=f"in use by process {os.getpid()} on "):
        _alone(tmp_path)
    lock.close()
    _alone(tmp_path).close()


# --- What a resumed run is held to


def test_flags_are_compared_only_where_there_is_a_checkpoint_to_lose(main, tmp_path):
    assert main("--steps=1", "--batch-size=4", "--checkpoint-every=100", main=_dies_before_a_checkpoint)[0] == 1
    assert (tmp_path / "run" / "config.json").exists()
    assert main("--steps=1")[0] == 0
    code, _, err = main("--batch-size=4")
    assert code == 2 and "was begun with --batch-size=2, now --batch-size=4" in last(err)


def _dies_before_a_checkpoint(job, config):
    with pytest.MonkeyPatch.context() as patch:

        def no_space(self, logs):
            raise OSError(28, "No space left on device", "somewhere")

        patch.setattr(callbacks.NanGuard, "after", no_space)
        recipe(job, config)


def test_a_full_disk_is_one_line_with_exit_code_1_and_the_run_goes_on_afterwards(main, tmp_path):
    code, _, err = main(main=_dies_before_a_checkpoint)
    assert code == 1
    assert last(err) == (
        "error: No space left on device (somewhere); mend it, and the same command goes on from the last checkpoint"
    )
    assert main()[0] == 0


def test_checkpoints_that_are_gone_are_not_taken_for_a_new_run(main, tmp_path):
    assert main()[0] == 0
    checkpoints = tmp_path / "run" / "checkpoints" / "1"
    log = (tmp_path / "run" / "metrics.jsonl").read_bytes()
    for path in checkpoints.glob("ckpt-*"):
        path.unlink()
    code, _, err = main("--steps=3")
    assert code == 2 and f"step 2 was saved in {checkpoints} and is gone, with all other checkpoints" in last(err)
    assert (tmp_path / "run" / "metrics.jsonl").read_bytes() == log
    assert main("--steps=3", "--no-resume")[0] == 0


def test_other_weights_than_random_ones_can_be_begun_with(main, tmp_path):
    assert main()[0] == 0
    (tmp_path / "run").rename(tmp_path / "first")
    code, out, err = main("--steps=1", "--learning-rate=0", f"--init-from={tmp_path / 'first'}")
    assert code == 0, err
    assert f"begins with {tmp_path}/first/checkpoints/1/ckpt-2" in out
    paths = "first/checkpoints/1/ckpt-2", "run/checkpoints/1/ckpt-1"
    was, now = (tf.train.load_checkpoint(str(tmp_path / path)) for path in paths)
    kernels = [name for name, shape in was.get_variable_to_shape_map().items() if len(shape) == 4]
    assert len(kernels) > 3
    for name in kernels:
        np.testing.assert_array_equal(now.get_tensor(name), was.get_tensor(name))
    assert now.get_tensor("model/step/.ATTRIBUTES/VARIABLE_VALUE") == 1

    for source, said in (("nowhere", "does not exist"), (str(tmp_path / "here"), "holds no checkpoint")):
        code, _, err = main("--no-resume", f"--init-from={source}")
        assert code == 2 and said in last(err)
    code, _, err = main("--no-resume", "--width=8", f"--init-from={tmp_path / 'first'}")
    assert code == 2 and "is of other networks than this run's" in last(err)


# --- Finished runs


def test_a_finished_run_exports_again_where_it_has_not_and_where_its_export_is_gone(main, tmp_path, monkeypatch):
    assert main()[0] == 0
    first = tmp_path / "exported" / "x" / "1"
    monkeypatch.chdir(tmp_path)
    assert "this run is finished" in main()[1], "called from another folder"
    monkeypatch.chdir(tmp_path / "here")
    code, out, _ = main(f"--export-dir={tmp_path / 'other'}")
    assert code == 0 and "this run is finished" not in out and (tmp_path / "other/1/saved_model.pb").exists()
    assert main()[0] == 0 and (tmp_path / "exported/x/2/saved_model.pb").exists(), "the record is of the other place"
    (tmp_path / "exported/x/2/saved_model.pb").unlink()
    assert main()[0] == 0 and (tmp_path / "exported/x/3/saved_model.pb").exists()
    assert first.exists()


# --- Damaged files


DAMAGE = {
    "empty": b"",
    "cut": b'{"step": 2, "pa',
    "no text": b"\xff\xfe\x00",
    "another type": b"[1, 2]",
    "a folder": None,
}


@pytest.fixture(scope="module")
def done_and_kept(tmp_path_factory):
    """The folder of a run of one step that is done, and a copy of it."""
    folder = tmp_path_factory.mktemp("done")
    assert start(folder, "--steps=1") == 0
    return folder, shutil.copytree(folder, tmp_path_factory.mktemp("kept") / "done")


@pytest.fixture
def done(done_and_kept):
    """The folder of a run of one step that is done: as it was, where it was."""
    folder, kept = done_and_kept
    shutil.rmtree(folder)
    return shutil.copytree(kept, folder)


@pytest.mark.parametrize("how", DAMAGE)
@pytest.mark.parametrize("name", ["exported.json", "evaluation.json", "environment.json", "checkpoints/1/saved.json"])
def test_a_damaged_file_that_can_be_made_again_is_set_aside_in_one_line(main, done, name, how):
    path = done / "run" / name
    path.unlink()
    path.mkdir() if DAMAGE[how] is None else path.write_bytes(DAMAGE[how])
    code, out, err = main("--steps=1", folder=done)
    assert code == 0, err
    if name in ("exported.json", "checkpoints/1/saved.json"):
        assert f"{path} cannot be read" in err and path.with_name(f"{path.name}.damaged").exists()
    assert json.loads((done / "run" / "exported.json").read_text())["step"] == 1


def test_a_line_of_the_log_that_cannot_be_read_costs_that_line_alone(main, tmp_path):
    assert main("--steps=4")[0] == 0
    path = tmp_path / "run" / "metrics.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(lines[0] + b"\xff garbage\n" + b"".join(lines[1:3]) + b"[1]\n" + lines[3] + b'{"step": 5, "d_')
    code, _, err = main("--steps=5")
    assert code == 0, err
    assert "metrics.jsonl: 2 lines cannot be read, the first is line 2" in err
    assert [line["step"] for line in callbacks.read_losses(path)] == [1, 2, 3, 4, 5]
    assert b"garbage" in path.with_name("metrics.jsonl.damaged").read_bytes() and b"garbage" not in path.read_bytes()


def test_files_with_names_like_checkpoints_and_what_killed_processes_left_do_not_matter(main, done):
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    checkpoints = done / "run" / "checkpoints" / "1"
    (checkpoints / "ckpt-12 (copy).index").write_bytes(b"")
    (checkpoints / "ckpt-3_temp").mkdir()
    (done / "run" / f".config.json-{dead.pid}").write_bytes(b"{")
    unfinished = done / "exported" / "x" / f".unfinished-{dead.pid}"
    unfinished.mkdir()
    mine = done / "exported" / "x" / f".unfinished-{os.getppid()}"
    mine.mkdir()
    code, out, err = main("--steps=2", folder=done)
    assert code == 0, err
    assert "from step 1 to 2" in out
    assert not (checkpoints / "ckpt-3_temp").exists() and not (done / "run" / f".config.json-{dead.pid}").exists()
    assert not unfinished.exists() and mine.exists(), "that of a process which lives"


def test_a_killed_start_that_left_its_temporary_file_alone_is_no_foreign_folder(main, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / ".config.json-999999999").write_bytes(b"{")
    assert main("--steps=1")[0] == 0


@pytest.mark.parametrize("text", [b"", b"seven", b"\xff\xfe"])
def test_a_damaged_count_of_versions_is_told_by_the_folders(main, done, text):
    (done / "exported/x/.last_version").write_bytes(text)
    (done / "exported/models.config").write_bytes(b"\xff\xfe\x00")
    code, _, err = main("--steps=2", folder=done)
    assert code == 0, err
    assert (done / "exported/x/2/saved_model.pb").exists()
    assert (done / "exported/x/.last_version").read_text() == "2\n"
    assert 'name: "x"' in (done / "exported/models.config").read_text()


# --- Written for good


def test_what_is_renamed_into_place_was_synced_before(tmp_path, monkeypatch):
    done = []
    fsync, replace = os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda fd: (done.append(("sync", os.readlink(f"/proc/self/fd/{fd}"))), fsync(fd)))
    monkeypatch.setattr(os, "replace", lambda a, b: (done.append(("rename", str(b))), replace(a, b)))
    files.write(tmp_path / "x.json", "1")
    kinds = [kind for kind, _ in done]
    assert kinds == ["sync", "rename", "sync"] and ".x.json-" in done[0][1] and done[2][1] == str(tmp_path)


def test_a_checkpoint_is_synced_before_an_older_one_is_removed(main, tmp_path, monkeypatch):
    events = []
    sync, unlink = files.sync, Path.unlink
    monkeypatch.setattr(files, "sync", lambda *paths: (events.append([Path(p).name for p in paths]), sync(*paths)))
    monkeypatch.setattr(Path, "unlink", lambda self, **how: (events.append(f"remove {self.name}"), unlink(self, **how)))
    assert main("--steps=5")[0] == 0
    synced = next(i for i, e in enumerate(events) if isinstance(e, list) and "ckpt-4.index" in e)
    removed = next(i for i, e in enumerate(events) if e == "remove ckpt-1.index")
    assert synced < removed and "ckpt-4.data-00000-of-00001" in events[synced]


# --- Signals and exit codes


def _signals(number, times=1):
    def after(self, logs):
        for _ in range(times):
            os.kill(os.getpid(), number)

    return after


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_signal_in_the_last_step_is_not_swallowed(main, tmp_path, monkeypatch, number):
    monkeypatch.setattr(callbacks.NanGuard, "after", _signals(number))
    code, _, err = main("--steps=1", "--checkpoint-every=10")
    assert code == 128 + number and last(err) == "stopped at step 1 and saved; the same command goes on from there"
    monkeypatch.undo()


def test_an_interrupt_outside_of_training_and_a_second_one_are_one_line(main, tmp_path, monkeypatch):
    def interrupted(job, config):
        raise KeyboardInterrupt

    code, _, err = main(main=interrupted)
    assert (code, last(err)) == (130, "interrupted; the same command goes on from the last checkpoint")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_before_or_after_training_is_one_line_and_handlers_are_given_back(main, number):
    before = signal.getsignal(number)

    def ended(job, config):
        os.kill(os.getpid(), number)
        raise AssertionError("it went on")

    code, _, err = main(main=ended)
    assert code == 128 + number
    assert last(err) == f"ended by {number.name}; the same command goes on from the last checkpoint"
    assert signal.getsignal(number) == before


def test_a_run_that_diverged_and_a_lost_worker_have_exit_codes_of_their_own():
    assert len({0, 1, 2, job.DIVERGED, job.WORKER_GONE}) == 5
    assert job.DIVERGED < 128 <= job.WORKER_GONE, "orchestrators that tell by the code restart above 127"


def test_help_into_a_pipe_that_closes_ends_without_a_traceback():
    recipe = Path(__file__).resolve().parent.parent / "recipes/pix2pix.py"
    done = subprocess.run(
        f"{sys.executable} {recipe} --help | head -1", shell=True, capture_output=True, text=True, timeout=120,
        env={name: value for name, value in os.environ.items() if name != "TF_CPP_MIN_LOG_LEVEL"},
    )  # fmt: skip
    assert done.stderr == "" and done.stdout


def test_another_backend_or_data_format_is_refused_in_one_line(main, monkeypatch):
    monkeypatch.setattr(keras.config, "image_data_format", lambda: "channels_first")
    code, _, err = main()
    assert code == 2 and "image_data_format is channels_first; expected channels_last" in last(err)


# --- Sizes nobody has


@pytest.mark.parametrize("flag", ["batch-size", "width", "steps", "image-size", "log-every"])
def test_a_number_that_nothing_reaches_is_refused_before_anything_is_made(main, tmp_path, flag):
    for number in (2**31, 10**30):
        code, _, err = main(f"--{flag}={number}")
        assert (code, last(err)) == (2, f"error: --{flag}={number} must be below {2**31}")
    assert not (tmp_path / "run").exists()


def test_networks_that_do_not_fit_into_memory_are_refused_before_they_are_made(main, tmp_path):
    code, _, err = main("--width=2000000000")  # refused at its first layer, of 119 GiB
    assert code == 2 and "the weights of the networks would take more than" in last(err)
    assert "lower the width or --image-size" in last(err) and not (tmp_path / "run").exists()


def test_a_batch_that_does_not_fit_into_memory_is_refused(main, tmp_path):
    code, _, err = main(f"--batch-size={2**31 - 2}")
    assert code == 2 and f"a step's batch of {2**31 - 2:,} examples takes 1,024.0 GiB" in last(err)
    assert not (tmp_path / "run").exists()


def test_memory_that_runs_out_is_one_line_that_names_the_flags(main, monkeypatch):
    def no_memory(self, logs):
        raise tf.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor with shape[1,2]")

    monkeypatch.setattr(callbacks.NanGuard, "after", no_memory)
    code, _, err = main()
    assert (code, last(err)) == (1, "error: out of memory; lower --batch-size, --image-size or the networks' width")


@pytest.mark.parametrize("text", ["1", "a,b", "5,5", "9,1", "0,inf", "1,2,3"])
def test_what_is_no_range_of_values_is_refused(main, text):
    code, _, err = main(f"--value-range={text}")
    assert code == 2 and last(err).startswith(f"error: --value-range={text}: expected two numbers")


def test_the_commit_recorded_is_of_a_checkout_of_this_package_and_of_no_other(tmp_path, monkeypatch):
    git = ["git", "-C", str(tmp_path), "-c", "user.name=x", "-c", "user.email=x@example.com"]
    package = tmp_path / "site" / "folder.py"
    package.parent.mkdir()
    package.write_text("")
    (tmp_path / "mine.py").write_text("")
    for command in (["init", "-q"], ["add", "mine.py"], ["commit", "-q", "-m", "mine"]):
        subprocess.run([*git, *command], check=True)
    monkeypatch.setattr(run.folder, "__file__", str(package))
    assert run.folder._commit() is None, "installed into somebody's project"
    for command in (["add", "site"], ["commit", "-q", "-m", "package"]):
        subprocess.run([*git, *command], check=True)
    head = subprocess.check_output([*git, "rev-parse", "HEAD"], text=True).strip()
    assert run.folder._commit() == head
    package.write_text("changed")
    assert run.folder._commit() == head + "+"
