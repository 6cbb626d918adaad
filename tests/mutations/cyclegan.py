from tests.mutations import of


def edits():
    edit = of("cyclegan")
    of_a, of_b = (
        f"losses.lsgan_discriminator_loss(\n                self.discriminator_{x}(real_{x}, training=True), "
        f"self.discriminator_{x}(old_{x}, training=True)"
        for x in "ab"
    )
    g_b, g_a = (
        "losses.lsgan_generator_loss(self.discriminator_b(fake_b, training=True))",
        "losses.lsgan_generator_loss(self.discriminator_a(fake_a, training=True))",
    )
    cycle_a, cycle_b = "self.generator_ba(fake_b, training=True)", "self.generator_ab(fake_a, training=True)"
    same_b, same_a = (
        "losses.l1(real_b, self.generator_ab(real_b, training=True))",
        "losses.l1(\n                    real_a, self.generator_ba(real_a, training=True)",
    )
    total, identity = (
        "total = g_loss + self.cycle_weight * cycle",
        "total += self.identity_weight * self.cycle_weight * identity",
    )
    pools, d_step, g_step = (
        "old_a, old_b = self.pool_a(fake_a), self.pool_b(fake_b)",
        "self.minimize(d_loss, d_tape, self.d_optimizer)",
        "self.minimize(total, g_tape, self.g_optimizer)",
    )
    return [
        edit("G: the factor 2 dropped", "g_loss = 2.0 *", "g_loss = 1.0 *"),
        edit("G: the factor 2 a tenth", "g_loss = 2.0 *", "g_loss = 0.1 *"),
        edit("G: the sign flipped", "g_loss = 2.0 *", "g_loss = -2.0 *"),
        edit("D of a: not halved", f"d_loss = {of_a}", f"d_loss = 2.0 * {of_a}"),
        edit("D of b: not halved", of_b, f"2.0 * {of_b}"),
        edit(
            "D of a: real and fake swapped",
            of_a,
            of_a.replace("old_", "x_").replace("real_", "old_").replace("x_", "real_"),
        ),
        edit(
            "D of b: real and fake swapped",
            of_b,
            of_b.replace("old_", "x_").replace("real_", "old_").replace("x_", "real_"),
        ),
        edit("D of a: real images of b", of_a, of_a.replace("real_a", "real_b")),
        edit("D of b: real images of a", of_b, of_b.replace("real_b", "real_a")),
        edit("D of a: the fakes of b", of_a, of_a.replace("old_a", "old_b")),
        edit("D of a: without its pool", pools, "old_a, old_b = fake_a, self.pool_b(fake_b)"),
        edit("D of b: without its pool", pools, "old_a, old_b = self.pool_a(fake_a), fake_b"),
        edit(
            "the pool gives back the newest", "returned = tf.where(as_image(swap), stored, fresh)", "returned = fresh"
        ),
        edit(
            "the pool gives back an old one always",
            "random.uniform([batch], same=True) < 0.5",
            "random.uniform([batch], same=True) < 1.5",
        ),
        edit("the pool gives back zeros while it fills", "swap = ~filling & (", "swap = ("),
        edit(
            "the pool keeps what it gave back",
            "kept = tf.where(as_image(filling | swap), fresh, stored)",
            "kept = tf.where(as_image(filling), fresh, stored)",
        ),
        edit("the cycle's weight 0", total, "total = g_loss + 0.0 * cycle"),
        edit("the cycle's weight 1", total, "total = g_loss + cycle"),
        edit("lambda = 1 by default", "cycle_weight=10.0", "cycle_weight=1.0"),
        edit(
            "no cycle through b", f"cycle = losses.l1(real_a, {cycle_a})", f"cycle = 0.0 * losses.l1(real_a, {cycle_a})"
        ),
        edit(
            "no cycle through a",
            f"+ losses.l1(\n                real_b, {cycle_b}",
            f"+ 0.0 * losses.l1(\n                real_b, {cycle_b}",
        ),
        edit("the cycle of a ends in b", cycle_a, cycle_a.replace("generator_ba", "generator_ab")),
        edit(
            "the cycle of a through a stopped gradient", cycle_a, cycle_a.replace("fake_b", "tf.stop_gradient(fake_b)")
        ),
        edit(
            "the cycle of b through a stopped gradient", cycle_b, cycle_b.replace("fake_a", "tf.stop_gradient(fake_a)")
        ),
        edit("the identity's weight 0", identity, "total += 0.0 * identity"),
        edit("the identity's weight 1", identity, "total += self.cycle_weight * identity"),
        edit("the identity's weight not times the cycle's", identity, "total += self.identity_weight * identity"),
        edit("the identity off by default", "identity_weight=0.5", "identity_weight=0.0"),
        edit("the identity of b by the wrong generator", same_b, same_b.replace("generator_ab", "generator_ba")),
        edit("the identity of a: of b", same_a, same_a.replace("(real_a", "(real_b")),
        edit("no identity of a", f"+ {same_a}", f"+ 0.0 * {same_a}"),
        edit("G: a to b is not judged", g_b, f"0.0 * {g_b}"),
        edit("G: b to a is not judged", g_a, f"0.0 * {g_a}"),
        edit(
            "G: judged by each other's discriminator",
            g_b,
            g_b.replace("discriminator_b", "discriminator_a"),
            g_a,
            g_a.replace("discriminator_a", "discriminator_b"),
        ),
        edit("G: a gradient stopped at fakes of b", g_b, g_b.replace("fake_b", "tf.stop_gradient(fake_b)")),
        edit("G: judged by D of a outside of training", g_a, g_a.replace("True", "False")),
        edit(
            "a to b outside of training",
            "fake_b = self.generator_ab(real_a, training=True)",
            "fake_b = self.generator_ab(real_a, training=False)",
        ),
        edit("both generators translate a", "fake_a = self.generator_ba(real_b", "fake_a = self.generator_ba(real_a"),
        edit("G: against D as it was before its step", d_step, "", g_step, f"{g_step}\n        {d_step}"),
    ]
