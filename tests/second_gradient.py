"""Whether a network has the second-order gradients that a gradient penalty, R1 or the length of paths is trained by.

Some operations have none and say nothing (bilinear resizing: `tf.image.resize`, `UpSampling2D(interpolation=
"bilinear")`): the penalty is then computed right and trained wrong.
"""

import keras
import numpy as np
import tensorflow as tf

from tfgan_zoo import layers, random

STEP = 1e-5  # of the finite differences, in units of the size of a weight
KINKED = (keras.activations.relu, keras.activations.leaky_relu)


def check(network, inputs, rng, *, rtol=1e-4):
    """Holds the gradient of a penalty of `network` to central finite differences.

    The penalty is the squared norm of the gradient of the summed outputs with respect to the floating inputs; its
    gradient is that with respect to the trainable weights, along three random directions. All is done with a twin of
    the network in float64 whose ReLUs and LeakyReLUs are replaced by SiLU (below a ReLU the penalty is a step function
    of the weights, which no differences measure), as in training, with weights moved off their start: those that are 0
    hide what is behind them.

    Args:
        network: a functional or sequential `keras.Model`.
        inputs: an array of its input, or a list of them; integers are taken for labels.
        rng: `numpy.random.Generator`, of the directions.
        rtol: of the largest of the three.

    Raises:
        AssertionError: they differ.
    """
    twin = _smooth_twin(network)
    weights = twin.trainable_weights
    sizes = [np.sqrt(np.mean(np.square(w))) or 0.1 for w in twin.get_weights()[: len(weights)]]
    for weight, size in zip(weights, sizes, strict=True):
        weight.assign(weight + size * rng.normal(size=weight.shape))
    _find_singular_vectors(twin)
    inputs = [tf.constant(x) for x in (inputs if isinstance(inputs, (list, tuple)) else [inputs])]
    inputs = [tf.cast(x, tf.float64) if x.dtype.is_floating else x for x in inputs]

    def penalty():
        watched = [x for x in inputs if x.dtype.is_floating]
        with random.stream(0), tf.GradientTape() as tape:
            tape.watch(watched)
            outputs = keras.tree.flatten(twin(inputs if len(inputs) > 1 else inputs[0], training=True))
            total = tf.add_n([tf.reduce_sum(tf.cast(y, tf.float64)) for y in outputs])
        return tf.add_n([tf.reduce_sum(tf.square(g)) for g in tape.gradient(total, watched)])

    @tf.function
    def gradients():
        with tf.GradientTape() as tape:
            value = penalty()
        return tape.gradient(value, [w.value for w in weights], unconnected_gradients=tf.UnconnectedGradients.ZERO)

    start, slopes, value = [w.numpy() for w in weights], gradients(), tf.function(penalty)

    def moved(by):
        for weight, x, direction in zip(weights, start, directions, strict=True):
            weight.assign(x + by * direction)
        return value().numpy()

    by_gradient, by_differences = [], []
    for _ in range(3):
        directions = [size * rng.normal(size=w.shape) for w, size in zip(weights, sizes, strict=True)]
        by_gradient.append(sum(np.vdot(g, d) for g, d in zip(slopes, directions, strict=True)))
        by_differences.append((moved(STEP) - moved(-STEP)) / (2 * STEP))
    np.testing.assert_allclose(
        by_gradient,
        by_differences,
        rtol=0,
        atol=rtol * np.abs(by_differences).max(),
        err_msg=f"{network.name} is not trained by a gradient penalty: one of its layers has no second-order gradient",
    )


def _smooth_twin(network):
    def wide(x):
        return keras.Input(batch_shape=x.shape, dtype="float64" if x.dtype.startswith("float") else x.dtype)

    def clone(layer):
        if isinstance(layer, keras.Model):
            return _smooth_twin(layer)
        if isinstance(layer, (keras.layers.ReLU, keras.layers.LeakyReLU)):
            return keras.layers.Activation("silu", dtype="float64", name=layer.name)
        if not isinstance(layer, keras.layers.Layer):  # an operation of keras.ops
            return layer.__class__.from_config(layer.get_config())
        config = layer.get_config() | {"dtype": "float64"}
        if "activation" in config and keras.activations.get(config["activation"]) in KINKED:
            config["activation"] = "silu"
        return layer.__class__.from_config(config)

    inputs = keras.tree.map_structure(wide, network.input)
    twin = keras.models.clone_model(network, input_tensors=inputs, clone_function=clone)
    twin.set_weights(network.get_weights())
    return twin


def _find_singular_vectors(network):
    # W / sigma(W) has the gradient that it states where u is the singular vector.
    for layer in network._flatten_layers(include_self=False):
        if isinstance(getattr(layer, "normalization", None), layers.SpectralNorm):
            for _ in range(500):
                layer.normalized_kernel(training=True)
