from tests.mutations import PRIOR, given, noise, of, order


def edits():
    edit = of("lsgan")
    g_loss = "losses.lsgan_generator_loss(self.discriminator(fake, training=True), c)"
    return [
        *noise(edit, g_loss),
        *given(edit, PRIOR),
        order(edit),
        edit("D: its two targets exchanged", "training=True), a, b", "training=True), b, a"),
        edit("G: the target of D's fakes", "training=True), c)", "training=True), a)"),
        edit("G: the target of D's real images", "training=True), c)", "training=True), b)"),
        edit("targets ignored", "a, b, c = self.coding", "a, b, c = 0.0, 1.0, 1.0"),
        edit("the targets of equation 8 by default", "coding=(0.0, 1.0, 1.0)", "coding=(-1.0, 1.0, 0.0)"),
        edit(
            "D: without 1/2",
            "return 0.5 * (tf.reduce_mean(tf.square(_f32(real_logits) - b))",
            "return (tf.reduce_mean(tf.square(_f32(real_logits) - b))",
            file="losses.py",
        ),
        edit(
            "G: without 1/2",
            "return 0.5 * tf.reduce_mean(tf.square(_f32(fake_logits) - c))",
            "return tf.reduce_mean(tf.square(_f32(fake_logits) - c))",
            file="losses.py",
        ),
    ]
