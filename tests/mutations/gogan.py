from tests.mutations import MADE, PRIOR, UNIFORM, clipping, minibatches, objective, of


def edits():
    edit = of("gogan")
    g_loss, d_loss = (
        "losses.wasserstein_generator_loss(self.discriminator(fake, training=True))",
        "d_loss = margin + self.rank_weight * rank",
    )
    rank = "margin_loss(real_logits, old_logits, 2.0 * self.epsilon)"
    loss = "tf.nn.relu(tf.cast(fake_logits, tf.float32) + margin - tf.cast(real_logits, tf.float32))"
    copied = "old.assign(tf.where(later & (step_of_stage == 0), new, old))"
    made = f"tape:\n            {MADE}"
    return [
        *objective(edit, g_loss),
        edit(
            "D: real and fake swapped",
            "margin_loss(real_logits, fake_logits, self.epsilon)",
            "margin_loss(fake_logits, real_logits, self.epsilon)",
        ),
        edit("D: no hinge", loss, loss.replace("tf.nn.relu", "")),
        edit(
            "D: no margin",
            "margin_loss(real_logits, fake_logits, self.epsilon)",
            "margin_loss(real_logits, fake_logits, 0.0)",
        ),
        edit("the rank's weight 0", d_loss, "d_loss = margin + 0.0 * rank"),
        edit("the rank's weight 1", d_loss, "d_loss = margin + rank"),
        edit("the rank alone", d_loss, "d_loss = self.rank_weight * rank"),
        edit("the rank's margin that of neighbours", rank, rank.replace("2.0 * ", "")),
        edit("the rank of new fakes", rank, rank.replace("old_logits", "fake_logits")),
        edit("the rank of fakes above old fakes", rank, rank.replace("real_logits", "fake_logits")),
        edit("the rank in the first stage too", f"rank = tf.where(later, {rank}, 0.0)", f"rank = {rank}"),
        edit(
            "old fakes from other noise",
            "self.previous(z, training=False)",
            "self.previous(self.prior.like(real), training=False)",
        ),
        edit("the old generator in training", "self.previous(z, training=False)", "self.previous(z, training=True)"),
        edit(
            "old fakes made by the new generator",
            "self.previous(z, training=False)",
            "self.generator(z, training=False)",
        ),
        edit("the old generator copied at every step", copied, "old.assign(tf.where(later, new, old))"),
        edit("the old generator never copied", copied, "old.assign(old)"),
        edit(
            "a stage one step too early", "random.step() // self.stage_steps", "(random.step() + 1) // self.stage_steps"
        ),
        edit("G: made outside of training", made, made.replace("True", "False")),
        edit("z of another law", PRIOR, UNIFORM),
        *minibatches(edit, "n_critic"),
        *clipping(edit),
        edit("the margin 0.1 by default", "epsilon=1.0", "epsilon=0.1"),
        edit("the rank's weight 1 by default", "rank_weight=0.5", "rank_weight=1.0"),
    ]
