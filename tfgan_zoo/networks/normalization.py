"""The normalisation of networks that let one choose it, its scales drawn as in the programs of DCGAN and pix2pix."""

from tfgan_zoo import layers
from tfgan_zoo.errors import InputError


def normalization(name, affine=True):
    """A function that puts a new normalisation layer behind a tensor [B, H, W, C], which keeps its shape.

    Scales start from N(1, 0.02), offsets from 0.

    Args:
        name: "batch", over the global batch, always with a scale and an offset; or "instance".
        affine: give instance normalisation a scale and an offset, too.

    Raises:
        InputError: another name.
    """
    if name not in ("batch", "instance"):
        raise InputError(f"normalization {name!r}: expected 'batch' or 'instance'")

    def normalize(x):
        gamma = layers.normal_1_002()
        if name == "batch":
            return layers.batch_normalization(gamma_initializer=gamma)(x)
        return layers.InstanceNormalization(affine, gamma_initializer=gamma)(x)

    return normalize
