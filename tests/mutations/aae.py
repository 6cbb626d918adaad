from tests.mutations import of


def edits():
    edit = of("aae")
    code = "z, y = self.codes(image, given, training=True)"
    first, second, third = (
        f"{code}\n            reconstruction",
        f"{code}\n        category_d_loss",
        f"{code}\n            g_loss",
    )
    of_d = "self.discriminator(z_prior, training=True), self.discriminator(z, training=True)"
    of_y = "self.category_discriminator(y_prior, training=True), self.category_discriminator(y, training=True)"
    g_loss = "g_loss = losses.non_saturating_generator_loss(self.discriminator(z, training=True))"
    error = "0.5 * tf.reduce_mean(tf.reduce_sum(tf.square(difference)"
    label_loss = 'losses.cross_entropy(self.encoder(labelled, training=True)["category"], label)'
    missing = "missing = tf.nn.relu(self.heads_apart - between)"
    return [
        edit(
            "D: prior and codes swapped",
            of_d,
            "self.discriminator(z, training=True), self.discriminator(z_prior, training=True)",
        ),
        edit("D: called outside of training", of_d, of_d.replace("training=True", "training=False")),
        edit(
            "D of y: prior and codes swapped",
            of_y,
            "self.category_discriminator(y, training=True), self.category_discriminator(y_prior, training=True)",
        ),
        edit("D of y: not trained", "total = d_loss + category_d_loss", "total = d_loss"),
        edit("D of z: not trained", "total = d_loss + category_d_loss", "total = category_d_loss + 0.0 * d_loss"),
        edit(
            "the encoder is not told of z", "total = g_loss + category_g_loss", "total = category_g_loss + 0.0 * g_loss"
        ),
        edit("the encoder is not told of y", "total = g_loss + category_g_loss", "total = g_loss"),
        edit("the encoder by the saturating loss", g_loss, g_loss.replace("non_saturating", "minimax")),
        edit(
            "reconstruction: no gradient into codes",
            first,
            first.replace("            rec", "            z = tf.stop_gradient(z)\n            rec"),
        ),
        edit(
            "reconstruction: the encoder outside of training", first, first.replace("training=True", "training=False")
        ),
        edit(
            "D sees the codes of before the update",
            first,
            first.replace("z, y =", "z, y = early ="),
            second,
            second.replace(code, "z, y = early"),
        ),
        edit("the encoder outside of training, before D", second, second.replace("training=True", "training=False")),
        edit("the encoder outside of training, after D", third, third.replace("training=True", "training=False")),
        edit("the decoder outside of training", "self.decoded(z, y, training=True)", "self.decoded(z, y)"),
        edit("the error without its half", error, error.replace("0.5 * ", "")),
        edit("the error a mean over pixels", error, error.replace("reduce_sum", "reduce_mean")),
        edit("the error on the scale of 2", "difference = 0.5 * (", "difference = ("),
        edit("the labelled pictures taken for all", 'image = image, batch["unlabelled"]', "image = image, image"),
        edit("the labels not learned", f"label_loss = {label_loss}", f"label_loss = 0.0 * {label_loss}"),
        edit("labels of the unlabelled pictures", label_loss, label_loss.replace("labelled", "image")),
        edit(
            "y not on the simplex",
            'tf.nn.softmax(tf.cast(said["category"], tf.float32))\n        return tf.cast',
            'tf.cast(said["category"], tf.float32)\n        return tf.cast',
        ),
        edit(
            "the prior of y is flat",
            "y_prior = self.one_hot(random.labels(count, self.num_classes))",
            "y_prior = 0.0 * self.one_hot(random.labels(count, self.num_classes)) + 1.0 / self.num_classes",
        ),
        edit("heads pulled together", missing, "missing = tf.nn.relu(between - self.heads_apart)"),
        edit("heads counted twice", "return 0.5 * tf.reduce_sum(missing", "return tf.reduce_sum(missing"),
        edit("heads left out of the code", "return z + self.heads(y)", "return z + 0.0 * self.heads(y)"),
        edit("heads free of cost", "total = reconstruction + apart", "total = reconstruction"),
    ]
