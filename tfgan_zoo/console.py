"""What a person sees on the terminal. Importing this module imports TensorFlow without its start-up messages."""

import contextlib
import os
import platform
import sys
import tempfile


@contextlib.contextmanager
def native_messages_held():
    """Holds back what C++ code writes to the terminal; shows it after all if what is done inside fails."""
    # TensorFlow's C++ start-up lines go straight to file descriptor 2, before any log level is read.
    sys.stderr.flush()
    stderr = os.dup(2)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        except BaseException:
            os.dup2(stderr, 2)
            held.seek(0)
            os.write(2, held.read())
            raise
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)


def _import_tensorflow():
    # Twice as fast on x86 without AVX-512, where it is off unless asked for; with AVX-512 it is on anyway.
    if platform.machine() in ("x86_64", "AMD64"):
        os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    if "TF_CPP_MIN_LOG_LEVEL" in os.environ or "tensorflow" in sys.modules:  # the user wants to hear it, or already did
        return
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"  # at 2, a machine without a GPU still hears of CUDA errors
    with native_messages_held():
        import tensorflow  # noqa: F401


_import_tensorflow()
