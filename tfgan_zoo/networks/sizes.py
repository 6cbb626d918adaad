"""What image sizes a network can be built for."""

from tfgan_zoo.errors import InputError


def sides(image_shape):
    """Height and width of an image of `image_shape` (H, W, C).

    Raises:
        InputError: not three numbers of 1 or more.
    """
    if len(image_shape) != 3 or min(image_shape) < 1:
        raise InputError(f"image shape {tuple(image_shape)}: expected (height, width, channels), each 1 or more")
    return image_shape[0], image_shape[1]


def divided(image_shape, step, least=0):
    """Height and width of an image as multiples of `step`: 28x32 and 4 give (7, 8).

    Args:
        image_shape: (H, W, C).
        step: what both sides are multiples of.
        least: of the smaller side, a multiple of `step`.

    Raises:
        InputError: other sides.
    """
    height, width = sides(image_shape)
    if height % step or width % step or min(height, width) < least:
        near = multiples_near(max(height, least), max(width, least), step)
        of_size = f"multiples of {step}" + (f", at least {least}" if least else "")
        raise InputError(f"image size {height}x{width}: expected {of_size}, like {near}")
    return height // step, width // step


def halvings(image_shape):
    """How often both sides of an image halve until the smaller is 4 to 7 pixels: `((base_height, base_width), times)`.

    H = base_height * 2**times and W = base_width * 2**times: 32x32 gives ((4, 4), 3), 28x28 ((7, 7), 2), 32x64
    ((4, 8), 3), 96x160 ((6, 10), 4).

    Raises:
        InputError: a side smaller than 8, or odd before the smaller one is small enough.
    """
    height, width = sides(image_shape)
    found = _halved(height, width)
    if not found:
        raise InputError(
            f"image size {height}x{width}: expected sides that halve together until the smaller one is 4 to 7, like"
            f" {_nearest(height, width)}"
        )
    return found


def depth(image_shape, times=None):
    """How often both sides of an image are to halve to whole numbers: `times`, or as often as they can.

    Args:
        image_shape: (H, W, C).
        times: 2 or more, or None: as often as they can, 3 times at least.

    Raises:
        InputError: they do not halve so often.
    """
    height, breadth = sides(image_shape)
    most = min((n & -n).bit_length() - 1 for n in (height, breadth))  # how often 2 divides both
    if times is None:
        divided(image_shape, 8)
    if times is not None and times < 2:
        raise InputError(f"depth {times}: expected 2 or more halvings")
    if times is not None and times > most:
        near = multiples_near(height, breadth, 2**times)
        raise InputError(
            f"image size {height}x{breadth} halves {most} times, not {times}: expected another depth or multiples of"
            f" {2**times}, like {near}"
        )
    return times or most


def multiples_near(height, width, step):
    """The multiples of `step` next to a size, below and above, as words: 30x33 and 4 give '28x32 or 32x36'."""
    below = [max(step, n // step * step) for n in (height, width)]
    above = [-(-n // step) * step for n in (height, width)]
    return _words(dict.fromkeys([tuple(below), tuple(above)]))


def _halved(height, width):
    times = 0
    while min(height, width) > 7 and height % 2 == width % 2 == 0:
        height, width, times = height // 2, width // 2, times + 1
    return ((height, width), times) if times and min(height, width) <= 7 else None


def _nearest(height, width):
    fit = set()
    for times in range(1, max(height, width).bit_length() + 1):
        step = 2**times
        rows, columns = (
            {max(4 * step, n // step * step), max(4 * step, -(-n // step) * step)} for n in (height, width)
        )
        fit |= {(h, w) for h in rows for w in columns if _halved(h, w) and (h == w or height != width)}
    return _words(sorted(fit, key=lambda size: (abs(size[0] - height) + abs(size[1] - width), size))[:2])


def _words(pairs):
    return " or ".join(f"{height}x{width}" for height, width in pairs)
