import numpy as np
import pytest
import tensorflow as tf

from tfgan_zoo import evaluate, pictures, signatures
from tfgan_zoo.data import batches, domains
from tfgan_zoo.data.columns import Data
from tfgan_zoo.metrics import directions


@pytest.fixture(scope="module")
def data():
    """Two characters in three domains: the picture of character i in domain k is all 20 (i + 1) (k + 1)."""
    grey = [20 * (i + 1) * (k + 1) for i in range(2) for k in range(3)]
    pixels = np.broadcast_to(np.array(grey, np.uint8)[:, None, None, None], [6, 4, 4, 1])
    part = batches.from_arrays({"image": (pixels, "bicubic"), "label": (np.arange(6) % 3, None)})
    test = domains.requests(part, 3, aligned=True)
    return Data("x", "domains", part.columns, part, test, "x", "none", classes=("a", "b", "c"))


def test_doing_nothing_has_the_ratio_1_in_every_direction(data):
    score = directions.Directions(lambda image, domain: image, data, batch_size=5)
    found = score.measure()
    np.testing.assert_allclose(score.l1, score.nothing)
    # |k - c| steps of 20 and of 40 grey values, in [-1, 1].
    apart = np.array([[np.nan, 1, 2], [1, np.nan, 1], [2, 1, np.nan]]) * 30 / 127.5
    np.testing.assert_allclose(score.l1, apart, rtol=1e-5)
    np.testing.assert_allclose([found["l1_ratio"], found["l1_worst"]], [1.0, 60 / 127.5], rtol=1e-5)
    np.testing.assert_allclose([found["l1"], found["l1_identity"]], 4 / 3 * 30 / 127.5, rtol=1e-5)


def test_each_direction_is_measured_by_itself(data):
    # The picture of domain k in domain c is (k + 1) / (c + 1) as bright: right towards c, and 0 towards a.
    def translate(image, domain):
        return tf.where((domain == 2)[:, None, None, None], image, tf.zeros_like(image))

    score = directions.Directions(translate, data)
    found = score.measure()
    np.testing.assert_allclose(score.l1[:2, 2], score.nothing[:2, 2])
    to_a = np.mean([1 - 20 / 127.5, 1 - 40 / 127.5])
    np.testing.assert_allclose(score.l1[1:, 0], to_a, rtol=1e-5)
    np.testing.assert_allclose(found["l1_worst"], to_a, rtol=1e-5)
    np.testing.assert_allclose(found["l1"], np.nanmean(score.l1))
    np.testing.assert_allclose(found["l1_ratio"], np.nanmean(score.l1) / np.nanmean(score.nothing))


def test_it_is_the_l1_that_evaluation_measures_of_a_model_that_takes_a_domain(data):
    class Model:
        def signatures(self):
            more = [tf.TensorSpec([None], tf.int64, name="domain")]
            arrays, _ = signatures.image_to_image(brighter, (4, 4, 1), more=more)
            return {"serving_default": arrays}

    def brighter(image, domain):
        return image + 0.2 * tf.cast(domain, tf.float32)[:, None, None, None]

    l1, identity = evaluate.in_training(Model(), data, "--metrics=l1")()
    found = directions.Directions(brighter, data).measure()
    np.testing.assert_allclose(l1["value"], found["l1"], atol=1 / 255)
    np.testing.assert_allclose(identity["value"], found["l1_identity"], rtol=1e-5)
    assert (l1["protocol"]["kind"], l1["protocol"]["split"]) == ("domains", "test")


def test_as_many_are_translated_as_asked_for(data):
    seen = []

    def translate(image, domain):
        tf.py_function(lambda x: seen.append(len(x)), [image], [])
        return image

    directions.Directions(translate, data, most=5, batch_size=2).measure()
    assert sum(seen) in (5, 6) and len(seen) == 3
    found = directions.Directions(lambda image, domain: image, data, most=5).measure()
    assert np.isfinite(list(found.values())).all()


def test_the_heat_map_and_the_sheet_are_pictures_of_one_height(data):
    score = directions.Directions(lambda image, domain: image, data)
    score.measure()
    picture = score.picture()
    assert picture.ndim == 4 and picture.shape[0] == 1 and picture.shape[-1] == 3
    assert -1 <= picture.min() < picture.max() <= 1 and len(np.unique(picture)) > 10
    assert pictures.tile({"": picture}).dtype == np.uint8
    shown = directions.sheet(lambda image, domain: image * (np.asarray(domain) == 1)[:, None, None, None], data, rows=3)
    assert list(shown) == ["image", "to a", "to b", "to c"]
    np.testing.assert_array_equal(shown["to b"], shown["image"])
    assert not shown["to a"].any() and len(shown["image"]) == 3
