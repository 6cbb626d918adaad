"""Examples -> batches, by TensorFlow operations alone.

Order and augmentation are functions of (seed, example number), so a run that resumes at any step, on any number of
replicas, sees what it would have seen without the interruption. Batches of one column are tensors, those of several are
dicts.
"""

import dataclasses
import os
from collections.abc import Callable

import tensorflow as tf

from tfgan_zoo.data.columns import Column
from tfgan_zoo.errors import InputError

SHUFFLE_BUFFER = 16384
PARALLEL = min(16, os.cpu_count() or 1)  # Batches that are made at once.
_AHEAD = 8  # Batches that wait for the step.
_TRANSFORM = -1  # Stands where the number of a stream does in the key of random numbers.
# Pipelines have nothing that is to be converted, and looking for it takes long.
PLAIN = tf.autograph.experimental.do_not_convert


@dataclasses.dataclass(frozen=True)
class Examples:
    """Examples that can be loaded by number, in any order.

    Attributes:
        columns: the name of each column and what it is.
        counts: how many there are, one number per independent index stream: `(n,)`, or `(n_a, n_b)` when unpaired.
        load: one int64 vector `[B]` per stream -> a dict of columns as they are stored, each `[B, ...]`, in-graph.
    """

    columns: dict[str, Column]
    counts: tuple[int, ...]
    load: Callable


@dataclasses.dataclass(frozen=True)
class Streamed:
    """Examples of a prepared set too large for memory, read in the order of its files.

    Epoch e shuffles them through a buffer of `SHUFFLE_BUFFER` encoded examples, keyed by (seed, e). Starting in the
    middle of an epoch reads the part before it and throws it away undecoded: slow to start, but exact.

    Attributes:
        columns, counts: as in `Examples`.
        encoded: one finite `tf.data.Dataset` per stream, each element a dict of encoded pictures and other columns.
        decode: one batch of such dicts per stream -> what `Examples.load` gives.
    """

    columns: dict[str, Column]
    counts: tuple[int, ...]
    encoded: tuple[tf.data.Dataset, ...]
    decode: Callable


def from_arrays(arrays):
    """Examples from arrays in memory.

    Args:
        arrays: name -> `(array, resize)`: an array with the examples along axis 0 and the `resize` of its `Column`,
            such as `{"image": (pixels, "bicubic"), "mask": (holes, "nearest"), "label": (labels, None)}`.

    Returns:
        `Examples` of one stream.

    Raises:
        InputError: arrays of different lengths; pictures that are not uint8; columns to resize that have no height and
            width.
    """
    columns, tensors = {}, {}
    for name, (array, resize) in arrays.items():
        with tf.device("CPU"):  # where pipelines run
            tensors[name] = tf.convert_to_tensor(array)
        columns[name] = Column(tf.TensorSpec(tensors[name].shape[1:], tensors[name].dtype), resize)
        if resize not in ("bicubic", "nearest", None):
            raise InputError(f"column {name} is to be resized by {resize!r}; give bicubic, nearest or None")
        if resize and tensors[name].shape.rank not in (4, 5):
            raise InputError(
                f"column {name} has examples of shape {columns[name].spec.shape.as_list()}; expected [height, width, "
                f"channels], or frames of that, or None for its resize"
            )
        if resize == "bicubic" and tensors[name].dtype != tf.uint8:
            raise InputError(f"column {name} is {tensors[name].dtype.name}; pictures are uint8, 0 to 255")
    counts = {name: len(tensor) for name, tensor in tensors.items()}
    if len(set(counts.values())) != 1 or not min(counts.values()):
        raise InputError(f"the columns have {counts} examples; give as many of each, at least 1")
    return Examples(columns, (min(counts.values()),), lambda i: {name: tf.gather(x, i) for name, x in tensors.items()})


def unpair(**columns):
    """Single columns of different examples -> examples of all of them, each with an index stream of its own.

    Args:
        columns: the new name of a column -> `Examples` or `Streamed` of one column and one stream.
    """
    parts = list(columns.values())
    counts, specs = sum((part.counts for part in parts), ()), _specs(columns)
    if isinstance(parts[0], Streamed):

        def decode(*encoded):
            return _named(columns, [part.decode(e) for part, e in zip(parts, encoded, strict=True)])

        return Streamed(specs, counts, sum((part.encoded for part in parts), ()), decode)
    return Examples(specs, counts, lambda *i: _named(columns, [p.load(j) for p, j in zip(parts, i, strict=True)]))


def side_by_side(**columns):
    """As `unpair`, but of one index stream, as long as the shortest."""
    apart = unpair(**columns)
    counts = (min(apart.counts),)
    if isinstance(apart, Streamed):
        return Streamed(
            apart.columns, counts, (tf.data.Dataset.zip(apart.encoded),), lambda parts: apart.decode(*parts)
        )
    return Examples(apart.columns, counts, lambda i: apart.load(*[i] * len(columns)))


def batches(examples, batch_size, *, seed, step=0, transform=None, context=None):
    """Endless batches: pictures float32 in [-1, 1], all else as it is stored.

    Example number p, counted from the start of the run, is the same whatever `step` it starts at: each epoch visits
    every example once, in an order keyed by (seed, stream, epoch).

    Args:
        examples: `Data.train`.
        batch_size: the global batch.
        seed: an int.
        step: how many batches to leave out at the start.
        transform: None, or `(element, seed [2], columns) -> element`, in-graph, of one example: a dict of columns as
            batches hold them (`data/transforms.py`). Its seed is a function of (seed, p).
        context: None, or the `tf.distribute.InputContext` of a pipeline. Then batches are those of single replicas:
            pipeline w with r replicas gives the slices w*r ... w*r + r-1 of each global batch in turn.

    Returns:
        A `tf.data.Dataset` of tensors `[batch, ...]`, or of dicts of them, with static shapes.

    Raises:
        InputError: the batch does not divide over the replicas.
    """
    context = context or tf.distribute.InputContext()
    replicas = context.num_replicas_in_sync
    if batch_size < 1 or batch_size % replicas:
        raise InputError(f"batch size {batch_size} does not divide over {replicas} replicas; give a multiple of it")
    size = batch_size // replicas
    slices = replicas // context.num_input_pipelines  # Of a global batch, those that this pipeline gives.
    first = slices * size * context.input_pipeline_id

    @PLAIN
    def numbered(m):
        return m // slices * batch_size + first + m % slices * size + tf.range(size, dtype=tf.int64)

    if isinstance(examples, Streamed):
        start = step * batch_size
        streams = [_endless(examples.encoded[k], n, _key(seed, k), start) for k, n in enumerate(examples.counts)]
        dataset = tf.data.Dataset.zip(tuple(streams)).enumerate(start)
        dataset = dataset.filter(lambda p, _: (p % batch_size >= first) & (p % batch_size < first + slices * size))
        dataset = dataset.batch(size, drop_remainder=True)
    else:
        dataset = tf.data.Dataset.range(step * slices, tf.int64.max).map(numbered)

    @PLAIN
    def batch(p, encoded=None):
        if encoded is None:
            stored = examples.load(*(_shuffled(p, n, _key(seed, k)) for k, n in enumerate(examples.counts)))
        else:
            stored = examples.decode(*encoded)
        return assembled(examples, stored, p, seed=seed, transform=transform)

    return _made(dataset, batch)


def assembled(examples, stored, p, *, seed, transform=None):
    """A batch as `batches` gives it, of what was loaded.

    Args:
        examples, seed, transform: as `batches` takes them.
        stored: what `examples.load` gives.
        p: the numbers of these examples, counted from the start of the run, int64 `[B]`.
    """
    columns = _in_batch(stored, examples.columns)
    if transform is not None:
        columns = _each(transform, columns, _fold_in(_key(seed, _TRANSFORM), p), examples.columns)
    return _bare(columns)


def in_order(examples, batch_size):
    """Every example once, in order, as `batches` gives them; the last batch may be smaller. For evaluation."""
    if isinstance(examples, Streamed):
        dataset, load = tf.data.Dataset.zip(examples.encoded).batch(batch_size), examples.decode
    else:
        count = min(examples.counts)
        dataset = tf.data.Dataset.range(0, count, batch_size)
        numbers = lambda i: (tf.range(i, tf.minimum(i + batch_size, count)),) * len(examples.counts)  # noqa: E731
        dataset, load = dataset.map(PLAIN(numbers)), examples.load
    batch = PLAIN(lambda *x: _bare(_in_batch(load(*x), examples.columns)))
    return _made(dataset, batch)


def take(examples, n):
    """`n` examples spread evenly over the set (the first `n` of streamed ones), as one NumPy batch. For sample grids.

    A set of fewer than `n` repeats examples; a streamed one gives those that it has.
    """
    if isinstance(examples, Streamed):
        return next(in_order(examples, n).as_numpy_iterator())
    spread = [tf.constant([(2 * i + 1) * count // (2 * n) for i in range(n)], tf.int64) for count in examples.counts]
    with tf.device("CPU"):  # where the examples are
        load = tf.function(examples.load, autograph=False)  # a mask is drawn in thousands of operations
        batch = _bare(_in_batch(load(*spread), examples.columns))
    return tf.nest.map_structure(lambda x: x.numpy(), batch)


def untuned(dataset):
    """The dataset without tf.data's autotuning, whose thread the end of an iterator may have to wait for.

    It wakes after 10, 20, 40 ms and so on up to a minute, and often misses that it is told to stop: of 28 times 50
    steps in 1.4 s, 13 ended after 2.6 s.
    """
    options = tf.data.Options()
    options.autotune.enabled = False
    return dataset.with_options(options)


def _made(dataset, batch):
    made = dataset.map(batch, num_parallel_calls=PARALLEL, deterministic=True)
    return untuned(made.prefetch(_AHEAD))


def _key(seed, stream):
    return tf.constant([seed, stream], tf.int64)


def _fold_in(key, numbers):
    """`tf.random.fold_in(key, number)` of every number of a vector: `[B, 2]`. That is (a draw of the key, number)."""
    drawn = tf.random.fold_in(key, tf.constant(0, tf.int64))[0]
    return tf.stack([tf.fill(tf.shape(numbers), drawn), numbers], axis=-1)


def _shuffled(p, count, key):
    # `tf.random.experimental.index_shuffle` puts the constant before each seed, but fails to where there are several.
    seeds = tf.pad(_fold_in(key, p // count), [[0, 0], [1, 0]], constant_values=498247692)
    last = tf.constant(count - 1, tf.int64)
    return tf.raw_ops.RandomIndexShuffle(index=p % count, seed=seeds, max_index=last, rounds=4)


def _endless(encoded, count, key, start):
    def epoch(e):
        # `shuffle` mixes the global seed into its own; set here it is that of this function only.
        tf.compat.v1.set_random_seed(1)
        return encoded.shuffle(SHUFFLE_BUFFER, seed=tf.random.fold_in(key, e)[0], reshuffle_each_iteration=False)

    return tf.data.Dataset.range(start // count, tf.int64.max).flat_map(epoch).skip(start % count)


def _each(transform, batch, seeds, columns):
    """`transform` of every example of a batch."""
    one = {name: column.batch_spec for name, column in columns.items()}
    key = tf.TensorSpec([2], seeds.dtype)
    traced = tf.function(lambda x, k: transform(x, k, columns)).get_concrete_function(one, key)
    given = tf.nest.map_structure(lambda x: tf.TensorSpec(x.shape, x.dtype), traced.structured_outputs)
    return tf.map_fn(lambda x: traced(*x), (batch, seeds), fn_output_signature=given)


def _in_batch(stored, columns):
    return {name: column.in_batch(stored[name]) for name, column in columns.items()}


def _bare(columns):
    return columns if len(columns) > 1 else next(iter(columns.values()))


def _specs(columns):
    return {name: next(iter(part.columns.values())) for name, part in columns.items()}


def _named(names, parts):
    return {name: next(iter(part.values())) for name, part in zip(names, parts, strict=True)}
