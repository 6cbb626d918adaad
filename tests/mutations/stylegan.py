from tests.mutations import of


def edits():
    edit = of("stylegan")
    total = "total = d_loss + self.gamma / 2.0 * r1"
    pair, g_loss = "judged(real), judged(fake)", "losses.non_saturating_generator_loss(judged(made()))"
    keep = "keep = 0.5 ** (tf.cast(count * replicas.count(), tf.float32) / self.half_life)"
    of_mapping = "        averages.update(self.average_mapping, self.mapping, keep)\n"
    of_synthesis = "        averages.update(self.average_synthesis, self.synthesis, keep)\n"
    g_step, d_step = "self.minimize(g_loss, tape, self.g_optimizer)", "self.minimize(total, tape, self.d_optimizer)"
    chosen, styles = "(tf.range(depth) < crossover)", "networks/style.py"
    w, mean = "w = self.average_mapping(z, training=training)", "mean + decay * (self.value - mean)"
    return [
        edit("D: real and fake swapped", pair, "judged(fake), judged(real)"),
        edit("R1 dropped", total, "total = d_loss"),
        edit("R1 not halved", total, total.replace(" / 2.0", "")),
        edit("R1's sign flipped", total, total.replace("+", "-")),
        edit("R1 of fakes", "losses.squared_slope(of_whole, real)", "losses.squared_slope(of_whole, fake)"),
        edit("R1 in the level's own pixels", "training=training) / 2**self.stage.times", "training=training)"),
        edit("gamma = 1 by default", "gamma=10.0", "gamma=1.0"),
        edit("G: the sign flipped", f"g_loss = {g_loss}", f"g_loss = -{g_loss}"),
        edit("G: judged outside of training", g_loss, g_loss.replace("made())", "made(), False)")),
        edit("G: its pictures made outside of training", "(count), alpha), training=True)", "(count), alpha))"),
        edit("G: its styles made outside of training", "draw(count), training=True)", "draw(count))"),
        edit("the average of the mapping not updated", of_mapping, ""),
        edit("the average of the synthesis not updated", of_synthesis, ""),
        edit(
            "the averages after G's step",
            of_mapping + of_synthesis,
            "",
            f"        {g_step}\n",
            f"        {g_step}\n{of_mapping}{of_synthesis}",
        ),
        edit("the averages by steps, not pictures", keep, "keep = 0.5 ** (1.0 / self.half_life)"),
        edit(
            "G before D",
            f"        {d_step}\n",
            "        of_d = tape\n",
            g_step,
            f"{g_step}\n        {d_step.replace('tape', 'of_d')}",
        ),
        edit("styles never mixed", "chance < mixing", "chance < 0.0", file=styles),
        edit("styles mixed the other way round", chosen, chosen.replace("<", ">="), file=styles),
        edit("a crossover beyond the level", "used = self.depth - 2 * self.stage.times", "used = self.depth"),
        edit("a crossover of 0", "random.uniform([], 1.0,", "random.uniform([], 0.0,", file=styles),
        edit("the mean style keeps 0.95", "style_decay=0.995", "style_decay=0.95"),
        edit("the mean style takes what it should keep", mean, "self.value + decay * (mean - self.value)"),
        edit("the mapping itself is served", w, w.replace("average_mapping", "mapping")),
        edit("the synthesis itself is served", "image = self.average_synthesis(", "image = self.synthesis("),
        edit("what is served is small", "return self.stage.whole(tf.clip", "return (tf.clip"),
        edit("all layers truncated", "cutoff=self.cutoff", "cutoff=None"),
        edit(
            "real pictures not faded",
            "self.stage.real(image, alpha)\n        count",
            "self.stage.real(image, None)\n        count",
        ),
        edit(
            "real pictures are judged whole",
            "self.stage.given(self.stage.real(image, alpha), alpha)",
            "self.stage.given(image, alpha)",
        ),
        edit(
            "no blur after an enlargement",
            "x = layers.Blur()(_conv(number)(kl.UpSampling2D()(x)))",
            "x = _conv(number)(kl.UpSampling2D()(x))",
            file="networks/stylegan.py",
        ),
    ]
