"""ProGAN: "Progressive Growing of GANs for Improved Quality, Stability, and Variation", Karras, Aila, Laine and
Lehtinen, ICLR 2018. arXiv 1710.10196.

Follows sections 2 (growth), 3 (deviation over the minibatch), 4 (equalised learning rate, pixel norm) and appendix A
(the Wasserstein loss with a gradient penalty, a drift term, a moving average of G). The numbers of its equations were
not seen by us. From the published code: D's step, then the average's, then G's, on noise of its own; Adam is new at the
beginning and at the end of each fade-in, which is the recipe's; real pictures are faded as the fakes are. As there, D
is penalised for its slope in the pixels of a *whole* picture, of which a pixel of a smaller level is a square: that is
the slope in the level's own pixels divided by 2 for each halving. Departs from both in that
- alpha changes with every step, where the code has four steps for each;
- there are no labels, for which the code has AC-GAN's losses.
Under mixed precision the penalty is computed in float32, by `base.in_float32`. With adaptive augmentation, which is
later than the paper, D is as sure of a picture as it is above the middle of real and fake ones (`adaptive.observe`).
"""

import tensorflow as tf

from tfgan_zoo import adaptive, averages, base, growing, latent, losses, random, signatures


class ProGAN(base.GenerativeModel):
    """One stage of a growing GAN: the networks of a level, or those by which it is faded in.

    Compile with `g_optimizer` and `d_optimizer`; `train_step` takes whole images [B, H, W, C] in [-1, 1], of whatever
    stage. What is served, shown and measured is the moving average of G, in the size of whole images, clipped.

    Args:
        generator: `z [B, latent_dim] -> image [B, h, w, C]`; while it fades `[z, alpha [B, 1]] -> image`.
        discriminator: `image -> logits [B, 1]`, or `[image, alpha] -> logits`.
        average: of the generator, which goes on from stage to stage; None: it begins as a copy.
        stage: where in the growth, a `growing.Stage`.
        gp_weight: of the gradient penalty.
        drift_weight: of E[D(x)^2].
        decay: what the average keeps at each step.
        seed: see `base.GenerativeModel`.

    Example:
        import numpy as np
        from tfgan_zoo import ProGAN, growing
        from tfgan_zoo.networks.growing import growing_discriminators, progan_generators
        from tfgan_zoo.optimizers import Adam

        generators = progan_generators((8, 8, 1), latent_dim=6, width=8)
        discriminators = growing_discriminators((8, 8, 1), width=8)
        images = np.random.uniform(-1, 1, [16, 8, 8, 1]).astype("float32")
        small = ProGAN(generators[0].steady, discriminators[0].steady, stage=growing.Stage(times=1))
        faded = ProGAN(generators[1].fading, discriminators[1].fading, stage=growing.Stage(steps=4))
        for model in small, faded:
            model.compile(g_optimizer=Adam(1e-3, 0.0, 0.99), d_optimizer=Adam(1e-3, 0.0, 0.99))
            model.fit(images, batch_size=4, verbose=0)
        generated = faded(np.random.normal(size=[2, 6]))["generated"]  # [2, 8, 8, 1]
    """

    told = {"ema": True}

    def __init__(
        self, generator, discriminator, average=None, *, stage=None, gp_weight=10.0, drift_weight=1e-3, decay=0.999,
        seed=0,
    ):  # fmt: skip
        average = averages.copy(generator) if average is None else average
        players = base.two_players(generator, discriminator)
        super().__init__(players["networks"] | {"average": average}, players["trains"], seed=seed)
        self.prior = latent.Prior(generator.inputs[0].shape[-1])
        self.stage = stage or growing.Stage()
        self.gp_weight, self.drift_weight, self.decay = gp_weight, drift_weight, decay
        self.wide = base.in_float32(discriminator)

    def train_step(self, image):
        alpha = self.stage.alpha(random.step())
        real = self.stage.real(image, alpha)

        def made():
            return self.generator(self.stage.given(self.prior.like(real), alpha), training=True)

        def judged(x, training=True):
            return self.discriminator(self.stage.given(x, alpha), training=training)

        def of_whole(x, training):  # a slope in the pixels of whole pictures
            return self.wide(self.stage.given(x, alpha), training=training) / 2**self.stage.times

        fake = made()
        with tf.GradientTape() as tape:
            real_logits, fake_logits = judged(real), judged(fake)
            d_loss = losses.wasserstein_discriminator_loss(real_logits, fake_logits)
            gp = losses.gradient_penalty(of_whole, real, fake)
            drift = tf.reduce_mean(tf.square(real_logits))
            total = d_loss + self.gp_weight * gp + self.drift_weight * drift
        self.minimize(total, tape, self.d_optimizer)
        augmentation = adaptive.observe(self.discriminator, real_logits, fake_logits)
        averages.update(self.average, self.generator, self.decay)

        with tf.GradientTape() as tape:
            g_loss = losses.wasserstein_generator_loss(judged(made()))
        self.minimize(g_loss, tape, self.g_optimizer)

        return self.track(d_loss=d_loss, gp=gp, g_loss=g_loss, **augmentation)

    def generate(self, z, training=False):
        """Whole pictures by the average: z [B, latent_dim] -> [B, H, W, C] in [-1, 1]."""
        alpha = self.stage.alpha(self.step.read_value())
        image = self.average(self.stage.given(z, alpha), training=training)
        return self.stage.whole(tf.clip_by_value(image, -1.0, 1.0))

    def judge(self, image):
        """Logits [B, 1] of whole pictures."""
        alpha = self.stage.alpha(self.step.read_value())
        return self.discriminator(self.stage.given(self.stage.real(image, alpha), alpha), training=False)

    def preview(self, real):
        return latent.preview(self.generate, self.prior, real, self.seed)

    def signatures(self):
        height, width, channels = self.discriminator.inputs[0].shape[1:]
        whole = [None, height * 2**self.stage.times, width * 2**self.stage.times, channels]
        return {
            "serving_default": (
                lambda z: {"generated": self.generate(z)},
                [tf.TensorSpec([None, self.prior.dim], tf.float32, name="z")],
            ),
            **signatures.sampling(lambda count: self.generate(self.prior.draw(count))),
            "discriminate": (
                lambda image: {"logits": self.judge(image)},
                [tf.TensorSpec(whole, tf.float32, name="image")],
            ),
        }
