from tests.mutations import of, order

LOSS = "return real + cls_weight * wrong + (1.0 - cls_weight) * fake"
FAKES = "fake_logits = self.discriminator([fake, told], training=True)"
MADE = "fake = self.generator([self.prior.like(real), told], training=True)"
OF_G = "fake = self.generator([self.prior.like(told), told], training=True)"
G_LOSS = "losses.non_saturating_generator_loss(self.discriminator([fake, told], training=True))"
TOLD = "told = self.encoder(ids, training=True)"


def edits():
    edit = of("text_to_image")
    of_d, of_g = f"tape:\n            {TOLD}", f"real_logits)\n\n        {TOLD}"
    of_fakes, wrong = f"{TOLD}\n        {MADE}", "self.discriminator([wrong, told], training=True)"
    first = "self.first"
    mean = "g_loss = (2.0 * g_loss + self.fooling(halfway(told, self.beta))) / 3.0"
    between = "beta * told[::2] + (1.0 - beta) * told[1::2]"
    return [
        edit("D: wrong and fake weigh 1 each", LOSS, "return real + wrong + fake"),
        edit("D: no wrong pictures", LOSS, "return real + fake"),
        edit(
            "D: the weights of wrong and fake swapped",
            LOSS,
            "return real + (1.0 - cls_weight) * wrong + cls_weight * fake",
        ),
        edit("D: wrong pictures are right", LOSS, LOSS.replace("+ cls", "- cls")),
        edit("D: halved", LOSS, f"{LOSS.replace('return ', 'return 0.5 * (')})"),
        edit(
            "D: real and wrong swapped",
            "real_logits, wrong_logits, fake_logits, self",
            "wrong_logits, real_logits, fake_logits, self",
        ),
        edit(
            "D: wrong and fake swapped",
            "real_logits, wrong_logits, fake_logits, self",
            "real_logits, fake_logits, wrong_logits, self",
        ),
        edit("D: the right picture for the wrong one", wrong, wrong.replace("wrong", "real")),
        edit("D: the weight that is given ignored", "fake_logits, self.cls_weight)", "fake_logits)"),
        edit(
            "D: real pictures judged outside of training", "[real, told], training=True", "[real, told], training=False"
        ),
        edit("D: wrong pictures judged outside of training", wrong, wrong.replace("True", "False")),
        edit("D: fakes judged outside of training", FAKES, FAKES.replace("True", "False")),
        edit("D: fakes made outside of training", MADE, MADE.replace("True", "False")),
        edit("D: texts encoded outside of training", of_d, of_d.replace("True", "False")),
        edit("D: its fakes told by an encoder outside of training", of_fakes, of_fakes.replace("True", "False", 1)),
        edit(
            "E: not trained by D",
            of_d,
            of_d.replace("self.encoder(ids, training=True)", "tf.stop_gradient(self.encoder(ids, training=True))"),
        ),
        edit("E: not trained by wrong pictures", wrong, wrong.replace("told", "tf.stop_gradient(told)")),
        edit(
            "E: trained by G's optimizer",
            '["generator"], "d_optimizer": ["discriminator", "encoder"]',
            '["generator", "encoder"], "d_optimizer": ["discriminator"]',
        ),
        edit("G: texts of the encoder before D's step", of_g, "real_logits)\n"),
        edit("G: texts encoded outside of training", of_g, of_g.replace("True", "False")),
        edit("G: the sign flipped", f"return {G_LOSS}", f"return -{G_LOSS}"),
        edit("G: a gradient stopped at its images", G_LOSS, G_LOSS.replace("[fake,", "[tf.stop_gradient(fake),")),
        edit("G: judged outside of training", G_LOSS, G_LOSS.replace("True", "False")),
        edit("G: made outside of training", OF_G, OF_G.replace("True", "False")),
        edit("G: the objective that saturates", "return losses.non_saturating", "return losses.minimax"),
        edit(
            "G: on D's noise",
            OF_G,
            OF_G.replace("self.prior.like(told)", "self.first[: len(told)]"),
            of_fakes,
            f"{TOLD}\n        {first} = self.prior.like(real)\n        {MADE.replace('self.prior.like(real)', first)}",
        ),
        edit("G: no texts between", "if self.interpolate:", "if False:"),
        edit("G: texts between though not asked for", "if self.interpolate:", "if True:"),
        edit("G: texts between alone", mean, "g_loss = self.fooling(halfway(told, self.beta))"),
        edit("G: texts between weigh as much", mean, mean.replace("2.0 * ", "").replace("3.0", "2.0")),
        edit("G: texts between add up", mean, "g_loss = g_loss + self.fooling(halfway(told, self.beta))"),
        edit("G: the share of the second for the first", between, "(1.0 - beta) * told[::2] + beta * told[1::2]"),
        edit(
            "G: halves of the batch are paired",
            between,
            "beta * told[: len(told) // 2] + (1.0 - beta) * told[len(told) // 2 :]",
        ),
        edit("G: the share that is given ignored", "halfway(told, self.beta)", "halfway(told)"),
        edit(
            "z of another law",
            "Prior(generator.inputs[0].shape[-1])",
            'Prior(generator.inputs[0].shape[-1], "uniform")',
        ),
        edit(
            "a picture drawn in training",
            "self.encode(text)], training=False)\n\n",
            "self.encode(text)], training=True)\n\n",
        ),
        edit("a text encoded in training", "self.ids(text), training=False", "self.ids(text), training=True"),
        edit(
            "unknown words count as the last",
            "tf.gather(numbers, at), 0)",
            "tf.gather(numbers, at), len(self.known))",
            file="words.py",
        ),
        order(edit),
    ]
