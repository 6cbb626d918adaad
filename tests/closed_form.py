"""Networks of a few weights whose steps can be computed by hand, and one-dimensional laws whose divergences are known.

A step by hand: `line(w)` is a network, `at(w, x)` what it says, `slope_at(d, x)` the gradient in w of a mean loss whose
slope in what the network says is d, and `step(model, batch)` what one step of the model did.
"""

import keras
import numpy as np
import tensorflow as tf

from tfgan_zoo import random


def affine(scale, shift):
    """A generator that returns scale * z + shift: N(shift, scale^2) for a normal z."""
    z = keras.Input([1])
    constant = keras.initializers.Constant
    layer = keras.layers.Dense(1, kernel_initializer=constant(scale), bias_initializer=constant(shift))
    return keras.Model(z, layer(z))


class Turned(keras.layers.Layer):
    """Turns the sign outside of training: a step that calls a network the wrong way moves weights the wrong way."""

    def call(self, x, training=False):
        return x if training else -x


def line(weights, shape=(1,)):
    """A network `x -> w x + b`, or `[x_1, x_2] -> w_1 x_1 + w_2 x_2 + b`, in training; outside of it the negative.

    Args:
        weights: `[w, b]` or `[w_1, w_2, b]`.
        shape: of each x and of the answer, one channel: a point, or a picture whose pixels are treated alike.
    """
    *kernel, bias = np.float32(weights)
    constant = keras.initializers.Constant
    inputs = [keras.Input(shape) for _ in kernel]
    x = keras.ops.concatenate(inputs, axis=-1) if len(inputs) > 1 else inputs[0]
    start = {"kernel_initializer": constant(np.array(kernel)[:, None]), "bias_initializer": constant(bias)}
    return keras.Model(inputs if len(inputs) > 1 else inputs[0], Turned()(keras.layers.Dense(1, **start)(x)))


def at(weights, *inputs):
    """What `line(weights)` says in training, by NumPy."""
    return sum(w * x for w, x in zip(weights[:-1], inputs, strict=True)) + weights[-1]


def slope_at(slope, *inputs):
    """The gradient of E[loss] in the weights of `line(weights)`, `slope` being that of the loss in what it says."""
    return np.array([np.mean(slope * x) for x in inputs] + [np.mean(slope)])


def lines(weights):
    """A network `[x, label] -> w x + b_label` in training, outside of it the negative; weights `[w, b_0, ...]`."""
    w, *biases = np.float32(weights)
    x, label, constant = keras.Input([1]), keras.Input([], dtype="int64"), keras.initializers.Constant
    scaled = keras.layers.Dense(1, kernel_initializer=constant(w), use_bias=False)(x)
    bias = keras.layers.Embedding(len(biases), 1, embeddings_initializer=constant(np.array(biases)[:, None]))(label)
    return keras.Model([x, label], Turned()(scaled + bias))


def slope_at_lines(slope, x, label, labels):
    """As `slope_at`, of `lines(weights)`."""
    return np.array([np.mean(slope * x), *(np.bincount(label, slope, labels) / len(label))])


def sigmoid(x):
    return 1.0 / (1.0 + np.exp(-x))


def softplus(x):
    """log(1 + e^x): -log sigmoid(-x)."""
    return np.log1p(np.exp(x))


def logistic_slopes(d, real, fake):
    """The gradient of -E[log D(x)] - E[log(1 - D(G(z)))] in d, D = sigmoid(line(d)); tuples of D's inputs."""
    return slope_at(-sigmoid(-at(d, *real)), *real) + slope_at(sigmoid(at(d, *fake)), *fake)


def logistic_loss(d, real, fake):
    """-E[log D(x)] - E[log(1 - D(G(z)))], D = sigmoid(line(d)); tuples of D's inputs."""
    return softplus(-at(d, *real)).mean() + softplus(at(d, *fake)).mean()


def hinge_step(g, d, minibatches, draws):
    """A step of `lines(g)` against `lines(d)` by the hinge loss, each minibatch a step of D.

    Args:
        minibatches: of `(x, label)`.
        draws: `(label, z)` of the fakes of each minibatch, and of those of the generator's step.

    Returns:
        d afterwards, the generator's gradient, the last two losses.
    """
    *draws, (label, z) = draws
    for (x, real_label), (fake_label, fake_z) in zip(minibatches, draws, strict=True):
        fake = g[0] * fake_z + g[1:][fake_label]
        real_logits, fake_logits = d[0] * x + d[1:][real_label], d[0] * fake + d[1:][fake_label]
        d_loss = np.maximum(0, 1 - real_logits).mean() + np.maximum(0, 1 + fake_logits).mean()
        of_real = slope_at_lines(-1.0 * (real_logits < 1), x, real_label, len(d) - 1)
        d = d - of_real - slope_at_lines(1.0 * (fake_logits > -1), fake, fake_label, len(d) - 1)
    fake = g[0] * z + g[1:][label]
    g_loss = -np.mean(d[0] * fake + d[1:][label])
    return d, slope_at_lines(np.full(len(z), -d[0]), z, label, len(g) - 1), d_loss, g_loss


def noise(model, count, draws, draw=random.normal):
    """The first draws of the model's next step, each `[count]`, where nothing else is drawn before or between.

    The law is `draw`'s, a function of a shape, and not the model's own, which might be wrong.
    """
    with random.stream(model.seed, int(model.step)):
        return [np.float64(draw([count, 1]))[:, 0] for _ in range(draws)]


def off_their_start(network, spread=0.3, seed=0):
    """The network, each of its trainable weights moved by `spread` times a number of N(0, 1)."""
    rng = np.random.default_rng(seed)
    for weight in network.trainable_weights:
        weight.assign(weight + spread * rng.normal(size=weight.shape))
    return network


def step(model, batch):
    """One step of SGD(1) on `batch`.

    Returns:
        `(moved, logs)`: role -> how far its trainable weights went downhill, one vector, which is their gradient where
        nothing but one step of an optimizer moves them; and the losses.
    """
    before = {role: weights_of(getattr(model, role)) for role in model.roles}
    model.compile(**{name: keras.optimizers.SGD(1.0) for name in model.trains})
    batch = tf.nest.map_structure(lambda x: np.float32(x) if np.asarray(x).dtype.kind == "f" else x, batch)
    logs = model.fit(tf.data.Dataset.from_tensors(batch), shuffle=False, verbose=0).history
    moved = {role: old - weights_of(getattr(model, role)) for role, old in before.items()}
    return moved, {name: values[0] for name, values in logs.items()}


def steep(first=300.0, second=300.0):
    """D(x) = second * first x, of pictures of one pixel, in the precision of the policy but for its answer."""

    def times(number, **given):
        start = keras.initializers.Constant(number)
        return keras.layers.Dense(1, use_bias=False, kernel_initializer=start, **given)

    image = keras.Input([1, 1, 1])
    return keras.Model(image, times(second, dtype="float32")(keras.layers.Flatten()(times(first)(image))))


def weights_of(network):
    """All its trainable weights, one vector."""
    return np.concatenate([np.ravel(np.float64(v)) for v in network.trainable_variables] or [[]])


def normal(x, mean, deviation):
    """The density of N(mean, deviation^2) at x."""
    return np.exp(-0.5 * ((x - mean) / deviation) ** 2) / (deviation * np.sqrt(2 * np.pi))
