"""Unrolled GAN: "Unrolled Generative Adversarial Networks", Metz, Poole, Pfau and Sohl-Dickstein, ICLR 2017.
arXiv 1611.02163.

Follows equations 7 to 11: the generator descends f_K, the value of the game after K steps of the discriminator, and
its gradient runs through these steps; the discriminator itself moves one step. Equation numbers are those of a reader's
summary of the paper; its text was not at hand. As in the authors' demonstration, which was, the unrolled steps see the
same minibatch and are those of the discriminator's own optimizer, moments of Adam included.
Departs from the demonstration in that the discriminator's own step, too, sees that minibatch but fakes of a generator
that has moved already: equation 10 first, then equation 11.
The networks at the end are those of its pictures. Those of stacked MNIST are as PacGAN's code repeats the experiment
(github.com/fjxmlzn/PacGAN), which was seen; those of section 3.2 are from memory of the appendix.
"""

import math

import keras
import tensorflow as tf
from keras import layers as kl

from tfgan_zoo import base, latent, layers, losses, signatures
from tfgan_zoo.networks import sizes


class UnrolledGAN(base.GenerativeModel):
    """A generator that looks ahead: it is trained against the discriminator that will have answered it.

    Compile with `g_optimizer` and `d_optimizer`, the latter Adam or SGD without momentum; `train_step` takes images
    [B, H, W, C] in [-1, 1], or points [B, dim].

    Args:
        generator: `z [B, latent_dim] -> image [B, H, W, C]` in [-1, 1], or `-> point [B, dim]`.
        discriminator: `image or point -> logits [B, 1]`.
        unroll_steps: the paper's K; 0 is a plain GAN. Section 3.1 has 10.
        generator_objective: `minimax`, f_K itself, both of whose terms depend on the generator; or `non_saturating`,
            -E[log D_K(G(z))].
        seed: see `base.GenerativeModel`.

    Example:
        import numpy as np
        from tfgan_zoo import UnrolledGAN
        from tfgan_zoo.networks.mlp import mlp_discriminator, mlp_generator
        from tfgan_zoo.optimizers import Adam

        model = UnrolledGAN(mlp_generator((2,), latent_dim=4), mlp_discriminator((2,)), unroll_steps=2)
        model.compile(g_optimizer=Adam(2e-4, 0.5), d_optimizer=Adam(2e-4, 0.5))
        points = np.random.normal(size=[16, 2]).astype("float32")
        model.fit(points, batch_size=4, verbose=0)
        generated = model(model.prior.array(2, np.random.default_rng(0)))["generated"]  # [2, 2]
    """

    def __init__(self, generator, discriminator, *, unroll_steps=10, generator_objective="minimax", seed=0):
        super().__init__(**base.two_players(generator, discriminator), seed=seed)
        if generator_objective not in ("minimax", "non_saturating"):
            raise ValueError(f"generator_objective is {generator_objective!r}; expected minimax or non_saturating")
        self.prior = latent.Prior(generator.input_shape[-1])
        self.unroll_steps, self.generator_objective = unroll_steps, generator_objective

    def compile(self, *, d_optimizer, **others):
        """As `base.GenerativeModel.compile`.

        Raises:
            TypeError: the unrolling of `d_optimizer` is not written; give Adam or SGD without momentum.
        """
        inner = getattr(d_optimizer, "inner_optimizer", d_optimizer)
        adam = isinstance(inner, keras.optimizers.Adam) and not inner.amsgrad
        if not adam and not (isinstance(inner, keras.optimizers.SGD) and not inner.momentum):
            raise TypeError(f"UnrolledGAN unrolls Adam, and SGD without momentum; d_optimizer is {inner.name}")
        super().compile(d_optimizer=d_optimizer, **others)

    def d_logits(self, weights, x):
        """D(x) with other trainable weights than its own. What a step does to its other state is dropped."""
        frozen = [v.value for v in self.discriminator.non_trainable_variables]
        return self.discriminator.stateless_call(weights, frozen, x, training=True)[0]

    def unrolled(self, real, fake):
        """The discriminator's weights after K differentiable steps on `real` and `fake`, equation 7."""
        rule = _Unrolled(self.d_optimizer)
        weights = [tf.convert_to_tensor(v) for v in self.discriminator.trainable_variables]
        for _ in range(self.unroll_steps):
            with tf.GradientTape() as tape:
                tape.watch(weights)
                value = losses.non_saturating_discriminator_loss(
                    self.d_logits(weights, real), self.d_logits(weights, fake)
                )
            gradients = tape.gradient(value, weights)
            context = tf.distribute.get_replica_context()
            if context.num_replicas_in_sync > 1:  # the step that D would make is on the batch of all replicas
                gradients = context.all_reduce(tf.distribute.ReduceOp.MEAN, gradients)
            weights = rule.step(weights, gradients)
        return weights

    def generator_loss(self, real, fake):
        """f_K, equation 9, or its non-saturating form."""
        weights = self.unrolled(real, fake)
        fake_logits = self.d_logits(weights, fake)
        if self.generator_objective == "non_saturating":
            return losses.non_saturating_generator_loss(fake_logits)
        return -losses.non_saturating_discriminator_loss(self.d_logits(weights, real), fake_logits)

    def train_step(self, real):
        with tf.GradientTape() as tape:  # equation 10
            g_loss = self.generator_loss(real, self.generator(self.prior.like(real), training=True))
        self.minimize(g_loss, tape, self.g_optimizer)

        fake = self.generator(self.prior.like(real), training=True)
        with tf.GradientTape() as tape:  # equation 11
            d_loss = losses.non_saturating_discriminator_loss(
                self.discriminator(real, training=True), self.discriminator(fake, training=True)
            )
        self.minimize(d_loss, tape, self.d_optimizer)

        return self.track(d_loss=d_loss, g_loss=g_loss)

    def preview(self, real):
        return latent.preview(self.served("generator"), self.prior, real, self.seed, self.discriminator)

    def signatures(self):
        return signatures.noise_to_image(self.served("generator"), self.discriminator, self.prior)


class _Unrolled:
    """The next steps of an optimizer as functions of tensors, from where it stands; its variables stay as they are."""

    def __init__(self, optimizer):
        optimizer = getattr(optimizer, "inner_optimizer", optimizer)  # under a loss scale
        self.rate = tf.convert_to_tensor(optimizer.learning_rate)
        self.adam = optimizer if isinstance(optimizer, keras.optimizers.Adam) else None
        if self.adam:
            self.count = tf.cast(optimizer.iterations, tf.float32)
            self.m = [tf.convert_to_tensor(v) for v in optimizer._momentums]
            self.v = [tf.convert_to_tensor(v) for v in optimizer._velocities]

    def step(self, weights, gradients):
        if not self.adam:
            return [w - self.rate * g for w, g in zip(weights, gradients, strict=True)]
        beta_1, beta_2, epsilon = self.adam.beta_1, self.adam.beta_2, self.adam.epsilon
        self.count += 1.0
        rate = self.rate * tf.sqrt(1.0 - beta_2**self.count) / (1.0 - beta_1**self.count)
        self.m = [beta_1 * m + (1.0 - beta_1) * g for m, g in zip(self.m, gradients, strict=True)]
        self.v = [beta_2 * v + (1.0 - beta_2) * tf.square(g) for v, g in zip(self.v, gradients, strict=True)]
        return [w - rate * m / (losses.safe_sqrt(v) + epsilon) for w, m, v in zip(weights, self.m, self.v, strict=True)]


def stacked_generator(image_shape, latent_dim=256, width=64):
    """`z [B, latent_dim] -> image [B, H, W, C]` in [-1, 1], float32: the generator of stacked MNIST.

    Three transposed 3x3 convolutions from an eighth of the size, each side rounded up at each halving (28, 14, 7, 4),
    and one more convolution. Batch normalisation and ReLU after each but the last.

    Args:
        image_shape: (H, W, C) of any size.
        latent_dim: length of z.
        width: channels of the first layer, halved with every doubling of the size: 64, 32, 16, 8 with the paper's.

    Raises:
        InputError: not three numbers of 1 or more.
    """
    side = [sizes.sides(image_shape)]
    for _ in range(3):
        side.insert(0, tuple(-(-n // 2) for n in side[0]))

    z = keras.Input([latent_dim])
    x = kl.Dense(math.prod(side[0]) * width, use_bias=False, kernel_initializer=layers.normal_002())(z)
    x = kl.ReLU()(layers.batch_normalization()(kl.Reshape([*side[0], width])(x)))  # [B, H/8, W/8, width]
    for i in range(3):
        # All places of the kernel cover 2h + 1 pixels: an odd side is the middle of them, an even one all but the last.
        odd = [n % 2 for n in side[i + 1]]
        x = kl.Conv2DTranspose(
            width // 2 ** (i + 1),
            3,
            2,
            "valid" if any(odd) else "same",
            use_bias=False,
            kernel_initializer=layers.normal_002(),
        )(x)
        x = kl.Cropping2D([(n, 1) for n in odd])(x) if any(odd) else x
        x = kl.ReLU()(layers.batch_normalization()(x))  # [B, 2h or 2h - 1, ..., half the channels]
    x = kl.Conv2D(image_shape[2], 3, padding="same", kernel_initializer=layers.normal_002())(x)  # [B, H, W, C]
    return keras.Model(z, kl.Activation("tanh", dtype="float32")(x), name="stacked_generator")


def recurrent_generator(image_shape, latent_dim=256, width=256):
    """`z [B, latent_dim] -> image [B, H, W, C]` in [-1, 1], float32, column by column: section 3.2.

    An LSTM takes one step per column. One hidden layer makes of z its first state h; that h is also what the LSTM is
    told at each step is our own choice.

    Args:
        image_shape: (H, W, C) of any size.
        latent_dim: length of z.
        width: units of the LSTM and of the layer before it.
    """
    height, columns, channels = image_shape
    z = keras.Input([latent_dim])
    h = kl.Dense(width, "relu")(z)
    # Unrolled in time: a loop would not compile with XLA backwards.
    x = kl.LSTM(width, return_sequences=True, unroll=True)(kl.RepeatVector(columns)(h), initial_state=[h, h])
    x = kl.Dense(height * channels)(x)  # [B, W, H C]
    x = kl.Permute([2, 1, 3])(kl.Reshape([columns, height, channels])(x))  # [B, H, W, C]
    return keras.Model(z, kl.Activation("tanh", dtype="float32")(x), name="recurrent_generator")


def strided_discriminator(image_shape, channels):
    """`image [B, H, W, C] -> logits [B, 1]`, float32: 3x3 convolutions of stride 2 and one dense layer.

    Batch normalisation and LeakyReLU of slope 0.3 after each convolution, the first too.

    Args:
        image_shape: (H, W, C) of any size.
        channels: of each convolution: (8X, 16X, 32X) for stacked MNIST, X = 1/4 or 1/2.
    """
    image = x = keras.Input(image_shape)
    for count in channels:
        x = kl.Conv2D(count, 3, 2, "same", use_bias=False, kernel_initializer=layers.normal_002())(x)
        x = kl.LeakyReLU(negative_slope=0.3)(layers.batch_normalization()(x))  # [B, h/2, w/2, count]
    x = kl.Dense(1, kernel_initializer=layers.normal_002(), name="logits")(kl.Flatten()(x))  # [B, 1]
    return keras.Model(image, kl.Activation("linear", dtype="float32")(x), name="strided_discriminator")
