"""Adversarial losses and penalties: logits in, one float32 scalar (the mean over the replica's batch) out.

Logits are what the discriminator gives before any sigmoid, of any shape: a patch discriminator's are averaged like
a batch. Half-precision logits are widened first, so that means and squares of large values stay finite.
"""

import tensorflow as tf

from tfgan_zoo import random, replicas


def non_saturating_discriminator_loss(real_logits, fake_logits):
    """-E[log D(x)] - E[log(1 - D(G(z)))], Goodfellow et al. 2014 (arXiv 1406.2661), eq. 1, with D = sigmoid(logits)."""
    return tf.reduce_mean(tf.math.softplus(-_f32(real_logits))) + tf.reduce_mean(tf.math.softplus(_f32(fake_logits)))


def non_saturating_generator_loss(fake_logits):
    """-E[log D(G(z))], Goodfellow et al. 2014, section 3: strong gradients while D still wins."""
    return tf.reduce_mean(tf.math.softplus(-_f32(fake_logits)))


def minimax_generator_loss(fake_logits):
    """E[log(1 - D(G(z)))], Goodfellow et al. 2014, eq. 1: saturates while D wins."""
    return -tf.reduce_mean(tf.math.softplus(_f32(fake_logits)))


def lsgan_discriminator_loss(real_logits, fake_logits, a=0.0, b=1.0):
    """1/2 E[(D(x) - b)^2] + 1/2 E[(D(G(z)) - a)^2], Mao et al. 2017 (arXiv 1611.04076), eq. 2; a=0, b=1 is eq. 9.

    CycleGAN (section 4) writes it without the 1/2, then divides its D objective by 2 (section 7.1): this function.

    Args:
        a: target for fakes.
        b: target for reals.
    """
    return 0.5 * (tf.reduce_mean(tf.square(_f32(real_logits) - b)) + tf.reduce_mean(tf.square(_f32(fake_logits) - a)))


def lsgan_generator_loss(fake_logits, c=1.0):
    """1/2 E[(D(G(z)) - c)^2], Mao et al. 2017, eq. 2; c=1 is eq. 9.

    CycleGAN (section 4) omits the 1/2: its generator loss is twice this.

    Args:
        c: what the generator wants the discriminator to say of its fakes.
    """
    return 0.5 * tf.reduce_mean(tf.square(_f32(fake_logits) - c))


def wasserstein_discriminator_loss(real_logits, fake_logits):
    """E[D(G(z))] - E[D(x)], Gulrajani et al. 2017 (arXiv 1704.00028), eq. 3 without its penalty."""
    return tf.reduce_mean(_f32(fake_logits)) - tf.reduce_mean(_f32(real_logits))


def wasserstein_generator_loss(fake_logits):
    """-E[D(G(z))], Gulrajani et al. 2017, Algorithm 1, line 12."""
    return -tf.reduce_mean(_f32(fake_logits))


def hinge_discriminator_loss(real_logits, fake_logits):
    """E[max(0, 1 - D(x))] + E[max(0, 1 + D(G(z)))], Miyato et al. 2018 (arXiv 1802.05957), eq. 16, with its sign
    turned: there it is maximised. SAGAN (1805.08318), eq. 4.
    """
    return tf.reduce_mean(tf.nn.relu(1.0 - _f32(real_logits))) + tf.reduce_mean(tf.nn.relu(1.0 + _f32(fake_logits)))


def hinge_generator_loss(fake_logits):
    """-E[D(G(z))], Miyato et al. 2018, eq. 17."""
    return -tf.reduce_mean(_f32(fake_logits))


def gradient_penalty(discriminator, real, fake):
    """E[(||grad D(e x + (1 - e) G(z))|| - 1)^2], e ~ U[0, 1] per example, Gulrajani et al. 2017, eq. 3, unweighted.

    Two-sided: slopes below 1 are penalised as well. Each example's gradient has to be its own, so the discriminator
    may not use batch normalisation (section 4).

    Args:
        discriminator: called as `discriminator(x, training=True)`; `x [B, ...] -> logits [B, ...]`.
        real, fake: `[B, ...]` of the same shape.

    Raises:
        RuntimeError: no `random.stream` is open; e is drawn from it.
    """
    real, fake = _f32(real), _f32(fake)
    epsilon = random.uniform(tf.stack([tf.shape(real)[0]] + [1] * (real.shape.rank - 1)))  # [B, 1, ...]
    mixed = epsilon * real + (1.0 - epsilon) * fake
    with tf.GradientTape() as tape:
        tape.watch(mixed)
        logits = _f32(discriminator(mixed, training=True))
    gradient = tape.gradient(logits, mixed)
    slope = safe_sqrt(tf.reduce_sum(tf.square(gradient), axis=list(range(1, real.shape.rank))))  # [B]
    return tf.reduce_mean(tf.square(slope - 1.0))


def squared_slope(discriminator, real):
    """E[||grad D(x)||^2] over real x, of which R1 is gamma / 2: Mescheder et al. 2018 (arXiv 1801.04406), section 4.

    Args:
        discriminator: called as `discriminator(x, training=True)`; `x [B, ...] -> logits [B, ...]`.
        real: `[B, ...]`.
    """
    real = _f32(real)
    with tf.GradientTape() as tape:
        tape.watch(real)
        logits = _f32(discriminator(real, training=True))
    gradient = tape.gradient(logits, real)
    return tf.reduce_mean(tf.reduce_sum(tf.square(gradient), axis=list(range(1, real.shape.rank))))


def cross_entropy(logits, label):
    """-E[log P(label | x)], P = softmax(logits): of a classifier.

    Args:
        logits: `[B, K]`.
        label: `[B]`, integers from 0 to K - 1.
    """
    return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(label, _f32(logits)))


def l1(a, b):
    """E[|a - b|], the mean over every element; pix2pix (arXiv 1611.07004), eq. 3, CycleGAN (1703.10593), eq. 2."""
    return tf.reduce_mean(tf.abs(_f32(a) - _f32(b)))


def feature_matching(real_features, fake_features, norm="l2"):
    """The mean over features of (E f(x) - E f(G(z)))^2, Salimans et al. 2016 (arXiv 1606.03498), section 3.1, as its
    code has it for MNIST; with "l1" of |E f(x) - E f(G(z))|, as for CIFAR-10 and SVHN.

    Expectations are over the global batch: every replica gives the loss of all rows, and has to call it.

    Args:
        real_features, fake_features: `[B, features]`, of a hidden layer of the discriminator.
        norm: "l2" or "l1".
    """
    real, fake = (tf.reduce_mean(replicas.gather(_f32(f)), 0) for f in (real_features, fake_features))
    return tf.reduce_mean(tf.square(real - fake) if norm == "l2" else tf.abs(real - fake))


def l2(a, b):
    """E[(a - b)^2], the mean over every element."""
    return tf.reduce_mean(tf.square(_f32(a) - _f32(b)))


def safe_sqrt(x):
    """The square root of x >= 0, whose slope at 0 is taken for 0.

    It is infinite there, and infinity times the slope 0 of a sum of squares is NaN: a norm has no gradient where all it
    is the norm of is 0.

    Args:
        x: floats of any shape.

    Returns:
        The same shape and type; 0 where x is 0 or below.
    """
    positive = x > 0.0
    return tf.where(positive, tf.sqrt(tf.where(positive, x, tf.ones([], x.dtype))), tf.zeros([], x.dtype))


def _f32(x):
    return tf.cast(x, tf.float32)
