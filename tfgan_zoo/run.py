"""One run of a recipe: flags, devices, data, run folder, training that resumes, evaluation, export."""

import argparse
import dataclasses
import datetime
import importlib.metadata
import itertools
import json
import os
import platform
import shutil
import subprocess
import sys
import traceback
from pathlib import Path
from typing import Literal

import keras
import matplotlib.figure
import tensorflow as tf
import tyro

from tfgan_zoo import callbacks, devices, files, points
from tfgan_zoo.data import images
from tfgan_zoo.errors import InputError
from tfgan_zoo.evaluate import in_training
from tfgan_zoo.export import check_folder, export
from tfgan_zoo.metrics.protocol import higher_is_better


@dataclasses.dataclass(kw_only=True)
class Config:
    """The flags that every recipe has.

    A count must be 1 or more and another number 0 or more and finite; `dataclasses.field(default=..., metadata=...)`
    with {"least": n} sets another bound of a count, {"below": n} adds one above.
    """

    preset: Literal["default", "paper"] = "default"
    """default: small and quick, on embedded data; paper: the paper's data, sizes and schedule."""
    dataset: str = "glyphs"
    """glyphs (embedded), a TensorFlow Datasets name, or a folder of images."""
    data_dir: str | None = None
    """Where TensorFlow Datasets keeps its prepared data; its own default if not given."""
    image_size: int = 64
    """Height and width of the pictures."""
    batch_size: int = 16
    """Global batch: over all replicas."""
    steps: int = 1000
    """Generator steps of the whole run."""
    seed: int = 0
    """Weights, noise and data order are functions of it."""
    strategy: Literal[devices.STRATEGIES] = "auto"
    """How to spread the work; multi_worker reads TF_CONFIG."""
    tpu: str = ""
    """Name or grpc:// address of the TPU; empty: TPU_NAME, or the one attached to this host."""
    precision: Literal[devices.PRECISIONS] = "auto"
    """Compute precision; auto picks what is fast here. Weights are float32 always."""
    jit: Literal["auto", "on", "off"] = "auto"
    """Compile the step with XLA; auto: on GPUs."""
    steps_per_execution: int = 1
    """Train steps per call into TensorFlow; raise it where a step takes milliseconds."""
    run_dir: str | None = None
    """The run folder: logs, samples, checkpoints. Default: runs/<family>."""
    resume: bool = True
    """Go on where the run folder stopped; --no-resume moves it aside and starts afresh."""
    export_dir: str | None = None
    """Where the SavedModel goes. Default: exported/<family>."""
    log_every: int = 25
    """Steps between lines of metrics.jsonl."""
    sample_every: int = 250
    """Steps between sample grids."""
    checkpoint_every: int = 250
    """Steps between checkpoints."""
    evaluate_every: int = dataclasses.field(default=0, metadata={"least": 0})
    """Steps between evaluations on held-out data; 0: none but the recipe's own at the end."""
    evaluate_with: str = ""
    """Flags of tfgan_zoo.evaluate for these: "--metrics=kid,swd --extractor=...". Default: the recipe's, or swd."""
    best_metric: str = ""
    """Of these: whose best checkpoint is kept. Default: the first."""
    export_best: bool = False
    """Export the best checkpoint by --best-metric instead of the last step."""
    dry_run: bool = False
    """Print the resolved config and the parameter counts, then stop."""


# A resumed run may differ in these from the command that began it: they do not change what a step computes. (More steps
# stretch a learning rate that ends at 0 with the last one.)
_FREE_TO_CHANGE = {
    "preset", "data_dir", "steps", "strategy", "tpu", "jit", "steps_per_execution", "run_dir", "resume", "export_dir",
    "log_every", "sample_every", "checkpoint_every", "evaluate_every", "evaluate_with", "best_metric", "export_best",
    "dry_run",
}  # fmt: skip


def main(family, presets, load, build, *, evaluate=None, augment=None, draw=None, argv=None):
    """Runs a recipe from the command line.

    Args:
        family: its stem, `pix2pix`; names `runs/<family>` and `exported/<family>`.
        presets: name -> config, a dataclass on top of `Config`.
        load: `config -> images.Data`.
        build: `(config, data) -> (model, optimizers)`: a `gan.GAN`, and what its `compile` takes by name.
        evaluate: `(model, data, config) -> {metric: float}` on held-out data, after training.
        augment: `config -> function (example, seed) -> example`, or None, for training examples.
        draw: `(model, config) -> {name: columns}`, pictures for the end of the run as `callbacks.tile` takes them;
            not asked of a model of points.
        argv: instead of the command line.

    Exits with 0 when done, 2 for bad input, 1 when a loss is no longer finite or a worker is gone, 128 + n when stopped
    by signal n.
    """
    try:
        config = _parse(presets, sys.argv[1:] if argv is None else argv)
        _run(family, config, load, build, evaluate, augment, draw)
    except InputError as error:
        _end(2, f"error: {error}")
    except callbacks.TrainingDiverged as error:
        _end(1, f"error: {error}; nothing was exported, the last good checkpoint is kept; try a lower learning rate")
    except _WorkerGone as error:
        _end(1, f"error: another worker is gone ({error}); start all again to go on from the last checkpoint")
    except callbacks.Stopped as stop:
        saved = "and saved; the same command goes on from there" if stop.saved else "; the chief saves, not this worker"
        _end(128 + stop.signum, f"stopped at step {stop.step} {saved}")
    except Exception:
        if not devices.has_other_workers():
            raise
        _end(1, traceback.format_exc())


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


def _parse(presets, argv):
    early = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    early.add_argument("--preset", default="default")
    preset = early.parse_known_args(argv)[0].preset
    default = presets.get(preset, presets["default"])  # tyro refuses an unknown one
    description = sys.modules[type(default).__module__].__doc__
    config = tyro.cli(type(default), default=default, args=argv, description=description)
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        least = field.metadata.get("least", 1)
        flag = f"--{field.name.replace('_', '-')}={value}"
        if field.type is int and field.name != "seed" and value < least:
            raise InputError(f"{flag} must be {least} or more")
        if field.type is float and not 0 <= value < float("inf"):
            raise InputError(f"{flag} must be 0 or more, and finite")
        if "below" in field.metadata and value >= field.metadata["below"]:
            raise InputError(f"{flag} must be below {field.metadata['below']}")
    if not 0 <= config.seed < 2**32:
        raise InputError(f"--seed={config.seed} must be from 0 to {2**32 - 1}")
    for name in ("evaluate_with", "best_metric", "export_best"):
        if getattr(config, name) and not 0 < config.evaluate_every <= config.steps:
            flag = f"--{name.replace('_', '-')}"
            raise InputError(f"{flag} needs --evaluate-every, from 1 to the {config.steps} steps of the run")
    for name in ("run_dir", "export_dir"):
        if "://" in (getattr(config, name) or ""):
            flag = f"--{name.replace('_', '-')}"
            raise InputError(f"{flag}={getattr(config, name)} is an address; give a folder (mount the bucket)")
    return config


def _run(family, config, *functions):
    tf.get_logger().setLevel("ERROR")
    strategy, device = devices.strategy(config.strategy, config.tpu)
    try:
        _run_on(strategy, device, family, config, *functions)
    except _LOST as error:
        if isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy):
            raise _WorkerGone(type(error).__name__) from error
        raise


def _run_on(strategy, device, family, config, load, build, evaluate, augment, draw):
    folder, exported = Path(config.run_dir or f"runs/{family}"), Path(config.export_dir or f"exported/{family}")
    chief = devices.is_chief(strategy)
    check_folder(exported)
    began = _began(folder, config.resume)
    if not began:
        _check_steps(folder, config, 0)  # before an old run is moved aside
    if config.precision == "auto" and "precision" in began:
        policy, why = began["precision"], "as this run began"
    else:
        policy, why = devices.precision(config.precision, strategy)
    xla, xla_why = devices.jit(config.jit, strategy)
    replicas = strategy.num_replicas_in_sync
    if config.batch_size % replicas:
        raise InputError(f"--batch-size={config.batch_size} is not a multiple of the {replicas} replicas; choose one")

    keras.utils.set_random_seed(config.seed)
    keras.config.set_dtype_policy(policy)
    data = load(config)
    with strategy.scope():
        model, optimizers = build(config, data)
        model.compile(jit_compile=xla, steps_per_execution=config.steps_per_execution, **optimizers)
    resolved = dataclasses.asdict(dataclasses.replace(config, precision=policy))
    if chief:
        print(f"{family}, {config.preset} preset")
        _say("device", device)
        _say("precision", f"{policy} ({why}); XLA {'on' if xla else 'off'} ({xla_why})")
        _say("data", data.description)
        _say("parameters", ", ".join(f"{role} {getattr(model, role).count_params():,}" for role in model.roles))
    if config.dry_run:
        if chief:
            print(json.dumps(resolved, indent=2))
        return

    if chief:
        _open_folder(folder, resolved, began, strategy, device)
    devices.barrier(strategy)
    checkpoints = callbacks.Checkpoints(model, folder / "checkpoints", config.checkpoint_every, writes=chief)
    start = checkpoints.restore()
    _check_steps(folder, config, start)
    if chief:
        _say("run", f"{folder}, from step {start} to {config.steps}; pictures in {folder / 'samples'}")

    actions = [callbacks.NanGuard()]
    if chief:
        losses = callbacks.LossLog(folder, config.log_every)
        grid = callbacks.SampleGrid(folder, images.take(data.test, data.shown), config.sample_every, losses.writer)
        grid.set_model(model)  # it draws at the end even if no step is left to do
        actions += [losses, grid]
        if config.evaluate_every and start < config.steps:  # before a checkpoint: what is not saved is measured again
            actions += [_evaluation(folder, config, model, data, evaluate, losses.writer)]
        actions += [checkpoints, callbacks.Progress(config.steps)]
    else:
        actions += [checkpoints]
    if start < config.steps:
        _fit(model, strategy, config, data, augment(config) if augment else None, start, actions)

    if chief:
        _finish(family, folder, exported, config, model, data, evaluate, draw, grid)
    devices.barrier(strategy)


def _fit(model, strategy, config, data, augment, start, actions):
    def pipeline(context):
        return images.batches(
            data.train,
            config.batch_size * model.minibatches,
            seed=config.seed,
            step=start,
            augment=augment,
            context=context,
        )

    try:
        batches = strategy.distribute_datasets_from_function(pipeline)
        steps = config.steps - start
        history = model.fit(batches, steps_per_epoch=steps, shuffle=False, verbose=0, callbacks=actions).history
    finally:
        for action in actions:
            action.close()
    _say("losses", ", ".join(f"{name} {values[-1]:.6f}" for name, values in history.items()))


def _evaluation(folder, config, model, data, evaluate, writer):
    """The callback for --evaluate-every. Measures once before training, to find out what cannot be measured."""
    if config.evaluate_with or not evaluate or not (names := evaluate(model, data, config)):
        if data.kind == "points":
            raise InputError("--evaluate-every: this recipe has no metric of points; leave it out")
        run = in_training(model, data, config.evaluate_with)
        names = [record["metric"] for record in run()]

        def measured():
            records = run()
            return (
                {record["metric"]: record["value"] for record in records},
                {record["metric"]: record["protocol"] for record in records},
            )

    else:

        def measured():
            protocol = {"data": data.name, "split": "test", "images": min(data.test.counts), "size": data.image_size}
            return {name: float(value) for name, value in evaluate(model, data, config).items()}, protocol

    names = list(names)
    metric = config.best_metric or names[0]
    if metric not in names:
        raise InputError(f"--best-metric={metric} is not measured, only {', '.join(names)}; choose one of them")
    higher = higher_is_better(metric)
    _say("evaluation", f"{', '.join(names)} every {config.evaluate_every} steps; kept: the "
         f"{'highest' if higher else 'lowest'} {metric}")  # fmt: skip
    return callbacks.Evaluation(folder, config.evaluate_every, measured, metric, higher, writer)


def _finish(family, folder, exported, config, model, data, evaluate, draw, grid):
    """Evaluation, last grid, loss plot, export; says where they are."""
    if config.export_best:
        best = callbacks.restore_best(model, callbacks.best_folder(folder))
        _say("best", f"step {best['step']} by {best['metric']} {best['value']:.6g}: it is evaluated and exported")
    record = folder / "exported.json"
    done = json.loads(record.read_text(encoding="utf-8")) if record.exists() else {}
    if done.get("step") == int(model.step.numpy()) and Path(done["path"]).is_dir():
        print(f"this run is finished; --steps={2 * config.steps} goes on, --no-resume starts afresh")
    else:
        metrics = {k: float(v) for k, v in evaluate(model, data, config).items()} if evaluate else {}
        files.write_json(folder / "evaluation.json", {"step": int(model.step.numpy()), **metrics})
        shutil.copyfile(grid.draw(), folder / "samples.png")
        for name, columns in (draw(model, config) if draw and data.kind != "points" else {}).items():
            callbacks.save_png(callbacks.tile(columns), folder / f"{name}.png")
        if data.kind == "points":
            strip = points.strip((folder / "samples").glob("step-*.png"))
            callbacks.save_png(strip, folder / "through_training.png")
        _plot_losses(callbacks.read_losses(folder / "metrics.jsonl"), folder / "losses.png")
        path = export(model, exported, _about(family, folder, config, data, metrics))
        done = {"step": int(model.step.numpy()), "path": str(path), "metrics": metrics}
        files.write_json(record, done)
    if done["metrics"]:
        _say("held-out", ", ".join(f"{name} {value:.4f}" for name, value in done["metrics"].items()))
    if data.broken:
        _say("skipped", f"{len(data.broken)} broken images: {', '.join(sorted(map(str, data.broken))[:5])}")
    _say("pictures", ", ".join(str(path) for path in sorted(folder.glob("*.png"))))
    _say("exported", f"{done['path']}; to use it:")
    function, specs = model.signatures()["serving_default"]
    arguments = ", ".join(f"{spec.name}={_example(spec, model.noise)}" for spec in specs)
    print("    import tensorflow as tf")
    print(f'    model = tf.saved_model.load("{done["path"]}").signatures["serving_default"]')
    what = "point" if data.kind == "points" else "image"
    print(f'    {what} = model({arguments})["{what}"]')


def _example(spec, noise):
    shape = [1 if d is None else d for d in spec.shape]
    if spec.dtype.is_integer:
        return f"tf.zeros({shape}, tf.{spec.dtype.name})"
    if len(shape) == 4:
        return f"tf.zeros({shape})"
    return f"tf.random.normal({shape})" if noise == "normal" else f"tf.random.uniform({shape}, -1.0, 1.0)"


def _began(folder, resume):
    """The config that the run in `folder` began with, {} for a new one."""
    path = folder / "config.json"
    if folder.exists() and not folder.is_dir():
        raise InputError(f"the run folder {folder} is a file; give a folder with --run-dir")
    if not resume:
        return {}
    if not path.exists():
        if folder.exists() and any(folder.iterdir()):
            raise InputError(
                f"{folder} holds other files and no config.json of a run; give another --run-dir, or --no-resume to "
                "move them aside"
            )
        return {}
    try:
        began = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(began, dict):
            raise ValueError("no object")
    except ValueError as error:  # also what is no JSON or no UTF-8
        raise InputError(f"{path} is not a readable config ({error}); give another --run-dir or --no-resume") from error
    return began


def _check_steps(folder, config, start):
    if start > config.steps:
        raise InputError(f"{folder} is at step {start}, past --steps={config.steps}; ask for more steps or --no-resume")
    if (config.steps - start) % config.steps_per_execution:
        raise InputError(
            f"the {config.steps - start} steps to go are not a multiple of "
            f"--steps-per-execution={config.steps_per_execution}; change one of them"
        )


def _open_folder(folder, resolved, began, strategy, device):
    if not began and folder.exists() and any(folder.iterdir()):
        whole = folder.resolve()
        aside = next(p for n in itertools.count(1) if not (p := whole.with_name(f"{whole.name}.{n}")).exists())
        whole.rename(aside)
        _say("moved", f"what was in {folder} is in {aside} now")
    for name, value in resolved.items():
        if name not in _FREE_TO_CHANGE and name in began and began[name] != value:
            flag = f"--{name.replace('_', '-')}"
            raise InputError(
                f"{folder} was begun with {flag}={began[name]}, now {flag}={value}; "
                "give the same, another --run-dir, or --no-resume to start afresh"
            )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        files.write_json(folder / "config.json", resolved)
    except OSError as error:
        raise InputError(
            f"the run folder {folder} cannot be written ({error.strerror}); give another --run-dir"
        ) from error
    files.write_json(folder / "environment.json", _environment(strategy, device))


def _environment(strategy, device):
    packages = ("tensorflow", "keras", "tensorflow-datasets", "numpy", "pillow")
    return {
        "command": " ".join([Path(sys.executable).name, *sys.argv]),
        "commit": _commit(),
        "device": device,
        "replicas": strategy.num_replicas_in_sync,
        "python": platform.python_version(),
        "system": platform.platform(),
        "packages": {p: importlib.metadata.version(p) for p in packages},
        "time": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
    }


def _commit():
    """The commit of the checkout this package runs from, with `+` if changed since; None outside a checkout."""
    git = ["git", "-C", str(Path(__file__).parent)]
    try:
        commit = subprocess.check_output([*git, "rev-parse", "HEAD"], text=True, stderr=subprocess.DEVNULL).strip()
        changed = subprocess.check_output([*git, "status", "--porcelain", "-uno"], text=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return commit + ("+" if changed else "")


def _about(family, folder, config, data, metrics):
    """What goes with the export: whence it is."""
    environment = json.loads((folder / "environment.json").read_text(encoding="utf-8"))
    return {
        "family": family,
        "seed": config.seed,
        **{name: environment[name] for name in ("command", "commit", "device", "replicas", "packages")},
        "data": {
            "name": data.name,
            "kind": data.kind,
            "description": data.description,
            "licence": data.licence,
            "classes": list(data.classes),
        },
        "metrics": metrics,
        "protocol": {"data": data.name, "held-out examples": min(data.test.counts), "seed": config.seed},
        "config": dataclasses.asdict(config),
    }


def _plot_losses(lines, path):
    figure = matplotlib.figure.Figure(figsize=(8, 4.5), layout="constrained")
    axes = figure.add_subplot(xlabel="step", ylabel="loss")
    for name in (n for n in (lines[0] if lines else ()) if n != "step"):
        axes.plot([line["step"] for line in lines], [line[name] for line in lines], label=name)
    if lines:
        axes.legend()
    figure.savefig(path, dpi=120)


def _say(what, text):
    print(f"  {what:<10} {text}", flush=True)
