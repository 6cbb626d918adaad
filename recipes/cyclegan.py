"""CycleGAN: translates pictures between two domains, learned without pairs.

Default: the embedded glyphs, DejaVu Sans <-> Serif Bold Italic at 32x32; the hidden pairs score the result.

    python recipes/cyclegan.py
    python recipes/cyclegan.py --dataset=path/to/folder        # with trainA/ trainB/ testA/ testB/
    python recipes/cyclegan.py --preset=paper --dataset=cycle_gan/horse2zebra

Paper (arXiv 1703.10593): section 4 and appendix 7; 256x256, batch 1, 200 epochs. Not yet run here.
"""

import dataclasses

from tfgan_zoo import CycleGAN, run
from tfgan_zoo.data import images
from tfgan_zoo.metrics import pictures
from tfgan_zoo.networks.patchgan import patchgan_discriminator
from tfgan_zoo.networks.residual_translator import residual_translator_generator
from tfgan_zoo.optimizers import Adam, LinearDecay


@dataclasses.dataclass(kw_only=True)
class Config(run.Config):
    """Train a CycleGAN."""

    image_size: int = 32
    batch_size: int = 8
    steps: int = 3000
    width: int = 32
    """Channels of the first layer."""
    blocks: int = 4
    """Residual blocks of each generator; the paper has 6 for 128x128 and 9 from 256x256."""
    patch_layers: int = 2
    """Depth of the discriminators; 3 sees patches of 70x70, 2 of 34x34."""
    identity_weight: float = 0.5
    """Of the identity term, as a multiple of the cycle weight (section 5.2)."""
    jitter: bool = False
    """Enlarge by 286/256, crop at random and mirror; not for letters."""
    learning_rate: float = 2e-4
    """Of Adam with beta_1 0.5; constant for the first half, then linearly to 0 (section 4)."""


PRESETS = {
    "default": Config(),
    "paper": Config(
        preset="paper", dataset="cycle_gan/horse2zebra", image_size=256, batch_size=1, steps=266_800, width=64,
        blocks=9, patch_layers=3, jitter=True,
    ),
}  # fmt: skip


def load(config):
    return images.unpaired(config.dataset, image_size=config.image_size, data_dir=config.data_dir)


def build(config, data):
    shape = (config.image_size, config.image_size, data.channels)
    generators = [residual_translator_generator(shape, width=config.width, blocks=config.blocks) for _ in range(2)]
    discriminators = [
        patchgan_discriminator(shape, width=config.width, layers=config.patch_layers, normalization="instance")
        for _ in range(2)
    ]
    model = CycleGAN(*generators, *discriminators, identity_weight=config.identity_weight, seed=config.seed)

    def adam():
        return Adam(LinearDecay(config.learning_rate, config.steps // 2, config.steps), 0.5)

    return model, {"g_optimizer": adam(), "d_optimizer": adam()}


def augment(config):
    jitter = images.compose(images.random_jitter(286 / 256), images.random_flip)
    return images.independently(jitter) if config.jitter else None


def evaluate(model, data, config):
    if not data.test_is_paired:
        return {}
    pairs = images.in_order(data.test, config.batch_size)
    there = pictures.compare(model.a_to_b, pairs)
    back = pictures.compare(model.b_to_a, pairs.map(lambda a, b: (b, a)))
    return {"l1_a_to_b": there["l1"], "l1_b_to_a": back["l1"], "l1_identity": there["l1_identity"]}


if __name__ == "__main__":
    run.main("cyclegan", PRESETS, load, build, evaluate=evaluate, augment=augment)
