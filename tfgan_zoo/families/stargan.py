"""StarGAN: "StarGAN: Unified Generative Adversarial Networks for Multi-Domain Image-to-Image Translation", Choi, Choi,
Kim, Ha, Kim and Choo, CVPR 2018. arXiv 1711.09020.

Follows equations 2 to 6, with equation 8 in the place of equation 1, the weights (1, 10, 10) and five steps of D for
one of G. What the paper leaves open is the published code's (github.com/yunjey/stargan): the domains asked for are a
permutation of those of the batch; the critic is the mean over its patches, but the penalty holds the slope of their sum
to 1; G steps on the last minibatch of D's steps and is asked for the same domains. Departs from the paper in that
- an example is of one domain (softmax, as the paper has it for RaFD); CelebA's several attributes at once, by a sum of
  binary cross entropies, are left out, and so are labels of two data sets with a mask (section 3.3);
- the norm in the penalty has no slope where it is 0 (`losses.safe_sqrt`);
- one `train_step` is n_critic of the paper's iterations: the examples come in the same order, n_critic minibatches at
  once, of which `base.split` makes every n-th example go into the same one.
"""

import tensorflow as tf

from tfgan_zoo import base, losses, random, replicas, signatures


class StarGAN(base.GenerativeModel):
    """One translator between all domains, judged by a critic that also tells the domain of a picture.

    Compile with `g_optimizer` and `d_optimizer`; `train_step` takes `{"image", "domain"}`, images [n_critic * B, H, W,
    C] in [-1, 1] and their own domains, int64 [n_critic * B]: a minibatch for each critic step.

    Args:
        generator: `[image [B, H, W, C], domain [B]] -> image [B, H, W, C]` in [-1, 1]. With zero padding: what is
            mirrored at the border hides a domain told by constant planes from an instance normalisation.
        discriminator: `image -> (logits [B, h, w, 1], class logits [B, num_domains])`. No batch norm.
        n_critic: critic steps per generator step.
        cls_weight: lambda_cls (equations 5 and 6). The critic's loss grows with the root of how many numbers a picture
            has, the other two do not: what balances them at 128x128x3 is too much at 32x32x1.
        rec_weight: lambda_rec (equation 6).
        gp_weight: lambda_gp (equation 8).
        seed: see `base.GenerativeModel`.

    Example:
        import numpy as np
        from tfgan_zoo import StarGAN
        from tfgan_zoo.networks.stargan import stargan_discriminator, stargan_generator
        from tfgan_zoo.optimizers import Adam

        networks = stargan_generator((8, 8, 1), 3, width=4, blocks=1), stargan_discriminator((8, 8, 1), 3, 4, layers=2)
        model = StarGAN(*networks, n_critic=2)
        model.compile(g_optimizer=Adam(1e-4, 0.5), d_optimizer=Adam(1e-4, 0.5))
        images, domains = np.random.uniform(-1, 1, [16, 8, 8, 1]).astype("float32"), np.arange(16) % 3
        model.fit({"image": images, "domain": domains}, batch_size=2 * 4, verbose=0)  # two minibatches of 4
        generated = model({"image": images[:2], "domain": np.array([0, 2])})["generated"]  # [2, 8, 8, 1]
    """

    def __init__(
        self, generator, discriminator, *, n_critic=5, cls_weight=1.0, rec_weight=10.0, gp_weight=10.0, seed=0
    ):
        super().__init__(**base.two_players(generator, discriminator), seed=seed)
        self.n_critic = self.minibatches = n_critic
        self.cls_weight, self.rec_weight, self.gp_weight = cls_weight, rec_weight, gp_weight
        self.num_domains = discriminator.output_shape[1][-1]

    def train_step(self, batch):
        for part in base.split(batch, self.n_critic):
            real, own = part["image"], part["domain"]
            asked = permuted(own)
            fake = self.generator([real, asked], training=True)
            with tf.GradientTape() as tape:
                real_logits, real_class = self.discriminator(real, training=True)
                fake_logits, _ = self.discriminator(fake, training=True)
                d_loss = losses.wasserstein_discriminator_loss(real_logits, fake_logits)
                gp = losses.gradient_penalty(self.critic, real, fake)  # equation 8
                d_class = losses.cross_entropy(real_class, own)  # equation 2
                total = d_loss + self.gp_weight * gp + self.cls_weight * d_class  # equation 5
            self.minimize(total, tape, self.d_optimizer)

        with tf.GradientTape() as tape:
            fake = self.generator([real, asked], training=True)
            fake_logits, fake_class = self.discriminator(fake, training=True)
            g_loss = losses.wasserstein_generator_loss(fake_logits)
            g_class = losses.cross_entropy(fake_class, asked)  # equation 3
            rec = losses.l1(real, self.generator([fake, own], training=True))  # equation 4
            total = g_loss + self.cls_weight * g_class + self.rec_weight * rec  # equation 6
        self.minimize(total, tape, self.g_optimizer)

        return self.track(d_loss=d_loss, gp=gp, d_class=d_class, g_loss=g_loss, g_class=g_class, rec=rec)

    def critic(self, image, training):
        """The logits of the patches alone, [B, h, w, 1]."""
        return self.discriminator(image, training=training)[0]

    def translate(self, image, domain):
        """Pictures [B, H, W, C] to the domains [B]. A request for a domain that is not there fails."""
        image, domain = tf.convert_to_tensor(image), tf.convert_to_tensor(domain)
        return self.generator([image, signatures.known(domain, self.num_domains, image, "domain")], training=False)

    def preview(self, batch):
        generated = self.translate(batch["image"], batch["domain"])
        shown = {"image": batch["image"], "generated": generated}
        if "target" in batch:  # of held-out examples whose translation is known
            shown["target"] = batch["target"]
        if "source" in batch:
            shown["and back"] = self.translate(generated, batch["source"])
        return shown

    def signatures(self):
        more = [tf.TensorSpec([None], tf.int64, name="domain")]
        arrays, files = signatures.image_to_image(
            self.translate, self.generator.output_shape[1:], signatures.any_size(self.generator), more=more
        )
        return {"serving_default": arrays, "translate_bytes": files}


def permuted(domain):
    """The domains of the global batch in a random order: each as often as there, none that is not there. [B] -> [B]."""
    everywhere = replicas.gather(domain)
    order = tf.argsort(random.uniform([tf.shape(everywhere)[0]], same=True))
    return tf.ensure_shape(replicas.own(tf.gather(everywhere, order)), domain.shape)
