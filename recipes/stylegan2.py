"""StyleGAN2: pictures from noise, by a generator that is told a style at each layer.

Default: the embedded glyphs (DejaVu Sans) at 32x32, 12,000 steps of 32 at 5.2 steps a second on one core of an Intel
Xeon, in float32 (commit 0789482, one seed). Looked at: letters and signs, about half readable, thin strokes; FD 79,
recall 0.56 in the features of a classifier of the letters; the same run after 7,000 steps 83 and 0.33 (in
mixed_bfloat16 on an AMD EPYC 88 and 0.39, 9.5 min of two cores, commit 57993cb). A style mixes with another, and
truncation to 0 is one picture. With --gamma=1 and 2,500 steps: round loops, recall 0.19; with 0.1 and styles of two z's
strokes of few forms.

    python recipes/stylegan2.py
    python recipes/stylegan2.py --ada --dataset=path/to/few/pictures --image-size=64 --steps=20000
    python recipes/stylegan2.py --preset=paper --dataset=path/to/ffhq

Paper (arXiv 1912.04958): configuration F, FFHQ at 1024x1024, mirrored, 25 million pictures in batches of 32, gamma 10;
by the published code. Config E: --width=16 --gamma=100. Run here for one step.
"""

import dataclasses

from tfgan_zoo import StyleGAN2, augment, latent, run
from tfgan_zoo.data import images, transforms
from tfgan_zoo.families.stylegan2 import lazy_adam
from tfgan_zoo.networks.style import mapping_network
from tfgan_zoo.networks.stylegan2 import stylegan2_discriminator, stylegan2_synthesis


@dataclasses.dataclass(kw_only=True)
class Config(run.Augmented):
    """Train a StyleGAN2."""

    image_size: run.ImageSize = run.square(32)
    batch_size: int = 32
    steps: int = 12_000
    latent_dim: int = 64
    """Length of z."""
    style_dim: int = 64
    """Length of a style."""
    mapping_depth: int = 2
    """Layers of the mapping network."""
    width: int = 16
    """Channels next to the picture; twice as many with each halving of the size."""
    most: int = 128
    """Channels of any layer at most."""
    group: int = 4
    """Examples over which the deviation is taken that the discriminator is told."""
    learning_rate: float = 2e-3
    """The rate of Adam with betas 0 and 0.99, for both players, as if there were no further updates."""
    gamma: float = 0.3
    """The weight of R1. Worth a try: 0.0002 times the pixels of a picture by the batch, 5 times as much, a fifth."""
    d_every: int = 16
    """R1 is in every so many steps."""
    g_every: int = 4
    """Path lengths are in every so many steps; the paper's text has 8."""
    path_weight: float = 0.05
    """The weight of the path length penalty."""
    path_decay: float = dataclasses.field(default=0.1, metadata={"below": 1})
    """What the running mean of path lengths takes of a new one. It begins at 0, and until it has caught up the penalty
    pulls all lengths to 0: at 0.01 a short run ends with nearly the same picture for all z."""
    mixing: float = dataclasses.field(default=0.0, metadata={"below": 1})
    """The probability that a batch has styles of two z's."""
    half_life: int = 1_000
    """Pictures after which the average of the generator has kept half of what it was."""
    flip: bool = False
    """Mirror every second picture."""


PRESETS = {
    "default": Config(),
    "paper": Config(
        preset="paper", dataset="ffhq", image_size=run.square(1024), steps=781_250, latent_dim=512, style_dim=512,
        mapping_depth=8, width=32, most=512, gamma=10.0, path_weight=2.0, path_decay=0.01, mixing=0.9, half_life=10_000,
        flip=True,
    ),
}  # fmt: skip


def main(job, config):
    data = images.images(config.dataset, **config.pictures())
    shape = data.shapes["image"]
    with job.scope():
        mapping = mapping_network(config.latent_dim, config.style_dim, config.mapping_depth)
        synthesis = stylegan2_synthesis(shape, config.style_dim, config.width, config.most)
        discriminator = augment.wrapper(config)(stylegan2_discriminator(shape, config.width, config.most, config.group))
        model = StyleGAN2(
            mapping,
            synthesis,
            discriminator,
            gamma=config.gamma,
            path_weight=config.path_weight,
            path_decay=config.path_decay,
            d_every=config.d_every,
            g_every=config.g_every,
            mixing=config.mixing,
            half_life=config.half_life,
            seed=config.seed,
        )
        g_optimizer = lazy_adam(config.learning_rate, config.g_every)
        d_optimizer = lazy_adam(config.learning_rate, config.d_every)
    transform = transforms.random_flip if config.flip else None
    job.train(model, data, until=config.steps, transform=transform, g_optimizer=g_optimizer, d_optimizer=d_optimizer)
    job.finish(model, data, draw=latent.tour)


if __name__ == "__main__":
    run.main("stylegan2", PRESETS, main)
