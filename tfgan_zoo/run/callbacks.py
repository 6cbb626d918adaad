"""What happens beside the steps: losses and pictures written down, checkpoints, a guard against NaN.

Each callback counts by `model.step`, so that a resumed run acts at the same steps as an uninterrupted one.
"""

import json
import math
import re
import shutil
import signal
import sys
import time
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from tqdm import tqdm

from tfgan_zoo import files, pictures
from tfgan_zoo.errors import InputError

KEPT = 3
SIGNALS = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGINT", "SIGHUP") if hasattr(signal, name))
_CHECKPOINT = re.compile(r"ckpt-(\d+)")


class TrainingDiverged(RuntimeError):
    """A loss or a weight is NaN or infinite."""


class Stopped(BaseException):
    """A signal of `SIGNALS` came. `signum` and `step` say which and where, `saved` whether this process saved it."""

    def __init__(self, signum, step, saved=True):
        super().__init__(signum, step, saved)
        self.signum, self.step, self.saved = signum, step, saved


class EveryStep(keras.callbacks.Callback):
    """A callback that knows the step of the run without asking TensorFlow for it each time, which takes 0.1 ms.

    A subclass has `begin()` and `after(logs)`, called when an execution has ended.
    """

    step = 0

    def begin(self):
        """Called before the first step."""

    def after(self, logs):
        """Called after each execution, with the losses."""

    def close(self):
        """Lets go of what is held; also after a run that ended early."""

    def on_train_begin(self, logs=None):
        self.step = int(self.model.step.numpy())
        self.begin()

    def on_train_batch_end(self, batch, logs=None):
        self.step += self.model.steps_per_execution
        self.after(logs)

    def _is_due(self, every):
        """Whether a multiple of `every` lies in the execution that just ended."""
        return self.step // every > (self.step - self.model.steps_per_execution) // every


class NanGuard(EveryStep):
    """Ends training with `TrainingDiverged` at the first loss that is not finite. Goes first in the list."""

    def after(self, logs):
        for name, value in logs.items():
            if not math.isfinite(value):
                raise TrainingDiverged(f"the loss {name} is {float(value)} at step {self.step}")


class LossLog(EveryStep):
    """Appends `{"step": ..., losses...}` to `metrics.jsonl` and TensorBoard: means since the last line.

    Lines past the step that training resumes from are dropped: those steps are done again.

    Args:
        folder: the run folder.
        every: steps between lines.
        writer: of the TensorBoard log.
    """

    def __init__(self, folder, every, writer):
        super().__init__()
        self.path, self.every, self.writer = Path(folder) / "metrics.jsonl", every, writer
        self.sums, self.count = {}, 0

    def begin(self):
        _drop_lines_after(self.path, self.step)

    def after(self, logs):
        self.count += 1
        for name, value in logs.items():
            self.sums[name] = self.sums.get(name, 0.0) + float(value)
        if self._is_due(self.every):
            means = {name: total / self.count for name, total in self.sums.items()}
            with open(self.path, "a", encoding="utf-8") as file:
                file.write(json.dumps({"step": self.step, **means}) + "\n")
            with self.writer.as_default():
                for name, value in means.items():
                    tf.summary.scalar(name, value, step=self.step)
            self.writer.flush()
            self.sums, self.count = {}, 0


def _drop_lines_after(path, step):
    files.write(path, "".join(json.dumps(line) + "\n" for line in read_losses(path) if line["step"] <= step))


def read_losses(path):
    """The lines of a `metrics.jsonl` as dicts; those that cannot be read are left out, see `files.read_lines`."""
    return [line for line in files.read_lines(path) if isinstance(line.get("step"), int)]


class SampleGrid(EveryStep):
    """Draws `model.preview(batch)` as a PNG and into TensorBoard.

    Args:
        folder: the run folder; pictures go to `samples/step-<n>.png`.
        batch: held-out examples as the family's `preview` takes them.
        every: steps between grids; of points one more is drawn before the first step.
        writer: of the TensorBoard log.
        look: `(preview, step) -> None`, called with what each grid shows.
    """

    def __init__(self, folder, batch, every, writer, look=None):
        super().__init__()
        self.folder, self.batch, self.every, self.writer = Path(folder) / "samples", batch, every, writer
        self.look = look or (lambda preview, step: None)

    def begin(self):
        if tf.nest.flatten(self.batch)[0].ndim == 2 and self.step == 0:
            self.draw()

    def after(self, logs):
        if self._is_due(self.every):
            self.draw()

    def draw(self):
        step = int(self.model.step.numpy())
        preview = self.model.preview(self.batch)
        self.look(preview, step)
        grid = pictures.tile(preview)
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / f"step-{step:07d}.png"
        pictures.save_png(grid, path)
        with self.writer.as_default():
            tf.summary.image("samples", grid[None], step=step)
        return path


class Checkpoints(EveryStep):
    """Saves the whole state of training every so many steps, on a signal, and at the end.

    The state is the model's networks, every optimizer's variables (loss scale included), pools and the step. The index
    of a checkpoint is written last and removed first: what has one is complete. The last `KEPT` are kept, and an older
    one is removed only when the disk holds the newer. `saved.json` says which step was saved last.

    Args:
        model: a compiled `base.GenerativeModel`.
        folder: where checkpoints go.
        every: steps between checkpoints.
        writes: False on all workers but the chief, which then only restore.
    """

    def __init__(self, model, folder, every, writes=True):
        super().__init__()
        self.every, self.writes = every, writes
        self.checkpoint = tf.train.Checkpoint(model=model)
        self.folder = Path(folder)
        self.saved = None  # the step of the newest checkpoint that is known to be good
        self.signal, self.handlers = None, {}

    def restore(self):
        """Loads the newest checkpoint that can be read. Returns its step, None where there is none.

        Raises:
            InputError: checkpoints exist and none can be read, they are of other networks, or all that were saved are
                gone.
        """
        paths = self._complete()
        noted = (files.read_json(self.folder / "saved.json") or {}).get("step", 0)
        newest = _number(paths[-1]) if paths else 0
        if isinstance(noted, int) and newest < noted:
            gone = f"step {noted} was saved in {self.folder} and is gone"
            if not paths:
                raise InputError(
                    f"{gone}, with all other checkpoints; bring them back (is the folder mounted?), or start anew with "
                    "--no-resume"
                )
            print(f"{gone}; going on from step {newest}", file=sys.stderr)
        for path in reversed(paths):
            try:
                self.checkpoint.read(path).assert_consumed()
            except (ValueError, AssertionError) as error:
                reason = str(error).strip().splitlines()[0][:200]
                raise InputError(
                    f"the checkpoint {path} is of other networks or optimizers than this run ({reason}); "
                    "give the flags it was made with, another --run-dir, or --no-resume"
                ) from error
            except (tf.errors.OpError, IndexError) as error:  # IndexError: the file is too short
                reason = " ".join(str(error).split())[:120]
                print(f"the checkpoint {path} cannot be read ({reason}); trying an older one", file=sys.stderr)
                continue
            self.saved = self._step()
            return self.saved
        if paths:
            raise InputError(f"no checkpoint in {self.folder} can be read; --no-resume starts afresh beside it")
        return None

    def _complete(self):
        """The complete checkpoints, oldest first: those with an index, which is written last."""
        return _complete(self.folder)

    def _step(self):
        return int(self.checkpoint.model.step.numpy())

    def begin(self):
        self.signal = None
        self.handlers = {s: signal.signal(s, self._on_signal) for s in SIGNALS}

    def on_train_end(self, logs=None):
        self.save()
        if self.signal is not None:  # it came in the last step
            raise Stopped(self.signal, self._step(), saved=self.writes)

    def close(self):
        while self.handlers:  # signals go back to whoever had them
            signal.signal(*self.handlers.popitem())

    def _on_signal(self, signum, frame):
        if self.signal == signal.SIGINT == signum:  # asked twice
            raise KeyboardInterrupt
        self.signal = signum

    def after(self, logs):
        if self.signal is not None:
            self.save()
            raise Stopped(self.signal, self._step(), saved=self.writes)
        if self._is_due(self.every):
            self.save()

    def save(self):
        """Writes a checkpoint, unless this step has a good one.

        Raises:
            TrainingDiverged: a weight is NaN or infinite; nothing is written.
        """
        if not self.writes:
            return
        step = self._step()
        if step == self.saved:
            return
        for variable in self.checkpoint.model.variables:
            if variable.dtype.startswith(("float", "bfloat")) and not np.all(np.isfinite(np.asarray(variable))):
                raise TrainingDiverged(f"the weight {variable.path} is not finite at step {step}")
        self.folder.mkdir(parents=True, exist_ok=True)
        _write(self.checkpoint, self.folder / f"ckpt-{step}")
        files.write_json(self.folder / "saved.json", {"step": step})
        self.saved = step
        for old in self._complete()[:-KEPT]:
            for part in sorted(self.folder.glob(f"{Path(old).name}.*"), reverse=True):  # the index first
                part.unlink()
        for left in self.folder.glob("ckpt-*_temp"):  # by a process that was killed while it wrote
            shutil.rmtree(left, ignore_errors=True)


def _write(checkpoint, prefix):
    """Writes a checkpoint and has the disk hold it."""
    checkpoint.write(str(prefix))
    files.sync(*prefix.parent.glob(f"{prefix.name}.*"), prefix.parent)


def _number(path):
    return int(Path(path).name.removeprefix("ckpt-"))


def _complete(folder):
    """The complete checkpoints in a folder, oldest first: those with an index, which is written last."""
    found = [path.with_suffix("") for path in Path(folder).glob("ckpt-*.index")]
    return [str(path) for path in sorted((p for p in found if _CHECKPOINT.fullmatch(p.name)), key=_number)]


def load_networks(model, source, flag="--init-from"):
    """Gives `model` the networks of another run. Optimizers, the step and all else stay; an average that is served, and
    which the other run need not have, begins anew.

    Args:
        model: a `base.GenerativeModel`.
        source: a run folder, whose newest checkpoint is taken, or the path of a checkpoint, `.../ckpt-100`.
        flag: by which it was given, for messages.

    Returns:
        The path of the checkpoint.

    Raises:
        InputError: there is none, or it is of other networks.
    """
    source = Path(source)
    if source.is_dir():
        found = [path for folder in sorted(source.rglob("")) for path in _complete(folder)]
        if not found:
            raise InputError(f"{flag}={source} holds no checkpoint; give the folder of a run, or a checkpoint in it")
        path = max(found, key=_number)
    else:
        path = str(source).removesuffix(".index")
        if not Path(f"{path}.index").exists():
            raise InputError(f"{flag}={source} does not exist; give the folder of a run, or a checkpoint in it")
    networks = {role: getattr(model, role) for role in model.roles}
    average = model.served(model.averaged[0]) if model.averaged else None
    networks = tf.train.Checkpoint(**{role: each for role, each in networks.items() if each is not average})
    try:
        status = tf.train.Checkpoint(model=networks).read(path)
        status.assert_existing_objects_matched().expect_partial()
    except (ValueError, AssertionError, IndexError, tf.errors.OpError) as error:
        reason = " ".join(str(error).split())[:160]
        raise InputError(
            f"{flag}={source}: {path} is of other networks than this run's ({reason}); give the flags that made "
            "them, or another run"
        ) from error
    if model.averaged:
        average.set_weights(getattr(model, model.averaged[0]).get_weights())
    return path


class Evaluation(EveryStep):
    """Measures the model every so many steps and keeps the checkpoint of the best one.

    Lines `{"step", "metrics": {name: value}, "protocol"}` go to `evaluations.jsonl`, the metrics to TensorBoard; lines
    past the step that training resumes from are dropped. The best checkpoint is `ckpt-<step>` in the folder `best`,
    which `best.json` there names: it is replaced last, so that what it names is complete.

    Args:
        folder: the run folder.
        best: of `best_folder`.
        every: steps between evaluations.
        measure: `() -> records`, as `metrics.measure` gives them. It must draw from random numbers of its own.
        metric: the name that decides which is best.
        higher: whether a higher value is better.
        writer: of the TensorBoard log.
    """

    def __init__(self, folder, best, every, measure, metric, higher, writer):
        super().__init__()
        self.path, self.every, self.measure, self.writer = Path(folder) / "evaluations.jsonl", every, measure, writer
        self.metric, self.higher, self.best = metric, higher, best

    def begin(self):
        _drop_lines_after(self.path, self.step)

    def after(self, logs):
        if not self._is_due(self.every):
            return
        line = evaluated(self.step, self.measure())
        with open(self.path, "a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
        with self.writer.as_default():
            for name, value in line["metrics"].items():
                tf.summary.scalar(f"evaluation/{name}", value, step=self.step)
        self.writer.flush()
        if self._is_best(line):
            self._keep(line)

    def _is_best(self, line):
        value, before = line["metrics"][self.metric], read_best(self.best)
        if not np.isfinite(value):
            return False
        if before is None or (before["metric"], before["protocol"]) != (self.metric, line["protocol"]):
            return True  # another measure than that of the best so far
        return value > before["value"] if self.higher else value < before["value"]

    def _keep(self, line):
        self.best.mkdir(parents=True, exist_ok=True)
        _write(tf.train.Checkpoint(model=self.model), self.best / f"ckpt-{line['step']}")
        best = {"step": line["step"], "metric": self.metric, "value": line["metrics"][self.metric]}
        files.write_json(self.best / "best.json", best | {"protocol": line["protocol"]})
        for part in self.best.glob("ckpt-*"):
            if part.name.partition(".")[0] != f"ckpt-{line['step']}":
                part.unlink()


def evaluated(step, records):
    """What was measured at a step, as `evaluations.jsonl` and `evaluation.json` hold it."""
    return {
        "step": step,
        "metrics": {record["metric"]: record["value"] for record in records},
        "protocol": {record["metric"]: record["protocol"] for record in records},
    }


def best_folder(folder, phase):
    """Where the run in `folder` keeps the best checkpoint of a phase."""
    return Path(folder) / "checkpoints" / phase / "best"


def read_best(folder):
    """What `best.json` in a `best_folder` says: step, metric, value, protocol; None where there is none."""
    best = files.read_json(folder / "best.json")
    return best if best and {"step", "metric", "value", "protocol"} <= set(best) else None


def restore_best(model, folder):
    """Loads the best checkpoint of a `best_folder` into `model`, its step too.

    Returns:
        What `best.json` says.

    Raises:
        InputError: there is none, or it cannot be read.
    """
    best = read_best(folder)
    if best is None:
        raise InputError(f"{folder} holds no best checkpoint: no evaluation was finite; leave --export-best out")
    path = folder / f"ckpt-{best['step']}"
    try:
        tf.train.Checkpoint(model=model).read(str(path)).assert_consumed()
    except (tf.errors.OpError, IndexError, ValueError, AssertionError) as error:
        reason = " ".join(str(error).split())[:120]
        raise InputError(f"the checkpoint {path} cannot be read ({reason}); run again with --no-export-best") from error
    return best


class Progress(EveryStep):
    """A bar over all steps of the run with the losses and the time left.

    Args:
        steps: of the whole run.
    """

    def __init__(self, steps):
        super().__init__()
        self.steps, self.bar = steps, None

    def begin(self):
        interval = 0.5 if sys.stderr.isatty() else 15.0
        self.bar = tqdm(total=self.steps, initial=self.step, mininterval=interval, unit="step", dynamic_ncols=True)

    def after(self, logs):
        if time.time() - self.bar.last_print_t >= self.bar.mininterval or self.step == self.steps:
            self.bar.set_postfix({k: f"{v:.3f}" for k, v in logs.items()}, refresh=False)
        self.bar.update(self.step - self.bar.n)

    def close(self):
        if self.bar is not None:
            self.bar.close()
