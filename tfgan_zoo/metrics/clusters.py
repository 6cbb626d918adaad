"""How well numbers of clusters, found without labels, name the classes of held-out examples."""

import numpy as np

from tfgan_zoo.errors import InputError
from tfgan_zoo.metrics import checks


def cluster_accuracy(clusters, labels):
    """Share of examples whose cluster names their class, by the best one-to-one assignment of clusters to classes.

    It is the same whatever the clusters are numbered. Where there are more clusters than classes, or fewer, those that
    are left over count as wrong. The assignment is chosen on the examples that it is measured on.

    Args:
        clusters, labels: `[N]` integers.

    Returns:
        `{"cluster_accuracy": ...}`.

    Raises:
        InputError: no examples, other shapes, numbers that are not integers.
    """
    clusters, labels = np.asarray(clusters), np.asarray(labels)
    if clusters.ndim != 1 or clusters.shape != labels.shape or not len(labels):
        raise InputError(
            f"clusters {list(clusters.shape)} and labels {list(labels.shape)}; expected [N], as many of each"
        )
    for name, numbers in (("clusters", clusters), ("labels", labels)):
        if not np.issubdtype(numbers.dtype, np.integer):
            raise InputError(f"{name} are {numbers.dtype}; expected integers")
    clusters, labels = (np.unique(numbers, return_inverse=True)[1] for numbers in (clusters, labels))
    size = max(clusters.max(), labels.max()) + 1
    counts = np.zeros([size, size])
    np.add.at(counts, (clusters, labels), 1)
    return {"cluster_accuracy": float(counts[np.arange(size), best_assignment(counts)].sum() / len(labels))}


def mapped_accuracy(known_clusters, known_labels, clusters, labels):
    """Share of examples whose cluster stands for their class, each cluster standing for the class that is most frequent
    in it among other, known examples. A cluster that none of these is in stands for no class.

    Args:
        known_clusters, known_labels: `[M]` integers, 0 or more, of the known examples.
        clusters, labels: `[N]` integers, 0 or more, of those that are measured.

    Returns:
        `{"cluster_accuracy_mapped": ...}`.
    """
    known_clusters, known_labels, clusters, labels = map(np.asarray, (known_clusters, known_labels, clusters, labels))
    counts = np.zeros([1 + max(known_clusters.max(), clusters.max()), 1 + known_labels.max()])
    np.add.at(counts, (known_clusters, known_labels), 1)
    stands_for = np.where(counts.any(1), counts.argmax(1), -1)
    return {"cluster_accuracy_mapped": float(np.mean(stands_for[clusters] == labels))}


def labels_of_the_surest(probabilities, labels):
    """The label of each cluster: that of the example which is most surely in it, as "Adversarial Autoencoders" (arXiv
    1511.05644, from memory) names clusters, of which there can be more than classes.

    To be asked of other examples than are scored.

    Args:
        probabilities: of each cluster, `[N, K]`.
        labels: `[N]` integers.

    Returns:
        `[K]`.

    Raises:
        InputError: shapes that do not fit, or no examples.
    """
    probabilities, labels = checks.matrix(probabilities, "probabilities", "K"), np.asarray(labels)
    if labels.shape != probabilities.shape[:1]:
        raise InputError(f"labels {list(labels.shape)}; expected one for each of {len(probabilities)} examples")
    return labels[np.argmax(probabilities, axis=0)]


def best_assignment(gains):
    """The column of each row, no column twice, whose gains have the largest sum (Kuhn 1955, Munkres 1957).

    Args:
        gains: `[n, n]`, finite.

    Returns:
        `[n]` integers.
    """
    costs, n = -np.asarray(gains, np.float64), len(gains)
    of_rows, of_columns = np.zeros(n), np.zeros(n)  # prices: no cost is below the sum of both
    row_of = np.full(n, -1)
    for row in range(n):
        # The cheapest way from this row to a column that is free, over columns whose rows would have to move on.
        cheapest, before, seen = np.full(n, np.inf), np.full(n, -1), np.zeros(n, bool)
        here, column, paid = row, -1, 0.0
        while here >= 0:
            through_here = paid + costs[here] - of_rows[here] - of_columns
            better = ~seen & (through_here < cheapest)
            cheapest[better], before[better] = through_here[better], column
            column = int(np.argmin(np.where(seen, np.inf, cheapest)))
            paid, seen[column] = cheapest[column], True
            here = row_of[column]
        saved = paid - cheapest[seen]
        moving = row_of[seen]
        of_columns[seen] -= saved
        of_rows[moving[moving >= 0]] += saved[moving >= 0]
        of_rows[row] += paid
        while column >= 0:
            row_of[column] = row_of[before[column]] if before[column] >= 0 else row
            column = before[column]
    return np.argsort(row_of)
