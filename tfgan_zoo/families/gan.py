"""GAN: "Generative Adversarial Networks", Goodfellow, Pouget-Abadie, Mirza, Xu, Warde-Farley, Ozair, Courville and
Bengio, NIPS 2014. arXiv 1406.2661.

Follows Algorithm 1. Departs from its box in the generator's objective, which is by default the one that section 3
recommends in its place and the published code uses; `generator_objective="minimax"` is the box. The paper leaves p(z)
open; it is N(0, I) here unless another one is given. That code has, for MNIST, the uniform law of variance 1.
"""

import tensorflow as tf

from tfgan_zoo import base, latent, losses, signatures

GENERATOR_LOSSES = {
    "non_saturating": losses.non_saturating_generator_loss,
    "minimax": losses.minimax_generator_loss,
}


class GAN(base.GenerativeModel):
    """A generator against a discriminator that tells its samples from data.

    Compile with `g_optimizer` and `d_optimizer`; `train_step` takes images [k * B, H, W, C] in [-1, 1], or points
    [k * B, dim], a minibatch for each discriminator step.

    Args:
        generator: `z [B, latent_dim] -> image [B, H, W, C]` in [-1, 1], or `-> point [B, dim]`.
        discriminator: `image or point -> logits [B, 1]`, D = sigmoid(logits).
        k: discriminator steps per generator step; the paper used 1.
        generator_objective: `non_saturating`, max log D(G(z)), or `minimax`, min log(1 - D(G(z))).
        prior: the law of z, a `latent.Prior` of length latent_dim; None: N(0, I).
        seed: see `base.GenerativeModel`.

    Example:
        import numpy as np
        from tfgan_zoo import GAN
        from tfgan_zoo.networks.mlp import mlp_discriminator, mlp_generator
        from tfgan_zoo.optimizers import Adam

        model = GAN(mlp_generator((2,), latent_dim=4), mlp_discriminator((2,)))
        model.compile(g_optimizer=Adam(2e-4, 0.5), d_optimizer=Adam(2e-4, 0.5))
        points = np.random.normal(size=[16, 2]).astype("float32")
        model.fit(points, batch_size=4, verbose=0)
        generated = model(model.prior.array(2, np.random.default_rng(0)))["generated"]  # [2, 2]
    """

    def __init__(self, generator, discriminator, *, k=1, generator_objective="non_saturating", prior=None, seed=0):
        super().__init__(**base.two_players(generator, discriminator), seed=seed)
        if generator_objective not in GENERATOR_LOSSES:
            raise ValueError(
                f"generator_objective is {generator_objective!r}; expected {' or '.join(GENERATOR_LOSSES)}"
            )
        self.prior = prior or latent.Prior(generator.input_shape[-1])
        self.k = self.minibatches = k
        self.generator_loss = GENERATOR_LOSSES[generator_objective]

    def train_step(self, batch):
        for real in base.split(batch, self.k):  # Algorithm 1, the inner loop
            fake = self.generator(self.prior.like(real), training=True)
            with tf.GradientTape() as tape:
                d_loss = losses.non_saturating_discriminator_loss(
                    self.discriminator(real, training=True), self.discriminator(fake, training=True)
                )
            self.minimize(d_loss, tape, self.d_optimizer)

        with tf.GradientTape() as tape:
            fake = self.generator(self.prior.like(real), training=True)
            g_loss = self.generator_loss(self.discriminator(fake, training=True))
        self.minimize(g_loss, tape, self.g_optimizer)

        return self.track(d_loss=d_loss, g_loss=g_loss)

    def preview(self, real):
        return latent.preview(self.served("generator"), self.prior, real, self.seed, self.discriminator)

    def signatures(self):
        return signatures.noise_to_image(self.served("generator"), self.discriminator, self.prior)
