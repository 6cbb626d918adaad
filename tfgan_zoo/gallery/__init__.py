"""What the gallery shows: exported models, the requests that a person can make of them, and pictures of their answers.

`python -m tfgan_zoo.gallery` starts the server, `page.py` is the page, `components.py` what it has beyond Streamlit's
own controls. `models/` holds small exports that come with the package.
"""

import dataclasses
import functools
import json
import re
from pathlib import Path

import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from tfgan_zoo import errors, held_out, latent, pictures, random, served_files, signatures, trust
from tfgan_zoo.data import instances
from tfgan_zoo.errors import InputError
from tfgan_zoo.metrics import protocol

UNKNOWN_SIZE = 256  # of a picture where a signature takes any, and nothing says which were trained on
LONGEST = 1024  # side of an uploaded picture; more is scaled down, or a translation would take minutes
SHIPPED = Path(__file__).with_name("models")
EXPORTED = "exported"  # where a run puts models
_CHANNELS = (1, 3, 4)
_SAMPLES = 16  # of a first look


@dataclasses.dataclass(frozen=True)
class Tensor:
    """An input of a signature.

    Attributes:
        control: what a person gives for it, a key of `FITS`; "": nothing.
        dtype: its name.
        shape: a tuple, None for what is free.
        trained: height and width of training, of pictures of any size; None where it is not known.
    """

    control: str
    dtype: str
    shape: tuple
    trained: tuple | None = None


@dataclasses.dataclass(frozen=True)
class Use:
    """A signature that makes pictures of what a person can give.

    Attributes:
        signature: its name.
        label: its name on the page.
        inputs: name -> `Tensor`.
        output: name of the pictures, [B, H, W, C] or, of films, [B, T, H, W, C].
        sizes: the `signatures.Sizes` of pictures that fit; None: those of the shapes, or not known.
        scale: how many times larger the answer is than the picture.
    """

    signature: str
    label: str
    inputs: dict
    output: str
    sizes: signatures.Sizes | None = None
    scale: int = 1

    def named(self, control):
        """The inputs of one kind: name -> `Tensor`."""
        return {name: tensor for name, tensor in self.inputs.items() if tensor.control == control}


@dataclasses.dataclass(frozen=True)
class Model:
    """An exported model, not loaded.

    Attributes:
        path: its version folder.
        name: `dcgan`, or `dcgan, version 2` where there are several versions.
        uses: `Use`s, the default one first; none: see `reason`.
        reason: why it cannot be shown.
        metadata: its `metadata.json`, or {}.
        card: its `README.md`, or "".
    """

    path: Path
    name: str
    uses: tuple = ()
    reason: str = ""
    metadata: dict = dataclasses.field(default_factory=dict)
    card: str = ""

    def prior(self, dim):
        """The `latent.Prior` of a z of `dim` numbers: as the metadata says, else normal."""
        return latent.Prior(dim, **(self.metadata.get("noise") or {}))

    @property
    def title(self):
        """Of its paper; else where it is."""
        title = self.metadata.get("title")
        return title if isinstance(title, str) and title else str(self.path)

    @property
    def fit(self):
        """How pictures of another shape are made to fit: as the metadata says, else crop."""
        return signatures.told_fit(self.metadata)

    @property
    def link(self):
        """The address of its paper, or ""."""
        arxiv = self.metadata.get("arxiv")
        is_number = isinstance(arxiv, str) and re.fullmatch(r"\d{4}\.\d{4,5}", arxiv)
        return f"https://arxiv.org/abs/{arxiv}" if is_number else ""

    @property
    def scores(self):
        """name -> number: those of its run, then what `tfgan_zoo.evaluate` measured of it last."""
        return protocol.scores(self.path, self.metadata)

    @property
    def held_out(self):
        """The `held_out.HeldOut` inputs that came with it."""
        return held_out.read(self.path)

    def of_kind(self, kind):
        """Those of its uses that make pictures of `noise`, a seed alone among it, or of an `image`."""
        controls = ("noise", "count") if kind == "noise" else (kind,)
        both = [use for use in self.uses if any(use.named(control) for control in controls)]
        return [use for use in both if kind == "image" or not use.named("image")]

    def names(self, control):
        """Names of the numbers of a `label` or a `domain`, from 0; [] where they are not known."""
        return signatures.told_names(self.metadata, control)


def find(folder=""):
    """The models below a folder; of none those of `exported/`, and then those that came with the package.

    Raises:
        InputError: as of `discover`.
    """
    if folder:
        return discover(folder)
    own = discover(EXPORTED) if _versions(EXPORTED) else []
    shipped = discover(SHIPPED) if own == [] or _versions(SHIPPED) else []
    return own + [dataclasses.replace(model, name=f"{model.name}, shipped") for model in shipped]


def _versions(folder):
    return {path.parent for pattern in ("", "*/", "*/*/") for path in Path(folder).glob(f"{pattern}saved_model.pb")}


def discover(folder):
    """The models below `folder`, sorted by family, newest version first.

    Raises:
        InputError: there is none.
    """
    folder = Path(folder)
    found = _versions(folder)
    if not found:
        raise InputError(f"{folder} holds no exported model; train one first, or give another folder")
    families = {}
    for path in found:
        absolute = path.resolve()
        whole = absolute.name if not absolute.name.isdecimal() else absolute.parent.name
        families.setdefault(whole, []).append(path)
    models = []
    for family, paths in sorted(families.items()):
        for path in sorted(paths, key=_version, reverse=True):
            models.append(describe(path, family if len(paths) == 1 else f"{family}, version {path.resolve().name}"))
    return models


def _version(path):
    name = path.resolve().name
    return (name.isdecimal(), int(name) if name.isdecimal() else 0, name)


def describe(path, name):
    """The `Model` in the folder `path`, from what is written in its files."""
    try:
        saved = saved_model_pb2.SavedModel.FromString((path / "saved_model.pb").read_bytes())
        served = saved.meta_graphs[0].signature_def
        metadata = json.loads(_bytes(path / "metadata.json") or "{}")
        latent.Prior(1, **(metadata.get("noise") or {}))
    except Exception as error:  # damaged files fail in many ways
        return Model(path, name, reason=f"it cannot be read ({errors.first_line(error)[:160]}); export it again")
    uses, reasons = decide(served, metadata)
    reason = "" if uses else "no signature makes pictures of what can be given here: " + "; ".join(reasons)
    return Model(path, name, uses, reason, metadata, _bytes(path / "README.md").decode(errors="replace"))


def _bytes(path):
    return path.read_bytes() if path.is_file() else b""


def without_pictures(markdown):
    """Text of a model for the page: pictures become links, raw HTML is shown as it is, so that nothing is fetched."""
    return re.sub(r"!+(?=\[)", "", markdown).replace("<", "&lt;")


def decide(served, metadata=None):
    """What can be done with a model.

    Args:
        served: signature name -> `SignatureDef`.
        metadata: its `metadata.json`.

    Returns:
        (`Use`s, the default one first; for each other signature, why it is none).
    """
    uses, reasons = [], []
    for name in sorted(served, key=lambda name: (name != "serving_default", name)):
        if name.startswith("__"):
            continue
        trained, sizes, scale = signatures.told_sizes(metadata or {}, name)
        inputs = {key: _tensor(key, info, trained) for key, info in sorted(served[name].inputs.items())}
        no_image = all(tensor.control != "image" for tensor in inputs.values())  # in which ids would be found
        unknown = [k for k, t in inputs.items() if not t.control or (t.control == "instance" and no_image)]
        shown = [key for key, info in served[name].outputs.items() if _is_picture(*_described(info))]
        if unknown:
            reasons.append(f"{name} takes {', '.join(unknown)}")
        elif not shown:
            reasons.append(f"{name} gives {', '.join(sorted(served[name].outputs))}")
        else:
            label = "a_to_b" if name == "serving_default" and "b_to_a" in served else name
            output = "generated" if "generated" in shown else min(shown)
            uses.append(Use(name, label, inputs, output, sizes, scale))
    if any(use.named("noise") for use in uses):  # which can do all that `sample` can
        uses = [use for use in uses if not use.named("count")]
    return tuple(uses), reasons or ["there is none"]


def _described(info):
    shape = info.tensor_shape
    dims = None if shape.unknown_rank else tuple(None if d.size < 0 else d.size for d in shape.dim)
    return tf.dtypes.as_dtype(info.dtype), dims


def _is_picture(dtype, shape):
    return dtype.is_floating and len(shape or ()) in (4, 5) and shape[-1] in (None, *_CHANNELS)


# control -> (dtype, shape) -> whether a person's answer can have them
FITS = {
    "noise": lambda dtype, shape: dtype.is_floating and len(shape) == 2 and shape[1],
    "image": lambda dtype, shape: dtype.is_floating and len(shape) == 4 and shape[-1] in _CHANNELS,
    "mask": lambda dtype, shape: dtype.is_floating and len(shape) == 4 and shape[-1] == 1,
    "instance": lambda dtype, shape: dtype.is_integer and len(shape) == 4 and shape[-1] == 1,
    "label": lambda dtype, shape: dtype.is_integer and len(shape) < 2,
    "domain": lambda dtype, shape: dtype.is_integer and len(shape) < 2,
    "count": lambda dtype, shape: dtype.is_integer and len(shape) < 2,
    "seed": lambda dtype, shape: dtype.is_integer and len(shape) < 2,
    "number": lambda dtype, shape: dtype.is_integer and len(shape) < 3 and None not in shape[1:],
    "codes": lambda dtype, shape: dtype.is_floating and len(shape) == 2 and shape[1],
    "truncation": lambda dtype, shape: dtype.is_floating and len(shape) < 2,
    "text": lambda dtype, shape: dtype == tf.string and len(shape) < 2,
}
_OF_OTHERS = ("text", "noise", "image")  # what an input of a name unknown here may be, by its type and shape


def _tensor(name, info, trained=None):
    dtype, shape = _described(info)
    known = signatures.NAMES.get(name)
    controls = (known.control,) if known else _OF_OTHERS if not name.endswith("_bytes") else ()
    fitting = (c for c in controls if c and shape is not None and FITS[c](dtype, shape))
    return Tensor(next(fitting, ""), dtype.name, shape, trained)


def load(path, trusted=False):
    """The SavedModel in the folder `path`.

    Args:
        trusted: load it whatever its graph does, see `trust`.

    Raises:
        InputError: it cannot be loaded, or does more than compute.
    """
    trust.check(path, trusted)
    try:
        return tf.saved_model.load(str(path))
    except Exception as error:  # damaged files fail in many ways
        raise InputError(f"{path} cannot be loaded ({errors.first_line(error)[:160]}); export it again") from error


def answer(loaded, use, given, count=1):
    """Pictures for one request.

    Args:
        loaded: of `load`.
        use: one of its `Use`s.
        given: input name -> value for all `count` examples, or one that is meant for each. Pictures of any size are
            mirrored at their right and lower edge up to one that fits, and the answer is cut back. Ids of instances
            are not given: they are those of the connected ink of the picture.
        count: how many.

    Returns:
        float32 [N, H, W, C], or of films [N, T, H, W, C], in [-1, 1].

    Raises:
        InputError: the model refuses the request.
    """
    request, sides = {}, None
    for name, tensor in use.inputs.items():
        value = _ids(use, given) if tensor.control == "instance" else given[name]
        value = np.asarray(value, object if tensor.dtype == "string" else tensor.dtype)
        if use.sizes and tensor.control in ("image", "mask", "instance") and value.ndim == 3:
            sides = value.shape[:2]
            value = signatures.mirrored(tf.constant(value), *map(use.sizes.fitting, sides)).numpy()
        if value.ndim < len(tensor.shape):
            value = np.broadcast_to(value, [count, *value.shape])
        request[name] = tf.constant(value, tensor.dtype)
    try:
        made = loaded.signatures[use.signature](**request)[use.output].numpy().astype(np.float32)
        return made[:, : sides[0] * use.scale, : sides[1] * use.scale] if sides else made
    except tf.errors.OpError as error:
        raise InputError(f"the model refuses this ({signatures.refusal(error)}); change what is given") from error


def _ids(use, given):
    """Ids [H, W, 1] of the connected ink of the picture [H, W, C], or of each of [N, H, W, C]."""
    picture = np.asarray(given[next(iter(use.named("image")))])
    pixels = np.uint8(np.round(np.clip(picture * 127.5 + 127.5, 0, 255)))
    return instances.connected(pixels) if pixels.ndim == 3 else np.stack([instances.connected(x) for x in pixels])


def draw(seed, count, prior):
    """`[count, dim]` noise, the same as `sample` of a noise family draws for this seed.

    Args:
        prior: the model's `latent.Prior`.
    """
    with random.stream(tf.constant(seed, tf.int64)):
        return prior.draw(count).numpy()


def shift(z, by, prior):
    """z `[N, dim]` with `by` added to its first components; uniform noise stays within its bounds."""
    moved = np.array(z)
    moved[:, : len(by)] += by
    return np.clip(moved, *prior.ends) if prior.law == "uniform" else moved


def from_file(content, tensor, swap=False, fit="crop", sides=None):
    """A PNG or JPEG file of any size -> picture [H, W, C], as the input `tensor` wants it.

    Where any size is wanted it keeps its own, unless that is longer than `LONGEST`.

    Pictures are in [-1, 1]. Masks are 1, known, where the file is nearer to white, and 0, the hole, where it is nearer
    to black.

    Args:
        swap: exchange black and white; opacity stays.
        fit: what to do with another aspect ratio: `Model.fit`.
        sides: height and width, where any size is wanted.

    Raises:
        InputError: it is no picture, or one too large.
    """
    try:
        sides = sides or (_own_size(tf.constant([content])) if _is_free(tensor) else size(tensor))
        picture = np.array(_pixels(content, *sides, tensor.shape[3], fit))
    except tf.errors.InvalidArgumentError as error:
        if "or less in all" in str(error):
            most = f"{served_files.MAX_PIXELS:,}"
            raise InputError(f"this picture has more than {most} pixels; give a smaller one") from error
        raise InputError("this file cannot be read as a picture; give a PNG or JPEG file") from error
    if swap:
        picture[..., :3] *= -1
    return (picture > 0).astype(np.float32) if tensor.control == "mask" else picture


@functools.lru_cache(128)  # the page asks for the same at each change of anything
def _pixels(content, height, width, channels, fit):
    return served_files.read(tf.constant([content]), height, width, channels, fit).numpy()[0]


def hole(sides, down, across):
    """A mask `[H, W, 1]` of a picture, 0 in a rectangle and 1 around it.

    Args:
        sides: height and width of the picture.
        down, across: where the rectangle begins and ends, in hundredths of the side. It has one pixel at least.
    """
    mask = np.ones([*sides, 1], np.float32)
    (top, bottom), (left, right) = (
        (min(round(first * side / 100), side - 1), round(last * side / 100))
        for side, (first, last) in zip(sides, (down, across), strict=True)
    )
    mask[top : max(bottom, top + 1), left : max(right, left + 1)] = 0.0
    return mask


def shown(given, drawn):
    """Pictures as `from_file` gave them -> those to show, in [-1, 1]: masks white where known, pictures grey in holes.

    Args:
        given: input name -> picture or mask.
        drawn: input name -> its `Tensor`, of those to show.
    """
    known = np.ones([1, 1, 1], np.float32)
    for name, tensor in drawn.items():
        known = given[name] if tensor.control == "mask" else known
    return {n: 2 * given[n] - 1 if t.control == "mask" else given[n] * known for n, t in drawn.items()}


def canvas(tensor, longest=256):
    """Height and width in pixels of a canvas to draw on, of the shape of the pictures of an input."""
    return _enlarged(size(tensor), longest)


def canvas_of(picture, longest=256):
    """The same of a picture [H, W, C], to draw a hole on it."""
    return _enlarged(picture.shape[:2], longest)


def _enlarged(own, longest):
    return tuple(max(1, round(side * longest / max(own))) for side in own)


def size(tensor):
    """Height and width of the pictures of an input; where any will do, those of training."""
    others = tensor.trained or (UNKNOWN_SIZE, UNKNOWN_SIZE)
    return tuple(side or other for side, other in zip(tensor.shape[1:3], others, strict=True))


def _is_free(tensor):
    return tensor.trained is not None and tensor.shape[1:3] == (None, None)


def _own_size(files):
    _, headers = served_files.headers_of(files)
    height, width = (int(side) for side in served_files.size_of(headers[0]))
    scale = min(1, LONGEST / max(height, width))
    return max(1, round(height * scale)), max(1, round(width * scale))


def look(model, loaded):
    """A first look at a model, without a word from a person: samples, or its held-out inputs beside its answers.

    Args:
        loaded: of `load`.

    Returns:
        What `sheet` makes; None for a model of pictures without held-out ones.

    Raises:
        InputError: the model refuses it.
    """
    use = model.uses[0]
    drawn = use.named("image") | use.named("mask")
    files = {name: model.held_out.of(use.signature, name) for name in drawn}
    count = min(map(len, files.values())) if drawn else _SAMPLES
    if not count:
        return None

    def numbers(name, tensor):
        known = len(model.names(tensor.control)) if tensor.control in ("label", "domain") else 0
        return np.arange(count) % known if known and len(tensor.shape) == 1 else 0

    given = {name: numbers(name, tensor) for name, tensor in use.inputs.items() if name not in drawn}
    given |= dict.fromkeys(use.named("count"), count)
    given |= dict.fromkeys(use.named("truncation"), 0.7)
    given |= {name: np.zeros(tensor.shape[1]) for name, tensor in use.named("codes").items()}
    given |= {name: np.zeros(tensor.shape[1:], int) for name, tensor in use.named("number").items()}
    given |= dict.fromkeys(use.named("text"), "")
    given |= {name: draw(0, count, model.prior(t.shape[1])) for name, t in use.named("noise").items()}
    if not drawn:
        return sheet(answer(loaded, use, given, count))
    rows = []
    for i in range(count):
        own = {name: value[i] if np.ndim(value) == 1 else value for name, value in given.items()}
        own |= {name: from_file(files[name][i], tensor, fit=model.fit) for name, tensor in drawn.items()}
        rows.append(beside(shown(own, drawn).values(), answer(loaded, use, own)[0]))
    return sheet_of(rows)


def beside(given, made):
    """Pictures and the answer to them in one array [N, H, W, C]: smaller ones enlarged, all with the most channels."""
    channels = max(picture.shape[-1] for picture in (*given, made))

    def alike(picture):
        rows, columns = (np.arange(n) * m // n for n, m in zip(made.shape[:2], picture.shape[:2], strict=True))
        picture = picture[rows][:, columns]
        grey = np.repeat(picture, 3, -1) if picture.shape[-1] == 1 and channels > 1 else picture
        return np.concatenate([grey, np.ones([*grey.shape[:2], channels - grey.shape[-1]], np.float32)], -1)

    return np.stack([alike(picture) for picture in (*given, made)])


def sheet_of(rows):
    """Arrays of `beside` on one sheet, a row each, or two to a row where their number is even."""
    return sheet(np.concatenate(rows), len(rows[0]) * (1 + (len(rows) % 2 == 0)))


def sheet(images, across=None, least=144):
    """Pictures [N, H, W, C], or films [N, T, H, W, C] with a row each, on one sheet, enlarged if they are small.

    Args:
        across: how many make a row; by default the sheet is about square.
        least: pictures of less than half this height are enlarged, to about this height.

    Returns:
        uint8 [H, W] or [H, W, C].
    """
    if images.ndim == 5:
        images, across = images.reshape(-1, *images.shape[2:]), images.shape[1]
    height = images.shape[1]
    columns = {"": images} if across is None else {str(i): images[i::across] for i in range(across)}
    picture = pictures.tile(columns)
    larger = max(1, least // height)
    return picture.repeat(larger, 0).repeat(larger, 1).squeeze()


def png(picture):
    """The PNG file of a picture [H, W, C] in [-1, 1]; of a film its frames below each other."""
    (file,) = signatures.to_png(tf.constant(picture.reshape(-1, *picture.shape[-2:])[None])).numpy()
    return file
