"""VAE/GAN: "Autoencoding beyond pixels using a learned similarity metric", Larsen, Sønderby, Larochelle and Winther,
ICML 2016. arXiv 1512.09300.

Follows algorithm 1 as the authors' code has it (github.com/andersbll/autoencoding_beyond_pixels): an auto-encoder whose
pictures are held to the data in a hidden layer of the discriminator, Dis_l, in place of the pixels. Three losses move
three networks from where they all stand:

    encoder         KL + L_rec
    decoder         gamma L_rec - (1 - gamma) J
    discriminator   J, the cost of telling real from fake; L_rec does not move it

The paper's text was not seen: its equations are not cited, and that reconstructions are fakes beside samples is from
memory (the code feeds samples alone in its settings for faces; `fakes` has both). The algorithm as printed is said to
have the sign of the GAN's loss wrong; here it is the code's. Departs from that code in that
- J is computed from logits, and not of probabilities plus 0.001;
- losses are means over the batch, not sums; over the features of Dis_l they are sums, as there;
- a network that gating skips gets a gradient of 0 in that step, and no step is left out: with momentum it moves on;
- weights do not decay.
"""

from typing import Literal

import tensorflow as tf

from tfgan_zoo import base, latent, likelihoods, losses, random, replicas, signatures
from tfgan_zoo.errors import InputError


class VAEGAN(base.GenerativeModel):
    """A VAE whose decoder is a GAN's generator, and whose measure of likeness the discriminator has learned.

    Compile with `e_optimizer`, `g_optimizer` and `d_optimizer`, of the encoder, the decoder and the discriminator;
    `train_step` takes images [B, H, W, C] in [-1, 1], or a dict with the column `image`. Logs the three losses of the
    table above: `kl` and `reconstruction` in nats per example, and `d_loss`, J.

    Args:
        encoder: `image -> {"mean" [B, dim], "log_variance" [B, dim]}` of q(z|x).
        decoder: `z [B, dim] -> image [B, H, W, C]` in [-1, 1].
        discriminator: `image -> {"logits" [B, 1], "features" [B, ...]}`; the features are Dis_l, in the paper a
            convolution before its batch normalisation. `networks.vae_gan` has all three networks.
        gamma: how much the decoder cares for its reconstruction. It weighs a sum over all features: the published
            1e-6 belongs to 16,384 of them.
        fakes: what the discriminator is shown as fake: `both`, samples and reconstructions; or `samples`.
        gate: None; or `(equilibrium, margin)`, with which the published code keeps a balance: the discriminator is
            skipped where its cost of real or of fake pictures is below equilibrium - margin, the decoder where one is
            above equilibrium + margin, neither where both would be. It has (0.68, 0.35).
        seed: see `base.GenerativeModel`.

    Raises:
        InputError: a gamma outside of 0 to 1, unknown fakes.

    Example:
        import numpy as np
        from tfgan_zoo import VAEGAN
        from tfgan_zoo.networks.vae_gan import vae_gan_decoder, vae_gan_discriminator, vae_gan_encoder
        from tfgan_zoo.optimizers import Adam

        shape = (8, 8, 1)
        encoder, decoder = vae_gan_encoder(shape, 3, [4, 8], 8), vae_gan_decoder(shape, 3, [8, 4])
        model = VAEGAN(encoder, decoder, vae_gan_discriminator(shape, [4, 8, 8], 8), gamma=1e-3)
        model.compile(e_optimizer=Adam(3e-4), g_optimizer=Adam(3e-4), d_optimizer=Adam(3e-4))
        images = np.random.uniform(-1, 1, [16, 8, 8, 1]).astype("float32")
        model.fit(images, batch_size=4, verbose=0)
        code = model.encode(images[:2])["code"]  # [2, 3]
        generated = model(code)["generated"]  # [2, 8, 8, 1]
    """

    def __init__(
        self,
        encoder,
        decoder,
        discriminator,
        *,
        gamma=1e-6,
        fakes: Literal["both", "samples"] = "both",
        gate=None,
        seed=0,
    ):
        super().__init__(
            networks={"encoder": encoder, "decoder": decoder, "discriminator": discriminator},
            trains={"e_optimizer": ["encoder"], "g_optimizer": ["decoder"], "d_optimizer": ["discriminator"]},
            seed=seed,
        )
        if not 0 <= gamma <= 1:
            raise InputError(f"gamma is {gamma:g}; expected 0 to 1, the weight of the decoder's reconstruction")
        if fakes not in ("both", "samples"):
            raise InputError(f"fakes is {fakes!r}; expected both or samples")
        self.prior = latent.Prior(decoder.input_shape[-1])
        self.gamma, self.fakes, self.gate = gamma, fakes, gate

    def train_step(self, batch):
        image = base.image_of(batch)
        noise, z = random.normal([tf.shape(image)[0], self.prior.dim]), self.prior.like(image)
        with tf.GradientTape(persistent=True) as tape:
            kl, reconstruction, real_logits, fake_logits = self.terms(image, noise, z)
            d_loss = self.discriminator_loss(real_logits, fake_logits)
            d_turn, g_turn = self.turns(real_logits, fake_logits)
            e_total = kl + reconstruction
            g_total = g_turn * (self.gamma * reconstruction - (1.0 - self.gamma) * d_loss)
            d_total = d_turn * d_loss
        # Each by its own loss, from what all three were: the tape keeps that.
        self.minimize(e_total, tape, self.e_optimizer)
        self.minimize(g_total, tape, self.g_optimizer)
        self.minimize(d_total, tape, self.d_optimizer)
        return self.track(kl=kl, reconstruction=reconstruction, d_loss=d_loss)

    def terms(self, image, noise, z, training=True):
        """KL and L_rec, scalars, and what the discriminator says: logits of real pictures, and of each kind of fakes.

        Args:
            image: `[B, H, W, C]`.
            noise: of the code of each, `[B, dim]`.
            z: of samples, `[B, dim]`.
        """
        mean, log_variance = self.posterior(image, training)
        code = mean + tf.exp(0.5 * log_variance) * noise
        of_real = self.discriminator(image, training=training)
        of_reconstruction = self.discriminator(self.decoder(code, training=training), training=training)
        of_sample = self.discriminator(self.decoder(z, training=training), training=training)
        kl = tf.reduce_mean(likelihoods.kl_to_standard_normal(mean, log_variance))
        reconstruction = feature_loss(of_real["features"], of_reconstruction["features"])
        fake_logits = [of_sample["logits"]] + [of_reconstruction["logits"]] * (self.fakes == "both")
        return kl, reconstruction, of_real["logits"], fake_logits

    def discriminator_loss(self, real_logits, fake_logits):
        """J = -E[log D(x)] - sum over the kinds of fakes of E[log(1 - D(fake))]."""
        first, *others = fake_logits
        loss = losses.non_saturating_discriminator_loss(real_logits, first)
        return loss + sum(-losses.minimax_generator_loss(logits) for logits in others)

    def turns(self, real_logits, fake_logits):
        """Whether the discriminator and the decoder learn in this step, 1 or 0 each."""
        if self.gate is None:
            return 1.0, 1.0
        equilibrium, margin = self.gate
        real = tf.reduce_mean(tf.math.softplus(-replicas.gather(tf.cast(real_logits, tf.float32))))
        fake = tf.reduce_mean(tf.math.softplus(replicas.gather(tf.cast(tf.concat(fake_logits, 1), tf.float32))))
        d_learns = (real >= equilibrium - margin) & (fake >= equilibrium - margin)
        g_learns = (real <= equilibrium + margin) & (fake <= equilibrium + margin)
        neither = ~(d_learns | g_learns)
        return tuple(tf.stop_gradient(tf.cast(learns | neither, tf.float32)) for learns in (d_learns, g_learns))

    def posterior(self, image, training=False):
        """q(z|x): mean and log variance, `[B, dim]` float32 each."""
        said = self.encoder(image, training=training)
        return tf.cast(said["mean"], tf.float32), tf.cast(said["log_variance"], tf.float32)

    def encode(self, image):
        """`{"code", "code_deviation"}`, the mean and the deviation of q(z|x)."""
        mean, log_variance = self.posterior(image)
        return {"code": mean, "code_deviation": tf.exp(0.5 * log_variance)}

    def decode(self, z):
        """The picture of each code."""
        return self.decoder(z, training=False)

    def preview(self, batch):
        image = tf.convert_to_tensor(base.image_of(batch))
        with random.stream(self.seed):
            z = self.prior.like(image)
        return {"image": image, "reconstruction": self.decode(self.encode(image)["code"]), "sample": self.decode(z)}

    def signatures(self):
        """Those of an auto-encoder, and `discriminate(image)`."""
        served = signatures.auto_encoder(self.encode, self.decode, self.prior, self.encoder.input_shape[1:])
        _, seen = served["encode"]

        def discriminate(image):
            return {"logits": self.discriminator(image, training=False)["logits"]}

        return served | {"discriminate": (discriminate, seen)}


def feature_loss(real, fake):
    """L_rec = E[||Dis_l(x) - Dis_l(x~)||^2 / 2], of features `[B, ...]`, summed over them: minus the log-likelihood
    of a Gaussian of deviation 1, without its constant.
    """
    difference = tf.cast(real, tf.float32) - tf.cast(fake, tf.float32)
    return tf.reduce_mean(0.5 * tf.reduce_sum(tf.square(difference), list(range(1, difference.shape.rank))))
