"""How far super-resolved pictures are from the true ones in the features of VGG19, beside a bicubic filter.

    python -m benchmarks.perceptual exported/srresnet/1 exported/srgan/1 --dataset=photos --tiles --image-size=160 \\
        --vgg-weights=vgg19_notop.h5

After "The Unreasonable Effectiveness of Deep Features as a Perceptual Metric", Zhang et al., CVPR 2018, arXiv
1801.03924: the features of five layers, each pixel's divided by their length, squared differences summed over channels,
the mean over pixels, summed over layers. Without that paper's trained weights of channels, and by VGG19 in place of
VGG16: numbers are not those of LPIPS. Of held-out pictures, spread evenly over the set.
"""

import argparse

import tensorflow as tf

from tfgan_zoo.data import batches, low_high
from tfgan_zoo.networks.vgg import vgg_features

LAYERS = ("block1_conv2", "block2_conv2", "block3_conv4", "block4_conv4", "block5_conv4")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("exports", nargs="+", help="folders of versions, of recipes/srgan.py")
    parser.add_argument("--vgg-weights", required=True)
    parser.add_argument("--dataset", required=True)
    parser.add_argument("--image-size", type=int, required=True, help="of the large pictures")
    parser.add_argument("--scale", type=int, default=4)
    parser.add_argument("--tiles", action="store_true")
    parser.add_argument("--images", type=int, default=200)
    parser.add_argument("--data-dir", help="where prepared data is kept")
    args = parser.parse_args()
    data = low_high.low_high(
        args.dataset, image_size=args.image_size, scale=args.scale, tiles=args.tiles, data_dir=args.data_dir
    )
    held_out = batches.take(data.test, args.images)
    vgg = vgg_features(args.vgg_weights, LAYERS, channels=held_out["target"].shape[-1])
    size = held_out["target"].shape[1:3]
    upscalers = {"bicubic": lambda image: tf.clip_by_value(tf.image.resize(image, size, "bicubic"), -1.0, 1.0)}
    for path in args.exports:
        loaded = tf.saved_model.load(path)
        upscalers[path] = lambda image, loaded=loaded: next(
            iter(loaded.signatures["serving_default"](image=image).values())
        )
    for name, upscale in upscalers.items():
        found = []
        for i in range(0, args.images, 10):
            image, target = (tf.constant(held_out[column][i : i + 10]) for column in ("image", "target"))
            found += list(distance(vgg, upscale(image), target).numpy())
        print(f"{name}: {sum(found) / len(found):.4f}, {len(found)} pictures", flush=True)


def distance(features, a, b):
    """Of two batches of pictures `[B, H, W, C]` in [-1, 1], float32 `[B]`."""
    total = 0.0
    for x, y in zip(features(a, training=False), features(b, training=False), strict=True):
        apart = tf.square(tf.math.l2_normalize(x, -1, 1e-10) - tf.math.l2_normalize(y, -1, 1e-10))
        total += tf.reduce_mean(tf.reduce_sum(apart, -1), [1, 2])
    return total


if __name__ == "__main__":
    main()
