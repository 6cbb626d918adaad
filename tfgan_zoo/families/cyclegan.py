"""CycleGAN: "Unpaired Image-to-Image Translation using Cycle-Consistent Adversarial Networks", Zhu, Park, Isola and
Efros, ICCV 2017. arXiv 1703.10593.

Follows equations 1 to 3 with the least-squares losses and the image pool of 50 of section 4, D's objective halved
(appendix 7.1) and the identity term of section 5.2. Departs from it in that
- the identity term is on unless turned off, as in the published Lua code (github.com/junyanz/CycleGAN); the paper has
  it for paintings and flowers only (appendix 7.1, from memory);
- the pool takes a batch at once, each image a slot of its own; at the paper's batch size of 1 that is the same;
- the discriminators step first, and the generators against the discriminators that have; the Lua code has the
  generators first.
The networks' normalisation is without scale and offset (`networks.residual_translator`).
The paper's X, Y, G, F are a, b, generator_ab, generator_ba here.
"""

import tensorflow as tf

from tfgan_zoo import base, losses, random, replicas, signatures
from tfgan_zoo.errors import InputError


class ImagePool(tf.Module):
    """The last fakes, of which the discriminator sees some instead of the newest (section 4, after Shrivastava et al.).

    Until the pool is full an image is stored and also returned. Then, with probability 1/2, an image changes places
    with a stored one; otherwise it is returned and not stored. A stored image leaves the pool when it is returned.
    All replicas share one pool.

    Args:
        size: images held; 0 returns every image at once.
        image_shape: (H, W, C).
    """

    def __init__(self, size, image_shape):
        super().__init__()
        first = tf.VariableAggregation.ONLY_FIRST_REPLICA
        self.size = size
        self.images = tf.Variable(tf.zeros([size, *image_shape]), trainable=False, aggregation=first)
        self.count = tf.Variable(0, trainable=False, aggregation=first)

    def __call__(self, images):
        if self.size == 0:
            return images
        fresh = replicas.gather(images)
        batch = tf.shape(fresh)[0]
        if (fresh.shape[0] or 0) > self.size:
            raise InputError(
                f"a batch of {fresh.shape[0]} images over all replicas does not fit a pool of {self.size}; give a"
                f" smaller batch, a pool_size of {fresh.shape[0]} or more, or 0 for none"
            )
        fits = f"a batch over all replicas is larger than the pool of {self.size}; give a smaller batch or no pool"
        checked = tf.debugging.assert_less_equal(batch, self.size, fits)  # where it is not known before the step runs
        with tf.control_dependencies([checked] if checked is not None else []):
            place = self.count + tf.range(batch)
        filling = place < self.size
        shuffled = tf.argsort(random.uniform([self.size], same=True))[:batch]
        slot = tf.where(self.count == self.size, shuffled, place % self.size)
        swap = ~filling & (random.uniform([batch], same=True) < 0.5)
        stored = tf.gather(self.images, slot)
        as_image = lambda mask: tf.reshape(mask, [-1, 1, 1, 1])  # noqa: E731
        kept = tf.where(as_image(filling | swap), fresh, stored)
        returned = tf.where(as_image(swap), stored, fresh)
        self.images.assign(tf.tensor_scatter_nd_update(self.images, slot[:, None], kept))
        self.count.assign(tf.minimum(self.count + batch, self.size))
        return tf.ensure_shape(replicas.own(returned), images.shape)


class CycleGAN(base.GenerativeModel):
    """Two translators held together by cycle consistency, no pairs needed.

    Compile with `g_optimizer` and `d_optimizer`, each for both directions; `train_step` takes `{"a", "b"}`, unpaired
    pictures [B, H, W, C] in [-1, 1].

    Args:
        generator_ab, generator_ba: `image [B, H, W, C] -> image [B, H, W, C]` in [-1, 1].
        discriminator_a, discriminator_b: `image -> logits [B, h, w, 1]`.
        cycle_weight: the paper's lambda (equation 3).
        identity_weight: of the identity term, as a multiple of `cycle_weight` (appendix 7.1); 0 leaves it out.
        pool_size: fakes remembered per domain (section 4); at least the global batch, or 0.
        seed: see `base.GenerativeModel`.

    Raises:
        InputError: in training, a batch that is larger than the pool.

    Example:
        import numpy as np
        from tfgan_zoo import CycleGAN
        from tfgan_zoo.networks.patchgan import patchgan_discriminator
        from tfgan_zoo.networks.residual_translator import residual_translator_generator
        from tfgan_zoo.optimizers import Adam

        ab, ba = [residual_translator_generator((8, 8, 1), width=4, blocks=1) for _ in "ab"]
        model = CycleGAN(ab, ba, *[patchgan_discriminator((8, 8, 1), 4, layers=1) for _ in "ab"], identity_weight=0.0)
        model.compile(g_optimizer=Adam(2e-4, 0.5), d_optimizer=Adam(2e-4, 0.5))
        a, b = np.random.uniform(-1, 1, [2, 16, 8, 8, 1]).astype("float32")
        model.fit({"a": a, "b": b}, batch_size=4, verbose=0)
        generated = model(a[:2])["generated"]  # a to b, [2, 8, 8, 1]
    """

    def __init__(
        self,
        generator_ab,
        generator_ba,
        discriminator_a,
        discriminator_b,
        *,
        cycle_weight=10.0,
        identity_weight=0.5,
        pool_size=50,
        seed=0,
    ):
        super().__init__(
            networks={
                "generator_ab": generator_ab,
                "generator_ba": generator_ba,
                "discriminator_a": discriminator_a,
                "discriminator_b": discriminator_b,
            },
            trains={
                "g_optimizer": ["generator_ab", "generator_ba"],
                "d_optimizer": ["discriminator_a", "discriminator_b"],
            },
            seed=seed,
        )
        self.cycle_weight = cycle_weight
        self.identity_weight = identity_weight
        self.pool_a = ImagePool(pool_size, generator_ba.output_shape[1:])
        self.pool_b = ImagePool(pool_size, generator_ab.output_shape[1:])

    def train_step(self, batch):
        real_a, real_b = batch["a"], batch["b"]
        with tf.GradientTape() as g_tape:
            fake_b = self.generator_ab(real_a, training=True)
            fake_a = self.generator_ba(real_b, training=True)

        old_a, old_b = self.pool_a(fake_a), self.pool_b(fake_b)
        with tf.GradientTape() as d_tape:
            d_loss = losses.lsgan_discriminator_loss(
                self.discriminator_a(real_a, training=True), self.discriminator_a(old_a, training=True)
            ) + losses.lsgan_discriminator_loss(
                self.discriminator_b(real_b, training=True), self.discriminator_b(old_b, training=True)
            )  # each halved, as the loss is defined
        self.minimize(d_loss, d_tape, self.d_optimizer)

        with g_tape:
            g_loss = 2.0 * (  # section 4 has no factor 1/2 here
                losses.lsgan_generator_loss(self.discriminator_b(fake_b, training=True))
                + losses.lsgan_generator_loss(self.discriminator_a(fake_a, training=True))
            )
            cycle = losses.l1(real_a, self.generator_ba(fake_b, training=True)) + losses.l1(
                real_b, self.generator_ab(fake_a, training=True)
            )  # equation 2
            total = g_loss + self.cycle_weight * cycle  # equation 3
            if self.identity_weight:
                identity = losses.l1(real_b, self.generator_ab(real_b, training=True)) + losses.l1(
                    real_a, self.generator_ba(real_a, training=True)
                )  # section 5.2
                total += self.identity_weight * self.cycle_weight * identity
        self.minimize(total, g_tape, self.g_optimizer)

        return self.track(d_loss=d_loss, g_loss=g_loss, cycle=cycle)

    def a_to_b(self, image):
        return self.generator_ab(image, training=False)

    def b_to_a(self, image):
        return self.generator_ba(image, training=False)

    def preview(self, batch):
        a, b = batch["a"], batch["b"]
        fake_b, fake_a = self.a_to_b(a), self.b_to_a(b)
        return {
            "a": a, "a to b": fake_b, "a to b to a": self.b_to_a(fake_b),
            "b": b, "b to a": fake_a, "b to a to b": self.a_to_b(fake_a),
        }  # fmt: skip

    def signatures(self):
        ab, ba = self.generator_ab, self.generator_ba
        a_to_b, a_to_b_bytes = signatures.image_to_image(self.a_to_b, ab.input_shape[1:], signatures.any_size(ab))
        b_to_a, b_to_a_bytes = signatures.image_to_image(self.b_to_a, ba.input_shape[1:], signatures.any_size(ba))
        return {
            "serving_default": a_to_b,
            "a_to_b": a_to_b,
            "b_to_a": b_to_a,
            "a_to_b_bytes": a_to_b_bytes,
            "b_to_a_bytes": b_to_a_bytes,
        }
