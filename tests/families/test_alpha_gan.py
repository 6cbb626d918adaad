import statistics

import keras
import numpy as np
import pytest
import tensorflow as tf
from closed_form import at, line, noise, sigmoid, slope_at, softplus, step
from conformance import Conformance

from tfgan_zoo import AlphaGAN, losses
from tfgan_zoo.errors import InputError
from tfgan_zoo.networks.dcgan import dcgan_discriminator, dcgan_generator
from tfgan_zoo.networks.mlp import mlp_discriminator

SHAPE = (8, 8, 1)


class TestAlphaGAN(Conformance):
    def make(self):
        return AlphaGAN(
            dcgan_discriminator(SHAPE, 4, outputs=3),
            dcgan_generator(SHAPE, 3, 4),
            dcgan_discriminator(SHAPE, 4),
            mlp_discriminator((3,), [8], "leaky_relu"),
        )

    def batch(self, count, rng):
        return rng.uniform(-1, 1, [count, *SHAPE]).astype(np.float32)


class Joint(TestAlphaGAN):
    def make(self):
        made = super().make()
        return AlphaGAN(*(getattr(made, role) for role in made.roles), joint=True, terms="non_saturating")


def test_with_one_update_of_encoder_and_generator_it_trains_and_is_served(tmp_path):
    Joint().test_a_few_steps_move_every_trainable_weight_and_log_finite_losses()
    Joint().test_the_export_answers_every_signature_as_the_live_model_does(tmp_path)


# --- a step by hand: every network is a line, whose sign is turned outside of training


POINTS = np.array([0.9, -0.4, 0.3])
WEIGHTS = {
    "encoder": [0.8, 0.3],
    "generator": [0.6, -0.2],
    "discriminator": [0.7, 0.1],
    "code_discriminator": [-0.5, 0.4],
}


def lines(**kwargs):
    return AlphaGAN(*(line(w) for w in WEIGHTS.values()), **kwargs)


def told(logits, terms):
    """What a discriminator tells, and its slope in the logits."""
    if terms == "ratio":
        return -logits.mean(), -np.ones(len(logits))
    return softplus(-logits).mean(), -sigmoid(-logits)


def by_hand(x, draws, weight, terms, joint):
    """Losses and weights after a step of SGD(1); the last of the draws is that of the discriminators."""
    e, g, d, c = (np.array(w) for w in WEIGHTS.values())
    for z in draws[:-1]:

        def pictures(e, g, z=z):
            """Losses of reconstruction and data; slopes of the weighted sum in G and in the code through G."""
            code = at(e, x)
            made, generated = at(g, code), at(g, z)
            (of_made, slope), (of_generated, other) = (told(at(d, p), terms) for p in (made, generated))
            rec = weight * np.sign(made - x)
            in_g = slope_at(rec + slope * d[0], code) + slope_at(other * d[0], z)
            return np.abs(made - x).mean(), of_made + of_generated, in_g, rec * g[0], slope * d[0] * g[0]

        code = at(e, x)
        code_term, of_code = told(at(c, code), terms)
        reconstruction, data_term, in_g, by_pixels, by_d = pictures(e, g)
        if joint:
            e, g = e - slope_at(by_pixels + by_d + of_code * c[0], x), g - in_g
        else:
            e = e - slope_at(by_pixels + of_code * c[0], x)
            reconstruction, data_term, in_g, *_ = pictures(e, g)
            g = g - in_g
    z, code = draws[-1], at(e, x)
    made, generated = at(g, code), at(g, z)
    real, *fakes = (at(d, p) for p in (x, made, generated))
    d_loss = softplus(-real).mean() + sum(softplus(fake).mean() for fake in fakes)
    of_fakes = [slope_at(sigmoid(fake), p) for fake, p in zip(fakes, (made, generated), strict=True)]
    d = d - slope_at(-sigmoid(-real), x) - of_fakes[0] - of_fakes[1]
    prior, posterior = at(c, z), at(c, code)
    c_loss = softplus(-prior).mean() + softplus(posterior).mean()
    c = c - slope_at(-sigmoid(-prior), z) - slope_at(sigmoid(posterior), code)
    logs = {"reconstruction": reconstruction, "data_term": data_term, "code_term": code_term}
    return logs | {"d_loss": d_loss, "c_loss": c_loss}, dict(zip(WEIGHTS, (e, g, d, c), strict=True))


@pytest.mark.parametrize("joint", [False, True])
@pytest.mark.parametrize("terms", ["ratio", "non_saturating"])
@pytest.mark.parametrize(("weight", "pair_steps"), [(0.3, 1), (0.1, 2), (0.0, 1)])
def test_a_step_computed_by_hand(weight, pair_steps, terms, joint):
    model = lines(reconstruction_weight=weight, pair_steps=pair_steps, terms=terms, joint=joint)
    expected, after = by_hand(POINTS, noise(model, 3, pair_steps + 1), weight, terms, joint)
    moved, logs = step(model, POINTS[:, None])
    assert logs.keys() == expected.keys()
    np.testing.assert_allclose([logs[name] for name in expected], list(expected.values()), rtol=1e-5)
    for role, weights in after.items():
        np.testing.assert_allclose(moved[role], WEIGHTS[role] - weights, rtol=2e-5, atol=2e-6, err_msg=role)


@pytest.mark.parametrize("joint", [False, True])
def test_each_optimizer_moves_its_own_networks_alone(joint):
    pair = {"encoder", "generator"} if joint else {"generator"}
    owners = {"g_optimizer": pair, "d_optimizer": {"discriminator"}, "c_optimizer": {"code_discriminator"}}
    owners |= {} if joint else {"e_optimizer": {"encoder"}}
    for name, roles in owners.items():
        model = lines(joint=joint)
        before = {role: getattr(model, role).get_weights() for role in model.roles}
        model.compile(**{other: keras.optimizers.SGD(float(other == name)) for other in model.trains})
        model.fit(tf.data.Dataset.from_tensors(np.float32(POINTS[:, None])), verbose=0)
        after = {role: getattr(model, role).get_weights() for role in model.roles}
        assert {role for role in before if not np.array_equal(before[role][0], after[role][0])} == roles


# --- the ratios, for a prior N(0, 1) and codes from N(m, s^2)


M, S = 0.7, 0.6
KL = (M**2 + S**2 - 1) / 2 - np.log(S)


def best_logits(z):
    """log p(z) - log q(z): the logit of the best C, which says 1 of the prior."""
    return -(z**2) / 2 + (z - M) ** 2 / (2 * S**2) + np.log(S)


QUANTILES = np.array([statistics.NormalDist().inv_cdf((i + 0.5) / 20_000) for i in range(20_000)])


def test_of_the_best_code_discriminator_the_ratio_is_the_divergence_and_the_logarithm_is_not():
    np.testing.assert_allclose(KL, 0.435826, rtol=1e-6)
    codes = np.array([M - S, M + S])  # whose mean of any quadratic function is its expectation
    np.testing.assert_allclose(lines().term(best_logits(codes)), KL, rtol=1e-6)
    many = best_logits(M + S * QUANTILES)
    np.testing.assert_allclose(lines().term(many), KL, rtol=1e-3)
    np.testing.assert_allclose(lines(terms="non_saturating").term(many), 0.978166, rtol=1e-3)
    np.testing.assert_allclose(lines().term(-best_logits(codes)), -KL, rtol=1e-6)  # swapped labels turn its sign


def test_where_both_laws_are_one_the_ratio_is_0_and_the_logarithm_that_of_2():
    np.testing.assert_allclose(lines().term(tf.zeros([5, 1])), 0.0)
    np.testing.assert_allclose(lines(terms="non_saturating").term(tf.zeros([5, 1])), np.log(2), rtol=1e-6)


def test_the_encoder_learns_from_the_best_code_discriminator_as_from_the_divergence_itself():
    mean, deviation = tf.Variable(M), tf.Variable(S)
    with tf.GradientTape() as tape:
        term = lines().term(best_logits(mean + deviation * tf.constant([-1.0, 1.0])))
    found = tape.gradient(term, [mean, deviation])
    np.testing.assert_allclose(found, [M, S - 1 / S], rtol=1e-5)


def test_the_best_code_discriminator_is_where_its_loss_with_the_prior_as_1_has_no_slope():
    z, code = QUANTILES, M + S * QUANTILES
    shift, scale, bend = tf.Variable(0.0, dtype=tf.float64), tf.Variable(0.0, dtype=tf.float64), tf.Variable(
        0.0, dtype=tf.float64
    )  # fmt: skip

    def say(x):
        return best_logits(x) + shift + scale * x + bend * x**2

    with tf.GradientTape() as tape:
        loss = losses.non_saturating_discriminator_loss(say(tf.constant(z)), say(tf.constant(code)))
    np.testing.assert_allclose(tape.gradient(loss, [shift, scale, bend]), np.zeros(3), atol=1e-3)


# --- what is served


def test_what_is_served_is_said_outside_of_training_as_computed_by_hand():
    model, x = lines(), tf.constant([[1.0], [2.0]])
    served = {name: function for name, (function, _) in model.signatures().items()}
    # Each network says the negative of its line there.
    np.testing.assert_allclose(served["encode"](x)["code"], [[-1.1], [-1.9]], rtol=1e-5)
    np.testing.assert_allclose(served["decode"](x)["generated"], [[-0.4], [-1.0]], rtol=1e-5)
    np.testing.assert_allclose(served["discriminate"](x)["logits"], [[-0.8], [-1.5]], rtol=1e-5)
    np.testing.assert_allclose(served["discriminate_code"](x)["code_logits"], [[0.1], [0.6]], rtol=1e-5)


def test_discriminators_are_served_by_pictures_and_by_codes():
    model = TestAlphaGAN().make()
    image = np.random.default_rng(0).uniform(-1, 1, [2, *SHAPE]).astype(np.float32)
    served = model.signatures()
    code = served["encode"][0](image)["code"]
    np.testing.assert_allclose(served["reconstruct"][0](image)["generated"], model.decode(code), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(
        served["discriminate_code"][0](code)["code_logits"], model.code_discriminator(code), rtol=1e-5, atol=1e-6
    )
    np.testing.assert_allclose(
        served["discriminate"][0](image)["logits"], model.discriminator(image), rtol=1e-5, atol=1e-6
    )


def test_unknown_terms_are_refused():
    with pytest.raises(InputError, match=r"^terms is 'kl'; expected ratio or non_saturating$"):
        lines(terms="kl")
