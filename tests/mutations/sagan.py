from tests.mutations import hinge, of, order


def edits():
    edit = of("sagan")
    return [*hinge(edit, 8), order(edit)]
