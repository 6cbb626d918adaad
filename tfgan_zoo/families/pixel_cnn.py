"""PixelCNN: "Pixel Recurrent Neural Networks", van den Oord, Kalchbrenner and Kavukcuoglu, ICML 2016. arXiv 1601.06759.
And its gated form: "Conditional Image Generation with PixelCNN Decoders", van den Oord, Kalchbrenner, Vinyals,
Espeholt, Graves and Kavukcuoglu, NIPS 2016. arXiv 1606.05328.

Follows equations 1 and 2 of the former: the likelihood of a picture is the product over its pixels, row by row, and in
each over its colours, of what a network of masked convolutions says of each given those before; it is maximised. Both
papers were read in others' notes and programs, not themselves. It is no GAN: it is what GANs are compared with.

Departs from the papers in that
- pictures are in [-1, 1]. A network sees zeros beyond the border, which are no value of two levels;
- pictures are drawn by a sampler that computes each layer once per pixel, as Ramachandran et al. 2017 do for PixelCNN++
  (arXiv 1704.06001), and not the whole network; from the same random numbers it draws the same (`autoregressive`).
"""

from typing import Literal

import tensorflow as tf

from tfgan_zoo import autoregressive, base, latent, random, signatures


class PixelCNN(base.GenerativeModel):
    """The exact likelihood of pictures, and pictures drawn pixel by pixel.

    Compile with `p_optimizer`; `train_step` takes images [B, H, W, C] in [-1, 1], or `{"image", "label"}`, whose labels
    are not looked at. Logs `nats`: minus log p of a picture, the mean over the batch.

    What it calls noise, z, are the random numbers that a picture is drawn with, one in (0, 1) for each colour of each
    pixel, in the order they are drawn: a picture is a function of them.

    Args:
        network: `image [B, H, W, C] -> logits`, of masked convolutions: `networks.pixel_cnn`.
        levels: values of each colour of a pixel, evenly spaced from -1 to 1, to which pictures are rounded: 2 are
            black and white, 256 all that 8 bits have.
        binarize: how grey pixels become black and white in training, where there are two levels: `threshold`, white
            from 0 on, as all that is served does; or `dynamic`, white with probability (x + 1) / 2, drawn anew in each
            step.
        seed: see `base.GenerativeModel`.

    Raises:
        InputError: logits that do not fit the levels, an unknown choice, a network that sees pixels yet to come or that
            no picture can be drawn with.

    Example:
        import numpy as np
        from tfgan_zoo import PixelCNN
        from tfgan_zoo.networks.pixel_cnn import gated_pixel_cnn
        from tfgan_zoo.optimizers import Adam

        model = PixelCNN(gated_pixel_cnn((8, 8, 1), width=4, layers_=1))
        model.compile(p_optimizer=Adam(1e-3))
        images = np.random.uniform(-1, 1, [16, 8, 8, 1]).astype("float32")
        model.fit(images, batch_size=4, verbose=0)
        generated = model(model.prior.array(2, np.random.default_rng(0)))["generated"]  # [2, 8, 8, 1]
    """

    def __init__(self, network, *, levels=2, binarize: Literal["threshold", "dynamic"] = "threshold", seed=0):
        super().__init__({"network": network}, {"p_optimizer": ["network"]}, seed=seed)
        autoregressive.check_binarize(binarize, levels)
        self.levels, self.binarize = levels, binarize
        self.sampler = autoregressive.Sampler(network, levels)
        self.image_shape = tuple(network.inputs[0].shape[1:])
        self.prior = latent.Prior(tf.TensorShape(self.image_shape).num_elements(), "uniform", low=0.0)

    def train_step(self, batch):
        real, _ = base.image_and_label(batch)
        numbers = autoregressive.training_values(real, self.levels, self.binarize)
        with tf.GradientTape() as tape:
            loss = -tf.reduce_mean(self.of_values(numbers, training=True))
        self.minimize(loss, tape, self.p_optimizer)
        return self.track(nats=loss)

    def of_values(self, numbers, training=False):
        """log p, [B] float32 in nats, equation 1: of values 0 ... levels - 1."""
        logits = self.network(autoregressive.picture(numbers, self.levels), training=training)
        return autoregressive.log_likelihood(logits, numbers, self.levels)

    def log_likelihood(self, image):
        """log p, [B] float32 in nats, of pictures [B, H, W, C] in [-1, 1] rounded to the nearest values."""
        return self.of_values(autoregressive.values(image, self.levels))

    def generate(self, z):
        """The pictures that are drawn with the numbers z, `[B, H * W * C]` in (0, 1)."""
        return self.sampler(z)

    def preview(self, batch):
        with random.stream(self.seed):
            z = self.prior.like(batch)
        return {"sample": self.generate(z)}

    def signatures(self):
        """`serving_default(z)`, `sample` and `sample_png`, which draw pictures, and `log_likelihood(image)`."""
        z = tf.TensorSpec([None, self.prior.dim], tf.float32, name="z")
        image = tf.TensorSpec([None, *self.image_shape], tf.float32, name="image")
        return {
            "serving_default": (lambda z: {"generated": self.generate(z)}, [z]),
            **signatures.sampling(lambda count: self.generate(self.prior.draw(count))),
            "log_likelihood": (lambda image: {"log_likelihood": self.log_likelihood(image)}, [image]),
        }
