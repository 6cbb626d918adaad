from tests.mutations import given, logistic, of, order

FAKE = "self.discriminator([fake, label], training=True)"
REAL = "self.discriminator([real, label], training=True)"
MADE = "fake = self.generator([self.prior.like(real), label], training=True)"


def edits():
    edit = of("cgan")
    of_d, of_g = f"\n\n        {MADE}", f"tape:\n            {MADE}"
    g_loss = f"g_loss = losses.non_saturating_generator_loss({FAKE})"
    roll, uniform = "tf.roll(label, 1, 0)", "random.labels(tf.shape(real)[0], self.num_classes)"
    imported = ("losses, signatures", "losses, random, signatures")
    maps = "kl.UpSampling2D(image_shape[:2])(maps)"
    return [
        edit("D: real and fake swapped", f"{REAL}, {FAKE}", f"{FAKE}, {REAL}"),
        edit("D: fakes judged with another label", f"{REAL}, {FAKE}", f"{REAL}, {FAKE.replace('label', roll)}"),
        edit("D: real images judged with another label", REAL, REAL.replace("label", roll)),
        edit("D: real images judged outside of training", REAL, REAL.replace("True", "False")),
        edit("D: fakes made for another label", of_d, of_d.replace(" label]", f" {roll}]")),
        edit("D: fakes made for labels of their own", *imported, of_d, of_d.replace(" label]", f" {uniform}]")),
        edit("D: fakes made outside of training", of_d, of_d.replace("True", "False")),
        edit("G: made for another label", of_g, of_g.replace(" label]", f" {roll}]")),
        edit("G: made outside of training", of_g, of_g.replace("True", "False")),
        edit("G: judged with another label", g_loss, g_loss.replace("label", roll)),
        edit("G: judged outside of training", g_loss, g_loss.replace("True", "False")),
        edit("G: the sign flipped", "g_loss = losses", "g_loss = -losses"),
        edit("G: the objective that saturates", "losses.non_saturating_generator", "losses.minimax_generator"),
        edit("G: a gradient stopped at its images", g_loss, g_loss.replace("fake", "tf.stop_gradient(fake)")),
        edit(
            "G: on the noise of D's step",
            of_d,
            f"\n\n        z = self.prior.like(real){of_d[1:]}".replace("[self.prior.like(real), label]", "[z, label]"),
            of_g,
            of_g.replace("self.prior.like(real)", "z"),
        ),
        edit("z between -1 and 1", ', "uniform", low=0.0)', ', "uniform")'),
        edit("z normal", ', "uniform", low=0.0)', ")"),
        *given(edit, 'latent.Prior(generator.inputs[0].shape[-1], "uniform", low=0.0)'),
        *logistic(edit),
        order(edit),
        edit("D's label maps are 0", maps, f"kl.Rescaling(0.0)({maps})", file="networks/dcgan.py"),
        edit(
            "G's label is 0",
            "layers.one_hot(label, num_classes), of_label",
            "kl.Rescaling(0.0)(layers.one_hot(label, num_classes)), of_label",
            file="networks/cgan.py",
        ),
        edit(
            "D's label is 0",
            "layers.one_hot(label, num_classes), 1",
            "kl.Rescaling(0.0)(layers.one_hot(label, num_classes)), 1",
            file="networks/cgan.py",
        ),
        edit(
            "maxout: the mean of the pieces",
            "keras.ops.max(kl.Reshape([units[i]",
            "keras.ops.mean(kl.Reshape([units[i]",
            file="networks/cgan.py",
        ),
    ]
