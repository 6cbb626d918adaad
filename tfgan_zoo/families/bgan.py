"""BGAN: "Boundary-Seeking Generative Adversarial Networks", Hjelm, Jacob, Che, Trischler, Cho and Bengio, ICLR 2018.
arXiv 1702.08431.

Follows the authors' tutorial and published code, for the f-divergence of the original GAN, whose importance weight is
w(x) = D(x) / (1 - D(x)) = exp(logits). Discrete images: the lower-variance policy gradient with weights normalised over
M samples of one z. Continuous images: E[(log w)^2], as in both; others give it with a factor 1/2. The paper's own pages
were not at hand: nothing is cited by its number.
The networks at the end are the published code's for MNIST. Departs from that code (github.com/rdevon/BGAN) in that
- the discriminator sees one sample per z and the generator's weights M others, of other z's, where there both see the
  same M;
- means of pixels are held `EDGE` away from certainty;
- layers have no bias where batch normalisation follows, which would take it away, and its epsilon is 1e-5 (1e-4).
"""

import keras
import tensorflow as tf
from keras import layers as kl

from tfgan_zoo import base, latent, layers, losses, random, signatures
from tfgan_zoo.errors import InputError
from tfgan_zoo.networks import sizes

EDGE = 1e-5  # float32 means near -1 have steps of 6e-8: closer, log g(x | z) and its slope would be rounding


class BGAN(base.GenerativeModel):
    """A GAN whose generator seeks the discriminator's decision boundary, and may draw pixels that are black or white.

    Compile with `g_optimizer` and `d_optimizer`; `train_step` takes images [B, H, W, C], of -1 and 1 alone where
    `pixels` is `discrete`, else in [-1, 1].

    A discrete generator gives the mean of each pixel, so that `serving_default(z)` is a function of z: grey where
    it is undecided. `sample` and `sample_png` draw the pixels.

    Args:
        generator: `z [B, latent_dim] -> image [B, H, W, C]` in [-1, 1]. A discrete one gives 2 p - 1, p being the
            probability that a pixel is 1: with a tanh at the end, twice what goes into it is the logit of p.
        discriminator: `image [B, H, W, C] -> logits [B, 1]`. For discrete images it should have no batch norm, or the
            weight of a sample would depend on its neighbours.
        pixels: `discrete` or `continuous`.
        samples: images per z that the weights are normalised over, the paper's M, 2 or more; only if discrete.
        baseline: see `discrete_generator_loss`; only if discrete.
        prior: the law of z, a `latent.Prior` of length latent_dim; None: N(0, I).
        seed: see `base.GenerativeModel`.

    Raises:
        InputError: an unknown kind of pixels, or fewer than 2 samples.

    Example:
        import numpy as np
        from tfgan_zoo import BGAN
        from tfgan_zoo.networks.dcgan import dcgan_discriminator, dcgan_generator
        from tfgan_zoo.optimizers import Adam

        model = BGAN(dcgan_generator((8, 8, 1), width=8), dcgan_discriminator((8, 8, 1), width=8), pixels="continuous")
        model.compile(g_optimizer=Adam(2e-4, 0.5), d_optimizer=Adam(2e-4, 0.5))
        images = np.random.uniform(-1, 1, [16, 8, 8, 1]).astype("float32")
        model.fit(images, batch_size=4, verbose=0)
        generated = model(model.prior.array(2, np.random.default_rng(0)))["generated"]  # [2, 8, 8, 1]
    """

    def __init__(self, generator, discriminator, *, pixels="discrete", samples=20, baseline=False, prior=None, seed=0):
        super().__init__(**base.two_players(generator, discriminator), seed=seed)
        if pixels not in ("discrete", "continuous"):
            raise InputError(f"pixels {pixels!r}: expected 'discrete' or 'continuous'")
        if samples < 2:
            raise InputError(f"samples {samples}: expected 2 or more, or every weight would be 1")
        self.prior = prior or latent.Prior(generator.input_shape[-1])
        self.pixels, self.samples, self.baseline = pixels, samples, baseline

    def train_step(self, real):
        fake = self.generator(self.prior.like(real), training=True)
        if self.pixels == "discrete":
            fake = draw_pixels(fake, 1)[:, 0]
        with tf.GradientTape() as tape:
            d_loss = losses.non_saturating_discriminator_loss(
                self.discriminator(real, training=True), self.discriminator(fake, training=True)
            )
        self.minimize(d_loss, tape, self.d_optimizer)

        with tf.GradientTape() as tape:
            fake = self.generator(self.prior.like(real), training=True)
            if self.pixels == "discrete":
                g_loss = self.discrete_loss(fake)
            else:
                g_loss = continuous_generator_loss(self.discriminator(fake, training=True))
        self.minimize(g_loss, tape, self.g_optimizer)

        return self.track(d_loss=d_loss, g_loss=g_loss)

    def discrete_loss(self, mean):
        images = draw_pixels(mean, self.samples)  # [B, M, H, W, C]
        logits = self.discriminator(tf.reshape(images, [-1, *mean.shape[1:]]), training=True)
        return discrete_generator_loss(mean, images, tf.reshape(logits, [-1, self.samples]), baseline=self.baseline)

    def preview(self, real):
        shown = latent.preview(self.served("generator"), self.prior, real, self.seed)
        if self.pixels == "continuous":
            return shown
        with random.stream(self.seed, 1):
            return {"mean": shown["sample"], "sample": draw_pixels(shown["sample"], 1)[:, 0]}

    def signatures(self):
        served = signatures.noise_to_image(self.served("generator"), self.discriminator, self.prior)
        if self.pixels == "continuous":
            return served
        mean_of, numbers = served["sample"]

        def sample(count, seed):
            mean = mean_of(count, seed)["generated"]
            with random.stream(seed, 1):  # z was drawn from step 0
                return draw_pixels(mean, 1)[:, 0]

        return served | {
            "sample": (lambda count, seed: {"generated": sample(count, seed)}, numbers),
            "sample_png": (lambda count, seed: {"generated_bytes": signatures.to_png(sample(count, seed))}, numbers),
        }


def draw_pixels(mean, count):
    """`count` images of independent pixels -1 and 1 of this mean: [B, H, W, C] -> [B, count, H, W, C].

    Raises:
        RuntimeError: no `random.stream` is open.
    """
    u = random.uniform([tf.shape(mean)[0], count, *mean.shape[1:]], -1.0, 1.0)
    return tf.where(u < tf.cast(mean, tf.float32)[:, None], 1.0, -1.0)


def discrete_generator_loss(mean, images, logits, baseline=False):
    """-E_z[sum_m w~_m log g(x_m | z)], w~ = w / sum_m' w(x_m'), w = D / (1 - D).

    Its gradient, weights held, is the policy gradient: it tends to that of E_z KL(p~(x | z) || g(x | z)) with M, where
    p~ = w g / E_g[w] is what the discriminator takes for the data.

    Args:
        mean: `[B, H, W, C]`, 2 p - 1.
        images: `[B, M, H, W, C]` of -1 and 1, drawn from it.
        logits: `[B, M]`, the discriminator's of each.
        baseline: take their mean, 1 / M, from the weights. The gradient's expectation stays, since that of
            grad log g is 0; its noise is less, and none where all weights are equal. Not in the paper's algorithm.
    """
    weights = tf.stop_gradient(tf.nn.softmax(tf.cast(logits, tf.float32), axis=1))
    if baseline:
        weights -= tf.reduce_mean(weights, axis=1, keepdims=True)
    mean = tf.clip_by_value(tf.cast(mean, tf.float32), EDGE - 1.0, 1.0 - EDGE)[:, None]
    log_g = tf.reduce_sum(tf.math.log((1.0 + images * mean) / 2.0), axis=list(range(2, images.shape.rank)))  # [B, M]
    return -tf.reduce_mean(tf.reduce_sum(weights * log_g, axis=1))


def continuous_generator_loss(fake_logits):
    """E[(log w(G(z)))^2] = E[(log D(G(z)) - log(1 - D(G(z))))^2]: 0 on the decision boundary."""
    return tf.reduce_mean(tf.square(tf.cast(fake_logits, tf.float32)))


def mnist_generator(image_shape, latent_dim=64, width=64):
    """`z [B, latent_dim] -> image [B, H, W, C]` in [-1, 1], float32: the published code's for digits of 28x28.

    Two dense layers, of 1024 units and of a map of a quarter of the size, and two transposed 5x5 convolutions of stride
    2. Batch normalisation (of the dense layers' units each by itself) and ReLU after each but the last. The code draws
    z from [0, 1]; here z is in [-1, 1] and is moved there first: give the family
    `prior=latent.Prior(latent_dim, "uniform")`. Where the code has a sigmoid, here is the tanh of half as much: the
    mean of a pixel that is -1 or 1.

    Args:
        image_shape: (H, W, C); H and W multiples of 4.
        latent_dim: length of z.
        width: channels of the layer next to the picture; the dense map has twice as many.

    Raises:
        InputError: an image size that does not fit.
    """
    height, breadth = sizes.divided(image_shape, 4)
    z = keras.Input([latent_dim])
    x = kl.Rescaling(0.5, 0.5)(z)  # [-1, 1] to [0, 1]
    for units in (1024, height * breadth * 2 * width):
        x = kl.ReLU()(layers.batch_normalization()(kl.Dense(units, use_bias=False)(x)))
    x = kl.Reshape([height, breadth, 2 * width])(x)  # [B, H/4, W/4, 2 * width]
    x = kl.Conv2DTranspose(width, 5, 2, "same", use_bias=False)(x)  # [B, H/2, W/2, width]
    x = kl.ReLU()(layers.batch_normalization()(x))
    x = kl.Conv2DTranspose(image_shape[2], 5, 2, "same")(x)  # [B, H, W, C], the logits of white
    x = kl.Activation("tanh", dtype="float32")(kl.Rescaling(0.5, dtype="float32")(x))
    return keras.Model(z, x, name="mnist_generator")


def mnist_discriminator(image_shape, width=64):
    """`image [B, H, W, C] -> logits [B, 1]`, float32: the published code's for discrete digits, without batch norm.

    Two 5x5 convolutions of stride 2 and a dense layer of 1024 units, LeakyReLU of slope 0.2 after each.

    Args:
        image_shape: (H, W, C); H and W multiples of 4.
        width: channels of the first layer; the second has twice as many.

    Raises:
        InputError: an image size that does not fit.
    """
    sizes.divided(image_shape, 4)
    image = x = keras.Input(image_shape)
    for channels in (width, 2 * width):
        x = kl.LeakyReLU(negative_slope=0.2)(kl.Conv2D(channels, 5, 2, "same")(x))
    x = kl.LeakyReLU(negative_slope=0.2)(kl.Dense(1024)(kl.Flatten()(x)))
    x = kl.Dense(1, name="logits")(x)  # [B, 1]
    return keras.Model(image, kl.Activation("linear", dtype="float32")(x), name="mnist_discriminator")
