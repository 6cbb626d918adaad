"""pix2pixHD: translates pictures from coarse to fine, learned from pairs with ids of instances.

Default: the embedded glyphs, DejaVu Sans -> Serif Bold Italic at 64x64, ids those of connected ink. G1 alone at 32x32,
the enhancer alone, then both: 1,400 steps of 16. 3 min 40 s on two cores of an AMD EPYC with AVX512-BF16 that did other
work too, in mixed_bfloat16; L1 0.0364 on unseen characters (commit 68f75e9). The input itself: 0.0869.

    python recipes/pix2pix_hd.py
    python recipes/pix2pix_hd.py --dataset=path/to/pairs --vgg-weights=path/to/vgg19_notop.h5 --encoder
    python recipes/pix2pix_hd.py --preset=paper --dataset=path/to/cityscapes --strategy=mirrored

A folder of pairs may have `instances/` beside `A/` and `B/`; without it connected ink is what the ids are of.
Paper (arXiv 1711.11585): section 4, with the schedule and the sizes of the published code: Cityscapes, G1 at 512x1024
for 200 epochs, then 1024x2048 for 100, of which the enhancer trains alone for 10; half of each at a constant rate, then
linearly to 0. An epoch are 2,975 pictures (from memory). The label map comes as a picture, not as one-hot vectors, and
VGG's weights have to be given. Whether the discriminators of the full size start anew, as here, was not seen.
Not yet run here.
"""

import dataclasses
from typing import Literal

from tfgan_zoo import Pix2PixHD, run
from tfgan_zoo.data import batches, instances, transforms
from tfgan_zoo.errors import InputError
from tfgan_zoo.families.pix2pix_hd import VGG_WEIGHTS
from tfgan_zoo.networks import pix2pix_hd as networks
from tfgan_zoo.networks.vgg import perceptual_features
from tfgan_zoo.optimizers import Adam, LinearDecay


@dataclasses.dataclass(kw_only=True)
class Config(run.Config):
    """Train pix2pixHD."""

    steps: int = 1400
    direction: Literal["a_to_b", "b_to_a"] = "a_to_b"
    """Which half of a pair is the input: a is the left one, or the source style of the glyphs."""
    global_steps: int = 600
    """Steps of G1 alone, at half the size. With --no-enhancer all are."""
    fix_global_steps: int = 200
    """Steps after these of the enhancer alone; in those that are left both train."""
    enhancer: bool = True
    """Add the local enhancer. Without it G1 works at the full size."""
    width: int = dataclasses.field(default=32, metadata={"least": 2})
    """Channels of G1's first layer; the enhancer has half as many. A multiple of 2."""
    downs: int = dataclasses.field(default=3, metadata={"below": 17})
    """Halvings in G1."""
    blocks: int = 4
    """Residual blocks of G1."""
    enhancer_blocks: int = 2
    """Residual blocks of the enhancer."""
    discriminator_width: int = 32
    """Channels of the first layer of each discriminator."""
    patch_layers: int = dataclasses.field(default=2, metadata={"below": 17})
    """Depth of the discriminators; 3 see patches of 70x70, 2 of 34x34."""
    scales: int = dataclasses.field(default=2, metadata={"below": 17})
    """Discriminators, each at half the size of the one before. While G1 trains alone there is one less."""
    instances: bool = True
    """Tell both players where one instance ends and another begins."""
    encoder: bool = False
    """Learn a style per instance, so that one input has many outputs (section 3.4)."""
    vgg_weights: str = ""
    """A file of Keras' VGG19 without top, whose features of output and target are compared; empty: no such loss."""
    flip: bool = False
    """Mirror half of the pictures; not for letters."""
    learning_rate: float = 2e-4
    """The rate of Adam with beta_1 0.5, for both players: in each size constant for the first half, then linearly to
    0."""


PRESETS = {
    "default": Config(),
    "paper": Config(
        preset="paper", dataset="cityscapes", image_size=run.Size(1024, 2048), batch_size=1, steps=892_500,
        global_steps=595_000, fix_global_steps=29_750, width=64, downs=4, blocks=9, enhancer_blocks=3,
        discriminator_width=64, patch_layers=3, scales=3, flip=True,
    ),
}  # fmt: skip


def main(job, config):
    check(config)
    given = config.pictures() | {"direction": config.direction}
    data = instances.instances(config.dataset, **given)
    height, breadth, channels = data.shapes["image"]
    out = data.shapes["target"][-1]
    condition = channels + config.instances
    styles = 3 if config.encoder else 0
    features = None
    if config.vgg_weights:
        features = perceptual_features(config.vgg_weights, tuple(VGG_WEIGHTS), channels=out)
    alike = {"instances": config.instances, "features": features, "seed": config.seed}
    flip = transforms.random_flip if config.flip else None

    def adam(begin, end):
        return Adam(LinearDecay(config.learning_rate, max(begin, 0), end), 0.5)

    def discriminator(size, scales):
        return networks.multiscale_discriminator(
            (*size, out), condition, config.discriminator_width, config.patch_layers, scales
        )

    def encoder(size):
        if not config.encoder:
            return None
        return networks.instance_encoder((*size, out), styles, max(config.width // 4, 1), config.downs)

    size = (height // 2, breadth // 2) if config.enhancer else (height, breadth)
    until, scales = (
        (config.global_steps, max(config.scales - 1, 1)) if config.enhancer else (config.steps, config.scales)
    )
    with job.scope():
        g1 = networks.global_generator((*size, condition + styles), out, config.width, config.downs, config.blocks)
        e = encoder(size)
        model = Pix2PixHD(g1, discriminator(size, scales), encoder=e, **alike)
        optimizers = {"g_optimizer": adam(until // 2, until), "d_optimizer": adam(until // 2, until)}
    small = data
    if config.enhancer:
        small = instances.instances(config.dataset, **given | {"image_size": size})
    job.train(model, small, until=until, transform=flip, metrics="l1", **optimizers)

    if config.enhancer:
        size, alone, left = (height, breadth), config.fix_global_steps, config.steps - config.global_steps
        with job.scope():
            g2 = networks.local_enhancer((*size, condition + styles), out, config.width // 2, config.enhancer_blocks)
            larger = encoder(size)
            if larger is not None:
                larger.set_weights(e.get_weights())
            both = {"generator": networks.features_of(g1), "enhancer": g2, "encoder": larger}
            both["discriminator"] = discriminator(size, config.scales)
            model = Pix2PixHD(**both, fix_global=True, **alike)
            optimizers = {"g_optimizer": Adam(config.learning_rate, 0.5), "d_optimizer": adam(left // 2, left)}
        job.train(model, data, until=until + alone, transform=flip, metrics="l1", **optimizers)
        with job.scope():
            model = Pix2PixHD(**both, **alike)
            optimizers["g_optimizer"] = adam(left // 2 - alone, left - alone)  # a new one, over all of G
        job.train(model, data, until=config.steps, transform=flip, metrics="l1", **optimizers)

    if config.encoder and not config.dry_run:
        model.cluster(batches.in_order(data.train, config.batch_size))
    job.finish(model, data, metrics="l1")


def check(config):
    """Refuses flags that no network can be made of."""
    first = config.global_steps + config.fix_global_steps
    if config.enhancer and config.steps <= first:
        raise InputError(
            f"--steps={config.steps} is not above the {first} of --global-steps and --fix-global-steps; ask for more, "
            f"or give --no-enhancer"
        )
    step = 2 ** (config.downs + config.enhancer)
    if min(config.image_size) < 2 * step or any(side % step for side in config.image_size):
        raise InputError(
            f"--image-size={config.image_size} with --downs={config.downs}: expected multiples of {step}, "
            f"{2 * step} or more; choose such a size, or fewer --downs"
        )
    if config.enhancer and config.width % 2:
        raise InputError(f"--width={config.width} is odd, and the enhancer has half as many channels; give an even one")
    if config.encoder and not config.instances:
        raise InputError("--encoder learns a style per instance; leave --instances on")
    if config.encoder and config.export_best:
        raise InputError("--export-best with --encoder: styles are found at the end of a run only; leave one out")


if __name__ == "__main__":
    run.main("pix2pix_hd", PRESETS, main)
