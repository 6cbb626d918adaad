"""How far translated pictures are from the true ones."""

import tensorflow as tf


def compare(translate, pairs):
    """Mean absolute error of `translate(source)` against the target, and of the source itself (doing nothing).

    Args:
        translate: `source [B, H, W, C] -> image [B, H, W, C]` in [-1, 1].
        pairs: batches `(source, target)` of one shape, finite.

    Returns:
        `{"l1": ..., "l1_identity": ...}` over all pixels, in units of the [-1, 1] range.
    """

    @tf.function(reduce_retracing=True, autograph=False)
    def errors(source, target):
        return tf.reduce_sum(tf.abs(translate(source) - target)), tf.reduce_sum(tf.abs(source - target))

    made = unchanged = count = 0.0
    for source, target in pairs:
        a, b = errors(source, target)
        made, unchanged, count = made + float(a), unchanged + float(b), count + float(tf.size(target))
    return {"l1": made / count, "l1_identity": unchanged / count}
