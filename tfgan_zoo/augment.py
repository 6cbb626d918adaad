"""What is done to pictures before the discriminator sees them, real and fake alike: image -> image, for any family.

Instance noise: "Amortised MAP Inference for Image Super-resolution", Sønderby, Caballero, Theis, Shi and Huszár, ICLR
2017, arXiv 1610.04490 (its text was not seen; the linear annealing is from memory). Differentiable augmentation:
"Differentiable Augmentation for Data-Efficient GAN Training", Zhao, Liu, Lin, Zhu and Han, NeurIPS 2020, arXiv
2006.10738; its ranges are those of the published code.

A family takes them by its discriminator: `wrap` puts them before it. They act in training only, so that what is served
is the discriminator of plain pictures. Each call draws anew from the open `random.stream`. A gradient penalty (WGAN-GP)
sees them too: its mixtures are augmented like any picture.
"""

import functools

import keras
import tensorflow as tf

from tfgan_zoo import adaptive, random
from tfgan_zoo.errors import InputError


def wrap(discriminator, *, noise=0.0, noise_steps=None, policy="", ada=None):
    """A discriminator that, when training, sees its pictures augmented; `discriminator` itself if nothing is asked for.

    Args:
        discriminator: a `keras.Model` of a picture, or of a list that begins with one.
        noise: standard deviation of instance noise at step 0; pictures are in [-1, 1].
        noise_steps: it falls linearly to 0 at this step; None: it stays. A resumed run goes on where it was.
        policy: see `diff_augment`; applied before the noise.
        ada: an `adaptive.Adaptive()`, applied first, of a family whose step calls `adaptive.observe`; or None.

    Raises:
        InputError: an unknown policy, or noise below 0.
    """
    if not noise and not policy and ada is None:
        return discriminator
    inputs = [keras.Input(x.shape[1:], dtype=x.dtype, name=x.name) for x in discriminator.inputs]
    seen = [inputs[0] if ada is None else ada(inputs[0]), *inputs[1:]]
    if noise or policy:
        seen[0] = Augment(noise, noise_steps, policy, dtype="float32")(seen[0])
    one = len(inputs) == 1
    logits = discriminator(seen[0] if one else seen)
    return keras.Model(inputs[0] if one else inputs, logits, name=f"augmented_{discriminator.name}")


def wrapper(config):
    """`wrap` with what the flags of a recipe ask for, a function of a discriminator alone.

    Discriminators of one wrapper share an `adaptive.Adaptive` layer, as those of the stages of a growing GAN have to.

    Args:
        config: a `run.Config` with the flags of `run.Augmented`.
    """
    return functools.partial(
        wrap,
        noise=config.instance_noise,
        noise_steps=config.steps,
        policy=config.diff_augment,
        ada=adaptive.Adaptive(config.ada_target, config.ada_images) if config.ada else None,
    )


@keras.saving.register_keras_serializable(package="tfgan_zoo")
class Augment(keras.layers.Layer):
    """`diff_augment`, then `instance_noise`, when training; the identity otherwise. Arguments are those of `wrap`."""

    def __init__(self, noise=0.0, noise_steps=None, policy="", **kwargs):
        super().__init__(**kwargs)
        if noise < 0:
            raise InputError(f"instance noise {noise}: expected 0 or more")
        self.noise, self.noise_steps, self.policy = noise, noise_steps, policy
        _parts(policy)

    def call(self, image, training=False):
        if not training:
            return image
        image = diff_augment(image, self.policy)
        return instance_noise(image, annealed(self.noise, self.noise_steps)) if self.noise else image

    # Without it Keras would trace `call` for the shape, when no stream is open.
    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        own = {"noise": self.noise, "noise_steps": self.noise_steps, "policy": self.policy}
        return super().get_config() | own


def instance_noise(image, stddev):
    """The image plus Gaussian noise: two laws without common support have one, and a discriminator with a slope there.

    Args:
        image: [B, ...].
        stddev: number or scalar tensor.
    """
    return image + tf.cast(stddev * random.normal(tf.shape(image)), image.dtype)


def annealed(start, steps):
    """`start` at step 0 of the open stream, falling linearly to 0 at `steps`; `start` for good if `steps` is None."""
    if steps is None:
        return start
    return start * tf.maximum(0.0, 1.0 - tf.cast(random.step(), tf.float32) / steps)


def diff_augment(image, policy):
    """Color, translation and cutout of 2006.10738, by operations through which gradients reach the generator.

    Args:
        image: [B, H, W, C] in [-1, 1]; what comes out can lie outside.
        policy: of `color`, `translation`, `cutout`, separated by commas; done in the order given.

    Raises:
        InputError: an unknown part of the policy.
    """
    for part in _parts(policy):
        image = PARTS[part](image)
    return image


def _parts(policy):
    parts = [part for part in policy.split(",") if part]
    for part in parts:
        if part not in PARTS:
            raise InputError(f"augmentation {part!r}: expected some of {', '.join(PARTS)}, separated by commas")
    return parts


def color(image):
    """Adds U(-0.5, 0.5), then scales distances from a pixel's mean by U(0, 2), then from the image's by U(0.5, 1.5)."""
    one = [tf.shape(image)[0], 1, 1, 1]
    image += tf.cast(random.uniform(one, -0.5, 0.5), image.dtype)
    grey = tf.reduce_mean(image, axis=3, keepdims=True)
    image = grey + tf.cast(random.uniform(one, 0.0, 2.0), image.dtype) * (image - grey)
    mean = tf.reduce_mean(image, axis=[1, 2, 3], keepdims=True)
    return mean + tf.cast(random.uniform(one, 0.5, 1.5), image.dtype) * (image - mean)


def translation(image):
    """Moves each image by up to an eighth of its height and width; what comes in is 0."""
    batch, height, width, _ = _shape(image)
    down = _shifts(batch, height, image.dtype)  # [B, H, H]
    right = _shifts(batch, width, image.dtype)  # [B, W, W]
    return tf.einsum("bip,bjq,bpqc->bijc", down, right, image)


def _shifts(batch, size, dtype):
    most = size // 8
    by = random.integers([batch], 2 * most + 1) - most
    places = tf.range(size, dtype=tf.int64)
    return tf.cast(places[None, :, None] - by[:, None, None] == places[None, None, :], dtype)


def cutout(image):
    """Sets a square of half the size to 0, its centre anywhere in the image; what lies outside is cut off."""
    batch, height, width, _ = _shape(image)
    rows, columns = _covered(batch, height), _covered(batch, width)
    return tf.where((rows[:, :, None] & columns[:, None, :])[..., None], tf.zeros([], image.dtype), image)


def _covered(batch, size):
    half = size // 2
    first = random.integers([batch], size + 1 - half % 2) - half // 2
    places = tf.range(size, dtype=tf.int64)[None, :]
    return (places >= first[:, None]) & (places < first[:, None] + half)  # [B, size]


def _shape(image):
    return tf.shape(image)[0], *image.shape[1:]


PARTS = {"color": color, "translation": translation, "cutout": cutout}
