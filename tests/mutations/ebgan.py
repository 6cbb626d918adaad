from tests.mutations import D_STEP, G_STEP, MADE, PRIOR, UNIFORM, of


def edits():
    edit = of("ebgan")
    real, fake = (
        "real_energy = energy(real, self.discriminator(real, training=True)[0])",
        "fake_energy = energy(fake, self.discriminator(fake, training=True)[0])",
    )
    loss, total = (
        "tf.reduce_mean(real_energy) + tf.reduce_mean(tf.nn.relu(margin - fake_energy))",
        "total = g_loss + self.pt_weight * pt",
    )
    g_loss, pt = "tf.reduce_mean(energy(fake, reconstruction))", "pulling_away(code)"
    made, order = f"tape:\n            {MADE}", G_STEP.replace("g_loss", "total")
    return [
        edit(
            "D: real and fake swapped",
            "margin_loss(real_energy, fake_energy, self.margin)",
            "margin_loss(fake_energy, real_energy, self.margin)",
        ),
        edit("D: the margin ignored", loss, loss.replace("tf.nn.relu(margin - fake_energy)", "margin - fake_energy")),
        edit(
            "D: the margin for real images",
            loss,
            loss.replace("reduce_mean(real_energy)", "reduce_mean(tf.nn.relu(real_energy - margin))"),
        ),
        edit("D: another margin", "fake_energy, self.margin)", "fake_energy, 2.0 * self.margin)"),
        edit("D: without fakes", loss, "tf.reduce_mean(real_energy)"),
        edit("D: without real images", loss, loss.replace("tf.reduce_mean(real_energy) + ", "")),
        edit("D: real images outside of training", real, real.replace("True", "False")),
        edit("D: the reconstruction of fakes held to real images", fake, fake.replace("energy(fake", "energy(real")),
        edit("G: the sign flipped", f"g_loss = {g_loss}", f"g_loss = -{g_loss}"),
        edit(
            "G: the energy's gradient through the reconstruction alone",
            g_loss,
            g_loss.replace("fake", "tf.stop_gradient(fake)"),
        ),
        edit(
            "G: a gradient stopped at its images",
            "self.discriminator(fake, training=True)\n",
            "self.discriminator(tf.stop_gradient(fake), training=True)\n",
        ),
        edit(
            "G: judged outside of training",
            "self.discriminator(fake, training=True)\n",
            "self.discriminator(fake, training=False)\n",
        ),
        edit("the pulling-away term's weight 0", total, "total = g_loss + 0.0 * pt"),
        edit("the pulling-away term's weight 1", total, "total = g_loss + pt"),
        edit("the pulling-away term pushes together", total, total.replace("+", "-")),
        edit("the pulling-away term of reconstructions", f"pt = {pt}", "pt = pulling_away(reconstruction)"),
        edit("the pulling-away term off by default", "pt_weight=0.1", "pt_weight=0.0"),
        edit("the pulling-away term of each code and itself too", "axis=1) - itself) / others", "axis=1)) / others"),
        edit("the pulling-away term divided by N", "- itself) / others", "- itself) / (others + 1.0)"),
        edit("cosines not squared", "squared = tf.square(tf.matmul", "squared = (tf.matmul"),
        edit(
            "the energy squared",
            "return losses.safe_sqrt(tf.reduce_sum(tf.square(difference)",
            "return (tf.reduce_sum(tf.square(difference)",
        ),
        edit("G: made outside of training", made, made.replace("True", "False")),
        edit("z of another law", PRIOR, UNIFORM),
        edit(
            "G: against D as it was before its step",
            D_STEP,
            "d_tape = tape",
            order,
            f"{order}\n        {D_STEP.replace('tape', 'd_tape')}",
        ),
    ]
