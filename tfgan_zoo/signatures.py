"""What exported models are asked and what they answer: names, checks, and signatures that several families share.

A signature is a function and the `tf.TensorSpec`s of its inputs. It returns a dict of float32 or string tensors.
"""

import dataclasses
import json
import re
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from tfgan_zoo import base, errors, layers, random, served_files
from tfgan_zoo.errors import InputError

MAX_COUNT = 1024  # pictures one `sample` request may ask for
MAX_ITERATIONS = 10_000  # that one request may ask for


class Name(NamedTuple):
    """What a tensor of this name means, wherever it is an input or an output.

    Attributes:
        meaning: for the model card.
        example: `(shape, rng) -> array`, a request that fits.
        control: how the gallery asks a person for it; "": not at all.
    """

    meaning: str
    example: Callable
    control: str = ""


def _floats(shape, rng):
    return rng.uniform(-1, 1, shape)


def _numbers(shape, rng):
    """0, 1, 0, 1 ...: numbers of classes that every model with labels has."""
    return np.resize([0, 1], shape)


def _ids(shape, rng):
    return rng.integers(0, 3, shape)


def _id_files(shape, rng):
    def one():
        return tf.io.encode_png(rng.integers(0, 3, [20, 12, 1], np.uint16)).numpy()

    return np.array([one() for _ in range(int(np.prod(shape)))], object).reshape(shape)


def _files(shape, rng):
    def one():
        return tf.io.encode_png(rng.integers(0, 256, [20, 12, 3], np.uint8)).numpy()

    return np.array([one() for _ in range(int(np.prod(shape)))], object).reshape(shape)


NAMES = {
    # Inputs.
    "z": Name("noise, as `sample` draws it", _floats, "noise"),
    "z1": Name("noise, of the styles of the first layers", _floats, "noise"),
    "z2": Name("noise, of the styles of the layers from `crossover` on", _floats, "noise"),
    "crossover": Name("number of the first layer that is not styled by z1, from 0",
                      lambda shape, rng: np.full(shape, 2), "number"),
    "w": Name("styles, one per layer, as `mapping` answers them", _floats),
    "image": Name("pictures in [-1, 1]", _floats, "image"),
    "frames": Name("pictures in [-1, 1], in the order of time", _floats),
    "image_bytes": Name("PNG or JPEG files, of any size", _files),
    "mask_bytes": Name("PNG or JPEG files, white where the picture is known, black in the hole", _files),
    "instance_bytes": Name("PNG files of ids, grey, of 8 or 16 bits, as large as the pictures", _id_files),
    "point": Name("points, on the scale of the data", _floats),
    "mask": Name("1 where the picture is known, 0 in the hole", lambda shape, rng: rng.integers(0, 2, shape), "mask"),
    "instance": Name("ids of instances: pixels with the same number are one", _ids, "instance"),
    "label": Name("number of a class, from 0", _numbers, "label"),
    "domain": Name("number of the domain to translate to, from 0", _numbers, "domain"),
    "category": Name("values of the categorical codes, from 0", _numbers, "number"),
    "continuous": Name("values of the continuous codes; trained from -1 to 1", _floats, "codes"),
    "text": Name("a caption", lambda shape, rng: np.full(shape, b"a", object), "text"),
    "truncation": Name("1: as trained; towards 0: nearer to the mean picture", lambda shape, rng: np.full(shape, 0.7),
                       "truncation"),
    "count": Name(f"how many, 1 to {MAX_COUNT}", lambda shape, rng: np.full(shape, 2), "count"),
    "iterations": Name(f"steps of a search, 1 to {MAX_ITERATIONS}", lambda shape, rng: np.full(shape, 2)),
    "seed": Name("any; the same gives the same", lambda shape, rng: np.zeros(shape), "seed"),
    # Outputs, whose names no input has: some converters and runtimes have one space of names for both.
    "generated": Name("pictures in [-1, 1], or points on the scale of the data, that the model made", _floats),
    "generated_bytes": Name("PNG files of them", _files),
    "code": Name("what a picture is encoded as; `decode` takes it as z", _floats),
    "representation": Name("the code moved by the head of its cluster, as it is plotted", _floats),
    "code_deviation": Name("the standard deviation of the code, given the picture", _floats),
    "code_logits": Name("of the discriminator of codes; the higher, the more it looks drawn from the prior", _floats),
    "styles": Name("one per layer, as `synthesis` takes them as w", _floats),
    "embedding": Name("of a caption, as the networks are told it", _floats),
    "log_likelihood": Name("log p(image) in nats", _floats),
    "bound": Name("a lower bound of log p(image) in nats", _floats),
    "energy": Name("free energy: -log p(image) plus a constant, in nats", _floats),
    "logits": Name("of the discriminator; the higher, the more real", _floats),
    "class_logits": Name("one per class, of the part of the discriminator that tells classes", _floats),
    "loss": Name("of what was found for each example; the lower, the better it fits", _floats),
    "class_probabilities": Name("of each class", _floats),
    "category_probabilities": Name("of each value of the categorical codes, one code after the other", _floats),
    "continuous_mean": Name("of the continuous codes, as they are inferred", _floats),
    "continuous_deviation": Name("the standard deviation of what is inferred", _floats),
}  # fmt: skip


def example(spec, count=1, sides=(16, 16)):
    """A request's array for an input `spec`: `count` examples, of the sort that its name in `NAMES` says.

    Unknown heights and widths of pictures are `sides`, other unknown dimensions but the batch 16. The same names and
    counts give the same arrays.
    """
    free = [16, *sides, 16] if spec.shape.rank == 4 else [16] * (spec.shape.rank or 0)
    shape = [other if d is None else d for d, other in zip(spec.shape, free, strict=True)]
    if spec.shape.rank and spec.shape[0] is None:
        shape[0] = count
    if spec.name == "count":
        return np.full(shape, count, spec.dtype.as_numpy_dtype)
    known = NAMES.get(spec.name) or Name("", _files if spec.dtype == tf.string else _floats)
    array = known.example(shape, np.random.default_rng([count, *spec.name.encode()]))
    return array if spec.dtype == tf.string else array.astype(spec.dtype.as_numpy_dtype)


def code(spec, prior=None, sides=(1, 1)):
    """Python that makes one example of an input `spec`, for a person to copy; z by the law that `prior` says.

    Unknown heights and widths of pictures are `sides`, other unknown dimensions 1.
    """
    free = [1, *sides, 1] if spec.shape.rank == 4 else [1] * (spec.shape.rank or 0)
    shape = [other if d is None else d for d, other in zip(spec.shape, free, strict=True)]
    if spec.name == "z" and prior is not None and prior.law == "normal":
        return f"tf.random.normal({shape})"
    if spec.name == "z" and prior is not None:
        low, high = prior.ends
        return f"tf.random.uniform({shape}, {low}, {high})"
    if spec.dtype == tf.string:
        return f"tf.constant({['...'] if spec.shape.rank else '...'!r})"
    if spec.name == "truncation":
        return f"tf.fill({shape}, 1.0)"  # 0 would be the mean picture
    if spec.dtype == tf.float32:
        return f"tf.zeros({shape})"
    return f"tf.zeros({shape}, tf.{spec.dtype.name})"


def noise_to_image(generator, discriminator, prior, num_classes=0):
    """Signatures of a family that maps noise, and maybe a label, to images.

    Where it maps noise to points `[B, dim]`, the discriminator's input is named `point` and nothing is a PNG.

    Args:
        generator: `z [B, dim] -> image [B, H, W, C]`; with labels `[z, label [B]] -> image`.
        discriminator: `image -> logits [B, 1]`; with labels `[image, label] -> logits`.
        prior: the `latent.Prior` of z.
        num_classes: labels are 0 ... num_classes - 1, and a request for another fails; 0: no labels.

    Returns:
        `serving_default(z)`, `sample(count, seed)`, `sample_png(count, seed)`, `discriminate(image)`; with labels each
        takes a `label` more: one per example, or for `sample` and `sample_png` one for all.
    """
    what = "point" if len(generator.output_shape) == 2 else "image"

    def generate(z, label=None):
        return generator(base.given(z, known(label, num_classes, z)), training=False)

    def discriminate(example, label=None):
        return discriminator(base.given(example, known(label, num_classes, example)), training=False)

    z = tf.TensorSpec([None, prior.dim], tf.float32, name="z")
    example = tf.TensorSpec([None, *generator.output_shape[1:]], tf.float32, name=what)
    labels = [tf.TensorSpec([None], tf.int64, name="label")] if num_classes else []
    served = {
        "serving_default": (lambda *given: {"generated": generate(*given)}, [z, *labels]),
        **sampling(
            lambda count, *label: generate(prior.draw(count), *(tf.fill([count], one) for one in label)), labels
        ),
        "discriminate": (lambda *given: {"logits": discriminate(*given)}, [example, *labels]),
    }
    if what == "point":
        del served["sample_png"]
    return served


def sampling(draw, labels=()):
    """The signatures `sample(count, seed)` and `sample_png(count, seed)` of what needs no input.

    Args:
        draw: `count -> image [count, H, W, C]`; it may draw from `random`: a stream of the request's seed is open. It
            is given what `labels` name more, a scalar each.
        labels: `tf.TensorSpec`s of inputs of a number per example; here one stands for all.
    """

    def sample(count, seed, *told):
        count = _in_range(count)
        with random.stream(seed):
            return draw(count, *told)

    numbers = [tf.TensorSpec([], tf.int32, name="count"), tf.TensorSpec([], tf.int64, name="seed")]
    numbers += [tf.TensorSpec([], s.dtype, name=s.name) for s in labels]
    return {
        "sample": (lambda *given: {"generated": sample(*given)}, numbers),
        "sample_png": (lambda *given: {"generated_bytes": to_png(sample(*given))}, numbers),
    }


def auto_encoder(encode, decode, prior, image_shape):
    """Signatures of a family that has a code for each picture and a picture for each code.

    Args:
        encode: `image [B, H, W, C] -> code [B, dim]`; or `-> {"code", ...}`, whose further outputs are answered too.
        decode: `z [B, dim] -> image [B, H, W, C]` in [-1, 1].
        prior: the `latent.Prior` of z.
        image_shape: `(H, W, C)`.

    Returns:
        `serving_default(z)` and `decode(z)`, which are one, `encode(image)`, `reconstruct(image)`, and those of
        `sampling`.
    """

    def encoded(image):
        told = encode(image)
        return told if isinstance(told, dict) else {"code": told}

    z = [tf.TensorSpec([None, prior.dim], tf.float32, name="z")]
    image = [tf.TensorSpec([None, *image_shape], tf.float32, name="image")]
    return {
        "serving_default": (lambda z: {"generated": decode(z)}, z),
        "decode": (lambda z: {"generated": decode(z)}, z),
        "encode": (encoded, image),
        "reconstruct": (lambda image: {"generated": decode(encoded(image)["code"])}, image),
        **sampling(lambda count: decode(prior.draw(count))),
    }


def style_signatures(mapping, synthesis, discriminator, average, prior, layers, image_shape, *, cutoff=None):
    """Signatures of a family whose generator is told a style per layer.

    Args:
        mapping: `z [B, dim] -> w [B, width]`.
        synthesis: `w [B, layers, width] -> image [B, H, W, C]`, the same for the same w.
        discriminator: `image -> logits [B, 1]`.
        average: the mean of w, a variable [width].
        prior: the `latent.Prior` of z.
        layers: how many styles the generator takes.
        image_shape: `(H, W, C)`.
        cutoff: how many of the first layers are truncated; None: all.

    Returns:
        `serving_default(z, truncation)`, `sample(count, seed)` and `sample_png(count, seed)`, which truncate nothing,
        `style_mix(z1, z2, crossover)`, `mapping(z)`, `synthesis(w)`, `discriminate(image)`.
    """

    def styles(z):
        return tf.repeat(mapping(z)[:, None], layers, axis=1)

    def before(layer):  # [layers, 1]
        return (tf.range(layers) < layer)[:, None]

    def truncated(z, truncation):
        w = styles(z)
        nearer = truncation * w + (1.0 - truncation) * tf.convert_to_tensor(average)  # w itself, where it is 1
        return synthesis(tf.where(before(layers if cutoff is None else cutoff), nearer, w))

    def mixed(z1, z2, crossover):
        in_range = (crossover >= 0) & (crossover <= layers)
        one_each = tf.shape(z1)[0] == tf.shape(z2)[0]
        checks = [
            tf.debugging.assert_equal(in_range, True, f"crossover must be from 0 to {layers}"),
            tf.debugging.assert_equal(one_each, True, "there must be one z2 per z1"),
        ]
        with tf.control_dependencies(_known_checks(checks)):
            first = tf.identity(z1)
        return synthesis(tf.where(before(crossover), styles(first), styles(z2)))

    def floats(name, *shape):
        return tf.TensorSpec(shape, tf.float32, name=name)

    z, w = floats("z", None, prior.dim), floats("w", None, layers, average.shape[0])
    both = [floats("z1", None, prior.dim), floats("z2", None, prior.dim)]
    return {
        "serving_default": (lambda *given: {"generated": truncated(*given)}, [z, floats("truncation")]),
        **sampling(lambda count: synthesis(styles(prior.draw(count)))),
        "style_mix": (
            lambda *given: {"generated": mixed(*given)},
            [*both, tf.TensorSpec([], tf.int32, name="crossover")],
        ),
        "mapping": (lambda z: {"styles": styles(z)}, [z]),
        "synthesis": (lambda w: {"generated": synthesis(w)}, [w]),
        "discriminate": (lambda image: {"logits": discriminator(image)}, [floats("image", None, *image_shape)]),
    }


def drawn_given_code(code_of, inputs, decode, encode, code, draw, image, seed):
    """Signatures of a family that draws pictures at random given a code, and has a code for each picture.

    Args:
        code_of: what `inputs` say -> code `[B, dim]`.
        inputs: `tf.TensorSpec`s, a row each per picture.
        decode: `code [B, dim] -> image [B, H, W, C]` in [-1, 1]; it may draw from `random`.
        encode: `image -> {name: output}`.
        code: what `encode` answers -> code `[B, dim]`.
        draw: `count -> code [count, dim]` of the prior; it may draw from `random`.
        image: the `tf.TensorSpec` of pictures.
        seed: of what is drawn where a request gives none: the same numbers for each picture.

    Returns:
        `serving_default(*inputs)` and `reconstruct(image)`, always with the same random numbers; `decode(*inputs,
        seed)`, `encode(image)`, and those of `sampling`.
    """

    def alike(code):
        with random.stream(seed, shared=True):
            return {"generated": decode(code)}

    def seeded(*given):
        with random.stream(given[-1]):
            return {"generated": decode(code_of(*given[:-1]))}

    return {
        "serving_default": (lambda *given: alike(code_of(*given)), list(inputs)),
        "decode": (seeded, [*inputs, tf.TensorSpec([], tf.int64, name="seed")]),
        "encode": (encode, [image]),
        "reconstruct": (lambda image: alike(code(encode(image))), [image]),
        **sampling(lambda count: decode(draw(count))),
    }


def known(label, num_classes, examples, name="label"):
    """`label [B]`, of which a request fails unless each is from 0 to `num_classes` - 1 and there is one per example.

    Args:
        label: integers, or None, which stays None.
        num_classes: how many there are.
        examples: `[B, ...]`.
        name: of the input, for the message.
    """
    if label is None:
        return None
    in_range = (label >= 0) & (label < num_classes)
    one_each = tf.shape(label)[0] == tf.shape(examples)[0]
    checks = [
        tf.debugging.assert_equal(in_range, True, f"{name} must be from 0 to {num_classes - 1}"),
        tf.debugging.assert_equal(one_each, True, f"there must be one {name} per example"),
    ]
    with tf.control_dependencies(checks):
        return tf.identity(label)


def _in_range(count):
    return _checked(count, "count", MAX_COUNT)


def iterations_in_range(iterations):
    """`iterations`, of a request, and a request for fewer than 1 or more than `MAX_ITERATIONS` fails."""
    return _checked(iterations, "iterations", MAX_ITERATIONS)


def _checked(number, name, most):
    in_range = (number >= 1) & (number <= most)
    with tf.control_dependencies([tf.debugging.assert_equal(in_range, True, f"{name} must be from 1 to {most}")]):
        return tf.identity(number)


class Sizes(NamedTuple):
    """The sizes of pictures that a network takes: both sides multiples of `multiple`, `least` pixels or more."""

    multiple: int = 1
    least: int = 1

    def __str__(self):
        return f"multiples of {self.multiple}" + (f", {self.least} or more" if self.least > self.multiple else "")

    def fitting(self, side):
        """The least side that fits, of an int or an integer tensor `side` or more."""
        taken_up = -(-side // self.multiple) * self.multiple
        return tf.maximum(taken_up, self.least) if tf.is_tensor(side) else max(taken_up, self.least)


def any_size(network):
    """The `Sizes` that a built network of pictures takes beside the one that it was built for, or None: that one alone.

    It takes others if nothing in it is bound to a size. Its coarsest layer says of how many pixels the sides must be
    multiples.

    Args:
        network: a functional Keras model. Of its inputs all pictures have the same sides.
    """
    if network not in _SIZES:  # every call of a translator asks, and a graph is traced to know
        _SIZES[network] = _any_size(network)
    return _SIZES[network]


_SIZES = weakref.WeakKeyDictionary()


def _any_size(network):
    inputs = getattr(network, "inputs", None) or []
    sides = next((x.shape[1:3] for x in inputs if len(x.shape) == 4), (None, None))
    if None in sides:
        return None
    multiple = least = 1
    for layer in network._flatten_layers(include_self=False):
        for node in layer._inbound_nodes:
            maps = [x.shape for x in node.output_tensors if len(x.shape) == 4 and None not in x.shape[1:3]]
            coarse = [round(n / m) for shape in maps for n, m in zip(sides, shape[1:3], strict=True)]
            multiple = max([multiple, *coarse])
            if any(_is_per_pixel(tuple(w.shape), shape) for w in layer.weights for shape in maps):
                return None
            if isinstance(layer, layers.ReflectionPadding2D):  # of n pixels needs n + 1
                inner = [m - 2 * layer.n for m in maps[0][1:3]]
                least = max([least, *(round(n / m) * (layer.n + 1) for n, m in zip(sides, inner, strict=True))])
    given = [
        tf.TensorSpec([None, None, None, x.shape[3]] if tuple(x.shape[1:3]) == tuple(sides) else x.shape, x.dtype)
        for x in inputs
    ]
    with random.stream(0, shared=True):
        traced = tf.function(lambda *x: network(list(x) if len(x) > 1 else x[0]), autograph=False)
        made = tf.nest.flatten(traced.get_concrete_function(*given).structured_outputs)
    if any(len(x.shape) != 4 or x.shape[1:3].as_list() != [None, None] for x in made):
        return None
    return Sizes(multiple, -(-least // multiple) * multiple)


def _is_per_pixel(weight, shape):
    """Whether a weight has numbers for each pixel of a map `[B, h, w, C]`."""
    weight = weight[1:] if len(weight) == 4 and weight[0] == 1 else weight
    return len(weight) == 3 and weight[:2] == shape[1:3] and max(shape[1:3]) > 1


def image_to_image(translate, image_shape, sizes=None, *, scale=1, more=()):
    """The pair of signatures of `translate: image [B, H, W, C], ... -> image`: arrays, and files in their own format.

    Args:
        translate: its inputs are those of `more`, too, behind the picture.
        image_shape: `(H, W, C)`, those of training.
        sizes: the `Sizes` that it takes as well, of `any_size`; None: no other than `image_shape`.
        scale: how many times higher and wider its answer is.
        more: `tf.TensorSpec`s of further inputs, a row each per example: numbers (`domain`), or pictures
            `[None, H, W, 1]` that are as high and wide as the first (`mask`, `instance`).

    Returns:
        `(on_images, on_bytes)`; the second takes PNG or JPEG files and returns PNG files: `OnFiles`. Of what is a
        picture in `more` it takes files, too: `mask_bytes`.
    """
    height, width = (None, None) if sizes else image_shape[:2]
    free = [tf.TensorSpec([None, height, width, image_shape[2]], tf.float32, name="image")]
    free += [
        tf.TensorSpec([None, height, width, s.shape[3]], s.dtype, name=s.name) if _is_picture(s) else s for s in more
    ]
    files = [tf.TensorSpec([None], tf.string, name=f"{s.name}_bytes") if _is_picture(s) else s for s in free]
    on_images = OnImages(translate, tuple(image_shape), sizes, scale, tuple(free))
    return (on_images, free), (OnFiles(on_images, "none" if sizes else "crop"), files)


def told(version):
    """The `metadata.json` of an export, {} where there is none.

    Raises:
        InputError: it cannot be read.
    """
    path = Path(version) / "metadata.json"
    try:
        known = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        if not isinstance(known, dict):
            raise ValueError("no object")
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read ({errors.first_line(error)}); mend it or move it away") from error
    return known


def told_sizes(metadata, signature):
    """What the `metadata.json` of an export tells of a signature's pictures.

    Returns:
        `(trained, sizes, scale)`: the height and width of training, `Sizes`, and how many times larger the answer is;
        `(None, None, 1)` where it tells nothing.
    """
    try:
        told = metadata["signatures"][signature]["sizes"]
        height, width, scale = (int(n) for n in (*told["trained"], told["scale"]))
        sizes = Sizes(int(told["multiple"]), int(told["least"])) if "multiple" in told else None
        if min(height, width, scale, *(sizes or ())) < 1:
            return None, None, 1
    except (KeyError, TypeError, ValueError):
        return None, None, 1
    return (height, width), sizes, scale


def told_fit(metadata):
    """How pictures of another shape are made to fit, as `metadata.json` says; "crop" where it does not."""
    files = metadata.get("picture_files")
    fit = files.get("fit") if isinstance(files, dict) else None
    return fit if fit in list(served_files.FITS) else "crop"  # a list, since what it says may be anything


def told_names(metadata, name):
    """The names that `metadata.json` has for the numbers of an input `label` or `domain`, from 0; [] for none."""
    data = metadata.get("data")
    for key in {"label": ("classes",), "domain": ("domains", "classes")}[name]:
        names = data.get(key) if isinstance(data, dict) else None
        if isinstance(names, list) and names:
            return [str(one) for one in names]
    return []


def refusal(error):
    """What a signature says that refuses a request: of a `tf.errors.OpError`, whose rest is about the graph."""
    asserted = re.search(r"assertion failed: \[([^\]]*)\]", str(error))
    return asserted[1].strip() if asserted else errors.first_line(error)[:160]


def _is_picture(spec):
    return spec.shape.rank == 4


def frames_to_image(predict, image_shape, count):
    """The signature of `predict: frames [B, count, H, W, C] -> the next image [B, H, W, C]`."""
    frames = tf.TensorSpec([None, count, *image_shape], tf.float32, name="frames")
    return lambda frames: {"generated": predict(frames)}, [frames]


@dataclasses.dataclass(frozen=True)
class OnImages:
    """The function of a signature `image [B, H, W, C], ... -> generated [B, scale * H, scale * W, C']`.

    Attributes:
        translate, image_shape, sizes, scale: as `image_to_image` takes them.
        specs: of all inputs, None for sides that are free.
    """

    translate: Callable
    image_shape: tuple
    sizes: Sizes | None
    scale: int
    specs: tuple

    def __call__(self, *inputs):
        sides, checks = tf.shape(inputs[0])[1:3], []
        if self.sizes:
            fits = (sides % self.sizes.multiple == 0) & (sides >= self.sizes.least)
            checks.append(tf.debugging.assert_equal(fits, True, f"image must have sides that are {self.sizes}"))
        for value, spec in zip(inputs[1:], self.specs[1:], strict=True):
            if _is_picture(spec):
                says = f"{spec.name} must be as high and as wide as image"
                checks.append(tf.debugging.assert_equal(tf.shape(value)[1:3], sides, says))
        with tf.control_dependencies([*_known_checks(checks), *self.one_each(inputs)]):
            return {"generated": self.translated(*map(tf.identity, inputs))}

    def one_each(self, inputs):
        """Checks that there is a row of each input for each picture."""
        count = tf.shape(inputs[0])[0]
        return _known_checks(
            tf.debugging.assert_equal(tf.shape(value)[0], count, f"there must be one {spec.name} per image")
            for value, spec in zip(inputs[1:], self.specs[1:], strict=True)
        )

    def translated(self, *inputs):
        """`translate`, of pictures of any size that fits."""
        known = [tuple(x.shape[1:3]) for x, s in zip(inputs, self.specs, strict=True) if _is_picture(s)]
        if all(None in sides or sides == self.image_shape[:2] for sides in known):
            return self.translate(*inputs)
        # A Keras model refuses another size than its own, and takes one that is not known.
        traced = tf.function(self.translate, input_signature=self.specs, autograph=False)
        return traced.get_concrete_function()(*inputs)  # in a graph even where functions are run eagerly, to debug

    def described(self):
        """For `metadata.json`: the size of training, and which fit beside it."""
        told = {"trained": list(self.image_shape[:2]), "scale": self.scale}
        return told | (self.sizes._asdict() if self.sizes else {})


@dataclasses.dataclass(frozen=True)
class OnFiles:
    """The function of a signature `image_bytes [B], ... -> generated_bytes [B]`.

    Where the network takes any size, each picture is translated in its own, one after the other: mirrored at its right
    and lower edge up to a size that fits, and the answer is cut back.

    Attributes:
        on_images: the `OnImages` of the same translation.
        fit: `crop`, `stretch` or `pad` to the size of training, as `served_files.read` takes it, or `none`: own sizes.
            By default none where the network takes any size, or else crop.
        max_pixels: of a request's pictures together; more are refused undecoded.
        max_pixels_each: of a picture in its own size, counted as it is translated, and of a larger answer.
    """

    on_images: OnImages
    fit: str
    max_pixels: int = served_files.MAX_PIXELS
    max_pixels_each: int = served_files.MAX_PIXELS_EACH

    @property
    def keeps_sizes(self):
        """Whether the answer has the size of the picture."""
        return self.fit == "none"

    def __call__(self, *inputs):
        with tf.control_dependencies(self.on_images.one_each(inputs)):
            inputs = [tf.identity(value) for value in inputs]
        return {"generated_bytes": self._each(inputs) if self.keeps_sizes else self._all(inputs)}

    def described(self):
        """For `metadata.json`."""
        each = {"max_pixels_each": self.max_pixels_each} if self.keeps_sizes else {}
        return {"fit": self.fit, "max_pixels": self.max_pixels, **each}

    def _all(self, inputs):
        height, width, _ = self.on_images.image_shape

        def pictures(files, spec):
            if spec.name == "instance":
                return served_files.read_ids(files, height, width, self.fit, self.max_pixels)
            own = served_files.read(files, height, width, spec.shape[3], self.fit, self.max_pixels)
            return _as_mask(spec, own)

        pairs = zip(inputs, self.on_images.specs, strict=True)
        return to_png(self.on_images.translated(*(pictures(x, s) if _is_picture(s) else x for x, s in pairs)))

    def _each(self, inputs):
        columns = [
            served_files.headers_of(value, self.max_pixels, f"{spec.name}_bytes") if _is_picture(spec) else value
            for value, spec in zip(inputs, self.on_images.specs, strict=True)
        ]
        # One at a time: several at once would need the memory of all.
        return tf.map_fn(self._one, columns, parallel_iterations=1, fn_output_signature=tf.TensorSpec([], tf.string))

    def _one(self, row):
        on_images = self.on_images
        height, width = served_files.size_of(row[0][1])
        rows, across = on_images.sizes.fitting(height), on_images.sizes.fitting(width)
        most = tf.constant(self.max_pixels_each, tf.int64)
        says = f"a picture of image_bytes must have {self.max_pixels_each} pixels or less"
        says += f", its sides taken up to {on_images.sizes}" if on_images.sizes.multiple > 1 else ""
        says += f", made {on_images.scale} times as high and wide" if on_images.scale > 1 else ""
        checks = [tf.debugging.assert_less_equal(rows * across * on_images.scale**2, most, says)]
        for value, spec in zip(row[1:], on_images.specs[1:], strict=True):
            if _is_picture(spec):
                says = f"{spec.name}_bytes must be as high and as wide as image_bytes"
                checks.append(tf.debugging.assert_equal(served_files.size_of(value[1]), (height, width), says))

        def given(value, spec):
            if not _is_picture(spec):
                return value[None]
            if spec.name == "instance":
                return mirrored(served_files.read_one_of_ids(*value), rows, across)[None]
            own = served_files.read_one(tf.identity(value[0]), value[1], spec.shape[3])
            return mirrored(_as_mask(spec, own), rows, across)[None]

        with tf.control_dependencies(_known_checks(checks)):  # before anything is decoded
            made = on_images.translated(*(given(x, s) for x, s in zip(row, on_images.specs, strict=True)))
        return to_png(made[:, : height * on_images.scale, : width * on_images.scale])[0]


def _known_checks(checks):
    """Those that are still to be made: TensorFlow makes one at once where it knows enough, and gives None."""
    return [check for check in checks if check is not None]


def _as_mask(spec, picture):
    """A mask is 1, known, where its file is nearer to white."""
    return tf.cast(picture > 0, tf.float32) if spec.name == "mask" else picture


def mirrored(picture, height, width):
    """A picture `[h, w, C]` continued over its right and lower edge to `[height, width, C]`, mirrored at each edge.

    The pixel at an edge is not repeated. However small the picture is, it is mirrored as often as needed.
    """
    for axis, size in enumerate((height, width)):
        own = tf.cast(tf.shape(picture)[axis], tf.int64)
        period = tf.maximum(2 * own - 2, 1)
        at = tf.range(tf.cast(size, tf.int64)) % period
        picture = tf.gather(picture, tf.minimum(at, period - at), axis=axis)
    return picture


def inpainting(inpaint, image_shape, sizes=None):
    """`image_to_image` of `inpaint: (image [B, H, W, C], mask [B, H, W, 1]) -> image`.

    A mask is 1 where the picture is known and 0 in the hole. What is between counts as known from 1/2 on.

    Args:
        inpaint: called with masks of ones and zeros.
        image_shape, sizes: as of `image_to_image`.
    """

    def checked(image, mask):
        return inpaint(image, tf.cast(mask >= 0.5, tf.float32))

    more = [tf.TensorSpec([None, *image_shape[:2], 1], tf.float32, name="mask")]
    return image_to_image(checked, image_shape, sizes, more=more)


def to_png(images):
    """Images [B, H, W, C] in [-1, 1], C 1, 3 or 4 (with opacity, which is kept) -> PNG files [B]."""
    pixels = tf.cast(tf.round(tf.clip_by_value(images * 127.5 + 127.5, 0.0, 255.0)), tf.uint8)
    return tf.map_fn(tf.io.encode_png, pixels, fn_output_signature=tf.string)
