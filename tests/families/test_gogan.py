import keras
import numpy as np
import pytest
import tensorflow as tf
from closed_form import affine, at, line, noise, slope_at, step
from conformance import BATCH, Conformance, state

from tfgan_zoo import GoGAN, random
from tfgan_zoo.data import toy
from tfgan_zoo.families.gogan import margin_loss
from tfgan_zoo.networks.dcgan import dcgan_discriminator, dcgan_generator
from tfgan_zoo.networks.mlp import mlp_discriminator, mlp_generator


class TestGoGAN(Conformance):
    still = ("logits/bias",)  # adds the same to real and fake: no margin feels it

    def make(self):
        # Stages of two steps: the restart of the conformance test falls between them, and so does a copy.
        return GoGAN(
            dcgan_generator((8, 8, 1), latent_dim=6, width=8),
            dcgan_discriminator((8, 8, 1), width=8, normalization=None),
            stage_steps=2,
            n_critic=2,
        )

    def batch(self, count, rng):
        return rng.uniform(-1, 1, [count, 8, 8, 1]).astype(np.float32)

    def test_a_restart_within_the_second_stage_ends_with_the_same_bits(self, tmp_path):
        whole, half = self.compiled(), self.compiled()
        self.train(whole, 5)
        self.train(half, 3)
        path = tf.train.Checkpoint(model=half).write(str(tmp_path / "half"))
        keras.utils.set_random_seed(7)
        resumed = self.compiled()
        tf.train.Checkpoint(model=resumed).read(path).assert_existing_objects_matched()
        self.train(resumed, 2, skip=3)
        for name, value in state(whole).items():
            np.testing.assert_array_equal(state(resumed)[name], value, err_msg=name)

    def test_two_replicas_copy_what_one_copies(self, two_replicas):
        def previous_after_three_steps(strategy, steps):
            model = self.compiled(lambda: keras.optimizers.SGD(0.01), strategy)
            start = [np.array(w) for w in model.previous.weights]
            self.train(model, steps)
            return start, [np.array(w) for w in model.previous.weights]

        start, one = previous_after_three_steps(None, 3)
        _, two = previous_after_three_steps(two_replicas, 3)
        assert max(np.abs(a - b).max() for a, b in zip(start, one, strict=True)) > 1e-4
        for a, b in zip(one, two, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-3, atol=2e-5)


def test_the_loss_is_zero_exactly_when_the_margin_holds():
    real = np.array([[3.0], [2.0]], np.float32)
    assert float(margin_loss(real, real - 1.0, 1.0)) == 0.0
    assert float(margin_loss(real, real - 5.0, 1.0)) == 0.0
    np.testing.assert_allclose(margin_loss(real, real - [[1.0], [0.75]], 1.0), 0.125)  # one of two is 1/4 short
    np.testing.assert_allclose(margin_loss(real, real, 1.0), 1.0)
    half = tf.constant([4096.0], tf.float16)  # whose next number is 4100
    np.testing.assert_allclose(margin_loss(half, half, 1.0), 1.0)


def _line_critic(slope):
    x = keras.Input([1])
    layer = keras.layers.Dense(1, kernel_initializer=keras.initializers.Constant(slope))
    return keras.Model(x, layer(x))


def _losses(model, real, steps):
    """Of each step of a model that learns nothing: what a stage's loss is made of."""
    model.compile(**{name: keras.optimizers.SGD(0.0) for name in model.trains})
    data = tf.data.Dataset.from_tensor_slices(np.full([BATCH, 1], real, np.float32)).repeat().batch(BATCH)
    return [model.fit(data, steps_per_epoch=1, verbose=0).history for _ in range(steps)]


@pytest.mark.parametrize(
    ("real", "first", "rank"),
    [(2.0, 0.0, 0.0), (1.5, 0.0, 0.5), (0.75, 0.25, 1.25), (0.0, 1.0, 2.0)],
    ids=["both margins hold", "the old fakes are too near", "both are too near", "no margin at all"],
)
def test_each_stage_has_its_terms(real, first, rank):
    # G gives 0 whatever z is, D the identity, epsilon 1: [0 + 1 - x]+ at first, then 1/2 [0 + 2 - x]+ beside it.
    model = GoGAN(affine(0.0, 0.0), _line_critic(1.0), stage_steps=2, n_critic=1, clip=1.0)
    steps = _losses(model, real, 4)
    expected = [first] * 2 + [first + 0.5 * rank] * 2
    np.testing.assert_allclose([step["d_loss"][0] for step in steps], expected, atol=1e-6)
    np.testing.assert_allclose([step["rank"][0] for step in steps], [0, 0, rank, rank], atol=1e-6)
    np.testing.assert_allclose([step["gap"][0] for step in steps], real, atol=1e-6)


@pytest.mark.parametrize("number", [1, 2, 3], ids=["first stage", "second stage begins", "second stage goes on"])
def test_a_step_moves_each_network_by_the_gradient_computed_by_hand(number):
    # G(z) = a z + b, the old one at first 0.9 z - 1, the critic w x + c within 0.4; margins 1/4 and 1/2.
    g, old, d, clip = np.array([0.2, 0.3]), np.array([0.9, -1.0]), np.array([0.35, -0.7]), 0.4
    x = np.array([1.0, -1.0, 0.9, 2.0, 0.8, -0.5, 0.9, 3.0])
    model = GoGAN(line(g), line(d), stage_steps=2, epsilon=0.25, n_critic=2, clip=clip)
    model.step.assign(number)
    model.previous.set_weights([np.float32(old[:1])[:, None], np.float32(old[1:])])
    *first, last = noise(model, 4, draws=3)
    moved, logs = step(model, x[:, None])

    later, old = number >= 2, g if number == 2 else old
    after, within = d, []
    for real, z in zip((x[0::2], x[1::2]), first, strict=True):
        fake, old_fake = at(g, z), -at(old, z)  # which `line` turns outside of training
        gap, old_gap = at(after, real) - at(after, fake), at(after, real) - at(after, old_fake)
        rank = later * np.maximum(0, 0.5 - old_gap).mean()
        d_loss = np.maximum(0, 0.25 - gap).mean() + 0.5 * rank
        near, old_near = gap < 0.25, later * (old_gap < 0.5)
        gradient = np.mean(near * (fake - real)) + 0.5 * np.mean(old_near * (old_fake - real))
        within.append(abs(after[0] - gradient) <= clip)
        after = np.clip(after - np.array([gradient, 0]), -clip, clip)
    assert within == [False, True] and 0 < near.mean() < 1 and old_near.mean() < 1  # every border is crossed by some
    np.testing.assert_allclose(moved["discriminator"], d - after, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(moved["generator"], slope_at(-after[0], last), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(np.concatenate([np.ravel(w) for w in model.previous.weights]), old, rtol=1e-6)
    expected = d_loss, -at(after, at(g, last)).mean(), rank, gap.mean()
    np.testing.assert_allclose([logs[name] for name in ("d_loss", "g_loss", "rank", "gap")], expected, rtol=1e-5)


def test_when_a_stage_ends_its_generator_becomes_the_old_one_and_then_stands_still():
    model = GoGAN(affine(1.0, 0.0), _line_critic(0.1), stage_steps=3, n_critic=1)
    model.compile(g_optimizer=keras.optimizers.SGD(1.0), d_optimizer=keras.optimizers.SGD(0.0))
    data = tf.data.Dataset.from_tensor_slices(np.ones([BATCH, 1], np.float32)).repeat().batch(BATCH)
    shifts = []
    for _ in range(7):
        model.fit(data, steps_per_epoch=1, verbose=0)
        shifts.append([float(g.weights[1][0]) for g in (model.generator, model.previous)])
    new, old = np.array(shifts).T
    np.testing.assert_allclose(new, 0.1 * np.arange(1, 8), atol=1e-6)  # a step of the critic's slope each
    np.testing.assert_allclose(old, [0, 0, 0, 0.3, 0.3, 0.3, 0.6], atol=1e-6)


def test_only_the_players_are_trained_and_the_old_generator_begins_as_the_new_one():
    model = TestGoGAN().make()
    assert model.previous.trainable_variables == []
    for old, new in zip(model.previous.weights, model.generator.weights, strict=True):
        np.testing.assert_array_equal(old, new)


def test_five_critic_steps_margins_of_one_and_weights_within_a_tenth_are_the_defaults():
    model = GoGAN(affine(1.0, 0.0), _line_critic(1.0), stage_steps=2)
    assert (model.n_critic, model.minibatches, model.epsilon, model.rank_weight, model.clip) == (5, 5, 1.0, 0.5, 0.1)


def _distance(a, b):
    """The mean over 32 directions of the Wasserstein-1 distance of two clouds of as many points."""
    angles = np.linspace(0, np.pi, 32, endpoint=False)
    directions = np.stack([np.cos(angles), np.sin(angles)])
    return np.abs(np.sort(a @ directions, axis=0) - np.sort(b @ directions, axis=0)).mean()


@pytest.mark.slow
def test_no_stage_leaves_a_larger_gap_on_the_ring_than_the_last(record_property):
    data, batch, steps = toy.points("toy:ring"), 32, 300
    gaps = np.zeros([3, 2, 3])
    for seed in range(3):
        keras.utils.set_random_seed(seed)
        model = GoGAN(
            mlp_generator((2,), 8, [64, 64]),
            mlp_discriminator((2,), [64, 64], "leaky_relu"),
            stage_steps=steps,
            epsilon=0.1,
            seed=seed,
        )
        rmsprop = {n: keras.optimizers.RMSprop(1e-3, rho=0.99, epsilon=1e-16) for n in model.trains}
        model.compile(**rmsprop, steps_per_execution=50)
        held_out = data.sample(1000, [seed, 100]).numpy()
        for stage in range(3):
            points = data.sample(5 * batch * steps, [seed, stage])
            model.fit(tf.data.Dataset.from_tensor_slices(points).batch(5 * batch), shuffle=False, verbose=0)
            with random.stream(3):
                fake = model.generator(random.normal([1000, 8])).numpy()
            critics = tf.reduce_mean(model.discriminator(held_out)) - tf.reduce_mean(model.discriminator(fake))
            gaps[seed, :, stage] = _distance(held_out, fake), critics
    distance, critics = gaps.mean(0)
    record_property("Wasserstein distance after each stage", ", ".join(f"{value:.3f}" for value in distance))
    record_property("critic's gap", ", ".join(f"{value:.4f}" for value in critics))
    assert (np.diff(distance) <= 0).all(), distance
    assert (np.diff(critics) <= 0).all(), critics
    np.testing.assert_allclose(distance[2] / distance[0], 0.7, atol=0.25)
