import keras
import numpy as np
import pytest
import tensorflow as tf
from closed_form import softplus
from conformance import Conformance

from tfgan_zoo import SemanticInpainting, random
from tfgan_zoo.errors import InputError
from tfgan_zoo.families.semantic_inpainting import blend, context_weights
from tfgan_zoo.networks.dcgan import dcgan_discriminator, dcgan_generator


class TestSemanticInpainting(Conformance):
    # It trains nothing: there is no step that could move a weight, differ between replicas or compile.
    test_a_few_steps_move_every_trainable_weight_and_log_finite_losses = None
    test_two_replicas_make_the_update_that_one_makes = None
    test_the_step_compiles_with_xla_and_computes_the_same = None

    def make(self):
        return SemanticInpainting(
            dcgan_generator((8, 8, 1), latent_dim=6, width=8), dcgan_discriminator((8, 8, 1), width=8), iterations=3
        )

    def batch(self, count, rng):
        target = rng.uniform(-1, 1, [count, 8, 8, 1]).astype(np.float32)
        mask = _mask(count, 8, 8)
        return {"image": target * mask, "mask": mask, "target": target}

    def train(self, model, steps, skip=0):
        model.step.assign_add(steps)
        return {}


SEED = tf.constant(0, tf.int64)


def _mask(*shape, seed=0, known=0.6):
    return (np.random.default_rng(seed).uniform(size=[*shape, 1]) < known).astype(np.float32)


def _random(*shape, seed=0):
    return np.random.default_rng(seed).uniform(-1, 1, shape).astype(np.float32)


def _linear(shape=(4, 4, 1), dim=3, seed=0):
    """G(z) = A z + b, and A [dim, H W C] and b."""
    a, b = 0.4 * _random(dim, int(np.prod(shape)), seed=seed), 0.1 * _random(int(np.prod(shape)), seed=seed + 1)
    z = keras.Input([dim])
    layer = keras.layers.Dense(len(b))
    generator = keras.Model(z, keras.layers.Reshape(shape)(layer(z)))
    layer.set_weights([a, b])
    return generator, np.float64(a), np.float64(b)


def _judge(shape=(4, 4, 1), weight=0.3, bias=-0.2):
    """D(x) = sigmoid(weight * sum(x) + bias), in training normalised over the batch."""
    image = keras.Input(shape)
    layer = keras.layers.Dense(1)
    norm = keras.layers.BatchNormalization(center=False, scale=False, epsilon=1e-3)
    discriminator = keras.Model(image, norm(layer(keras.layers.Flatten()(image))))
    layer.set_weights([np.full([int(np.prod(shape)), 1], weight), np.array([bias])])
    norm.set_weights([np.array([0.0]), np.array([1.0 - 1e-3])])
    return discriminator


@pytest.mark.parametrize("weighting", ["paper", "official"])
def test_weights_are_those_of_a_loop_and_0_in_the_hole(weighting):
    mask = _mask(2, 9, 12, seed=1)
    expected = np.zeros_like(mask, np.float64)
    for b, i, j in np.ndindex(2, 9, 12):
        if mask[b, i, j] == 0:
            continue
        around = [(i + di, j + dj) for di in range(-3, 4) for dj in range(-3, 4)]
        if weighting == "paper":
            inside = [(y, x) for y, x in around if 0 <= y < 9 and 0 <= x < 12]
            expected[b, i, j] = np.mean([1 - mask[b, y, x] for y, x in inside])
        else:
            mirrored = [(_mirror(y, 9), _mirror(x, 12)) for y, x in around]
            expected[b, i, j] = np.mean([mask[b, y, x] for y, x in mirrored])
    weights = context_weights(tf.constant(mask), 7, weighting)
    np.testing.assert_allclose(weights, expected, atol=1e-6)
    np.testing.assert_array_equal(weights.numpy()[mask == 0], 0.0)


def _mirror(i, count):
    return -1 - i if i < 0 else 2 * count - 1 - i if i >= count else i


def test_the_paper_s_weights_are_0_more_than_3_pixels_from_the_hole_and_48_49ths_at_most():
    mask = np.ones([1, 20, 20, 1], np.float32)
    mask[0, 10, 10] = 0
    weights = context_weights(tf.constant(mask)).numpy()[0, ..., 0]
    near = np.zeros([20, 20])
    near[7:14, 7:14], near[10, 10] = 1 / 49, 0
    np.testing.assert_allclose(weights, near, atol=1e-7)
    alone = context_weights(tf.constant(1 - mask)).numpy()
    np.testing.assert_allclose(alone.max(), 48 / 49, rtol=1e-6)
    official = context_weights(tf.constant(mask), weighting="official").numpy()[0, ..., 0]
    np.testing.assert_allclose([official[0, 0], official[10, 9], official[10, 10]], [1, 48 / 49, 0], rtol=1e-6)


def test_the_objective_is_a_weighted_sum_over_pixels_and_a_saturating_prior_computed_by_hand():
    generator, a, b = _linear()
    model = SemanticInpainting(generator, _judge())
    z, image, mask = _random(5, 3), _random(5, 4, 4, 1), _mask(5, 4, 4)
    weights = context_weights(tf.constant(mask))
    made = (z @ a + b).reshape(5, 4, 4, 1)
    logits = 0.3 * made.sum((1, 2, 3)) - 0.2
    expected = (weights.numpy() * abs(made - image)).sum((1, 2, 3)) + 0.003 * np.log(1 - 1 / (1 + np.exp(-logits)))
    np.testing.assert_allclose(model.objective(z, image, weights), expected, rtol=1e-5)


def test_two_iterations_are_two_steps_of_adam_that_stay_in_the_cube_computed_by_hand():
    generator, a, b = _linear()
    model = SemanticInpainting(generator, _judge(), prior_weight=0.5, learning_rate=0.7, seed=3)
    image, mask = _random(4, 4, 4, 1), _mask(4, 4, 4)
    weights = context_weights(tf.constant(mask)).numpy().reshape(4, -1)
    y = image.reshape(4, -1)
    with random.stream(3, shared=True):
        z = np.float64(random.uniform([4, 1, 3], -1.0, 1.0))[:, 0]

    def value(z):
        made = z @ a + b
        return (weights * abs(made - y)).sum(1) - 0.5 * softplus(0.3 * made.sum(1) - 0.2)

    def slope(z):
        made = z @ a + b
        of_prior = -0.5 * 0.3 / (1 + np.exp(-(0.3 * made.sum(1) - 0.2)))
        return (weights * np.sign(made - y) + of_prior[:, None]) @ a.T

    tried, m, v = [z], 0.0, 0.0
    for t in (1, 2):
        g = slope(z)
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g**2
        z = np.clip(z - 0.7 * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8), -1, 1)
        tried.append(z)
    assert (np.abs(tried[-1]) == 1).any() and (np.abs(tried[-1]) < 1).any()
    values = np.array([value(z) for z in tried])
    best = np.argmin(values, axis=0)
    assert len(set(best)) > 1, "the last is not always the best"
    made = model.complete(image, mask, tf.constant(2), tf.constant(3, tf.int64))
    np.testing.assert_allclose(made["loss"], values.min(0), rtol=1e-4)
    np.testing.assert_allclose(made["z"], np.array(tried)[best, np.arange(4)], atol=1e-4)
    np.testing.assert_allclose(np.reshape(made["found"], [4, -1]), made["z"] @ a + b, atol=1e-5)
    blended = blend(made["found"], image, mask)
    np.testing.assert_allclose(made["generated"], blended, atol=1e-5)


def test_what_is_in_the_hole_does_not_matter_and_its_slope_is_0():
    model = TestSemanticInpainting().compiled()
    image, mask, z = tf.constant(_random(2, 8, 8, 1)), _mask(2, 8, 8), _random(2, 6)
    weights = context_weights(tf.constant(mask))
    with tf.GradientTape() as tape:
        tape.watch(image)
        loss = model.objective(z, image, weights)
    slope = tape.gradient(loss, image).numpy()
    np.testing.assert_array_equal(slope[mask == 0], 0.0)
    noisy = np.where(mask > 0, image, _random(2, 8, 8, 1, seed=9))
    np.testing.assert_array_equal(model.objective(z, noisy, weights), loss)
    a, b = (model([x, mask])["generated"].numpy() for x in (image, noisy))
    np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(a[mask == 1], image.numpy()[mask == 1])


def test_pictures_are_completed_alike_together_and_alone():
    generator, discriminator = dcgan_generator((16, 16, 1), 6, 8), dcgan_discriminator((16, 16, 1), 8)
    model = SemanticInpainting(generator, discriminator, prior_weight=5.0)
    norms = [x for x in generator.layers + discriminator.layers if isinstance(x, keras.layers.BatchNormalization)]
    assert len(norms) == 3
    for layer in norms:  # statistics that are not those of a batch
        layer.moving_mean.assign(_random(*layer.moving_mean.shape))
    image, mask = _random(5, 16, 16, 1), _mask(5, 16, 16)
    together = model.complete(image, mask, tf.constant(20), SEED)
    alone = model.complete(image[3:4], mask[3:4], tf.constant(20), SEED)
    for name in ("z", "loss", "generated"):
        np.testing.assert_allclose(together[name][3:4], alone[name], rtol=1e-4, atol=1e-4)
    with random.stream(0, shared=True):
        np.testing.assert_allclose(
            model.complete(image, mask, tf.constant(0), SEED)["z"], random.uniform([5, 6], -1.0, 1.0)
        )


def test_the_best_loss_never_rises_and_a_planted_z_is_found(record_property):
    generator, a, b = _linear((8, 8, 1), 3)
    model = SemanticInpainting(generator, _judge((8, 8, 1)), restarts=4, learning_rate=0.05, prior_weight=0.0)
    planted = 0.9 * _random(6, 3, seed=4)
    image, mask = (planted @ a + b).reshape(6, 8, 8, 1).astype(np.float32), _mask(6, 8, 8)
    losses = np.array([model.complete(image, mask, tf.constant(n), SEED)["loss"] for n in (0, 1, 3, 10, 30, 100, 400)])
    assert (np.diff(losses, axis=0) <= 1e-6).all()
    record_property("loss left, share of the first", (losses[-1] / losses[0]).max())
    np.testing.assert_allclose(losses[-1] / losses[0], 0.0, atol=0.01)
    made = model.complete(image, mask, tf.constant(400), SEED)
    np.testing.assert_allclose(made["z"], planted, atol=0.05)
    np.testing.assert_allclose(made["generated"], image, atol=0.05)


def test_of_several_restarts_the_best_is_taken():
    family = TestSemanticInpainting()
    one = family.compiled()
    several = SemanticInpainting(one.generator, one.discriminator, restarts=8)
    image, mask = _random(2, 8, 8, 1), _mask(2, 8, 8)
    weights = context_weights(tf.constant(mask))
    with random.stream(0, shared=True):
        z = random.uniform([2, 8, 6], -1.0, 1.0)
    tried = np.array([several.objective(z[:, i], image, weights) for i in range(8)])
    made = several.complete(image, mask, tf.constant(0), SEED)
    np.testing.assert_allclose(made["loss"], tried.min(0), rtol=1e-5)
    np.testing.assert_allclose(made["z"], z.numpy()[np.arange(2), tried.argmin(0)], rtol=1e-6)


def test_a_search_compiles_with_xla_and_finds_the_same():
    model = TestSemanticInpainting().compiled()
    image, mask = _random(2, 8, 8, 1), _mask(2, 8, 8)
    plain = model.complete(image, mask, tf.constant(2), SEED)
    compiled = tf.function(lambda *given: model.complete(*given), jit_compile=True)
    for name, value in compiled(tf.constant(image), tf.constant(mask), tf.constant(2), SEED).items():
        np.testing.assert_allclose(value, plain[name], rtol=1e-3, atol=1e-3, err_msg=name)


def _residual(x, source, mask):
    """Of the Poisson equation at each pixel of the hole, by a loop, neighbours beyond the border left out."""
    u, found = np.float64(x) - source, np.zeros_like(x, np.float64)
    height, width = u.shape[1:3]
    for b, i, j in np.argwhere(mask[..., 0] == 0):
        for y, z in ((i - 1, j), (i + 1, j), (i, j - 1), (i, j + 1)):
            if 0 <= y < height and 0 <= z < width:
                found[b, i, j] += u[b, i, j] - u[b, y, z]
    return found


def test_blending_solves_the_poisson_equation_and_keeps_what_is_known(record_property):
    source, image = 0.3 * _random(3, 24, 20, 2), 0.3 * _random(3, 24, 20, 2, seed=1)
    mask = _mask(3, 24, 20, known=0.4)
    mask[0, 4:20, :16] = 0  # a large hole that touches the border
    x = blend(source, image, mask).numpy()
    assert np.abs(x).max() < 1, "nothing was cut"
    residual = np.abs(_residual(x, source, mask)).max()
    record_property("residual", residual)
    np.testing.assert_allclose(residual, 0.0, atol=1e-5)
    known = np.broadcast_to(mask == 1, x.shape)
    np.testing.assert_array_equal(x[known], image[known])
    # u = x - source is harmonic: nowhere larger than on the rim.
    u = x - source
    assert np.abs(u[~known]).max() <= np.abs(u[known]).max() + 1e-6


def test_blending_takes_gradients_alone_and_the_identity_for_its_own_picture():
    source, image = 0.3 * _random(2, 12, 12, 1), 0.3 * _random(2, 12, 12, 1, seed=1)
    mask = _mask(2, 12, 12)
    x = blend(source, image, mask)
    np.testing.assert_allclose(blend(source + 0.25, image, mask), x, atol=2e-6)
    np.testing.assert_allclose(blend(source, source, mask), source, atol=1e-6)


def test_in_one_dimension_the_difference_is_linear_between_what_is_known():
    mask = np.ones([1, 1, 10, 1], np.float32)
    mask[0, 0, 1:9] = 0
    source, image = np.zeros_like(mask), np.zeros_like(mask)
    image[0, 0, 0], image[0, 0, 9] = 0.9, -0.9
    np.testing.assert_allclose(blend(source, image, mask)[0, 0, :, 0], np.linspace(0.9, -0.9, 10), atol=1e-5)


def test_a_hole_that_nothing_known_touches_is_as_the_source_and_pictures_blend_alike_together_and_alone():
    source, image = 0.3 * _random(3, 8, 8, 1), 0.3 * _random(3, 8, 8, 1, seed=1)
    mask = _mask(3, 8, 8, known=0.3)
    mask[1] = 0
    x = blend(source, image, mask)
    np.testing.assert_array_equal(x[1], source[1])
    np.testing.assert_allclose(blend(source[2:], image[2:], mask[2:]), x[2:], atol=1e-6)
    cut = blend(4 * source, image, mask).numpy()[1]
    np.testing.assert_allclose(cut, np.clip(4 * source[1], -1, 1), atol=1e-6)
    assert np.abs(4 * source[1]).max() > 1


def test_a_search_that_is_too_long_and_weights_of_another_kind_are_refused():
    model = TestSemanticInpainting().compiled()
    function, _ = model.signatures()["search"]
    image, mask = tf.constant(_random(1, 8, 8, 1)), tf.constant(_mask(1, 8, 8))
    assert function(image, mask, tf.constant(1), SEED)["loss"].shape == [1]
    for iterations in (0, 10_001):
        with pytest.raises(tf.errors.InvalidArgumentError, match="iterations must be from 1 to 10000"):
            function(image, mask, tf.constant(iterations), SEED)
    with pytest.raises(InputError, match="weighting is 'code'; give paper or official"):
        SemanticInpainting(model.generator, model.discriminator, weighting="code")


def test_a_grid_shows_the_hole_what_was_found_and_it_blended():
    family = TestSemanticInpainting()
    model = family.compiled()
    batch = family.batch(3, np.random.default_rng(0))
    shown = model.preview(batch)
    assert list(shown) == ["input", "G(z)", "blended", "target"]
    made = model.complete(batch["image"], batch["mask"], tf.constant(3), SEED)
    np.testing.assert_allclose(shown["G(z)"], made["found"], atol=1e-5)
    np.testing.assert_allclose(shown["blended"], made["generated"], atol=1e-5)
