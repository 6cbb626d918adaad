"""alpha-GAN: "Variational Approaches for Auto-Encoding Generative Adversarial Networks", Rosca, Lakshminarayanan,
Warde-Farley and Mohamed, 2017. arXiv 1706.04987.

A VAE whose two intractable parts are density ratios that discriminators estimate: the code discriminator's in place of
the divergence of codes from their prior, the discriminator's of pictures beside the reconstruction. Each of the four
networks is updated by itself. The paper's equations were not seen: losses are those of a public implementation
(victor-shepardson/alpha-GAN), the ratio term R = log(1 - D) - log D of data and codes is from memory. Equations 16 and
17 of the first version have prior and posterior swapped, as its authors confirmed to that implementation: here the code
discriminator says 1 of draws of the prior, 0 of codes of pictures.

Departs from the paper in that
- codes are deterministic, as in that implementation; there is no cycle of codes;
- the reconstruction is a mean over pixels; its weight has to fit.
That implementation has the terms -log D and updates encoder and generator by one loss: `terms="non_saturating"`,
`joint=True`.
"""

import tensorflow as tf

from tfgan_zoo import base, latent, losses, random, signatures
from tfgan_zoo.errors import InputError


class AlphaGAN(base.GenerativeModel):
    """An auto-encoder with a discriminator of pictures and one of codes.

    Compile with `e_optimizer`, `g_optimizer`, `d_optimizer` and `c_optimizer`, of encoder, generator, discriminator and
    code discriminator; with `joint` the encoder is `g_optimizer`'s too, and there is no `e_optimizer`. `train_step`
    takes images [B, H, W, C] in [-1, 1], or `{"image", "label"}`, whose labels are not looked at.

    Args:
        encoder: `image -> code [B, dim]`.
        generator: `z [B, dim] -> image` in [-1, 1].
        discriminator: `image -> logits [B, 1]`: is it of the data?
        code_discriminator: `z [B, dim] -> logits [B, 1]`: is it drawn from the prior? No batch normalisation.
        reconstruction_weight: lambda, of the mean absolute difference of a picture and its reconstruction; the
            implementation has 1 as default and 40 for CIFAR-10.
        terms: what encoder and generator are told by a discriminator: `ratio`, log(1 - D) - log D, which is an estimate
            of a Kullback-Leibler divergence, or `non_saturating`, -log D, which is none.
        joint: one update of encoder and generator by the sum of all they are told, in which the encoder learns by the
            discriminator of its reconstructions too.
        pair_steps: updates of encoder and generator to one of each discriminator; the implementation has 2.
        seed: see `base.GenerativeModel`.

    Raises:
        InputError: unknown terms.

    Example:
        import numpy as np
        from tfgan_zoo import AlphaGAN
        from tfgan_zoo.networks.dcgan import dcgan_discriminator, dcgan_generator
        from tfgan_zoo.networks.mlp import mlp_discriminator
        from tfgan_zoo.optimizers import Adam

        shape = (8, 8, 1)
        model = AlphaGAN(
            dcgan_discriminator(shape, 4, outputs=3), dcgan_generator(shape, 3, 4), dcgan_discriminator(shape, 4),
            mlp_discriminator((3,), [8], "leaky_relu"))
        model.compile(**{name: Adam(8e-4, 0.5, 0.9) for name in model.trains})
        images = np.random.uniform(-1, 1, [16, *shape]).astype("float32")
        model.fit(images, batch_size=4, verbose=0)
        code = model.encode(images)["code"]  # [16, 3]
        generated = model(model.prior.array(2, np.random.default_rng(0)))["generated"]  # [2, 8, 8, 1]
    """

    def __init__(
        self,
        encoder,
        generator,
        discriminator,
        code_discriminator,
        *,
        reconstruction_weight=1.0,
        terms="ratio",
        joint=False,
        pair_steps=2,
        seed=0,
    ):
        if terms not in ("ratio", "non_saturating"):
            raise InputError(f"terms is {terms!r}; expected ratio or non_saturating")
        pair = {"g_optimizer": ["encoder", "generator"]} if joint else {"e_optimizer": ["encoder"]}
        super().__init__(
            networks={
                "encoder": encoder,
                "generator": generator,
                "discriminator": discriminator,
                "code_discriminator": code_discriminator,
            },
            trains={"g_optimizer": ["generator"]}
            | pair
            | {"d_optimizer": ["discriminator"], "c_optimizer": ["code_discriminator"]},
            seed=seed,
        )
        self.prior = latent.Prior(generator.input_shape[-1])
        self.reconstruction_weight, self.terms = reconstruction_weight, terms
        self.joint, self.pair_steps = joint, pair_steps

    def train_step(self, batch):
        real, _ = base.image_and_label(batch)

        for _ in range(self.pair_steps):
            z = self.prior.like(real)
            if self.joint:
                with tf.GradientTape() as tape:
                    code = self.encoder(real, training=True)
                    reconstruction, data_term = self.of_pictures(real, code, z)
                    code_term = self.term(self.code_discriminator(code, training=True))
                    total = self.reconstruction_weight * reconstruction + data_term + code_term
                self.minimize(total, tape, self.g_optimizer)
                continue

            with tf.GradientTape() as tape:
                code = self.encoder(real, training=True)
                reconstruction = losses.l1(real, self.generator(code, training=True))
                code_term = self.term(self.code_discriminator(code, training=True))
                total = self.reconstruction_weight * reconstruction + code_term
            self.minimize(total, tape, self.e_optimizer)

            code = self.encoder(real, training=True)
            with tf.GradientTape() as tape:
                reconstruction, data_term = self.of_pictures(real, code, z)
                total = self.reconstruction_weight * reconstruction + data_term
            self.minimize(total, tape, self.g_optimizer)

        z, code = self.prior.like(real), self.encoder(real, training=True)
        reconstructed, generated = self.generator(code, training=True), self.generator(z, training=True)
        with tf.GradientTape() as tape:
            d_loss = losses.non_saturating_discriminator_loss(
                self.discriminator(real, training=True), self.discriminator(reconstructed, training=True)
            ) + of_fakes(self.discriminator(generated, training=True))
        self.minimize(d_loss, tape, self.d_optimizer)

        with tf.GradientTape() as tape:
            c_loss = losses.non_saturating_discriminator_loss(  # the prior is what is real
                self.code_discriminator(z, training=True), self.code_discriminator(code, training=True)
            )
        self.minimize(c_loss, tape, self.c_optimizer)

        return self.track(
            reconstruction=reconstruction, data_term=data_term, code_term=code_term, d_loss=d_loss, c_loss=c_loss
        )

    def of_pictures(self, real, code, z):
        """The reconstruction, and what the discriminator tells of it and of a picture of z: two scalars."""
        reconstructed, generated = self.generator(code, training=True), self.generator(z, training=True)
        data_term = self.term(self.discriminator(reconstructed, training=True)) + self.term(
            self.discriminator(generated, training=True)
        )
        return losses.l1(real, reconstructed), data_term

    def term(self, logits):
        """What a discriminator tells those whose fakes it saw.

        The ratio's, with the best D = p / (p + q), is E_q[log q - log p] = KL(q || p), and 0 where p is q; that of -log
        D is log 2 there. Of logits log(1 - D) - log D is minus the logit.
        """
        if self.terms == "ratio":
            return -tf.reduce_mean(tf.cast(logits, tf.float32))
        return losses.non_saturating_generator_loss(logits)

    def encode(self, image):
        return {"code": self.encoder(image, training=False)}

    def decode(self, z):
        return self.generator(z, training=False)

    def preview(self, batch):
        image, _ = base.image_and_label(tf.nest.map_structure(tf.convert_to_tensor, batch))
        with random.stream(self.seed):
            z = self.prior.like(image)
        reconstruction = self.decode(self.encode(image)["code"])
        return {"image": image, "reconstruction": reconstruction, "sample": self.decode(z)}

    def signatures(self):
        """Those of an auto-encoder, `discriminate(image)` and `discriminate_code(z)`."""
        served = signatures.auto_encoder(self.encode, self.decode, self.prior, self.generator.output_shape[1:])
        (_, seen), (_, noise) = served["encode"], served["decode"]
        return served | {
            "discriminate": (lambda image: {"logits": self.discriminator(image, training=False)}, seen),
            "discriminate_code": (lambda z: {"code_logits": self.code_discriminator(z, training=False)}, noise),
        }


def of_fakes(logits):
    """-E[log(1 - D)]."""
    return tf.reduce_mean(tf.math.softplus(tf.cast(logits, tf.float32)))
