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
    if name == "batch":
        return lambda x: layers.batch_normalization(gamma_initializer=layers.normal_1_002())(x)
    if name == "instance":
        return _instance if affine else lambda x: layers.InstanceNormalization(affine=False)(x)
    raise InputError(f"normalization {name!r}: expected 'batch' or 'instance'")


def _instance(x):
    layer = layers.InstanceNormalization()
    x = layer(x)
    layer.gamma.assign(layers.normal_1_002()(layer.gamma.shape))
    return x
