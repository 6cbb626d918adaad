"""What fits into this computer, said before TensorFlow tries it, and takes minutes or the process down; and what is let
go of.
"""

import contextlib
import gc
import math
import os
import unittest.mock

import keras
from tensorflow.python.framework import ops

from tfgan_zoo.errors import InputError

COPIES = 5  # of a weight that trains: itself, two moments of Adam, its gradient, what its first value is made of


def there():
    """Bytes of memory of this computer; None where it does not say."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return None


@contextlib.contextmanager
def held_to_what_is_there():
    """While it is open, networks may be made whose weights, with what trains them, fit into memory.

    Raises:
        InputError: at the layer with which they would not.
    """
    add_weight, limit, asked = keras.layers.Layer.add_weight, there(), 0

    def counted(layer, shape=None, *args, **kwargs):
        nonlocal asked
        size = 4 * math.prod(d or 0 for d in shape) if isinstance(shape, tuple | list) else 4
        asked += size * (COPIES if kwargs.get("trainable", True) else 1)
        if limit is not None and asked > limit:
            raise InputError(
                f"the weights of the networks would take more than {asked / 2**30:,.1f} GiB with what trains them, and "
                f"this computer has {limit / 2**30:,.1f}: lower the width or --image-size"
            )
        return add_weight(layer, shape, *args, **kwargs)

    with unittest.mock.patch.object(keras.layers.Layer, "add_weight", counted):
        yield


def check_batch(data, count):
    """Refuses a batch that alone would not fit.

    Args:
        data: a `Data`.
        count: examples of one step.

    Raises:
        InputError: it would not.
    """
    size, limit = 4 * count * sum(map(math.prod, data.shapes.values())), there()
    if limit is not None and size > limit:
        raise InputError(
            f"a step's batch of {count:,} examples takes {size / 2**30:,.1f} GiB, and this computer has "
            f"{limit / 2**30:,.1f}: lower --batch-size or --image-size"
        )


def custom_gradients():
    """The names by which TensorFlow knows each gradient of `tf.custom_gradient` in a graph: it lets none of them go."""
    return {name for name in _gradients() if name.startswith("CustomGradient-")}


def let_go(names):
    """Lets go of what is only held by itself, and of custom gradients: each holds the graph that it was traced in.

    Args:
        names: of gradients of graphs that are not differentiated any more.
    """
    for name in names:
        _gradients().pop(name, None)
    gc.collect()  # models and optimizers are cycles, and hold as much as the networks


def _gradients():
    return getattr(ops.gradient_registry, "_registry", {})
