"""What a recipe calls, from top to bottom: `job.scope()`, `job.train(...)`, `job.finish(...)`."""

import contextlib
import json
import math
import os
import shutil
import signal
import sys
import traceback
from pathlib import Path

import keras
import matplotlib.figure
import tensorflow as tf
import tqdm

from tfgan_zoo import errors, evaluate, files, pictures, signatures
from tfgan_zoo.data import batches
from tfgan_zoo.errors import InputError
from tfgan_zoo.export import export
from tfgan_zoo.metrics.protocol import higher_is_better
from tfgan_zoo.run import callbacks, devices, flags, health, memory
from tfgan_zoo.run import folder as run_folder


def main(family, presets, recipe, argv=None):
    """Runs a recipe from the command line.

    Args:
        family: its stem, `pix2pix`; names `runs/<family>` and `exported/<family>`.
        presets: name -> config, a dataclass on top of `Config`.
        recipe: `(job, config)`, a function that trains by `Job.train` and ends in `Job.finish`.
        argv: instead of the command line.

    Exits with 0 when done, 2 for bad input, `DIVERGED` when a loss is no longer finite, `WORKER_GONE` when another
    worker is, 128 + n when stopped by signal n, 1 for all else (a full disk, a fault of ours).
    """
    try:
        _main(family, presets, recipe, sys.argv[1:] if argv is None else argv)
    except BrokenPipeError:  # `--help | head`: nobody reads on
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(128 + 13)  # as SIGPIPE would have


def _main(family, presets, recipe, argv):
    job = None
    try:
        config = flags.parse(presets, argv)
        tf.get_logger().setLevel("ERROR")
        _check_keras()
        strategy, device = devices.strategy(config.strategy, config.tpu, config.worker_timeout)
        try:
            job = Job(family, config, strategy, device)
            with _signals_end_it():
                recipe(job, config)
        except _LOST as error:
            if isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy):
                raise _WorkerGone(type(error).__name__) from error
            raise
    except InputError as error:
        _end(2, f"error: {error}")
    except callbacks.TrainingDiverged as error:
        _end(
            DIVERGED,
            f"error: {error}; nothing was exported, the last good checkpoint is kept; try a lower learning rate in "
            "another --run-dir, or with --no-resume",
        )
    except _WorkerGone as error:
        _end(WORKER_GONE, f"error: another worker is gone ({error}); start all again to go on from the last checkpoint")
    except callbacks.Stopped as stop:
        saved = "and saved; the same command goes on from there" if stop.saved else "; the chief saves, not this worker"
        _end(128 + stop.signum, f"stopped at step {stop.step} {saved}")
    except _Ended as end:
        name = signal.Signals(end.signum).name
        _end(128 + end.signum, f"ended by {name}; the same command goes on from the last checkpoint")
    except KeyboardInterrupt:
        _end(130, "interrupted; the same command goes on from the last checkpoint")
    except BrokenPipeError:
        raise
    except (OSError, *_NO_ROOM) as error:
        if isinstance(error, tf.errors.ResourceExhaustedError) and not _is_of_disk(error):
            _end(1, "error: out of memory; lower --batch-size, --image-size or the networks' width")
        if not isinstance(error, OSError) and not _is_of_disk(error):
            raise
        if isinstance(error, OSError) and not (job and job.has_begun):
            _end(2, f"error: {errors.reason(error)}; mend it, or give another")
        reason = errors.reason(error) if isinstance(error, OSError) else " ".join(str(error).split())[:160]
        _end(1, f"error: {reason}; mend it, and the same command goes on from the last checkpoint")
    except Exception:
        if not devices.has_other_workers():
            raise
        _end(1, traceback.format_exc())


DIVERGED = 3  # of exit codes: starting again would end in the same
EXAMPLES = 4  # held-out inputs in an export
WORKER_GONE = 138  # starting again helps: orchestrators that restart above 127 do
_NO_ROOM = (tf.errors.ResourceExhaustedError, tf.errors.UnknownError, tf.errors.PermissionDeniedError)


def _is_of_disk(error):
    return any(
        words in str(error) for words in ("No space left", "Read-only file system", "Permission denied", "quota")
    )


def _check_keras():
    if keras.backend.backend() != "tensorflow":
        raise InputError(f"KERAS_BACKEND is {keras.backend.backend()}; tfgan_zoo runs on tensorflow: unset it")
    if keras.config.image_data_format() != "channels_last":
        raise InputError(
            f"Keras' image_data_format is {keras.config.image_data_format()}; expected channels_last: change ~/.keras/"
            "keras.json"
        )


class _Ended(BaseException):
    """A signal came outside of training, where `callbacks.Checkpoints` does not wait for it."""

    def __init__(self, signum):
        super().__init__(signum)
        self.signum = signum


@contextlib.contextmanager
def _signals_end_it():
    """SIGTERM and SIGHUP raise `_Ended` inside; not with other workers, where TensorFlow has handlers of its own."""

    def end(signum, frame):
        raise _Ended(signum)

    ending = [] if devices.has_other_workers() else [s for s in callbacks.SIGNALS if s != signal.SIGINT]
    taken = {s: signal.signal(s, end) for s in ending}
    try:
        yield
    finally:
        for signum, before in taken.items():
            signal.signal(signum, before)


class _WorkerGone(RuntimeError):
    """A collective operation failed as it does when a worker is lost."""


_LOST = (
    tf.errors.UnavailableError,
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.InternalError,
    tf.errors.DeadlineExceededError,
)


def _end(code, message):
    print(message, file=sys.stderr, flush=True)
    if devices.has_other_workers():
        sys.stdout.flush()
        os._exit(code)  # an ordinary exit would wait, for good, for the workers to agree on it
    sys.exit(code)


class Job:
    """A run in the making: a recipe calls `scope`, `train` once or more, and `finish`, in the order of its lines.

    Attributes:
        config: the flags.
        folder: the run folder.
    """

    def __init__(self, family, config, strategy, device):
        self.family, self.config, self._strategy, self._device = family, config, strategy, device
        self.folder = Path(config.run_dir or f"runs/{family}")
        self._exported = Path(config.export_dir or f"exported/{family}")
        self._chief = devices.is_chief(strategy)
        self._before = run_folder.began(self.folder, config.resume)
        if config.precision == "auto" and "precision" in self._before:
            self._policy, why = self._before["precision"], "as this run began"
        else:
            self._policy, why = devices.precision(config.precision, strategy)
        self._xla, xla_why = devices.jit(config.jit, strategy)
        self._check_batch(config.batch_size)
        if self._chief and not config.dry_run:
            files.check_folder(self._exported, "--export-dir=")
            files.check_folder(self.folder, "--run-dir=")
        keras.utils.set_random_seed(config.seed)
        keras.config.set_dtype_policy(self._policy)
        self._phases, self._reached, self._data = [], 0, None
        self._older = memory.custom_gradients()
        self._opened = self._writer = self._alone = None
        if self._chief:
            print(f"{family}, {config.preset} preset")
            _say("device", device)
            _say("precision", f"{self._policy} ({why}); XLA {'on' if self._xla else 'off'} ({xla_why})")

    @property
    def has_begun(self):
        """Whether there is something in the run folder that the same command goes on from."""
        return bool(self._opened)

    def scope(self):
        """Where networks, models and optimizers are made: `with job.scope():`.

        Raises:
            InputError: their weights, with what an optimizer keeps of each, would not fit into this computer.
        """
        stack = contextlib.ExitStack()
        stack.enter_context(memory.held_to_what_is_there())
        stack.enter_context(self._strategy.scope())
        return stack

    def train(self, model, data, *, until, metrics="", transform=None, batch_size=None, phase=None, **optimizers):
        """Trains up to step `until`, from where the run folder stopped: one phase of the run.

        Steps count on from the phase before. What a phase shares with the one before goes on as that one left it. Each
        has checkpoints of its own, `checkpoints/<phase>/`, and is resumed exactly.

        Args:
            model: a `base.GenerativeModel`.
            data: a `Data`.
            until: the step of the run that the phase ends with.
            metrics: what `--evaluate-every` measures, as `finish` takes it.
            transform: `(example, seed, columns) -> example`, what `data.transforms` makes, or None.
            batch_size: of this phase; by default `--batch-size`.
            phase: its name; by default its number, 1, 2, ...
            **optimizers: as the model's `compile` takes them, made in `scope`.

        Raises:
            InputError: the run folder is of another run or cannot be written, the steps do not fit.
            callbacks.TrainingDiverged, callbacks.Stopped: training ended early.
        """
        config, phase = self.config, phase or str(len(self._phases) + 1)
        batch_size = batch_size or config.batch_size
        self._check_batch(batch_size)
        memory.let_go(memory.custom_gradients() - self._older)  # of the phases before
        with self.scope():
            model.compile(jit_compile=self._xla, **optimizers)
        memory.check_batch(data, batch_size * model.minibatches)
        self._describe(model, data, phase if self._phases or phase != "1" else "")
        began, self._reached = self._reached, until
        self._phases.append(phase)
        if config.dry_run:
            return
        if not self._opened and not self._before:
            self._check_steps(began, until)  # before an old run is moved aside
        self._open(data)
        checkpoints = callbacks.Checkpoints(
            model, self.folder / "checkpoints" / phase, config.checkpoint_every, writes=self._chief
        )
        start = checkpoints.restore()
        if start is None:
            start = began
            model.step.assign(start)
            if config.init_from and not began:
                path = callbacks.load_networks(model, config.init_from)
                if self._chief:
                    _say("begins with", path)
        self._check_steps(start, until)
        devices.compare(self._strategy, self._digests(data, start))
        if self._chief:
            name = f"phase {phase}, " if len(self._phases) > 1 or phase != "1" else ""
            _say("run", f"{self.folder}, {name}from step {start} to {until}; pictures in {self.folder / 'samples'}")
        if start < until:
            actions = [callbacks.NanGuard()]
            if self._chief:
                for line in health.of_data(data, batch_size, batches.take(data.train, health.LOOKED_AT)):
                    _warn(f"{line}: {health.HELP}#data")
                actions += [health.Losses(_warn)]
                actions += [callbacks.LossLog(self.folder, config.log_every, self._writer), self._grid(model, data)]
                if config.evaluate_every:  # before a checkpoint: what is not saved is measured again
                    actions += [self._evaluation(model, data, metrics, phase)]
                actions += [checkpoints, callbacks.Progress(until)]
            else:
                actions += [checkpoints]
            self._fit(model, data, transform, batch_size, start, until, actions)

    def finish(self, model, data, *, metrics="", draw=None):
        """Evaluates, draws, exports, and says where all is: once, however often the run is started again.

        Args:
            model: a `base.GenerativeModel`, trained or not.
            data: a `Data`, whose held-out examples it is measured on.
            metrics: names with commas between, `"l1,psnr"`, of `tfgan_zoo.evaluate`; `{signature: names}`, for models
                that are measured in several ways; or a function `() -> {name: number}`, of n examples `(function, n)`.
            draw: `model -> {name: columns}`, pictures for the end of the run as `pictures.tile` takes them; not asked
                of a model of points.
        """
        if self.config.dry_run:
            if not self._phases:
                self._describe(model, data, "")
            if self._chief:
                print(json.dumps(flags.resolved(self.config, precision=self._policy), indent=2))
            return
        self._open(data)
        if self._chief:
            self._finish(model, data, metrics, draw)
        devices.barrier(self._strategy)

    def _check_batch(self, batch_size):
        replicas = self._strategy.num_replicas_in_sync
        if batch_size % replicas:
            raise InputError(f"--batch-size={batch_size} is not a multiple of the {replicas} replicas; choose one")

    def _check_steps(self, start, until):
        if start > until:
            raise InputError(
                f"{self.folder} is at step {start}, past --steps={until}; ask for more steps or --no-resume"
            )

    def _describe(self, model, data, phase):
        if not self._chief:
            return
        if data is not self._data:
            _say("data", data.description)
            for note in data.notes:
                _say("", note)
            self._data = data
        counts = ", ".join(f"{role} {getattr(model, role).count_params():,}" for role in model.roles)
        _say("parameters", f"phase {phase}: {counts}" if phase else counts)

    def _open(self, data):
        """The run folder, once."""
        if self._opened:
            return
        self._opened = True
        if self._chief:
            # The lock stays open until the process ends, in whatever way.
            moved, self._alone = run_folder.prepare(self.folder, self.config, self._policy, data, self._before)
            if moved:
                _say("moved", f"what was in {self.folder} is in {moved} now")
            self._environment = run_folder.environment(self._strategy, self._device)
            files.write_json(self.folder / "environment.json", self._environment)
            self._writer = tf.summary.create_file_writer(str(self.folder / "tensorboard"))
        devices.barrier(self._strategy)

    def _grid(self, model, data):
        largest = max(data.shapes.values(), key=math.prod)
        shown = batches.take(data.test, pictures.few(largest, data.shown))
        look = health.Samples(shown, _warn).look
        grid = callbacks.SampleGrid(self.folder, shown, self.config.sample_every, self._writer, look)
        grid.set_model(model)
        return grid

    def _fit(self, model, data, transform, batch_size, start, until, actions):
        def pipeline(context):
            return batches.batches(
                data.train,
                batch_size * model.minibatches,
                seed=self.config.seed,
                step=start,
                transform=transform,
                context=context,
            )

        try:
            examples = self._strategy.distribute_datasets_from_function(pipeline)
            steps = until - start
            model.steps_per_execution = self._steps_per_execution(steps)
            # Not model.fit: that would start the pipeline once more, to look at pictures that are what they should be.
            history = keras.Model.fit(
                model, examples, steps_per_epoch=steps, shuffle=False, verbose=0, callbacks=actions
            ).history
        finally:
            for action in actions:
                action.close()
            del model.train_function  # the recipe may hold the model; its graph goes with the phase
            model.train_function = None
        _say("losses", ", ".join(f"{name} {values[-1]:.6f}" for name, values in history.items()))

    def _steps_per_execution(self, steps):
        """The most that divide the steps to go and lead to all that is to happen at some of them."""
        config = self.config
        every = [config.log_every, config.sample_every, config.checkpoint_every, config.evaluate_every]
        common = math.gcd(steps, *every)
        return next(n for n in range(config.steps_per_execution, 0, -1) if common % n == 0)

    def _evaluation(self, model, data, metrics, phase):
        """The callback for --evaluate-every. Measures once before training, to find out what cannot be measured."""
        config = self.config
        if config.evaluate_with:
            measure = evaluate.in_training(model, data, config.evaluate_with)
        elif metrics:
            measure = evaluate.measuring(model, data, metrics)
        elif data.kind == "points":
            raise InputError("--evaluate-every: this recipe has no metric of points; leave it out")
        else:
            measure = evaluate.in_training(model, data)
        names = [record["metric"] for record in measure()]
        metric = config.best_metric or names[0]
        if metric not in names:
            raise InputError(f"--best-metric={metric} is not measured, only {', '.join(names)}; choose one of them")
        higher = higher_is_better(metric, of_pairs="target" in data.columns or data.test_is_paired)
        which = "highest" if higher else "lowest"
        _say("evaluation", f"{', '.join(names)} every {config.evaluate_every} steps; kept: the {which} {metric}")
        best = callbacks.best_folder(self.folder, phase)
        return callbacks.Evaluation(self.folder, best, config.evaluate_every, measure, metric, higher, self._writer)

    def _finish(self, model, data, metrics, draw):
        config, folder = self.config, self.folder
        if config.export_best:
            best = callbacks.restore_best(model, callbacks.best_folder(folder, self._phases[-1]))
            _say("best", f"step {best['step']} by {best['metric']} {best['value']:.6g}: it is evaluated and exported")
        record = folder / "exported.json"
        done = files.read_json(record) or {}
        step = int(model.step.numpy())
        if done.get("step") == step and self._is_exported(done.get("path")):
            print(f"this run is finished; --steps={2 * config.steps} goes on, --no-resume starts afresh")
        else:
            measured = callbacks.evaluated(step, evaluate.measuring(model, data, metrics)() if metrics else [])
            files.write_json(folder / "evaluation.json", measured)
            shutil.copyfile(self._grid(model, data).draw(), folder / "samples.png")
            for name, columns in (draw(model) if draw and data.kind != "points" else {}).items():
                pictures.save_png(pictures.tile(columns), folder / f"{name}.png")
            if data.kind == "points":
                strip = pictures.strip((folder / "samples").glob("step-*.png"))
                pictures.save_png(strip, folder / "through_training.png")
            _plot_losses(callbacks.read_losses(folder / "metrics.jsonl"), folder / "losses.png")
            path = export(
                model,
                self._exported,
                self._about(data, measured["metrics"]),
                max_pixels=config.max_pixels,
                weights=config.export_weights,
                examples=self._examples(data),
            )
            done = {"step": step, "path": str(files.real(path)), "metrics": measured["metrics"]}
            files.write_json(record, done)
        if done.get("metrics"):
            _say("held-out", ", ".join(f"{name} {value:.4f}" for name, value in done["metrics"].items()))
        if data.broken:
            _say("skipped", f"{len(data.broken)} broken images: {', '.join(sorted(map(str, data.broken))[:5])}")
        _say("pictures", ", ".join(str(path) for path in sorted(folder.glob("*.png"))))
        _say("exported", f"{done['path']}; to use it:")
        function, specs = model.signatures()["serving_default"]
        prior = getattr(model, "prior", None)
        sides = function.image_shape[:2] if isinstance(function, signatures.OnImages) else (1, 1)
        arguments = ", ".join(f"{spec.name}={signatures.code(spec, prior, sides)}" for spec in specs)
        print("    import tensorflow as tf")
        print(f'    model = tf.saved_model.load("{done["path"]}").signatures["serving_default"]')
        print(f'    {model.answers} = model({arguments})["{model.answers}"]')

    def _is_exported(self, path):
        """Whether a version is there, whole, and below the folder that exports go to."""
        if not isinstance(path, str):
            return False
        return (Path(path) / "saved_model.pb").is_file() and Path(path).parent == files.real(self._exported)

    def _digests(self, data, start):
        """What all workers of a run have to agree on."""
        config = flags.resolved(self.config, precision=self._policy)
        both = ("steps", "steps_per_execution", "jit", "resume", "other_data", "init_from")
        known = {flags.flag_of(name): config[name] for name in (*flags.fixed(self.config), *both)}
        environment = run_folder.environment(self._strategy, "")
        return known | {
            "the data": data.fingerprint or data.name,
            "the step restored": start,
            "the versions installed": [environment["python"], environment["packages"]],
            "the commit": environment["commit"],
        }

    def _examples(self, data):
        """Held-out inputs that go with the export; none of data that may be nobody else's business."""
        if self.config.export_examples == "off" or (self.config.export_examples == "auto" and data.name != "glyphs"):
            return {}
        taken = batches.take(data.test, EXAMPLES)
        return taken if isinstance(taken, dict) else {next(iter(data.columns)): taken}

    def _about(self, data, metrics):
        """What goes with the export: whence it is."""
        environment = self._environment
        return {
            "family": self.family,
            "seed": self.config.seed,
            **{name: environment[name] for name in ("command", "commit", "device", "replicas", "packages")},
            "data": {
                "name": data.name,
                "kind": data.kind,
                "description": data.description,
                "licence": data.licence,
                "classes": list(data.classes),
                "fingerprint": data.fingerprint,
            },
            "metrics": metrics,
            "protocol": {"data": data.name, "held-out examples": min(data.test.counts), "seed": self.config.seed},
            # How the data was made to fit, also where no flag said so: what a network of one size has to be given.
            "config": flags.resolved(self.config) | ({"fit": data.fit} if data.fit else {}),
        }


def _plot_losses(lines, path):
    figure = matplotlib.figure.Figure(figsize=(8, 4.5), layout="constrained")
    axes = figure.add_subplot(xlabel="step", ylabel="loss")
    for name in dict.fromkeys(name for line in lines for name in line if name != "step"):  # of every phase
        points = [(line["step"], line[name]) for line in lines if name in line]
        axes.plot(*zip(*points, strict=True), label=name)
    if lines:
        axes.legend()
    figure.savefig(path, dpi=120)


def _say(what, text):
    print(f"  {what:<10} {text}", flush=True)


def _warn(text):
    """In a line of its own, above the progress bar."""
    tqdm.tqdm.write(f"  {'careful':<10} {text}")
