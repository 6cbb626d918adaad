import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf
from closed_form import sigmoid, softplus, step
from conformance import Conformance

from tfgan_zoo import RBM, random
from tfgan_zoo.errors import InputError
from tfgan_zoo.export import export
from tfgan_zoo.networks.rbm import rbm_energy

SHAPE = (8, 8, 1)


class TestRBM(Conformance):
    def make(self):
        return RBM(rbm_energy(SHAPE, 6), gibbs_steps=2, chains=5, sample_steps=4)

    def batch(self, count, rng):
        return rng.uniform(-1, 1, [count, *SHAPE]).astype(np.float32)


class WithoutChains(TestRBM):
    def make(self):
        return RBM(rbm_energy(SHAPE, 6), gibbs_steps=2, chains=0, sample_steps=4)


def test_contrastive_divergence_makes_on_two_replicas_the_update_that_one_makes(two_replicas):
    WithoutChains().test_two_replicas_make_the_update_that_one_makes(two_replicas)
    WithoutChains().test_a_few_steps_move_every_trainable_weight_and_log_finite_losses()


# --- four pixels and three hidden units, all of whose states can be written down

RNG = np.random.default_rng(0)
W, B, C = RNG.normal(size=[4, 3]), RNG.normal(size=4), RNG.normal(size=3)
STATES = np.array(list(itertools.product([0.0, 1.0], repeat=4)))
HIDDEN = np.array(list(itertools.product([0.0, 1.0], repeat=3)))
IMAGES = np.float32(2 * STATES - 1).reshape(-1, 2, 2, 1)


def small(**kwargs):
    model = RBM(rbm_energy((2, 2, 1), 3), **kwargs)
    model.energy.set_weights([np.float32(x) for x in (W, B, C)])
    return model


def law(w=W, b=B, c=C):
    """p(v) of every state, by E(v, h) = -b.v - c.h - v'Wh."""
    of_both = np.exp(STATES @ b[:, None] + (HIDDEN @ c)[None] + STATES @ w @ HIDDEN.T)  # [16, 8]
    return of_both.sum(1) / of_both.sum()


def test_the_free_energy_is_that_of_all_hidden_states_together():
    weights = np.exp(-np.float64(small().energy(IMAGES)))
    np.testing.assert_allclose(weights / weights.sum(), law(), rtol=2e-6)


def kernel(model):
    """P(v' | v) of one Gibbs step, by what the model says of its units."""
    hidden = np.float64(model.hidden_means(IMAGES))
    of_hidden = np.prod(np.where(HIDDEN[None] == 1, hidden[:, None], 1 - hidden[:, None]), 2)  # [16, 8]
    white = np.float64(model.visible_means(tf.constant(HIDDEN, tf.float32))).reshape(8, 4) / 2 + 0.5
    of_visible = np.prod(np.where(STATES[None] == 1, white[:, None], 1 - white[:, None]), 2)  # [8, 16]
    return of_hidden @ of_visible


def test_a_gibbs_step_keeps_the_law_with_detailed_balance():
    p, move = law(), kernel(small())
    np.testing.assert_allclose(p @ move, p, rtol=2e-6)
    flow = p[:, None] * move
    np.testing.assert_allclose(flow, flow.T, rtol=2e-5)
    np.testing.assert_allclose(move.sum(1), 1.0, rtol=1e-6)


def test_a_walk_moves_as_that_kernel_says():
    model, count = small(), 40_000
    with random.stream(1):
        steps = [model.thresholds(count) for _ in range(2)]
    start = np.repeat(IMAGES[5:6], count, 0)
    for number, expected in ((1, kernel(model)[5]), (2, (kernel(model) @ kernel(model))[5])):
        ended = (np.asarray(model.walk(start, steps[:number])).reshape(count, 4) > 0) @ [8, 4, 2, 1]
        frequencies = np.bincount(ended, minlength=16) / count
        error = np.sqrt(expected * (1 - expected) / count)
        np.testing.assert_array_less(np.abs(frequencies - expected), 4.5 * error)


def test_with_the_exact_negative_phase_the_gradient_is_that_of_the_enumerated_likelihood():
    model, data = small(), np.array([3, 3, 9, 14])
    with tf.GradientTape() as tape:
        energies = model.energy(IMAGES)
        loss = tf.reduce_mean(tf.gather(energies, data)) - tf.reduce_sum(tf.constant(law(), tf.float32) * energies)
    gradients = [g.numpy() for g in tape.gradient(loss, model.energy.trainable_variables)]

    def cost(parts):
        return -np.log(law(*parts)[data]).mean()

    for i, (gradient, value) in enumerate(zip(gradients, (W, B, C), strict=True)):
        for place in np.ndindex(value.shape):
            moved = [[x.copy() for x in (W, B, C)] for _ in range(2)]
            moved[0][i][place] += 1e-5
            moved[1][i][place] -= 1e-5
            np.testing.assert_allclose(gradient[place], (cost(moved[0]) - cost(moved[1])) / 2e-5, atol=2e-6)


def test_samples_have_the_law_after_many_steps():
    model = small(sample_steps=60)

    @tf.function
    def means():
        with random.stream(3):
            return model.sample(20_000)

    # The mean of the last step's means is that of the pixels; a product of two of them is of both only given h.
    np.testing.assert_allclose(
        (means().numpy().reshape(-1, 4).mean(0) + 1) / 2, law() @ STATES, atol=4 * 0.5 / np.sqrt(20_000)
    )


def test_the_pseudo_likelihood_is_the_sum_over_pixels_of_each_given_the_others():
    p, model = law(), small()
    expected = np.zeros(16)
    for i in range(4):
        flipped = np.arange(16) ^ (8 >> i)
        expected += np.log(p / (p + p[flipped]))
    each = [model.pseudo_log_likelihood(IMAGES, i).numpy() for i in range(8)]
    np.testing.assert_allclose(np.mean(each[:4], 0), expected, rtol=1e-5)
    np.testing.assert_array_equal(each[4:], each[:4])  # the pixels come again and again


# --- a step by hand


def mean_field(v):
    return sigmoid(C + v @ W)


def walked(v, steps):
    for of_hidden, of_visible in steps:
        h = (of_hidden < mean_field(v)).astype(float)
        v = (of_visible < sigmoid(B + h @ W.T)).astype(float)
    return v


@pytest.mark.parametrize("chains", [3, 0])
def test_a_step_moves_by_the_difference_of_two_means_computed_by_hand(chains):
    model = small(gibbs_steps=2, chains=chains)
    grey = np.random.default_rng(5).uniform(-1, 1, [5, 2, 2, 1])
    if chains:
        model.chains.pictures.assign(IMAGES[[2, 7, 12]])
    with random.stream(model.seed):
        drawn = np.float64(random.uniform([5, 2, 2, 1], -1.0, 1.0))
        steps = [[np.float64(random.uniform([chains or 5, n], same=bool(chains))) for n in (3, 4)] for _ in range(2)]
    data = (drawn < grey).astype(float).reshape(5, 4)
    negative = walked(STATES[[2, 7, 12]] if chains else data, steps)
    moved, logs = step(model, {"image": grey, "label": np.arange(5)})

    def energy(v):
        return -v @ B - softplus(C + v @ W).sum(-1)

    def slopes(v):
        return np.concatenate([-(v.T @ mean_field(v) / len(v)).ravel(), -v.mean(0), -mean_field(v).mean(0)])

    np.testing.assert_allclose(moved["energy"], slopes(data) - slopes(negative), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(logs["loss"], energy(data).mean() - energy(negative).mean(), rtol=1e-4, atol=1e-5)
    flipped = np.abs(data - [1, 0, 0, 0])  # pixel 0, in step 0
    expected = -4 * softplus(energy(data) - energy(flipped)).mean()
    np.testing.assert_allclose(logs["pseudo_log_likelihood"], expected, rtol=1e-5)
    if chains:  # they go on from there
        np.testing.assert_array_equal(model.chains.pictures.numpy().reshape(3, 4), 2 * negative - 1)


# --- what is served, and how it starts


def test_energies_and_reconstructions_are_of_black_and_white_and_samples_hang_on_the_seed(tmp_path):
    model = TestRBM().make()
    image = TestRBM().batch(3, np.random.default_rng(0))
    served = tf.saved_model.load(str(export(model, tmp_path / "rbm"))).signatures
    black_and_white = np.where(image > 0, 1, -1).astype(np.float32)
    np.testing.assert_allclose(
        served["serving_default"](image=tf.constant(image))["energy"], model.energy(black_and_white), rtol=1e-5
    )
    v = (black_and_white.reshape(3, 64) + 1) / 2
    w, b, c = model.energy.get_weights()
    expected = 2 * sigmoid(b + sigmoid(c + v @ w) @ w.T) - 1
    np.testing.assert_allclose(
        served["reconstruct"](image=tf.constant(image))["generated"].numpy().reshape(3, 64), expected, atol=1e-5
    )

    def sample(seed):
        return served["sample"](count=tf.constant(4), seed=tf.constant(seed, tf.int64))["generated"].numpy()

    np.testing.assert_array_equal(sample(1), sample(1))
    assert np.abs(sample(1) - sample(2)).max() > 0.1 and np.abs(sample(1)[0] - sample(1)[1]).max() > 0.1


def test_a_sample_is_a_walk_from_random_pixels_whose_steps_each_draw_anew():
    model = TestRBM().make()
    with random.stream(3):
        made = model.sample(5, steps=3)
    with random.stream(3):
        key = random.integers([1], 2**23)[0]
        image = tf.where(random.uniform([5, *SHAPE]) < 0.5, 1.0, -1.0)
    for number in range(2):
        with random.stream(key, number):
            image = model.walk(image, [model.thresholds(5)])
    with random.stream(key, 2):
        hidden = tf.cast(model.thresholds(5)[0] < model.hidden_means(image), tf.float32)
    np.testing.assert_allclose(made, model.visible_means(hidden), atol=1e-6)


def test_the_published_network_has_its_parameters_and_its_start():
    network = rbm_energy((28, 28, 1), 500)
    assert network.count_params() == 393_284
    kernel, *biases = network.get_weights()
    bound = 4 * np.sqrt(6 / (784 + 500))
    np.testing.assert_allclose([kernel.min(), kernel.max()], [-bound, bound], rtol=1e-3)
    np.testing.assert_allclose(kernel.std(), bound / np.sqrt(3), rtol=0.01)
    assert all(not bias.any() for bias in biases)
    chains = RBM(network).chains.pictures.numpy()
    assert chains.shape == (20, 28, 28, 1) and (chains == -1).all() and RBM(network).gibbs_steps == 15


def test_a_network_of_another_kind_is_refused():
    image = keras.Input(SHAPE)
    network = keras.Model(image, keras.layers.Dense(1)(keras.layers.Flatten()(image)))
    with pytest.raises(InputError, match="the last layer of energy is no layers.RestrictedBoltzmann"):
        RBM(network)
