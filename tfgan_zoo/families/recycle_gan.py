"""Recycle-GAN: "Recycle-GAN: Unsupervised Video Retargeting", Bansal, Ma, Ramanan and Sheikh, ECCV 2018.
arXiv 1808.05174.

Follows the paper's objective (equation 6): two adversarial losses, the recycle losses L_r and the recurrent losses
L_tau, as its published program (github.com/aayushbansal/Recycle-GAN, recycle_gan_model.py) computes it on clips of
three frames: translators and predictors step together, then the discriminators, on fakes made before that step. We read
the losses and the program; that the objective is equation 6 is from memory. Departs from the paper in that
- the distances of L_r and L_tau are means of absolute values, as in the program; `distance="l2"` takes the paper's
  squared norms, divided by the number of values, so that one weight suits pictures of all sizes;
- P is judged too: D sees its predictions beside the translations, and what P expects after two translations counts in
  the adversarial loss, so that it reaches P and both G. So in the program; the paper's text has not been read for it.
Departs from the program in that
- a fake is seen by D once, when it is made; the program has pools of old fakes, and its scripts turn them off;
- a network is called once with several frames of a clip. Where it treats each picture alone, as with the instance
  normalisation of both, that is the same; batch normalisation would be over all of these frames;
- there is no identity term (in this variant the program computes none even where asked) and no adversarial loss of
  predictions of real frames, which it leaves out unless asked. Its second variant, with the plain cycle on single
  frames, is not here.
The paper's X, Y, G_Y, G_X, P_X, P_Y are a, b, generator_ab, generator_ba, predictor_a, predictor_b here.
"""

import tensorflow as tf

from tfgan_zoo import base, losses, signatures
from tfgan_zoo.errors import InputError

FRAMES = 3  # of a clip


class RecycleGAN(base.GenerativeModel):
    """Two translators of video held together through time, no pairs needed.

    What is translated, continued by the other domain's predictor and translated back is the next frame.

    Compile with `g_optimizer`, for translators and predictors, and `d_optimizer`; `train_step` takes `{"a", "b"}`,
    unpaired clips [B, 3, H, W, C] in [-1, 1], in the order of time. Translation is frame by frame.

    Args:
        generator_ab, generator_ba: `image [B, H, W, C] -> image [B, H, W, C]` in [-1, 1].
        predictor_a, predictor_b: `two frames on the channels [B, H, W, 2C] -> the next one [B, H, W, C]`.
        discriminator_a, discriminator_b: `image -> logits [B, h, w, 1]`.
        recycle_weights: of L_r that begins in a, and in b.
        prediction_weights: of L_tau, of a and of b.
        distance: of both: "l1", as the published program has it, or "l2", the mean square.
        seed: see `base.GenerativeModel`.

    Raises:
        InputError: another distance; in training, clips of another length.

    Example:
        import numpy as np
        from tfgan_zoo import RecycleGAN
        from tfgan_zoo.networks.patchgan import patchgan_discriminator
        from tfgan_zoo.networks.residual_translator import residual_translator_generator
        from tfgan_zoo.networks.unet import unet_generator
        from tfgan_zoo.optimizers import Adam

        ab, ba = [residual_translator_generator((8, 8, 1), width=4, blocks=1) for _ in "ab"]
        predictors = [unet_generator((8, 8, 2), 1, 4, "instance", dropout=0.0, affine=False) for _ in "ab"]
        model = RecycleGAN(ab, ba, *predictors, *[patchgan_discriminator((8, 8, 1), 4, layers=1) for _ in "ab"])
        model.compile(g_optimizer=Adam(2e-4, 0.5), d_optimizer=Adam(2e-4, 0.5))
        a, b = np.random.uniform(-1, 1, [2, 8, 3, 8, 8, 1]).astype("float32")
        model.fit({"a": a, "b": b}, batch_size=4, verbose=0)
        generated = model(a[0])["generated"]  # a to b, frame by frame, [3, 8, 8, 1]
    """

    def __init__(
        self,
        generator_ab,
        generator_ba,
        predictor_a,
        predictor_b,
        discriminator_a,
        discriminator_b,
        *,
        recycle_weights=(10.0, 10.0),
        prediction_weights=(10.0, 10.0),
        distance="l1",
        seed=0,
    ):
        super().__init__(
            networks={
                "generator_ab": generator_ab,
                "generator_ba": generator_ba,
                "predictor_a": predictor_a,
                "predictor_b": predictor_b,
                "discriminator_a": discriminator_a,
                "discriminator_b": discriminator_b,
            },
            trains={
                "g_optimizer": ["generator_ab", "generator_ba", "predictor_a", "predictor_b"],
                "d_optimizer": ["discriminator_a", "discriminator_b"],
            },
            seed=seed,
        )
        if distance not in ("l1", "l2"):
            raise InputError(f"distance is {distance!r}; give l1 or l2")
        self.distance = losses.l1 if distance == "l1" else losses.l2
        self.recycle_weights = recycle_weights
        self.prediction_weights = prediction_weights

    def train_step(self, batch):
        a, b = _frames(batch["a"]), _frames(batch["b"])
        with tf.GradientTape() as tape:
            fake_b = translated(self.generator_ab, self.predictor_b, a)
            fake_a = translated(self.generator_ba, self.predictor_a, b)
            g_loss = adversarial(self.discriminator_b, fake_b) + adversarial(self.discriminator_a, fake_a)
            recycle_a = self.distance(a[2], self.generator_ba(fake_b[2], training=True))
            recycle_b = self.distance(b[2], self.generator_ab(fake_a[2], training=True))
            next_a, next_b = following(self.predictor_a, a[:2]), following(self.predictor_b, b[:2])
            prediction_a, prediction_b = self.distance(a[2], next_a), self.distance(b[2], next_b)
            total = (
                g_loss
                + self.recycle_weights[0] * recycle_a
                + self.recycle_weights[1] * recycle_b
                + self.prediction_weights[0] * prediction_a
                + self.prediction_weights[1] * prediction_b
            )  # equation 6
        self.minimize(total, tape, self.g_optimizer)

        with tf.GradientTape() as tape:
            d_loss = judged(self.discriminator_a, a, [*fake_a, next_a])
            d_loss += judged(self.discriminator_b, b, [*fake_b, next_b])
        self.minimize(d_loss, tape, self.d_optimizer)

        return self.track(
            d_loss=d_loss, g_loss=g_loss, recycle=recycle_a + recycle_b, prediction=prediction_a + prediction_b
        )

    def a_to_b(self, image):
        return self.generator_ab(image, training=False)

    def b_to_a(self, image):
        return self.generator_ba(image, training=False)

    def next_a(self, frames):
        return following(self.predictor_a, tf.unstack(frames, axis=1), training=False)

    def next_b(self, frames):
        return following(self.predictor_b, tf.unstack(frames, axis=1), training=False)

    def preview(self, batch):
        a, b = batch["a"], batch["b"]
        return {
            "a": a, "a to b": _each(self.a_to_b, a), "a, its last predicted": _with_next(a, self.next_a),
            "b": b, "b to a": _each(self.b_to_a, b), "b, its last predicted": _with_next(b, self.next_b),
        }  # fmt: skip

    def signatures(self):
        shape_a, shape_b = self.generator_ab.input_shape[1:], self.generator_ba.input_shape[1:]
        a_to_b, a_to_b_bytes = signatures.image_to_image(self.a_to_b, shape_a)
        b_to_a, b_to_a_bytes = signatures.image_to_image(self.b_to_a, shape_b)
        return {
            "serving_default": a_to_b,
            "a_to_b": a_to_b,
            "b_to_a": b_to_a,
            "a_to_b_bytes": a_to_b_bytes,
            "b_to_a_bytes": b_to_a_bytes,
            "next_a": signatures.frames_to_image(self.next_a, shape_a, FRAMES - 1),
            "next_b": signatures.frames_to_image(self.next_b, shape_b, FRAMES - 1),
        }


def together(network, frames):
    """What a network says of each of several frames, in one call."""
    return tf.split(network(tf.concat(frames, axis=0), training=True), len(frames))


def translated(generator, predictor, clip):
    """The first two frames of a clip in the other domain, and what its predictor expects after them."""
    fakes = together(generator, clip[:2])
    return [*fakes, following(predictor, fakes)]


def following(predictor, frames, training=True):
    """The frame that a predictor expects after `frames`, images [B, H, W, C] in the order of time."""
    return predictor(tf.concat(frames, axis=-1), training=training)


def adversarial(discriminator, fakes):
    """L_g of the translator: the sum over its fakes of E[(D(fake) - 1)^2], which has no factor 1/2."""
    return 2.0 * tf.add_n([losses.lsgan_generator_loss(logits) for logits in together(discriminator, fakes)])


def judged(discriminator, clip, fakes):
    """D's loss: each frame against the fake at its time, and the last one against the prediction too, each halved."""
    real, fake = together(discriminator, clip), together(discriminator, fakes)
    pairs = zip([*real, real[-1]], fake, strict=True)
    return tf.add_n([losses.lsgan_discriminator_loss(*logits) for logits in pairs])


def _frames(clips):
    if clips.shape[1] != FRAMES:
        raise InputError(f"clips of {clips.shape[1]} frames, of shape {clips.shape.as_list()}; expected {FRAMES}")
    return tf.unstack(clips, axis=1)


def _each(translate, clips):
    """`translate` of each frame of clips [N, T, H, W, C]."""
    return tf.stack([translate(frame) for frame in tf.unstack(clips, axis=1)], axis=1)


def _with_next(clips, predict):
    """Clips with what is predicted in place of the last frame."""
    return tf.concat([clips[:, :2], predict(clips[:, :2])[:, None]], axis=1)
