"""PixelGAN: "PixelGAN Autoencoders", Makhzani and Frey, NIPS 2017. arXiv 1706.00531.

A decoder p(x|code) that is a product over pixels, each given those before and the code, is trained by the likelihood of
what it decodes; and a discriminator of codes, against which the encoder is trained, makes the codes of all pictures
together look drawn from a prior. With a Gaussian prior the code takes what is global in a picture, with categories its
class. Only the abstract of the paper was seen; no program was published. The objective is derived from it: the two
phases of an adversarial auto-encoder (Makhzani et al. 2016, arXiv 1511.05644), with the likelihood as reconstruction.
No equation of the paper was seen, nor its networks.

So it departs from the paper in what is not known of it: the networks are ours, one discriminator looks at the whole
code where that has categories and numbers, and categories are told to the decoder as the encoder's probabilities in
training.
"""

from typing import Literal

import tensorflow as tf

from tfgan_zoo import autoregressive, base, latent, losses, random, signatures
from tfgan_zoo.errors import InputError


class PixelGAN(base.GenerativeModel):
    """Codes of pictures whose law is a prior, and pictures that are drawn pixel by pixel given a code.

    Compile with `r_optimizer` (reconstruction: encoder and decoder), `d_optimizer` (discriminator) and `g_optimizer`
    (the encoder against it). `train_step` takes images [B, H, W, C] in [-1, 1], or `{"image", "label"}`, whose labels
    are not looked at. Logs `nats`, minus log p(x|code), `d_loss`, `g_loss`.

    A decoder that sees far enough can do without the code: give it few layers and small kernels.

    Args:
        encoder: `image [B, H, W, C] -> {"category" [B, categories], "code" [B, dim]}`, logits of the categories and
            numbers; a head that the code has not is left out. It may draw noise, which is added to its input.
        decoder: `[image [B, H, W, C], code [B, categories + dim]] -> logits`, of masked convolutions.
        discriminator: `code [B, categories + dim] -> logits [B, 1]`: drawn from the prior, or of a picture.
        levels: values of each colour of a pixel, evenly spaced from -1 to 1, to which pictures are rounded.
        binarize: how grey pixels become black and white in training, where there are two levels: `threshold`, white
            from 0 on, as all that is served does; or `dynamic`, white with probability (x + 1) / 2, drawn anew in each
            step.
        seed: see `base.GenerativeModel`.

    Attributes:
        categories, dim: of the code; its prior is one of the categories, each equally likely, then N(0, 1).

    Raises:
        InputError: networks that do not fit each other or the levels, an unknown choice.

    Example:
        import numpy as np
        from tfgan_zoo import PixelGAN
        from tfgan_zoo.networks.mlp import mlp_discriminator
        from tfgan_zoo.networks.pixel_cnn import gated_pixel_cnn
        from tfgan_zoo.networks.pixel_gan import pixel_gan_encoder
        from tfgan_zoo.optimizers import Adam

        encoder, decoder = pixel_gan_encoder((8, 8, 1), 3, 2, 4), gated_pixel_cnn((8, 8, 1), 4, 1, code_dim=5)
        model = PixelGAN(encoder, decoder, mlp_discriminator((5,), [8]))
        model.compile(r_optimizer=Adam(1e-3), d_optimizer=Adam(1e-4), g_optimizer=Adam(1e-4))
        images = np.random.uniform(-1, 1, [16, 8, 8, 1]).astype("float32")
        model.fit(images, batch_size=4, verbose=0)
        generated = model({"category": np.array([0, 2]), "z": np.zeros([2, 2])})["generated"]  # [2, 8, 8, 1]
    """

    def __init__(
        self,
        encoder,
        decoder,
        discriminator,
        *,
        levels=2,
        binarize: Literal["threshold", "dynamic"] = "threshold",
        seed=0,
    ):
        super().__init__(
            {"encoder": encoder, "decoder": decoder, "discriminator": discriminator},
            {"r_optimizer": ["encoder", "decoder"], "d_optimizer": ["discriminator"], "g_optimizer": ["encoder"]},
            seed=seed,
        )
        autoregressive.check_binarize(binarize, levels)
        self.levels, self.binarize = levels, binarize
        self.sampler = autoregressive.Sampler(decoder, levels)
        self.image_shape = tuple(encoder.inputs[0].shape[1:])
        heads = {name: head.shape[-1] for name, head in encoder.output.items()}
        self.categories, self.dim = heads.get("category", 0), heads.get("code", 0)
        length = self.categories + self.dim
        if not heads or set(heads) - {"category", "code"} or self.categories == 1:
            raise InputError(f"the encoder's heads are {heads}; expected category, of 2 or more, or code, or both")
        told = [tuple(x.shape[1:]) for x in (*decoder.inputs, *discriminator.inputs)]
        if told != [self.image_shape, (length,), (length,)]:
            raise InputError(
                f"decoder and discriminator take {told}; expected {[self.image_shape, (length,), (length,)]}, as the "
                "encoder has"
            )
        if self.dim:
            self.prior = latent.Prior(self.dim)

    def train_step(self, batch):
        real, _ = base.image_and_label(batch)
        numbers = autoregressive.training_values(real, self.levels, self.binarize)
        image = autoregressive.picture(numbers, self.levels)

        # Reconstruction phase.
        with tf.GradientTape() as tape:
            nats = -tf.reduce_mean(self.log_p(numbers, self.code(image, training=True), training=True))
        self.minimize(nats, tape, self.r_optimizer)

        # Regularisation phase: the discriminator of codes, then the encoder against it.
        drawn, code = self.draw_code(tf.shape(real)[0]), self.code(image, training=True)
        with tf.GradientTape() as tape:
            d_loss = losses.non_saturating_discriminator_loss(
                self.discriminator(drawn, training=True), self.discriminator(code, training=True)
            )
        self.minimize(d_loss, tape, self.d_optimizer)

        with tf.GradientTape() as tape:
            code = self.code(image, training=True)
            g_loss = losses.non_saturating_generator_loss(self.discriminator(code, training=True))
        self.minimize(g_loss, tape, self.g_optimizer)

        return self.track(nats=nats, d_loss=d_loss, g_loss=g_loss)

    def draw_code(self, count):
        """Codes of the prior, `[count, categories + dim]`, from the open `random.stream`: one-hot, then N(0, 1)."""
        parts = []
        if self.categories:
            parts.append(tf.one_hot(random.integers([count], self.categories), self.categories))
        if self.dim:
            parts.append(self.prior.draw(count))
        return tf.concat(parts, 1)

    def code(self, image, training=False):
        """The code of pictures, `[B, categories + dim]` float32: probabilities of the categories, then numbers."""
        return self.as_code(self.inferred(self.encoder(image, training=training)))

    def inferred(self, said):
        """What the encoder said as `{"category_probabilities", "code"}`, or one of them."""
        told = {}
        if self.categories:
            told["category_probabilities"] = tf.nn.softmax(tf.cast(said["category"], tf.float32))
        if self.dim:
            told["code"] = tf.cast(said["code"], tf.float32)
        return told

    def as_code(self, told):
        """The code of what `inferred` gives."""
        return tf.concat([told[name] for name in ("category_probabilities", "code") if name in told], 1)

    def log_p(self, numbers, code, training=False):
        """log p(x|code), [B] float32 in nats: of values 0 ... levels - 1."""
        given = [autoregressive.picture(numbers, self.levels), tf.convert_to_tensor(code)]
        logits = self.decoder(given, training=training)
        return autoregressive.log_likelihood(logits, numbers, self.levels)

    def encode(self, image):
        """`{"category_probabilities", "code"}`, or what the code has of them, of pictures in [-1, 1]."""
        image = autoregressive.picture(autoregressive.values(image, self.levels), self.levels)
        return self.inferred(self.encoder(image, training=False))

    def decode(self, code):
        """Pictures [B, H, W, C] given codes, drawn with numbers of the open `random.stream`."""
        return self.sampler.draw(code)

    def preview(self, batch):
        real, _ = base.image_and_label(batch)
        with random.stream(self.seed):
            made = self.decode(self.draw_code(tf.shape(real)[0]))
            again = self.decode(self.as_code(self.encode(real)))
        shown = autoregressive.picture(autoregressive.values(real, self.levels), self.levels)
        return {"image": shown, "reconstruction": again, "sample": made}

    def signatures(self):
        """Those of `signatures.drawn_given_code`, of `category` [B] and `z`, and `discriminate(image)`: of its code."""
        image = tf.TensorSpec([None, *self.image_shape], tf.float32, name="image")
        inputs = []
        if self.categories:
            inputs.append(tf.TensorSpec([None], tf.int64, name="category"))
        if self.dim:
            inputs.append(tf.TensorSpec([None, self.dim], tf.float32, name="z"))

        def code_of(*given):
            parts = list(given)
            if self.categories:
                category = signatures.known(given[0], self.categories, given[-1], "category")
                parts[0] = tf.one_hot(category, self.categories)
            return tf.concat(parts, 1)

        def discriminate(image):
            return {"code_logits": self.discriminator(self.as_code(self.encode(image)), training=False)}

        served = signatures.drawn_given_code(
            code_of, inputs, self.decode, self.encode, self.as_code, self.draw_code, image, self.seed
        )
        return served | {"discriminate": (discriminate, [image])}


def each_category(model, rows):
    """Pictures of each category: a row has one z, where the code has one, and other random numbers for each picture.

    Args:
        model: a `PixelGAN` with categories.
        rows: how many.

    Returns:
        A column per category, as `pictures.tile` takes them.
    """
    with random.stream(model.seed):
        z = [model.prior.draw(rows)] if model.dim else []
        return {
            f"{i}": model.decode(tf.concat([tf.one_hot(tf.fill([rows], i), model.categories), *z], 1))
            for i in range(model.categories)
        }
