from tests.mutations import logistic, objective, of


def edits():
    edit = of("pix2pix")
    real, fake = (
        "self.discriminator([source, real], training=True)",
        "self.discriminator([source, fake], training=True)",
    )
    pair, g_loss = f"{real}, {fake}", f"losses.non_saturating_generator_loss({fake})"
    total, d_step = "total = g_loss + self.l1_weight * l1", "self.minimize(d_loss, d_tape, self.d_optimizer)"
    g_step = "self.minimize(total, g_tape, self.g_optimizer)"
    return [
        *objective(edit, g_loss),
        edit("D: real and fake swapped", pair, f"{fake}, {real}"),
        edit("D: not halved", "d_loss = 0.5 * losses", "d_loss = losses"),
        edit("D: doubled", "d_loss = 0.5 * losses", "d_loss = 2.0 * losses"),
        edit("the weight of L1 0", total, "total = g_loss + 0.0 * l1"),
        edit("the weight of L1 1", total, "total = g_loss + l1"),
        edit("L1 alone", total, "total = self.l1_weight * l1"),
        edit("L1's sign flipped", total, total.replace("+", "-")),
        edit("lambda = 1 by default", "l1_weight=100.0", "l1_weight=1.0"),
        edit("L1 to the source in place of the target", "losses.l1(real, fake)", "losses.l1(source, fake)"),
        edit("L1 through a stopped gradient", "losses.l1(real, fake)", "losses.l1(real, tf.stop_gradient(fake))"),
        edit("L1 squared", "losses.l1(real, fake)", "tf.reduce_mean(tf.square(real - fake))"),
        edit("D: fakes beside their targets", pair, f"{real}, {fake.replace('source', 'real')}"),
        edit("G: judged beside the target", g_loss, g_loss.replace("source", "real")),
        edit("D: real images beside fakes", pair, f"{real.replace('source', 'fake')}, {fake}"),
        edit("D: real images judged outside of training", pair, f"{real.replace('True', 'False')}, {fake}"),
        edit(
            "G: translates outside of training",
            "fake = self.generator(source, training=True)",
            "fake = self.generator(source, training=False)",
        ),
        edit(
            "G: translates the target",
            "fake = self.generator(source, training=True)",
            "fake = self.generator(real, training=True)",
        ),
        edit("G: against D as it was before its step", d_step, "", g_step, f"{g_step}\n        {d_step}"),
        *logistic(edit),
    ]
