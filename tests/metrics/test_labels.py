import numpy as np
import pytest

from tfgan_zoo.errors import InputError
from tfgan_zoo.metrics.labels import label_accuracy, right_of_each


def test_the_share_of_labels_the_classifier_says():
    scores = np.array([[0.1, 3.0, -1.0], [2.0, 0.0, 1.0], [0.0, 0.0, 0.5], [0.2, 0.7, 0.1]])
    assert label_accuracy(scores, [1, 0, 1, 2]) == {"label_accuracy": 0.5}


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([0, 1, 2], r"labels of shape \[3\] for 2 rows"),
        ([[0], [1]], r"labels of shape \[2, 1\]"),
        ([0, 3], "labels from 0 to 3 .* for 3 classes"),
        ([-1, 2], "labels from -1 to 2"),
        ([0.0, 1.0], "float64"),
    ],
)
def test_labels_that_do_not_fit_are_refused(labels, message):
    with pytest.raises(InputError, match=message):
        label_accuracy(np.eye(3)[:2], labels)


def test_each_label_has_its_own_share():
    scores = np.eye(4)[[0, 0, 1, 2, 2, 2]]
    right, asked = right_of_each(scores, [0, 1, 1, 2, 2, 0])
    assert right.tolist() == [1, 1, 2, 0] and asked.tolist() == [2, 2, 2, 0]
