from tests.mutations import of


def edits():
    edit = of("sgan")
    total = 'total = supervised + self.unsupervised_weight * unsupervised + self.pull("discriminator")'
    of_fakes, of_real = (
        "self.class_logits(unlabelled), self.class_logits(fake)",
        "real_target * tf.math.softplus(-real)",
    )
    halves = "0.5 * (tf.reduce_mean(of_real) + tf.reduce_mean(tf.math.softplus(fake)))"
    d_step = "self.minimize(total, tape, self.d_optimizer)"
    update = "averages.update(self.average, self.discriminator, averages.corrected(self.average_rate, random.step()))"
    made = "fake = self.generator(self.prior.like(matched), training=True)"
    matching = 'losses.feature_matching(features, said["features"], self.matching)'
    return [
        edit("D: real and fake swapped", of_fakes, "self.class_logits(fake), self.class_logits(unlabelled)"),
        edit("D: its unsupervised half left out", total, 'total = supervised + self.pull("discriminator")'),
        edit(
            "D: without labels", total, 'total = self.unsupervised_weight * unsupervised + self.pull("discriminator")'
        ),
        edit("D: the weight of the unsupervised half ignored", total, total.replace("self.unsupervised_weight * ", "")),
        edit(
            "D: the generator's batch for unlabelled",
            'unlabelled, matched = batch["unlabelled"], batch["matched"]',
            'unlabelled, matched = batch["matched"], batch["unlabelled"]',
        ),
        edit("D: the labelled batch for unlabelled", of_fakes, of_fakes.replace("unlabelled", 'batch["image"]')),
        edit(
            "D: fakes made outside of training", "like(unlabelled), training=True", "like(unlabelled), training=False"
        ),
        edit(
            "D: judged outside of training",
            'return self.discriminator(image, training=True)["class_logits"]',
            'return self.discriminator(image, training=False)["class_logits"]',
        ),
        edit("the halves not halved", halves, halves.replace("0.5 * ", "")),
        edit("fakes halved alone", halves, "tf.reduce_mean(of_real) + 0.5 * tf.reduce_mean(tf.math.softplus(fake))"),
        edit(
            "K + 1 classes in the supervised term",
            "cross_entropy_with_logits(label, _f32(logits))",
            "cross_entropy_with_logits(label, tf.pad(_f32(logits), [[0, 0], [0, 1]]))",
            file="losses.py",
        ),
        edit(
            "the sign of the logits of classes",
            "cross_entropy_with_logits(label, _f32(logits))",
            "cross_entropy_with_logits(label, -_f32(logits))",
            file="losses.py",
        ),
        edit(
            "the largest logit for log Z",
            "tf.reduce_logsumexp(tf.cast(class_logits, tf.float32), axis=1)",
            "tf.reduce_max(tf.cast(class_logits, tf.float32), axis=1)",
        ),
        edit(
            "two-sided smoothing",
            "tf.reduce_mean(tf.math.softplus(fake))",
            "tf.reduce_mean(real_target * tf.math.softplus(fake) + (1.0 - real_target) * tf.math.softplus(-fake))",
        ),
        edit("smoothing ignored", "self.class_logits(fake), self.real_target)", "self.class_logits(fake))"),
        edit("smoothing without the other side", " + (1.0 - real_target) * tf.math.softplus(real)", ""),
        edit("the target of real images not there", of_real, "tf.math.softplus(-real)"),
        edit("G: the sign of what it matches", f"return {matching}", f"return -{matching}"),
        edit("G: matches logits", matching, matching.replace('said["features"]', 'said["class_logits"][:, :1]')),
        edit("G: always l2", matching, matching.replace(", self.matching", "")),
        edit(
            "G: fakes judged outside of training",
            "said = self.discriminator(fake, training=True)",
            "said = self.discriminator(fake, training=False)",
        ),
        edit(
            "G: real images judged outside of training",
            'self.discriminator(real, training=True)["features"]',
            'self.discriminator(real, training=False)["features"]',
        ),
        edit("G: made outside of training", made, made.replace("True", "False")),
        edit(
            "G: a gradient stopped at its images",
            "self.generator_loss(fake, matched)",
            "self.generator_loss(tf.stop_gradient(fake), matched)",
        ),
        edit("G: one step whatever was asked for", "range(self.g_steps)", "range(1)"),
        edit(
            "G: the two logistic objectives exchanged",
            'self.objective == "saturating"',
            'self.objective == "non_saturating"',
        ),
        edit("z of another law", 'input_shape[-1], "uniform")', "input_shape[-1])"),
        edit("the average not kept", update, ""),
        edit(
            "the average not corrected for its start",
            "averages.corrected(self.average_rate, random.step())",
            "1.0 - self.average_rate",
        ),
        edit("the average of D before its step", f"{d_step}\n        {update}", f"{update}\n        {d_step}"),
        edit(
            "the weights served, not their average", "logits = self.average(image", "logits = self.discriminator(image"
        ),
        edit("historical averaging: its weight ignored", "return self.history_weight * averages", "return averages"),
        edit("historical averaging: only the last weights", "seen / (seen + 1.0))", "0.0)"),
        edit(
            "historical averaging: one too many",
            "tf.cast(random.step() + 1, tf.float32)",
            "tf.cast(random.step() + 2, tf.float32)",
        ),
        edit(
            "features matched in the batch of one replica",
            "tf.reduce_mean(replicas.gather(_f32(f)), 0)",
            "tf.reduce_mean(_f32(f), 0)",
            file="losses.py",
        ),
        edit("features not squared", "tf.square(real - fake) if norm", "tf.abs(real - fake) if norm", file="losses.py"),
    ]
