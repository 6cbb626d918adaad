from tests.mutations import of


def edits():
    edit = of("pixel_cnn")
    law, layer, network = "autoregressive.py", "masked_layers.py", "networks/pixel_cnn.py"
    both = "before = [last[x][:, last[x].shape[1] - side :]] if side else []"
    return [
        edit("the sign flipped", "loss = -tf.reduce_mean", "loss = tf.reduce_mean"),
        edit("the sum over the batch", "-tf.reduce_mean(", "-tf.reduce_sum("),
        edit("called outside of training", "self.of_values(numbers, training=True)", "self.of_values(numbers)"),
        edit("never drawn anew", 'if binarize == "dynamic" else', "if False else", file=law),
        edit(
            "of values that are not rounded",
            "return tf.floor(share * (levels - 1.0) + 0.5)",
            "return share * (levels - 1.0)",
            file=law,
        ),
        edit("values rounded down", "(levels - 1.0) + 0.5)", "(levels - 1.0))", file=law),
        edit("drawn dark for bright", "likelihoods.draw_binary(image)", "-likelihoods.draw_binary(image)", file=law),
        edit(
            "the network sees values from 0",
            "* (2.0 / (levels - 1.0)) - 1.0",
            "* (2.0 / (levels - 1.0))",
            file=law,
        ),
        edit("dark and bright exchanged", "(1.0 - 2.0 * numbers) * logits", "(2.0 * numbers - 1.0) * logits", file=law),
        edit(
            "the mean over the pixels",
            "return tf.reduce_sum(each, [1, 2, 3])",
            "return tf.reduce_mean(each, [1, 2, 3])",
            file=law,
        ),
        edit(
            "logits of levels and colours exchanged",
            "levels, colours])\n        by_colour = tf.transpose(per_level, [0, 1, 2, 4, 3])",
            "colours, levels])\n        by_colour = per_level",
            file=law,
        ),
        edit("mask A sees its own colour", "np.less if mask", "np.less_equal if mask", file=layer),
        edit("mask B does not", "else np.less_equal", "else np.less", file=layer),
        edit("colours in blocks", "np.arange(n) % colours", "np.arange(n) // max(1, n // colours)", file=layer),
        edit(
            "the pixel to the left is masked", "seen[row, :column] = 1.0", "seen[row, : column - 1] = 1.0", file=layer
        ),
        edit("the pixel to the right is seen", "seen[row, :column] = 1.0", "seen[row, : column + 2] = 1.0", file=layer),
        edit(
            "above is the own row too",
            'self.kernel_size[0] // 2 + (self.mask == "above")',
            "self.kernel_size[0] // 2",
            'rows = x[:, :-1] if self.mask == "above" else x',
            "rows = x",
            file=layer,
        ),
        edit(
            "the normalisation left out",
            "self.normalization.kernel(self, training) if",
            "tf.convert_to_tensor(self.kernel) if",
            file=layer,
        ),
        edit("the mask left out", "kernel * tf.constant(self._mask, kernel.dtype)", "kernel", file=layer),
        edit(
            "the halves of a gate exchanged",
            "tf.tanh(first) * tf.sigmoid(second)",
            "tf.tanh(second) * tf.sigmoid(first)",
            file=layer,
        ),
        edit(
            "what the horizontal stack is told is gated",
            "told = convolve(vertical, ",
            "told = convolve(gate(vertical), ",
            file=network,
        ),
        edit("mask B first", 'image, width, first_kernel, "A")', 'image, width, first_kernel, "B")', file=network),
        edit("mask A twice", '("rows", "B"), i ==', '("rows", "A"), i ==', file=network),
        edit("a value is chosen from above", "uniform < tf.sigmoid", "uniform > tf.sigmoid", file=law),
        edit("levels chosen one too high", "uniform[:, None] >= below", "uniform[:, None] >= below - 0.5", file=law),
        edit("the sampler forgets the pixel before", both, both.replace("[last[x][", "[0.0 * last[x]["), file=law),
        edit("the sampler forgets the rows above", "y + begun[id(node)] if", "layer.add_bias(y) if", file=law),
        edit(
            "the sampler keeps a row too long", "tf.concat([rows[:, 1:], made", "tf.concat([rows[:, :1], made", file=law
        ),
        edit(
            "all colours of a pixel by the number of the first", "uniform[c, :, colour]", "uniform[c, :, 0]", file=law
        ),
        edit(
            "the numbers of a picture by columns",
            "tf.transpose(uniform, [1, 2, 0, 3])",
            "tf.reverse(tf.transpose(uniform, [1, 2, 0, 3]), [1])",
            file=law,
        ),
        edit("the law of the numbers is not uniform", '"uniform", low=0.0)', ")"),
    ]
