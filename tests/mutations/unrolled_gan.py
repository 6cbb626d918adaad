from tests.mutations import D_STEP, G_STEP, MADE, PAIR, PRIOR, SWAPPED, UNIFORM, logistic, of


def edits():
    edit = of("unrolled_gan")
    steps, step = "for _ in range(self.unroll_steps):", "weights = rule.step(weights, gradients)"
    minimax = "return -losses.non_saturating_discriminator_loss(self.d_logits(weights, real), fake_logits)"
    inner = "self.d_logits(weights, real), self.d_logits(weights, fake)\n"
    first = "g_loss = self.generator_loss(real, self.generator(self.prior.like(real), training=True))"
    return [
        edit("D: real and fake swapped", PAIR, SWAPPED),
        edit("D: real images judged outside of training", PAIR, PAIR.replace("True", "False", 1)),
        edit("D: the fakes made outside of training", MADE, MADE.replace("True", "False")),
        edit("G: made outside of training", first, first.replace("True", "False")),
        edit("G: the sign flipped", first, first.replace("= self", "= -self")),
        edit(
            "G: a gradient stopped at its images",
            first,
            first.replace(
                "self.generator(self.prior.like(real), training=True)",
                "tf.stop_gradient(self.generator(self.prior.like(real), training=True))",
            ),
        ),
        edit("K ignored", steps, "for _ in range(0):"),
        edit("one step too many", steps, "for _ in range(self.unroll_steps + 1):"),
        edit(
            "a gradient stopped at every unrolled step",
            step,
            f"{step[:10]}[tf.stop_gradient(w) for w in rule.step(weights, gradients)]",
        ),
        edit(
            "a gradient stopped at the gradients of unrolled steps",
            step,
            step.replace("gradients", "[tf.stop_gradient(g) for g in gradients]"),
        ),
        edit(
            "unrolled steps on detached fakes",
            "weights = self.unrolled(real, fake)",
            "weights = self.unrolled(real, tf.stop_gradient(fake))",
        ),
        edit(
            "unrolled steps with real and fake swapped",
            inner,
            "self.d_logits(weights, fake), self.d_logits(weights, real)\n",
        ),
        edit("unrolled steps uphill", "w - self.rate * g for", "w + self.rate * g for"),
        edit("unrolled steps of rate 1", "w - self.rate * g for", "w - g for"),
        edit("unrolled steps outside of training", "frozen, x, training=True)", "frozen, x, training=False)"),
        edit("Adam: the count stands still", "self.count += 1.0", "self.count += 0.0"),
        edit("Adam: the second moment's decay", "self.v = [beta_2 * v +", "self.v = [beta_1 * v +"),
        edit("Adam: no momentum", "self.m = [beta_1 * m + (1.0 - beta_1) * g", "self.m = [0.0 * m + g"),
        edit("minimax: the sign flipped", minimax, minimax.replace("-losses", "losses")),
        edit("minimax: without the term of real images", minimax, "return losses.minimax_generator_loss(fake_logits)"),
        edit(
            "non-saturating: minimax in its place",
            "return losses.non_saturating_generator_loss(fake_logits)",
            "return losses.minimax_generator_loss(fake_logits)",
        ),
        edit(
            "non-saturating by default",
            'unroll_steps=10, generator_objective="minimax"',
            'unroll_steps=10, generator_objective="non_saturating"',
        ),
        edit(
            "judged by D as it is",
            "fake_logits = self.d_logits(weights, fake)",
            "fake_logits = self.discriminator(fake, training=True)",
        ),
        edit(
            "D: on the fakes of G's step",
            first,
            f"z = self.prior.like(real)\n            {first.replace('self.prior.like(real)', 'z')}",
            MADE,
            "fake = self.generator(z, training=True)",
        ),
        edit(
            "D: fakes of G as it was before its step",
            G_STEP,
            "g_tape = tape",
            D_STEP,
            f"{D_STEP}\n        {G_STEP.replace('tape', 'g_tape')}",
        ),
        edit(
            "D: takes the unrolled steps too",
            D_STEP,
            "for weight, ahead in zip(self.discriminator.trainable_variables, self.unrolled(real, fake)):\n"
            f"            weight.assign(ahead)\n        {D_STEP}",
        ),
        edit("z of another law", PRIOR, UNIFORM),
        *logistic(edit),
    ]
