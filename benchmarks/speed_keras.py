"""A DCGAN as people write it in plain Keras: a `Model` with two optimizers, `compile` and `fit` with their defaults.

Stock layers, Keras' own Adam and random numbers, a `tf.data` pipeline over an array in memory. The networks have the
shapes of `tfgan_zoo.networks.dcgan`.
"""

import keras
import numpy as np
import tensorflow as tf
from keras import layers as kl

from tfgan_zoo.data import batches


def fit(model, data, config, callbacks):
    """Trains such a DCGAN on the same data, as large as a `tfgan_zoo.DCGAN`, until a callback ends it."""
    images = np.asarray(batches.take(data.train, *data.train.counts))
    gan = Gan(_generator(images.shape[1:], config), _discriminator(images.shape[1:], config), config.latent_dim)
    ours = [model.generator.count_params(), model.discriminator.count_params()]
    assert [gan.generator.count_params(), gan.discriminator.count_params()] == ours
    rate = config.learning_rate
    gan.compile(keras.optimizers.Adam(rate, 0.5), keras.optimizers.Adam(rate, 0.5))
    dataset = tf.data.Dataset.from_tensor_slices(images).shuffle(len(images)).repeat()
    dataset = dataset.batch(config.batch_size, drop_remainder=True).prefetch(tf.data.AUTOTUNE)
    gan.fit(dataset, steps_per_epoch=10**8, epochs=1, verbose=0, callbacks=callbacks)


class Gan(keras.Model):
    """Goodfellow's two players, with the non-saturating loss."""

    def __init__(self, generator, discriminator, latent_dim):
        super().__init__()
        self.generator, self.discriminator, self.latent_dim = generator, discriminator, latent_dim
        self.random = keras.random.SeedGenerator(0)
        self.entropy = keras.losses.BinaryCrossentropy(from_logits=True)
        self.d_mean, self.g_mean = keras.metrics.Mean("d_loss"), keras.metrics.Mean("g_loss")

    def compile(self, d_optimizer, g_optimizer):
        super().compile()
        self.d_optimizer, self.g_optimizer = d_optimizer, g_optimizer

    @property
    def metrics(self):
        return [self.d_mean, self.g_mean]

    def train_step(self, real):
        count = tf.shape(real)[0]
        ones, zeros = tf.ones([count, 1]), tf.zeros([count, 1])
        fake = self.generator(self._noise(count), training=True)
        with tf.GradientTape() as tape:
            d_loss = self.entropy(ones, self.discriminator(real, training=True))
            d_loss += self.entropy(zeros, self.discriminator(fake, training=True))
        weights = self.discriminator.trainable_weights
        self.d_optimizer.apply_gradients(zip(tape.gradient(d_loss, weights), weights, strict=True))
        with tf.GradientTape() as tape:
            fake = self.generator(self._noise(count), training=True)
            g_loss = self.entropy(ones, self.discriminator(fake, training=True))
        weights = self.generator.trainable_weights
        self.g_optimizer.apply_gradients(zip(tape.gradient(g_loss, weights), weights, strict=True))
        self.d_mean.update_state(d_loss)
        self.g_mean.update_state(g_loss)
        return {"d_loss": self.d_mean.result(), "g_loss": self.g_mean.result()}

    def _noise(self, count):
        return keras.random.uniform([count, self.latent_dim], -1.0, 1.0, seed=self.random)


def _halvings(shape):
    side, times = min(shape[:2]), 0
    while side >= 8:
        side, times = side // 2, times + 1
    return times


def _generator(shape, config):
    times = _halvings(shape)
    height, width, channels = shape[0] >> times, shape[1] >> times, config.width << (times - 1)
    network = [keras.Input([config.latent_dim]), kl.Dense(height * width * channels, use_bias=False)]
    network += [kl.Reshape([height, width, channels]), kl.BatchNormalization(), kl.ReLU()]
    for i in reversed(range(times - 1)):
        network += [kl.Conv2DTranspose(config.width << i, 5, 2, "same", use_bias=False)]
        network += [kl.BatchNormalization(), kl.ReLU()]
    return keras.Sequential([*network, kl.Conv2DTranspose(shape[2], 5, 2, "same", activation="tanh")])


def _discriminator(shape, config):
    network = [keras.Input(shape)]
    for i in range(_halvings(shape)):
        network += [kl.Conv2D(config.width << i, 5, 2, "same", use_bias=i == 0)]
        network += [kl.BatchNormalization()] if i else []
        network += [kl.LeakyReLU(negative_slope=0.2)]
    return keras.Sequential([*network, kl.Flatten(), kl.Dense(1)])
