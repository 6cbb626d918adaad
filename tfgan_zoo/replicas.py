"""What the replicas of a step know of each other: how many they are, and the rows of each other's batches.

Replica r of R holds rows r B to (r + 1) B - 1 of the global batch of R B rows: in this order `random` draws for it, and
in this order `gather` puts it together. With one replica, and outside of a strategy's `run`, all this is the identity.
"""

import tensorflow as tf


def count():
    """How many replicas make this step; 1 outside of a replica."""
    context = tf.distribute.get_replica_context()
    return 1 if context is None else context.num_replicas_in_sync


def index():
    """The number of this replica, from 0, an int32 scalar; 0 outside of a replica."""
    context = tf.distribute.get_replica_context()
    return 0 if context is None else tf.cast(context.replica_id_in_sync_group, tf.int32)


def gather(x):
    """The rows of all replicas, [B, ...] -> [R B, ...], in the order of the global batch.

    Every replica has to call it, with the same B. What it gives is the same on all of them. Gradients go through it to
    the replica that a row is of: those of the sum, over replicas, of what each computes from the result.

    Args:
        x: [B, ...], numbers.

    Returns:
        [R B, ...], of the type of `x`; `x` itself with one replica.
    """
    if count() == 1:
        return x
    # A sum to which each adds its rows at their place: shapes stay static, as XLA wants them, and the gradient of a sum
    # over replicas is a sum over replicas.
    mine = tf.reshape(tf.range(count()) == index(), [-1] + [1] * len(x.shape))  # [R, 1, ...]
    placed = tf.where(mine, x[None], tf.zeros([], x.dtype))  # [R, B, ...]
    rows = tf.reshape(placed, tf.concat([[-1], tf.shape(x)[1:]], 0))
    size = None if x.shape[0] is None else count() * x.shape[0]
    rows = tf.ensure_shape(rows, [size, *x.shape[1:]])
    return tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, rows)


def own(rows):
    """The rows of this replica out of those of all, [R B, ...] -> [B, ...]: the inverse of `gather`.

    Args:
        rows: [R B, ...], the same on every replica.

    Returns:
        [B, ...]; `rows` itself with one replica.
    """
    if count() == 1:
        return rows
    size = tf.shape(rows)[0] // count()
    mine = rows[index() * size : (index() + 1) * size]
    return tf.ensure_shape(mine, [rows.shape[0] and rows.shape[0] // count(), *rows.shape[1:]])
