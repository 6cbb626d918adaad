"""Scores exported models: how near their images are to those of a data set.

    python -m tfgan_zoo.evaluate exported/sngan/1 --dataset=mnist --metrics=swd,ms_ssim
    python -m tfgan_zoo.evaluate exported/sngan/1 --dataset=mnist --metrics=fd,kid,prdc \\
        --extractor=features.keras --feature-layer=pool
    python -m tfgan_zoo.evaluate exported/pix2pix/1 --metrics=l1,psnr,ssim
    python -m tfgan_zoo.evaluate --pictures=made/ --dataset=real/ --metrics=fd,kid,prdc --extractor=...
    python -m tfgan_zoo.evaluate --compare exported/a/1 exported/b/1 --metric=fd

A model is any SavedModel with a signature that makes images [B, H, W, C] from noise (`z`, or `count` and `seed`, with a
`label` or without) or from images. The data is that of its training, unless flags say otherwise. Numbers are appended
to `metrics.json` beside it, each with its protocol; numbers of different protocols are not compared. docs/evaluation.md
says what each metric is.
"""

import dataclasses
import datetime
import functools
import importlib.metadata
import shlex
import sys
from pathlib import Path
from typing import Literal

import tensorflow as tf
import tyro

from tfgan_zoo import errors
from tfgan_zoo.errors import InputError
from tfgan_zoo.metrics import measure, protocol, sources

try:
    import resource
except ImportError:  # Windows
    resource = None

PER_LINE = 8  # details of a number
IN_TRAINING = 256  # images, where nothing else is asked for: some seconds of swd


@dataclasses.dataclass(kw_only=True)
class Config(measure.Measures):
    """Score exported models, or compare their scores."""

    models: tyro.conf.Positional[tuple[str, ...]] = ()
    """Version folders: exported/<family>/<version>."""
    compare: bool = False
    """Show what was measured, side by side; measures nothing."""
    despite: str = ""
    """Fields of the protocol that may differ in a comparison, comma between."""
    pictures: str = ""
    """A folder of pictures that are scored instead of a model's; the numbers are printed only."""
    dataset: str | None = None
    """glyphs (embedded), a TensorFlow Datasets name, or a folder of images. Default: what the model was trained on."""
    data_dir: str | None = None
    """Where TensorFlow Datasets keeps its prepared data; its own default if not given."""
    split: Literal["test", "train", "all"] | None = None
    """Which part of the data to compare with. Default: test, what is held out; all with --pictures."""
    kind: Literal[("auto", *sources.KINDS)] | None = None
    """How to read the data. auto: images, labelled for a model that takes labels, pairs for image to image, and what
    has the other inputs of the signature. Default: as in training, or auto."""
    direction: Literal["a_to_b", "b_to_a"] | None = None
    """Which picture of a pair is the input. Default: as in training, or a_to_b."""
    channels: int | None = None
    """1, 3 or 4, to convert the data. Default: as in training, or as it is."""
    fit: Literal["crop", "stretch", "pad"] | None = None
    """How a picture of another shape is made to fit. Default: as in training, or crop, but the halves of side-by-side
    pairs are stretched."""
    value_range: str | None = None
    """What pixels of 16 or 32 bits range over, as 0,4095. Default: as in training, or as the files say."""
    tiles: bool | None = None
    """Of models that enlarge: cut pictures into parts of --image-size as they are. Default: as in training."""
    image_size: str | None = None
    """Of models that enlarge: the size of the large pictures, 160, or height x width. Default: as in training."""
    masks: str | None = None
    """Where the holes of masked pictures are, as the recipes take it. Default: as in training, or strokes."""

    def settings(self):
        """What of these says how the data is read."""
        names = [field.name for field in dataclasses.fields(sources.Settings)]
        return sources.Settings(**{name: getattr(self, name) for name in names})


def main(argv=None):
    """Runs the command line; exits with 2 for bad input."""
    config = tyro.cli(Config, args=argv, description=__doc__)
    with errors.one_line():
        tf.get_logger().setLevel("ERROR")
        if config.compare:
            _compare(config)
        else:
            measure.check(config)
            (_score_pictures if config.pictures else _score)(config)


def _score(config):
    if not config.models:
        raise InputError("no model given; give version folders, exported/<family>/<version>")
    split = config.split or "test"
    for folder in config.models:
        generator = sources.load(folder, config)
        protocol.check(folder)
        data, how = sources.data_of(generator, config.settings())
        source = sources.Source(generator, data, split, config)
        records = measure.Measurement(source, config).run()
        direction = [how.direction] if data.kind in ("pairs", "instances") else []
        _show(records, source, generator.signature, *direction)
        environment = _environment(source.batch_size, generator.signature)
        protocol.append(folder, [record | {"environment": environment} for record in records])
        print(f"  written to {Path(folder) / protocol.FILE}")
        print(f"  peak memory {environment['peak_memory_mib']:,} MiB", flush=True)


def _score_pictures(config):
    if config.models:
        raise InputError(f"--pictures={config.pictures} and the model {config.models[0]} are given; give one of them")
    if config.dataset is None:
        raise InputError("--pictures needs --dataset: what its pictures are compared with")
    source = sources.Files(config.pictures, config.settings(), config.split or "all", config)
    _show(measure.Measurement(source, config).run(), source)


def _show(records, source, *how):
    """What was measured, and of what: before it is written, so that it is not lost with a full disk."""
    shape = "x".join(map(str, source.shape))
    against = f"{source.split} of {source.data.name}: {source.data.kind}, {shape}"
    print(f"  {', '.join([source.name, *how])}; compared with {against}")
    for record in records:
        details = [f"{name} {value:.6g}" for name, value in record["details"].items()]
        first, *more = [", ".join(details[i : i + PER_LINE]) for i in range(0, len(details), PER_LINE)] or [""]
        print(f"  {record['metric']:<28} {record['value']:<12.6g} {first}".rstrip(), flush=True)
        for line in more:  # such as a number of each class
            print(f"    {line}", flush=True)


def _compare(config):
    rows = protocol.compare(config.models, measure.names(config.metrics), measure.names(config.despite))
    width = max(len(name) for name, _ in rows)
    columns = [max(len(folder), 10) for folder in config.models]
    print(" " * width, *(folder.rjust(c) for folder, c in zip(config.models, columns, strict=True)), sep="  ")
    for name, values in rows:
        print(name.ljust(width), *(f"{v:.6g}".rjust(c) for v, c in zip(values, columns, strict=True)), sep="  ")


def _environment(batch_size, signature):
    # Of the whole process, in KiB; macOS counts bytes.
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss if resource else 0
    return {
        "packages": {name: importlib.metadata.version(name) for name in ("tensorflow", "keras", "numpy", "pillow")},
        "command": " ".join(sys.argv),
        "signature": signature,
        "batch_size": batch_size,
        "time": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "peak_memory_mib": peak // (2**20 if sys.platform == "darwin" else 2**10),
    }


def in_training(model, data, flags=""):
    """What measures `model` on the held-out examples of `data`: a function that gives records.

    What it sees of real images is kept from one call to the next. Its random numbers are functions of `--seed`.

    Args:
        model: a `base.GenerativeModel`.
        data: a `columns.Data` of pictures.
        flags: of `measure.Measures`, as one text; none: l1 of pairs, else swd, of up to `IN_TRAINING` images.

    Raises:
        InputError: flags that do not fit the model, the data or each other.
    """
    config = tyro.cli(measure.Measures, args=shlex.split(flags), prog="--evaluate-with")
    measure.check(config)
    if not flags:
        few = min(IN_TRAINING, *data.test.counts)
        config = dataclasses.replace(config, count=few, real_count=few)
    source = sources.Source(sources.live(model, config), data, "test", config)
    return functools.partial(measure.Measurement(source, config).run, quiet=True)


def measuring(model, data, metrics):
    """What measures `model` on all held-out examples of `data` as a recipe says: a function that gives records.

    Args:
        model: a `base.GenerativeModel`.
        data: `Data` of its form.
        metrics: names with commas between; `{signature: names}`, whose metrics are then called `l1_a_to_b`; or a
            function `() -> {name: number}` that measures by itself, or `(function, n)` where that is of n examples.

    Raises:
        InputError: metrics that do not fit the model or the data.
    """
    if callable(metrics) or isinstance(metrics, tuple):
        metrics, count = metrics if isinstance(metrics, tuple) else (metrics, min(data.test.counts))
        protocol = {"data": data.name, "split": "test", "images": count}
        return lambda: [
            {"metric": name, "value": float(value), "details": {}, "protocol": protocol}
            for name, value in metrics().items()
        ]
    if isinstance(metrics, str):
        return in_training(model, data, f"--metrics={metrics}")
    runs = {name: in_training(model, data, f"--metrics={m} --signature={name}") for name, m in metrics.items()}
    return lambda: [record | {"metric": f"{record['metric']}_{name}"} for name, run in runs.items() for record in run()]


if __name__ == "__main__":
    main()
