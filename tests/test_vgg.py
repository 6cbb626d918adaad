import keras
import numpy as np
import pytest

from tfgan_zoo.errors import InputError
from tfgan_zoo.networks.vgg import perceptual_features, vgg_features


@pytest.mark.parametrize("network", ["vgg16", "vgg19"])
def test_features_are_those_of_keras_network_on_pictures_as_its_weights_want_them(network, tmp_path):
    application = {"vgg16": keras.applications.vgg16.VGG16, "vgg19": keras.applications.vgg19.VGG19}[network]
    whole = application(include_top=False, weights=None)
    whole.save_weights(tmp_path / "some.weights.h5")
    layers = ["block1_conv1", "block3_pool"]
    expected = keras.Model(whole.inputs, [whole.get_layer(name).output for name in layers])
    image = np.random.default_rng(0).uniform(-1, 1, [2, 16, 24, 3]).astype(np.float32)
    wanted = expected(keras.applications.vgg19.preprocess_input(image * 127.5 + 127.5))
    features = vgg_features(str(tmp_path / "some.weights.h5"), layers, network=network)
    for got, want in zip(features(image), wanted, strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-3, atol=1e-3)
    grey = vgg_features(str(tmp_path / "some.weights.h5"), layers[1:], network=network, channels=1)
    (got,) = grey(image[..., :1])
    (want,) = vgg_features(str(tmp_path / "some.weights.h5"), layers[1:], network=network)(image[..., [0, 0, 0]])
    np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-5)
    judged = perceptual_features(str(tmp_path / "some.weights.h5"), layers, network=network)(image)
    for got, want in zip(judged, wanted, strict=True):  # as of pixels whose deviation is 1: ImageNet's is 0.2247 of 255
        np.testing.assert_allclose(got, want / 57.2985, rtol=1e-3, atol=1e-4)


def test_weights_that_are_not_there_or_of_another_network_are_one_line(tmp_path):
    path = tmp_path / "x.weights.h5"
    with pytest.raises(InputError, match="are not there"):
        vgg_features(str(path), ["block1_conv1"])
    keras.applications.VGG16(include_top=False, weights=None).save_weights(path)
    with pytest.raises(InputError, match="not of Keras' vgg19"):
        vgg_features(str(path), ["block1_conv1"])
    path.write_text("no weights")
    with pytest.raises(InputError, match="not of Keras' vgg19"):
        vgg_features(str(path), ["block1_conv1"])
    with pytest.raises(InputError, match="has no layer conv9; it has block1_conv1"):
        vgg_features(None, ["conv9"])
