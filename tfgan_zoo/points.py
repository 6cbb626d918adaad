"""Pictures of points in one and two dimensions, for the toy data sets. Points are `[N, dim]`."""

import matplotlib.backends.backend_agg
import matplotlib.figure
import numpy as np
import tensorflow as tf
from PIL import Image, ImageDraw

CURVE = 201  # points of a curve over x


def columns(real, sample, probability=None):
    """What `GAN.preview` shows of points, as `picture` takes it.

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


def picture(shown):
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
