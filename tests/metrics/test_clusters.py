import itertools

import numpy as np
import pytest

from tfgan_zoo.errors import InputError
from tfgan_zoo.metrics.clusters import best_assignment, cluster_accuracy, labels_of_the_surest, mapped_accuracy


def test_the_best_assignment_is_that_of_all_permutations():
    rng = np.random.default_rng(0)
    for n in (1, 2, 3, 5, 6):
        for gains in (rng.normal(size=[n, n]), rng.integers(0, 3, [n, n])):  # the latter with ties
            best = max(sum(gains[range(n), list(p)]) for p in itertools.permutations(range(n)))
            found = best_assignment(gains)
            assert sorted(found) == list(range(n))
            np.testing.assert_allclose(gains[range(n), found].sum(), best, atol=1e-12)


def test_taking_the_largest_count_first_is_not_the_best_assignment():
    gains = np.array([[10, 9], [9, 0]])
    np.testing.assert_array_equal(best_assignment(gains), [1, 0])


def test_the_accuracy_of_clusters_does_not_change_with_their_numbers():
    rng = np.random.default_rng(1)
    labels = rng.integers(0, 10, 1000)
    clusters = np.where(rng.uniform(size=1000) < 0.2, rng.integers(0, 10, 1000), labels)
    right = np.mean(clusters == labels)
    for _ in range(3):
        assert cluster_accuracy(rng.permutation(10)[clusters], labels)["cluster_accuracy"] == pytest.approx(right)


def test_two_classes_in_one_cluster_cost_the_smaller_and_clusters_too_many_what_is_in_them():
    merged = cluster_accuracy([0, 0, 0, 0, 0, 1], [0, 0, 0, 1, 1, 2])
    assert merged["cluster_accuracy"] == pytest.approx(4 / 6)
    assert cluster_accuracy([3, 3, 4, 5, 5], [0, 0, 0, 1, 1])["cluster_accuracy"] == pytest.approx(4 / 5)


def test_what_are_no_numbers_of_clusters_is_refused():
    for clusters, labels in (([0, 1], [0, 1, 2]), ([], []), ([[0, 1]], [[0, 1]])):
        with pytest.raises(InputError, match=r"^clusters \[.*\] and labels \[.*\]; expected \[N\], as many of each$"):
            cluster_accuracy(clusters, labels)
    with pytest.raises(InputError, match="clusters are float64; expected integers"):
        cluster_accuracy([0.5, 1.0], [0, 1])


def test_a_cluster_stands_for_the_class_that_is_most_frequent_in_it_among_known_examples():
    known, classes = np.array([0, 0, 0, 1, 1, 3]), np.array([5, 5, 2, 2, 2, 5])
    clusters, labels = np.array([0, 0, 1, 1, 2, 3]), np.array([5, 2, 2, 5, 5, 5])
    # 0 stands for 5, 1 for 2, 3 for 5, and 2, which is not known, for none.
    got = mapped_accuracy(known, classes, clusters, labels)
    np.testing.assert_allclose(got["cluster_accuracy_mapped"], 3 / 6)


def test_a_cluster_has_the_label_of_the_example_that_is_most_surely_in_it():
    probabilities = np.array([[0.6, 0.3, 0.1], [0.1, 0.5, 0.4], [0.0, 0.2, 0.8], [0.9, 0.1, 0.0]])
    np.testing.assert_array_equal(labels_of_the_surest(probabilities, [7, 5, 5, 3]), [3, 5, 5])
    with pytest.raises(InputError, match=r"^labels \[3\]; expected one for each of 4 examples$"):
        labels_of_the_surest(probabilities, [7, 5, 3])
