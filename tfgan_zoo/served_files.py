"""PNG and JPEG files -> pictures in a graph, of TensorFlow's operations alone: for exports and the gallery.

The pixels are those that `data/decoding.py` gives in training, by Pillow, to 3 levels of 255: EXIF orientation is
applied, what is transparent becomes white or stays transparent, 16 bits are scaled to 8, CMYK is converted, a picture
of another shape is cropped, stretched or padded, and the filter is Pillow's bicubic (Keys' with a = -1/2, widened as it
shrinks), across first. Where Pillow 13 goes down first, a few pixels at hard edges are further off.
Not seen are an orientation that only XMP states, and one that a PNG file states behind its pixels.
"""

import numpy as np
import tensorflow as tf

MAX_PIXELS = 50_000_000  # of all files of a request together
MAX_PIXELS_EACH = 2**22  # of a picture that a network gets in its own size: 2048 x 2048 are some GiB in it
FITS = ("crop", "stretch", "pad")
_MOST_PARTS = 4096  # of a file, before its pixels
_PNG, _JPEG = 1, 2
_HUGE = 2**40  # pixels: so that a sum of a million files is still a number
_LUMA = np.array([19595, 38470, 7471], np.float32) / 65536  # Pillow's


def read(files, height, width, channels, fit="crop", max_pixels=MAX_PIXELS):
    """PNG or JPEG files `[B]`, string -> float32 `[B, height, width, channels]` in [-1, 1], on the levels of 8 bits.

    Args:
        files: of any size each.
        height, width: in pixels.
        channels: 1, 3 or 4. With 4 transparency is kept, otherwise what is transparent becomes white.
        fit: what to do with another aspect ratio: `crop` keeps the middle, `stretch` keeps all, `pad` keeps all between
            white (or transparent) bars.
        max_pixels: of all files together, as their headers say; none is decoded where there are more.

    Raises:
        InvalidArgumentError: a file that is no whole PNG or JPEG file, or too many pixels.
        ValueError: `fit` is none of the three.
    """
    if fit not in FITS:
        raise ValueError(f"fit is {fit!r}; give {', '.join(FITS)}")
    files, headers = headers_of(files, max_pixels)
    picture = tf.TensorSpec([height, width, channels], tf.float32)
    return tf.map_fn(
        lambda one: _read(*one, height, width, channels, fit), (files, headers), fn_output_signature=picture
    )


def headers_of(files, max_pixels=MAX_PIXELS, name="image_bytes"):
    """PNG or JPEG files `[B]` -> the same and int64 `[B, 6]`, what `read_one` has to know of each; none is decoded.

    Args:
        files, max_pixels: as of `read`.
        name: of the files, for messages.

    Raises:
        InvalidArgumentError: a file that begins as no PNG or JPEG file does, or too many pixels.
    """
    headers = tf.map_fn(_header, files, fn_output_signature=tf.TensorSpec([6], tf.int64))
    pixels = tf.minimum(headers[:, 1] * headers[:, 2], _HUGE)
    known = tf.debugging.assert_positive(pixels, f"{name} must be PNG or JPEG files")
    with tf.control_dependencies([known]):
        total = tf.reduce_sum(pixels)
    few = tf.debugging.assert_less_equal(
        total, tf.constant(max_pixels, tf.int64), f"{name} must hold {max_pixels} pixels or less in all"
    )
    with tf.control_dependencies([few]):
        return tf.identity(files), headers


def size_of(header):
    """Height and width of the upright picture that a header of `headers_of` tells of, int64 scalars."""
    is_turned = header[3] >= 5
    return tf.where(is_turned, header[2], header[1]), tf.where(is_turned, header[1], header[2])


def read_one(file, header, channels):
    """One file and its header of `headers_of` -> float32 `[height, width, channels]`, its own size, as `read` reads it.

    Raises:
        InvalidArgumentError: it is no whole PNG or JPEG file.
    """
    return _read(file, header, None, None, channels, "stretch")


def read_ids(files, height, width, fit="crop", max_pixels=MAX_PIXELS):
    """PNG files of ids `[B]`, string -> int32 `[B, height, width, 1]`, by the nearest pixel.

    Grey ones of 8 or 16 bits. The numbers of those of 8 bits come times 257: what was equal is equal. The pixels are
    those that `data/decoding.read_ids` takes, orientation aside.

    Args:
        files, height, width, fit, max_pixels: as of `read`; the bars of `pad` have the id -1.

    Raises:
        InvalidArgumentError: a file that is no whole PNG file, or too many pixels.
    """
    files, headers = headers_of(files, max_pixels, "instance_bytes")

    def one(given):
        file, header = given
        ids = read_one_of_ids(file, header)
        (top, rows), inner_height, (left, columns), inner_width = _fitted(header[1], header[2], height, width, fit)
        ids = tf.gather(ids, _nearest(top, rows, inner_height), axis=0)
        ids = tf.gather(ids, _nearest(left, columns, inner_width), axis=1)
        over, beside = height - inner_height, width - inner_width
        bars = [[over // 2, over - over // 2], [beside // 2, beside - beside // 2], [0, 0]]
        return tf.ensure_shape(tf.pad(ids, bars, constant_values=-1), [height, width, 1])

    return tf.map_fn(one, (files, headers), fn_output_signature=tf.TensorSpec([height, width, 1], tf.int32))


def read_one_of_ids(file, header):
    """One PNG file and its header of `headers_of` -> int32 `[height, width, 1]`, its own size.

    Raises:
        InvalidArgumentError: it is no whole PNG file.
    """
    is_png = tf.debugging.assert_equal(header[0], tf.constant(_PNG, tf.int64), "instance_bytes must be PNG files")
    with tf.control_dependencies([is_png]):
        return tf.cast(tf.io.decode_png(tf.identity(file), channels=1, dtype=tf.uint16), tf.int32)


def _nearest(start, kept, size):
    """The numbers of the pixels that the nearest-pixel rule takes of `kept` ones from `start` on."""
    return start + (2 * tf.range(size) + 1) * kept // (2 * size)


# ---------------------------------------------------------------------------------------------------------------------
# Headers: int64 [6], kind, height, width, EXIF orientation, and of a PNG file whether it is transparent and has 16 bits


def _bytes(file, at, count):
    """int64 `[count]`, 0 behind the end."""
    part = tf.strings.substr(file, tf.minimum(tf.cast(at, tf.int32), tf.strings.length(file)), count)
    return tf.cast(tf.io.decode_raw(part, tf.uint8, fixed_length=count), tf.int64)


def _number(values):
    """Big-endian, along the last axis."""
    return tf.reduce_sum(values * np.array([256**i for i in range(values.shape[-1])][::-1]), -1)


def _is(values, text):
    return tf.reduce_all(values == np.frombuffer(text, np.uint8).astype(np.int64))


def _among(value, *numbers):
    return tf.reduce_any(value == np.array(numbers, np.int64))


@tf.function(input_signature=[tf.TensorSpec([], tf.string)], autograph=False)  # eager, a walk takes a minute
def _header(file):
    head = _bytes(file, 0, 33)
    is_png = _is(head[:8], b"\x89PNG\r\n\x1a\n") & _is(head[12:16], b"IHDR")
    is_jpeg = _is(head[:3], b"\xff\xd8\xff")
    return tf.cond(
        is_png,
        lambda: _header_of_png(file, head),
        lambda: tf.cond(is_jpeg, lambda: _header_of_jpeg(file), lambda: tf.zeros([6], tf.int64)),
    )


def _header_of_png(file, head):
    """Walks its chunks up to the pixels."""
    width, height = (tf.minimum(_number(head[at : at + 4]), 2**31 - 1) for at in (16, 20))
    end = tf.cast(tf.strings.length(file), tf.int64)

    def chunk(at, orientation, is_keyed, go_on):
        start = _bytes(file, at, 8)
        size, name = _number(start[:4]), start[4:]
        orientation = tf.cond(
            _is(name, b"eXIf"), lambda: _orientation(tf.strings.substr(file, at + 8, size)), lambda: orientation
        )
        at += 12 + size
        go_on = (at < end) & ~_is(name, b"IDAT")
        return at, orientation, is_keyed | _is(name, b"tRNS"), go_on

    state = (tf.constant(8, tf.int64), tf.constant(1, tf.int64), tf.constant(False), tf.constant(True))
    _, orientation, is_keyed, _ = tf.while_loop(lambda *state: state[-1], chunk, state, maximum_iterations=_MOST_PARTS)
    is_transparent = is_keyed | _among(head[25], 4, 6)
    flags = [tf.cast(is_transparent, tf.int64), tf.cast(head[24] == 16, tf.int64)]
    return tf.stack([tf.constant(_PNG, tf.int64), height, width, orientation, *flags])


def _header_of_jpeg(file):
    """Walks its segments up to the pixels, as Pillow does: nothing may be between them but 0 and 255."""
    end = tf.cast(tf.strings.length(file), tf.int64)

    def segment(at, height, width, orientation, go_on):
        start = _bytes(file, at, 10)
        marker, size = start[1], _number(start[2:4])
        is_filled = (start[0] == 255) & _among(marker, 0, 255)
        is_bare = _among(marker, 1, *range(0xD0, 0xD9))
        is_frame = (marker >= 0xC0) & (marker <= 0xCF) & ~_among(marker, 0xC4, 0xC8, 0xCC) & (height == 0)
        is_exif = (marker == 0xE1) & _is(start[4:10], b"Exif\0\0") & (orientation == 0)
        go_on = (start[0] == 255) & ~_among(marker, 0xD9, 0xDA)
        orientation = tf.cond(
            is_exif & go_on,
            lambda: _orientation(tf.strings.substr(file, tf.minimum(at + 10, end), tf.maximum(size - 8, 0))),
            lambda: orientation,
        )
        height = tf.where(is_frame & go_on, _number(start[5:7]), height)
        width = tf.where(is_frame & go_on, _number(start[7:9]), width)
        at += tf.where(is_filled, tf.constant(1, tf.int64), tf.where(is_bare, tf.constant(2, tf.int64), 2 + size))
        return at, height, width, orientation, go_on & (at < end)

    zero = tf.constant(0, tf.int64)
    state = (tf.constant(2, tf.int64), zero, zero, zero, tf.constant(True))
    _, height, width, orientation, _ = tf.while_loop(
        lambda *state: state[-1], segment, state, maximum_iterations=_MOST_PARTS
    )
    return tf.stack([tf.constant(_JPEG, tf.int64), height, width, tf.maximum(orientation, 1), zero, zero])


def _orientation(exif):
    """1 to 8: what the TIFF directory of EXIF data says, 1 where it says nothing."""
    head = _bytes(exif, 0, 8)
    is_big = _is(head[:2], b"MM")

    def number(values):
        return tf.where(is_big, _number(values), _number(values[..., ::-1]))

    at = number(head[4:8]) + 2
    count = number(_bytes(exif, at - 2, 2))
    start = tf.minimum(at, tf.cast(tf.strings.length(exif), tf.int64))
    raw = tf.cast(tf.io.decode_raw(tf.strings.substr(exif, start, 12 * count), tf.uint8), tf.int64)
    entries = tf.reshape(raw[: tf.size(raw) // 12 * 12], [-1, 12])
    value = tf.where(number(entries[:, 2:4]) == 4, number(entries[:, 8:12]), number(entries[:, 8:10]))
    told = tf.where(number(entries[:, :2]) == 0x0112, value, 0)
    found = tf.reduce_max(tf.concat([told, [0]], 0))
    return tf.where((found >= 1) & (found <= 8), found, tf.constant(1, tf.int64))


# ---------------------------------------------------------------------------------------------------------------------
# Pixels


def _read(file, header, height, width, channels, fit):
    kind, _, _, orientation, is_transparent, _ = tf.unstack(header)
    is_turned = orientation >= 5
    down, across = size_of(header)
    tops, inner_height, lefts, inner_width = (
        ((tf.zeros_like(down), down), down, (tf.zeros_like(across), across), across)
        if height is None
        else _fitted(down, across, height, width, fit)
    )
    # What the orientation mirrors is counted from the other end in the file.
    mirrored_down, mirrored_across = _among(orientation, 3, 4, 7, 8), _among(orientation, 2, 3, 6, 7)
    (top, rows), (left, columns) = tops, lefts
    top = tf.where(mirrored_down, down - top - rows, top)
    left = tf.where(mirrored_across, across - left - columns, left)
    box = tf.stack([[top, left], [rows, columns], [inner_height, inner_width]])  # start, size, size to scale it to
    box = tf.where(is_turned, box[:, ::-1], box)
    is_scaled = tf.reduce_any(box[1] != box[2])

    def opaque():
        picture = tf.cond(kind == _JPEG, lambda: _jpeg(file), lambda: _opaque_png(file, header))
        picture = _resized(_grey(picture) if channels == 1 else picture, box, is_turned)
        return tf.pad(picture, [[0, 0], [0, 0], [0, 1]], constant_values=255)

    def transparent():
        picture = tf.io.decode_png(file, channels=4)
        if channels == 4:  # the colour of what is transparent is lost by scaling alone, as in Pillow
            kept = tf.cond(is_scaled, lambda: _premultiplied(picture), lambda: picture)
            kept = _resized(kept, box, is_turned)
            alpha = kept[..., 3:]
            colour = tf.minimum(tf.floor(255 * kept[..., :3] / tf.where(alpha == 0, 255.0, alpha)), 255)
            return tf.where(is_scaled, tf.concat([colour, alpha], -1), kept)
        picture = _premultiplied(picture)
        on_white = picture[..., :3] + (255 - picture[..., 3:])
        on_white = _resized(_grey(on_white) if channels == 1 else on_white, box, is_turned)
        return tf.pad(on_white, [[0, 0], [0, 0], [0, 1]], constant_values=255)

    picture = tf.cond(is_transparent == 1, transparent, opaque)
    picture = tf.cond(is_turned, lambda: tf.transpose(picture, [1, 0, 2]), lambda: picture)
    picture = tf.cond(mirrored_down, lambda: picture[::-1], lambda: picture)
    picture = tf.cond(mirrored_across, lambda: picture[:, ::-1], lambda: picture)
    if fit == "pad":
        over, beside = height - tf.shape(picture)[0], width - tf.shape(picture)[1]
        bars = [[over // 2, over - over // 2], [beside // 2, beside - beside // 2], [0, 0]]
        opacity = tf.pad(picture[..., -1:], bars)
        picture = tf.concat([tf.pad(picture[..., :-1], bars, constant_values=255), opacity], -1)
    picture = picture if channels == 4 else picture[..., :-1]
    return tf.ensure_shape(picture / 127.5 - 1.0, [height, width, channels])


def _fitted(down, across, height, width, fit):
    """Of both axes what is kept, (start, size), and the size that it is scaled to: as `data/decoding.py` does it."""
    full = (tf.constant(height, tf.int64), tf.constant(width, tf.int64))
    h, w = tf.cast(down, tf.float64), tf.cast(across, tf.float64)

    def whole(number):
        return tf.maximum(tf.cast(tf.round(number), tf.int64), 1)

    zero = tf.constant(0, tf.int64)
    if fit == "pad":
        scale = tf.minimum(width / w, height / h)
        return (zero, down), whole(h * scale), (zero, across), whole(w * scale)
    if fit == "crop":
        columns, rows = tf.minimum(across, whole(h * width / height)), tf.minimum(down, whole(w * height / width))
        return ((down - rows) // 2, rows), full[0], ((across - columns) // 2, columns), full[1]
    return (zero, down), full[0], (zero, across), full[1]


def _jpeg(file):
    return tf.io.decode_jpeg(file, channels=3, dct_method="INTEGER_ACCURATE")


def _opaque_png(file, header):
    def deep():
        value, half = tf.io.decode_png(file, channels=3, dtype=tf.uint16), tf.constant(128, tf.uint16)
        part = _shifted(tf.minimum(value, tf.constant(2**16 - 129, tf.uint16)) + half)
        return tf.cast(_shifted(value - part + half), tf.uint8)  # value / 257, rounded

    return tf.cond(header[5] == 1, deep, lambda: tf.io.decode_png(file, channels=3))


def _shifted(value):
    """uint16 / 256: these have the memory of a large picture several times, floats would take twice that."""
    return tf.bitwise.right_shift(value, tf.constant(8, value.dtype))


def _premultiplied(picture):
    """uint8 RGBA -> its colours times opacity, rounded."""
    colour, alpha = tf.cast(picture[..., :3], tf.uint16), tf.cast(picture[..., 3:], tf.uint16)
    product = colour * alpha + tf.constant(128, tf.uint16)
    return tf.concat([tf.cast(_shifted(product + _shifted(product)), tf.uint8), picture[..., 3:]], -1)


def _grey(picture):
    """uint8 RGB -> its luma, one channel after the other: all at once would be the picture four times."""
    channels = [tf.cast(picture[..., i : i + 1], tf.float32) * _LUMA[i] for i in range(3)]
    return tf.cast(channels[0] + channels[1] + channels[2] + 0.5, tf.uint8)


def _resized(picture, box, is_turned):
    """The part of a picture from `box[0]`, of size `box[1]`, in size `box[2]`, on the levels of 8 bits: float32.

    One axis after the other, as Pillow does it: on the upright picture across first. Not scaled, it is not touched.
    """
    start, kept, size = tf.unstack(tf.cast(box, tf.float32))
    whole = tf.cast(tf.shape(picture)[:2], tf.float32)
    across = tf.stack([is_turned, ~is_turned])
    for axis in (across, ~across):
        scale = tf.where(axis, size / kept, 1.0)
        made = tf.raw_ops.ScaleAndTranslate(
            images=picture[None],
            size=tf.cast(tf.where(axis, size, whole), tf.int32),
            scale=scale,
            translation=tf.where(axis, -start, 0.0) * scale,
            kernel_type="keyscubic",
            antialias=True,
        )
        picture, whole = _levels(tf.ensure_shape(made[0], [None, None, picture.shape[-1]])), size
    return picture


def _levels(picture):
    return tf.clip_by_value(tf.round(picture), 0.0, 255.0)
