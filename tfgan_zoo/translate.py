"""Pictures of a folder, or one, through an exported model that makes pictures of pictures.

    python -m tfgan_zoo.translate exported/cyclegan/1 photos/ made/ --direction=a_to_b --sheet=sheet.png
    python -m tfgan_zoo.translate exported/pix2pix/1 edges.png shoe.png
    python -m tfgan_zoo.translate exported/partial_conv/1 photos/ made/ --mask-folder=masks/
    python -m tfgan_zoo.translate exported/cyclegan/1 poster.tif poster.png --tile=1024

A model is any SavedModel with a signature that takes pictures [B, H, W, C] or files of them. Files of all kinds that
training reads are read, as training reads them, and PNG files written, in the folders that the pictures are in. A
picture of which there is an answer already is left out: the same command goes on where it was stopped. Large pictures
are cut into tiles. docs/translate.md says more.
"""

import collections
import dataclasses
import json
import os
import re
import sys
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import tensorflow as tf
import tqdm
import tyro

from tfgan_zoo import errors, files, litert, pictures, served_files, signatures
from tfgan_zoo.data import decoding, folders, inspection, instances
from tfgan_zoo.errors import InputError

RECORD = ".translate.json"  # of a folder of answers: what made them
TILE = 1024  # side of a tile, where none is asked for
ON_SHEET = 12  # pictures
LONGEST_ON_SHEET = 256
_CHANNELS = (1, 3, 4)
_NUMBERS = ("domain", "label")
_BESIDE = ("mask", "instance")  # beside a picture, and as large


@dataclasses.dataclass(kw_only=True)
class Config:
    """Translate pictures by an exported model."""

    version: Annotated[str, tyro.conf.Positional]
    """Folder of the SavedModel, exported/cyclegan/1."""
    input: Annotated[str, tyro.conf.Positional]
    """A picture, or a folder of pictures."""
    output: Annotated[str, tyro.conf.Positional]
    """The PNG file, or the folder, that is made."""
    signature: str = ""
    """Which of its signatures. Default: serving_default, or the first that fits."""
    direction: Literal["", "a_to_b", "b_to_a"] = ""
    """Which way, of a model that has both: the same as --signature."""
    domain: str = ""
    """Name or number of the domain to translate to, or of the label, of a model that takes one."""
    mask_folder: str = ""
    """Where the masks are, of a model that takes them, named like the pictures: white is known. Or one mask."""
    instance_folder: str = ""
    """Where the ids of instances are, of a model that takes them, likewise. Default: those of connected ink, found in
    each picture."""
    tile: int | None = None
    """Side of the tiles that a picture is cut into; 0: none. Default: 1024, of more than 2048 x 2048 pixels."""
    overlap: int = 128
    """Pixels that a tile sees around the part that is kept of it. As many as an answer depends on: no seams."""
    multiple: int | None = None
    """What the sides of a picture must be multiples of. Default: as the model's metadata.json says, or 1."""
    value_range: str | None = None
    """What pixels of 16 or 32 bits range over, as 0,4095. Default: as in training, or as the files say."""
    sheet: str = ""
    """A PNG file for the first pictures beside their answers."""
    force: bool = False
    """Overwrite what is there."""
    trust: bool = False
    """Also open a model whose graph reads or writes files, calls Python or the network."""


def main(argv=None):
    """Runs the command. Exits with 2 for bad input, with 1 where some pictures could not be translated."""
    config = tyro.cli(Config, args=argv, prog="python -m tfgan_zoo.translate", description=__doc__)
    with errors.one_line("stopped; the same command goes on from here"):
        failed = _run(config)
    sys.exit(1 if failed else 0)


def _run(config):
    """How many pictures failed."""
    _check(config)
    work = _work(config)
    translator = Translator(config)
    translator.found_range = _found_range(config, [name for name, _ in work], translator.value_range)
    if Path(config.input).is_dir():
        _check_record(config, translator)
    done = [output for _, output in work if output.exists() and not config.force]
    todo = [(name, output) for name, output in work if config.force or not output.exists()]
    for folder in {output.parent for _, output in todo}:
        files.remove_unfinished(folder)
    failed = {}
    with tqdm.tqdm(todo, unit="picture", disable=None, dynamic_ncols=True) as bar:
        for name, output in bar:
            try:
                mask, ids = (_beside(config, what, name) for what in _BESIDE)
                made = translator(_source(config, name), mask, ids)
            except InputError as error:
                failed[name] = str(error)
                bar.write(f"{folders.printable(name)}: {error}", file=sys.stderr)
                continue
            _write(output, made)
    if failed and len(failed) == len(work):
        name, why = next(iter(failed.items()))
        raise InputError(f"none of {folders.counted(len(work), 'picture')} could be translated, as {name}: {why}")
    if config.sheet:
        shown = [(_source(config, name), output) for name, output in work if output.exists() and name not in failed]
        _write(Path(config.sheet), _sheet(shown[:ON_SHEET], translator))
    said = [f"{folders.counted(len(todo) - len(failed), 'picture')} translated by {translator.signature}"]
    said += [f"{len(done):,} were there already"] if done else []
    said += [f"{len(failed):,} could not be translated"] if failed else []
    print(f"{', '.join(said)}: {config.output}")
    return len(failed)


def _check(config):
    """Refuses flags that cannot be, before a model is loaded."""
    if config.tile is not None and config.tile < 0 or config.overlap < 0:
        raise InputError(f"--tile={config.tile} and --overlap={config.overlap}: expected numbers of 0 or more")
    if config.multiple is not None and config.multiple < 1:
        raise InputError(f"--multiple={config.multiple}: expected 1 or more")
    if config.direction and config.signature:
        raise InputError(f"--direction={config.direction} and --signature={config.signature} are given; give one")
    if config.sheet and Path(config.sheet).suffix.lower() != ".png":
        raise InputError(f"--sheet={config.sheet}: expected the name of a PNG file")
    if config.sheet and Path(config.sheet).exists() and not config.force:
        raise InputError(f"--sheet={config.sheet} is there already; give another name, or --force")
    decoding.as_range(config.value_range)


def _work(config):
    """`(name of a picture below the input, "" for one; path of its answer)` of each.

    Raises:
        InputError: there are none; an answer would be one of the pictures.
    """
    source, output = Path(config.input), Path(config.output)
    if source.is_dir():
        if output.exists() and not output.is_dir():
            raise InputError(f"{output} is a file, and {source} a folder; give another OUTPUT")
        names = list(folders.walk(source).files)
        if not names:
            raise InputError(f"{source} holds no pictures; give another folder")
        plain = [os.path.splitext(name)[0] for name in names]
        taken = {stem for stem, count in collections.Counter(plain).items() if count > 1}
        # Of two pictures whose names differ only behind the dot both keep all of it.
        work = [(n, output / f"{n if stem in taken else stem}.png") for n, stem in zip(names, plain, strict=True)]
        files.check_folder(output, "")
    else:
        if not source.exists():
            raise InputError(f"{source} does not exist; give a picture or a folder of pictures")
        if output.is_dir() or not output.suffix:
            output = output / f"{source.stem}.png"
        if output.suffix.lower() != ".png":
            raise InputError(f"{output}: answers are PNG files; give a name that ends in .png, or a folder")
        if output.exists() and not config.force:
            raise InputError(f"{output} is there already; give another name, or --force")
        files.check_folder(output.parent, "")
        work = [("", output)]
    sources = {os.path.realpath(source / name) for name, _ in work}
    same = next((path for _, path in work if os.path.realpath(path) in sources), None)
    if same is not None:
        raise InputError(f"{same} is one of the pictures, and would be its own answer; give another OUTPUT")
    return work


def _found_range(config, names, value_range):
    """What is black and white in pictures of more than 8 bits that do not say so, by all of them, as in training."""
    items = [(name, (str(_source(config, name)),)) for name in names]
    decode, _ = inspection.inspect(decoding.Pictures(1, 1, None, "crop", value_range), items, config.input)
    return decode.found_range


def _source(config, name):
    return Path(config.input) / name if name else Path(config.input)


def _beside(config, what, name):
    """The path of the mask or the ids, `instance`, of a picture; None where no such folder is given."""
    folder = getattr(config, f"{what}_folder")
    if not folder:
        return None
    folder, wanted = Path(folder), Path(name or Path(config.input).name)
    if folder.is_file() and not name:
        return folder
    found = (folder / wanted, *(folder / wanted.with_suffix(suffix) for suffix in folders.SUFFIXES))
    path = next((path for path in found if path.is_file()), None)
    if path is None:
        raise InputError(f"no {what} {wanted.with_suffix('.png')} in {folder}")
    return path


def _write(path, pixels):
    content = pixels if isinstance(pixels, bytes) else decoding.png(pixels)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        files.write(path, content)
    except OSError as error:
        raise InputError(f"{path} cannot be written ({error.strerror}); mend it, and start again to go on") from error


def _check_record(config, translator):
    """Refuses a folder of answers of another model or other flags, which would be mixed with these."""
    path = Path(config.output) / RECORD
    made_by = {
        "model": os.path.realpath(config.version),
        "created": translator.metadata.get("created"),
        "signature": translator.signature,
        "number": translator.number,
        "mask_folder": os.path.realpath(config.mask_folder) if config.mask_folder else None,
        "instance_folder": os.path.realpath(config.instance_folder) if config.instance_folder else None,
        "tile": config.tile,
        "overlap": config.overlap,
    }
    known = files.read_json(path)
    known = known and dict.fromkeys(made_by) | known  # of a version that had fewer flags
    if known is not None and known != made_by and not config.force:
        other = next(name for name in made_by if known.get(name) != made_by[name])
        raise InputError(
            f"{config.output} holds answers of another command, whose {other.replace('_', ' ')} was {known.get(other)} "
            f"and not {made_by[other]}; give another OUTPUT, or --force to make all anew"
        )
    if known != made_by:
        _write(path, (json.dumps(made_by, indent=2) + "\n").encode())


def _sheet(pairs, translator):
    """Pictures beside their answers, all of one height and width, framed with white where they have another."""
    sizes = [(head.height, head.width) for pair in pairs for head in map(decoding.header, map(str, pair))]
    height, width = (min(LONGEST_ON_SHEET, max(sides)) for sides in zip(*sizes, strict=True))

    def small(path):
        ranges = translator.value_range, translator.found_range
        return decoding.read(str(path), height, width, 3, "pad", *ranges) / 127.5 - 1

    columns = {"input": [small(path) for path, _ in pairs], "output": [small(path) for _, path in pairs]}
    return pictures.tile({label: np.stack(column) for label, column in columns.items()})


class Translator:
    """A signature that makes pictures of pictures: one in a file -> its answer.

    Args:
        config: a `Config`.

    Attributes:
        signature: its name.
        metadata: the model's `metadata.json`, or {}.
        number: that of the domain or label, or None.
        value_range, found_range: what is black and white in files of more than 8 bits, as `decoding.read` takes them.

    Raises:
        InputError: no such model, no signature that fits, or flags that do not fit it.
    """

    def __init__(self, config):
        self.model = litert.load(config.version, config.trust)
        self.metadata = signatures.told(config.version)
        self.config = config
        self.value_range = decoding.as_range(config.value_range or _told(self.metadata, "value_range"))
        self.found_range = None
        wanted = config.signature or config.direction
        if wanted:
            found = {wanted: _as_use(litert.served(self.model, config.version, wanted))}
        else:
            names = sorted(self.model.signatures, key=lambda name: (name != "serving_default", name))
            found = {name: _as_use(self.model.signatures[name]) for name in names}
        # One of arrays can be asked for tiles.
        fitting = sorted((name for name in found if found[name]), key=lambda name: found[name].of_files)
        if not fitting:
            raise InputError(
                f"{config.version} has no signature that makes pictures of pictures alone, with a mask, ids or a "
                f"domain, among {', '.join(found) or 'none'}; choose another model or --signature"
            )
        self.signature = fitting[0]
        self.use = found[self.signature]
        self.function = self.model.signatures[self.signature]
        self.sizes = signatures.told_sizes(self.metadata, self.signature)[1] or signatures.Sizes()
        if config.multiple:
            self.sizes = signatures.Sizes(config.multiple, config.multiple)
        self.number = self._number()
        if bool(config.mask_folder) != bool(self.use.mask):
            what = "takes no masks; leave out" if config.mask_folder else "takes a mask with each picture; give"
            raise InputError(f"{config.version}: {self.signature} {what} --mask-folder")
        if config.instance_folder and not self.use.instance:
            raise InputError(f"{config.version}: {self.signature} takes no ids; leave out --instance-folder")

    def _number(self):
        domain, version = self.config.domain, f"{self.config.version}: {self.signature}"
        if not self.use.number:
            if domain:
                raise InputError(f"{version} takes neither a domain nor a label; leave out --domain={domain}")
            return None
        names = signatures.told_names(self.metadata, self.use.role(self.use.number))
        if domain in names:
            return names.index(domain)
        if re.fullmatch(r"\d+", domain) and (not names or int(domain) < len(names)):
            return int(domain)
        choice = f"{', '.join(names)}, or a number from 0 to {len(names) - 1}" if names else "a number, from 0"
        raise InputError(
            f"{version} takes a {self.use.number}; give --domain, {choice}" + f", not {domain}" * bool(domain)
        )

    def __call__(self, path, mask=None, ids=None):
        """The answer to the picture in the file `path`, uint8 `[H, W, C]` or a PNG file.

        Raises:
            InputError: a file that cannot be read; a mask or ids of another size; what the model refuses.
        """
        try:
            return self._of_file(path, mask, ids) if self.use.of_files else self._of_pixels(path, mask, ids)
        except tf.errors.ResourceExhaustedError as error:
            raise InputError("there is not enough memory; give a smaller --tile") from error
        except tf.errors.OpError as error:
            raise InputError(f"the model refuses it ({signatures.refusal(error)})") from error

    def _of_file(self, path, mask, ids):
        given = {self.use.image: tf.constant([self._file(path, None)])}
        if self.use.mask:
            given[self.use.mask] = tf.constant([self._file(mask, 1)])
        if self.use.instance:
            found = self._ids(ids) if ids else instances.connected(self._read(path, None))
            given[self.use.instance] = tf.io.encode_png(tf.constant(_numbered(found)))[None]
        return self.function(**given, **self._numbers())[self.use.output].numpy()[0]

    def _file(self, path, channels):
        """The bytes of a PNG or JPEG file; of other kinds, a PNG file of its pixels."""
        try:
            content = Path(path).read_bytes()
        except OSError as error:
            raise InputError(f"it cannot be read ({error.strerror})") from error
        if content.startswith((b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff")):
            return content
        return decoding.png(self._read(path, channels))

    def _read(self, path, channels, size=None, fit="crop"):
        ranges = self.value_range, self.found_range
        return _decoded(path, size, lambda *sides: decoding.read(str(path), *sides, channels, fit, *ranges))

    def _ids(self, path, size=None, fit="crop"):
        return _decoded(path, size, lambda *sides: decoding.read_ids(str(path), *sides, fit))

    def _of_pixels(self, path, mask, ids):
        (height, width, channels), fixed = self.use.shape, None not in self.use.shape[:2]
        fit = _told(self.metadata, "fit", "picture_files") or _told(self.metadata, "fit")
        # A network of one size gets each picture in it, unless tiles are asked for.
        size = (height, width) if fixed and not self.config.tile else None
        how = {"size": size, "fit": fit if fit in served_files.FITS else "crop"}
        planes = {self.use.image: self._read(path, channels, **how)}
        if self.use.mask:
            planes[self.use.mask] = np.where(self._read(mask, 1, **how) > 127, np.uint8(1), np.uint8(0))
        if self.use.instance:
            picture = planes[self.use.image]
            planes[self.use.instance] = self._ids(ids, **how) if ids else instances.connected(picture)
        (_, own), *others = ((name, plane.shape[1::-1]) for name, plane in planes.items())
        for name, sides in others:
            if sides != own:
                raise InputError("it is {}x{} and its {} {}x{}; expected the same".format(*own, name, *sides))
        return self._whole(planes, (height, width) if fixed else None)

    def _whole(self, planes, fixed):
        """The answer to whole pictures, in tiles if need be."""
        own = next(iter(planes.values())).shape[:2]
        sizes = self.sizes
        sides = [max(a, b) for a, b in zip(own, fixed, strict=True)] if fixed else [sizes.fitting(n) for n in own]
        multiple = 1 if fixed else sizes.multiple
        if fixed:
            tile = fixed
        elif self.config.tile == 0 or (
            self.config.tile is None and sides[0] * sides[1] <= served_files.MAX_PIXELS_EACH
        ):
            tile = sides
        else:
            tile = [min(side, sizes.fitting(self.config.tile or TILE)) for side in sides]
        plans = [axis(n, t, self.config.overlap, multiple) for n, t in zip(sides, tile, strict=True)]
        planes = {name: _mirrored(plane, *sides) for name, plane in planes.items()}

        def one(top, left):
            rows, columns = slice(top, top + tile[0]), slice(left, left + tile[1])
            return self._tile({name: plane[rows, columns] for name, plane in planes.items()})

        made = blended(one, *plans)
        scale = made.shape[0] // sides[0]
        return made[: own[0] * scale, : own[1] * scale]

    def _tile(self, planes):
        specs = self.function.structured_input_signature[1]
        given = {}
        for name, plane in planes.items():
            value = plane[None] if name in (self.use.mask, self.use.instance) else np.float32(plane[None]) / 127.5 - 1
            given[name] = tf.cast(value, specs[name].dtype)
        made = self.function(**given, **self._numbers())[self.use.output].numpy()[0].astype(np.float32)
        height, width = next(iter(planes.values())).shape[:2]
        times = made.shape[0] // height
        if made.shape[-1] not in _CHANNELS or not times or made.shape[:2] != (times * height, times * width):
            raise InputError(
                f"the model makes {list(made.shape)} of {height}x{width}; expected as large, or a multiple"
            )
        return made

    def _numbers(self):
        if self.use.number is None:
            return {}
        spec = self.function.structured_input_signature[1][self.use.number]
        return {self.use.number: tf.fill([1] * spec.shape.rank, tf.cast(self.number, spec.dtype))}


def _decoded(path, size, read):
    """`read(height, width)`, those of the file where none are given."""
    try:
        head = decoding.header(str(path))
        return read(*(size or (head.height, head.width)))
    except Exception as error:  # Pillow raises a dozen kinds on broken files
        raise InputError(f"it cannot be read ({decoding.reason(error)})") from error


def _numbered(ids):
    """Ids as numbers of 16 bits: what was equal is equal."""
    values, numbers = np.unique(ids, return_inverse=True)
    if len(values) > 65536:
        raise InputError(f"it has {len(values):,} ids; expected 65,536 or fewer")
    return np.uint16(numbers.reshape(ids.shape))


def axis(side, tile, overlap, multiple=1):
    """How one side of a picture is cut: the start of each tile, and the weight of each of its pixels.

    A tile sees `overlap` pixels on each inner side that count nothing, then its weight grows over half as many (from
    both sides: of two neighbours the weights add up to 1). So where an answer depends on no more than `overlap` pixels
    around it, what is blended is what the whole picture would give. Tiles start at multiples, since what a strided
    convolution gives depends on where it starts.

    Args:
        side: of the picture, a multiple of `multiple`.
        tile: side of all tiles, likewise, not above `side`.
        overlap: see above.
        multiple: of the network.

    Returns:
        `(side, starts [n], weights [n, tile])`; of all tiles at a pixel the weights add up to 1.

    Raises:
        InputError: the tile has no pixels left to keep.
    """
    if tile == side:
        return side, [0], np.ones([1, tile], np.float32)
    ramp = max(overlap // 2, 1)
    step = (tile - 2 * overlap - ramp) // multiple * multiple
    if step < 1:
        least = -(-(2 * overlap + ramp + multiple) // multiple) * multiple
        raise InputError(
            f"a tile of {tile} is too small for an overlap of {overlap} on both sides; give a --tile of {least} or "
            "more, or a smaller --overlap"
        )
    starts = [*range(0, side - tile, step), side - tile]
    near = np.clip((np.arange(tile) - overlap + 1) / (ramp + 1), 0.0, 1.0)  # to the first end of the tile
    total, weights = np.zeros(side), []
    for i, start in enumerate(starts):
        weight = np.ones(tile)
        weight *= near if i else 1
        weight *= near[::-1] if i < len(starts) - 1 else 1
        total[start : start + tile] += weight
        weights.append(weight)
    return side, starts, np.float32([w / total[s : s + tile] for s, w in zip(starts, weights, strict=True)])


def blended(one, down, across):
    """Answers to tiles -> the answer to the picture, uint8, with the memory of one row of tiles.

    Args:
        one: `(top, left) -> [times * tile height, times * tile width, C]` in [-1, 1].
        down, across: of `axis`.
    """
    (height, tops, of_rows), (width, lefts, of_columns) = down, across
    made = waiting = None
    with tqdm.tqdm(total=len(tops) * len(lefts), unit="tile", disable=None if len(tops) * len(lefts) > 1 else True,
                   leave=False, dynamic_ncols=True) as bar:  # fmt: skip
        for i, top in enumerate(tops):
            for j, left in enumerate(lefts):
                tile = one(top, left)
                times = tile.shape[0] // of_rows.shape[1]
                if made is None:
                    made = np.empty([times * height, times * width, tile.shape[2]], np.uint8)
                    waiting = np.zeros([tile.shape[0], *made.shape[1:]], np.float32)
                weight = of_rows[i].repeat(times)[:, None, None] * of_columns[j].repeat(times)[:, None]
                waiting[:, times * left : times * left + tile.shape[1]] += weight * tile
                bar.update()
            # No later tile reaches the rows above the next one.
            rows = times * ((tops[i + 1] if i + 1 < len(tops) else height) - top)
            made[times * top : times * top + rows] = np.round(np.clip(waiting[:rows] * 127.5 + 127.5, 0, 255))
            waiting = np.concatenate([waiting[rows:], np.zeros_like(waiting[:rows])])
    return made


def _mirrored(plane, height, width):
    return plane if plane.shape[:2] == (height, width) else signatures.mirrored(plane, height, width).numpy()


@dataclasses.dataclass(frozen=True)
class _Use:
    """Names of what a signature takes and gives; `mask`, `instance` and `number` None where it takes none.

    `shape` is (H, W, C) of the pictures, None for free sides; `of_files`: it takes and gives files.
    """

    image: str
    output: str
    of_files: bool
    shape: tuple = (None, None, None)
    mask: str | None = None
    instance: str | None = None
    number: str | None = None

    def role(self, name):
        return name if name in _NUMBERS else "domain"


def _as_use(function):
    """The `_Use` of a signature's function, or None: it wants something else or gives something else."""
    roles = {}
    for name, spec in function.structured_input_signature[1].items():
        rank, shape = spec.shape.rank, spec.shape
        if rank and shape[0] not in (None, 1):
            return None
        if spec.dtype == tf.string and rank == 1:
            beside = {f"{what}_bytes": what for what in _BESIDE}
            role = beside.get(name, "file" if name.endswith("_bytes") else None)
        elif rank == 4:
            is_image = spec.dtype.is_floating and shape[3] in (None, *_CHANNELS)
            role = name if name in _BESIDE else "image" if is_image else None
            role = None if role == "instance" and not spec.dtype.is_integer else role
        else:
            role = "number" if name in _NUMBERS and spec.dtype.is_integer and rank in (0, 1) else None
        if role is None or role in roles:
            return None
        roles[role] = name
    outputs = function.structured_outputs
    if ("image" in roles) == ("file" in roles):
        return None
    of_files = "file" in roles
    if of_files:
        made = [n for n, s in outputs.items() if s.dtype == tf.string and s.shape.rank in (1, None)]
        output = "generated_bytes"
    else:
        made = [n for n, s in outputs.items() if s.dtype.is_floating and s.shape.rank in (4, None)]
        output = "generated"
    if not made:
        return None
    shape = (None, None, None) if of_files else tuple(function.structured_input_signature[1][roles["image"]].shape[1:])
    return _Use(
        roles["file" if of_files else "image"], output if output in made else min(made), of_files,
        (*shape[:2], shape[2] or 3), roles.get("mask"), roles.get("instance"), roles.get("number"),
    )  # fmt: skip


def _told(metadata, name, section="config"):
    """A text of the metadata, or None."""
    part = metadata.get(section)
    value = part.get(name) if isinstance(part, dict) else None
    return value if isinstance(value, str) and value else None


if __name__ == "__main__":
    main()
