"""Pictures of the latent space of an exported model.

    python -m tfgan_zoo.latent interpolate exported/dcgan/1 --out=walk.gif
    python -m tfgan_zoo.latent arithmetic exported/dcgan/1 --minuend 0 1 2 --subtrahend 3 4 5 --addend 6 7 8
    python -m tfgan_zoo.latent truncate exported/stylegan2/1
    python -m tfgan_zoo.latent mix exported/stylegan2/1 --crossover=4
    python -m tfgan_zoo.latent project exported/dcgan/1 picture.png
    python -m tfgan_zoo.latent directions exported/stylegan2/1

A model is any SavedModel with a signature `serving_default` or `decode` that draws pictures from z; docs/latent.md says
which command needs more. Each writes one PNG file; a walk can be a GIF, too. What is found (points, directions) is
written beside it as `.npz`.
"""

import dataclasses
import io
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import tyro
from PIL import Image

from tfgan_zoo import errors, files, latent, pictures
from tfgan_zoo.data import decoding
from tfgan_zoo.errors import InputError
from tfgan_zoo.latent import directions, projection
from tfgan_zoo.latent.exported import Exported

MEAN_OF = 10_000  # mapped z's, for the mean of w and its components
Space = Literal["", "z", "w"]


@dataclasses.dataclass(kw_only=True)
class Common:
    """What all commands take."""

    version: Annotated[str, tyro.conf.Positional]
    """Folder of the SavedModel, exported/dcgan/1."""
    out: str = ""
    """The file that is made. Default: the command's name with .png."""
    seed: int = 0
    """Of what is drawn."""
    given: tuple[str, ...] = ()
    """Values of inputs beside z, one for all pictures: label=3, text="a caption". Default: the first class, zeros."""
    force: bool = False
    """Overwrite what is there."""
    trust: bool = False
    """Also open a model whose graph reads or writes files, calls Python or the network."""

    suffixes = (".png",)  # of `out`
    finds = False  # whether something is written beside it

    @property
    def path(self):
        return Path(self.out or f"{type(self).__name__.lower()}.png")

    @property
    def companion(self):
        """The file of what was found."""
        return self.path.with_suffix(".npz")

    def open(self):
        return Exported(self.version, self.given, self.trust)

    def check(self):
        """Refuses flags that cannot be, before a model is loaded."""
        if self.path.suffix.lower() not in self.suffixes:
            raise InputError(f"--out={self.out}: expected a name that ends in {' or '.join(self.suffixes)}")
        made = [self.path, self.companion] if self.finds else [self.path]
        there = next((path for path in made if path.exists()), None)
        if there and not self.force:
            raise InputError(f"{there} is there already; give another --out, or --force")
        if self.seed < 0:
            raise InputError(f"--seed={self.seed}: expected 0 or more")
        for name in ("rows", "columns", "steps"):
            if getattr(self, name, 1) < 1:
                raise InputError(f"--{name}={getattr(self, name)}: expected 1 or more")
        files.check_folder(self.path.parent, "")

    def write(self, picture):
        """Writes a uint8 picture `[H, W, C]`, or the bytes of a file."""
        self._write(self.path, picture if isinstance(picture, bytes) else decoding.png(picture))

    def write_found(self, **arrays):
        """Writes what was found beside the picture."""
        content = io.BytesIO()
        np.savez(content, **arrays)
        self._write(self.companion, content.getvalue())

    def _write(self, path, content):
        try:
            files.write(path, content)
        except OSError as error:
            raise InputError(f"{path} cannot be written ({error.strerror})") from error


@dataclasses.dataclass(kw_only=True)
class Interpolate(Common):
    """Walks from one point to the next: a row each, or, as a GIF, all of them one after the other and back."""

    space: Space = ""
    """Where: w if the model has it, else z."""
    rows: int = 4
    """How many walks; of a GIF, how many points it goes through."""
    columns: int = 8
    """Points of each walk, both ends included."""
    ends: tuple[str, ...] = ()
    """Two files or more of `project` to walk between, instead of drawn points."""
    line: bool = False
    """Walk in z along straight lines, also where the law of z is normal; else along great circles."""

    suffixes = (".png", ".gif")

    def run(self):
        if self.columns < 2:
            raise InputError(f"--columns={self.columns}: expected 2 or more")
        model = self.open()
        space = model.space(self.space)
        moving = self.path.suffix.lower() == ".gif"
        points = self._points(model, space, self.rows if moving else 2 * self.rows)
        if moving:
            starts, ends = points, np.roll(points, -1, 0)
        elif self.ends:
            starts, ends = points[:-1], points[1:]
        else:
            starts, ends = points[: self.rows], points[self.rows :]
        flat = [x.reshape(len(x), -1) for x in (starts, ends)]
        spherical = space == "z" and model.prior.law == "normal" and not self.line
        walk = latent.interpolate(*flat, self.columns, spherical=spherical).reshape(self.columns, *starts.shape)
        if moving:
            walk = walk[:-1].swapaxes(0, 1).reshape(-1, *starts.shape[1:])  # each end is the next one's start
            self.write(_gif(model.generate(walk, space)))
            return f"a walk of {len(walk)} pictures through {len(points)} points of {space}"
        columns = {f"{i}": model.generate(row, space) for i, row in enumerate(walk)}
        self.write(_rows(columns))
        return f"{len(starts)} walks in {space}"

    def _points(self, model, space, count):
        if not self.ends:
            return model.draw(count, self.seed, space)
        if len(self.ends) < 2:
            raise InputError("--ends: expected two files or more")
        found = [_found(path, space) for path in self.ends]
        shapes = {points.shape for points in found} | {model.draw(1, 0, space)[0].shape}
        if len(shapes) > 1:
            raise InputError(f"--ends: points of shapes {', '.join(map(str, sorted(shapes)))}; give those of one model")
        return np.stack(found)


@dataclasses.dataclass(kw_only=True)
class Arithmetic(Common):
    """mean(minuend) - mean(subtrahend) + mean(addend), of samples by their numbers, or of the codes of pictures."""

    minuend: tuple[str, ...] = ("0", "1", "2")
    """Numbers of samples of --seed, as the last row shows them, or picture files, if the model has `encode`."""
    subtrahend: tuple[str, ...] = ("3", "4", "5")
    """The same, to be taken away."""
    addend: tuple[str, ...] = ("6", "7", "8")
    """The same, to be added."""
    columns: int = 16
    """How many samples the last row shows."""

    finds = True

    def run(self):
        model = self.open()
        drawn = model.draw(max([self.columns, *self._numbers()]), self.seed)
        terms = {}
        for name in ("minuend", "subtrahend", "addend"):
            points = [self._point(model, one, drawn) for one in getattr(self, name)]
            if not points:
                raise InputError(f"--{name} is empty; give numbers of samples or picture files")
            terms[name] = np.stack(points)
        result = latent.arithmetic(*terms.values())
        shown = {name: model.generate(np.concatenate([z, z.mean(0, keepdims=True)])) for name, z in terms.items()}
        wide = max(self.columns, *(len(images) for images in shown.values()))
        rows = [*shown.values(), model.generate(result), model.generate(drawn[: self.columns])]
        blank = [np.ones([wide - len(row), *row.shape[1:]], np.float32) for row in rows]
        table = np.stack([np.concatenate(pair) for pair in zip(rows, blank, strict=True)])
        self.write(_rows({f"{i}": table[:, i] for i in range(wide)}))
        self.write_found(space="z", point=result[0])
        return "a row for each term, whose last picture is that of its mean, the result, and numbered samples from 0"

    def _numbers(self):
        return [int(one) + 1 for one in (*self.minuend, *self.subtrahend, *self.addend) if one.isdecimal()]

    def _point(self, model, one, drawn):
        return drawn[int(one)] if one.isdecimal() else model.encoded(_picture(one, model)[None])[0]


@dataclasses.dataclass(kw_only=True)
class Truncate(Common):
    """The same samples, nearer and nearer to the mean picture: a column for each value of `truncation`."""

    psi: tuple[float, ...] = (1.0, 0.7, 0.5, 0.3, 0.0, -0.5)
    """Values of truncation: 1 as trained, 0 the mean, below 0 beyond it."""
    rows: int = 4
    """How many samples."""

    def run(self):
        model = self.open()
        if "truncation" not in model.inputs("serving_default"):
            raise InputError(f"{self.version} takes no truncation; choose a model with styles")
        if not self.psi:
            raise InputError("--psi is empty; give numbers")
        z = model.draw(self.rows, self.seed)
        shown = {f"{psi:g}": model.answer("serving_default", len(z), z=z, truncation=psi) for psi in self.psi}
        self.write(_rows(shown))
        return f"{self.rows} samples at truncation {', '.join(shown)}"


@dataclasses.dataclass(kw_only=True)
class Mix(Common):
    """Styles of two samples in one: a row's in the layers before --crossover, a column's from there on."""

    crossover: int = 4
    """Number of the first layer that has the column's styles."""
    rows: int = 4
    """Samples whose styles the first layers have; at the left."""
    columns: int = 6
    """Samples whose styles the other layers have; on top."""

    def run(self):
        model = self.open()
        if "style_mix" not in model.model.signatures:
            raise InputError(f"{self.version} has no signature style_mix; choose a model with styles")
        if not 0 <= self.crossover <= model.styles[0]:
            raise InputError(f"--crossover={self.crossover}: expected 0 to {model.styles[0]}, the number of layers")
        drawn = model.draw(self.rows + self.columns, self.seed)
        coarse, fine = drawn[: self.rows], drawn[self.rows :]
        alone = model.generate(drawn)
        corner = np.ones([1, *alone.shape[1:]], np.float32)
        shown = {"": np.concatenate([corner, alone[: self.rows]])}
        for i, z in enumerate(fine):
            z2 = np.repeat(z[None], self.rows, 0)
            mixed = model.answer("style_mix", self.rows, z1=coarse, z2=z2, crossover=self.crossover)
            shown[f"{i}"] = np.concatenate([alone[[self.rows + i]], mixed])
        self.write(_rows(shown))
        return f"styles of {self.rows} samples before layer {self.crossover}, of {self.columns} from there on"


@dataclasses.dataclass(kw_only=True)
class Project(Common):
    """Searches the point whose picture is nearest to a given one, by squared differences of pixels."""

    picture: Annotated[str, tyro.conf.Positional]
    """The picture; it is cut to the model's size as in training."""
    space: Space = ""
    """Where to search: w if the model has it, else z."""
    steps: int = 500
    """Steps of the search."""
    rate: float = 0.05
    """Highest learning rate, in units of the deviation of the points."""
    columns: int = 8
    """Pictures of the way that are shown."""

    finds = True

    def run(self):
        if not self.rate > 0:
            raise InputError(f"--rate={self.rate}: expected a number above 0")
        model = self.open()
        space = model.space(self.space)
        target = _picture(self.picture, model)
        bounds = model.prior.ends if space == "z" and model.prior.law == "uniform" else None
        found = projection.project(
            model.differentiable(space),
            target,
            model.draw(projection.DRAWS, self.seed, space),
            steps=self.steps,
            rate=self.rate,
            bounds=bounds,
            stops=self.columns,
            seed=self.seed,
        )
        way = model.generate(found.way, space)
        self.write(_rows({f"{i}": image[None] for i, image in enumerate([target, *way])}))
        self.write_found(space=space, point=found.point, loss=found.loss, losses=found.losses)
        return (
            f"mean squared difference {found.losses[0]:.5f} -> {found.loss:.5f} in {self.steps} steps of {space}: the "
            "picture, and those of the way"
        )


@dataclasses.dataclass(kw_only=True)
class Directions(Common):
    """Directions along which pictures change: principal components of w, or what the first weights move most."""

    method: Literal["auto", "components", "factorization"] = "auto"
    """components: of w (GANSpace); factorization: of the first weights (SeFa). auto: components where there is a w."""
    space: Space = ""
    """Of the factorization: w if the model has it, else z."""
    rows: int = 8
    """How many directions, each drawn from one sample."""
    columns: int = 7
    """Pictures along each."""
    reach: float = 2.0
    """How far each way: of a component in its deviations, of a factor in halves of a typical distance from the mean."""

    finds = True

    def run(self):
        if self.columns < 2 or not self.reach > 0:
            raise InputError(f"--columns={self.columns} --reach={self.reach}: expected 2 or more, and above 0")
        model = self.open()
        method = self.method if self.method != "auto" else "components" if "w" in model.spaces else "factorization"
        if method == "components" and "w" not in model.spaces:
            raise InputError(f"{self.version} has no mapping to w, whose components these are; --method=factorization")
        space = "w" if method == "components" else model.space(self.space)
        drawn = model.draw(MEAN_OF if space == "w" else 1 + self.rows, self.seed, space)
        flat = drawn[:, 0] if space == "w" else drawn  # all layers have the same style
        if method == "components":
            found, sizes = directions.principal(flat, self.rows)
            lengths = sizes
        else:
            function = model.model.signatures["synthesis" if space == "w" else model.from_z]
            found, sizes = directions.factorized(directions.first_weights(function, space), self.rows)
            lengths = np.full(len(found), np.sqrt(np.mean(np.var(flat, axis=0)) if space == "w" else 1.0))
            lengths = lengths * np.sqrt(flat.shape[1]) / 2  # half of a typical distance from the mean
        reach = np.linspace(-self.reach, self.reach, self.columns)
        shown = {}
        for t in reach:
            along = (t * lengths[:, None] * found).reshape(len(found), *([1] * (drawn.ndim - 2)), -1)
            shown[f"{t:g}"] = model.generate((drawn[: len(found)] + along).astype(np.float32), space)
        self.write(_rows(shown))
        self.write_found(space=space, directions=found, sizes=sizes)
        return f"{len(found)} directions of {space} by {method}, a row each: " + ", ".join(f"{x:.3g}" for x in sizes)


def main(argv=None):
    """Runs a command. Exits with 2 for bad input."""
    commands = Interpolate | Arithmetic | Truncate | Mix | Project | Directions
    config = tyro.cli(commands, args=argv, prog="python -m tfgan_zoo.latent", description=__doc__)
    with errors.one_line():
        config.check()
        print(f"{config.path}: {config.run()}")


def _rows(columns):
    """A picture whose columns are those given, from left to right, in the order of the rows."""
    images = [np.asarray(images, np.float32) for images in columns.values()]
    table = np.stack(images, axis=1)  # [rows, columns, H, W, C]
    table = np.pad(table, [(0, 0), (0, 0), (1, 1), (1, 1), (0, 0)], constant_values=0.0)
    rows, across, height, width, channels = table.shape
    picture = table.transpose(0, 2, 1, 3, 4).reshape(rows * height, across * width, channels)
    return pictures.levels(picture)


def _gif(images, seconds=0.08):
    """A GIF file of `[N, H, W, C]`, without end, at least 128 pixels high by repeating pixels."""
    times = max(1, -(-128 // images.shape[1]))
    frames = pictures.levels(np.asarray(images)).repeat(times, 1).repeat(times, 2)
    frames = [Image.fromarray(x[..., 0] if x.shape[-1] == 1 else x[..., :3]) for x in frames]
    content = io.BytesIO()
    frames[0].save(content, "GIF", save_all=True, append_images=frames[1:], duration=int(1000 * seconds), loop=0)
    return content.getvalue()


def _picture(path, model):
    """The pixels of a file in [-1, 1], cut to the model's size."""
    if not Path(path).is_file():
        raise InputError(f"{path} does not exist; give a picture file")
    try:
        pixels = decoding.read(str(path), *model.image_shape, model.fit)
    except Exception as error:  # Pillow raises many kinds
        raise InputError(f"{path} is no picture that can be read ({error}); give another") from error
    return pixels.astype(np.float32) / 127.5 - 1


def _found(path, space):
    """The point that `project` wrote."""
    try:
        with np.load(path) as found:
            point, of = found["point"], str(found["space"])
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"{path} is no file of `project` ({error}); give the .npz beside its picture") from error
    if of != space:
        raise InputError(f"{path} is a point of {of}, not of {space}; give --space={of}")
    return point


if __name__ == "__main__":
    main()
