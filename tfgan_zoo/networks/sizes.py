"""What image sizes a network can be built for."""

from tfgan_zoo.errors import InputError


def square_size(image_shape):
    """The side of a square image of `image_shape` (H, W, C).

    Raises:
        InputError: not three numbers, or not square.
    """
    if len(image_shape) != 3 or image_shape[0] != image_shape[1]:
        raise InputError(f"image shape {tuple(image_shape)}: expected a square image (size, size, channels)")
    return image_shape[0]


def halvings(image_shape):
    """How often a square image halves until 4 to 7 pixels are left: `(base, times)`, size = base * 2**times.

    32 and 64 give base 4, 28 gives 7, 96 gives 6.

    Raises:
        InputError: not square, smaller than 8, or odd before it is small enough.
    """
    size = base = square_size(image_shape)
    times = 0
    while base > 7 and base % 2 == 0:
        base, times = base // 2, times + 1
    if base > 7 or times == 0:
        raise InputError(f"image size {size}: expected 4, 5, 6 or 7 times a power of two, at least 8, like 28, 32, 64")
    return base, times
