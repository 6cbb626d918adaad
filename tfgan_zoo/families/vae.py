"""VAE: "Auto-Encoding Variational Bayes", Kingma and Welling, ICLR 2014. arXiv 1312.6114.

Follows algorithm 1 with the estimator of equation 7, whose KL divergence is the closed form of appendix B, or with that
of equation 6, which estimates it too. Laws of x given z are those of the appendix: Bernoulli or Gaussian. Equation 8,
the bound of a whole data set, is N times the mean over the minibatch that is minimised here. The paper was read in
others' summaries and reproductions, not itself; appendix numbers are theirs.

Departs from the paper in that
- the KL divergence has a weight, 1 by default. With 0 and a code without deviation this is the plain auto-encoder;
- pictures are in [-1, 1], so that Bernoulli probabilities are those of (x + 1) / 2, and a Gaussian mean ends in a tanh;
- pixels are made black and white by a new draw in each step; what the paper did about grey pixels was not seen;
- a learned deviation of a Gaussian has a floor: without one the bound has no end;
- `bound` is the tighter one of several samples of Burda, Grosse and Salakhutdinov (arXiv 1509.00519).
"""

import math
from typing import Literal

import tensorflow as tf

from tfgan_zoo import base, latent, likelihoods, random, signatures
from tfgan_zoo.errors import InputError


class VAE(base.GenerativeModel):
    """Codes of pictures and pictures of codes, by a lower bound of log p(x). Or a plain auto-encoder.

    Compile with `vae_optimizer`, which trains both networks; `train_step` takes images [B, H, W, C] in [-1, 1],
    `{"image", "label"}`, whose labels are not looked at, or points [B, dim]. Logs, in nats per example, `loss`,
    `reconstruction` (minus log p(x|z)) and `kl`.

    Where `binarize` is not `none`, all that is served looks at black and white pictures: pixels above 0 count as white.

    Args:
        encoder: `image [B, H, W, C] -> {"mean" [B, dim], "log_variance" [B, dim]}` of q(z|x). Without "log_variance"
            the code is the mean, and this is an auto-encoder: give it a `kl_weight` of 0.
        decoder: `z [B, dim] -> [B, H, W, C]`: logits of a Bernoulli law, or the mean of a Gaussian one, or `{"mean",
            "log_variance"}`. `networks.vae` has both networks.
        likelihood: the law of x given z, `bernoulli` or `gaussian`.
        binarize: how grey pixels become black and white before a Bernoulli law: `dynamic`, drawn anew in each step;
            `threshold`, white from above 0 on; or `none`: the loss is then a cross-entropy, and no bound of log p.
        deviation: of the Gaussian law where the decoder does not say it.
        least_deviation: what is added to the deviation where it does.
        kl: `analytic`, equation 7, or `sampled`, equation 6: the same on average.
        kl_weight: 1 for the bound; Higgins et al. 2017 call it beta.
        samples: of z for each picture and step, the paper's L.
        decoder_decay: of the decoder's weights: half of their squares, times this, is added to the loss per example.
            1 / N, of N training examples, is the prior N(0, 1) on them of section 5.
        bound_samples: of z for each picture, of the signature `bound`.
        seed: see `base.GenerativeModel`.

    Raises:
        InputError: an unknown choice, or a KL divergence of codes that have no deviation.

    Example:
        import numpy as np
        from tfgan_zoo import VAE
        from tfgan_zoo.networks.vae import vae_decoder, vae_encoder
        from tfgan_zoo.optimizers import Adam

        model = VAE(vae_encoder((8, 8, 1), 3, [16]), vae_decoder((8, 8, 1), 3, [16]))
        model.compile(vae_optimizer=Adam(1e-3))
        images = np.random.uniform(-1, 1, [16, 8, 8, 1]).astype("float32")
        model.fit(images, batch_size=4, verbose=0)
        generated = model(model.prior.array(2, np.random.default_rng(0)))["generated"]  # [2, 8, 8, 1]
        nats = model.bound(images[:2])  # [2]
    """

    def __init__(
        self,
        encoder,
        decoder,
        *,
        likelihood: Literal["bernoulli", "gaussian"] = "bernoulli",
        binarize: Literal["dynamic", "threshold", "none"] = "dynamic",
        deviation=1.0,
        least_deviation=0.01,
        kl: Literal["analytic", "sampled"] = "analytic",
        kl_weight=1.0,
        samples=1,
        decoder_decay=0.0,
        bound_samples=64,
        seed=0,
    ):
        super().__init__(
            networks={"encoder": encoder, "decoder": decoder},
            trains={"vae_optimizer": ["encoder", "decoder"]},
            seed=seed,
        )
        _check("likelihood", likelihood, ("bernoulli", "gaussian"))
        _check("binarize", binarize, ("dynamic", "threshold", "none"))
        _check("kl", kl, ("analytic", "sampled"))
        self.has_deviation = "log_variance" in encoder.output
        if kl_weight and not self.has_deviation:
            raise InputError(
                f"kl_weight is {kl_weight:g}, but the encoder says no log_variance: a code without deviation has no KL "
                "divergence; give 0, or such an encoder"
            )
        self.prior = latent.Prior(decoder.input_shape[-1])
        self.likelihood, self.binarize = likelihood, "none" if likelihood == "gaussian" else binarize
        self.deviation, self.least_deviation = deviation, least_deviation
        self.kl, self.kl_weight, self.samples, self.decoder_decay = kl, kl_weight, samples, decoder_decay
        self.bound_samples = bound_samples

    def train_step(self, batch):
        image, _ = base.image_and_label(batch)
        image = likelihoods.draw_binary(image) if self.binarize == "dynamic" else self.seen(image)
        noise = random.normal([tf.shape(image)[0], self.samples, self.prior.dim])
        with tf.GradientTape() as tape:
            log_likelihood, kl = self.terms(image, noise, training=True)
            loss = tf.reduce_mean(self.kl_weight * kl - log_likelihood)
            if self.decoder_decay:
                squares = [tf.reduce_sum(tf.square(v)) for v in self.decoder.trainable_variables]
                loss += 0.5 * self.decoder_decay * tf.add_n(squares)
        self.minimize(loss, tape, self.vae_optimizer)
        return self.track(loss=loss, reconstruction=-tf.reduce_mean(log_likelihood), kl=tf.reduce_mean(kl))

    def seen(self, image):
        """The picture as the law of x looks at it outside of training: black and white, if it is to be."""
        return image if self.binarize == "none" else tf.where(image > 0.0, 1.0, -1.0)

    def posterior(self, image, training=False):
        """q(z|x): mean and log variance, `[B, dim]` float32 each; the latter is None where codes have no deviation."""
        said = self.encoder(image, training=training)
        log_variance = tf.cast(said["log_variance"], tf.float32) if self.has_deviation else None
        return tf.cast(said["mean"], tf.float32), log_variance

    def log_likelihood(self, image, z, training=False):
        """log p(x|z) in nats, `[B, L]`.

        Args:
            image: `[B, ...]` as `seen` gives it.
            z: `[B, L, dim]`.
        """
        said = self.decoder(tf.reshape(z, [-1, self.prior.dim]), training=training)  # [B L, ...]
        each = tf.repeat(image, tf.shape(z)[1], axis=0)
        if self.likelihood == "bernoulli":
            log_p = likelihoods.bernoulli(each, said)
        else:
            log_p = likelihoods.gaussian(each, *self.law(said))
        return tf.reshape(log_p, tf.shape(z)[:2])

    def law(self, said):
        """Mean and deviation of the Gaussian law, of what the decoder says."""
        if not isinstance(said, dict):
            return said, self.deviation
        return said["mean"], self.least_deviation + tf.exp(0.5 * tf.cast(said["log_variance"], tf.float32))

    def terms(self, image, noise, training=False):
        """What the bound is made of: log p(x|z), a mean over L samples, and the KL divergence, `[B]` in nats.

        Args:
            image: `[B, ...]` as `seen` gives it.
            noise: `[B, L, dim]`, of z = mean + deviation noise.
        """
        mean, log_variance = self.posterior(image, training)
        if log_variance is None:
            return self.log_likelihood(image, mean[:, None], training)[:, 0], tf.zeros(tf.shape(mean)[:1])
        z = reparameterized(mean, log_variance, noise)
        log_likelihood = tf.reduce_mean(self.log_likelihood(image, z, training), 1)
        if self.kl == "analytic":
            return log_likelihood, likelihoods.kl_to_standard_normal(mean, log_variance)  # equation 7
        return log_likelihood, tf.reduce_mean(log_ratio(z, log_variance, noise), 1)  # equation 6

    def log_weights(self, image, noise, training=False):
        """log p(x, z) / q(z|x) of each sample, `[B, K]` in nats: importance weights, whose mean is p(x).

        Arguments as of `terms`.
        """
        mean, log_variance = self.posterior(image, training)
        z = reparameterized(mean, log_variance, noise)
        return self.log_likelihood(image, z, training) - log_ratio(z, log_variance, noise)

    def bound(self, image):
        """A lower bound of log p(x) in nats, `[B]`: log of the mean of `bound_samples` importance weights.

        On average at least the evidence lower bound, and higher with more samples. The noise is a function of the
        model's seed.

        Args:
            image: `[B, ...]` in [-1, 1]; made black and white first where `binarize` says so.
        """
        image = self.seen(tf.convert_to_tensor(image))
        with random.stream(self.seed, shared=True):
            noise = random.normal([tf.shape(image)[0], self.bound_samples, self.prior.dim])
        one_by_one = tf.map_fn(
            lambda one: self.log_weights(image, one[:, None])[:, 0],
            tf.transpose(noise, [1, 0, 2]),
            parallel_iterations=1,  # all at once would need the memory of as many batches
            fn_output_signature=tf.TensorSpec([None], tf.float32),
        )
        return log_mean_exp(one_by_one, 0)

    def decode(self, z):
        """The mean of x given z: a picture in [-1, 1]."""
        said = self.decoder(z, training=False)
        if self.likelihood == "bernoulli":
            return tf.tanh(0.5 * tf.cast(said, tf.float32))  # 2 sigmoid - 1
        return tf.cast(self.law(said)[0], tf.float32)

    def encode(self, image):
        """`{"code"}`, the mean of q(z|x), and its `code_deviation` where there is one."""
        mean, log_variance = self.posterior(self.seen(image))
        return {"code": mean} | ({} if log_variance is None else {"code_deviation": tf.exp(0.5 * log_variance)})

    def preview(self, batch):
        image, _ = base.image_and_label(tf.nest.map_structure(tf.convert_to_tensor, batch))
        shown = {"image": self.seen(image), "reconstruction": self.decode(self.encode(image)["code"])}
        if not self.has_deviation:
            return shown
        with random.stream(self.seed):
            return shown | {"sample": self.decode(self.prior.like(image))}

    def signatures(self):
        """Those of an auto-encoder; with deviations `bound(image)` too, without them no samples: codes have no law."""
        served = signatures.auto_encoder(self.encode, self.decode, self.prior, self.encoder.input_shape[1:])
        if not self.has_deviation:
            return {name: served[name] for name in ("serving_default", "decode", "encode", "reconstruct")}
        _, seen = served["encode"]
        return served | {"bound": (lambda image: {"bound": self.bound(image)}, seen)}


def reparameterized(mean, log_variance, noise):
    """z = mean + deviation noise, `[B, L, dim]`, of noise of this shape and `[B, dim]`."""
    return mean[:, None] + tf.exp(0.5 * log_variance)[:, None] * noise


def log_ratio(z, log_variance, noise):
    """log q(z|x) / p(z), `[B, L]`, of z = mean + deviation noise."""
    log_q = -0.5 * (tf.square(noise) + log_variance[:, None])
    return tf.reduce_sum(log_q + 0.5 * tf.square(z), 2)  # the constants cancel


def log_mean_exp(x, axis):
    """The logarithm of the mean of e^x."""
    return tf.reduce_logsumexp(x, axis) - math.log(x.shape[axis])


def active_units(means, threshold=0.01):
    """How many numbers of the code say something of x: whose mean has a variance over x of more than `threshold`, the
    measure of Burda, Grosse and Salakhutdinov (arXiv 1509.00519).

    Args:
        means: of q(z|x), `[N, dim]`.
        threshold: their number, from memory.
    """
    return int(tf.reduce_sum(tf.cast(tf.math.reduce_variance(means, 0) > threshold, tf.int32)))


def _check(name, given, choices):
    if given not in choices:
        raise InputError(f"{name} is {given!r}; expected {' or '.join(choices)}")
