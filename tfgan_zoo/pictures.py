"""Pictures for people: grids of images, and of points `[N, dim]` in one and two dimensions."""

import math

import matplotlib.backends.backend_agg
import matplotlib.figure
import numpy as np
import tensorflow as tf
from PIL import Image, ImageDraw

CURVE = 201  # points of a curve over x
AT_ONCE = 2**22  # pixels: 64 pictures of 256x256, 4 of 1024x1024, for which a ProGAN of the paper's width takes 5 GiB


def few(shape, most=64):
    """How many pictures a network is asked for at once where nobody says so: `most`, of large ones fewer, at least 1.

    Args:
        shape: of one, `(..., H, W, C)`; a side that is not known is not counted.
        most: of pictures that are not large.
    """
    return max(1, min(most, AT_ONCE // math.prod(side or 1 for side in shape[:-1])))


def tile(columns):
    """Images side by side: an example's labels next to each other, left to right; a single label fills a square.

    Args:
        columns: label -> images [N, H, W, C] in [-1, 1], C 1, 3 or 4, smaller ones enlarged to the largest by repeating
            pixels; or frames [N, T, H, W, C], drawn side by side; or what `of_points` draws.

    Returns:
        uint8 picture [rows, columns, C], C the most of any label.
    """
    images = [np.asarray(v, dtype=np.float32) for v in columns.values()]
    if images[0].ndim == 2:
        return of_points(columns)
    beside = [v.shape[1] if v.ndim == 5 else 1 for v in images]
    images = [_of_frames(v) if v.ndim == 5 else v for v in images]
    height, width, channels = (max(v.shape[axis] for v in images) for axis in (1, 2, 3))
    images = [_of_size(_of_channels(v, channels), height, width) for v in images]
    count = len(images[0])
    # Groups of columns, for a picture that is about square.
    beside = int(np.ceil(np.sqrt(count))) if sum(beside) == 1 else max(1, round(np.sqrt(count / sum(beside))))
    cells = np.stack(images, axis=1)
    blank = np.ones([-count % beside, *cells.shape[1:]], np.float32)
    cells = np.concatenate([cells, blank]).reshape(-1, beside * len(images), height, width, channels)
    cells = np.pad(cells, [(0, 0), (0, 0), (1, 1), (1, 1), (0, 0)], constant_values=0.0)
    rows, across, height, width, _ = cells.shape
    picture = cells.transpose(0, 2, 1, 3, 4).reshape(rows * height, across * width, channels)
    return levels(picture)


def levels(picture):
    """uint8 of a picture in [-1, 1], of any shape: rounded, what lies outside clipped."""
    return np.round(np.clip(picture * 127.5 + 127.5, 0, 255)).astype(np.uint8)


def _of_frames(frames):
    """`[N, T, H, W, C]` -> the frames of each side by side, `[N, H, T * W, C]`."""
    count, times, height, width, channels = frames.shape
    return frames.transpose(0, 2, 1, 3, 4).reshape(count, height, times * width, channels)


def _of_channels(images, channels):
    if images.shape[-1] == channels:
        return images
    colour = np.repeat(images, 3, axis=-1) if images.shape[-1] == 1 else images
    opaque = np.ones([*images.shape[:-1], channels - 3], np.float32)
    return np.concatenate([colour, opaque], axis=-1)


def _of_size(images, height, width):
    rows, columns = (np.arange(new) * old // new for new, old in zip((height, width), images.shape[1:3], strict=True))
    return images[:, rows][:, :, columns]


def save_png(picture, path):
    """Writes a uint8 picture [H, W, C], C 1, 3 or 4."""
    Image.fromarray(picture[..., 0] if picture.shape[-1] == 1 else picture).save(path)


def columns_of_points(real, sample, probability=None):
    """What `GenerativeModel.preview` shows of points, as `of_points` takes it.

    Args:
        real: `[N, dim]`, held-out examples; the axes of the picture are theirs.
        sample: `[M, dim]`, of the model.
        probability: `[K, dim] -> [K, 1]`, D(x); drawn in one dimension only. None: not drawn.
    """
    shown = {"data": np.asarray(real), "sample": np.asarray(sample)}
    if probability and shown["data"].shape[1] == 1:
        x = np.linspace(*_limits(shown["data"][:, 0]), CURVE, dtype=np.float32)[:, None]
        shown["D(x)"] = np.concatenate([x, np.asarray(probability(tf.constant(x)))], axis=1)
    return shown


def of_points(shown):
    """Two dimensions: data grey, samples coloured. One: the paper's figure 1 (arXiv 1406.2661), densities and D.

    Densities are kernel estimates of the points. The axes depend on the data only.

    Args:
        shown: label -> points; "data" is one of the labels. In one dimension a `[K, 2]` column is a curve (x, y).

    Returns:
        uint8 picture [320, 320, 3].
    """
    data = np.asarray(shown["data"])
    figure = matplotlib.figure.Figure(figsize=(3.2, 3.2), dpi=100, layout="constrained")
    axes = figure.subplots()
    axes.set_xlim(*_limits(data[:, 0]))
    if data.shape[1] == 2:
        axes.set_ylim(*_limits(data[:, 1]))
        for label, points in shown.items():
            colour, size = ("0.75", 8) if label == "data" else (None, 3)
            axes.scatter(points[:, 0], points[:, 1], s=size, c=colour, linewidths=0, label=label)
    else:
        x = np.linspace(*_limits(data[:, 0]), CURVE)
        axes.set_ylim(0.0, 1.4 * max(1.0, density(data, x).max()))
        for label, points in shown.items():
            curve = points.shape[1] == 2
            xs, ys = points.T if curve else (x, density(points, x))
            style = {"color": "black", "linestyle": "dotted"} if label == "data" else {"ls": "dashed" if curve else "-"}
            axes.plot(xs, ys, label=label, **style)
    axes.tick_params(labelsize=7)
    axes.legend(loc="upper right", fontsize=7, ncols=len(shown))
    canvas = matplotlib.backends.backend_agg.FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()


def density(points, x):
    """Gaussian kernel estimate at `x [K]` from `points [N, 1]`, its width by Silverman's rule."""
    points = np.asarray(points, np.float64)[:, 0]
    width = 1.06 * max(points.std(), 1e-3) * len(points) ** -0.2
    return np.exp(-0.5 * ((x[:, None] - points) / width) ** 2).mean(1) / (width * np.sqrt(2 * np.pi))


def strip(paths, count=8):
    """Pictures `step-<n>.png` of a run, in order of n, as one: `count` of them at most, the first and last included.

    Returns:
        uint8 picture, each part with its step above.
    """
    paths = sorted(paths)
    chosen = np.unique(np.linspace(0, len(paths) - 1, min(count, len(paths))).round().astype(int))
    parts = []
    for i in chosen:
        with Image.open(paths[i]) as image:
            part = Image.new("RGB", (image.width, image.height + 14), "white")
            part.paste(image, (0, 14))
        ImageDraw.Draw(part).text((6, 2), f"step {int(paths[i].stem.removeprefix('step-'))}", fill="black")
        parts.append(np.asarray(part))
    return np.concatenate(parts, axis=1)


def _limits(values):
    """The range of the data and half as much on either side."""
    low, high = float(np.min(values)), float(np.max(values))
    margin = 0.5 * (high - low) or 1.0
    return low - margin, high + margin
