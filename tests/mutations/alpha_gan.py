from tests.mutations import of


def edits():
    edit = of("alpha_gan")
    separate = "total = self.reconstruction_weight * reconstruction + code_term\n            self.minimize"
    of_g = "total = self.reconstruction_weight * reconstruction + data_term\n            self.minimize"
    whole = "total = self.reconstruction_weight * reconstruction + data_term + code_term"
    of_codes = "self.code_discriminator(z, training=True), self.code_discriminator(code, training=True)"
    generated = " + of_fakes(self.discriminator(generated, training=True))"
    of_d = "self.discriminator(real, training=True), self.discriminator(reconstructed, training=True)"
    ratio = "return -tf.reduce_mean(tf.cast(logits, tf.float32))"
    late = "z, code = self.prior.like(real), self.encoder(real, training=True)"
    joint = "reconstruction, data_term = self.of_pictures(real, code, z)\n                    code_term"
    again = "code = self.encoder(real, training=True)\n            with"
    return [
        edit(
            "C: prior and posterior swapped",
            of_codes,
            "self.code_discriminator(code, training=True), self.code_discriminator(z, training=True)",
        ),
        edit("C: called outside of training", of_codes, of_codes.replace("training=True", "training=False")),
        edit(
            "D: real and fake swapped",
            of_d,
            "self.discriminator(reconstructed, training=True), self.discriminator(real, training=True)",
        ),
        edit("D: no generated pictures", generated, ""),
        edit("D: reconstructions twice", generated, generated.replace("generated", "reconstructed")),
        edit("D: generated pictures count half", " + of_fakes(self", " + 0.5 * of_fakes(self"),
        edit("the ratio's sign turned", ratio, ratio.replace("return -", "return ")),
        edit("the ratio summed", ratio, ratio.replace("reduce_mean", "reduce_sum")),
        edit(
            "the saturating logarithm",
            "return losses.non_saturating_generator_loss(logits)",
            "return losses.minimax_generator_loss(logits)",
        ),
        edit("E: no reconstruction", separate, separate.replace("self.reconstruction_weight * reconstruction + ", "")),
        edit("E: no code term", separate, separate.replace(" + code_term", "")),
        edit("E: the weight ignored", separate, separate.replace("self.reconstruction_weight * ", "")),
        edit("G: no reconstruction", of_g, of_g.replace("self.reconstruction_weight * reconstruction + ", "")),
        edit("G: no data term", of_g, of_g.replace(" + data_term", "")),
        edit("G: codes of the encoder before its update", again, "with"),
        edit("joint: no code term", whole, whole.replace(" + code_term", "")),
        edit("joint: no data term", whole, whole.replace(" + data_term", "")),
        edit(
            "joint: the code term weighted too",
            whole,
            "total = self.reconstruction_weight * (reconstruction + code_term) + data_term",
        ),
        edit(
            "joint: no gradient of the pictures into the encoder",
            joint,
            joint.replace("code, z", "tf.stop_gradient(code), z"),
        ),
        edit(
            "E: no gradient through the reconstruction",
            "losses.l1(real, self.generator(code, training=True))",
            "losses.l1(real, self.generator(tf.stop_gradient(code), training=True))",
        ),
        edit("one update of the pair, whatever is asked", "for _ in range(self.pair_steps):", "for _ in range(1):"),
        edit("discriminators see the pair's z", late, "code = self.encoder(real, training=True)"),
        edit(
            "the data term of reconstructions left out",
            "data_term = self.term(self.discriminator(reconstructed, training=True)) + self.term(\n",
            "data_term = self.term(\n",
        ),
        edit(
            "pictures served as in training",
            "return self.generator(z, training=False)",
            "return self.generator(z, training=True)",
        ),
    ]
