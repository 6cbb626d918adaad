from tests.mutations import PRIOR, given, logistic, minibatches, noise, of


def edits():
    edit = of("gan")
    both = '"non_saturating": losses.non_saturating_generator_loss,\n    "minimax": losses.minimax_generator_loss,'
    exchanged = '"non_saturating": losses.minimax_generator_loss,\n    "minimax": losses.non_saturating_generator_loss,'
    return [
        *noise(edit, "self.generator_loss(self.discriminator(fake, training=True))", indent=12),
        *minibatches(edit, "k"),
        *logistic(edit),
        *given(edit, PRIOR),
        edit("G: the two objectives exchanged", both, exchanged),
        edit(
            "G: minimax by default",
            '*, k=1, generator_objective="non_saturating"',
            '*, k=1, generator_objective="minimax"',
        ),
        edit("k = 2 by default", "*, k=1,", "*, k=2,"),
    ]
