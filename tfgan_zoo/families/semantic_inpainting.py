"""SemanticInpainting: "Semantic Image Inpainting with Deep Generative Models", Yeh, Chen, Lim, Schwing,
Hasegawa-Johnson and Do, CVPR 2017. arXiv 1607.07539.

A GAN that is trained already is searched for the z whose picture fits what is known. The paper's formulas are from
memory; lambda 0.003, 1,500 iterations, Adam, z kept in [-1, 1] and 7x7 windows are in public notes on it, too. Departs
from it, or says what it leaves open, in that
- the weights W are the paper's, which fall with the distance to the hole: more than 3 pixels from it they are 0. The
  authors' released code has them the other way round, high far from the hole: `weighting="official"`;
- a window at the border of the picture is divided by the pixels that it has;
- Adam's rate is 0.01, which is not in what we have seen; neither is the start, uniform in [-1, 1];
- of all z on the way the best is taken, not the last; and of several `restarts` the best;
- the generator and the discriminator normalise by their running statistics, so that an answer does not depend on the
  others of its batch;
- blending leaves the gradient across the picture's border free, where the authors' code couples opposite borders.
"""

import tensorflow as tf

from tfgan_zoo import base, latent, random, signatures
from tfgan_zoo.errors import InputError

BETA_1, BETA_2, EPSILON = 0.9, 0.999, 1e-8  # Adam's
TOLERANCE = 1e-6  # of the Poisson equation, per pixel


class SemanticInpainting(base.GenerativeModel):
    """Fills holes by the picture of a trained generator that fits around them best, blended in.

    It trains nothing: `compile` takes no optimizer, and there is no `train_step`. Give it the networks of a trained
    `DCGAN`, whose z is uniform in [-1, 1].

    Args:
        generator: `z [B, latent_dim] -> image [B, H, W, C]` in [-1, 1].
        discriminator: `image [B, H, W, C] -> logits [B, 1]`.
        weighting: of the context loss, `paper` or `official`: see `context_weights`.
        prior_weight: lambda, of the prior loss.
        window: the side of the windows that the weights look at.
        iterations: of the search.
        learning_rate: Adam's.
        restarts: searches for each picture, from different z.
        seed: the z's that the searches begin with are functions of it; they are the same for all pictures.

    Raises:
        InputError: another `weighting`.

    Example:
        import numpy as np
        from tfgan_zoo import SemanticInpainting
        from tfgan_zoo.networks.dcgan import dcgan_discriminator, dcgan_generator

        generator, discriminator = dcgan_generator((8, 8, 1), width=8), dcgan_discriminator((8, 8, 1), width=8)
        model = SemanticInpainting(generator, discriminator, iterations=5)  # better: after they were trained
        image = np.random.uniform(-1, 1, [2, 8, 8, 1]).astype("float32")
        mask = (np.random.uniform(size=[2, 8, 8, 1]) > 0.3).astype("float32")
        generated = model([image, mask])["generated"]  # [2, 8, 8, 1]
    """

    def __init__(
        self,
        generator,
        discriminator,
        *,
        weighting="paper",
        prior_weight=0.003,
        window=7,
        iterations=1500,
        learning_rate=0.01,
        restarts=1,
        seed=0,
    ):
        super().__init__({"generator": generator, "discriminator": discriminator}, {}, seed=seed)
        if weighting not in ("paper", "official"):
            raise InputError(f"weighting is {weighting!r}; give paper or official")
        self.weighting, self.prior_weight, self.window = weighting, prior_weight, window
        self.iterations, self.learning_rate, self.restarts = iterations, learning_rate, restarts
        self.prior = latent.Prior(generator.input_shape[-1], "uniform")

    def objective(self, z, image, weights):
        """L_c + L_p of each example, [B]: ||W * (G(z) - y)||_1, a sum, and lambda log(1 - D(G(z)))."""
        made = self.generator(z, training=False)
        logits = tf.cast(self.discriminator(made, training=False), tf.float32)
        context = tf.reduce_sum(weights * tf.abs(made - image), axis=[1, 2, 3])
        return context - self.prior_weight * tf.math.softplus(logits[:, 0])

    @base.graph_when_eager  # an eager search would take minutes
    def complete(self, image, mask, iterations, seed):
        """Searches and blends.

        Args:
            image: [B, H, W, C]; what it holds in the hole does not matter.
            mask: [B, H, W, 1], of ones, known, and zeros.
            iterations: int32 scalar tensor; 0: the z that the search begins with.
            seed: int64 scalar tensor, of that z.

        Returns:
            `{"z": [B, dim], "loss": [B], "found": G(z), "generated": it blended into what is known}`.
        """
        weights = context_weights(mask, self.window, self.weighting)
        count, dim = tf.shape(image)[0], self.prior.dim
        with random.stream(seed, shared=True):
            z = tf.reshape(random.uniform([count, self.restarts, dim], -1.0, 1.0), [-1, dim])
        image_of_z, weights_of_z = (tf.repeat(x, self.restarts, axis=0) for x in (image, weights))

        def kept(z, loss, best, least):
            better = loss < least
            return tf.where(better[:, None], z, best), tf.where(better, loss, least)

        def iteration(i, z, m, v, best, least):
            with tf.GradientTape() as tape:
                tape.watch(z)
                loss = self.objective(z, image_of_z, weights_of_z)
            slope = tape.gradient(loss, z)
            best, least = kept(z, loss, best, least)
            m = BETA_1 * m + (1.0 - BETA_1) * slope
            v = BETA_2 * v + (1.0 - BETA_2) * tf.square(slope)
            t = tf.cast(i + 1, tf.float32)
            step = (m / (1.0 - BETA_1**t)) / (tf.sqrt(v / (1.0 - BETA_2**t)) + EPSILON)
            return i + 1, tf.clip_by_value(z - self.learning_rate * step, -1.0, 1.0), m, v, best, least

        start = (tf.constant(0), z, tf.zeros_like(z), tf.zeros_like(z), z, tf.fill(tf.shape(z)[:1], float("inf")))
        _, z, _, _, best, least = tf.while_loop(
            lambda i, *state: i < iterations, iteration, start, parallel_iterations=1
        )
        best, least = kept(z, self.objective(z, image_of_z, weights_of_z), best, least)

        least = tf.reshape(least, [count, self.restarts])
        chosen = tf.argmin(least, axis=1)
        z = tf.gather(tf.reshape(best, [count, self.restarts, dim]), chosen, batch_dims=1)
        found = self.generator(z, training=False)
        return {"z": z, "loss": tf.reduce_min(least, axis=1), "found": found, "generated": blend(found, image, mask)}

    def inpaint(self, image, mask):
        return self._complete(image, mask)["generated"]

    def _complete(self, image, mask):
        return self.complete(image, mask, tf.constant(self.iterations), tf.constant(self.seed, tf.int64))

    def preview(self, batch):
        image, mask, target = (tf.convert_to_tensor(batch[name]) for name in ("image", "mask", "target"))
        made = self._complete(image, mask)
        return {"input": image, "G(z)": made["found"], "blended": made["generated"], "target": target}

    def signatures(self):
        """Beside the two of every family that fills holes `search(image, mask, iterations, seed)`."""
        images, files = signatures.inpainting(self.inpaint, self.generator.output_shape[1:])

        def search(image, mask, iterations, seed):
            known = tf.cast(mask >= 0.5, tf.float32)
            made = self.complete(image, known, signatures.iterations_in_range(iterations), seed)
            return {"generated": made["generated"], "loss": made["loss"]}

        numbers = [tf.TensorSpec([], tf.int32, name="iterations"), tf.TensorSpec([], tf.int64, name="seed")]
        return {"serving_default": images, "inpaint_bytes": files, "search": (search, [*images[1], *numbers])}


def context_weights(mask, window=7, weighting="paper"):
    """W, how much each known pixel counts; 0 in the hole.

    Args:
        mask: [B, H, W, 1], 1 where the picture is known, 0 in the hole.
        window: the side of N(i), a square around pixel i; odd.
        weighting: `paper`: the share of N(i) that is hole. `official`: the share that is known, beyond the border what
            mirrors the picture.

    Returns:
        [B, H, W, 1] float32.
    """
    if weighting == "paper":
        return mask * tf.nn.avg_pool2d(1.0 - mask, window, 1, "SAME")  # means are over pixels that there are
    n = window // 2
    beyond = tf.pad(mask, [[0, 0], [n, n], [n, n], [0, 0]], "SYMMETRIC")
    return mask * tf.nn.avg_pool2d(beyond, window, 1, "VALID")


def blend(source, image, mask):
    """x with the gradients of `source` in the hole and the pixels of `image` around it (Perez et al. 2003).

    x = image where it is known; in the hole the Laplacian of x is that of the source. u = x - source is then harmonic
    in the hole, and solved for by conjugate gradients, one system per example and channel, to `TOLERANCE`. A part of
    the hole that nothing known touches is left as the source has it.

    Args:
        source, image: [B, H, W, C]; what the image holds in the hole does not matter.
        mask: [B, H, W, 1], 1 where the picture is known, 0 in the hole.

    Returns:
        [B, H, W, C], the hole cut to [-1, 1].
    """
    return tf.where(mask > 0.0, image, tf.clip_by_value(source + _harmonic(image - source, mask), -1.0, 1.0))


def _harmonic(u, mask):
    """u where it is known; in the hole what makes it harmonic there."""
    hole, known = 1.0 - mask, tf.where(mask > 0.0, u, 0.0)
    degree = _neighbours(tf.ones_like(mask[:1]))  # 4, and less at the picture's border

    def laplacian(p):
        return hole * (degree * p - _neighbours(p))

    def total(x):
        return tf.reduce_sum(x, axis=[1, 2], keepdims=True)  # [B, 1, 1, C]

    def is_rough(r):
        return tf.reduce_max(tf.abs(r), axis=[1, 2], keepdims=True) > TOLERANCE

    def iteration(u, r, p, square):
        # What is solved stands still: nothing depends on the others of the batch.
        active, of_p = is_rough(r), laplacian(p)
        step = tf.where(active, tf.math.divide_no_nan(square, total(p * of_p)), 0.0)
        u, r = u + step * p, r - step * of_p
        new = total(tf.square(r))
        return u, r, r + tf.math.divide_no_nan(new, square) * p, new

    r = hole * _neighbours(known)
    filled, *_ = tf.while_loop(
        lambda u, r, p, square: tf.reduce_any(is_rough(r)),
        iteration,
        (tf.zeros_like(r), r, r, total(tf.square(r))),
        maximum_iterations=u.shape[1] * u.shape[2],  # as many as unknowns solve it
        parallel_iterations=1,
    )
    return known + filled


def _neighbours(x):
    """The sum of the four, or of those that there are."""
    x = tf.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]])
    return x[:, :-2, 1:-1] + x[:, 2:, 1:-1] + x[:, 1:-1, :-2] + x[:, 1:-1, 2:]
