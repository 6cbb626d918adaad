from tests.mutations import minibatches, of


def edits():
    edit = of("stargan")
    real, fake = "self.discriminator(real, training=True)", "self.discriminator(fake, training=True)"
    d_total = "total = d_loss + self.gp_weight * gp + self.cls_weight * d_class"
    g_total = "total = g_loss + self.cls_weight * g_class + self.rec_weight * rec"
    value, gp = "losses.wasserstein_discriminator_loss(real_logits, fake_logits)", "self.critic, real, fake"
    g_loss, back = (
        "g_loss = losses.wasserstein_generator_loss(fake_logits)",
        "self.generator([fake, own], training=True)",
    )
    of_d, of_g = f"fake_logits, _ = {fake}", f"fake_logits, fake_class = {fake}"
    made = "fake = self.generator([real, asked], training=True)"
    in_g = f"with tf.GradientTape() as tape:\n            {made}"
    d_step, g_step = "self.minimize(total, tape, self.d_optimizer)", "self.minimize(total, tape, self.g_optimizer)"
    return [
        *minibatches(edit, "n_critic"),
        edit("D: real and fake swapped", value, value.replace("real_logits, fake_logits", "fake_logits, real_logits")),
        edit("D: real images judged outside of training", f"real_class = {real}", f"real_class = {real[:-5]}False)"),
        edit("D: fakes judged outside of training", of_d, of_d.replace("True", "False")),
        edit(
            "D: fakes of their own domain",
            f"{made}\n            with",
            f"{made.replace('asked', 'own')}\n            with",
        ),
        edit("D: fakes made outside of training", f"{made}\n            with", f"{made[:-5]}False)\n            with"),
        edit(
            "D: the class of real images is the one asked for",
            "cross_entropy(real_class, own)",
            "cross_entropy(real_class, asked)",
        ),
        edit("D: the class of fakes is learned", of_d, f"fake_logits, real_class = {fake}"),
        edit("D: the penalty dropped", d_total, d_total.replace(" + self.gp_weight * gp", "")),
        edit("D: the penalty's weight 1", d_total, d_total.replace("self.gp_weight * gp", "gp")),
        edit("D: the penalty's sign flipped", d_total, d_total.replace("+ self.gp", "- self.gp")),
        edit("D: the class dropped", d_total, d_total.replace(" + self.cls_weight * d_class", "")),
        edit("D: the class's weight 1", d_total, d_total.replace("self.cls_weight * d_class", "d_class")),
        edit("D: the class's sign flipped", d_total, d_total.replace("+ self.cls", "- self.cls")),
        edit("D: the penalty at real images", gp, "self.critic, real, real"),
        edit("D: the penalty at fakes", gp, "self.critic, fake, fake"),
        edit("D: the penalty on the mean of the patches", "training=training)[0]", "training=training)[0] / 2.0"),
        edit("D: the penalty on the first patch", "training=training)[0]", "training=training)[0][..., :1]"),
        edit("D: the penalty on the class logits", "training=training)[0]", "training=training)[1]"),
        edit("G: the sign flipped", g_loss, g_loss.replace("= losses", "= -losses")),
        edit("G: twice its loss", g_loss, g_loss.replace("= losses", "= 2.0 * losses")),
        edit("G: judged by D outside of training", of_g, of_g.replace("True", "False")),
        edit("G: a gradient stopped at its images", of_g, of_g.replace("(fake,", "(tf.stop_gradient(fake),")),
        edit("G: made outside of training", in_g, in_g.replace("True", "False")),
        edit("G: asked for the pictures' own domains", in_g, in_g.replace("asked", "own")),
        edit("G: asked for other domains than D's fakes", in_g, f"asked = permuted(own)\n        {in_g}"),
        edit("G: the class of its own domain", "cross_entropy(fake_class, asked)", "cross_entropy(fake_class, own)"),
        edit("G: the class dropped", g_total, g_total.replace(" + self.cls_weight * g_class", "")),
        edit("G: the class's weight 1", g_total, g_total.replace("self.cls_weight * g_class", "g_class")),
        edit("G: the class's sign flipped", g_total, g_total.replace("+ self.cls", "- self.cls")),
        edit("G: no reconstruction", g_total, g_total.replace(" + self.rec_weight * rec", "")),
        edit("G: the reconstruction's weight 1", g_total, g_total.replace("self.rec_weight * rec", "rec")),
        edit("G: the way back to the domain asked for", back, back.replace("own", "asked")),
        edit("G: the way back from the real image", back, back.replace("fake", "real")),
        edit("G: a gradient stopped on the way back", back, back.replace("[fake", "[tf.stop_gradient(fake)")),
        edit("G: the way back outside of training", back, back.replace("True", "False")),
        edit(
            "G: against D as it was before its last step",
            d_step,
            "d_total, d_tape = total, tape",
            g_step,
            f"{g_step}\n        self.minimize(d_total, d_tape, self.d_optimizer)",
        ),
        edit("the domains asked for are their own", "asked = permuted(own)", "asked = own"),
        edit("the domains asked for in the other order", "tf.argsort(random", "tf.argsort(-random"),
        edit("lambda_cls = 10 by default", "cls_weight=1.0", "cls_weight=10.0"),
        edit("lambda_rec = 1 by default", "rec_weight=10.0", "rec_weight=1.0"),
        edit("lambda_gp = 1 by default", "gp_weight=10.0", "gp_weight=1.0"),
        edit("n_critic = 1 by default", "n_critic=5", "n_critic=1"),
        edit(
            "each replica permutes its own",
            "everywhere = replicas.gather(domain)",
            "everywhere = domain",
            "replicas.own(tf.gather(everywhere, order))",
            "tf.gather(everywhere, order)",
        ),
        edit(
            "served: a domain out of range answered",
            'signatures.known(domain, self.num_domains, image, "domain")',
            "domain",
        ),
        edit(
            "shown: back to the domain asked for",
            'self.translate(generated, batch["source"])',
            'self.translate(generated, batch["domain"])',
        ),
        edit(
            "the generator mirrors its first border",
            '_conv(x, width, 7, name="first")',
            'kl.Conv2D(width, 7, use_bias=False, name="first")(ReflectionPadding2D(3)(x))',
            "import Instance",
            "import ReflectionPadding2D, Instance",
            file="networks/stargan.py",
        ),
    ]
