"""PixelVAE: "PixelVAE: A Latent Variable Model for Natural Images", Gulrajani, Kumar, Ahmed, Ali Taiga, Visin, Vazquez
and Courville, ICLR 2017. arXiv 1611.05013.

Follows equation 1, a decoder p(x|z) that is a product over pixels, each given those before and z, and the bound of log
p(x) of a variational auto-encoder, whose KL divergence is multiplied by a weight that rises to 1, as in the published
program. Its networks for binarised MNIST are `networks.pixel_vae` and `networks.pixel_cnn.gated_pixel_cnn`.

Departs from the paper in that
- the weight of the KL divergence begins at a share of one step and not at 0, which can give NaNs (the program says);
- hierarchies of codes (equation 2) and decoders that enlarge z before its pixels are not here; maps of z are
  (`code_maps`);
- pictures are in [-1, 1] and drawn by a sampler that computes each layer once per pixel (`autoregressive`).
"""

import math
from typing import Literal

import tensorflow as tf

from tfgan_zoo import autoregressive, base, latent, likelihoods, random, signatures
from tfgan_zoo.errors import InputError


class PixelVAE(base.GenerativeModel):
    """Codes of pictures, and pictures that are drawn pixel by pixel given a code, by a lower bound of log p(x).

    Compile with `vae_optimizer`, which trains both networks; `train_step` takes images [B, H, W, C] in [-1, 1], or
    `{"image", "label"}`, whose labels are not looked at. Logs, in nats per picture, `nats` (minus the bound),
    `reconstruction` (minus log p(x|z)) and `kl`.

    A decoder that sees far enough can do without the code. Whether it does is not said by the KL divergence alone but
    by what the bound loses where each picture is decoded by another one's code: `shuffled_gap`.

    Args:
        encoder: `image [B, H, W, C] -> {"mean" [B, dim], "log_deviation" [B, dim]}` of q(z|x).
        decoder: `[image [B, H, W, C], z [B, dim]] -> logits`, of masked convolutions.
        levels: values of each colour of a pixel, evenly spaced from -1 to 1, to which pictures are rounded.
        binarize: how grey pixels become black and white in training, where there are two levels: `threshold`, white
            from 0 on, as all that is served does; or `dynamic`, white with probability (x + 1) / 2, drawn anew in each
            step.
        kl_steps: over how many steps the weight of the KL divergence rises to 1, the program's 10,000.
        seed: see `base.GenerativeModel`.

    Raises:
        InputError: networks that do not fit each other or the levels, an unknown choice.

    Example:
        import numpy as np
        from tfgan_zoo import PixelVAE
        from tfgan_zoo.networks.pixel_cnn import gated_pixel_cnn
        from tfgan_zoo.networks.pixel_vae import pixel_vae_encoder
        from tfgan_zoo.optimizers import Adam

        encoder, decoder = pixel_vae_encoder((8, 8, 1), 3, 4), gated_pixel_cnn((8, 8, 1), 4, 1, code_dim=3)
        model = PixelVAE(encoder, decoder, kl_steps=10)
        model.compile(vae_optimizer=Adam(1e-3))
        images = np.random.uniform(-1, 1, [16, 8, 8, 1]).astype("float32")
        model.fit(images, batch_size=4, verbose=0)
        generated = model(model.prior.array(2, np.random.default_rng(0)))["generated"]  # [2, 8, 8, 1]
    """

    def __init__(
        self,
        encoder,
        decoder,
        *,
        levels=2,
        binarize: Literal["threshold", "dynamic"] = "threshold",
        kl_steps=10_000,
        seed=0,
    ):
        super().__init__({"encoder": encoder, "decoder": decoder}, {"vae_optimizer": ["encoder", "decoder"]}, seed=seed)
        autoregressive.check_binarize(binarize, levels)
        self.levels, self.binarize, self.kl_steps = levels, binarize, kl_steps
        self.sampler = autoregressive.Sampler(decoder, levels)
        self.image_shape = tuple(encoder.inputs[0].shape[1:])
        codes = [head.shape[-1] for head in encoder.output.values()]
        told = [tuple(x.shape[1:]) for x in decoder.inputs]
        if told != [self.image_shape, (codes[0],)]:
            raise InputError(
                f"the decoder takes {told}; expected {[self.image_shape, (codes[0],)]}, as the encoder has"
            )
        self.prior = latent.Prior(codes[0])

    def train_step(self, batch):
        real, _ = base.image_and_label(batch)
        numbers = autoregressive.training_values(real, self.levels, self.binarize)
        noise = self.prior.like(real)
        weight = tf.minimum((tf.cast(random.step(), tf.float32) + 1.0) / self.kl_steps, 1.0)
        with tf.GradientTape() as tape:
            mean, log_deviation = self.law(numbers, training=True)
            z = mean + noise * tf.exp(log_deviation)
            reconstruction = -tf.reduce_mean(self.log_p(numbers, z, training=True))
            kl = tf.reduce_mean(likelihoods.kl_to_standard_normal(mean, 2.0 * log_deviation))
            loss = reconstruction + weight * kl
        self.minimize(loss, tape, self.vae_optimizer)
        return self.track(nats=reconstruction + kl, reconstruction=reconstruction, kl=kl)

    def law(self, numbers, training=False):
        """q(z|x) of values: its means and the logarithms of its deviations, `[B, dim]` each."""
        said = self.encoder(autoregressive.picture(numbers, self.levels), training=training)
        return said["mean"], said["log_deviation"]

    def log_p(self, numbers, z, training=False):
        """log p(x|z), [B] float32 in nats, equation 1: of values 0 ... levels - 1."""
        given = [autoregressive.picture(numbers, self.levels), tf.convert_to_tensor(z)]
        logits = self.decoder(given, training=training)
        return autoregressive.log_likelihood(logits, numbers, self.levels)

    def bound(self, numbers, noise):
        """log p(x|z) - KL(q(z|x) || p(z)), [B], with z = mean + deviation * noise: on average at most log p(x).

        Args:
            numbers: values `[B, H, W, C]`.
            noise: `[B, dim]`, of N(0, 1).
        """
        mean, log_deviation = self.law(numbers)
        given = self.log_p(numbers, mean + noise * tf.exp(log_deviation))
        return given - likelihoods.kl_to_standard_normal(mean, 2.0 * log_deviation)

    def importance_bound(self, numbers, noise):
        """log of the mean of p(x, z) / q(z|x) over several z, [B]: Burda et al. 2016 (arXiv 1509.00519). The more of
        them, the nearer to log p(x).

        Args:
            numbers: values `[B, H, W, C]`.
            noise: `[K, B, dim]`, of N(0, 1).
        """
        mean, log_deviation = self.law(numbers)
        z = mean + noise * tf.exp(log_deviation)  # [K, B, dim]
        # The factors (2 pi)^(-1/2) of p(z) and q(z|x) cancel.
        ratio = tf.reduce_sum(log_deviation + 0.5 * tf.square(noise) - 0.5 * tf.square(z), 2)
        given = self.log_p(tf.tile(numbers, [len(noise), 1, 1, 1]), tf.reshape(z, [-1, z.shape[2]]))
        return tf.reduce_logsumexp(tf.reshape(given, tf.shape(ratio)) + ratio, 0) - math.log(len(noise))

    def kl(self, numbers):
        """KL(q(z|x) || p(z)), [B] in nats."""
        mean, log_deviation = self.law(numbers)
        return likelihoods.kl_to_standard_normal(mean, 2.0 * log_deviation)

    def shuffled_gap(self, numbers, noise):
        """By how much log p(x|z) falls where z is of the next picture, [B] in nats: 0 where the code is not used."""
        mean, log_deviation = self.law(numbers)
        z = mean + noise * tf.exp(log_deviation)
        return self.log_p(numbers, z) - self.log_p(numbers, tf.roll(z, 1, 0))

    def decode(self, z):
        """Pictures [B, H, W, C] given codes, drawn with numbers of the open `random.stream`."""
        return self.sampler.draw(z)

    def encode(self, image):
        """`{"code", "code_deviation"}` of pictures in [-1, 1]: the law q(z|x)."""
        mean, log_deviation = self.law(autoregressive.values(image, self.levels))
        return {"code": mean, "code_deviation": tf.exp(log_deviation)}

    def preview(self, batch):
        real, _ = base.image_and_label(batch)
        with random.stream(self.seed):
            made = self.decode(self.prior.like(real))
            again = self.decode(self.encode(real)["code"])
        shown = autoregressive.picture(autoregressive.values(real, self.levels), self.levels)
        return {"image": shown, "reconstruction": again, "sample": made}

    def signatures(self):
        """Those of `signatures.drawn_given_code`, and `bound(image)`, of one z that is drawn for all pictures."""
        z = tf.TensorSpec([None, self.prior.dim], tf.float32, name="z")
        image = tf.TensorSpec([None, *self.image_shape], tf.float32, name="image")

        def bound(image):
            with random.stream(self.seed, shared=True):
                noise = self.prior.like(image)
            return {"bound": self.bound(autoregressive.values(image, self.levels), noise)}

        served = signatures.drawn_given_code(
            lambda z: z, [z], self.decode, self.encode, lambda told: told["code"], self.prior.draw, image, self.seed
        )
        return served | {"bound": (bound, [image])}
