"""What exported models answer: the functions behind serving signatures that several families share.

Each takes float32 images in [-1, 1] or raw bytes, and returns a dict of named float32 or string tensors.
"""

import tensorflow as tf

from tfgan_zoo import random

MAX_COUNT = 1024  # pictures one `sample` request may ask for


def noise_to_image(generator, discriminator, draw, latent_dim):
    """Signatures of a family that maps noise to images.

    Where it maps noise to points `[B, dim]`, inputs and outputs are named `point` for `image` and nothing is a PNG.

    Args:
        generator: `z [B, latent_dim] -> image [B, H, W, C]`.
        discriminator: `image -> logits [B, 1]`.
        draw: `[B, latent_dim] -> z`, `random.normal` or a `random.uniform` with its bounds.
        latent_dim: the length of z.

    Returns:
        `serving_default(z)`, `sample(count, seed)`, `sample_png(count, seed)`, `discriminate(image)`.
    """

    def sampled(count, seed):
        with random.stream(seed):
            return generator(draw([_in_range(count), latent_dim]), training=False)

    numbers = list(_NUMBERS)
    what = "point" if len(generator.output_shape) == 2 else "image"
    served = {
        "serving_default": (
            lambda z: {what: generator(z, training=False)},
            [tf.TensorSpec([None, latent_dim], tf.float32, name="z")],
        ),
        "sample": (lambda count, seed: {what: sampled(count, seed)}, numbers),
        "sample_png": (lambda count, seed: {"image_bytes": to_png(sampled(count, seed))}, numbers),
        "discriminate": (
            lambda example: {"logits": discriminator(example, training=False)},
            [tf.TensorSpec([None, *discriminator.input_shape[1:]], tf.float32, name=what)],
        ),
    }
    if what == "point":
        del served["sample_png"]
    return served


def labelled_noise_to_image(generator, discriminator, draw, latent_dim, num_classes):
    """Signatures of a family that maps noise and a label to images.

    Args:
        generator: `[z [B, latent_dim], label [B]] -> image [B, H, W, C]`.
        discriminator: `[image, label] -> logits [B, 1]`.
        draw, latent_dim: as in `noise_to_image`.
        num_classes: labels are 0 ... num_classes - 1; a request for another fails.

    Returns:
        `serving_default(z, label)`, `sample(count, seed, label)`, `sample_png(count, seed, label)` (all of one label),
        `discriminate(image, label)`.
    """

    def known(label):
        message = f"label must be from 0 to {num_classes - 1}"
        with tf.control_dependencies([tf.debugging.assert_equal((label >= 0) & (label < num_classes), True, message)]):
            return tf.identity(label)

    def sampled(count, seed, label):
        with random.stream(seed):
            z = draw([_in_range(count), latent_dim])
        return generator([z, tf.fill([count], known(label))], training=False)

    z = tf.TensorSpec([None, latent_dim], tf.float32, name="z")
    image = tf.TensorSpec([None, *generator.output_shape[1:]], tf.float32, name="image")
    label = tf.TensorSpec([None], tf.int64, name="label")
    numbers = [*_NUMBERS, tf.TensorSpec([], tf.int64, name="label")]
    return {
        "serving_default": (lambda z, label: {"image": generator([z, known(label)], training=False)}, [z, label]),
        "sample": (lambda count, seed, label: {"image": sampled(count, seed, label)}, numbers),
        "sample_png": (lambda count, seed, label: {"image_bytes": to_png(sampled(count, seed, label))}, numbers),
        "discriminate": (
            lambda image, label: {"logits": discriminator([image, known(label)], training=False)},
            [image, label],
        ),
    }


def _in_range(count):
    in_range = (count >= 1) & (count <= MAX_COUNT)
    with tf.control_dependencies(
        [tf.debugging.assert_equal(in_range, True, f"count must be from 1 to {MAX_COUNT}")]
    ):  # fmt: skip
        return tf.identity(count)


_NUMBERS = (tf.TensorSpec([], tf.int32, name="count"), tf.TensorSpec([], tf.int64, name="seed"))


def image_to_image(translate, image_shape):
    """The pair of signatures of `translate: image [B, H, W, C] -> image`: arrays, and files in their own format.

    Returns:
        `(on_images, on_bytes)`; the second takes PNG or JPEG files of any size, resizes them and returns PNG files.
    """
    height, width, channels = image_shape

    def on_bytes(image_bytes):
        image = tf.map_fn(
            lambda one: from_bytes(one, height, width, channels),
            image_bytes,
            fn_output_signature=tf.TensorSpec([height, width, channels], tf.float32),
        )
        return {"image_bytes": to_png(translate(image))}

    return (
        (lambda image: {"image": translate(image)}, [tf.TensorSpec([None, *image_shape], tf.float32, name="image")]),
        (on_bytes, [tf.TensorSpec([None], tf.string, name="image_bytes")]),
    )


def from_bytes(image_bytes, height, width, channels):
    """One PNG or JPEG file -> float32 image [height, width, channels] in [-1, 1], resized with antialiasing."""
    image = tf.io.decode_image(image_bytes, channels=channels, expand_animations=False)
    image = tf.image.resize(image, [height, width], antialias=True)
    return tf.ensure_shape(image / 127.5 - 1.0, [height, width, channels])


def to_png(images):
    """Images [B, H, W, C] in [-1, 1] -> PNG files [B]."""
    pixels = tf.cast(tf.round(tf.clip_by_value(images * 127.5 + 127.5, 0.0, 255.0)), tf.uint8)
    return tf.map_fn(tf.io.encode_png, pixels, fn_output_signature=tf.string)
