"""GoGAN: "Gang of GANs: Generative Adversarial Networks with Maximum Margin Ranking", Juefei-Xu, Boddeti and Savvides,
2017. arXiv 1704.04865.

Only the abstract was seen, no equation. Both terms of the discriminator's loss, which critic judges the old fakes, the
clipping and the copying of networks are as two public programs have them: an independent one in TensorFlow
(tf-exercise-gan), and what the authors published with the sequel (github.com/human-analysis/RankGAN). The two agree in
the ranking real > new fake > old fake; where they differ, as follows:
- the old fakes are judged by the stage's own critic (RankGAN's; the other program asks the old critic);
- `epsilon`, `clip` and the weights of the terms are the first program's.
Departs from both in that all stages are one run on one pair of optimizers: their running means go on from stage to
stage, and the old generator stands still from the moment its stage ends (the first program trains it on).
"""

import tensorflow as tf

from tfgan_zoo import averages, base, latent, losses, random, signatures


def margin_loss(real_logits, fake_logits, margin):
    """E[max(0, D(G(z)) + margin - D(x))]: 0 exactly when each real logit is above its fake one by the margin."""
    return tf.reduce_mean(tf.nn.relu(tf.cast(fake_logits, tf.float32) + margin - tf.cast(real_logits, tf.float32)))


class GoGAN(base.GenerativeModel):
    """Stages of WGANs whose critics rank: real above new fakes above those of the last stage, by margins.

    Compile with `g_optimizer` and `d_optimizer`; `train_step` takes images [n_critic * B, H, W, C] in [-1, 1], or
    points [n_critic * B, dim], a minibatch for each critic step.

    The first stage is a WGAN with a margin. When a stage ends, its generator is copied into `previous` and kept; the
    next goes on from its networks. Which stage a step belongs to is a function of its number only.

    Args:
        generator: `z [B, latent_dim] -> image [B, H, W, C]` in [-1, 1], or `-> point [B, dim]`.
        discriminator: the critic, `image or point -> logits [B, 1]`.
        stage_steps: steps per stage.
        epsilon: the margin between neighbours in the ranking.
        rank_weight: of the ranking term, beside 1 for the margin of the new fakes.
        n_critic: critic steps per generator step.
        clip: weights of the critic are in [-clip, clip] after every critic step.
        seed: see `base.GenerativeModel`.

    Example:
        import numpy as np
        from tfgan_zoo import GoGAN
        from tfgan_zoo.networks.mlp import mlp_discriminator, mlp_generator
        from keras.optimizers import RMSprop

        model = GoGAN(mlp_generator((2,), latent_dim=4), mlp_discriminator((2,)), stage_steps=2, n_critic=2)
        model.compile(g_optimizer=RMSprop(5e-4), d_optimizer=RMSprop(5e-4))
        points = np.random.normal(size=[16, 2]).astype("float32")
        model.fit(points, batch_size=2 * 2, verbose=0)  # two minibatches of 2
        generated = model(model.prior.array(2, np.random.default_rng(0)))["generated"]  # [2, 2]
    """

    def __init__(
        self, generator, discriminator, *, stage_steps, epsilon=1.0, rank_weight=0.5, n_critic=5, clip=0.1, seed=0
    ):  # fmt: skip
        players = base.two_players(generator, discriminator)
        previous = averages.copy(generator)
        super().__init__(players["networks"] | {"previous": previous}, players["trains"], seed=seed)
        self.prior = latent.Prior(generator.input_shape[-1])
        self.stage_steps, self.epsilon, self.rank_weight = stage_steps, epsilon, rank_weight
        self.n_critic = self.minibatches = n_critic
        self.clip = clip

    def train_step(self, batch):
        stage, step_of_stage = random.step() // self.stage_steps, random.step() % self.stage_steps
        later = stage > 0

        # No tf.cond: assignments under one do not go over replicas.
        for old, new in zip(self.previous.weights, self.generator.weights, strict=True):
            old.assign(tf.where(later & (step_of_stage == 0), new, old))

        for real in base.split(batch, self.n_critic):
            z = self.prior.like(real)
            fake = self.generator(z, training=True)
            old_fake = tf.where(later, self.previous(z, training=False), fake)  # the first stage has none
            with tf.GradientTape() as tape:
                real_logits = self.discriminator(real, training=True)
                fake_logits = self.discriminator(fake, training=True)
                old_logits = self.discriminator(old_fake, training=True)
                margin = margin_loss(real_logits, fake_logits, self.epsilon)
                rank = tf.where(later, margin_loss(real_logits, old_logits, 2.0 * self.epsilon), 0.0)
                d_loss = margin + self.rank_weight * rank
            self.minimize(d_loss, tape, self.d_optimizer)
            for weight in self.discriminator.trainable_variables:
                weight.assign(tf.clip_by_value(weight, -self.clip, self.clip))

        with tf.GradientTape() as tape:
            fake = self.generator(self.prior.like(real), training=True)
            g_loss = losses.wasserstein_generator_loss(self.discriminator(fake, training=True))
        self.minimize(g_loss, tape, self.g_optimizer)

        gap = -losses.wasserstein_discriminator_loss(real_logits, fake_logits)
        return self.track(d_loss=d_loss, g_loss=g_loss, rank=rank, gap=gap)

    def preview(self, real):
        return latent.preview(self.served("generator"), self.prior, real, self.seed)

    def signatures(self):
        return signatures.noise_to_image(self.served("generator"), self.discriminator, self.prior)
