"""What exported models answer: the functions behind serving signatures that several families share.

Each takes float32 images in [-1, 1] or raw bytes, and returns a dict of named float32 or string tensors.
"""

import tensorflow as tf

from tfgan_zoo import random

MAX_COUNT = 1024  # pictures one `sample` request may ask for


def noise_to_image(generator, discriminator, draw, latent_dim):
    """Signatures of a family that maps noise to images.

    Args:
        generator: `z [B, latent_dim] -> image [B, H, W, C]`.
        discriminator: `image -> logits [B, 1]`.
        draw: `[B, latent_dim] -> z`, `random.normal` or a `random.uniform` with its bounds.
        latent_dim: the length of z.

    Returns:
        `serving_default(z)`, `sample(count, seed)`, `sample_png(count, seed)`, `discriminate(image)`.
    """

    def sampled(count, seed):
        in_range = tf.debugging.assert_equal(
            (count >= 1) & (count <= MAX_COUNT), True, f"count must be from 1 to {MAX_COUNT}"
        )
        with tf.control_dependencies([in_range]), random.stream(seed):
            return generator(draw([tf.identity(count), latent_dim]), training=False)

    numbers = [tf.TensorSpec([], tf.int32, name="count"), tf.TensorSpec([], tf.int64, name="seed")]
    return {
        "serving_default": (
            lambda z: {"image": generator(z, training=False)},
            [tf.TensorSpec([None, latent_dim], tf.float32, name="z")],
        ),
        "sample": (lambda count, seed: {"image": sampled(count, seed)}, numbers),
        "sample_png": (lambda count, seed: {"image_bytes": to_png(sampled(count, seed))}, numbers),
        "discriminate": (
            lambda image: {"logits": discriminator(image, training=False)},
            [tf.TensorSpec([None, *discriminator.input_shape[1:]], tf.float32, name="image")],
        ),
    }


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
