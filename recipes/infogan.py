"""InfoGAN: pictures from noise and codes, which can be read off them again.

Default: the Latin letters of the embedded glyphs (DejaVu Sans, in any case, accent and style) at 28x28, whose labels
only the score sees. 3,000 steps of 64 take 1 min 40 s of an AMD EPYC with 2 cores that did other work too, in
mixed_bfloat16; held-out cluster accuracy 0.424, of 10 categories for 26 letters (commit 074226a). Looked at: letters
with specks; a category is one or a few shapes; the continuous codes change the shape, one of them its weight too.

    python recipes/infogan.py
    python recipes/infogan.py --dataset=mnist --width=64 --steps=2000 --batch-size=128
    python recipes/infogan.py --preset=paper

`category_0.png`, `continuous_0.png`, ... are its figure 2: a column is a value of the code (of a continuous one from
-2 to 2, a range from memory, beyond what it was trained with), a row one of all else. `cluster_accuracy` is how often
the categorical code that Q infers from a held-out picture names its class, by the best assignment of categories to
classes.

Paper (arXiv 1606.03657): section 7.1 and the appendix, MNIST, with batch and steps of the published code. On an
accelerator the category names 81.6 % of the test digits, the mean of three seeds (docs/results.md; paper: 95 %).
"""

import dataclasses

import numpy as np

from tfgan_zoo import InfoGAN, random, run
from tfgan_zoo.data import batches, images
from tfgan_zoo.families.infogan import sweep_category, sweep_continuous
from tfgan_zoo.metrics.clusters import cluster_accuracy
from tfgan_zoo.networks.infogan import infogan_discriminator, infogan_generator
from tfgan_zoo.optimizers import Adam


@dataclasses.dataclass(kw_only=True)
class Config(run.Config):
    """Train an InfoGAN."""

    image_size: run.ImageSize = run.square(28)
    batch_size: int = 64
    steps: int = 3000
    labels: bool = True
    """Read the data's labels, to score the first categorical code by. Training does not see them."""
    noise_dim: int = 62
    """Length of z, the noise beside the codes."""
    categories: tuple[int, ...] = (10,)
    """How many values each categorical code has."""
    continuous: int = dataclasses.field(default=2, metadata={"least": 0})
    """How many continuous codes there are."""
    category_weight: float = 1.0
    """How much the information of the categorical codes counts, the paper's lambda."""
    continuous_weight: float = 1.0
    """How much the information of the continuous codes counts."""
    learned_deviation: bool = False
    """Let Q say how certain it is of the continuous codes; else its standard deviation is 1."""
    width: int = 16
    """Channels of the layers next to the picture; the dense layers have 16 times as many units."""
    g_learning_rate: float = 1e-3
    """The rate of the generator's Adam, with beta_1 0.5."""
    d_learning_rate: float = 2e-4
    """The rate of the Adam of the discriminator and Q, with beta_1 0.5."""
    average: float = dataclasses.field(default=0.0, metadata={"below": 1})
    """What a moving average of G's weights takes of the new ones in a step, if it is to be served; 0: G itself is."""


PRESETS = {
    "default": Config(),
    "paper": Config(preset="paper", dataset="mnist", batch_size=128, steps=5000, width=64),
}


def main(job, config):
    kind = images.labelled if config.labels else images.images
    data = kind(config.dataset, **config.pictures())
    shape = data.shapes["image"]
    codes = {"categories": config.categories, "continuous": config.continuous}
    code_dim = config.noise_dim + sum(config.categories) + config.continuous
    with job.scope():
        model = InfoGAN(
            infogan_generator(shape, code_dim, config.width),
            infogan_discriminator(shape, **codes, width=config.width, learned_deviation=config.learned_deviation),
            **codes,
            category_weight=config.category_weight,
            continuous_weight=config.continuous_weight,
            seed=config.seed,
        )
        model.serve_average("generator", config.average)
        g_optimizer, d_optimizer = Adam(config.g_learning_rate, 0.5), Adam(config.d_learning_rate, 0.5)

    def named():
        """How well the first categorical code names the classes of held-out pictures."""
        clusters, labels = [], []
        for batch in batches.in_order(data.test, 500):
            said = model.infer_codes(batch["image"])["category_probabilities"]
            clusters.append(np.argmax(said[:, : config.categories[0]], axis=1))
            labels.append(batch["label"])
        return cluster_accuracy(np.concatenate(clusters), np.concatenate(labels))

    metrics = named if config.labels and config.categories else ""
    job.train(model, data, until=config.steps, metrics=metrics, g_optimizer=g_optimizer, d_optimizer=d_optimizer)
    job.finish(model, data, metrics=metrics, draw=figure_2)


def figure_2(model):
    """A sheet per code, with 10 rows."""
    with random.stream(model.seed):
        z, codes = model.prior.draw(10), model.draw_codes(10)
    sheets = {f"category_{i}": sweep_category(model, z, codes, i) for i in range(len(model.categories))}
    return sheets | {f"continuous_{i}": sweep_continuous(model, z, codes, i) for i in range(model.continuous)}


if __name__ == "__main__":
    run.main("infogan", PRESETS, main)
