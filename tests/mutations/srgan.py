from tests.mutations import logistic, objective, of


def edits():
    edit = of("srgan")
    real, fake = "self.discriminator(real, training=True)", "self.discriminator(fake, training=True)"
    pair, g_loss = f"{real}, {fake}", f"losses.non_saturating_generator_loss({fake})"
    total, d_step = (
        "total = content + self.adversarial_weight * g_loss",
        "self.minimize(d_loss, d_tape, self.d_optimizer)",
    )
    g_step = "self.minimize(total, g_tape, self.g_optimizer)"
    of_low, in_phase_1 = "fake = self.generator(low, training=True)", 'self.generator(batch["image"], training=True)'
    squared = "tf.reduce_mean(tf.square(_f32(a) - _f32(b)))"
    places = "tf.reduce_mean(tf.reduce_sum(tf.square(difference), axis=-1))"
    upscale = "tf.clip_by_value(self.generator(image, training=False), -1.0, 1.0)"
    return [
        *objective(edit, g_loss),
        edit("D: real and fake swapped", pair, f"{fake}, {real}"),
        edit("D: real images judged outside of training", pair, f"{real.replace('True', 'False')}, {fake}"),
        edit("G: against D as it was before its step", d_step, "", g_step, f"{g_step}\n        {d_step}"),
        edit("G: enlarges outside of training", of_low, of_low.replace("True", "False")),
        edit("SRResNet: enlarges outside of training", in_phase_1, in_phase_1.replace("True", "False")),
        edit("SRResNet: the sign flipped", "self.minimize(mse, tape", "self.minimize(-mse, tape"),
        edit("SRResNet: its gradient stopped at its images", in_phase_1, f"tf.stop_gradient({in_phase_1})"),
        edit("the content loss dropped", total, "total = self.adversarial_weight * g_loss"),
        edit("the adversarial loss dropped", total, "total = content"),
        edit("the adversarial weight 1", total, "total = content + g_loss"),
        edit("the adversarial weight on the content", total, "total = self.adversarial_weight * content + g_loss"),
        edit("the adversarial weight 1e-2 by default", "weight=1e-3, seed", "weight=1e-2, seed"),
        edit("the mean of squares a sum", squared, squared.replace("reduce_mean", "reduce_sum"), file="losses.py"),
        edit("squares halved", f"return {squared}", f"return 0.5 * {squared}", file="losses.py"),
        edit("absolute values for squares", squared, squared.replace("tf.square", "tf.abs"), file="losses.py"),
        edit("features: a mean over channels", places, places.replace("reduce_sum", "reduce_mean")),
        edit("features: the scale not squared", "difference = scale *", "difference = tf.sqrt(scale) *"),
        edit("features: unscaled", "difference = scale *", "difference = 1.0 *"),
        edit("features: 1 / 12 by default", "feature_scale=1 / 12.75", "feature_scale=1 / 12"),
        edit("features: of the picture made alone", "zip(self.features(real),", "zip(self.features(fake),"),
        edit("features given ignored", "if self.features is None:", "if True:"),
        edit("features: the last alone", "return sum(feature_loss(a, b, self.feature_scale) for a, b in pairs)",
             "return [feature_loss(a, b, self.feature_scale) for a, b in pairs][-1]"),
        edit("content of the small picture", "self.content_loss(real, fake)", "self.content_loss(fake, fake)"),
        edit("served by the batch's own statistics", upscale, upscale.replace("False", "True")),
        edit("served unclipped", upscale, "self.generator(image, training=False)"),
        *logistic(edit),
    ]  # fmt: skip
