import keras
import numpy as np
import pytest
import tensorflow as tf
from closed_form import at, line, slope_at, step
from conformance import Conformance

from tfgan_zoo import RecycleGAN
from tfgan_zoo.errors import InputError
from tfgan_zoo.families.recycle_gan import following, translated
from tfgan_zoo.losses import l1
from tfgan_zoo.networks.patchgan import patchgan_discriminator
from tfgan_zoo.networks.residual_translator import residual_translator_generator
from tfgan_zoo.networks.unet import unet_generator

SHAPE = (8, 8, 1)
PIXEL = (1, 1, 1)


class TestRecycleGAN(Conformance):
    def make(self):
        generators = [residual_translator_generator(SHAPE, width=4, blocks=1) for _ in "ab"]
        predictors = [unet_generator((8, 8, 2), 1, 2, "instance", 0.0, depth=2, affine=False) for _ in "ab"]
        discriminators = [patchgan_discriminator(SHAPE, 4, layers=1, normalization="instance") for _ in "ab"]
        return RecycleGAN(*generators, *predictors, *discriminators)

    def batch(self, count, rng):
        a, b = rng.uniform(-1, 1, [2, count, 3, *SHAPE]).astype(np.float32)
        return {"a": a, "b": b}


def _of_two(weights):
    """`line(weights)` of two frames, as one network of both on the channels."""
    both, of_two = keras.Input((1, 1, 2)), line(weights, PIXEL)
    return keras.Model(both, of_two([both[..., :1], both[..., 1:]]))


def _model(weights, **given):
    ab, ba, pa, pb, da, db = weights
    return RecycleGAN(
        line(ab, PIXEL), line(ba, PIXEL), _of_two(pa), _of_two(pb), line(da, PIXEL), line(db, PIXEL), **given
    )


AB, BA, DA, DB = np.array([[0.6, 0.1], [-0.7, 0.2], [0.9, -0.3], [0.5, 0.4]])
PA, PB = np.array([[0.4, -0.8, 0.15], [-0.5, 0.7, -0.25]])
WEIGHTS = AB, BA, PA, PB, DA, DB
A = np.array([[0.5, -0.9, 0.3, -0.2], [0.8, 0.4, -0.6, -0.1], [-0.4, 0.75, 0.15, 0.95]])  # [3 times, 4 clips]
B = np.array([[-0.3, 0.65, 0.85, -0.7], [0.25, -0.45, 0.55, 0.05], [0.35, -0.15, -0.95, 0.6]])


def _batch(a, b):
    return {"a": a.T.reshape(-1, 3, 1, 1, 1), "b": b.T.reshape(-1, 3, 1, 1, 1)}


def _by_hand(there, back, ahead, ahead_there, d, x, w_recycle, w_prediction, far):
    """What the terms that begin in the clips x add: gradients of there, back, ahead (of x), ahead_there; fakes; losses.

    `far` is the distance, and its slope, of what should be equal.
    """
    f0, f1 = at(there, x[0]), at(there, x[1])
    f2 = at(ahead_there, f0, f1)
    again, expected = at(back, f2), at(ahead, x[0], x[1])
    recycle, of_again = far(again - x[2])
    prediction, of_expected = far(expected - x[2])
    of_f0, of_f1, of_f2 = (2 * (at(d, f) - 1) * d[0] for f in (f0, f1, f2))
    of_f2 = of_f2 + w_recycle * of_again * back[0]
    of_f0, of_f1 = of_f0 + of_f2 * ahead_there[0], of_f1 + of_f2 * ahead_there[1]
    gradients = (
        slope_at(of_f0, x[0]) + slope_at(of_f1, x[1]),
        slope_at(w_recycle * of_again, f2),
        slope_at(w_prediction * of_expected, x[0], x[1]),
        slope_at(of_f2, f0, f1),
    )
    g_loss = sum(np.mean((at(d, f) - 1) ** 2) for f in (f0, f1, f2))
    return gradients, (f0, f1, f2), expected, (g_loss, recycle, prediction)


def _d_by_hand(d, real, fakes):
    real = [*real, real[2]]
    gradient = sum(slope_at(at(d, x) - 1, x) + slope_at(at(d, f), f) for x, f in zip(real, fakes, strict=True))
    loss = sum(np.mean((at(d, x) - 1) ** 2) + np.mean(at(d, f) ** 2) for x, f in zip(real, fakes, strict=True)) / 2
    return gradient, loss


FAR = {
    "l1": lambda e: (np.mean(np.abs(e)), np.sign(e)),
    "l2": lambda e: (np.mean(e**2), 2 * e),
}


@pytest.mark.parametrize(
    ("given", "recycle", "prediction"),
    [
        ({}, (10, 10), (10, 10)),
        ({"distance": "l2", "recycle_weights": (3, 5), "prediction_weights": (2, 7)}, (3, 5), (2, 7)),
    ],
    ids=["defaults", "squares, each weight another"],
)
def test_a_step_moves_each_network_by_the_gradient_computed_by_hand(given, recycle, prediction):
    # All networks are linear, of clips of one pixel. Translators and predictors step first, against D as it was; then D
    # on the fakes that were made before.
    moved, logs = step(_model(WEIGHTS, **given), _batch(A, B))
    far = FAR[given.get("distance", "l1")]
    (ab, ba, pa, pb), fakes_b, next_a, of_a = _by_hand(AB, BA, PA, PB, DB, A, recycle[0], prediction[0], far)
    (ba_2, ab_2, pb_2, pa_2), fakes_a, next_b, of_b = _by_hand(BA, AB, PB, PA, DA, B, recycle[1], prediction[1], far)
    of_da, loss_a = _d_by_hand(DA, A, [*fakes_a, next_a])
    of_db, loss_b = _d_by_hand(DB, B, [*fakes_b, next_b])
    expected = {
        "generator_ab": ab + ab_2,
        "generator_ba": ba + ba_2,
        "predictor_a": pa + pa_2,
        "predictor_b": pb + pb_2,
        "discriminator_a": of_da,
        "discriminator_b": of_db,
    }
    for role, gradient in expected.items():
        np.testing.assert_allclose(moved[role], gradient, rtol=1e-5, atol=1e-6, err_msg=role)
    sums = np.add(of_a, of_b)
    got = [logs[name] for name in ("d_loss", "g_loss", "recycle", "prediction")]
    np.testing.assert_allclose(got, [loss_a + loss_b, *sums], rtol=1e-5)


class _Rolled(keras.layers.Layer):
    """The last of two frames on the channels, one pixel further to the right."""

    def call(self, x):
        return tf.roll(x[..., x.shape[-1] // 2 :], 1, axis=2)


def _world():
    """Clips that roll by a pixel per frame, b being a with its channels permuted; the networks that know both."""
    order = [2, 0, 1]
    first = np.random.default_rng(3).uniform(-1, 1, [2, 4, 5, 3]).astype(np.float32)
    a = np.stack([np.roll(first, t, axis=2) for t in range(3)], axis=1)
    b = np.stack([np.roll(first[::-1], t, axis=2) for t in range(3)], axis=1)[..., order]

    def network(channels, layer):
        x = keras.Input((4, 5, channels))
        return keras.Model(x, layer(x))

    def permuted(permutation):
        kernel = keras.initializers.Constant(np.eye(3)[:, permutation])
        return network(3, keras.layers.Conv2D(3, 1, kernel_initializer=kernel, use_bias=False))

    judges = [network(3, keras.layers.Conv2D(1, 1)) for _ in "ab"]
    networks = [permuted(order), permuted(np.argsort(order)), network(6, _Rolled()), network(6, _Rolled())]
    return RecycleGAN(*networks, *judges), {"a": a, "b": b}


def test_perfect_predictors_and_inverse_translators_have_recycle_and_prediction_loss_zero_and_not_back_in_time():
    model, clips = _world()
    _, logs = step(model, clips)
    assert (logs["recycle"], logs["prediction"]) == (0.0, 0.0)
    model, clips = _world()
    back = {name: clip[:, ::-1] for name, clip in clips.items()}
    _, logs = step(model, back)
    # Rolled on, frame 1 is frame 2 again, where frame 0 comes.
    off = sum(np.abs(clip[:, 2] - clip[:, 0]).mean(dtype=np.float64) for clip in clips.values())
    np.testing.assert_allclose([logs["recycle"], logs["prediction"]], [off, off], rtol=1e-5)
    np.testing.assert_allclose(off, 1.126064, rtol=1e-5)


def test_the_gradient_of_the_recycle_loss_from_a_reaches_both_translators_and_the_predictor_of_b_and_not_that_of_a():
    blind = np.zeros_like(DA)  # a discriminator that sees no picture gives no gradient to what makes them
    model = _model((AB, BA, PA, PB, blind, blind), recycle_weights=(10.0, 0.0), prediction_weights=(0.0, 0.0))
    moved, _ = step(model, _batch(A, B))
    f0, f1 = at(AB, A[0]), at(AB, A[1])
    f2 = at(PB, f0, f1)
    slope = 10 * np.sign(at(BA, f2) - A[2])
    of_f2 = slope * BA[0]
    np.testing.assert_array_equal(moved["predictor_a"], [0, 0, 0])
    np.testing.assert_allclose(moved["predictor_b"], slope_at(of_f2, f0, f1), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(moved["generator_ba"], slope_at(slope, f2), rtol=1e-5, atol=1e-6)
    through = slope_at(of_f2 * PB[0], A[0]) + slope_at(of_f2 * PB[1], A[1])
    np.testing.assert_allclose(moved["generator_ab"], through, rtol=1e-5, atol=1e-6)
    sizes = [np.linalg.norm(moved[role]) for role in ("predictor_b", "generator_ba", "generator_ab")]
    np.testing.assert_allclose(sizes, [1.997761, 1.53, 1.785], rtol=1e-5)


def test_a_predictor_is_given_the_earlier_frame_first_in_training_and_where_it_is_served():
    model = _model(WEIGHTS)
    frames = np.float32(_batch(A, B)["a"][:, :2])
    served = model.signatures()["next_a"][0](tf.constant(frames))["generated"]
    np.testing.assert_allclose(np.ravel(served), -at(PA, A[0], A[1]), rtol=1e-5)  # the sign says: not in training
    ahead = following(model.predictor_a, [frames[:, 0], frames[:, 1]])
    np.testing.assert_allclose(np.ravel(ahead), at(PA, A[0], A[1]), rtol=1e-5)
    shown = model.preview({name: np.float32(clips) for name, clips in _batch(A, B).items()})
    np.testing.assert_array_equal(np.ravel(shown["b, its last predicted"][:, 1]), np.float32(B[1]))
    np.testing.assert_allclose(np.ravel(shown["b, its last predicted"][:, 2]), -at(PB, B[0], B[1]), rtol=1e-5)
    np.testing.assert_allclose(np.reshape(shown["a to b"], [4, 3]).T, -at(AB, A), rtol=1e-5)


def test_each_signature_answers_for_its_own_direction_and_domain():
    model = _model(WEIGHTS)
    image, frames = np.float32(A[0].reshape(4, 1, 1, 1)), np.float32(_batch(A, B)["b"][:, :2])
    for name, weights in {"serving_default": AB, "a_to_b": AB, "b_to_a": BA}.items():
        got = model.signatures()[name][0](tf.constant(image))["generated"]
        np.testing.assert_allclose(np.ravel(got), -at(weights, A[0]), rtol=1e-5, err_msg=name)
    for name, weights in {"next_a": PA, "next_b": PB}.items():
        got = model.signatures()[name][0](tf.constant(frames))["generated"]
        np.testing.assert_allclose(np.ravel(got), -at(weights, B[0], B[1]), rtol=1e-5, err_msg=name)


def test_the_networks_of_the_paper_have_the_published_number_of_parameters():
    shape = (256, 256, 3)
    translator = residual_translator_generator(shape, blocks=6)
    judge = patchgan_discriminator(shape, normalization="instance")
    assert (translator.count_params(), judge.count_params()) == (7_837_699, 2_764_737)
    of_128 = unet_generator((128, 128, 6), 3, normalization="instance", dropout=0.0, affine=False)
    assert of_128.count_params() == 41_828_739


def test_what_is_not_known_is_one_line_that_says_what_to_do():
    with pytest.raises(InputError, match="^distance is 'l3'; give l1 or l2$"):
        _model(WEIGHTS, distance="l3")
    family = TestRecycleGAN()
    model, clips = family.compiled(), family.batch(4, np.random.default_rng(0))
    long = {name: np.repeat(clip, 2, axis=1) for name, clip in clips.items()}
    says = r"^clips of 6 frames, of shape \[4, 6, 8, 8, 1\]; expected 3$"
    with pytest.raises(InputError, match=says):
        model.fit(tf.data.Dataset.from_tensors(long), shuffle=False, verbose=0)


def test_translated_clips_are_continued_by_the_predictor_of_the_other_domain():
    model = _model(WEIGHTS)
    first, second, third = translated(model.generator_ab, model.predictor_b, list(np.float32(A)[..., None, None, None]))
    np.testing.assert_allclose(np.ravel(third), at(PB, np.ravel(first), np.ravel(second)), rtol=1e-5)
    assert float(l1(third, first)) > 0
