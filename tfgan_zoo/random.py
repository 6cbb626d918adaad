"""Random numbers of a training step: functions of (seed, step, draw), never of hidden state.

`keras.random` draws the same numbers on every replica and keeps state that a checkpoint may miss. Here a step opens a
`stream`, and each draw inside it gets the next number as its key. A draw is made for the *global* batch, of which a
replica keeps its slice: one replica and eight make the same update, and a resumed run draws what the uninterrupted
one would have drawn. Only stateless operations are used, so a step compiles with XLA.

The number of a draw is counted while a step is traced. The body of a `tf.while_loop` (`tf.map_fn`, `tf.scan`, a Python
loop over a tensor) is traced once: a draw in it would give every iteration the same numbers, so it is refused. Draw
before the loop, for all iterations at once; or open a stream in the body, keyed by what the iterations count.
"""

import contextlib
import threading

import tensorflow as tf

from tfgan_zoo import replicas

_open = threading.local()  # MirroredStrategy traces each replica in a thread of its own


class _Stream:
    def __init__(self, key, step, replica, replicas, shared):
        self.first, self.step, self.shared, self.draws = _bits([], key, tf.int64), step, shared, 0
        self.replica, self.replicas = replica, replicas
        self.graph = tf.compat.v1.get_default_graph()  # in which it was opened


@contextlib.contextmanager
def stream(seed, step=0, *, shared=False):
    """Opens the stream that `normal` and `uniform` draw from.

    Args:
        seed: int or integer scalar tensor.
        step: int or integer scalar tensor; the training step.
        shared: draw one example and repeat it over the batch, so that the answer for one example depends neither on
            its neighbours nor on the batch size (serving). With an int seed, what is drawn for a shape of ints (the
            batch excepted) is a constant of the graph: not every runtime knows these operations.
    """
    replica, among = (0, 1) if shared else (replicas.index(), replicas.count())
    with tf.init_scope() if shared and isinstance(seed, int) and isinstance(step, int) else contextlib.nullcontext():
        step = tf.cast(step, tf.int64)
        opened = _Stream(tf.stack([tf.cast(seed, tf.int64), step]), step, replica, among, shared)
    with _opened(opened):
        yield


@contextlib.contextmanager
def _opened(new):
    outer = getattr(_open, "stream", None)
    _open.stream = new
    try:
        yield
    finally:
        _open.stream = outer


def fork():
    """A stream of its own for a branch of the graph, whose draws may be made in other threads than this one.

    Returns:
        What opens it, wherever it is called: `with forked():`. It counts as one draw of the open stream, of which its
        own are functions.

    Raises:
        RuntimeError: as `normal`.
    """
    current = _current()
    key = _next_key(current)
    return lambda: _opened(_Stream(key, current.step, replicas.index(), replicas.count(), current.shared))


def normal(shape):
    """Standard normal float32 numbers of `shape`; axis 0 is this replica's batch.

    Raises:
        RuntimeError: no stream is open, or it was opened outside of the loop that this is in.
    """
    return _draw(shape, transform=tf.math.ndtri)


def uniform(shape, minval=0.0, maxval=1.0, *, same=False):
    """Uniform float32 numbers from `minval` to `maxval` of `shape`; axis 0 is this replica's batch.

    With `same=True` there is no batch axis and every replica gets the same numbers.

    Raises:
        RuntimeError: as `normal`.
    """
    return minval + (maxval - minval) * _draw(shape, same)


def integers(shape, below):
    """Uniform int64 numbers 0 ... below - 1 of `shape`; axis 0 is this replica's batch.

    Raises:
        RuntimeError: as `normal`.
    """
    return tf.minimum(tf.cast(uniform(shape) * below, tf.int64), below - 1)  # rounding could reach `below`


def labels(count, num_classes):
    """The labels of a batch, [count] int64, all equally likely; None where there are none (`num_classes` is 0).

    Raises:
        RuntimeError: as `normal`.
    """
    return integers([count], num_classes) if num_classes else None


def step():
    """The training step of the open stream, an int64 scalar: for what is annealed. 0 where nothing is trained.

    Raises:
        RuntimeError: no stream is open.
    """
    return _current().step


def _current():
    current = getattr(_open, "stream", None)
    if current is None:
        raise RuntimeError("random numbers were asked for outside `with random.stream(seed, step):`")
    return current


# The graphs of a loop's condition and body; TensorFlow has no public name for them.
_LOOPS = ("WhileCondFuncGraph", "WhileBodyFuncGraph")


def _refuse_in_a_loop(current):
    graph = tf.compat.v1.get_default_graph()
    while graph is not None and graph is not current.graph:
        if type(graph).__name__ in _LOOPS:
            raise RuntimeError(
                "random numbers were asked for in a loop whose body is traced once, from a stream opened outside of it:"
                " every iteration would get the same; draw before the loop, for all iterations at once"
            )
        graph = getattr(graph, "outer_graph", None)


def _draw(shape, same=False, transform=lambda drawn: drawn):
    current = _current()
    _refuse_in_a_loop(current)
    if current.shared:
        known = not tf.is_symbolic_tensor(current.first) and all(isinstance(d, int) for d in shape[1:])
        with tf.init_scope() if known else contextlib.nullcontext():
            rest = tf.convert_to_tensor(shape[1:], tf.int32)
            one = transform(_in_unit_interval(tf.concat([[1], rest], 0), _next_key(current)))
        return tf.repeat(one, tf.convert_to_tensor(shape, tf.int32)[0], axis=0)
    key = _next_key(current)
    # Transformed whole and then cut: vectorised functions round by position.
    if same or (isinstance(current.replicas, int) and current.replicas == 1):
        return transform(_in_unit_interval(shape, key))
    shape = tf.convert_to_tensor(shape, tf.int32)
    batch, rest = shape[:1], shape[1:]
    everything = transform(_in_unit_interval(tf.concat([batch * current.replicas, rest], 0), key))
    start = current.replica * batch
    return tf.slice(everything, tf.concat([start, tf.zeros_like(rest)], 0), shape)


def _next_key(current):
    """`tf.random.fold_in(key, number)` of the stream's key, whose first half is drawn once: tracing it takes long."""
    key = tf.stack([current.first, tf.constant(current.draws, tf.int64)])
    current.draws += 1
    return key


def _bits(shape, key, dtype):
    """What `tf.random.stateless_uniform(..., alg="philox")` gives of whole numbers, in far fewer operations."""
    mixed = _philox([4], [0x02461E293EC8F720], tf.cast(key, tf.uint64), tf.uint32)
    pair = tf.bitcast(tf.reshape(mixed, [2, 2]), tf.uint64)
    return _philox(shape, tf.slice(pair, [0], [1]), pair * [0, 1], dtype)


def _philox(shape, key, counter, dtype):
    shape, key = tf.convert_to_tensor(shape, tf.int32), tf.convert_to_tensor(key, tf.uint64)
    alg = tf.random.Algorithm.PHILOX.value
    return tf.raw_ops.StatelessRandomUniformFullIntV2(shape=shape, key=key, counter=counter, alg=alg, dtype=dtype)


def _in_unit_interval(shape, key):
    # From integer bits: XLA draws the same ones as TensorFlow's kernels do, which is not so for floats. The middle of
    # each of 2^23 cells, so that neither 0 nor 1 comes out.
    cell = tf.bitwise.right_shift(_bits(shape, key, tf.uint32), 9)
    return tf.cast(cell, tf.float32) * 2.0**-23 + 2.0**-24
