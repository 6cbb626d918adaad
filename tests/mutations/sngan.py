from tests.mutations import hinge, minibatches, of


def edits():
    edit = of("sngan")
    return [*hinge(edit, 12), *minibatches(edit, "n_dis"), edit("n_dis = 1 by default", "n_dis=5", "n_dis=1")]
