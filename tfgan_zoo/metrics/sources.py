"""Where the images that are measured come from: a model's signature, and a data set of the same size."""

import dataclasses
from pathlib import Path

import numpy as np
import tensorflow as tf
from PIL import Image, ImageOps

from tfgan_zoo import latent, pictures, signatures, trust
from tfgan_zoo.data import batches, captioned, decoding, domains, folders, images, instances, layouts, low_high, masked
from tfgan_zoo.errors import InputError
from tfgan_zoo.metrics.checks import COLOURS

KINDS = {
    "images": images.images,
    "labelled": images.labelled,
    "captioned": captioned.captioned,
    "pairs": images.pairs,
    "unpaired": images.unpaired,
    "instances": instances.instances,
    "domains": domains.domains,
    "low_high": low_high.low_high,
    "masked": masked.masked,
}
# Input of a signature -> the kind of data that has it.
_KIND_WITH = {"instance": "instances", "domain": "domains", "mask": "masked", "text": "captioned"}
_PREFERRED = {"sample": 0, "serving_default": 1}
_SEEDS = ("count", "seed", "z")  # what pictures are made from where nothing is translated


@dataclasses.dataclass(frozen=True)
class Generator:
    """A signature that makes images.

    Attributes:
        name: of the model, for messages.
        signature: its name.
        function: `(**inputs) -> {output: tensor}`.
        inputs: name in `signatures.NAMES` -> `tf.TensorSpec` with the input's own name.
        output: the name of the images.
        shape: `(H, W, C)` of them, None where it does not say. If it makes any size: that of training.
        flags: `Measures`: truncation, model_range.
        scale: how many times larger what it makes is than the image that it takes.
        prior: the `latent.Prior` of z; None where no z is asked for or its length is not known.
        metadata: its `metadata.json`, {} where there is none.
        loaded: what has to live as long as `function`.
    """

    name: str
    signature: str
    function: object
    inputs: dict
    output: str
    shape: tuple
    flags: object
    scale: int = 1
    prior: object = None
    metadata: dict = dataclasses.field(default_factory=dict)
    loaded: object = None

    @property
    def kind(self):
        """sample (from count and seed), z (from noise) or image (from images, and maybe more)."""
        return next(kind for role, kind in (("count", "sample"), ("z", "z"), ("image", "image")) if role in self.inputs)

    @property
    def has_labels(self):
        return "label" in self.inputs

    @property
    def has_texts(self):
        return "text" in self.inputs

    @property
    def columns(self):
        """The inputs that come from an example of the data, where pictures are translated."""
        return [name for name in self.inputs if name != "truncation"] if self.kind == "image" else []

    def draw_z(self, n, rng):
        """`[n, dim]` float32."""
        if self.prior is None:
            raise InputError(f"{self.name}: its signature {self.signature} does not say how long z is")
        return self.prior.array(n, rng)

    def make(self, rng, n, label=None, **told):
        """`n` images of noise drawn from `rng`, as `raw` gives them; `told` are further inputs, `[n]` each."""
        if self.kind == "z":
            return self.raw(z=self.draw_z(n, rng), label=label, **told)
        return self.raw(count=n, seed=int(rng.integers(2**31)), label=None if label is None else label[0])

    def translate(self, example):
        """Columns by name, images in [-1, 1] -> images, as `raw` gives them."""
        low, high = self._range()
        return self.raw(**example | {"image": (example["image"] + 1) * ((high - low) / 2) + low})

    def raw(self, label=None, **given):
        """What the model makes of inputs by name: on a scale of [-1, 1], neither rounded nor clipped."""
        given |= {} if label is None else {"label": label}
        if "truncation" in self.inputs:
            given["truncation"] = 1.0 if self.flags.truncation is None else self.flags.truncation
        named = {self.inputs[role].name: tf.cast(value, self.inputs[role].dtype) for role, value in given.items()}
        try:
            made = np.asarray(self.function(**named)[self.output], np.float32)
        except tf.errors.InvalidArgumentError as error:
            why = next(line for line in str(error).splitlines() if line.strip())[:160]
            count = given["count"] if "count" in given else len(next(iter(given.values())))
            raise InputError(
                f"{self.name}: its signature {self.signature} refuses a batch of {count} ({why}); "
                "try a smaller --batch-size or another --signature"
            ) from error
        low, high = self._range()
        made = (made - low) * (2 / (high - low)) - 1
        if not (made.min() >= -3 and made.max() <= 3):  # so written, NaN is out of range too
            raise InputError(
                f"{self.name} makes values from {made.min():.4g} to {made.max():.4g} where [-1, 1] was expected; say "
                "what its images range over with --model-range"
            )
        return made

    def _range(self):
        return tuple(float(end) for end in self.flags.model_range.split(".."))


def load(folder, flags):
    """The `Generator` of a SavedModel.

    Args:
        folder: its version folder.
        flags: `Measures`; `signature` names one, else it is sample, serving_default or the first that fits.

    Raises:
        InputError: no such folder, no SavedModel, one that does more than compute, no signature that fits.
    """
    path = Path(folder)
    if not (path / "saved_model.pb").exists():
        versions = [p.name for p in path.glob("*") if (p / "saved_model.pb").exists()]
        if versions:
            newest = max(versions, key=lambda name: (name.isdecimal(), name.zfill(20)))
            raise InputError(f"{folder} holds the versions {', '.join(sorted(versions))}; give one, {path / newest}")
        what = "is no SavedModel: it has no saved_model.pb" if path.exists() else "does not exist"
        raise InputError(f"{folder} {what}; give a version folder, exported/<family>/<version>")
    trust.check(path, flags.trust)
    try:
        loaded = tf.saved_model.load(str(path))
    except Exception as error:  # a damaged file: protobuf, OS, TensorFlow and Python errors
        raise InputError(f"{folder} cannot be loaded ({' '.join(str(error).split())[:120]}); export it anew") from error
    known = signatures.told(path)
    noise = known.get("noise") or {}
    try:
        latent.Prior(1, **noise)
    except (ValueError, TypeError) as error:
        raise InputError(f"{path / 'metadata.json'} cannot be read ({error}); mend it or move it away") from error

    def described(function):
        specs = function.structured_input_signature[1].items()
        named = [tf.TensorSpec(spec.shape, spec.dtype, name=name) for name, spec in specs]
        return function, named, function.structured_outputs

    trained = {name: _of_training(*signatures.told_sizes(known, name)) for name in loaded.signatures}
    found = {name: lambda function=function: described(function) for name, function in loaded.signatures.items()}
    fitting = _fitting(str(folder), found, flags, noise, trained)
    return dataclasses.replace(fitting, metadata=known, loaded=loaded)


def live(model, flags):
    """The `Generator` of a `base.GenerativeModel` in training. Arguments and errors as of `load`."""

    def traced(function, specs):
        concrete = tf.function(function, input_signature=specs, autograph=False).get_concrete_function()
        return lambda **given: concrete(*(given[s.name] for s in specs)), specs, concrete.structured_outputs

    served = model.signatures()
    found = {name: lambda given=given: traced(*given) for name, given in served.items()}
    trained = {
        name: _of_training(function.image_shape[:2], function.sizes, function.scale)
        for name, (function, _) in served.items()
        if isinstance(function, signatures.OnImages)
    }
    prior = getattr(model, "prior", None)
    return _fitting("the model", found, flags, prior.described() if prior else {}, trained)


def _of_training(sides, sizes, scale):
    """Of a model that takes any size the height and width of what was made in training, else None; and its scale."""
    return ((sides[0] * scale, sides[1] * scale) if sizes else None, scale)


def _fitting(model, found, flags, noise, trained):
    """The first that fits.

    Args:
        found: name -> a function that gives (function, input specs, outputs).
        trained: name -> what `_of_training` says.
    """
    noise = noise if flags.noise == "auto" else {"law": flags.noise}
    names = ", ".join(sorted(found)) or "none"
    if flags.signature and flags.signature not in found:
        raise InputError(f"{model} has no signature {flags.signature}, only {names}; choose one of them")
    wants_z = "ppl" in flags.metrics.split(",")  # which walks from z to z
    for name in [flags.signature] if flags.signature else sorted(found, key=lambda n: (_PREFERRED.get(n, 2), n)):
        generator = _as_generator(model, name, *found[name](), flags, noise, *trained.get(name, (None, 1)))
        if generator is None or (wants_z and generator.kind != "z"):
            continue
        if flags.truncation is None or "truncation" in generator.inputs:
            return generator
    wanted = "from z, for ppl" if wants_z else "from noise or images"
    wanted += ", with an input `truncation`" if flags.truncation is not None else ""
    raise InputError(
        f"{model} has no signature that makes images [B, H, W, C] {wanted}, among {flags.signature or names}; choose "
        "another model or --signature"
    )


def _as_generator(model, name, function, specs, outputs, flags, noise, trained, scale):
    """None where the signature does not make images of what is known here."""
    made = {n: spec for n, spec in outputs.items() if spec.dtype.is_floating and spec.shape.rank in (4, None)}
    output = "generated" if "generated" in made else min(made, default=None)  # a SavedModel keeps them in no order
    inputs = {}
    for spec in specs:
        known = spec.name in signatures.NAMES and spec.name not in ("z", "image")
        role = spec.name if known else {2: "z", 4: "image"}.get(spec.shape.rank)
        if role is None or role in inputs or (role in ("z", "image") and not spec.dtype.is_floating):
            return None
        inputs[role] = spec
    drawn = set(_SEEDS) & set(inputs)
    from_noise = drawn in ({"z"}, {"count", "seed"}) and set(inputs) <= {*_SEEDS, "label", "truncation"}
    # A request of `sample` has one text, and examples have one each.
    from_noise |= drawn == {"z"} and set(inputs) <= {"z", "text", "truncation"}
    from_image = not drawn and "image" in inputs
    if output is None or not (from_noise or from_image):
        return None
    dim = inputs["z"].shape[-1] if "z" in inputs else None
    shape = tuple(made[output].shape[1:]) if made[output].shape.rank else (None, None, None)
    shape = (*trained, shape[2]) if trained and shape[:2] == (None, None) else shape
    if from_image and shape[0] and inputs["image"].shape[1]:
        scale = max(1, shape[0] // inputs["image"].shape[1])
    return Generator(
        model, name, function, inputs, output, shape, flags, scale,
        latent.Prior(dim, **noise) if dim else None,
    )  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Settings:
    """How data is read; None: as the model's metadata says, else by `data_for`'s defaults."""

    dataset: str | None = None
    data_dir: str | None = None
    kind: str | None = None
    direction: str | None = None
    channels: int | None = None
    fit: str | None = None
    value_range: str | None = None
    tiles: bool | None = None
    image_size: str | None = None
    masks: str | None = None


def trained_on(metadata):
    """The `Settings` that the metadata of an export tells of its training; what it does not tell is None.

    Clips are read as single pictures, since what makes pictures of pictures is asked for one at a time.
    """
    data, config = (found if isinstance(found := metadata.get(name), dict) else {} for name in ("data", "config"))
    told = {"dataset": data.get("name"), "kind": "unpaired" if data.get("kind") == "frames" else data.get("kind")}
    told |= {field.name: config.get(field.name) for field in dataclasses.fields(Settings) if field.name not in told}
    kinds = {"channels": int, "tiles": bool}
    return Settings(**{name: value for name, value in told.items() if isinstance(value, kinds.get(name, str))})


def data_of(generator, given):
    """The data that a model is to be scored on, and how it is read.

    Args:
        generator: a `Generator`.
        given: `Settings` of the command; the model's metadata fills in what is None.

    Returns:
        `(Data, Settings)`, these without None where there is a default.

    Raises:
        InputError: neither says which data; it is gone; and what `data_for` raises.
    """
    told = trained_on(generator.metadata)
    whole = {name: value if value is not None else getattr(told, name) for name, value in vars(given).items()}
    if whole["dataset"] is None:
        raise InputError(f"{generator.name} does not say what it was trained on; give --dataset")
    if given.kind is None and whole["kind"] not in _fitting_kinds(generator):
        whole["kind"] = None  # it was trained on data of another form than its signature asks for
    whole["kind"], whole["direction"] = whole["kind"] or "auto", whole["direction"] or "a_to_b"
    if given.kind != "low_high" and generator.scale == 1:
        for flag in ("tiles", "image_size"):
            if getattr(given, flag) is not None:
                raise InputError(f"--{flag.replace('_', '-')} is for models that enlarge pictures; leave it out")
    try:
        data = data_for(generator, **whole)
        untold = dataclasses.replace(given, data_dir=None) == Settings()
        if untold and whole["kind"] == told.kind and _changed(generator.metadata, data):
            print(f"  {data.name} has changed since {generator.name} was trained on it")
        return data, Settings(**whole)
    except InputError as error:
        if given.dataset is None and f"{whole['dataset']} is neither a folder" in str(error):
            raise InputError(
                f"{generator.name} was trained on {whole['dataset']}, which is not there; give --dataset"
            ) from error
        raise


def _changed(metadata, data):
    before = metadata["data"].get("fingerprint")
    return isinstance(before, str) and before != data.fingerprint


def _fitting_kinds(generator):
    for name, kind in _KIND_WITH.items():
        if name in generator.inputs:
            return (kind,)
    if generator.scale > 1:
        return ("low_high",)
    kinds = {"image": ("pairs", "unpaired")}.get(generator.kind, ("images", "labelled"))
    return kinds[1:] if generator.has_labels else kinds


def data_for(
    generator,
    *,
    dataset,
    data_dir=None,
    kind="auto",
    direction="a_to_b",
    channels=None,
    fit=None,
    value_range=None,
    tiles=None,
    image_size=None,
    masks=None,
):
    """The data set in the form and size of a generator's images.

    Args:
        generator: a `Generator`.
        dataset, data_dir, direction, channels, fit: as `data.images` takes them.
        value_range: likewise, as text: `0,4095`.
        tiles: as `low_high` takes it.
        image_size: of the large pictures of `low_high`, as text: `160`, or height x width. By default the generator's.
        masks: of masked ones, as `data.masked.masked` takes it; by default strokes.
        kind: of `KINDS`; auto: what the generator needs.

    Raises:
        InputError: data of another kind or other channels.
    """
    name = generator.name
    fits = _fitting_kinds(generator)
    kind = fits[0] if kind == "auto" else kind
    if kind not in fits:
        raise InputError(f"--kind={kind} does not fit {name} and its signature; give {' or '.join(fits)}")
    shape = generator.shape
    if None in shape and generator.kind == "image":
        raise InputError(f"{name} does not say what size its images are; export it with a fixed shape")
    if None in shape:
        shape = generator.make(np.random.default_rng(0), 1, np.zeros(1, int) if generator.has_labels else None).shape[
            1:
        ]
    if len(shape) != 3 or shape[2] not in COLOURS:
        raise InputError(f"{name} makes images of {list(shape)}; expected [H, W, C] with 1, 3 or 4 channels")
    if generator.kind == "image":
        taken = generator.inputs["image"].shape[1:]
        expected = (*(n // generator.scale for n in shape[:2]), shape[2])
        if not taken.is_compatible_with(expected):
            raise InputError(f"{name} takes images of {taken.as_list()} and makes {list(shape)}; expected the same")
    how = {"image_size": shape[:2], "channels": channels, "data_dir": data_dir, "fit": fit}
    how |= {"value_range": decoding.as_range(value_range)}
    how |= {"direction": direction} if kind in ("pairs", "instances") else {}
    if kind == "low_high":
        how |= {"scale": generator.scale, "tiles": bool(tiles)}
        how |= {"image_size": _size_of(image_size)} if image_size else {}
    how |= {"masks": masks or "strokes"} if kind == "masked" else {}
    data = KINDS[kind](dataset, **how)
    has = next(iter(data.shapes.values()))[-1]
    if has != shape[2]:
        raise InputError(
            f"{name} makes {COLOURS[shape[2]]} images and {dataset} has {COLOURS[has]} ones; convert them with "
            f"--channels={shape[2]}, or choose another data set"
        )
    return data


def _size_of(text):
    try:
        height, *width = (int(part) for part in text.lower().split("x"))
        (width,) = width or [height]
    except ValueError:
        raise InputError(f"--image-size={text} is no size; give one number, 160, or height x width, 160x240") from None
    return height, width


class Source:
    """Real images and those of a generator, in batches, as 8 bits hold them, in [-1, 1].

    A generator that translates is given the columns of an example that its signature names, and its answer is compared
    with the column `target`. Of unpaired data that is paired after all, `a` is the image and `b` the target; the other
    way round for the signature `b_to_a`.

    Args:
        generator: a `Generator`.
        data: `Data` of its form and size.
        split: train, test or all.
        flags: `Measures`: count, real_count, batch_size, seed.

    Raises:
        InputError: more examples are asked for than there are, or they lack a column that the signature names.
    """

    def __init__(self, generator, data, split, flags):
        self.generator, self.data, self.split, self.flags = generator, data, split, flags
        self.name, self.has_labels, self.has_texts = generator.name, generator.has_labels, generator.has_texts
        self.translates = generator.kind == "image"
        a, b = ("b", "a") if generator.signature.startswith("b_to_a") else ("a", "b")
        self.called = {"image": a, "target": b} if data.kind == "unpaired" else {}  # name of an input -> of a column
        columns = _parts(data, split)[0].columns  # those held out of several domains have more than those of training
        self.has_targets = "target" in columns or (data.kind == "unpaired" and split == "test" and data.test_is_paired)
        needed = ["text"] if self.has_texts and not self.translates else []
        missing = [name for name in (*generator.columns, *needed) if self._column(name) not in columns]
        self.has_labels |= bool(needed) and "label" in columns  # what a text is of
        if missing:
            takes = ", ".join((*generator.columns, *needed))
            raise InputError(
                f"{generator.name}: its signature {generator.signature} takes {takes}, and "
                f"{data.name} has {', '.join(columns)}; choose another --signature, --kind or data set"
            )
        self.real = self._column("target" if self.translates else "image")  # the column that is compared with
        if self.real not in columns:
            raise InputError(f"{data.name} has {', '.join(columns)} and no {self.real}; choose another data set")
        self.shape = tuple(columns[self.real].batch_spec.shape)
        self.batch_size = _at_once(flags, self.shape)
        there = _count(data, split)
        self.real_count = there if flags.real_count is None else flags.real_count
        self.count = self.real_count if flags.count is None else flags.count
        of_examples = self.translates or self.has_texts
        for flag, count in (("real-count", self.real_count), ("count", self.count if of_examples else 0)):
            if count > there:
                raise InputError(f"--{flag}={count}, and {data.name} has {there} {split} examples; give fewer")

    def _column(self, name):
        return self.called.get(name, name)

    def reals(self):
        """Batches `(images, labels or None)`, `real_count` in all; of pairs the targets."""
        for example in _examples(self.data, self.split, self.real_count, self.batch_size):
            yield example[self.real], example["label"] if self.has_labels else None

    def fakes(self):
        """Batches `(images, labels or None, example or None)`, `count` in all, of each label as many.

        Where pictures are translated the example has its `image`, and its `target` where there is one. Where they are
        told by a text they are of the texts of as many examples, and of their labels where these are known.
        """
        if self.translates:
            for example in _examples(self.data, self.split, self.count, self.batch_size):
                given = {name: example[self._column(name)] for name in self.generator.columns}
                known = {"target": example[self.real]} if self.has_targets else {}
                yield self._made(self.generator.translate(given)), None, {"image": given["image"], **known}
            return
        rng = np.random.default_rng(self.flags.seed)
        if self.has_texts:
            for example in _examples(self.data, self.split, self.count, self.batch_size):
                made = self.generator.make(rng, len(example["text"]), text=example["text"])
                yield self._made(made), example.get("label"), None
            return
        classes = len(self.data.classes) if self.generator.has_labels else 0
        per_turn = classes if classes and self.generator.kind == "sample" else 1  # a request of `sample` has one label
        turns = per_turn * -(-self.count // (per_turn * self.batch_size))
        made = 0
        for i in range(turns):
            n = self.count // turns + (i < self.count % turns)
            if not n:
                return
            label = np.arange(made, made + n) % classes if classes else None
            if classes and per_turn > 1:
                label = np.full([n], i % classes)
            yield self._made(self.generator.make(rng, n, label)), label, None
            made += n

    def stamp(self):
        """Its part of a protocol."""
        generator = self.generator
        return {
            "task": self._task(),
            "signature": generator.signature if self.translates else None,
            "dataset": self.data.name,
            "kind": self.data.kind,
            **({"masks": self.data.masks} if self.data.kind == "masked" else {}),
            "split": self.split,
            "image_shape": list(self.shape),
            "pixels": "8 bits",
            "seed": self.flags.seed,
            "noise": generator.prior.described() if generator.kind == "z" else None,
            "truncation": self.flags.truncation,
            "ema": generator.metadata.get("ema"),
        }

    def _task(self):
        if self.translates:
            return "image to image"
        return "noise and text" if self.has_texts else "noise and label" if self.generator.has_labels else "noise"

    def _made(self, image):
        if image.shape[1:] != self.shape:
            raise InputError(f"{self.generator.name} makes {list(image.shape[1:])}, the data is {list(self.shape)}")
        return np.round(np.clip(image * 127.5 + 127.5, 0, 255)).astype(np.float32) / np.float32(127.5) - 1


class Files:
    """Pictures of a folder in the place of a model's, and real ones: what `measure.Measurement` takes of `Source`.

    Args:
        folder: of the pictures that were made. All that are in it are meant, and their size is that of the first.
        given: `Settings` of the real ones; `dataset` is a must.
        split: of the real ones.
        flags: `Measures`: count, real_count, batch_size, seed.

    Raises:
        InputError: no pictures, too few, or of other channels than the real ones.
    """

    generator, has_labels, has_texts, translates, has_targets = None, False, False, False, False

    def __init__(self, folder, given, split, flags):
        how = {"image_size": _size(folder), "data_dir": given.data_dir, "fit": given.fit, "channels": given.channels}
        self.made, self.data = images.images(folder, **how), images.images(given.dataset, **how)
        self.name, self.split, self.flags = str(folder), split, flags
        self.shape, has = (data.shapes["image"] for data in (self.data, self.made))
        self.batch_size = _at_once(flags, self.shape)
        if self.shape != has:
            raise InputError(
                f"{folder} has {COLOURS[has[2]]} images and {given.dataset} {COLOURS[self.shape[2]]} ones; convert "
                "both with --channels"
            )
        counts = {"real-count": _count(self.data, split), "count": _count(self.made, "all")}
        for flag, there in counts.items():
            asked = getattr(flags, flag.replace("-", "_"))
            if asked is not None and asked > there:
                raise InputError(f"--{flag}={asked}, and there are {there} pictures; give fewer")
            counts[flag] = there if asked is None else asked
        self.real_count, self.count = counts["real-count"], counts["count"]

    def reals(self):
        """As of `Source`, without labels."""
        for example in _examples(self.data, self.split, self.real_count, self.batch_size):
            yield example["image"], None

    def stamp(self):
        """As of `Source`."""
        return {
            "task": "pictures", "dataset": self.data.name, "kind": self.data.kind, "split": self.split,
            "image_shape": list(self.shape), "pixels": "8 bits", "seed": self.flags.seed,
        }  # fmt: skip

    def fakes(self):
        """As of `Source`, without labels or examples."""
        for example in _examples(self.made, "all", self.count, self.batch_size):
            yield example["image"], None, None


def _size(folder):
    """Height and width of the first picture of a folder that can be read."""
    if not Path(folder).is_dir():
        raise InputError(f"--pictures={folder} is no folder; give one of pictures")
    splits = layouts.single(folders.walk(Path(folder))).splits
    for _, (file, *_) in (item for items in splits.values() for item in items):
        try:
            with Image.open(file) as image:
                return ImageOps.exif_transpose(image).size[::-1]
        except Exception:  # Pillow raises a dozen kinds on broken files
            continue
    raise InputError(f"--pictures={folder} holds no picture that can be read; give another folder")


def _at_once(flags, shape):
    return pictures.few(shape) if flags.batch_size is None else flags.batch_size


def _parts(data, split):
    return [data.train, data.test] if split == "all" else [getattr(data, split)]


def _count(data, split):
    return sum(min(part.counts) for part in _parts(data, split))


def _examples(data, split, count, batch_size):
    """Examples as dicts of batches, `count` in all."""
    for part in _parts(data, split):
        for batch in batches.in_order(part, batch_size).as_numpy_iterator():
            if count <= 0:
                return
            batch = batch if isinstance(batch, dict) else {next(iter(data.columns)): batch}
            yield {name: column[:count] for name, column in batch.items()}
            count -= len(next(iter(batch.values())))
