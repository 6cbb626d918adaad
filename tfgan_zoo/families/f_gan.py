"""f-GAN: "f-GAN: Training Generative Neural Samplers using Variational Divergence Minimization", Nowozin, Cseke and
Tomioka, NIPS 2016. arXiv 1606.00709.

Follows Algorithm 1: both networks step on the gradients of one F(theta, omega), at the same theta and omega. Departs
from it in that each network may have an optimizer of its own, and, unless `generator_objective="minimax"`, in the
generator's objective, which is the one section 3.2 recommends.

The text was not at hand: f and the numbers of equations, tables and sections are from memory. g_f and f* of table 2
(the first six divergences) agree with the code of others, those of table 6 are derived here; every f* is tested to be
the conjugate of f.
"""

import dataclasses
import math
from collections.abc import Callable

import tensorflow as tf

from tfgan_zoo import base, latent, signatures
from tfgan_zoo.errors import InputError

LOG_2 = math.log(2.0)


@dataclasses.dataclass(frozen=True)
class Divergence:
    """D_f(P || Q) = E_Q[f(p(x) / q(x))] (eq. 2) and what bounds it from below (tables 2 and 6).

    Args:
        f: of u = p / q: convex, f(1) = 0 (save for `gan`, whose divergence is -log 4 at P = Q).
        activation: g_f, from all numbers v into the domain of f*. It grows with v: large is the sign of data.
        conjugate: f*(t) = sup_u [u t - f(u)].
        of_fake: f*(g_f(v)), simplified, so that it is finite where t rounds to the border of the domain.
    """

    f: Callable
    activation: Callable
    conjugate: Callable
    of_fake: Callable


DIVERGENCES = {
    "kl": Divergence(
        f=lambda u: u * tf.math.log(u),
        activation=lambda v: v,
        conjugate=lambda t: tf.exp(t - 1.0),
        of_fake=lambda v: tf.exp(v - 1.0),
    ),
    "reverse_kl": Divergence(
        f=lambda u: -tf.math.log(u),
        activation=lambda v: -tf.exp(-v),
        conjugate=lambda t: -1.0 - tf.math.log(-t),
        of_fake=lambda v: v - 1.0,
    ),
    "pearson": Divergence(
        f=lambda u: tf.square(u - 1.0),
        activation=lambda v: v,
        conjugate=lambda t: tf.square(t) / 4.0 + t,  # of f on all numbers; for u > 0 alone it is -1 below t = -2
        of_fake=lambda v: tf.square(v) / 4.0 + v,
    ),
    "squared_hellinger": Divergence(
        f=lambda u: tf.square(tf.sqrt(u) - 1.0),
        activation=lambda v: 1.0 - tf.exp(-v),
        conjugate=lambda t: t / (1.0 - t),
        of_fake=lambda v: tf.exp(v) - 1.0,
    ),
    "jensen_shannon": Divergence(  # this f gives twice the divergence that is usually called by the name
        f=lambda u: u * tf.math.log(u) - (u + 1.0) * tf.math.log((u + 1.0) / 2.0),
        activation=lambda v: LOG_2 - tf.math.softplus(-v),
        conjugate=lambda t: -tf.math.log(2.0 - tf.exp(t)),
        of_fake=lambda v: tf.math.softplus(v) - LOG_2,
    ),
    "gan": Divergence(
        f=lambda u: u * tf.math.log(u) - (u + 1.0) * tf.math.log(u + 1.0),
        activation=lambda v: -tf.math.softplus(-v),
        conjugate=lambda t: -tf.math.log(1.0 - tf.exp(t)),
        of_fake=tf.math.softplus,
    ),
    "neyman": Divergence(
        f=lambda u: tf.square(1.0 - u) / u,
        activation=lambda v: 1.0 - tf.exp(-v),
        conjugate=lambda t: 2.0 - 2.0 * tf.sqrt(1.0 - t),
        of_fake=lambda v: 2.0 - 2.0 * tf.exp(-v / 2.0),
    ),
    "total_variation": Divergence(
        f=lambda u: tf.abs(u - 1.0) / 2.0,
        activation=lambda v: tf.tanh(v) / 2.0,
        conjugate=lambda t: t,  # for |t| <= 1/2, all that g_f gives
        of_fake=lambda v: tf.tanh(v) / 2.0,
    ),
}


class FGAN(base.GenerativeModel):
    """Minimises an f-divergence of the data from the generator, through the largest lower bound D finds for it.

    Compile with `g_optimizer` and `d_optimizer`; `train_step` takes images [B, H, W, C] in [-1, 1]. The loss `bound` is
    F(theta, omega), an estimate from below of the divergence.

    Args:
        generator: `z [B, latent_dim] -> image [B, H, W, C]` in [-1, 1].
        discriminator: the paper's V, `image [B, H, W, C] -> logits [B, 1]`, before the activation g_f.
        divergence: a key of `DIVERGENCES`: kl, reverse_kl, pearson, squared_hellinger, jensen_shannon, gan, neyman,
            total_variation. P is the data, Q the generator.
        generator_objective: `minimax`, min -E[f*(g_f(V))], as in Algorithm 1; or `non_saturating`, max E[g_f(V)]
            (section 3.2), which moves sooner while fakes are easily told.
        seed: see `base.GenerativeModel`.

    Raises:
        InputError: an unknown divergence or objective.

    Example:
        import numpy as np
        from tfgan_zoo import FGAN
        from tfgan_zoo.networks.dcgan import dcgan_discriminator, dcgan_generator
        from tfgan_zoo.optimizers import Adam

        model = FGAN(dcgan_generator((8, 8, 1), width=8), dcgan_discriminator((8, 8, 1), width=8), divergence="kl")
        model.compile(g_optimizer=Adam(2e-4, 0.5), d_optimizer=Adam(2e-4, 0.5))
        images = np.random.uniform(-1, 1, [16, 8, 8, 1]).astype("float32")
        model.fit(images, batch_size=4, verbose=0)
        generated = model(model.prior.array(2, np.random.default_rng(0)))["generated"]  # [2, 8, 8, 1]
    """

    def __init__(self, generator, discriminator, *, divergence="gan", generator_objective="non_saturating", seed=0):
        super().__init__(**base.two_players(generator, discriminator), seed=seed)
        if divergence not in DIVERGENCES:
            raise InputError(f"divergence {divergence!r}: expected one of {', '.join(DIVERGENCES)}")
        if generator_objective not in ("non_saturating", "minimax"):
            raise InputError(f"generator_objective {generator_objective!r}: expected 'non_saturating' or 'minimax'")
        self.prior = latent.Prior(generator.input_shape[-1])
        self.divergence = DIVERGENCES[divergence]
        self.generator_objective = generator_objective

    def train_step(self, real):
        with tf.GradientTape(persistent=True) as tape:
            fake = self.generator(self.prior.like(real), training=True)
            real_v = tf.cast(self.discriminator(real, training=True), tf.float32)
            fake_v = tf.cast(self.discriminator(fake, training=True), tf.float32)
            of_fake = tf.reduce_mean(self.divergence.of_fake(fake_v))
            bound = tf.reduce_mean(self.divergence.activation(real_v)) - of_fake  # eq. 6
            if self.generator_objective == "minimax":
                g_loss = -of_fake
            else:
                g_loss = -tf.reduce_mean(self.divergence.activation(fake_v))
            d_loss = -bound
        self.minimize(d_loss, tape, self.d_optimizer)
        self.minimize(g_loss, tape, self.g_optimizer)  # the tape remembers the omega of before

        return self.track(bound=bound, g_loss=g_loss)

    def preview(self, real):
        return latent.preview(self.served("generator"), self.prior, real, self.seed)

    def signatures(self):
        return signatures.noise_to_image(self.served("generator"), self.discriminator, self.prior)
