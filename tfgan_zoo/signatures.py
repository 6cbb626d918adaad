"""What exported models answer: the functions behind serving signatures that several families share.

Each takes float32 images in [-1, 1] or raw bytes, and returns a dict of named float32 or string tensors.
"""

import tensorflow as tf

from tfgan_zoo import gan, random

MAX_COUNT = 1024  # pictures one `sample` request may ask for


def noise_to_image(generator, discriminator, draw, latent_dim, num_classes=0):
    """Signatures of a family that maps noise, and maybe a label, to images.

    Where it maps noise to points `[B, dim]`, inputs and outputs are named `point` for `image` and nothing is a PNG.

    Args:
        generator: `z [B, latent_dim] -> image [B, H, W, C]`; with labels `[z, label [B]] -> image`.
        discriminator: `image -> logits [B, 1]`; with labels `[image, label] -> logits`.
        draw: `[B, latent_dim] -> z`, `random.normal` or a `random.uniform` with its bounds.
        latent_dim: the length of z.
        num_classes: labels are 0 ... num_classes - 1, and a request for another fails; 0: no labels.

    Returns:
        `serving_default(z)`, `sample(count, seed)`, `sample_png(count, seed)`, `discriminate(image)`; with labels each
        takes a `label` more: one per example, or for `sample` and `sample_png` one for all.
    """
    what = "point" if len(generator.output_shape) == 2 else "image"

    def generate(z, label=None):
        return generator(gan.given(z, _known(label, num_classes, z)), training=False)

    def sample(count, seed, label=None):
        count = _in_range(count)
        with random.stream(seed):
            z = draw([count, latent_dim])
        return generate(z, None if label is None else tf.fill([count], label))

    def discriminate(example, label=None):
        return discriminator(gan.given(example, _known(label, num_classes, example)), training=False)

    z = tf.TensorSpec([None, latent_dim], tf.float32, name="z")
    example = tf.TensorSpec([None, *generator.output_shape[1:]], tf.float32, name=what)
    numbers = [tf.TensorSpec([], tf.int32, name="count"), tf.TensorSpec([], tf.int64, name="seed")]
    labels = [tf.TensorSpec([None], tf.int64, name="label")] if num_classes else []
    one_label = [tf.TensorSpec([], tf.int64, name="label")] if num_classes else []
    served = {
        "serving_default": (lambda *given: {what: generate(*given)}, [z, *labels]),
        "sample": (lambda *given: {what: sample(*given)}, [*numbers, *one_label]),
        "sample_png": (lambda *given: {"image_bytes": to_png(sample(*given))}, [*numbers, *one_label]),
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
