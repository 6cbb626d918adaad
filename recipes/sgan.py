"""SGAN: a classifier that learns from few labels and many pictures without.

Default: the Latin letters of the embedded glyphs (DejaVu Sans, in any case, accent and style) at 16x16, 10 labels of
each. 4,000 steps take 2 min of an AMD EPYC with 2 cores that did other work too, in mixed_bfloat16: 96 of 552 held-out
letters taken for another one, 17.4 % (commit c5e6c31); from labels alone, with another epsilon of Adam's, 17.2 %. One
seed each: letters in 12 styles gain nothing here from pictures without labels. Looked at: samples letter-like, blurred.

    python recipes/sgan.py
    python recipes/sgan.py --unsupervised-weight=0
    python recipes/sgan.py --preset=paper --steps=60000 --seed=1

The second learns from the labels alone, for comparison. `errors` counts the held-out pictures that the average of the
discriminator's weights takes for another class. The seed chooses which examples keep their labels, too.

Paper (arXiv 1606.03498): MNIST with 100 labels, 300 epochs of 600 steps, as in the published code, which takes all
60,000 training digits for unlabelled ones. It quotes 93 +- 6.5 errors of 10,000. After 100 epochs, three seeds: 94, 95
and 130, the last one here in 53 minutes, the others on an accelerator; after all 300, one seed, there: 81
(docs/results.md).
"""

import dataclasses
from typing import Literal

import numpy as np

from tfgan_zoo import SGAN, latent, layers, run
from tfgan_zoo.data import batches
from tfgan_zoo.data.few_labels import few_labels
from tfgan_zoo.networks.sgan import noisy_classifier, softplus_generator
from tfgan_zoo.optimizers import Adam

FIRST_BATCH = 500  # examples that the discriminator's weights are normalised on, as in the published code


@dataclasses.dataclass(kw_only=True)
class Config(run.Config):
    """Train an SGAN. --dataset has to have labels; all but a few are left out."""

    image_size: run.ImageSize = run.square(16)
    batch_size: int = 100
    """Pictures of each kind: with a label, without for the discriminator, without for the generator."""
    steps: int = 4000
    labels_per_class: int = 10
    """How many pictures of each class keep their label."""
    latent_dim: int = 100
    """Length of z."""
    width: int = 250
    """Units of the discriminator's last three hidden layers; the first has 4 times, the second twice as many, and the
    generator's two have twice as many."""
    objective: Literal["feature_matching", "saturating", "non_saturating"] = "feature_matching"
    """What the generator learns by; the published code has saturating with minibatch discrimination, not for
    classifying."""
    matching: Literal["l2", "l1"] = "l2"
    """The norm that features are matched by; the paper has l1 for CIFAR-10 and SVHN."""
    g_steps: int = 1
    """Steps of the generator to one of the discriminator; 3 with minibatch discrimination."""
    minibatch: int = dataclasses.field(default=0, metadata={"least": 0})
    """Kernels of minibatch discrimination before the discriminator's logits; 0: none, 100 in the published code."""
    reference: int = dataclasses.field(default=0, metadata={"least": 0})
    """Examples of the reference batch of virtual batch normalisation in the generator; 0: batch normalisation."""
    unsupervised_weight: float = 1.0
    """How much what is learned without labels counts; 0: labels alone."""
    real_target: float = 1.0
    """What the discriminator should say of real pictures; less than 1 is one-sided label smoothing."""
    history_weight: float = 0.0
    """How much historical averaging counts."""
    average_rate: float = 1e-4
    """What the average of the discriminator's weights, which classifies, takes of the new ones in a step."""
    learning_rate: float = 3e-3
    """The rate of Adam with beta_1 0.5, for both players."""
    average: float = dataclasses.field(default=0.0, metadata={"below": 1})
    """What a moving average of G's weights takes of the new ones in a step, if it is to be served; 0: G itself is."""


PRESETS = {
    "default": Config(),
    "paper": Config(preset="paper", dataset="mnist", image_size=run.square(28), steps=180_000,
                    sample_every=6000, checkpoint_every=600, log_every=600),
}  # fmt: skip


def main(job, config):
    data = few_labels(
        config.dataset, labels_per_class=config.labels_per_class, seed=config.seed, **config.pictures()
    )  # fmt: skip
    shape, width = data.shapes["image"], config.width
    with job.scope():
        generator = softplus_generator(shape, config.latent_dim, [2 * width] * 2, reference=config.reference)
        discriminator = noisy_classifier(
            shape, len(data.classes), [4 * width, 2 * width, width, width, width], minibatch=config.minibatch
        )
        # A run that goes on restores other weights over it.
        first = batches.take(data.train, FIRST_BATCH)["unlabelled"]
        layers.initialize_weight_norm(discriminator, first, config.seed)
        model = SGAN(
            generator,
            discriminator,
            objective=config.objective,
            matching=config.matching,
            g_steps=config.g_steps,
            unsupervised_weight=config.unsupervised_weight,
            real_target=config.real_target,
            history_weight=config.history_weight,
            average_rate=config.average_rate,
            seed=config.seed,
        )
        model.serve_average("generator", config.average)
        # As the published code has it; beside the root, G starts so slowly that D can win for good.
        g_optimizer, d_optimizer = (Adam(config.learning_rate, 0.5, below_root=True) for _ in range(2))

    def mistaken():
        wrong, count = 0, 0
        for batch in batches.in_order(data.test, 500):
            said = np.argmax(model.classify(batch["image"])["class_logits"], axis=1)
            wrong, count = wrong + np.sum(said != batch["label"].numpy()), count + len(said)
        return {"errors": wrong, "error_rate": wrong / count}

    job.train(model, data, until=config.steps, metrics=mistaken, g_optimizer=g_optimizer, d_optimizer=d_optimizer)
    job.finish(model, data, metrics=mistaken, draw=latent.tour)


if __name__ == "__main__":
    run.main("sgan", PRESETS, main)
