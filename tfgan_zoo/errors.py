"""The one error a user can cause and mend, and how a command ends with it."""

import contextlib
import sys


class InputError(ValueError):
    """Something given from outside does not fit: a flag, a folder, an image, a checkpoint, a shape.

    The message is one line that says what was given, what was expected and what to do. Recipes print it and
    exit with code 2; library callers catch it as a `ValueError`.
    """

    ag_pass_through = True  # AutoGraph would make an error of another type of it, many lines long, within a step


@contextlib.contextmanager
def one_line(interrupted="interrupted"):
    """Ends a command in one line: with 2 on bad input and for what cannot be read or written, with 130 on Ctrl-C.

    Args:
        interrupted: what it says then.
    """
    try:
        yield
    except InputError as error:
        _end(2, f"error: {error}")
    except BrokenPipeError:
        raise
    except OSError as error:
        _end(2, f"error: {reason(error)}; mend it, or give another")
    except KeyboardInterrupt:
        _end(130, interrupted)


def reason(error):
    """What an `OSError` says, in one line, with the file that it is about."""
    said = error.strerror or " ".join(str(error).split())[:160]
    return f"{said} ({error.filename})" if error.filename else said


def first_line(error):
    """The first line of an exception's message that says something, or its type."""
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)


def _end(code, line):
    print(line, file=sys.stderr)
    sys.exit(code)
