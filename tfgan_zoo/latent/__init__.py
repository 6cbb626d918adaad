"""The law of z, samples of a generator, walks and sums in its latent space. z is `[N, dim]`."""

import dataclasses
from typing import Literal

import numpy as np
import tensorflow as tf

from tfgan_zoo import base, pictures, random


@dataclasses.dataclass(frozen=True)
class Prior:
    """p(z), the law of independent components: N(0, 1), or uniform in [low, bound].

    A family that draws z has one as its attribute `prior`; an export says it as `noise` in `metadata.json`.

    Attributes:
        dim: the length of z.
        law: normal or uniform.
        bound: the upper end of the uniform law.
        low: its lower end; None: -bound.
    """

    dim: int
    law: Literal["normal", "uniform"] = "normal"
    bound: float = 1.0
    low: float | None = None

    def __post_init__(self):
        if self.law not in ("normal", "uniform"):
            raise ValueError(f"the law of z is {self.law!r}; expected normal or uniform")

    @property
    def ends(self):
        """`(low, high)` of the uniform law."""
        return (-self.bound if self.low is None else self.low), self.bound

    def draw(self, count):
        """z `[count, dim]` from the open `random.stream`.

        Raises:
            RuntimeError: no stream is open.
        """
        shape = [count, self.dim]
        return random.normal(shape) if self.law == "normal" else random.uniform(shape, *self.ends)

    def like(self, batch):
        """z for as many examples as `batch` has, `[B, dim]`: see `draw`."""
        return self.draw(tf.shape(tf.nest.flatten(batch)[0])[0])

    def array(self, count, rng):
        """z `[count, dim]` float32 from a NumPy generator."""
        shape = [count, self.dim]
        z = rng.standard_normal(shape) if self.law == "normal" else rng.uniform(*self.ends, shape)
        return z.astype(np.float32)

    def described(self):
        """As JSON values; `Prior(dim, **described)` is the law again."""
        if self.law == "normal":
            return {"law": self.law}
        return {"law": self.law, "bound": self.bound} | ({} if self.low is None else {"low": self.low})


def preview(generator, prior, examples, seed, discriminator=None):
    """What `GenerativeModel.preview` shows of a generator of noise: as many samples as examples, of fixed z's.

    Args:
        generator: `z -> image [N, H, W, C]` or `-> point [N, dim]`; with labels `[z, label] -> image`.
        prior: a `Prior`.
        examples: held-out images, points, or `{"image", "label"}`: the samples have these labels.
        seed: of z.
        discriminator: `point -> logits [N, 1]`, drawn as D(x) beside points in one dimension.
    """
    real, label = base.image_and_label(tf.nest.map_structure(tf.convert_to_tensor, examples))
    with random.stream(seed):
        z = prior.draw(len(real))
    sample = generator(base.given(z, label), training=False)
    if sample.shape.rank == 2:
        return pictures.columns_of_points(
            real, sample, discriminator and (lambda x: tf.sigmoid(discriminator(x, training=False)))
        )
    return {"sample": sample} if label is None else {"of this label": real, "sample": sample}


def interpolate(start, end, count, *, spherical=False):
    """Points from `start` to `end`, both included.

    Args:
        start, end: `[N, dim]`.
        count: points per row, 2 or more.
        spherical: along the great circle, whose points have the length of samples of a Gaussian (White 2016, arXiv
            1609.04468); otherwise along the straight line.

    Returns:
        `[count, N, dim]` float32.
    """
    start, end = np.asarray(start, np.float64), np.asarray(end, np.float64)
    t = np.linspace(0.0, 1.0, count)[:, None, None]
    if not spherical:
        return ((1 - t) * start + t * end).astype(np.float32)
    lengths = np.linalg.norm(start, axis=-1, keepdims=True) * np.linalg.norm(end, axis=-1, keepdims=True)
    angle = np.arccos(np.clip(np.sum(start * end, axis=-1, keepdims=True) / lengths, -1.0, 1.0))
    sine = np.sin(angle)
    straight = sine < 1e-6  # no great circle through parallel vectors
    sine = np.where(straight, 1.0, sine)
    near, far = np.sin((1 - t) * angle) / sine, np.sin(t * angle) / sine
    return (np.where(straight, 1 - t, near) * start + np.where(straight, t, far) * end).astype(np.float32)


def arithmetic(minuend, subtrahend, addend):
    """mean(minuend) - mean(subtrahend) + mean(addend), as DCGAN does it: three z's each, averaged (its figure 7).

    Args:
        minuend, subtrahend, addend: `[N, dim]`, each N z's that show the same thing.

    Returns:
        `[1, dim]` float32.
    """
    means = [np.mean(np.asarray(z, np.float32), axis=0, keepdims=True) for z in (minuend, subtrahend, addend)]
    return means[0] - means[1] + means[2]


def attribute(codes, has_it):
    """What to add to a code so that its picture gets an attribute: the mean code of pictures with it minus that of
    those without, as VAE/GAN does it (Larsen et al. 2016, arXiv 1512.09300).

    Args:
        codes: `[N, dim]`, of pictures.
        has_it: `[N]` booleans, whether each has the attribute; some do and some do not.

    Returns:
        `[dim]` float32.

    Raises:
        ValueError: all have it, or none.
    """
    codes, has_it = np.asarray(codes, np.float64), np.asarray(has_it, bool)
    if has_it.all() or not has_it.any():
        raise ValueError(f"of {len(has_it)} pictures {has_it.sum()} have the attribute; expected some and not all")
    return (codes[has_it].mean(0) - codes[~has_it].mean(0)).astype(np.float32)


def with_attributes(decode, codes, vectors):
    """Pictures of codes, and of the same codes with each attribute.

    Args:
        decode: `z [N, dim] -> image [N, H, W, C]`.
        codes: `[N, dim]`.
        vectors: name -> what `attribute` gives.

    Returns:
        Columns as `pictures.tile` takes them: `reconstruction`, then `+ name` for each.
    """
    codes = np.asarray(codes, np.float32)
    return {"reconstruction": decode(codes)} | {f"+ {name}": decode(codes + v) for name, v in vectors.items()}


def strips(generate, z, *, spherical=False):
    """Pictures of a walk from each z to the next and of an arithmetic on the first nine.

    Args:
        generate: `z [N, dim] -> image [N, H, W, C]`.
        z: `[N, dim]`, N at least 9.
        spherical: see `interpolate`.

    Returns:
        `{"interpolation": columns, "arithmetic": columns}`, each as `pictures.tile` takes it. The columns of the
        arithmetic are its three terms (three samples, then the picture of their mean) and the result (last row).
    """
    half = len(z) // 2
    walk = interpolate(z[:half], z[half : 2 * half], 8, spherical=spherical)
    terms = [np.asarray(z[i : i + 3]) for i in (0, 3, 6)]
    with_means = [np.concatenate([t, t.mean(0, keepdims=True)]) for t in terms]
    columns = {name: generate(points) for name, points in zip("abc", with_means, strict=True)}
    result = np.asarray(generate(arithmetic(*terms)))
    columns["a - b + c"] = np.concatenate([np.ones([3, *result.shape[1:]], np.float32), result])
    few = pictures.few(result.shape[1:], half)

    def made(points):
        return np.concatenate([generate(points[i : i + few]) for i in range(0, half, few)])

    return {"interpolation": {f"{i}": made(points) for i, points in enumerate(walk)}, "arithmetic": columns}


def tour(model, generate=None):
    """What a recipe shows of its finished model: `strips`, or `of_every_label` where there are labels.

    Args:
        model: a `GenerativeModel` with its `prior`; its seed is that of z.
        generate: `z [N, dim] -> image`; None: its `generator`.
    """
    with random.stream(model.seed):
        z = model.prior.draw(16)
    if getattr(model, "num_classes", 0):
        return {"labels": of_every_label(model.generator, z[:4], model.num_classes)}
    return strips(generate or model.generator, z, spherical=model.prior.law == "normal")


def of_every_label(generate, z, num_classes):
    """Pictures of each label, for the same z's.

    Args:
        generate: `[z [N, dim], label [N]] -> image [N, H, W, C]`.
        z: `[N, dim]`.
        num_classes: labels are 0 ... num_classes - 1.

    Returns:
        A column per label, as `pictures.tile` takes them: a row shows one z.
    """
    z = np.asarray(z, np.float32)
    return {f"{label}": generate([z, np.full([len(z)], label, np.int64)]) for label in range(num_classes)}
