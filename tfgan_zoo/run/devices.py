"""Where and how precisely to compute: `--strategy`, `--precision`, `--jit`, each with the reason of its choice."""

import json
import os
import platform
import socket

import tensorflow as tf

from tfgan_zoo.errors import InputError

STRATEGIES = ("auto", "one_device", "mirrored", "multi_worker", "tpu")
PRECISIONS = ("auto", "float32", "mixed_bfloat16", "mixed_float16")


def strategy(name="auto", tpu=""):
    """A `tf.distribute` strategy by name. Call it before anything else touches TensorFlow (multi_worker needs that).

    Args:
        name: one of `STRATEGIES`. `auto`: TF_CONFIG with several workers -> multi_worker, a TPU named -> tpu, several
            GPUs -> mirrored, else one_device.
        tpu: the name or gRPC address of a TPU; empty: `TPU_NAME`, or the one this host is attached to (`local`).

    Returns:
        `(strategy, description)`.

    Raises:
        InputError: there is no such TPU, or TF_CONFIG does not describe a cluster.
    """
    gpus = tf.config.list_physical_devices("GPU")
    tpu = tpu or os.environ.get("TPU_NAME", "")
    if name == "auto":
        name = "one_device"
        if has_other_workers():
            name = "multi_worker"
        elif tpu:
            name = "tpu"
        elif len(gpus) > 1:
            name = "mirrored"
    if name == "tpu":
        return _tpu(tpu)
    if name == "multi_worker":
        return _multi_worker()
    if name == "mirrored":
        mirrored = tf.distribute.MirroredStrategy()
        return mirrored, f"mirrored over {_count(mirrored.num_replicas_in_sync, 'device')} of this host"
    return tf.distribute.get_strategy(), f"one device: {_gpu_name(gpus[0]) if gpus else cpu_name()}"


def _cluster():
    """The cluster of TF_CONFIG, {} where it is unset."""
    text = os.environ.get("TF_CONFIG", "").strip()
    try:
        config = json.loads(text or "{}")
        cluster, task = config.get("cluster", {}), config.get("task", {})
        if cluster:
            cluster[task["type"]][int(task["index"])]
        return cluster
    except (ValueError, TypeError, KeyError, IndexError, AttributeError) as error:
        raise InputError(
            f"TF_CONFIG is {text!r}, in which {error!r} is wrong; expected "
            '{"cluster": {"worker": ["host:port", ...]}, "task": {"type": "worker", "index": 0}}'
        ) from error


def has_other_workers():
    """Whether TF_CONFIG names more workers than this one."""
    return len(_cluster().get("worker", []) + _cluster().get("chief", [])) > 1


def _multi_worker():
    if not _cluster():
        raise InputError(
            "--strategy=multi_worker needs TF_CONFIG, which is not set; set it on each worker to "
            '{"cluster": {"worker": ["host:port", ...]}, "task": {"type": "worker", "index": 0}}'
        )
    workers = tf.distribute.MultiWorkerMirroredStrategy()
    resolver = workers.cluster_resolver
    where = f"{resolver.task_type} {resolver.task_id}"
    return workers, f"multi_worker: this is {where}, {_count(workers.num_replicas_in_sync, 'replica')} in all"


def _tpu(tpu):
    address = tpu or "local"
    try:
        resolver = tf.distribute.cluster_resolver.TPUClusterResolver(tpu=address)
        if address != "local":
            _reach(resolver.master())
            tf.config.experimental_connect_to_cluster(resolver)
        tf.tpu.experimental.initialize_tpu_system(resolver)
        pod = tf.distribute.TPUStrategy(resolver)
    except (ValueError, RuntimeError, tf.errors.OpError, OSError) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:160]
        raise InputError(
            f"--strategy=tpu found no TPU at {address!r} ({reason}); give its name or grpc:// address with --tpu, "
            "or choose another --strategy"
        ) from error
    return pod, f"tpu {address}: {_count(pod.num_replicas_in_sync, 'core')}"


def _reach(address):
    """Fails where nobody answers at grpc://host:port, for which TensorFlow would wait forever."""
    host, port = address.removeprefix("grpc://").rsplit(":", 1)
    socket.create_connection((host.strip("[]"), int(port)), timeout=10).close()


def is_chief(chosen):
    """Whether this process is the one that writes: always, but for the other workers of a multi_worker run."""
    resolver = chosen.cluster_resolver
    if not isinstance(chosen, tf.distribute.MultiWorkerMirroredStrategy):
        return True
    if resolver.task_type == "chief":
        return True
    return resolver.task_type == "worker" and resolver.task_id == 0 and "chief" not in resolver.cluster_spec().jobs


def barrier(chosen):
    """Waits for every worker: one that left early would make the others fail."""
    if isinstance(chosen, tf.distribute.MultiWorkerMirroredStrategy):
        chosen.reduce(tf.distribute.ReduceOp.SUM, chosen.run(lambda: tf.constant(1.0)), axis=None).numpy()


def precision(name, chosen):
    """A Keras dtype policy by name; `auto` picks what is fast on this hardware. Returns `(policy, reason)`."""
    if name != "auto":
        return name, "as asked"
    if isinstance(chosen, tf.distribute.TPUStrategy):
        return "mixed_bfloat16", "a TPU multiplies in bfloat16"
    gpus = tf.config.list_physical_devices("GPU")
    if gpus:
        capability = tf.config.experimental.get_device_details(gpus[0]).get("compute_capability", (0, 0))
        label = f"compute capability {capability[0]}.{capability[1]}"
        if capability >= (8, 0):
            return "mixed_bfloat16", f"{label} has bfloat16 tensor cores"
        if capability >= (7, 0):
            return "mixed_float16", f"{label} has float16 tensor cores"
        return "float32", f"{label} has no tensor cores"
    for flag in ("amx_bf16", "avx512_bf16"):
        if flag in _cpuinfo("flags").split():
            return "mixed_bfloat16", f"this CPU has {flag}"
    return "float32", "this CPU has no bfloat16 instructions"


def jit(name, chosen):
    """Whether to compile the step with XLA; `auto`: where it pays. Returns `(bool, reason)`.

    Raises:
        InputError: `on` with several replicas on one host.
    """
    if isinstance(chosen, tf.distribute.TPUStrategy):
        return False, "a TPU compiles every step by itself"
    if name == "on" and chosen.num_replicas_in_sync > 1:
        raise InputError(f"--jit=on works with one replica, not {chosen.num_replicas_in_sync}; use --jit=auto")
    if name != "auto":
        return name == "on", "as asked"
    if chosen.num_replicas_in_sync > 1:
        return False, "several replicas"
    if tf.config.list_physical_devices("GPU"):
        return True, "faster on a GPU"
    return False, "slower on a CPU"


def _cpuinfo(field):
    """A field of the first processor in /proc/cpuinfo; empty where there is none (not Linux)."""
    if not os.path.exists("/proc/cpuinfo"):
        return ""
    with open("/proc/cpuinfo", encoding="utf-8") as info:
        return next((line.split(":", 1)[1].strip() for line in info if line.startswith(field)), "")


def cpu_name():
    """The processor's model and the number of cores this process may use."""
    name = _cpuinfo("model name") or platform.processor() or platform.machine()
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{name}, {_count(cores, 'core')}"


def _gpu_name(gpu):
    return tf.config.experimental.get_device_details(gpu).get("device_name", gpu.name)


def _count(n, noun):
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"
