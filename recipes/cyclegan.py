"""CycleGAN: translates pictures between two domains, learned without pairs.

Default: the embedded glyphs, DejaVu Sans <-> Serif Bold Italic at 32x32; the hidden pairs score the result. 15 minutes
for 3,000 steps of 8 on two cores of an AMD EPYC with avx512_bf16, in mixed_bfloat16; L1 0.0497 and 0.0424, where the
input itself has 0.0835 (shortly before commit eebff4e).

    python recipes/cyclegan.py
    python recipes/cyclegan.py --dataset=path/to/folder        # with trainA/ trainB/ testA/ testB/
    python recipes/cyclegan.py --preset=paper --dataset=cycle_gan/horse2zebra

Paper (arXiv 1703.10593): section 4 and appendix 7; 256x256, batch 1, 200 epochs, no identity term, which the paper has
for paintings and flowers (from memory; the published Lua code has it, with 0.5, unless turned off). Not yet run here.
"""

import dataclasses

from tfgan_zoo import CycleGAN, run
from tfgan_zoo.data import images, transforms
from tfgan_zoo.networks.patchgan import patchgan_discriminator
from tfgan_zoo.networks.residual_translator import residual_translator_generator
from tfgan_zoo.optimizers import Adam, LinearDecay


@dataclasses.dataclass(kw_only=True)
class Config(run.Config):
    """Train a CycleGAN."""

    image_size: run.ImageSize = run.square(32)
    batch_size: int = 8
    steps: int = 3000
    width: int = 32
    """Channels of the first layer."""
    blocks: int = 4
    """Residual blocks of each generator; the paper has 6 for 128x128 and 9 from 256x256."""
    patch_layers: int = 2
    """Depth of the discriminators; 3 sees patches of 70x70, 2 of 34x34."""
    identity_weight: float = 0.5
    """How much the identity term counts, as a multiple of the cycle weight (section 5.2); 0: none."""
    pool_size: int = dataclasses.field(default=50, metadata={"least": 0})
    """Old fakes that are kept of each domain for its discriminator (section 4), at least as many as the batch has; 0:
    none."""
    jitter: bool = False
    """Enlarge by 286/256, crop at random and mirror; not for letters."""
    learning_rate: float = 2e-4
    """The rate of Adam with beta_1 0.5: constant for the first half, then linearly to 0 (section 4)."""


PRESETS = {
    "default": Config(),
    "paper": Config(
        preset="paper", dataset="cycle_gan/horse2zebra", image_size=run.square(256), batch_size=1, steps=266_800,
        width=64, blocks=9, patch_layers=3, identity_weight=0.0, jitter=True,
    ),
}  # fmt: skip


def main(job, config):
    data = images.unpaired(config.dataset, **config.pictures())
    shape = data.shapes["a"]

    def discriminator():
        return patchgan_discriminator(shape, width=config.width, layers=config.patch_layers, normalization="instance")

    def adam():
        return Adam(LinearDecay(config.learning_rate, config.steps // 2, config.steps), 0.5)

    with job.scope():
        generators = [residual_translator_generator(shape, width=config.width, blocks=config.blocks) for _ in range(2)]
        model = CycleGAN(
            *generators,
            discriminator(),
            discriminator(),
            identity_weight=config.identity_weight,
            pool_size=config.pool_size,
            seed=config.seed,
        )
        optimizers = {"g_optimizer": adam(), "d_optimizer": adam()}
    metrics = {"a_to_b": "l1", "b_to_a": "l1"} if data.test_is_paired else ""
    job.train(model, data, until=config.steps, metrics=metrics, transform=jitter(config), **optimizers)
    job.finish(model, data, metrics=metrics)


def jitter(config):
    if not config.jitter:
        return None
    return transforms.independently(transforms.compose(transforms.random_jitter(286 / 256), transforms.random_flip))


if __name__ == "__main__":
    run.main("cyclegan", PRESETS, main)
