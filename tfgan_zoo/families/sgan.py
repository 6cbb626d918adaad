"""SGAN: "Improved Techniques for Training GANs", Salimans, Goodfellow, Zaremba, Cheung, Radford and Chen, NIPS 2016.
arXiv 1606.03498. The same idea, under this name: "Semi-Supervised Learning with Generative Adversarial Networks",
Odena, 2016, arXiv 1606.01583.

A discriminator of K classes and one more, "fake", learns from few labelled images, many unlabelled ones and the
generator's. The logit of the class "fake" is fixed at 0 (section 5), so that D(x) = Z / (Z + 1), Z the sum of the
exponentials of the others. Losses and numbers are those of the published code (openai/improved-gan); neither paper's
text was seen, numbers of sections are from memory. As in that code
- the supervised term is the cross-entropy among the K classes alone, log p(y | x, y < K + 1), which is that of K + 1
  classes without log D;
- both halves of the unsupervised term count half.

Departs from it in that
- the average of D's weights, which is what classifies, is corrected for its start, as short runs need it.
Odena's generator is the objective "non_saturating"; his discriminator has N + 1 free logits and no feature matching.
"""

import tensorflow as tf

from tfgan_zoo import averages, base, latent, losses, random, signatures
from tfgan_zoo.errors import InputError

OBJECTIVES = ("feature_matching", "saturating", "non_saturating")


class SGAN(base.GenerativeModel):
    """A classifier that learns from few labels, by telling classes of real images from a generator's fakes.

    Compile with `g_optimizer` and `d_optimizer`; `train_step` takes `{"image", "label", "unlabelled", "matched"}`:
    images in [-1, 1] with their labels, int64 [B]; and two batches without, drawn apart, one for each player
    (`data.few_labels`). `classify` and `discriminate` answer with the moving average of D's weights.

    Args:
        generator: `z [B, latent_dim] -> image [B, H, W, C]` in [-1, 1], or `-> point`; z is uniform in [-1, 1].
        discriminator: `image -> {"features" [B, n], "class_logits" [B, K]}`; the features, which are matched, are those
            of a hidden layer. `networks.sgan` has both networks.
        objective: of the generator: `feature_matching` (section 3.1); `saturating`, E[log(1 - D)], the published code's
            for a discriminator with minibatch discrimination; `non_saturating`, Odena's.
        matching: `l2` or `l1`: see `losses.feature_matching`.
        g_steps: of the generator, to one of the discriminator.
        unsupervised_weight: of what is learned without labels, to that with.
        real_target: less than 1, such as 0.9, is one-sided label smoothing (section 3.4): D's target for real images.
        history_weight: of historical averaging (section 3.3), ||theta - mean of all past theta||^2, for both players.
        average_rate: what the moving average takes of D's new weights.
        seed: see `base.GenerativeModel`.

    Raises:
        InputError: an unknown objective or matching.

    Example:
        import numpy as np
        from tfgan_zoo import SGAN
        from tfgan_zoo.networks.sgan import noisy_classifier, softplus_generator
        from tfgan_zoo.optimizers import Adam

        model = SGAN(softplus_generator((8, 8, 1), 6, [8]), noisy_classifier((8, 8, 1), 3, [8, 8]))
        model.compile(g_optimizer=Adam(3e-3, 0.5), d_optimizer=Adam(3e-3, 0.5))
        images = {name: np.random.uniform(-1, 1, [16, 8, 8, 1]).astype("float32")
                  for name in ("image", "unlabelled", "matched")}
        model.fit({**images, "label": np.arange(16) % 3}, batch_size=4, verbose=0)
        generated = model(model.prior.array(2, np.random.default_rng(0)))["generated"]  # [2, 8, 8, 1]
        probabilities = model.classify(images["image"])["class_probabilities"]  # [16, 3]
    """

    def __init__(
        self,
        generator,
        discriminator,
        *,
        objective="feature_matching",
        matching="l2",
        g_steps=1,
        unsupervised_weight=1.0,
        real_target=1.0,
        history_weight=0.0,
        average_rate=1e-4,
        seed=0,
    ):
        if objective not in OBJECTIVES or matching not in ("l2", "l1"):
            raise InputError(
                f"objective {objective!r}, matching {matching!r}: expected {', '.join(OBJECTIVES)}, and l2 or l1"
            )
        players = base.two_players(generator, discriminator)
        players["networks"]["average"] = averages.copy(discriminator)
        if history_weight:
            players["networks"] |= {
                "generator_history": averages.copy(generator),
                "discriminator_history": averages.copy(discriminator),
            }
        super().__init__(**players, seed=seed)
        self.prior = latent.Prior(generator.input_shape[-1], "uniform")
        self.objective, self.matching, self.g_steps = objective, matching, g_steps
        self.unsupervised_weight, self.real_target = unsupervised_weight, real_target
        self.history_weight, self.average_rate = history_weight, average_rate

    def train_step(self, batch):
        unlabelled, matched = batch["unlabelled"], batch["matched"]

        fake = self.generator(self.prior.like(unlabelled), training=True)
        with tf.GradientTape() as tape:
            supervised = losses.cross_entropy(self.class_logits(batch["image"]), batch["label"])
            unsupervised = unsupervised_loss(self.class_logits(unlabelled), self.class_logits(fake), self.real_target)
            total = supervised + self.unsupervised_weight * unsupervised + self.pull("discriminator")
        self.minimize(total, tape, self.d_optimizer)
        averages.update(self.average, self.discriminator, averages.corrected(self.average_rate, random.step()))

        for _ in range(self.g_steps):
            with tf.GradientTape() as tape:
                fake = self.generator(self.prior.like(matched), training=True)
                g_loss = self.generator_loss(fake, matched)
                total = g_loss + self.pull("generator")
            self.minimize(total, tape, self.g_optimizer)
        self.remember()

        return self.track(supervised=supervised, unsupervised=unsupervised, g_loss=g_loss)

    def class_logits(self, image):
        return self.discriminator(image, training=True)["class_logits"]

    def generator_loss(self, fake, real):
        said = self.discriminator(fake, training=True)
        if self.objective == "feature_matching":
            features = self.discriminator(real, training=True)["features"]
            return losses.feature_matching(features, said["features"], self.matching)
        if self.objective == "saturating":
            return losses.minimax_generator_loss(logit_of_real(said["class_logits"]))
        return losses.non_saturating_generator_loss(logit_of_real(said["class_logits"]))

    def pull(self, role):
        """The weighted term of historical averaging of one player."""
        if not self.history_weight:
            return 0.0
        past = getattr(self, f"{role}_history")
        return self.history_weight * averages.squared_distance(past, getattr(self, role))

    def remember(self):
        if self.history_weight:
            seen = tf.cast(random.step() + 1, tf.float32)  # the start, and the weights after each step before this one
            for role in ("generator", "discriminator"):
                averages.update(getattr(self, f"{role}_history"), getattr(self, role), seen / (seen + 1.0))

    def preview(self, batch):
        return latent.preview(self.served("generator"), self.prior, batch["image"], self.seed)

    def classify(self, image):
        """What class images are of, if they are real."""
        logits = self.average(image, training=False)["class_logits"]
        return {"class_logits": logits, "class_probabilities": tf.nn.softmax(logits)}

    def logits(self, image, training):
        return logit_of_real(self.average(image, training=training)["class_logits"])[:, None]

    def signatures(self):
        served = signatures.noise_to_image(self.served("generator"), self.logits, self.prior)
        _, seen = served["discriminate"]
        return served | {"classify": (self.classify, seen)}


def logit_of_real(class_logits):
    """log Z, the logit of D(x) = Z / (Z + 1): `[B, K] -> [B]`."""
    return tf.reduce_logsumexp(tf.cast(class_logits, tf.float32), axis=1)


def unsupervised_loss(class_logits, fake_class_logits, real_target=1.0):
    """-1/2 E[log D(x)] - 1/2 E[log(1 - D(G(z)))].

    Args:
        class_logits, fake_class_logits: `[B, K]`.
        real_target: t of -E[t log D(x) + (1 - t) log(1 - D(x))], which is the first term where it is less than 1.
    """
    real, fake = logit_of_real(class_logits), logit_of_real(fake_class_logits)
    of_real = real_target * tf.math.softplus(-real) + (1.0 - real_target) * tf.math.softplus(real)
    return 0.5 * (tf.reduce_mean(of_real) + tf.reduce_mean(tf.math.softplus(fake)))
