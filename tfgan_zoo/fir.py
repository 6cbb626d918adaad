"""Small separable filters on pictures: blurring, enlarging, shrinking, by depthwise convolutions.

Karras et al. 2019, arXiv 1812.04948 (taps 1, 2, 1), and Karras et al. 2020, arXiv 1912.04958 (taps 1, 3, 3, 1). Beyond
the border is 0. All have first- and second-order gradients, as gradient penalties need; `tf.image.resize` has not.

With an even number of taps `upsample` is 4 times the adjoint of `downsample`, at the border too: <upsample(x), y> = 4
<x, downsample(y)>.
"""

import numpy as np
import tensorflow as tf

BINOMIAL = (1.0, 2.0, 1.0)
BILINEAR = (1.0, 3.0, 3.0, 1.0)


def blur(x, taps=BINOMIAL, pads=None, gain=1.0):
    """Weighs each pixel with its neighbours: [B, H, W, C] -> [B, h, w, C], h = H + sum(pads) - len(taps) + 1.

    Args:
        x: pictures, of any floating type.
        taps: the filter along each axis, symmetric; its sum is divided away.
        pads: rows and columns of zeros (before, after); None: as many as keep the size.
        gain: what a constant is multiplied with, inside.
    """
    return _filtered(x, taps, pads or _pads(taps, 1, 1), gain, 1)


def upsample(x, taps=BILINEAR):
    """Twice as high and wide, [B, H, W, C] -> [B, 2H, 2W, C]: zeros between the pixels, then the filter, times 4.

    Args:
        x: pictures, of any floating type.
        taps: as of `blur`.
    """
    # Each pixel becomes a square of itself and three zeros.
    spread = tf.nn.depth_to_space(tf.pad(x, [[0, 0], [0, 0], [0, 0], [0, 3 * x.shape[-1]]]), 2)
    return _filtered(spread, taps, _pads(taps, 2, 1), 4.0, 1)


def downsample(x, taps=BILINEAR):
    """Half as high and wide, [B, H, W, C] -> [B, H/2, W/2, C]: the filter, then every second pixel.

    Args:
        x: pictures, of any floating type, of even sides.
        taps: as of `blur`.
    """
    return _filtered(x, taps, _pads(taps, 1, 2), 1.0, 2)


def _pads(taps, up, down):
    beyond = len(taps) - max(up, down)
    return (beyond + 1) // 2 + up - 1, beyond // 2


def _filtered(x, taps, pads, gain, stride):
    along = np.asarray(taps) / np.sum(taps)
    square = gain * np.outer(along, along)
    kernel = tf.constant(np.tile(square[:, :, None, None], [1, 1, x.shape[-1], 1]), x.dtype)
    padded = tf.pad(x, [[0, 0], list(pads), list(pads), [0, 0]])
    return tf.nn.depthwise_conv2d(padded, kernel, [1, stride, stride, 1], "VALID")
