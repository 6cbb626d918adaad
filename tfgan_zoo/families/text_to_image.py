"""GAN-CLS: "Generative Adversarial Text to Image Synthesis", Reed, Akata, Yan, Logeswaran, Schiele and Lee, ICML 2016.
arXiv 1605.05396.

Follows Algorithm 1, GAN-CLS, and with `interpolate` equation 5, GAN-INT, as the published program has them
(reedscot/icml2016, `main_cls_int.lua`). The text of the paper was not at hand: number and form of the algorithm and the
equation are from memory, weights and the order of updates from the program. D learns that a picture with its text is
real, and that a picture of another text and a fake are not; the latter two weigh a half each. G also draws texts that
nobody wrote, halfway between two; D sees them in G's step alone.

Departs from it in the encoder. There it is a network of characters, trained beforehand by a hinge loss on texts and
features of their pictures, and its weights are those of a file that cannot be had any more. Here D's step trains it
with D: what tells a matching text from another one is what D has to know of it. So there is one phase, no network for
features of pictures, and no second loss. A picture is of one text at a time, where the program takes the mean of four
embeddings. "Another text" is another caption, there another class. Texts between two go through both networks as a
batch of their own, where the program has one batch of all: batch normalisation would know G's step from D's by it.
How text and picture join in D is the network's affair: as in the program, or by an inner product
(`networks/text_to_image.py`).
"""

import tensorflow as tf

from tfgan_zoo import adaptive, base, latent, losses, random, signatures
from tfgan_zoo.errors import InputError


class GANCLS(base.GenerativeModel):
    """A GAN of captioned images whose discriminator also tells whether the caption is the right one.

    Compile with `g_optimizer` and `d_optimizer`, which trains the encoder too; `train_step` takes `{"image", "text",
    "wrong"}`, images [B, H, W, C] in [-1, 1] and images of other texts; texts are strings [B], or, where the step is
    compiled by XLA, their ids [B, length] by `words`.

    Args:
        generator: `[z [B, latent_dim], embedding [B, dim]] -> image [B, H, W, C]` in [-1, 1].
        discriminator: `[image [B, H, W, C], embedding [B, dim]] -> logits [B, 1]`, D = sigmoid(logits).
        encoder: `ids [B, length] -> embedding [B, dim]`.
        words: the `words.Words` that ids are numbers of.
        cls_weight: of wrong pictures in D's loss; that of fakes is what is left to 1.
        interpolate: whether G also draws texts between two, for each two examples one: GAN-INT-CLS.
        beta: the share of the first of these two.
        seed: see `base.GenerativeModel`.

    Example:
        import numpy as np
        from tfgan_zoo import GANCLS
        from tfgan_zoo.networks.text_to_image import bag_of_words, gan_cls_discriminator, gan_cls_generator
        from tfgan_zoo.optimizers import Adam
        from tfgan_zoo.words import Words

        texts = ["a small dot", "a large dot"] * 8
        words = Words.of(texts)
        generator, discriminator = gan_cls_generator((8, 8, 1), 16, 4, 8, 8), gan_cls_discriminator((8, 8, 1), 16, 8, 8)
        model = GANCLS(generator, discriminator, bag_of_words(len(words.known), words.length, 16), words)
        model.compile(g_optimizer=Adam(2e-4, 0.5), d_optimizer=Adam(2e-4, 0.5))
        images = np.random.uniform(-1, 1, [16, 8, 8, 1]).astype("float32")
        batch = {"image": images, "text": words.ids(np.array(texts)), "wrong": np.roll(images, 1, axis=0)}
        model.fit(batch, batch_size=4, verbose=0)
        z = model.prior.array(2, np.random.default_rng(0))
        generated = model({"z": z, "text": np.array(["a dot", "a large square"])})["generated"]  # [2, 8, 8, 1]
    """

    def __init__(
        self, generator, discriminator, encoder, words, *, cls_weight=0.5, interpolate=True, beta=0.5, seed=0
    ):  # fmt: skip
        super().__init__(
            {"generator": generator, "discriminator": discriminator, "encoder": encoder},
            {"g_optimizer": ["generator"], "d_optimizer": ["discriminator", "encoder"]},
            seed=seed,
        )
        self.prior = latent.Prior(generator.inputs[0].shape[-1])
        self.words, self.cls_weight, self.interpolate, self.beta = words, cls_weight, interpolate, beta

    def train_step(self, batch):
        real, wrong, ids = batch["image"], batch["wrong"], self.ids(batch["text"])

        told = self.encoder(ids, training=True)
        fake = self.generator([self.prior.like(real), told], training=True)
        with tf.GradientTape() as tape:
            told = self.encoder(ids, training=True)
            real_logits = self.discriminator([real, told], training=True)  # s_r
            wrong_logits = self.discriminator([wrong, told], training=True)  # s_w
            fake_logits = self.discriminator([fake, told], training=True)  # s_f
            d_loss = matching_discriminator_loss(real_logits, wrong_logits, fake_logits, self.cls_weight)
        self.minimize(d_loss, tape, self.d_optimizer)
        augmentation = adaptive.observe(self.discriminator, real_logits)

        told = self.encoder(ids, training=True)
        with tf.GradientTape() as tape:
            g_loss = self.fooling(told)
            if self.interpolate:  # the mean over the texts and half as many between them
                g_loss = (2.0 * g_loss + self.fooling(halfway(told, self.beta))) / 3.0
        self.minimize(g_loss, tape, self.g_optimizer)

        return self.track(d_loss=d_loss, g_loss=g_loss, **augmentation)

    def fooling(self, told):
        """G's loss on embeddings [B, dim]."""
        fake = self.generator([self.prior.like(told), told], training=True)
        return losses.non_saturating_generator_loss(self.discriminator([fake, told], training=True))

    def ids(self, text):
        """Texts as strings [B], or already as ids [B, length] -> ids."""
        return self.words.ids(text) if text.dtype == tf.string else text

    def encode(self, text):
        """Texts as of `ids` -> embeddings [B, dim]."""
        return self.encoder(self.ids(text), training=False)

    def draw(self, z, text):
        """z [B, latent_dim] and texts [B] -> images. A request of other numbers of the two fails."""
        with tf.control_dependencies(_one_each(text, z)):
            return self.served("generator")([tf.identity(z), self.encode(text)], training=False)

    def discriminate(self, image, text):
        """`logits` of images [B, H, W, C] with texts [B]."""
        with tf.control_dependencies(_one_each(text, image)):
            return {"logits": self.discriminator([tf.identity(image), self.encode(text)], training=False)}

    def of_each(self, texts, count):
        """Pictures of each text for the same `count` z's: a column per text, as `pictures.tile` takes them."""
        with random.stream(self.seed):
            z = self.prior.draw(count)
        return {text: self.draw(z, tf.fill([count], text)) for text in texts}

    def preview(self, batch):
        real, text = tf.convert_to_tensor(batch["image"]), tf.convert_to_tensor(batch["text"])
        with random.stream(self.seed):
            z = self.prior.like(real), self.prior.like(real)
        return {"of this text": real, "sample": self.draw(z[0], text), "another": self.draw(z[1], text)}

    def signatures(self):
        text = tf.TensorSpec([None], tf.string, name="text")
        z = tf.TensorSpec([None, self.prior.dim], tf.float32, name="z")
        image = tf.TensorSpec([None, *self.generator.output_shape[1:]], tf.float32, name="image")
        return {
            "serving_default": (lambda z, text: {"generated": self.draw(z, text)}, [z, text]),
            **signatures.sampling(
                lambda count, text: self.draw(self.prior.draw(count), tf.fill([count], text)), [text]
            ),
            "discriminate": (self.discriminate, [image, text]),
            "encode_text": (lambda text: {"embedding": self.encode(text)}, [text]),
        }  # fmt: skip


def matching_discriminator_loss(real_logits, wrong_logits, fake_logits, cls_weight=0.5):
    """-E[log s_r] - w E[log(1 - s_w)] - (1 - w) E[log(1 - s_f)], s = sigmoid(logits): Algorithm 1, w = 1/2.

    Of real pictures with their texts, real pictures with others, fakes with theirs. Where fakes are perfect, w = 1/2
    and another text is always another, the best D says 2/3 of a picture with its text.
    """
    real = losses.non_saturating_generator_loss(real_logits)
    wrong, fake = (-losses.minimax_generator_loss(logits) for logits in (wrong_logits, fake_logits))
    return real + cls_weight * wrong + (1.0 - cls_weight) * fake


def halfway(told, beta=0.5):
    """Equation 5: beta t_1 + (1 - beta) t_2 of each two neighbours of the batch, [B, dim] -> [B / 2, dim].

    Raises:
        InputError: the number of examples is odd: several replicas would make other pairs than one.
    """
    if (told.shape[0] or 0) % 2:
        raise InputError(
            f"a batch of {told.shape[0]} examples per replica is paired for texts between; give an even one"
        )
    even = tf.debugging.assert_equal(
        tf.shape(told)[0] % 2, 0, "examples are paired for texts between; give an even batch"
    )
    with tf.control_dependencies([even] if even is not None else []):
        told = tf.identity(told)
    return beta * told[::2] + (1.0 - beta) * told[1::2]


def _one_each(text, examples):
    one_each = tf.shape(text)[0] == tf.shape(examples)[0]
    check = tf.debugging.assert_equal(one_each, True, "there must be one text per example")
    return [] if check is None else [check]
