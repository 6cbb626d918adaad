"""How well exports fill the holes of held-out pictures, by the share of the picture that the hole is.

    python -m benchmarks.holes exported/partial_conv/1 --dataset=photos --image-size=64 --masks=strokes:0.1,0.4

Beside each export: the mean of the hole's border, and the biharmonic equation, solved from what surrounds the hole by
scikit-image (`restoration.inpaint_biharmonic`; pip install scikit-image). PSNR in dB over all pixels in holes.
"""

import argparse

import numpy as np
import tensorflow as tf
from skimage import restoration

from tfgan_zoo.data import batches, masked
from tfgan_zoo.metrics import holes


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("exports", nargs="+", help="folders of versions, of recipes/partial_conv.py")
    parser.add_argument("--dataset", required=True)
    parser.add_argument("--image-size", type=int, required=True)
    parser.add_argument("--masks", required=True, help="as the recipe takes it")
    parser.add_argument(
        "--shares", type=float, nargs="+", default=[0.1, 0.2, 0.3, 0.4], help="where bins of holes part"
    )
    parser.add_argument("--data-dir", help="where prepared data is kept")
    args = parser.parse_args()
    data = masked.masked(args.dataset, masks=args.masks, image_size=args.image_size, data_dir=args.data_dir)
    held_out = batches.take(data.test, min(data.test.counts))
    image, mask, target = (held_out[name] for name in ("image", "mask", "target"))
    shares = 1.0 - mask.mean((1, 2, 3))
    found = {"the mean of the border": holes.border_mean(image, mask), "biharmonic": biharmonic(image, mask)}
    for path in args.exports:
        fill = tf.saved_model.load(path).signatures["serving_default"]
        given = ({"image": image[i : i + 20], "mask": mask[i : i + 20]} for i in range(0, len(image), 20))
        answers = (fill(**{name: tf.constant(x) for name, x in one.items()}) for one in given)
        found[path] = np.concatenate([answer["generated"] for answer in answers])
    edges = list(zip(args.shares[:-1], args.shares[1:], strict=True))
    print(f"| | {' | '.join(f'{low:g} to {high:g}' for low, high in edges)} | all |\n|{'---|' * (len(edges) + 2)}")
    bins = [(shares >= low) & (shares < high) for low, high in edges] + [shares >= 0]
    for name, made in found.items():
        print(f"| {name} | {' | '.join(f'{psnr(made[b], target[b], mask[b]):.2f}' for b in bins)} |", flush=True)
    print(f"| pictures | {' | '.join(str(b.sum()) for b in bins)} |")


def psnr(made, target, mask):
    """In the holes, over all their pixels together."""
    scored = holes.InHoles()
    scored.update(made, target, mask)
    return scored.psnr()


def biharmonic(image, mask):
    """Pictures [B, H, W, C] filled one by one."""
    filled = [
        restoration.inpaint_biharmonic(np.float64(x), m[..., 0] == 0, channel_axis=-1)
        for x, m in zip(image, mask, strict=True)
    ]
    return np.float32(filled)


if __name__ == "__main__":
    main()
