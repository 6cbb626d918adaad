"""PartialConv: "Image Inpainting for Irregular Holes Using Partial Convolutions", Liu, Reda, Shih, Wang, Tao and
Catanzaro, ECCV 2018. arXiv 1804.07723.

There is no discriminator. Equations 1 and 2 are `layers.PartialConv2D`. Their text was read; that of the losses
(section 3.3) was not: formulas and weights are those that several public programs state alike, and all L1 terms are
means, as the authors say in an erratum. Departs from the paper in that
- pixels that are served lie in [-1, 1]: what the network says beyond is cut;
- the perceptual terms are left out where no network that judges is given.
"""

import tensorflow as tf

from tfgan_zoo import base, losses, signatures


class PartialConv(base.GenerativeModel):
    """Fills holes of any shape, by a network whose convolutions see known pixels alone.

    Compile with `g_optimizer`; `train_step` takes `{"image", "mask", "target"}`: pictures [B, H, W, C] in [-1, 1] whose
    hole may hold anything, masks [B, H, W, 1], 1 where the picture is known and 0 in the hole, and the whole pictures.

    Args:
        generator: `[image, mask] -> image [B, H, W, C]`, `networks.partial_unet`.
        features: `image [B, H, W, C] -> [features [B, h, w, c], ...]`, what the perceptual and the style terms compare
            (pool1, pool2 and pool3 of VGG16 in the paper), on the scale of a network whose input has deviation 1; None:
            without these terms.
        valid_weight, hole_weight, perceptual_weight, style_weight, tv_weight: of the terms, in the paper's order.
        seed: see `base.GenerativeModel`.

    Example:
        import numpy as np
        from tfgan_zoo import PartialConv
        from tfgan_zoo.networks.partial_unet import partial_unet
        from tfgan_zoo.optimizers import Adam

        model = PartialConv(partial_unet((8, 8, 1), width=8))
        model.compile(g_optimizer=Adam(2e-4))
        whole = np.random.uniform(-1, 1, [16, 8, 8, 1]).astype("float32")
        mask = (np.random.uniform(size=[16, 8, 8, 1]) > 0.3).astype("float32")
        model.fit({"image": whole * mask, "mask": mask, "target": whole}, batch_size=4, verbose=0)
        generated = model([whole[:2] * mask[:2], mask[:2]])["generated"]  # [2, 8, 8, 1]
    """

    def __init__(
        self,
        generator,
        features=None,
        *,
        valid_weight=1.0,
        hole_weight=6.0,
        perceptual_weight=0.05,
        style_weight=120.0,
        tv_weight=0.1,
        seed=0,
    ):
        super().__init__({"generator": generator}, {"g_optimizer": ["generator"]}, seed=seed)
        self.features = features
        self.valid_weight, self.hole_weight, self.tv_weight = valid_weight, hole_weight, tv_weight
        self.perceptual_weight, self.style_weight = perceptual_weight, style_weight

    def train_step(self, batch):
        image, mask, target = batch["image"], batch["mask"], batch["target"]
        with tf.GradientTape() as tape:
            out = self.generator([image, mask], training=True)
            comp = composite(target, out, mask)
            terms = {
                "valid": losses.l1(mask * out, mask * target),
                "hole": losses.l1((1.0 - mask) * out, (1.0 - mask) * target),
                "tv": total_variation(comp, mask),
            }
            g_loss = (
                self.valid_weight * terms["valid"] + self.hole_weight * terms["hole"] + self.tv_weight * terms["tv"]
            )
            if self.features:
                of_out, of_comp, of_target = (self.features(x) for x in (out, comp, target))
                terms["perceptual"] = distance(of_out, of_target) + distance(of_comp, of_target)
                styles = [[gram(x) for x in of] for of in (of_out, of_comp, of_target)]
                terms["style"] = distance(styles[0], styles[2]) + distance(styles[1], styles[2])
                g_loss += self.perceptual_weight * terms["perceptual"] + self.style_weight * terms["style"]
        self.minimize(g_loss, tape, self.g_optimizer)

        return self.track(g_loss=g_loss, **terms)

    def inpaint(self, image, mask):
        out = self.generator([image, mask], training=False)
        return composite(image, tf.clip_by_value(out, -1.0, 1.0), mask)

    def preview(self, batch):
        return {
            "input": batch["image"],
            "output": self.inpaint(batch["image"], batch["mask"]),
            "target": batch["target"],
        }

    def signatures(self):
        images, files = signatures.inpainting(
            self.inpaint, self.generator.output_shape[1:], signatures.any_size(self.generator)
        )
        return {"serving_default": images, "inpaint_bytes": files}


def composite(known, filled, mask):
    """`known` where `mask` is 1, `filled` where it is 0."""
    return tf.where(mask > 0.0, known, filled)


def distance(a, b):
    """The sum of the mean absolute differences of two lists of features, or of their Gram matrices."""
    return tf.add_n([losses.l1(x, y) for x, y in zip(a, b, strict=True)])


def gram(features):
    """K^T K / (c h w), K `[h w, c]`: `[B, h, w, c] -> [B, c, c]` float32."""
    height, width, channels = features.shape[1:]
    # Divided before the product, whose sums could leave the range of half precision.
    scaled = tf.cast(features, tf.float32) / (channels * height * width) ** 0.5
    places = tf.reshape(scaled, [-1, height * width, channels])
    return tf.matmul(places, places, transpose_a=True)


def total_variation(image, mask):
    """The sum of the absolute differences of neighbours, both of which lie in the hole or next to it, at a side or a
    corner, divided by the number of all elements.
    """
    near = tf.nn.max_pool2d(1.0 - mask, 3, 1, "SAME")  # the hole, one pixel wider
    down = tf.abs(image[:, 1:] - image[:, :-1]) * near[:, 1:] * near[:, :-1]
    across = tf.abs(image[:, :, 1:] - image[:, :, :-1]) * near[:, :, 1:] * near[:, :, :-1]
    count = tf.cast(tf.size(image), tf.float32)
    return (tf.reduce_sum(down) + tf.reduce_sum(across)) / count
