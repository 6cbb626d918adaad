"""The flags of recipes: a dataclass whose fields are the flags, and presets of it."""

import argparse
import dataclasses
import re
import sys
from typing import Annotated, Literal, NamedTuple

import tyro

from tfgan_zoo import export, files, served_files
from tfgan_zoo.data import decoding
from tfgan_zoo.errors import InputError
from tfgan_zoo.run import devices


class Size(NamedTuple):
    """Height and width of pictures in pixels. As text `64`, or `256x512`."""

    height: int
    width: int

    def __str__(self):
        return f"{self.height}" if self.height == self.width else f"{self.height}x{self.width}"


MOST = 2**31  # what no number of anything reaches


def square(side):
    """A `Size` of equal sides."""
    return Size(side, side)


def _size_of(texts):
    match = re.fullmatch(r"(\d+)(?:x(\d+))?", texts[0].strip().lower())
    if not match:
        raise ValueError(f"{texts[0]} is no size: give one number, 256, or height x width, 256x512")
    return Size(int(match[1]), int(match[2] or match[1]))


ImageSize = Annotated[
    Size,
    tyro.constructors.PrimitiveConstructorSpec(
        nargs=1,
        metavar="SIZE|HEIGHTxWIDTH",
        instance_from_str=_size_of,
        is_instance=lambda value: isinstance(value, Size),
        str_from_instance=lambda size: [str(size)],
    ),
]


def free(default):
    """A flag that a resumed run may change: it does not change what a step computes. (More steps stretch a learning
    rate that ends at 0 with the last one.)
    """
    return dataclasses.field(default=default, metadata={"free": True})


@dataclasses.dataclass(kw_only=True)
class Config:
    """The flags that every recipe has.

    A count must be 1 or more and another number 0 or more and finite; `dataclasses.field(default=..., metadata=...)`
    with {"least": n} sets another bound of a count, {"below": n} adds one above, {"free": True} lets a resumed run
    change the flag.
    """

    preset: Literal["default", "paper"] = free("default")
    """default: small and quick, on embedded data; paper: the paper's data, sizes and schedule."""
    dataset: str = free("glyphs")  # the data is known by its fingerprint
    """glyphs (embedded), a TensorFlow Datasets name, or a folder of images."""
    data_dir: str | None = free(None)
    """Where TensorFlow Datasets keeps its prepared data, and ours; its own default if not given."""
    other_data: bool = free(False)
    """Go on although the data is not what the run began with."""
    image_size: ImageSize = square(64)
    """Size of the pictures: 256, or height x width, 256x512."""
    channels: Literal[1, 3, 4] | None = None
    """1: grey, 3: RGB, 4: RGB with transparency. Default: 1 or 3, as the data has them."""
    fit: Literal["crop", "stretch", "pad"] | None = None
    """How a picture of another shape is made to fit: cut at its longer sides, scaled, or framed with white. Default:
    crop, but the halves of side-by-side pairs are stretched."""
    value_range: str = ""
    """What the pixels of files with 16 or 32 bits range over, as 0,4095. Default: as the files say, or all of them."""
    batch_size: int = 16
    """Examples per step over all replicas together."""
    steps: int = free(1000)
    """Generator steps of the whole run."""
    seed: int = 0
    """Weights, noise and data order are functions of it."""
    strategy: Literal[devices.STRATEGIES] = free("auto")
    """How to spread the work; multi_worker reads TF_CONFIG."""
    tpu: str = free("")
    """Name or grpc:// address of the TPU; empty: TPU_NAME, or the one attached to this host."""
    worker_timeout: int = free(600)
    """Seconds to wait for other workers."""
    precision: Literal[devices.PRECISIONS] = "auto"
    """Compute precision; auto picks what is fast here. Weights are float32 always."""
    jit: Literal["auto", "on", "off"] = free("auto")
    """Compile the step with XLA; auto: on GPUs."""
    steps_per_execution: int = free(1)
    """Most train steps per call into TensorFlow; so many are taken as lead to the next line, grid or checkpoint. More
    than 1 pays where a step takes milliseconds."""
    run_dir: str | None = free(None)
    """The run folder: logs, samples, checkpoints. Default: runs/<family>."""
    resume: bool = free(True)
    """Go on where the run folder stopped; --no-resume moves it aside and starts afresh."""
    init_from: str = free("")
    """Start with the networks of another run, with other flags or data: its run folder, or a checkpoint in it."""
    export_dir: str | None = free(None)
    """Where the SavedModel goes. Default: exported/<family>."""
    max_pixels: int = free(served_files.MAX_PIXELS)
    """The most pixels that the picture files of one request to the export may have together."""
    export_weights: Literal[export.WEIGHTS] = free("float32")
    """What kernels are stored as in the export; float16 halves its size, and they are widened where they are read."""
    export_examples: Literal["auto", "on", "off"] = free("auto")
    """Whether the export carries a few held-out inputs, for the gallery; auto: those of glyphs. With on, whoever gets
    the export gets these pictures."""
    log_every: int = free(25)
    """Steps between lines of metrics.jsonl."""
    sample_every: int = free(250)
    """Steps between sample grids."""
    checkpoint_every: int = free(250)
    """Steps between checkpoints."""
    evaluate_every: int = dataclasses.field(default=0, metadata={"least": 0, "free": True})
    """Steps between evaluations on held-out data; 0: none but the recipe's own at the end."""
    evaluate_with: str = free("")
    """Flags of tfgan_zoo.evaluate for these: "--metrics=kid,swd --extractor=...". Default: the recipe's, or swd."""
    best_metric: str = free("")
    """Whose best checkpoint is kept, of the metrics evaluated. Default: the first."""
    export_best: bool = free(False)
    """Export the best checkpoint by --best-metric instead of the last step."""
    dry_run: bool = free(False)
    """Print the resolved config and the parameter counts, then stop."""

    def pictures(self):
        """What every function of `data.images` takes of these flags."""
        return {
            "image_size": self.image_size,
            "channels": self.channels,
            "fit": self.fit,
            "value_range": decoding.as_range(self.value_range),
            "data_dir": self.data_dir,
        }


@dataclasses.dataclass(kw_only=True)
class Augmented(Config):
    """The flags of a recipe that has `augment.wrapper` put something before its discriminator."""

    instance_noise: float = 0.0
    """Standard deviation of noise on what the discriminator sees, lowered linearly to 0 over the steps; 0: none."""
    diff_augment: str = ""
    """Differentiable augmentation of what the discriminator sees: color,translation,cutout or some of them."""
    ada: bool = False
    """Augment what the discriminator sees as often as it overfits: for few pictures. See docs/few_pictures.md."""
    ada_target: float = dataclasses.field(default=0.6, metadata={"below": 1})
    """The mean sign of what the discriminator says of training pictures that --ada aims at."""
    ada_images: int = 500_000
    """Pictures in which the probability of augmentation goes from 0 to 1, with --ada."""


def parse(presets, argv):
    """The config of a command line.

    Args:
        presets: name -> config, of one class on top of `Config`.
        argv: the arguments after the program's name.

    Raises:
        InputError: a number out of its bounds, flags that do not fit each other.
        SystemExit: what `tyro` refuses, or `--help`.
    """
    early = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    early.add_argument("--preset", default="default")
    preset = early.parse_known_args(argv)[0].preset
    default = presets.get(preset, presets["default"])  # tyro refuses an unknown one
    description = sys.modules[type(default).__module__].__doc__
    config = tyro.cli(type(default), default=default, args=argv, description=description)
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        least = field.metadata.get("least", 1)
        flag = f"{flag_of(field.name)}={value}"
        if field.name != "seed" and (
            (field.type is int and value < least) or (isinstance(value, Size) and min(value) < least)
        ):
            raise InputError(f"{flag} must be {least} or more")
        if field.type is float and not 0 <= value < float("inf"):
            raise InputError(f"{flag} must be 0 or more, and finite")
        below = field.metadata.get("below", MOST if field.type is int and field.name != "seed" else None)
        if below is not None and value >= below:
            raise InputError(f"{flag} must be below {below}")
        if isinstance(value, Size) and max(value) >= MOST:
            raise InputError(f"{flag} must be below {MOST}")
    decoding.as_range(config.value_range)
    if not 0 <= config.seed < 2**32:
        raise InputError(f"--seed={config.seed} must be from 0 to {2**32 - 1}")
    for name in ("evaluate_with", "best_metric", "export_best"):
        if getattr(config, name) and not 0 < config.evaluate_every <= config.steps:
            raise InputError(
                f"{flag_of(name)} needs --evaluate-every, from 1 to the {config.steps} steps of the run"
            )  # fmt: skip
    for name in ("run_dir", "export_dir"):
        if getattr(config, name) is not None:
            files.check_name(getattr(config, name), f"{flag_of(name)}=")
    for name in ("dataset", "run_dir", "export_dir", "data_dir"):
        if getattr(config, name) == "":
            raise InputError(f"{flag_of(name)} is empty; give a name, or leave it out")
    return config


def flag_of(name):
    """`batch_size` -> `--batch-size`."""
    return f"--{name.replace('_', '-')}"


def resolved(config, **changes):
    """A config as JSON values by field, as they come back from a file."""

    def written(value):
        return str(value) if isinstance(value, Size) else list(value) if isinstance(value, tuple) else value

    values = dataclasses.asdict(dataclasses.replace(config, **changes))
    return {name: written(value) for name, value in values.items()}


def fixed(config):
    """Names of the fields that a resumed run may not change; what `Config` lets free a recipe need not."""
    both = [*dataclasses.fields(Config), *dataclasses.fields(config)]
    unbound = {field.name for field in both if field.metadata.get("free")}
    return [field.name for field in dataclasses.fields(config) if field.name not in unbound]
