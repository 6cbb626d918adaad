from tests.mutations import G_STEP, MADE, PRIOR, UNIFORM, of


def edits():
    edit = of("f_gan")
    bound = "bound = tf.reduce_mean(self.divergence.activation(real_v)) - of_fake"
    g_step = f"{G_STEP}  # the tape remembers the omega of before"
    other = "g_loss = -tf.reduce_mean(self.divergence.activation(fake_v))"
    return [
        edit("D: the sign flipped", "d_loss = -bound", "d_loss = 1.0 * bound"),
        edit("D: halved", "d_loss = -bound", "d_loss = -0.5 * bound"),
        edit("D: fakes added", bound, bound.replace("- of", "+ of")),
        edit(
            "D: real and fake swapped",
            "self.divergence.of_fake(fake_v)",
            "self.divergence.of_fake(real_v)",
            "self.divergence.activation(real_v)",
            "self.divergence.activation(tf.identity(fake_v))",
        ),
        edit(
            "D: real images judged outside of training",
            "self.discriminator(real, training=True)",
            "self.discriminator(real, training=False)",
        ),
        edit("D: no activation", bound, bound.replace("self.divergence.activation(real_v)", "real_v")),
        edit("fakes made outside of training", MADE, MADE.replace("True", "False")),
        edit(
            "fakes judged outside of training",
            "self.discriminator(fake, training=True)",
            "self.discriminator(fake, training=False)",
        ),
        edit(
            "a gradient stopped at fakes",
            "self.discriminator(fake, training=True)",
            "self.discriminator(tf.stop_gradient(fake), training=True)",
        ),
        edit("minimax G: the sign flipped", "g_loss = -of_fake", "g_loss = 1.0 * of_fake"),
        edit("minimax G: the whole bound's negative", "g_loss = -of_fake", "g_loss = -bound"),
        edit("non-saturating G: the sign flipped", other, other.replace("-tf", "tf")),
        edit("non-saturating G: no activation", other, "g_loss = -tf.reduce_mean(fake_v)"),
        edit(
            "the objectives exchanged",
            'if self.generator_objective == "minimax":',
            'if self.generator_objective != "minimax":',
        ),
        edit("minimax by default", 'generator_objective="non_saturating", seed', 'generator_objective="minimax", seed'),
        edit("kl by default", 'divergence="gan"', 'divergence="kl"'),
        edit("kl: f* without its shift", "of_fake=lambda v: tf.exp(v - 1.0)", "of_fake=lambda v: tf.exp(v)"),
        edit(
            "reverse kl: the activation's sign in the exponent",
            "activation=lambda v: -tf.exp(-v)",
            "activation=lambda v: -tf.exp(v)",
        ),
        edit(
            "pearson: f* without its factor",
            "of_fake=lambda v: tf.square(v) / 4.0 + v",
            "of_fake=lambda v: tf.square(v) / 2.0 + v",
        ),
        edit(
            "hellinger: f* of another sign", "of_fake=lambda v: tf.exp(v) - 1.0", "of_fake=lambda v: 1.0 - tf.exp(-v)"
        ),
        edit(
            "jensen-shannon: without log 2",
            "activation=lambda v: LOG_2 - tf.math.softplus(-v)",
            "activation=lambda v: -tf.math.softplus(-v)",
        ),
        edit(
            "neyman: f* without its half",
            "of_fake=lambda v: 2.0 - 2.0 * tf.exp(-v / 2.0)",
            "of_fake=lambda v: 2.0 - 2.0 * tf.exp(-v)",
        ),
        edit(
            "G: against D after its step",
            g_step,
            "with tf.GradientTape() as tape:\n            fake = self.generator(z, training=True)\n"
            "            fake_v = self.discriminator(fake, training=True)\n"
            "            g_loss = -tf.reduce_mean(self.divergence.activation(fake_v))\n        " + G_STEP,
            "with tf.GradientTape(persistent=True) as tape:",
            "z = self.prior.like(real)\n        with tf.GradientTape(persistent=True) as tape:",
            MADE,
            "fake = self.generator(z, training=True)",
        ),
        edit("z of another law", PRIOR, UNIFORM),
    ]
