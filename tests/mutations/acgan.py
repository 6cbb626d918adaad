from tests.mutations import logistic, of, order

MADE = "fake = self.generator([self.prior.draw(count), fake_label], training=True)"
FAKE = "fake_logits, fake_classes = self.discriminator(fake, training=True)"
OWN = "fake_label = random.labels(count, self.num_classes)"


def edits():
    edit = of("acgan")
    of_d, of_g = f"{MADE}\n        with", f"tape:\n            {MADE}"
    judged = f"{MADE}\n            {FAKE}"
    real_class, fake_class = (f"losses.cross_entropy({x})" for x in ("real_classes, label", "fake_classes, fake_label"))
    class_loss, total = f"class_loss = {real_class} + {fake_class}", "d_loss = source_loss + class_loss"
    source, g_class = "non_saturating_discriminator_loss(real_logits, fake_logits)", f"g_loss += {fake_class}"
    mean, softmax = (
        "tf.reduce_mean(tf.nn.sparse_softmax",
        "sparse_softmax_cross_entropy_with_logits(label, _f32(logits))",
    )
    return [
        edit(
            "D: real and fake swapped", source, source.replace("real_logits, fake_logits", "fake_logits, real_logits")
        ),
        edit("D: not trained to classify fakes", class_loss, f"class_loss = {real_class}"),
        edit("D: not trained to classify real images", class_loss, f"class_loss = {fake_class}"),
        edit("D: fakes are of the labels of real images", class_loss, class_loss.replace("fake_label", "label")),
        edit("D: real images are of the labels of fakes", class_loss, class_loss.replace(", label", ", fake_label")),
        edit(
            "D: classes of real images read off fakes", class_loss, class_loss.replace("real_classes", "fake_classes")
        ),
        edit("D: L_S - L_C", total, total.replace("+", "-")),
        edit("D: L_S alone", total, "d_loss = source_loss"),
        edit("D: L_C halved", total, "d_loss = source_loss + 0.5 * class_loss"),
        edit("D: real images judged outside of training", "(real, training=True)", "(real, training=False)"),
        edit("D: fakes made for the labels of real images", of_d, of_d.replace("fake_label]", "label]")),
        edit("D: fakes made outside of training", of_d, of_d.replace("True", "False")),
        edit("G: L_S for L_S's opposite", "g_loss = losses", "g_loss = -losses"),
        edit("G: the objective that saturates", "losses.non_saturating_generator", "losses.minimax_generator"),
        edit("G: away from its classes", g_class, g_class.replace("+=", "-=")),
        edit("G: no classes", g_class, g_class.replace("+= ", "+= 0.0 * ")),
        edit("G: classes weigh half", g_class, g_class.replace("+= ", "+= 0.5 * ")),
        edit("G: to the labels of real images", g_class, g_class.replace("fake_label", "label")),
        edit(
            "G: no gradient through D's classes",
            g_class,
            g_class.replace("(fake_classes", "(tf.stop_gradient(fake_classes)"),
        ),
        edit("G: a gradient stopped at its images", judged, judged.replace("(fake,", "(tf.stop_gradient(fake),")),
        edit("G: judged outside of training", judged, judged.replace("(fake, training=True", "(fake, training=False")),
        edit("G: made for the labels of real images", of_g, of_g.replace("fake_label]", "label]")),
        edit("G: made outside of training", of_g, of_g.replace("True", "False")),
        edit("G: on the labels of D's fakes", f"d_optimizer)\n\n        {OWN}", "d_optimizer)\n"),
        edit(
            "fakes of other labels than are there",
            f"{OWN}\n        fake",
            f"{OWN.replace('classes', 'classes - 1')}\n        fake",
        ),
        edit(
            "z of another law",
            "Prior(generator.inputs[0].shape[-1])",
            'Prior(generator.inputs[0].shape[-1], "uniform")',
        ),
        edit(
            "softmax taken twice",
            softmax,
            softmax.replace("_f32(logits)", "tf.nn.softmax(_f32(logits))"),
            file="losses.py",
        ),
        edit("the classes' sum for their mean", mean, mean.replace("mean", "sum"), file="losses.py"),
        *logistic(edit),
        order(edit),
    ]
