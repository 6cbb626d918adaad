"""The one error a user can cause and mend."""


class InputError(ValueError):
    """Something given from outside does not fit: a flag, a folder, an image, a checkpoint, a shape.

    The message is one line that says what was given, what was expected and what to do. Recipes print it and
    exit with code 2; library callers catch it as a `ValueError`.
    """

    ag_pass_through = True  # AutoGraph would make an error of another type of it, many lines long, within a step
