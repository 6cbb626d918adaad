"""Directions of a latent space along which pictures change.

Principal components of w: "GANSpace: Discovering Interpretable GAN Controls", Härkönen, Hertzmann, Lehtinen and Paris,
NeurIPS 2020, arXiv 2004.02546, its section 2.1 for StyleGAN. Closed-form factorisation: "Closed-Form Factorization of
Latent Semantics in GANs", Shen and Zhou, CVPR 2021, arXiv 2007.06600, equation 6: the eigenvectors of A'A, where A is
the first weight that the point meets (of styles, those of all layers below each other). Both papers were told from
memory.
"""

import numpy as np
import tensorflow as tf
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from tfgan_zoo.errors import InputError


def principal(points, count):
    """The principal components of points `[N, dim]`.

    Returns:
        `(directions [count, dim], deviations [count])`: unit vectors, the one of the largest deviation first, each with
        its largest component above 0.
    """
    points = np.asarray(points, np.float64)
    _, singular, rows = np.linalg.svd(points - points.mean(0), full_matrices=False)
    return _signed(rows[:count]), (singular / np.sqrt(max(1, len(points) - 1)))[:count]


def factorized(weights, count):
    """Unit vectors that A moves furthest, for `weights` A `[dim, units]`, each with its largest component above 0.

    Returns:
        `(directions [count, dim], gains [count])`: |A' n| of each, the largest first.
    """
    columns, singular, _ = np.linalg.svd(np.asarray(weights, np.float64), full_matrices=False)
    return _signed(columns.T[:count]), singular[:count]


def _signed(rows):
    largest = np.take_along_axis(rows, np.abs(rows).argmax(1)[:, None], 1)
    return (rows * np.sign(largest)).astype(np.float32)


def first_weights(function, name):
    """The matrices that the input `name` of an exported function is multiplied with first, `[dim, units]` in all.

    Args:
        function: a signature's concrete function.
        name: of an input `[B, dim]` or `[B, layers, dim]`.

    Returns:
        Effective weights, with all that the layers do to them (scales, norms), side by side.

    Raises:
        InputError: it is multiplied with none.
    """
    frozen = convert_variables_to_constants_v2(function, lower_control_flow=False)
    graph = frozen.graph
    dim = next(x for x in graph.inputs if x.name.split(":")[0] == name).shape[-1]
    reached, matrices = {f"{name}:0"}, []
    for operation in graph.get_operations():  # in an order in which inputs come before what uses them
        inputs = [x.name for x in operation.inputs]
        if not reached & set(inputs):
            continue
        if operation.type in ("MatMul", "Einsum", "BatchMatMulV2"):
            other = next((x for x in operation.inputs if x.name not in reached and x.shape.rank == 2), None)
            if other is not None and dim in other.shape:
                matrices.append((other, bool(operation.type == "MatMul" and operation.get_attr("transpose_b"))))
        else:
            reached |= {x.name for x in operation.outputs}
    if not matrices:
        raise InputError(f"no matrix that {name} is multiplied with first is found in this model")
    whole = tf.compat.v1.wrap_function(
        lambda: tf.graph_util.import_graph_def(
            graph.as_graph_def(), return_elements=[tensor.name for tensor, _ in matrices], name=""
        ),
        [],
    )
    values = whole.prune([], whole.outputs)()  # of the rest, inputs have no value
    weights = [
        np.asarray(value).T if turned else np.asarray(value)
        for value, (_, turned) in zip(values, matrices, strict=True)
    ]
    return np.concatenate(weights, axis=1)
