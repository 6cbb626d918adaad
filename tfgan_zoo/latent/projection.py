"""The point of a latent space whose picture is nearest to a given one.

After "Analyzing and Improving the Image Quality of StyleGAN", Karras et al., CVPR 2020, arXiv 1912.04958, appendix D:
Adam, a learning rate that is ramped up over the first 5 % of the steps and down by a cosine over the last 25 %, noise
added to the point over the first three quarters. Departs from it in the distance, squared differences of pixels instead
of LPIPS; in that constant noise of the layers stays as it is served; and in that the start is the best of many draws,
not the mean alone, which for z is no typical point.
"""

from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from tfgan_zoo.optimizers import Adam

DRAWS = 512  # of which the start is the best


class Projected(NamedTuple):
    """What `project` found.

    Attributes:
        point: the best, in the shape of one of `draws`.
        loss: its mean squared difference from the target.
        losses: `[steps + 1]`, of each point on the way, the start first.
        way: `[stops, ...]` points on the way, the start first and the best last.
    """

    point: np.ndarray
    loss: float
    losses: np.ndarray
    way: np.ndarray


def project(generate, target, draws, *, steps=500, rate=0.05, noise=0.05, bounds=None, stops=8, seed=0):
    """Descends from the best of `draws` to where the squared difference from `target` is least.

    Args:
        generate: `points [N, ...] -> image [N, H, W, C]`, of tensors, with a gradient.
        target: `[H, W, C]` in [-1, 1].
        draws: `[N, ...]` points to start from; the mean of them is tried, too, and their deviation scales the noise.
        steps: of Adam.
        rate: its learning rate at its highest, in units of the deviation of the draws.
        noise: what is added to the point, in those units, falling to 0 at three quarters of the steps.
        bounds: `(low, high)` that the point is kept in, or None.
        stops: points of the way that are kept.
        seed: of the noise.

    Returns:
        A `Projected`. Its loss is never above that of the start.
    """
    draws = np.asarray(draws, np.float32)
    spread = float(draws.std()) or 1.0
    draws = np.concatenate([draws.mean(0, keepdims=True), draws])
    target = tf.constant(target, tf.float32)

    def distances(points):
        return tf.reduce_mean(tf.square(generate(points) - target), [1, 2, 3])

    begun = np.concatenate(
        [distances(tf.constant(part)).numpy() for part in np.array_split(draws, len(draws) // 64 + 1)]
    )
    point = keras.Variable(draws[[np.argmin(begun)]])
    optimizer = Adam(rate * spread, 0.9, 0.999)
    optimizer.build([point])
    rng = np.random.default_rng(seed)

    @tf.function
    def descend(rate, jitter):
        with tf.GradientTape() as tape:
            loss = distances(tf.convert_to_tensor(point) + jitter)[0]
        optimizer.learning_rate.assign(rate)
        optimizer.apply([tape.gradient(loss, point.value)], [point])
        if bounds:
            point.assign(tf.clip_by_value(tf.convert_to_tensor(point), *bounds))
        return distances(tf.convert_to_tensor(point))[0]

    losses, points = [float(begun.min())], [np.array(point)[0]]
    for step in range(steps):
        t = step / steps
        ramp = min(1.0, (1 - t) / 0.25)
        ramp = (0.5 - 0.5 * np.cos(np.pi * ramp)) * min(1.0, (t + 1 / steps) / 0.05)
        jitter = noise * spread * max(0.0, 1 - t / 0.75) ** 2 * rng.standard_normal(point.shape)
        losses.append(float(descend(rate * spread * ramp, tf.constant(jitter, tf.float32))))
        points.append(np.array(point)[0])
    best = int(np.argmin(losses))
    stops = np.unique(np.linspace(0, best, min(stops, best + 1)).round().astype(int))
    return Projected(points[best], losses[best], np.array(losses), np.stack([points[i] for i in stops]))
