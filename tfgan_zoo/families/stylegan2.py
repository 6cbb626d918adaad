"""StyleGAN2: "Analyzing and Improving the Image Quality of StyleGAN", Karras, Laine, Aittala, Hellsten, Lehtinen and
Aila, CVPR 2020. arXiv 1912.04958.

The logistic loss with R1 and with path length regularisation (section 3.2, eq. 4), each in an update of its own every
n-th step ("lazy", section 3.1) that shares Adam's state with the main one; style mixing; a moving average of the
generator, which is served. The paper's text was not seen: equations, sections and numbers are those that others state,
and facts read in the published code (github.com/NVlabs/stylegan2): the order of the updates, the decay 0.01 of the mean
length and that its gradient is not stopped, half a batch for path lengths, all below.

Departs from it in
- `g_every`: 4, as the code has it; the paper writes 8;
- the mapping network (`networks.style`), whose activation's sqrt(2) scales its kernels alone, not its biases;
- noise that is drawn anew for each replica's part of one global batch: the code has statistics per device.
Under mixed precision both regularisers are computed in float32, by `base.in_float32`; the code later published with
2006.06676 clamps activations instead.
"""

import tensorflow as tf

from tfgan_zoo import adaptive, averages, base, latent, losses, random, replicas, signatures
from tfgan_zoo.networks import style
from tfgan_zoo.optimizers import Adam


class StyleGAN2(base.GenerativeModel):
    """A generator that is told a style at each layer, smooth in it, against a discriminator with lazy R1.

    Compile with `g_optimizer` and `d_optimizer`, each of `lazy_adam`; `train_step` takes images [B, H, W, C] in
    [-1, 1]. What is served, previewed and evaluated is the moving average of the generator.

    Args:
        mapping: `z [B, latent_dim] -> w [B, style_dim]`.
        synthesis: `w [B, layers, style_dim] -> image [B, H, W, C]`, with noise from the open `random.stream`.
        discriminator: `image [B, H, W, C] -> logits [B, 1]`.
        gamma: of R1, gamma / 2 E[||grad D(x)||^2]: 10 in configuration F.
        path_weight: of the path length penalty.
        path_decay: what is taken of a new mean of path lengths.
        d_every, g_every: the regularisers count in steps 0, n, 2 n, ..., and there n times as much.
        path_shrink: the batch is so many times smaller for path lengths.
        mixing: the probability that a batch has styles of two z's.
        half_life: images after which the average of the generator has kept half of what it was.
        style_decay: what the mean style keeps of what it was, in each of the two passes of a step.
        seed: see `base.GenerativeModel`.

    Example:
        import numpy as np
        from tfgan_zoo import StyleGAN2
        from tfgan_zoo.families.stylegan2 import lazy_adam
        from tfgan_zoo.networks.style import mapping_network
        from tfgan_zoo.networks.stylegan2 import stylegan2_discriminator, stylegan2_synthesis

        model = StyleGAN2(
            mapping_network(8, 8, depth=2),
            stylegan2_synthesis((16, 16, 1), style_dim=8, width=4),
            stylegan2_discriminator((16, 16, 1), width=4),
        )
        model.compile(
            g_optimizer=lazy_adam(0.002, model.g_every), d_optimizer=lazy_adam(0.002, model.d_every)
        )
        model.fit(np.random.uniform(-1, 1, [8, 16, 16, 1]).astype("float32"), batch_size=4, verbose=0)
        z = model.prior.array(2, np.random.default_rng(0))
        generated = model({"z": z, "truncation": 0.5})["generated"]  # [2, 16, 16, 1]
    """

    told = {"ema": True}

    def __init__(
        self,
        mapping,
        synthesis,
        discriminator,
        *,
        gamma=10.0,
        path_weight=2.0,
        path_decay=0.01,
        d_every=16,
        g_every=4,
        path_shrink=2,
        mixing=0.9,
        half_life=10_000,
        style_decay=0.995,
        seed=0,
    ):
        super().__init__(
            {
                "mapping": mapping,
                "synthesis": synthesis,
                "discriminator": discriminator,
                "average_mapping": averages.copy(mapping),
                "average_synthesis": averages.copy(synthesis),
            },
            {"g_optimizer": ["mapping", "synthesis"], "d_optimizer": ["discriminator"]},
            seed=seed,
        )
        self.gamma, self.path_weight, self.path_decay = gamma, path_weight, path_decay
        self.d_every, self.g_every, self.path_shrink = d_every, g_every, path_shrink
        self.mixing, self.half_life, self.style_decay = mixing, half_life, style_decay
        self.depth, style_dim = synthesis.input_shape[1:]
        self.prior, self.means = latent.Prior(mapping.input_shape[-1]), Means(style_dim)
        self.wide = [base.in_float32(network) for network in (mapping, synthesis, discriminator)]

    def train_step(self, real):
        count, step = tf.shape(real)[0], random.step()

        with tf.GradientTape() as tape:
            g_loss = losses.non_saturating_generator_loss(self.discriminator(self.generate(count), training=True))
        self.minimize(g_loss, tape, self.g_optimizer)
        paths = self.when(step % self.g_every == 0, self.regularize_generator, real)

        fake = self.generate(count)
        with tf.GradientTape() as tape:
            real_logits = self.discriminator(real, training=True)
            d_loss = losses.non_saturating_discriminator_loss(real_logits, self.discriminator(fake, training=True))
        self.minimize(d_loss, tape, self.d_optimizer)
        augmentation = adaptive.observe(self.discriminator, real_logits)
        keep = 0.5 ** (tf.cast(count * replicas.count(), tf.float32) / self.half_life)
        averages.update(self.average_mapping, self.mapping, keep)
        averages.update(self.average_synthesis, self.synthesis, keep)
        slopes = self.when(step % self.d_every == 0, self.regularize_discriminator, real)

        return self.track(
            d_loss=d_loss, g_loss=g_loss, r1=self.d_every * slopes, paths=self.g_every * paths, **augmentation
        )

    def generate(self, count):
        """Images of `count` new z's; the mean style moves."""
        w, first = self.mixed_styles(self.mapping, count)
        mean = tf.reduce_mean(replicas.gather(tf.stop_gradient(first)), axis=0)
        self.means.style.assign(mean + self.style_decay * (self.means.style - mean))
        return self.synthesis(w, training=True)

    def mixed_styles(self, mapping, count):
        """w [count, layers, dim]: of one z, from a random layer on with probability `mixing` of another; and w of z."""
        first, second = (tf.cast(mapping(self.prior.draw(count), training=True), tf.float32) for _ in range(2))
        return style.mixed(first, second, self.depth, self.mixing), first

    def regularize_generator(self, real):
        mapping, synthesis, _ = self.wide
        with tf.GradientTape() as tape:
            w, _ = self.mixed_styles(mapping, tf.maximum(tf.shape(real)[0] // self.path_shrink, 1))
            lengths = path_lengths(synthesis, w)
            mean = self.means.length + self.path_decay * (tf.reduce_mean(replicas.gather(lengths)) - self.means.length)
            penalty = tf.reduce_mean(tf.square(lengths - mean))
            loss = self.g_every * self.path_weight * penalty
        self.minimize(loss, tape, self.g_optimizer, missing_is_zero=True)
        self.means.length.assign(mean)
        return penalty

    def regularize_discriminator(self, real):
        *_, discriminator = self.wide
        with tf.GradientTape() as tape:
            penalty = losses.squared_slope(discriminator, real)
            loss = self.d_every * self.gamma / 2.0 * penalty
        self.minimize(loss, tape, self.d_optimizer, missing_is_zero=True)
        return penalty

    def synthesize(self, w):
        """Images of styles by the averaged network, its noise the same for all."""
        with random.stream(self.seed, shared=True):
            return self.average_synthesis(w, training=False)

    def generator(self, z, training=False):
        """Images of z by the averaged networks, not truncated."""
        return self.synthesize(tf.repeat(self.average_mapping(z, training=training)[:, None], self.depth, axis=1))

    def preview(self, real):
        return latent.preview(self.generator, self.prior, real, self.seed)

    def signatures(self):
        return signatures.style_signatures(
            lambda z: self.average_mapping(z, training=False),
            self.synthesize,
            lambda image: self.discriminator(image, training=False),
            self.means.style,
            self.prior,
            self.depth,
            self.synthesis.output_shape[1:],
        )


class Means(tf.Module):
    """Running means that are no weights: of the styles, `[style_dim]`, and of the lengths of paths, a number."""

    def __init__(self, style_dim):
        super().__init__(name="means")
        alike = {"trainable": False, "aggregation": tf.VariableAggregation.ONLY_FIRST_REPLICA}
        self.style = tf.Variable(tf.zeros([style_dim]), name="style", **alike)
        self.length = tf.Variable(0.0, name="length", **alike)


def path_lengths(synthesis, w):
    """||J_w^T y||_2 for each example, y a picture of noise (eq. 4), as the published code has it: y ~ N(0, 1 / (H W)),
    and the root of the mean over the layers' squared lengths.

    Args:
        synthesis: called as `synthesis(w, training=True)`; gives images [B, H, W, C].
        w: [B, layers, dim].

    Returns:
        [B] float32.
    """
    with tf.GradientTape() as tape:
        tape.watch(w)
        image = tf.cast(synthesis(w, training=True), tf.float32)
        pixels = image.shape[1] * image.shape[2]
        product = tf.reduce_sum(image * random.normal([tf.shape(w)[0], *image.shape[1:]])) / pixels**0.5
    slope = tf.cast(tape.gradient(product, w), tf.float32)  # [B, layers, dim]
    return losses.safe_sqrt(tf.reduce_mean(tf.reduce_sum(tf.square(slope), axis=2), axis=1))


def lazy_adam(learning_rate, every, beta_1=0.0, beta_2=0.99):
    """Adam of a network that has a further update in every n-th step: the rate times c, the betas to the power c, c = n
    / (n + 1). So n + 1 updates make of them what n did.

    Args:
        learning_rate, beta_1, beta_2: without the further updates.
        every: n.
    """
    c = every / (every + 1)
    return Adam(learning_rate * c, beta_1**c, beta_2**c)
