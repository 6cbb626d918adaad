"""AAE: "Adversarial Autoencoders", Makhzani, Shlens, Jaitly, Goodfellow and Frey, 2015. arXiv 1511.05644.

An auto-encoder whose codes, taken together, have the law of a prior: in place of a VAE's divergence a discriminator
tells codes from draws of the prior. Each step has the paper's phases: reconstruction; regularisation, first of the
discriminators, then of the encoder, which is their generator; and where some pictures have labels, the semi-supervised
phase. Sections 2 (basic), 4 (supervised: the decoder is told the label, the code holds the style), 5 (semi-supervised:
a softmax y beside the style, each with a discriminator of its own), 6 (clustering: the same without labels) and 7
(dimensionality reduction: a head of y's cluster is added to the style). Numbers of sections are from memory; the
appendix was not seen, and the authors published no code.

Departs from the paper in that
- codes are deterministic, as in all its reported results; Gaussian and universal approximator posteriors are not here,
  nor is the discriminator that sees labels of section 2.3;
- the prior of the style is N(0, I) always; its likelihood runs have a standard deviation of 5;
- of section 7 the shape of the cost that keeps heads apart is from memory.
"""

import tensorflow as tf

from tfgan_zoo import base, latent, losses, random, signatures
from tfgan_zoo.errors import InputError

KINDS = ("basic", "supervised", "semi_supervised", "clustering")


class AAE(base.GenerativeModel):
    """An auto-encoder with a prior of its codes, and maybe labels, few labels or clusters of its own.

    Compile with `reconstruction_optimizer` (encoder, decoder, heads), `d_optimizer` (both discriminators) and
    `g_optimizer` (the encoder); semi-supervised with `label_optimizer` (the encoder) too. `train_step` takes images
    [B, H, W, C] in [-1, 1] or `{"image", "label"}`, whose labels only a supervised model looks at; a semi-supervised
    one takes `{"image", "label", "unlabelled"}` (`data.few_labels`).

    Args:
        encoder: `image -> {"style" [B, dim]}`, of the kinds with a y also `"category" [B, K]`, its logits.
        decoder: `z [B, dim] -> image` in [-1, 1]; with labels or a y `[z, y [B, K]] -> image`. `networks.aae` has both.
        discriminator: `z [B, dim] -> logits [B, 1]`: is it drawn from the prior? No batch normalisation.
        category_discriminator: the same of y [B, K], whose prior are one-hot vectors, all equally likely.
        heads: `y [B, K] -> [B, dim]`, linear: what is added to the style. The decoder takes the sum alone then.
        kind: `basic`; `supervised`; `semi_supervised` and `clustering`, which have a y.
        heads_apart: two heads nearer to each other than this cost what is missing.
        seed: see `base.GenerativeModel`.

    Raises:
        InputError: an unknown kind, networks that do not fit it.

    Example:
        import numpy as np
        from tfgan_zoo import AAE
        from tfgan_zoo.networks.aae import aae_decoder, aae_encoder
        from tfgan_zoo.networks.mlp import mlp_discriminator
        from tfgan_zoo.optimizers import Adam

        networks = aae_encoder((8, 8, 1), 3, widths=[8]), aae_decoder((8, 8, 1), 3, widths=[8])
        model = AAE(*networks, mlp_discriminator((3,), [8]))
        model.compile(reconstruction_optimizer=Adam(1e-3), d_optimizer=Adam(1e-3), g_optimizer=Adam(1e-3))
        images = np.random.uniform(-1, 1, [16, 8, 8, 1]).astype("float32")
        model.fit(images, batch_size=4, verbose=0)
        code = model.encode(images)["code"]  # [16, 3]
        generated = model(model.prior.array(2, np.random.default_rng(0)))["generated"]  # [2, 8, 8, 1]
    """

    def __init__(
        self,
        encoder,
        decoder,
        discriminator,
        category_discriminator=None,
        heads=None,
        *,
        kind="basic",
        heads_apart=4.0,
        seed=0,
    ):
        if kind not in KINDS:
            raise InputError(f"kind is {kind!r}; expected {', '.join(KINDS)}")
        has_y = kind in ("semi_supervised", "clustering")
        told = 1 if kind == "basic" or heads else 2
        fits = [
            ("category" in encoder.output) == has_y,
            (category_discriminator is not None) == has_y,
            heads is None or has_y,
            len(decoder.inputs) == told,
        ]
        if not all(fits):
            raise InputError(
                f"the networks do not fit the kind {kind}: with a y (semi_supervised, clustering) the encoder says a "
                "category and there is a category_discriminator; the decoder takes [z, y] of all kinds but basic, and "
                "z alone with heads"
            )
        networks = {"encoder": encoder, "decoder": decoder, "discriminator": discriminator}
        networks |= {"category_discriminator": category_discriminator} if has_y else {}
        networks |= {"heads": heads} if heads else {}
        trains = {
            "reconstruction_optimizer": ["encoder", "decoder", *(["heads"] if heads else [])],
            "d_optimizer": ["discriminator", *(["category_discriminator"] if has_y else [])],
            "g_optimizer": ["encoder"],
        }
        trains |= {"label_optimizer": ["encoder"]} if kind == "semi_supervised" else {}
        super().__init__(networks, trains, seed=seed)
        self.kind, self.heads_apart = kind, heads_apart
        self.has_y, self.has_heads = has_y, heads is not None
        self.prior = latent.Prior(encoder.output["style"].shape[-1])
        last = heads.input_shape if heads else decoder.inputs[-1].shape
        self.num_classes = 0 if kind == "basic" else last[-1]

    def train_step(self, batch):
        image, label = base.image_and_label(batch)
        if self.kind == "semi_supervised":
            labelled, image = image, batch["unlabelled"]
        given = label if self.kind == "supervised" else None
        count = tf.shape(image)[0]

        # Reconstruction.
        with tf.GradientTape() as tape:
            z, y = self.codes(image, given, training=True)
            reconstruction = squared_error(image, self.decoded(z, y, training=True))
            apart = self.nearness_of_heads() if self.has_heads else 0.0
            total = reconstruction + apart
        self.minimize(total, tape, self.reconstruction_optimizer)

        # Regularisation: the discriminators.
        z_prior = self.prior.draw(count)
        y_prior = self.one_hot(random.labels(count, self.num_classes)) if self.has_y else None
        z, y = self.codes(image, given, training=True)
        category_d_loss = category_g_loss = 0.0
        with tf.GradientTape() as tape:
            d_loss = losses.non_saturating_discriminator_loss(
                self.discriminator(z_prior, training=True), self.discriminator(z, training=True)
            )
            if self.has_y:
                category_d_loss = losses.non_saturating_discriminator_loss(
                    self.category_discriminator(y_prior, training=True), self.category_discriminator(y, training=True)
                )
            total = d_loss + category_d_loss
        self.minimize(total, tape, self.d_optimizer)

        # Regularisation: the encoder.
        with tf.GradientTape() as tape:
            z, y = self.codes(image, given, training=True)
            g_loss = losses.non_saturating_generator_loss(self.discriminator(z, training=True))
            if self.has_y:
                category_g_loss = losses.non_saturating_generator_loss(self.category_discriminator(y, training=True))
            total = g_loss + category_g_loss
        self.minimize(total, tape, self.g_optimizer)

        logs = {"reconstruction": reconstruction, "d_loss": d_loss, "g_loss": g_loss}
        logs |= {"category_d_loss": category_d_loss, "category_g_loss": category_g_loss} if self.has_y else {}
        logs |= {"nearness": apart} if self.has_heads else {}
        if self.kind == "semi_supervised":
            with tf.GradientTape() as tape:
                label_loss = losses.cross_entropy(self.encoder(labelled, training=True)["category"], label)
            self.minimize(label_loss, tape, self.label_optimizer)
            logs["label_loss"] = label_loss
        return self.track(**logs)

    def codes(self, image, label=None, training=False):
        """`(z, y)`: the style [B, dim], and the probabilities of categories or the one-hot label [B, K], or None."""
        said = self.encoder(image, training=training)
        if self.has_y:
            return tf.cast(said["style"], tf.float32), tf.nn.softmax(tf.cast(said["category"], tf.float32))
        return tf.cast(said["style"], tf.float32), None if label is None else self.one_hot(label)

    def decoded(self, z, y, training=False):
        """The picture of a style and, of all kinds but basic, a y [B, K]."""
        return self.decoder(self.represented(z, y) if self.has_heads else base.given(z, y), training=training)

    def represented(self, z, y):
        """What the decoder takes where there are heads: the style beside the head of its cluster."""
        return z + self.heads(y)

    def one_hot(self, label):
        return tf.one_hot(label, self.num_classes)

    def nearness_of_heads(self):
        """What is missing of `heads_apart` between each two heads, summed."""
        heads = self.heads(tf.eye(self.num_classes))
        between = losses.safe_sqrt(tf.reduce_sum(tf.square(heads[:, None] - heads), 2))
        missing = tf.nn.relu(self.heads_apart - between)
        return 0.5 * tf.reduce_sum(missing * (1.0 - tf.eye(self.num_classes)))

    def encode(self, image):
        """`{"code"}`, the style; with heads `representation` too, the style beside its cluster's head."""
        z, y = self.codes(image)
        return {"code": z} | ({"representation": self.represented(z, y)} if self.has_heads else {})

    def decode(self, z, label=None):
        """The picture of a style and, of all kinds but basic, the number of a class or cluster [B]."""
        return self.decoded(tf.convert_to_tensor(z), None if label is None else self.one_hot(label))

    def reconstruct(self, image, label=None):
        """The picture that is decoded of an image's own code; a supervised model is told its label."""
        return self.decoded(*self.codes(image, label))

    def classify(self, image):
        """What the encoder's y says: of classes, or, of a clustering model, of its clusters."""
        logits = tf.cast(self.encoder(image, training=False)["category"], tf.float32)
        if self.kind == "clustering":
            return {"category_probabilities": tf.nn.softmax(logits)}
        return {"class_logits": logits, "class_probabilities": tf.nn.softmax(logits)}

    def preview(self, batch):
        image, label = base.image_and_label(tf.nest.map_structure(tf.convert_to_tensor, batch))
        if self.kind in ("basic", "clustering"):
            label = None
        with random.stream(self.seed):
            z = self.prior.like(image)
            if self.kind == "clustering":
                label = random.labels(tf.shape(image)[0], self.num_classes)
        told = label if self.kind == "supervised" else None
        return {"image": image, "reconstruction": self.reconstruct(image, told), "sample": self.decode(z, label)}

    def signatures(self):
        """Those of an auto-encoder. `decode`, and with it `serving_default`, takes a `label` of the kinds with labels,
        a `category` of clusters; `sample` a `label` for all. `classify(image)` is served where there is a y.
        """
        served = signatures.auto_encoder(self.encode, self.decode, self.prior, self.encoder.input_shape[1:])
        if self.kind == "basic":
            return served
        _, seen = served["encode"]
        name = "category" if self.kind == "clustering" else "label"
        number = tf.TensorSpec([None], tf.int64, name=name)

        def decode(z, label):
            return self.decode(z, signatures.known(label, self.num_classes, z, name))

        def reconstruct(image, label=None):
            return {"generated": self.reconstruct(image, signatures.known(label, self.num_classes, image))}

        def draw(count, label=None):
            z = self.prior.draw(count)
            return decode(z, random.labels(count, self.num_classes) if label is None else tf.fill([count], label))

        decoding = (lambda z, label: {"generated": decode(z, label)}, [*served["decode"][1], number])
        served |= {"serving_default": decoding, "decode": decoding}
        served["reconstruct"] = (reconstruct, [*seen, number] if self.kind == "supervised" else seen)
        served |= signatures.sampling(draw, [] if self.kind == "clustering" else [number])
        return served | ({"classify": (self.classify, seen)} if self.has_y else {})


def squared_error(image, made):
    """1/2 |x - x'|^2 of pixels on the scale [0, 1], summed over a picture; the mean over the batch.

    Args:
        image, made: `[B, ...]` in [-1, 1].
    """
    difference = 0.5 * (tf.cast(image, tf.float32) - tf.cast(made, tf.float32))
    return 0.5 * tf.reduce_mean(tf.reduce_sum(tf.square(difference), axis=list(range(1, image.shape.rank))))
