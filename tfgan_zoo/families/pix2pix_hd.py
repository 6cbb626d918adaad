"""pix2pixHD: "High-Resolution Image Synthesis and Semantic Manipulation with Conditional GANs", Wang, Liu, Zhu, Tao,
Kautz and Catanzaro, CVPR 2018. arXiv 1711.11585.

Follows equations 2 to 5: a coarse-to-fine generator, discriminators of several scales that also match features, edges
between instances (section 3.3), one style per instance (section 3.4). From the published code, as facts: least squares
as the adversarial loss (equation 2 is written with logarithms), summed over the scales and halved for D; the mean over
scales in the matching of features, which equation 5 sums; a loss of VGG features beside it, weighted 10 too; one pass
forward for both players, whose steps then follow, G first. Departs from both in that
- what is translated is a picture, not a map of labels as one-hot vectors;
- VGG is given what its weights were trained on, where the published code gives it [-1, 1];
- styles are clustered over all instances together, not per category, which a picture does not tell;
- where there are styles, a served picture has those that the model's seed draws.
"""

import numpy as np
import tensorflow as tf

from tfgan_zoo import base, layers, losses, random, signatures

VGG_WEIGHTS = {
    "block1_conv1": 1 / 32,
    "block2_conv1": 1 / 16,
    "block3_conv1": 1 / 8,
    "block4_conv1": 1 / 4,
    "block5_conv1": 1.0,
}


def edges(instance):
    """1 where the id is not that of the pixel above, below, left or right: int [B, H, W, 1] -> float32 [B, H, W, 1]."""
    down = tf.cast(instance[:, 1:] != instance[:, :-1], tf.float32)
    across = tf.cast(instance[:, :, 1:] != instance[:, :, :-1], tf.float32)
    beside = [tf.pad(down, [[0, 0], [i, 1 - i], [0, 0], [0, 0]]) for i in (0, 1)]
    beside += [tf.pad(across, [[0, 0], [0, 0], [i, 1 - i], [0, 0]]) for i in (0, 1)]
    return tf.reduce_max(tf.stack(beside), axis=0)


def numbered(instance):
    """Ids [B, H, W, 1] -> int32 [B, H W], another number for each instance of each example, from 0 to B H W - 1."""
    ids = tf.reshape(instance, [-1, instance.shape[1] * instance.shape[2]])
    count, pixels = tf.unstack(tf.shape(ids))
    order = tf.argsort(ids, stable=True)
    ordered = tf.gather(ids, order, batch_dims=1)
    place = tf.cumsum(tf.cast(ordered[:, 1:] != ordered[:, :-1], tf.int32), axis=1)
    place = tf.gather(tf.pad(place, [[0, 0], [1, 0]]), tf.argsort(order), batch_dims=1)
    return place + pixels * tf.range(count)[:, None]


def instance_mean(features, instance):
    """The mean over each instance, at each of its pixels: features [B, H, W, F], ids [B, H, W, 1] -> [B, H, W, F]."""
    number = tf.reshape(numbered(instance), [-1])
    flat = tf.reshape(tf.cast(features, tf.float32), [-1, features.shape[-1]])
    total = tf.math.unsorted_segment_sum(flat, number, tf.shape(number)[0])
    count = tf.math.unsorted_segment_sum(tf.ones_like(flat[:, :1]), number, tf.shape(number)[0])
    return tf.reshape(tf.gather(total, number) / tf.gather(count, number), tf.shape(features))


def feature_matching(real, fake):
    """Equation 4, as the published code weighs it: 4 times the mean of |D(s, x) - D(s, G(s))| over layers and scales.

    Args:
        real, fake: what D says of both, `[[features, ..., logits], ...]`, a list per scale; the logits do not count.

    Returns:
        A float32 scalar. D gets no gradient by `real`.
    """
    each = [
        tf.add_n([losses.l1(tf.stop_gradient(a), b) for a, b in zip(x[:-1], y[:-1], strict=True)]) / (len(x) - 1)
        for x, y in zip(real, fake, strict=True)
    ]
    return 4.0 * tf.add_n(each) / len(each)


class Pix2PixHD(base.GenerativeModel):
    """A conditional GAN on pairs, from coarse to fine.

    Compile with `g_optimizer` and `d_optimizer`; `train_step` takes `{"image", "target"}`, pictures [B, H, W, C] and
    [B, H, W, C'] in [-1, 1], and with `instances` `"instance"`, ids int32 [B, H, W, 1]. G and D see s: the picture, and
    with `instances` one channel more, the edges between them.

    G1 is trained alone first, on smaller pictures; then a second model with its features and an enhancer, at first with
    `fix_global`; then a third one of the same networks without (section 3.2).

    Args:
        generator: G1, `s [B, H, W, n] -> image [B, H, W, C']`; with an `enhancer` its features, of s at half the size:
            `networks.pix2pix_hd.features_of` it.
        discriminator: `[s, image] -> [[features, ..., logits], ...]`, a list per scale.
        enhancer: G2, `[s, features] -> image`, or None.
        encoder: E, `image [B, H, W, C'] -> features [B, H, W, F]`, whose means over instances, the styles, are further
            channels of what G1 and G2 take; needs `instances`. Or None.
        fix_global: G1 does not train.
        instances: whether there are ids.
        features: the perceptual network as a function (`base.as_function`), `image -> [features, ...]` at the layers
            of `VGG_WEIGHTS`; None: no such loss.
        fm_weight: the paper's lambda (equation 5).
        vgg_weight: of the loss of `features`.
        clusters: how many styles are kept to sample from (section 3.4).
        seed: see `base.GenerativeModel`.

    Raises:
        ValueError: an encoder without instances, or `fix_global` without an enhancer.

    Example:
        import numpy as np
        from tfgan_zoo import Pix2PixHD
        from tfgan_zoo.networks.pix2pix_hd import global_generator, multiscale_discriminator
        from tfgan_zoo.optimizers import Adam

        discriminator = multiscale_discriminator((8, 8, 1), condition_channels=2, width=8, layers=1, scales=2)
        model = Pix2PixHD(global_generator((8, 8, 2), 1, width=8, downs=1, blocks=1), discriminator)
        model.compile(g_optimizer=Adam(2e-4, 0.5), d_optimizer=Adam(2e-4, 0.5))
        images = np.random.uniform(-1, 1, [16, 8, 8, 1]).astype("float32")
        ids = (images > 0).astype("int32")
        model.fit({"image": images, "target": -images, "instance": ids}, batch_size=4, verbose=0)
        generated = model([images[:2], ids[:2]])["generated"]  # [2, 8, 8, 1]
    """

    maps = ("instance",)

    def __init__(
        self, generator, discriminator, *, enhancer=None, encoder=None, fix_global=False, instances=True,
        features=None, fm_weight=10.0, vgg_weight=10.0, clusters=10, seed=0,
    ):  # fmt: skip
        if encoder is not None and not instances:
            raise ValueError("Pix2PixHD: an encoder gives one style per instance; leave instances on")
        if fix_global and enhancer is None:
            raise ValueError("Pix2PixHD: fix_global without an enhancer leaves nothing of G to train; give one")
        players = {"generator": generator, "enhancer": enhancer, "encoder": encoder}
        players = {role: network for role, network in players.items() if network is not None}
        trained = [role for role in players if role != "generator" or not fix_global]
        super().__init__(
            networks=players | {"discriminator": discriminator},
            trains={"g_optimizer": trained, "d_optimizer": ["discriminator"]},
            seed=seed,
        )
        self.halve = layers.HalvingAverage()
        self.instances, self.features = instances, features
        self.fm_weight, self.vgg_weight = fm_weight, vgg_weight
        self.styles = Styles(clusters, encoder.output_shape[-1]) if encoder is not None else None

    def condition(self, image, instance=None):
        """s: the picture and the edges between instances, where there are any."""
        return tf.concat([image, edges(instance)], axis=-1) if self.instances else image

    def generate(self, condition, style=None, training=False):
        """G(s), or with styles [B, H, W, F] G(s, style): an image [B, H, W, C']."""
        given = condition if style is None else tf.concat([condition, style], axis=-1)
        if "enhancer" not in self.roles:
            return self.generator(given, training=training)
        coarse = self.generator(self.halve(given), training=training)
        return self.enhancer([given, coarse], training=training)

    def encode(self, target, instance, training=False):
        """The styles of an image: E's answer, averaged over each instance. None without an encoder."""
        return None if self.styles is None else instance_mean(self.encoder(target, training=training), instance)

    def judge(self, condition, image):
        """What D says in training, `[[features, ..., logits], ...]`."""
        scales = self.discriminator([condition, image], training=True)
        return scales if isinstance(scales[0], list) else [scales]  # Keras takes the list around a single scale away

    def train_step(self, batch):
        real, instance = batch["target"], batch.get("instance")
        source = self.condition(batch["image"], instance)
        with tf.GradientTape() as g_tape:
            fake = self.generate(source, self.encode(real, instance, training=True), training=True)
            with tf.GradientTape() as d_tape:
                on_real, on_fake = self.judge(source, real), self.judge(source, fake)
                pairs = zip(on_real, on_fake, strict=True)
                d_loss = tf.add_n([losses.lsgan_discriminator_loss(a[-1], b[-1]) for a, b in pairs])
            g_loss = tf.add_n([2.0 * losses.lsgan_generator_loss(scale[-1]) for scale in on_fake])
            matching = feature_matching(on_real, on_fake)
            perceptual = self.perceptual(real, fake)
            total = g_loss + self.fm_weight * matching + self.vgg_weight * perceptual
        self.minimize(total, g_tape, self.g_optimizer)
        self.minimize(d_loss, d_tape, self.d_optimizer)

        more = {} if self.features is None else {"vgg": perceptual}
        return self.track(d_loss=d_loss, g_loss=g_loss, feature_matching=matching, **more)

    def perceptual(self, real, fake):
        """The mean distance of VGG's features, weighted by layer; 0 without such a network."""
        if self.features is None:
            return 0.0
        each = zip(VGG_WEIGHTS.values(), self.features(real), self.features(fake), strict=True)
        return tf.add_n([weight * losses.l1(tf.stop_gradient(a), b) for weight, a, b in each])

    def translate(self, image, instance=None, seed=None):
        """Pictures -> images; of several styles those that `seed` draws, by default the model's."""
        style = None
        if self.styles is not None:
            style = self.styles.sample(instance, self.seed if seed is None else seed)
        return self.generate(self.condition(image, instance), style)

    def cluster(self, examples):
        """Finds the styles to sample from: k-means of those of all instances of more than 1/64 of their picture.

        Call it when E is trained. Until then all styles are 0.

        Args:
            examples: batches `{"target", "instance"}`, such as `data.batches.in_order` gives.

        Raises:
            ValueError: there is no encoder.
        """
        if self.styles is None:
            raise ValueError("Pix2PixHD.cluster: there is no encoder, so there are no styles")
        found, encode = [], base.graph_when_eager(self.encode, reduce_retracing=True)
        for batch in examples:
            encoded = np.array(encode(batch["target"], batch["instance"]))
            for features, ids in zip(encoded, np.array(batch["instance"]), strict=True):
                _, first, count = np.unique(ids, return_index=True, return_counts=True)
                large = first[32 * count > 0.5 * ids.size]
                found.append(features.reshape(-1, features.shape[-1])[large])
        points = np.concatenate(found)
        self.styles.centres.assign(k_means(points, self.styles.centres.shape[0], np.random.default_rng(self.seed)))

    def preview(self, batch):
        batch = {name: tf.convert_to_tensor(column) for name, column in batch.items()}
        image, instance, target = batch["image"], batch.get("instance"), batch["target"]
        shown = {"input": image, "output": self.translate(image, instance), "target": target}
        if self.styles is None:
            return shown
        own = self.generate(self.condition(image, instance), self.encode(target, instance))
        return {
            "input": image,
            "output of drawn styles": shown["output"],
            "of the target's styles": own,
            "target": target,
        }

    def sizes(self):
        """Of the pictures that G takes beside those of training; with styles no others."""
        sizes = signatures.any_size(self.generator) if self.styles is None else None
        return sizes and signatures.Sizes(*(2 * n for n in sizes) if "enhancer" in self.roles else sizes)

    def signatures(self):
        height, width, channels = self.discriminator.inputs[0].shape[1:]
        shape = (height, width, channels - self.instances)
        more = [tf.TensorSpec([None, height, width, 1], tf.int32, name="instance")] if self.instances else []
        pictures, files = signatures.image_to_image(self.translate, shape, self.sizes(), more=more)
        served = {"serving_default": pictures, "translate_bytes": files}
        if self.styles is not None:

            def sample(image, instance, seed):
                return {"generated": self.translate(image, instance, seed)}

            served["sample_styles"] = (sample, [*pictures[1], tf.TensorSpec([], tf.int64, name="seed")])
        return served


class Styles(tf.Module):
    """The styles that a served picture's instances may have, `centres [count, F]`."""

    def __init__(self, count, features):
        super().__init__(name="styles")
        self.centres = tf.Variable(
            tf.zeros([count, features]),
            trainable=False,
            name="centres",
            aggregation=tf.VariableAggregation.ONLY_FIRST_REPLICA,
        )

    def sample(self, instance, seed):
        """One for each instance: ids [B, H, W, 1] -> styles [B, H, W, F].

        The same wherever an example stands in a batch, and whatever its ids are called: each instance has the style
        that is drawn at its first pixel.
        """
        number = numbered(instance)
        count, pixels = tf.shape(number)[0], number.shape[1]
        with random.stream(seed, shared=True):
            drawn = random.integers([count, pixels], self.centres.shape[0])
        place = tf.repeat(tf.range(pixels)[None], count, axis=0)
        first = tf.math.unsorted_segment_min(tf.reshape(place, [-1]), tf.reshape(number, [-1]), count * pixels)
        of_first = tf.gather(drawn, tf.gather(first, number), batch_dims=1)
        shape = tf.concat([tf.shape(instance)[:3], [self.centres.shape[1]]], axis=0)
        return tf.reshape(tf.gather(self.centres, of_first), shape)


def k_means(points, count, rng):
    """The centres of `count` clusters of points [N, F], by Lloyd's iteration from points drawn far from each other.

    Args:
        points: float [N, F]; where fewer of them differ than `count`, some centres are equal; none: all are 0.
        count: of clusters.
        rng: a NumPy generator.

    Returns:
        float32 [count, F].
    """
    points = np.asarray(points, np.float64)
    if not len(points):
        return np.zeros([count, points.shape[1]], np.float32)
    centres = points[rng.integers(len(points), size=1)]
    while len(centres) < count:
        distance = np.min(np.sum((points[:, None] - centres) ** 2, axis=-1), axis=1)
        total = distance.sum()
        chance = distance / total if total > 0 else np.full(len(points), 1 / len(points))
        centres = np.append(centres, points[rng.choice(len(points), size=1, p=chance)], axis=0)
    for _ in range(100):
        nearest = np.argmin(np.sum((points[:, None] - centres) ** 2, axis=-1), axis=1)
        members = np.bincount(nearest, minlength=count)[:, None]
        total = np.stack([np.bincount(nearest, column, count) for column in points.T], axis=1)
        moved = np.where(members > 0, total / np.maximum(members, 1), centres)
        if np.array_equal(moved, centres):
            break
        centres = moved
    return centres.astype(np.float32)
