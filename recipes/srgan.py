"""SRGAN: pictures four times as large; first by the mean squared error alone (SRResNet), then against a discriminator.

Default: the embedded glyphs (DejaVu Sans), 16x16 -> 64x64, 1,500 steps of SRResNet and 500 of SRGAN. On two cores of an
AMD EPYC with AVX512-BF16, in mixed_bfloat16, with other work beside it: 6 min 7 s; PSNR on Y of unseen characters 25.99
dB after the first phase and 26.63 at the end, of a bicubic filter 19.21; SSIM on Y 0.932, 0.889 and 0.770 (commit
60b6f3d). `phases.png` in the run folder shows both.

    python recipes/srgan.py
    python recipes/srgan.py --dataset=path/to/photos --tiles --image-size=160 --crop=96 --flip
    python recipes/srgan.py --preset=paper --dataset=path/to/photos --vgg-weights=path/to/vgg19_notop.h5

`--tiles` cuts photos into parts of `--image-size` as they are, and `--crop` learns from patches of those. With as many
`--mse-steps` as `--steps` it is SRResNet that is trained and exported. VGG's weights are a file of Keras' VGG19 without
top; without them the content loss is the mean squared error, which has to be asked for: `--content=mse`.

On photographs, 15,000 steps of SRResNet with 64 channels and 8 blocks are 1.10 dB above the bicubic filter
(docs/results.md).

Paper (arXiv 1609.04802): section 3.2, 350,000 pictures of ImageNet, patches of 96x96, batch 16, 10^6 steps by the mean
squared error, then 10^5 at a rate of 1e-4 and 10^5 at 1e-5. Parts of 192x192 are ours. Not yet run here.
"""

import dataclasses
from typing import Literal

from tfgan_zoo import SRGAN, SRResNet, averages, base, evaluate, run
from tfgan_zoo.data import batches, low_high, transforms
from tfgan_zoo.errors import InputError
from tfgan_zoo.networks.srresnet import srgan_discriminator, srresnet_generator
from tfgan_zoo.networks.vgg import vgg_features
from tfgan_zoo.optimizers import Adam

# isort: split
import keras  # after tfgan_zoo, which keeps TensorFlow's start-up messages off the terminal

METRICS = "psnr_y,ssim_y"


@dataclasses.dataclass(kw_only=True)
class Config(run.Config):
    """Train an SRResNet, and from it an SRGAN."""

    steps: int = 2000
    mse_steps: int = 1500
    """Steps of the first phase, by the mean squared error alone."""
    late_steps: int = dataclasses.field(default=0, metadata={"least": 0})
    """The last of the steps, at a tenth of the rate."""
    scale: int = dataclasses.field(default=4, metadata={"least": 2})
    """How many times larger pictures become: 2, 4 or 8. --image-size is the large one."""
    tiles: bool = False
    """Cut pictures, at their own scale, into as many parts of --image-size as fit, instead of scaling them."""
    crop: int = dataclasses.field(default=0, metadata={"least": 0})
    """Learn from patches of so many pixels a side, at random places; 0: from whole pictures."""
    flip: bool = False
    """Mirror half of the examples; not in the paper, and not for letters."""
    width: int = 32
    """Channels of the generator."""
    blocks: int = 4
    """Residual blocks of the generator."""
    d_width: int = 16
    """Channels of the discriminator's first layers."""
    content: Literal["mse", "vgg"] = "mse"
    """The content loss of the second phase: the mean squared error, or that of VGG19's features."""
    vgg_weights: str = ""
    """A file of Keras' weights of VGG19 without top."""
    feature_layer: str = "block5_conv4"
    """Whose output, after its activation, VGG's features are."""
    adversarial_weight: float = 1e-3
    """How much the adversarial loss counts beside the content loss."""
    learning_rate: float = 5e-4
    """The rate of Adam in the first phase."""
    gan_learning_rate: float = 1e-4
    """The rate of Adam in the second phase, for both players."""


PRESETS = {
    "default": Config(),
    "paper": Config(
        preset="paper", dataset="imagenet2012", image_size=run.square(192), tiles=True, crop=96, steps=1_200_000,
        mse_steps=1_000_000, late_steps=100_000, width=64, blocks=16, d_width=64, content="vgg", learning_rate=1e-4,
        channels=3,
    ),
}  # fmt: skip


def main(job, config):
    check(config)
    data = low_high.low_high(config.dataset, scale=config.scale, tiles=config.tiles, **config.pictures())
    height, breadth, channels = data.shapes["target"]
    if config.crop:
        if config.crop % config.scale or config.crop > min(height, breadth):
            raise InputError(
                f"--crop={config.crop} of pictures of {height}x{breadth}; expected a multiple of "
                f"--scale={config.scale}, and no more"
            )
        height = breadth = config.crop
    small, large = (height // config.scale, breadth // config.scale, channels), (height, breadth, channels)
    first, second = config.mse_steps, config.steps - config.mse_steps

    def rate_of_the_last_phase(rate, steps):
        if not config.late_steps:
            return rate
        return keras.optimizers.schedules.PiecewiseConstantDecay([steps - config.late_steps], [rate, rate / 10])

    with job.scope():
        generator = srresnet_generator(small, config.scale, config.width, config.blocks)
        srresnet = SRResNet(generator, seed=config.seed)
        srresnet_as_it_was = SRResNet(averages.copy(generator), seed=config.seed)
        rate = config.learning_rate
        g_optimizer = Adam(rate if second else rate_of_the_last_phase(rate, first))
    moves = [transforms.random_crop(height, breadth)] if config.crop else []
    moves += [transforms.random_flip] if config.flip else []
    alike = {"metrics": METRICS, "transform": transforms.compose(*moves) if moves else None}
    job.train(srresnet, data, until=first, g_optimizer=g_optimizer, **alike)
    if not second:
        job.finish(srresnet, data, metrics=METRICS)
        return
    srresnet_as_it_was.generator.set_weights(generator.get_weights())

    with job.scope():
        features = None
        if config.content == "vgg":
            vgg = vgg_features(config.vgg_weights, [config.feature_layer], channels=channels)
            features = base.as_function(vgg)
        srgan = SRGAN(
            generator, srgan_discriminator(large, config.d_width), features=features,
            adversarial_weight=config.adversarial_weight, seed=config.seed,
        )  # fmt: skip
        g_optimizer, d_optimizer = (Adam(rate_of_the_last_phase(config.gan_learning_rate, second)) for _ in range(2))
    job.train(srgan, data, until=config.steps, g_optimizer=g_optimizer, d_optimizer=d_optimizer, **alike)

    def scores():
        """Of the end, and of the first phase's."""
        now, then = (evaluate.measuring(model, data, METRICS)() for model in (srgan, srresnet_as_it_was))
        found = {record["metric"]: record["value"] for record in now}
        return found | {f"{r['metric']}_srresnet": r["value"] for r in then if not r["metric"].endswith("bicubic")}

    def phases(model):
        """Pictures: a column for the end of each phase."""
        shown = batches.take(data.test, data.shown)
        then, now = srresnet_as_it_was.preview(shown), model.preview(shown)
        return {
            "phases": {
                "input": now["input"], "bicubic": now["bicubic"], "SRResNet": then["output"], "SRGAN": now["output"],
                "target": now["target"],
            }
        }  # fmt: skip

    job.finish(srgan, data, metrics=scores, draw=phases)


def check(config):
    """Refuses flags that do not fit each other.

    Raises:
        InputError: they do not.
    """
    if config.mse_steps > config.steps:
        raise InputError(f"--mse-steps={config.mse_steps} is above --steps={config.steps}; the first are part of these")
    last = config.steps - config.mse_steps or config.steps
    if config.late_steps >= last:
        raise InputError(f"--late-steps={config.late_steps} end the {last} steps of the last phase; give fewer")
    if config.content == "vgg" and not config.vgg_weights:
        raise InputError("--content=vgg needs --vgg-weights: a file of Keras' VGG19 without top; or give --content=mse")


if __name__ == "__main__":
    run.main("srgan", PRESETS, main)
