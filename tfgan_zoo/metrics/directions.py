"""How near translations between several domains come to the true pictures, direction by direction."""

import matplotlib.backends.backend_agg
import matplotlib.figure
import numpy as np
import tensorflow as tf

from tfgan_zoo import pictures
from tfgan_zoo.data import batches


class Directions:
    """L1 of every translation from one domain to another, beside that of the picture that was to be translated.

    Args:
        translate: `(image [B, H, W, C] in [-1, 1], domain [B]) -> image`.
        data: `data.domains.domains`, aligned: its held-out examples have a `target`.
        most: how many of them are translated, the first.
        batch_size: at once; None: as `pictures.few` says.
    """

    def __init__(self, translate, data, *, most=None, batch_size=None):
        self.translate, self.data = tf.function(translate, autograph=False), data
        self.count = min(data.test.counts[0], most or data.test.counts[0])
        self.batch_size = batch_size or pictures.few(data.shapes["image"])
        self.l1 = self.nothing = None

    def measure(self):
        """Sets `l1`, and `nothing` of the pictures as they are: `[K, K]`, from rows to columns, NaN where none was.

        Returns:
            `{"l1": the mean over the directions, "l1_identity": of the pictures as they are, "l1_ratio": l1 /
            l1_identity, "l1_worst": of the direction with the largest l1}`.
        """
        size, left = len(self.data.classes), self.count
        sums, counts = np.zeros([2, size, size]), np.zeros([size, size])
        for batch in batches.in_order(self.data.test, self.batch_size).as_numpy_iterator():
            image, source, domain, target = (batch[name][:left] for name in ("image", "source", "domain", "target"))
            made = np.asarray(self.translate(image, domain))
            for kind, shown in enumerate((made, image)):
                error = np.abs(shown - target).mean(axis=(1, 2, 3), dtype=np.float64)
                np.add.at(sums[kind], (source, domain), error)
            np.add.at(counts, (source, domain), 1)
            left -= len(image)
            if not left:
                break
        with np.errstate(invalid="ignore"):
            self.l1, self.nothing = sums / counts
        l1, nothing = np.nanmean(self.l1), np.nanmean(self.nothing)
        return {"l1": l1, "l1_identity": nothing, "l1_ratio": l1 / nothing, "l1_worst": np.nanmax(self.l1)}

    def picture(self):
        """What `measure` found as a heat map: `l1 / nothing` from each domain (a row) to each (a column).

        Returns:
            One picture [1, H, W, 3] in [-1, 1], as `pictures.tile` takes it.
        """
        names, ratio = self.data.classes, self.l1 / self.nothing
        side = 2.2 + 0.42 * len(names)
        figure = matplotlib.figure.Figure(figsize=(side + 0.8, side), dpi=100, layout="constrained")
        axes = figure.subplots()
        shown = axes.imshow(ratio, cmap="RdYlGn_r", vmin=0.0, vmax=2.0)
        axes.set_xticks(range(len(names)), names, rotation=90, fontsize=7)
        axes.set_yticks(range(len(names)), names, fontsize=7)
        axes.set_xlabel("to")
        axes.set_ylabel("from")
        for (row, column), value in np.ndenumerate(ratio):
            if np.isfinite(value):
                axes.text(column, row, f"{value:.2f}", ha="center", va="center", fontsize=6)
        figure.colorbar(shown, label="L1 to the true picture / L1 of doing nothing")
        canvas = matplotlib.backends.backend_agg.FigureCanvasAgg(figure)
        canvas.draw()
        return (np.asarray(canvas.buffer_rgba())[None, ..., :3] / 127.5 - 1).astype(np.float32)


def sheet(translate, data, rows=8):
    """Held-out pictures in every domain: column label -> pictures [rows, H, W, C], as `pictures.tile` takes them.

    The column `image`, then one per domain, of what `translate` makes.
    """
    image = batches.take(data.test, rows)["image"]
    made = {name: translate(image, np.full(len(image), k)) for k, name in enumerate(data.classes)}
    return {"image": image, **{f"to {name}": np.asarray(pictures) for name, pictures in made.items()}}
