"""StyleGAN: pictures from noise, by a generator that is told a style at each layer and grows to large pictures.

Default: the embedded glyphs (DejaVu Sans), grown from 8x8 to 32x32 in 10,000 steps at twice the paper's rate, 45
minutes on an Intel Xeon that did other work. Looked at: most are letters or signs, of many kinds; a few are dots. FD
52, recall 0.51 in the features of a classifier of the letters, 97 and 0.30 after half of it (the first half at commit
5742a71, the second at 59525dd, with --steps; one seed). It departs from the paper in gamma 1, mixing 0.5 and two
mapping layers, where that has 10, 0.9 and eight; with 10, 0.9 and four FD was 199, recall 0.09 (docs/results.md).

    python recipes/stylegan.py
    python recipes/stylegan.py --dataset=path/to/pictures --image-size=64 --steps=20000
    python recipes/stylegan.py --preset=paper --dataset=path/to/ffhq/images1024x1024

Paper (arXiv 1812.04948): appendix C, FFHQ at 1024x1024, grown from 8x8, 25 million pictures; 600,000 of them a phase,
the batches, those of 8 GPUs, and the rates are the published code's. Run here for one step.
"""

import dataclasses

from tfgan_zoo import StyleGAN, augment, averages, growing, latent, run
from tfgan_zoo.data import images, transforms
from tfgan_zoo.families.stylegan import MeanStyle
from tfgan_zoo.networks.growing import copied, growing_discriminators, heights
from tfgan_zoo.networks.style import mapping_network
from tfgan_zoo.networks.stylegan import stylegan_syntheses
from tfgan_zoo.optimizers import Adam


@dataclasses.dataclass(kw_only=True)
class Config(run.Augmented):
    """Train a StyleGAN."""

    image_size: run.ImageSize = run.square(32)
    batch_size: int = 32
    batch_sizes: str = ""
    """Those of some levels, by the height of their pictures: 8:256,16:128."""
    steps: int = 10_000
    start: int = 8
    """The height of the first pictures that are trained on."""
    phase_images: int = 8_000
    """Pictures that are shown in each phase but the last: a level's fade-in, its stabilisation."""
    latent_dim: int = 64
    """Length of z."""
    style_dim: int = 64
    """Length of w."""
    mapping_layers: int = 2
    """Dense layers from z to w; the more, the more alike are the styles that they begin with."""
    width: int = 64
    """Channels of the smallest maps."""
    wide: int = 2
    """On how many levels maps have so many; on each further one half as many as before."""
    group: int = 4
    """Examples over which the deviation is taken that D is told."""
    gamma: float = 1.0
    """The weight of R1 is half of it; the paper has 10."""
    mixing: float = dataclasses.field(default=0.5, metadata={"below": 1})
    """The probability that a batch has styles of two z's; the paper has 0.9."""
    learning_rate: float = 1e-3
    """The rate of Adam with betas 0 and 0.99, for both players."""
    learning_rates: str = ""
    """Those of some levels, by the height of their pictures: 128:0.0015,256:0.002."""
    half_life: int = 2000
    """Pictures after which the moving average of G has kept half of what it was."""
    flip: bool = False
    """Mirror every second picture."""


PRESETS = {
    "default": Config(learning_rate=2e-3),
    "paper": Config(
        preset="paper", dataset="ffhq", image_size=run.square(1024), steps=717_964, phase_images=600_000,
        batch_sizes="8:256,16:128,32:64", latent_dim=512, style_dim=512, mapping_layers=8, width=512, wide=4,
        learning_rates="128:0.0015,256:0.002,512:0.003,1024:0.003", gamma=10.0, mixing=0.9, half_life=10_000,
        flip=True,
    ),
}  # fmt: skip


def main(job, config):
    batch_of = growing.by_height(config.batch_sizes, config.batch_size)
    rate_of = growing.by_height(config.learning_rates, config.learning_rate)
    data = images.images(config.dataset, **config.pictures())
    shape = data.shapes["image"]
    sizes = heights(shape)
    phases = growing.phases(sizes, batch_of, start=config.start, images=config.phase_images, steps=config.steps)
    with job.scope():
        mapping = mapping_network(config.latent_dim, config.style_dim, config.mapping_layers)
        syntheses = stylegan_syntheses(shape, config.style_dim, config.width, config.wide)
        discriminators = growing_discriminators(shape, config.width, config.wide, group=config.group, blur=True)
        means = averages.copy(mapping), copied(syntheses), MeanStyle(config.style_dim)
        augmented = augment.wrapper(config)
    for phase in phases:
        rate = rate_of(sizes[phase.level])
        synthesis, discriminator, average = (phase.of(levels) for levels in (syntheses, discriminators, means[1]))
        with job.scope():
            model = StyleGAN(
                mapping,
                synthesis,
                augmented(discriminator),
                means[0],
                average,
                means[2],
                stage=phase.stage,
                gamma=config.gamma,
                mixing=config.mixing,
                half_life=config.half_life,
                seed=config.seed,
            )
            optimizers = {name: Adam(rate, 0.0, 0.99) for name in ("g_optimizer", "d_optimizer")}
        job.train(
            model,
            data,
            until=phase.until,
            batch_size=phase.batch_size,
            phase=phase.name,
            transform=transforms.random_flip if config.flip else None,
            **optimizers,
        )
    job.finish(model, data, draw=lambda model: latent.tour(model, model.generate))


if __name__ == "__main__":
    run.main("stylegan", PRESETS, main)
