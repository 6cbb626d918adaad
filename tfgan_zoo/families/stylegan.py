"""StyleGAN: "A Style-Based Generator Architecture for Generative Adversarial Networks", Karras, Laine and Aila, CVPR
2019. arXiv 1812.04948.

Follows sections 2 (networks), 3.1 (style mixing) and appendices B (truncation in W) and C (the logistic loss with R1,
gamma 10, the average of G). The numbers of its equations were not seen by us, but AdaIN's (1). From the published code:
D's step, then the averages', then G's, on noise of its own; the mean style moves with every batch of styles in
training; one crossover for a batch, with probability 0.9; networks grow as ProGAN's, Adam new at the beginning and at
the end of each fade-in, which is the recipe's; R1 is that of the pixels of *whole* pictures, of which a pixel of a
smaller level is a square: the level's own divided by 4 for each halving. Departs from both in that
- alpha changes with every step, where the code has four steps for each;
- of two objectives that of FFHQ alone is here; for CelebA-HQ the paper has ProGAN's;
- truncation is asked for with each request; 0.7 on the first 8 layers was the paper's, of which `cutoff` remains.
Under mixed precision R1 is computed in float32, by `base.in_float32`.
"""

import tensorflow as tf

from tfgan_zoo import adaptive, averages, base, growing, latent, losses, random, replicas, signatures
from tfgan_zoo.networks import style


class StyleGAN(base.GenerativeModel):
    """One stage of a growing generator that is told a style at each of its layers.

    Compile with `g_optimizer` and `d_optimizer`; `train_step` takes whole images [B, H, W, C] in [-1, 1], of whatever
    stage. What is served, shown and measured are the moving averages, in the size of whole images, clipped; the noise
    is then the same for all pictures.

    Args:
        mapping: `z [B, latent_dim] -> w [B, style_dim]`.
        synthesis: `w [B, layers, style_dim] -> image [B, h, w, C]`, its noise from the open `random.stream`; while it
            fades `[w, alpha [B, 1]] -> image`.
        discriminator: `image -> logits [B, 1]`, or `[image, alpha] -> logits`.
        average_mapping, average_synthesis: their averages, which go on from stage to stage; None: they begin as copies.
        mean_style: the `MeanStyle` of the stage before; None: a new one.
        stage: where in the growth, a `growing.Stage`.
        gamma: of R1.
        mixing: the probability that a batch has styles of two z's.
        half_life: images after which the averages have kept half of what they were.
        style_decay: what the mean style keeps of what it was, in each of the two passes of a step.
        cutoff: how many of the first layers are truncated when it is asked for; None: all.
        seed: see `base.GenerativeModel`.

    Example:
        import numpy as np
        from tfgan_zoo import StyleGAN
        from tfgan_zoo.networks.growing import growing_discriminators
        from tfgan_zoo.networks.style import mapping_network
        from tfgan_zoo.networks.stylegan import stylegan_syntheses
        from tfgan_zoo.optimizers import Adam

        syntheses = stylegan_syntheses((8, 8, 1), style_dim=6, width=8)
        discriminators = growing_discriminators((8, 8, 1), width=8, blur=True)
        model = StyleGAN(mapping_network(5, 6, depth=2), syntheses[1].steady, discriminators[1].steady)
        model.compile(g_optimizer=Adam(1e-3, 0.0, 0.99), d_optimizer=Adam(1e-3, 0.0, 0.99))
        model.fit(np.random.uniform(-1, 1, [8, 8, 8, 1]).astype("float32"), batch_size=4, verbose=0)
        z = model.prior.array(2, np.random.default_rng(0))
        generated = model({"z": z, "truncation": 0.7})["generated"]  # [2, 8, 8, 1]
    """

    told = {"ema": True}

    def __init__(
        self, mapping, synthesis, discriminator, average_mapping=None, average_synthesis=None, mean_style=None, *,
        stage=None, gamma=10.0, mixing=0.9, half_life=10_000, style_decay=0.995, cutoff=8, seed=0,
    ):  # fmt: skip
        networks = {
            "mapping": mapping,
            "synthesis": synthesis,
            "discriminator": discriminator,
            "average_mapping": averages.copy(mapping) if average_mapping is None else average_mapping,
            "average_synthesis": averages.copy(synthesis) if average_synthesis is None else average_synthesis,
        }
        trains = {"g_optimizer": ["mapping", "synthesis"], "d_optimizer": ["discriminator"]}
        super().__init__(networks, trains, seed=seed)
        self.depth, style_dim = synthesis.inputs[0].shape[1:]
        self.prior = latent.Prior(mapping.input_shape[-1])
        self.mean_style = MeanStyle(style_dim) if mean_style is None else mean_style
        self.stage = stage or growing.Stage()
        self.gamma, self.mixing, self.half_life = gamma, mixing, half_life
        self.style_decay, self.cutoff = style_decay, cutoff
        self.wide = base.in_float32(discriminator)

    def train_step(self, image):
        alpha = self.stage.alpha(random.step())
        real = self.stage.real(image, alpha)
        count = tf.shape(real)[0]

        def made():
            return self.synthesis(self.stage.given(self.mixed_styles(count), alpha), training=True)

        def judged(x, training=True):
            return self.discriminator(self.stage.given(x, alpha), training=training)

        def of_whole(x, training):  # a slope in the pixels of whole pictures
            return self.wide(self.stage.given(x, alpha), training=training) / 2**self.stage.times

        fake = made()
        with tf.GradientTape() as tape:
            real_logits, fake_logits = judged(real), judged(fake)
            d_loss = losses.non_saturating_discriminator_loss(real_logits, fake_logits)
            r1 = losses.squared_slope(of_whole, real)
            total = d_loss + self.gamma / 2.0 * r1
        self.minimize(total, tape, self.d_optimizer)
        augmentation = adaptive.observe(self.discriminator, real_logits)
        keep = 0.5 ** (tf.cast(count * replicas.count(), tf.float32) / self.half_life)
        averages.update(self.average_mapping, self.mapping, keep)
        averages.update(self.average_synthesis, self.synthesis, keep)

        with tf.GradientTape() as tape:
            g_loss = losses.non_saturating_generator_loss(judged(made()))
        self.minimize(g_loss, tape, self.g_optimizer)

        return self.track(d_loss=d_loss, r1=r1, g_loss=g_loss, **augmentation)

    def mixed_styles(self, count):
        """w [count, layers, style_dim] of new z's: from a random layer on perhaps of another; the mean style moves."""
        first, second = (tf.cast(self.mapping(self.prior.draw(count), training=True), tf.float32) for _ in range(2))
        self.mean_style.update(first, self.style_decay)
        used = self.depth - 2 * self.stage.times
        return style.mixed(first, second, self.depth, self.mixing, used)

    def synthesize(self, w):
        """Whole pictures of styles by the average, the noise the same for all: w [B, layers, dim] -> [B, H, W, C]."""
        alpha = self.stage.alpha(self.step.read_value())
        with random.stream(self.seed, shared=True):
            image = self.average_synthesis(self.stage.given(w, alpha), training=False)
        return self.stage.whole(tf.clip_by_value(image, -1.0, 1.0))

    def generate(self, z, training=False):
        """Whole pictures by the averages, not truncated: z [B, latent_dim] -> [B, H, W, C] in [-1, 1]."""
        w = self.average_mapping(z, training=training)
        return self.synthesize(tf.repeat(w[:, None], self.depth, axis=1))

    def judge(self, image):
        """Logits [B, 1] of whole pictures."""
        alpha = self.stage.alpha(self.step.read_value())
        return self.discriminator(self.stage.given(self.stage.real(image, alpha), alpha), training=False)

    def preview(self, real):
        return latent.preview(self.generate, self.prior, real, self.seed)

    def signatures(self):
        height, width, channels = self.discriminator.inputs[0].shape[1:]
        return signatures.style_signatures(
            lambda z: self.average_mapping(z, training=False),
            self.synthesize,
            self.judge,
            self.mean_style.value,
            self.prior,
            self.depth,
            (height * 2**self.stage.times, width * 2**self.stage.times, channels),
            cutoff=self.cutoff,
        )


class MeanStyle(tf.Module):
    """The running mean of w, `value` [style_dim], towards which styles are truncated."""

    def __init__(self, style_dim):
        super().__init__(name="mean_style")
        self.value = tf.Variable(
            tf.zeros([style_dim]),
            trainable=False,
            name="value",
            aggregation=tf.VariableAggregation.ONLY_FIRST_REPLICA,
        )

    def update(self, w, decay):
        """Moves to the mean of w [B, style_dim] over the global batch, and keeps `decay` of itself."""
        mean = tf.reduce_mean(replicas.gather(tf.stop_gradient(w)), axis=0)
        self.value.assign(mean + decay * (self.value - mean))
