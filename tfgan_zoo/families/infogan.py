"""InfoGAN: "InfoGAN: Interpretable Representation Learning by Information Maximizing Generative Adversarial Nets",
Chen, Duan, Houthooft, Schulman, Sutskever and Abbeel, NIPS 2016. arXiv 1606.03657.

Follows equations 5 and 6: the generator is told codes c beside its noise, and a network Q that shares all but its last
layers with the discriminator says from the picture which codes they were. The variational bound L_I on their mutual
information is maximised. Equation 4 and Lemma 5.1, on which the bound rests, need no code.

Equation 6 as printed has G and Q alone maximise L_I. As in the published code (openai/InfoGAN) the trunk and Q are
trained by the discriminator's optimizer here, so that the trunk gets the gradient of L_I too, and the generator by its
own. Departs from that code in that
- the discriminator's step and the generator's draw codes of their own;
- the entropy of a uniform code is the true one, ln 2, so that what is logged is the bound (no gradient changes);
- the standard deviation of Q, where it is learned, has a floor.
"""

import math

import tensorflow as tf

from tfgan_zoo import base, latent, losses, random, signatures
from tfgan_zoo.errors import InputError


class InfoGAN(base.GenerativeModel):
    """A GAN some of whose noise can be read off its pictures: categories, and numbers in [-1, 1].

    Compile with `g_optimizer` and `d_optimizer`; the latter trains Q too. `train_step` takes images [B, H, W, C] in
    [-1, 1], or `{"image", "label"}`, whose labels are not looked at. Logs the bounds on the information in nats:
    `category_information`, ln K at most for each code of K categories, and `continuous_information`. The entropy of a
    continuous code is no ceiling for its information: that bound has none if Q learns its deviation, but that of
    `least_deviation`; with deviations of 1 it is at most ln 2 - ln(2 pi) / 2 = -0.2258 a code, below 0.

    Args:
        generator: `code [B, n] -> image [B, H, W, C]` in [-1, 1], or `-> point [B, dim]`; the code is the noise z, then
            each category as a one-hot vector, then the continuous codes.
        discriminator: `image -> {"logits" [B, 1], "category" [B, sum of categories], "mean" [B, continuous],
            "log_deviation" [B, continuous]}`, Q's logits of all categories and its Gaussians for the continuous codes;
            a head without codes is left out. Without "log_deviation" deviations are 1, as in the published code; with
            it they are `least_deviation` + exp of it. `networks.infogan` has both networks.
        categories: how many values each categorical code has, 2 or more; () for none.
        continuous: how many continuous codes there are, each uniform in [-1, 1].
        category_weight, continuous_weight: lambda of equation 6, of the bounds on each kind of code; the paper has 1,
            and says to take less for continuous codes where theirs is of another scale.
        least_deviation: see `discriminator`.
        seed: see `base.GenerativeModel`.

    Raises:
        InputError: no code at all, a code of one category, heads that do not fit the codes, no room for noise.

    Example:
        import numpy as np
        from tfgan_zoo import InfoGAN
        from tfgan_zoo.networks.infogan import infogan_discriminator, infogan_generator
        from tfgan_zoo.optimizers import Adam

        codes = {"categories": (3,), "continuous": 2}
        networks = infogan_generator((8, 8, 1), 6 + 3 + 2, width=4), infogan_discriminator((8, 8, 1), **codes, width=4)
        model = InfoGAN(*networks, **codes)
        model.compile(g_optimizer=Adam(1e-3, 0.5), d_optimizer=Adam(2e-4, 0.5))
        images = np.random.uniform(-1, 1, [16, 8, 8, 1]).astype("float32")
        model.fit(images, batch_size=4, verbose=0)
        z, numbers = model.prior.array(2, np.random.default_rng(0)), np.array([[-1, 0], [0, 1]], "float32")
        generated = model({"z": z, "category": np.array([0, 2]), "continuous": numbers})["generated"]  # [2, 8, 8, 1]
    """

    def __init__(
        self,
        generator,
        discriminator,
        *,
        categories=(10,),
        continuous=2,
        category_weight=1.0,
        continuous_weight=1.0,
        least_deviation=0.1,
        seed=0,
    ):
        super().__init__(**base.two_players(generator, discriminator), seed=seed)
        self.categories, self.continuous = tuple(categories), continuous
        self.category_weight, self.continuous_weight = category_weight, continuous_weight
        self.least_deviation = least_deviation
        width = sum(self.categories) + continuous
        if not width or min(self.categories, default=2) < 2:
            raise InputError(f"categories {self.categories}, continuous {continuous}: expected a code, of 2 or more")
        heads = {name: head.shape[-1] for name, head in discriminator.output.items()}
        expected = {"logits": 1, "category": sum(self.categories), "mean": continuous}
        expected |= {"log_deviation": continuous} if "log_deviation" in heads else {}
        expected = {name: size for name, size in expected.items() if size}
        if heads != expected:
            raise InputError(f"the discriminator's heads are {heads}; expected {expected}")
        if generator.input_shape[-1] <= width:
            raise InputError(
                f"the generator takes {generator.input_shape[-1]} numbers, of which {width} are codes; give it more, "
                "for noise"
            )
        self.prior = latent.Prior(generator.input_shape[-1] - width, "uniform")

    def draw_codes(self, count):
        """c ~ P(c) from the open `random.stream`: `(category [count, codes] int64, continuous [count, codes])`."""
        columns = [random.integers([count, 1], size) for size in self.categories]
        category = tf.concat(columns, 1) if columns else tf.zeros([count, 0], tf.int64)
        return category, random.uniform([count, self.continuous], -1.0, 1.0)

    def code(self, z, codes):
        """z `[B, dim]` and c, as `draw_codes` gives it, in one vector as the generator takes it."""
        category, continuous = codes
        one_hot = [tf.one_hot(category[:, i], size) for i, size in enumerate(self.categories)]
        return tf.concat([z, *one_hot, continuous], 1)

    def generate(self, z, codes):
        """G(z, c) as it is shown and served: images."""
        return self.served("generator")(self.code(z, codes), training=False)

    def information(self, said, codes):
        """L_I, equation 5, of the codes of each kind: `(categorical, continuous)`, scalars in nats.

        Args:
            said: of the discriminator, about G(z, c).
            codes: c, as `draw_codes` gives them.
        """
        category, continuous = codes
        of_categories = of_numbers = tf.zeros([])
        if self.categories:
            of_categories = categorical_information(said["category"], category, self.categories)
        if self.continuous:
            of_numbers = continuous_information(said["mean"], self.deviation(said), continuous)
        return of_categories, of_numbers

    def deviation(self, said):
        """Q's standard deviations, of the shape of its means."""
        if "log_deviation" not in said:
            return tf.ones_like(said["mean"])
        return self.least_deviation + tf.exp(said["log_deviation"])

    def weighted(self, information):
        """lambda L_I."""
        of_categories, of_numbers = information
        return self.category_weight * of_categories + self.continuous_weight * of_numbers

    def train_step(self, batch):
        real, _ = base.image_and_label(batch)
        count = tf.shape(real)[0]

        z, codes = self.prior.draw(count), self.draw_codes(count)
        fake = self.generator(self.code(z, codes), training=True)
        with tf.GradientTape() as tape:
            real_said, fake_said = self.discriminator(real, training=True), self.discriminator(fake, training=True)
            d_loss = losses.non_saturating_discriminator_loss(real_said["logits"], fake_said["logits"])
            total = d_loss - self.weighted(self.information(fake_said, codes))
        self.minimize(total, tape, self.d_optimizer)  # D, the trunk and Q

        z, codes = self.prior.draw(count), self.draw_codes(count)
        with tf.GradientTape() as tape:
            said = self.discriminator(self.generator(self.code(z, codes), training=True), training=True)
            g_loss = losses.non_saturating_generator_loss(said["logits"])
            information = self.information(said, codes)
            total = g_loss - self.weighted(information)
        self.minimize(total, tape, self.g_optimizer)

        of_categories, of_numbers = information
        return self.track(
            d_loss=d_loss, g_loss=g_loss, category_information=of_categories, continuous_information=of_numbers
        )

    def preview(self, batch):
        """A column per value of the first categorical code: a row is one z, all else in it the same."""
        count = len(tf.nest.flatten(batch)[0])
        with random.stream(self.seed):
            z, codes = self.prior.draw(count), self.draw_codes(count)
        if not self.categories:
            return {"sample": self.generate(z, codes)}
        return sweep_category(self, z, codes)

    def logits(self, image, training):
        return self.discriminator(image, training=training)["logits"]

    def infer_codes(self, image):
        """What Q says of pictures: each category's probability and the law of each continuous code, by their names."""
        said, answer = self.discriminator(image, training=False), {}
        if self.categories:
            parts = tf.split(said["category"], self.categories, axis=1)
            answer["category_probabilities"] = tf.concat([tf.nn.softmax(part) for part in parts], 1)
        if self.continuous:
            answer |= {"continuous_mean": said["mean"], "continuous_deviation": self.deviation(said)}
        return answer

    def signatures(self):
        """Those of noise, `serving_default` taking the codes too, and `infer_codes(image)`.

        `category` is [B], or [B, codes] where there are several; an input without codes is left out.
        """
        codes = []
        if self.categories:
            several = [len(self.categories)] if len(self.categories) > 1 else []
            codes.append(tf.TensorSpec([None, *several], tf.int64, name="category"))
        if self.continuous:
            codes.append(tf.TensorSpec([None, self.continuous], tf.float32, name="continuous"))

        def generate(z, *given):
            given = {spec.name: value for spec, value in zip(codes, given, strict=True)}
            category = given.get("category", tf.zeros([tf.shape(z)[0], 0], tf.int64))
            category = _known(tf.reshape(category, [-1, len(self.categories)]), self.categories)
            continuous = given.get("continuous", tf.zeros([tf.shape(z)[0], 0]))
            return {"generated": self.generate(z, (category, continuous))}

        served = signatures.noise_to_image(self.served("generator"), self.logits, _Whole(self))
        z = tf.TensorSpec([None, self.prior.dim], tf.float32, name="z")
        _, seen = served["discriminate"]
        return served | {"serving_default": (generate, [z, *codes]), "infer_codes": (self.infer_codes, seen)}


class _Whole:
    """The law of all that the generator is told, as `signatures.noise_to_image` asks for it."""

    def __init__(self, model):
        self.model, self.dim = model, model.generator.input_shape[-1]

    def draw(self, count):
        return self.model.code(self.model.prior.draw(count), self.model.draw_codes(count))


def _known(category, sizes):
    known = (category >= 0) & (category < tf.constant(sizes, tf.int64, [len(sizes)]))
    most = " and ".join(f"{size - 1}" for size in sizes)
    with tf.control_dependencies([tf.debugging.assert_equal(known, True, f"category must be from 0 to {most}")]):
        return tf.identity(category)


def categorical_information(logits, category, sizes):
    """L_I of independent categories, each equally likely: E[sum_i log Q_i(c_i | x)] + sum_i ln K_i, equation 5.

    ln K_i each where Q is certain and right, 0 where it says all are equally likely, and without end below 0.

    Args:
        logits: Q's `[B, sum of sizes]`.
        category: c, int64 `[B, len(sizes)]`.
        sizes: K_i.
    """
    log_q = [tf.nn.log_softmax(part) for part in tf.split(tf.cast(logits, tf.float32), sizes, axis=1)]
    said = [tf.reduce_sum(part * tf.one_hot(category[:, i], part.shape[1]), 1) for i, part in enumerate(log_q)]
    return tf.reduce_mean(tf.add_n(said)) + sum(map(math.log, sizes))


def continuous_information(mean, deviation, code):
    """L_I of independent codes, each uniform in [-1, 1]: E[sum_j log N(c_j; mean_j, deviation_j^2)] + sum_j ln 2.

    Args:
        mean, deviation: Q's `[B, codes]`.
        code: c, `[B, codes]`.
    """
    mean, deviation = tf.cast(mean, tf.float32), tf.cast(deviation, tf.float32)
    log_q = -0.5 * tf.square((code - mean) / deviation) - tf.math.log(deviation) - 0.5 * math.log(2.0 * math.pi)
    return tf.reduce_mean(tf.reduce_sum(log_q, 1)) + code.shape[1] * math.log(2.0)


def sweep_category(model, z, codes, which=0):
    """Pictures of each value of a categorical code, all else as given: figure 2 (a).

    Args:
        model: an `InfoGAN`.
        z: `[N, dim]`.
        codes: N of them, as `draw_codes` gives them.
        which: number of the categorical code.

    Returns:
        A column per value, as `pictures.tile` takes them.
    """
    category, continuous = codes
    place = tf.one_hot(which, len(model.categories), on_value=True, off_value=False, dtype=tf.bool)
    return {
        f"{value}": model.generate(z, (tf.where(place, tf.constant(value, tf.int64), category), continuous))
        for value in range(model.categories[which])
    }


def sweep_continuous(model, z, codes, which=0, values=tuple(range(-2, 3))):
    """Pictures of these values of a continuous code, all else as given: figure 2 (c) and (d).

    Arguments and what is returned are as of `sweep_category`.
    """
    category, continuous = codes
    place = tf.one_hot(which, model.continuous, on_value=True, off_value=False, dtype=tf.bool)
    return {
        f"{v:g}": model.generate(z, (category, tf.where(place, tf.cast(v, tf.float32), continuous))) for v in values
    }
