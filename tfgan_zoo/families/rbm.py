"""RBM: "Training Restricted Boltzmann Machines using Approximations to the Likelihood Gradient", Tieleman, ICML 2008.
Restricted Boltzmann machines are reviewed by Montufar, arXiv 1806.07066.

No GAN: what is compared with them. Persistent contrastive divergence with 15 Gibbs steps, as the program of the Deep
Learning Tutorials has it (github.com/lisa-lab/DeepLearningTutorials, rbm.py), which is what was read; neither paper
was, and no equation is cited. The gradient of the likelihood is the difference of two means of that of the free energy,
over data and over the model's own pictures. Departs from that program in that
- grey pixels become black and white by a new draw in each step; what it does with them was not looked up;
- the number of chains need not be that of the examples of a step;
- its monitor, the pseudo-likelihood, takes a pixel after another by the number of the step.
"""

import tensorflow as tf

from tfgan_zoo import base, layers, likelihoods, random, signatures
from tfgan_zoo.errors import InputError


class RBM(base.GenerativeModel):
    """A law of black and white pictures, p(x) = e^-F(x) / Z, learned without its Z.

    Compile with `rbm_optimizer`; `train_step` takes images [B, H, W, C] in [-1, 1], or a dict with the column `image`.
    Logs `loss`, the difference of mean free energies of data and of the chains, whose gradient is that of -log p but
    which is no likelihood, and `pseudo_log_likelihood` in nats per picture, estimated from one pixel a step.

    What is served looks at black and white: pixels above 0 are white. A sample is the mean of the pixels after
    `sample_steps` Gibbs steps from random pixels, and takes as long.

    Args:
        energy: `image [B, H, W, C] -> F [B]`, whose last layer is a `layers.RestrictedBoltzmann`; `networks.rbm` has
            it.
        gibbs_steps: v -> h -> v steps of the chains for each step of training, the k of CD-k.
        chains: how many there are; 0: new ones start at the data in every step (contrastive divergence).
        sample_steps: see above.
        seed: see `base.GenerativeModel`.

    Raises:
        InputError: a network without such a layer.

    Example:
        import keras
        import numpy as np
        from tfgan_zoo import RBM
        from tfgan_zoo.networks.rbm import rbm_energy

        model = RBM(rbm_energy((8, 8, 1), hidden=16), gibbs_steps=2, chains=10)
        model.compile(rbm_optimizer=keras.optimizers.SGD(0.1))
        images = np.random.uniform(-1, 1, [16, 8, 8, 1]).astype("float32")
        model.fit(images, batch_size=4, verbose=0)
        energy = model(images[:2])["energy"]  # [2]
    """

    answers = "energy"

    def __init__(self, energy, *, gibbs_steps=15, chains=20, sample_steps=1000, seed=0):
        super().__init__(networks={"energy": energy}, trains={"rbm_optimizer": ["energy"]}, seed=seed)
        if not isinstance(energy.layers[-1], layers.RestrictedBoltzmann):
            raise InputError(
                "the last layer of energy is no layers.RestrictedBoltzmann; networks.rbm.rbm_energy has one"
            )
        self.gibbs_steps, self.sample_steps = gibbs_steps, sample_steps
        self.image_shape = tuple(energy.input_shape[1:])
        self.chains = Chains(chains, self.image_shape) if chains else None

    def train_step(self, batch):
        image = likelihoods.draw_binary(base.image_of(batch))
        made = self.negative(image)
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(self.energy(image)) - tf.reduce_mean(self.energy(tf.stop_gradient(made)))
        likelihood = self.pseudo_log_likelihood(image, random.step())
        self.minimize(loss, tape, self.rbm_optimizer)
        return self.track(loss=loss, pseudo_log_likelihood=tf.reduce_mean(likelihood))

    def negative(self, image):
        """Pictures of the model: where the chains are after their steps, or chains that start at `image`."""
        if self.chains is None:
            return self.walk(image, [self.thresholds(tf.shape(image)[0]) for _ in range(self.gibbs_steps)])
        # All replicas walk all chains, by the same numbers.
        steps = [self.thresholds(self.chains.count, same=True) for _ in range(self.gibbs_steps)]
        made = self.walk(self.chains.pictures, steps)
        self.chains.pictures.assign(made)
        return made

    def thresholds(self, count, *, same=False):
        """What one Gibbs step draws: uniform numbers for the hidden and for the visible units."""
        units = self.energy.layers[-1]
        sizes = units.units, units.kernel.shape[0]
        return tuple(random.uniform([count, size], same=same) for size in sizes)

    def walk(self, image, steps):
        """Gibbs steps v -> h -> v.

        Args:
            image: `[N, H, W, C]` of -1 and 1.
            steps: of each step, what `thresholds` draws.

        Returns:
            The same of the last step.
        """
        for of_hidden, of_visible in steps:
            hidden = tf.cast(of_hidden < self.hidden_means(image), tf.float32)
            white = of_visible < tf.sigmoid(self.energy.layers[-1].visible_logits(hidden))
            image = tf.reshape(tf.where(white, 1.0, -1.0), [-1, *self.image_shape])
        return image

    def hidden_means(self, image):
        """P(h = 1 | x), `[N, hidden]`."""
        visible = 0.5 * (tf.reshape(image, [tf.shape(image)[0], -1]) + 1.0)
        return tf.sigmoid(self.energy.layers[-1].hidden_logits(visible))

    def visible_means(self, hidden):
        """The mean picture given hidden units, `[N, H, W, C]` in [-1, 1]."""
        logits = self.energy.layers[-1].visible_logits(hidden)
        return tf.reshape(2.0 * tf.sigmoid(logits) - 1.0, [-1, *self.image_shape])

    def pseudo_log_likelihood(self, image, pixel):
        """N log p(x_i | all others), `[B]` in nats, of pixel i modulo N: on average over them the sum of all.

        Args:
            image: `[B, H, W, C]` of -1 and 1.
            pixel: an integer.
        """
        count = self.energy.layers[-1].kernel.shape[0]
        sign = 1.0 - 2.0 * tf.one_hot(tf.cast(pixel % count, tf.int32), count)
        flipped = image * tf.reshape(sign, [1, *self.image_shape])
        return -count * tf.math.softplus(self.energy(image) - self.energy(flipped))

    def sample(self, count, steps=None):
        """Mean pictures `[count, H, W, C]` after Gibbs steps from random pixels, from the open `random.stream`.

        Args:
            count: how many.
            steps: of each; by default `sample_steps`.
        """
        key = random.integers([1], 2**23)[0]
        start = tf.where(random.uniform([count, *self.image_shape]) < 0.5, 1.0, -1.0)

        def step(number, image):
            with random.stream(key, number):  # of its own in every turn, whose body is traced once
                return number + 1, self.walk(image, [self.thresholds(count)])

        last = (self.sample_steps if steps is None else steps) - 1
        _, image = tf.while_loop(
            lambda number, _: number < last,
            step,
            (tf.constant(0), start),
            shape_invariants=(tf.TensorShape([]), tf.TensorShape([None, *self.image_shape])),
        )
        with random.stream(key, last):
            hidden = tf.cast(self.thresholds(count)[0] < self.hidden_means(image), tf.float32)
        return self.visible_means(hidden)

    def reconstruct(self, image):
        """The mean picture given the mean hidden units of a picture."""
        return self.visible_means(self.hidden_means(seen(image)))

    def preview(self, batch):
        image = tf.convert_to_tensor(base.image_of(batch))

        @tf.function
        def sample():  # as a graph: the steps are many
            with random.stream(self.seed):
                return self.sample(len(image))

        return {"image": seen(image), "reconstruction": self.reconstruct(image), "sample": sample()}

    def signatures(self):
        """`serving_default(image)`, the free energy; `reconstruct(image)`; `sample` and `sample_png`."""
        image = [tf.TensorSpec([None, *self.image_shape], tf.float32, name="image")]
        return {
            "serving_default": (lambda image: {"energy": self.energy(seen(image))}, image),
            "reconstruct": (lambda image: {"generated": self.reconstruct(image)}, image),
            **signatures.sampling(self.sample),
        }


class Chains(tf.Module):
    """Where the chains of persistent contrastive divergence are: `count` pictures, black at first."""

    def __init__(self, count, image_shape):
        super().__init__()
        self.count = count
        self.pictures = tf.Variable(
            -tf.ones([count, *image_shape]), trainable=False, aggregation=tf.VariableAggregation.ONLY_FIRST_REPLICA
        )


def seen(image):
    """Black and white: pixels above 0 are 1, all others -1."""
    return tf.where(image > 0.0, 1.0, -1.0)
