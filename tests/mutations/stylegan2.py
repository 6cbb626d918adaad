from tests.mutations import D_STEP, G_STEP, of


def edits():
    edit = of("stylegan2")
    pair = "(real_logits, self.discriminator(fake, training=True))"
    mean = "tf.reduce_mean(replicas.gather(lengths)) - self.means.length"
    networks = "networks/stylegan2.py"
    return [
        edit("G: the sign flipped", "g_loss = losses.non", "g_loss = -losses.non"),
        edit(
            "G: a gradient stopped at its images",
            "self.discriminator(self.generate(count), training=True)",
            "self.discriminator(tf.stop_gradient(self.generate(count)), training=True)",
        ),
        edit(
            "G: judged outside of training",
            "self.generate(count), training=True",
            "self.generate(count), training=False",
        ),
        edit("D: real and fake swapped", pair, "(self.discriminator(fake, training=True), real_logits)"),
        edit(
            "D: real images judged outside of training",
            "self.discriminator(real, training=True)",
            "self.discriminator(real, training=False)",
        ),
        edit("path lengths weigh as in every step", "self.g_every * self.path_weight", "self.path_weight"),
        edit("path lengths pulled to 0", "tf.square(lengths - mean)", "tf.square(lengths)"),
        edit("a gradient stopped at the mean length", mean, f"tf.stop_gradient({mean})"),
        edit("the mean length stays", "self.means.length.assign(mean)", "self.means.length.assign(0.0 * mean)"),
        edit("R1 weighs as in every step", "self.d_every * self.gamma", "self.gamma"),
        edit("R1 twice", "self.gamma / 2.0", "self.gamma"),
        edit(
            "R1 at the mean over pixels",
            "tf.reduce_mean(tf.reduce_sum(tf.square(gradient), axis=list",
            "tf.reduce_mean(tf.reduce_mean(tf.square(gradient), axis=list",
            file="losses.py",
        ),
        edit(
            "regularizers in half precision",
            "base.in_float32(network) for",
            "network for",
        ),
        edit(
            "lengths summed over the layers",
            "tf.reduce_mean(tf.reduce_sum(tf.square(slope), axis=2)",
            "tf.reduce_sum(tf.reduce_sum(tf.square(slope), axis=2)",
        ),
        edit("always two styles", "chance < mixing", "chance < 1.0", file="networks/style.py"),
        edit(
            "styles the other way round",
            "(tf.range(depth) < crossover)",
            "(tf.range(depth) >= crossover)",
            file="networks/style.py",
        ),
        edit(
            "the mean style of D's pass alone",
            "self.style_decay * (self.means.style - mean)",
            "(self.means.style - mean)",
        ),
        edit("the average twice as long", "/ self.half_life", "/ (2 * self.half_life)"),
        edit("what is served is not the average", "return self.average_synthesis(w", "return self.synthesis(w"),
        edit("betas as without further updates", "beta_1**c, beta_2**c", "beta_1, beta_2"),
        edit(
            "G after D",
            f"{G_STEP}\n",
            "g_tape = tape\n",
            f"{D_STEP}\n",
            f"{D_STEP}\n        {G_STEP.replace('tape', 'g_tape')}\n",
        ),
        edit("styles begin at 0", "return 1.0 + self.affine(w)", "return self.affine(w)", file="layers.py"),
        edit(
            "no demodulation", "if self.demodulate:\n            y *=", "if False:\n            y *=", file="layers.py"
        ),
        edit("demodulation by the power", "tf.math.rsqrt(tf.matmul", "1.0 / (tf.matmul", file="layers.py"),
        edit("kernels not turned", "kernel[::-1, ::-1]", "kernel[:, :]", file="layers.py"),
        edit("a gain of 1 of what is enlarged", "gain=4.0", "gain=1.0", file="layers.py"),
        edit(
            "to RGB by the style of the convolution before",
            "to_rgb(x, 2 * level + 1)",
            "to_rgb(x, 2 * level)",
            file=networks,
        ),
        edit("branches summed", "kl.Rescaling(0.5**0.5)", "kl.Rescaling(1.0)", file=networks),
    ]
