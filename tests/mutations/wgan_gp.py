from tests.mutations import MADE, minibatches, noise, of


def edits():
    edit = of("wgan_gp")
    z = "self.prior.draw(self.g_batches * tf.shape(real)[0])"
    made = MADE.replace("self.prior.like(real)", z)
    total, gp = "total = d_loss + self.gp_weight * gp", "losses.gradient_penalty(self.discriminator, real, fake)"
    square = "tf.reduce_mean(tf.square(slope - 1.0))"
    return [
        *noise(edit, "losses.wasserstein_generator_loss(self.discriminator(fake, training=True))", 12, made, z),
        *minibatches(edit, "n_critic"),
        edit("g_batches ignored", "self.g_batches * tf.shape", "1 * tf.shape"),
        edit("g_batches = 2 by default", "g_batches=1", "g_batches=2"),
        edit("the penalty dropped", total, "total = d_loss"),
        edit("the penalty's weight 1", total, "total = d_loss + gp"),
        edit("the penalty's sign flipped", total, total.replace("+", "-")),
        edit("the penalty alone", total, "total = self.gp_weight * gp"),
        edit("lambda = 1 by default", "gp_weight=10.0", "gp_weight=1.0"),
        edit("n_critic = 1 by default", "n_critic=5", "n_critic=1"),
        edit("the penalty at real images", gp, gp.replace("fake", "real")),
        edit("the penalty at fakes", gp, gp.replace("real", "fake")),
        edit("one-sided", square, "tf.reduce_mean(tf.square(tf.nn.relu(slope - 1.0)))", file="losses.py"),
        edit("the slope pulled to 0", square, "tf.reduce_mean(tf.square(slope))", file="losses.py"),
        edit("one e for all examples", "tf.stack([tf.shape(real)[0]] +", "tf.stack([1] +", file="losses.py"),
        edit(
            "the slope squared",
            "slope = safe_sqrt(tf.reduce_sum(tf.square(gradient)",
            "slope = (tf.reduce_sum(tf.square(gradient)",
            file="losses.py",
        ),
    ]
