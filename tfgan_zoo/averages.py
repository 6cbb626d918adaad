"""Copies of networks that do not train: what a generator was, or the moving average of its weights."""

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
