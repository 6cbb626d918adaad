"""What exported models are asked and what they answer: names, checks, and signatures that several families share.

A signature is a function and the `tf.TensorSpec`s of its inputs. It returns a dict of float32 or string tensors.
"""

import dataclasses
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from tfgan_zoo import base, random, served_files

MAX_COUNT = 1024  # pictures one `sample` request may ask for


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


def _files(shape, rng):
    def one():
        return tf.io.encode_png(rng.integers(0, 256, [20, 12, 3], np.uint8)).numpy()

    return np.array([one() for _ in range(int(np.prod(shape)))], object).reshape(shape)


NAMES = {
    # Inputs.
    "z": Name("noise, as `sample` draws it", _floats, "noise"),
    "image": Name("pictures in [-1, 1]", _floats, "image"),
    "frames": Name("pictures in [-1, 1], in the order of time", _floats),
    "image_bytes": Name("PNG or JPEG files, of any size", _files),
    "point": Name("points, on the scale of the data", _floats),
    "mask": Name("1 where the picture is known, 0 in the hole", lambda shape, rng: rng.integers(0, 2, shape), "mask"),
    "label": Name("number of a class, from 0", _numbers, "label"),
    "domain": Name("number of the domain to translate to, from 0", _numbers, "domain"),
    "text": Name("a caption", lambda shape, rng: np.full(shape, b"a", object), "text"),
    "truncation": Name("1: as trained; towards 0: nearer to the mean picture", lambda shape, rng: np.full(shape, 0.7),
                       "truncation"),
    "count": Name(f"how many, 1 to {MAX_COUNT}", lambda shape, rng: np.full(shape, 2), "count"),
    "seed": Name("any; the same gives the same", lambda shape, rng: np.zeros(shape), "seed"),
    # Outputs, whose names no input has: some converters and runtimes have one space of names for both.
    "generated": Name("pictures in [-1, 1], or points on the scale of the data, that the model made", _floats),
    "generated_bytes": Name("PNG files of them", _files),
    "logits": Name("of the discriminator; the higher, the more real", _floats),
}  # fmt: skip


def example(spec, count=1):
    """A request's array for an input `spec`: `count` examples, of the sort that its name in `NAMES` says.

    Unknown dimensions other than the batch are 16. The same names and counts give the same arrays.
    """
    shape = [16 if d is None else d for d in spec.shape]
    if spec.shape.rank and spec.shape[0] is None:
        shape[0] = count
    if spec.name == "count":
        return np.full(shape, count, spec.dtype.as_numpy_dtype)
    known = NAMES.get(spec.name) or Name("", _files if spec.dtype == tf.string else _floats)
    array = known.example(shape, np.random.default_rng([count, *spec.name.encode()]))
    return array if spec.dtype == tf.string else array.astype(spec.dtype.as_numpy_dtype)


def code(spec, prior=None):
    """Python that makes one example of an input `spec`, for a person to copy; z by the law that `prior` says."""
    shape = [1 if d is None else d for d in spec.shape]
    if spec.name == "z" and prior is not None and prior.law == "normal":
        return f"tf.random.normal({shape})"
    if spec.name == "z" and prior is not None:
        return f"tf.random.uniform({shape}, {-prior.bound}, {prior.bound})"
    if spec.dtype == tf.string:
        return f"tf.constant({['...'] if spec.shape.rank else '...'!r})"
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
        return generator(base.given(z, _known(label, num_classes, z)), training=False)

    def sample(count, seed, label=None):
        count = _in_range(count)
        with random.stream(seed):
            z = prior.draw(count)
        return generate(z, None if label is None else tf.fill([count], label))

    def discriminate(example, label=None):
        return discriminator(base.given(example, _known(label, num_classes, example)), training=False)

    z = tf.TensorSpec([None, prior.dim], tf.float32, name="z")
    example = tf.TensorSpec([None, *generator.output_shape[1:]], tf.float32, name=what)
    numbers = [tf.TensorSpec([], tf.int32, name="count"), tf.TensorSpec([], tf.int64, name="seed")]
    labels = [tf.TensorSpec([None], tf.int64, name="label")] if num_classes else []
    one_label = [tf.TensorSpec([], tf.int64, name="label")] if num_classes else []
    served = {
        "serving_default": (lambda *given: {"generated": generate(*given)}, [z, *labels]),
        "sample": (lambda *given: {"generated": sample(*given)}, [*numbers, *one_label]),
        "sample_png": (lambda *given: {"generated_bytes": to_png(sample(*given))}, [*numbers, *one_label]),
        "discriminate": (lambda *given: {"logits": discriminate(*given)}, [example, *labels]),
    }
    if what == "point":
        del served["sample_png"]
    return served


def _known(label, num_classes, examples):
    if label is None:
        return None
    known = (label >= 0) & (label < num_classes)
    one_each = tf.shape(label)[0] == tf.shape(examples)[0]
    checks = [
        tf.debugging.assert_equal(known, True, f"label must be from 0 to {num_classes - 1}"),
        tf.debugging.assert_equal(one_each, True, "there must be one label per example"),
    ]
    with tf.control_dependencies(checks):
        return tf.identity(label)


def _in_range(count):
    in_range = (count >= 1) & (count <= MAX_COUNT)
    with tf.control_dependencies(
        [tf.debugging.assert_equal(in_range, True, f"count must be from 1 to {MAX_COUNT}")]
    ):  # fmt: skip
        return tf.identity(count)


def image_to_image(translate, image_shape):
    """The pair of signatures of `translate: image [B, H, W, C] -> image`: arrays, and files in their own format.

    Returns:
        `(on_images, on_bytes)`; the second takes PNG or JPEG files of any size and returns PNG files: `OnFiles`.
    """
    return (
        (
            lambda image: {"generated": translate(image)},
            [tf.TensorSpec([None, *image_shape], tf.float32, name="image")],
        ),
        (OnFiles(translate, tuple(image_shape)), [tf.TensorSpec([None], tf.string, name="image_bytes")]),
    )


def frames_to_image(predict, image_shape, count):
    """The signature of `predict: frames [B, count, H, W, C] -> the next image [B, H, W, C]`."""
    frames = tf.TensorSpec([None, count, *image_shape], tf.float32, name="frames")
    return lambda frames: {"generated": predict(frames)}, [frames]


@dataclasses.dataclass(frozen=True)
class OnFiles:
    """The function of a signature `image_bytes [B] -> generated_bytes [B]`.

    Attributes:
        translate: `image [B, H, W, C] -> image`.
        image_shape: `(H, W, C)` of what it takes.
        fit, max_pixels: as `served_files.read` takes them; `export` sets both to its own.
    """

    translate: Callable
    image_shape: tuple
    fit: str = "crop"
    max_pixels: int = served_files.MAX_PIXELS

    def __call__(self, image_bytes):
        image = served_files.read(image_bytes, *self.image_shape, fit=self.fit, max_pixels=self.max_pixels)
        return {"generated_bytes": to_png(self.translate(image))}


def to_png(images):
    """Images [B, H, W, C] in [-1, 1], C 1, 3 or 4 (with opacity, which is kept) -> PNG files [B]."""
    pixels = tf.cast(tf.round(tf.clip_by_value(images * 127.5 + 127.5, 0.0, 255.0)), tf.uint8)
    return tf.map_fn(tf.io.encode_png, pixels, fn_output_signature=tf.string)
