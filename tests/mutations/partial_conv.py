from tests.mutations import of


def edits():
    edit = of("partial_conv")

    def layer(what, *texts):
        return edit(what, *texts, file="layers.py")

    def network(what, *texts):
        return edit(what, *texts, file="networks/partial_unet.py")

    comp = "comp = composite(target, out, mask)"
    made, ratio = "self.generator([image, mask], training=True)", "y *= known * everything / tf.maximum(total, 1.0)"
    biased = f"{ratio}\n        if self.use_bias:\n            y += self.bias * known"
    return [
        edit(
            "hole and valid swapped",
            '"valid": losses.l1(mask *',
            '"hole": losses.l1(mask *',
            '"hole": losses.l1((1.0',
            '"valid": losses.l1((1.0',
        ),
        edit("the weight of valid 0", "self.valid_weight * terms", "0.0 * terms"),
        edit("the weight of the hole 1", "hole_weight=6.0", "hole_weight=1.0"),
        edit("the perceptual weight 1", "perceptual_weight=0.05", "perceptual_weight=1.0"),
        edit("the style weight 12", "style_weight=120.0", "style_weight=12.0"),
        edit("the weight of tv 1", "tv_weight=0.1", "tv_weight=1.0"),
        edit("tv left out", "self.tv_weight * terms", "0.0 * terms"),
        edit("tv's sign flipped", "self.tv_weight * terms", "-self.tv_weight * terms"),
        edit(
            "the hole's L1 through a stopped gradient",
            "losses.l1((1.0 - mask) * out",
            "losses.l1((1.0 - mask) * tf.stop_gradient(out)",
        ),
        edit("the composite through a stopped gradient", comp, comp.replace("out", "tf.stop_gradient(out)")),
        edit("the composite turned inside out", comp, "comp = composite(out, target, mask)"),
        edit("the composite is the output", comp, "comp = out"),
        edit("tv on the output", "total_variation(comp, mask)", "total_variation(out, mask)"),
        edit("tv of the whole picture", "total_variation(comp, mask)", "total_variation(comp, 0.0 * mask)"),
        edit("tv in the known part", "max_pool2d(1.0 - mask,", "max_pool2d(mask,"),
        edit("tv in the hole without its rim", "max_pool2d(1.0 - mask, 3", "max_pool2d(1.0 - mask, 1"),
        edit("tv a sum", "/ count", "/ 1.0"),
        edit("tv down alone", "tf.reduce_sum(down) + tf.reduce_sum(across)", "2.0 * tf.reduce_sum(down)"),
        edit("features of the output alone", " + distance(of_comp, of_target)", ""),
        edit("features of the composite alone", "distance(of_out, of_target) + ", ""),
        edit("features against the picture with the hole", "in (out, comp, target)", "in (out, comp, image)"),
        edit("style of the output alone", " + distance(styles[1], styles[2])", ""),
        edit("style of the composite twice", "distance(styles[0], styles[2])", "distance(styles[1], styles[2])"),
        edit("Gram matrices not divided", " / (channels * height * width) ** 0.5", ""),
        edit("Gram matrices divided by places alone", "(channels * height * width)", "(height * width)"),
        edit("Gram matrices of places", "transpose_a=True", "transpose_b=True"),
        edit("made outside of training", made, made.replace("True", "False")),
        edit("given the whole picture", made, made.replace("image", "target")),
        edit("what is known is not kept", "return composite(image, tf.clip", "return composite(out, tf.clip"),
        edit("what is served is not cut", "tf.clip_by_value(out, -1.0, 1.0)", "out"),
        layer("the ratio left out", ratio, "y *= known"),
        layer("the ratio without sum(1)", ratio, ratio.replace("everything", "1.0")),
        layer("the ratio over places alone", "float(size * size * self.kernel.shape[2])", "float(size * size)"),
        layer("a mask counts once, not per channel", "x.shape[-1] * self._convolve(", "self._convolve("),
        layer("what is in the hole is seen", "tf.concat([x * known for", "tf.concat([x for"),
        layer("the mask does not grow", "total > 0.5", "total > everything - 0.5"),
        layer("the bias inside of holes", "y += self.bias * known", "y += self.bias"),
        layer(
            "the bias takes part in the ratio",
            biased,
            f"if self.use_bias:\n            y += self.bias\n        {ratio}",
        ),
        layer("padded on the far sides alone", "[n, n], [n, n], [0, 0]])", "[0, 2 * n], [0, 2 * n], [0, 0]])"),
        network("the decoder freezes too", "layer.name.startswith(_ENCODER_NORM)", '"norm" in layer.name'),
        network("nothing freezes", "layer.trainable = False", "layer.trainable = True"),
        network("the first kernel 5x5", "[7, 5, 5]", "[5, 5, 5]"),
        edit("masks are known below a half", "mask >= 0.5", "mask >= 0.1", file="signatures.py"),
    ]
