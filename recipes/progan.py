"""ProGAN: pictures from noise, by networks that grow from small pictures to large ones.

Default: the embedded glyphs (DejaVu Sans), grown from 8x8 to 32x32 in 6,500 steps at twice the paper's rate: 12 minutes
on two cores of an AMD EPYC that were shared with other work, in mixed_bfloat16. Looked at: letter-like, a third or so
readable (8, C, Y, l), the rest broken or smeared; FD 43 and recall 0.65, in docs/zoo.md (commit c5e6c31).

    python recipes/progan.py
    python recipes/progan.py --dataset=path/to/pictures --image-size=64 --steps=12000
    python recipes/progan.py --preset=paper

Paper (arXiv 1710.10196): appendix A, CelebA-HQ at 1024x1024, grown from 4x4, 800,000 pictures a phase, its batches for
one GPU; 19 million pictures in all and mirrored ones are the published code's. Run here for one step.
"""

import dataclasses

from tfgan_zoo import ProGAN, augment, growing, latent, run
from tfgan_zoo.data import images, transforms
from tfgan_zoo.networks.growing import copied, growing_discriminators, heights, progan_generators
from tfgan_zoo.optimizers import Adam


@dataclasses.dataclass(kw_only=True)
class Config(run.Augmented):
    """Train a ProGAN."""

    image_size: run.ImageSize = run.square(32)
    batch_size: int = 32
    batch_sizes: str = ""
    """Those of some levels, by the height of their pictures: 256:14,512:6."""
    steps: int = 6500
    start: int = 8
    """The height of the first pictures that are trained on."""
    phase_images: int = 16_000
    """Pictures that are shown in each phase but the last: a level's fade-in, its stabilisation."""
    latent_dim: int = 64
    """Length of z."""
    width: int = 64
    """Channels of the smallest maps."""
    wide: int = 2
    """On how many levels maps have so many; on each further one half as many as before."""
    group: int = 4
    """Examples over which the deviation is taken that D is told."""
    learning_rate: float = 1e-3
    """The rate of Adam with betas 0 and 0.99, for both players."""
    decay: float = dataclasses.field(default=0.99, metadata={"below": 1})
    """What the moving average of G keeps at each step."""
    flip: bool = False
    """Mirror every second picture."""


PRESETS = {
    "default": Config(learning_rate=2e-3),
    "paper": Config(
        preset="paper", dataset="celeb_a_hq/1024", image_size=run.square(1024), batch_size=16,
        batch_sizes="256:14,512:6,1024:3",
        steps=3_264_288, start=4, phase_images=800_000, latent_dim=512, width=512, wide=4, decay=0.999, flip=True,
    ),
}  # fmt: skip


def main(job, config):
    batch_of = growing.by_height(config.batch_sizes, config.batch_size)
    data = images.images(config.dataset, **config.pictures())
    shape = data.shapes["image"]
    phases = growing.phases(
        heights(shape), batch_of, start=config.start, images=config.phase_images, steps=config.steps
    )
    with job.scope():
        generators = progan_generators(shape, config.latent_dim, config.width, config.wide)
        discriminators = growing_discriminators(shape, config.width, config.wide, group=config.group)
        means = copied(generators)
        augmented = augment.wrapper(config)
    for phase in phases:
        generator, discriminator, average = (phase.of(levels) for levels in (generators, discriminators, means))
        with job.scope():
            model = ProGAN(
                generator,
                augmented(discriminator),
                average,
                stage=phase.stage,
                decay=config.decay,
                seed=config.seed,
            )
            optimizers = {name: Adam(config.learning_rate, 0.0, 0.99) for name in ("g_optimizer", "d_optimizer")}
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
    run.main("progan", PRESETS, main)
