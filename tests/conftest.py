"""Two logical CPU devices for the whole session, and one strategy over them: a second would break CPU collectives."""

import gc
import os

# XLA's programs are compared, not timed: without its optimiser they compile in half the time. Read once, at the start.
os.environ.setdefault("XLA_FLAGS", "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true")

# Workers share the cores out among themselves: one that takes all for each operation makes the others wait.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")

from tfgan_zoo import console  # noqa: E402, F401, I001  first: it keeps TensorFlow's start-up messages off the terminal

import keras  # noqa: E402
import pytest  # noqa: E402
import tensorflow as tf  # noqa: E402

from tfgan_zoo.run import memory  # noqa: E402

gc.collect()
gc.freeze()  # what was imported is not looked through again: TensorFlow alone is half a million objects
gc.set_threshold(20_000, 10, 10)  # tracing makes many objects that stay

tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
)


# Most graphs of the tests run once or twice, and Grappler takes about a tenth of the time: they do without it. It is on
# in recipes' processes, and on two replicas, where every family's traced step is held to its eager one.
tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})


@pytest.fixture(scope="session")
def _strategy_of_two():
    return tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])


@pytest.fixture
def two_replicas(_strategy_of_two):
    """The one strategy over both devices, its graphs optimized."""
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": False})
    yield _strategy_of_two
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})


@pytest.fixture(autouse=True)
def _same_start():
    """Every test begins with the same seed and leaves the precision policy as it was."""
    keras.utils.set_random_seed(1)
    policy = keras.config.dtype_policy()
    yield
    keras.config.set_dtype_policy(policy)
    assert not tf.distribute.has_strategy(), "this test left a strategy open, for all that follow"


@pytest.fixture(scope="module", autouse=True)
def _graphs_are_let_go():
    """TensorFlow keeps every traced step: the gradients it registers by name hold their graphs, and none is taken out.

    After a thousand tests they were gigabytes, and every collection of garbage looked through all of them.
    """
    before = memory.custom_gradients()
    yield
    memory.let_go(memory.custom_gradients() - before)


@pytest.fixture
def record_property(record_property):
    """As text, as it stands in the report: pytest-xdist cannot send a NumPy number from one process to the other."""
    return lambda name, value: record_property(name, str(value))
