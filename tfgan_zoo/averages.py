"""Copies of networks that do not train: what a generator was, or the moving average of its weights."""

import math

import keras
import tensorflow as tf


def copy(network):
    """A network of its own with the weights of `network`. None of its weights is trainable.

    Args:
        network: a built functional or sequential `keras.Model`.
    """
    average = keras.models.clone_model(network)
    average.set_weights(network.get_weights())
    average.trainable = False
    return average


def copies(networks):
    """Of networks that share inputs and layers: copies that share theirs, as `copy` makes them.

    Args:
        networks: built functional `keras.Model`s, parts of one graph: of one input, or of some of those of another.
    """
    inputs = list({id(x): x for network in networks for x in network.inputs}.values())
    whole = copy(keras.Model(inputs, [network.output for network in networks]))
    copied = dict(zip(map(id, inputs), whole.inputs, strict=True))
    made = []
    for network, output in zip(networks, whole.outputs, strict=True):
        own = [copied[id(x)] for x in network.inputs]
        made.append(keras.Model(own if len(own) > 1 else own[0], output, name=network.name))
    return made


def update(average, network, decay):
    """average <- decay average + (1 - decay) weight, for each trainable weight of `network`.

    What does not train (batch norm's statistics, singular vectors) is copied as it is. Inside of a `train_step` every
    replica makes the same update of its own copy.

    Args:
        average: made by `copy`.
        network: the one that trains.
        decay: in [0, 1]; what is kept of the average, a number or a scalar tensor.
    """
    for mean, weight in zip(average.weights, network.weights, strict=True):
        new, old = tf.convert_to_tensor(weight), tf.convert_to_tensor(mean)
        mean.assign(old + (1 - decay) * (new - old) if weight.trainable else new)


def corrected(rate, step):
    """The decay for `update` after step number `step`, from 0, by which the average is that of all weights since then.

    It is the moving average that begins at 0 and keeps 1 - `rate`, divided by 1 - (1 - rate)^n after n updates (Kingma
    & Ba 2015, section 3): what the copy was at the start counts for nothing.

    Args:
        rate: in (0, 1), what is taken of the new weights in the long run.
        step: an int or an integer scalar tensor, such as `random.step()`.
    """
    filled = -tf.math.expm1(tf.cast(step + 1, tf.float32) * math.log1p(-rate))  # 1 - (1 - rate)^n
    return 1.0 - rate / filled


def squared_distance(average, network):
    """||theta - average||^2 over all trainable weights of `network`, float32.

    Where the average is the mean of all that they were: historical averaging, Salimans et al. 2016 (arXiv 1606.03498),
    section 3.3.

    Args:
        average: made by `copy`; no gradient goes to it.
        network: the one that trains.
    """
    pairs = zip(average.weights, network.weights, strict=True)
    off = [tf.convert_to_tensor(weight) - tf.convert_to_tensor(mean) for mean, weight in pairs if weight.trainable]
    return tf.add_n([tf.reduce_sum(tf.square(tf.cast(part, tf.float32))) for part in off])
