"""Where and how precisely to compute: `--strategy`, `--precision`, `--jit`, each with the reason of its choice."""

import hashlib
import json
import os
import platform
import re
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import tensorflow as tf

from tfgan_zoo.errors import InputError
from tfgan_zoo.run import waiting

STRATEGIES = ("auto", "one_device", "mirrored", "multi_worker", "tpu")
_ADDRESS = re.compile(r".+:\d{1,5}")
PRECISIONS = ("auto", "float32", "mixed_bfloat16", "mixed_float16")


def strategy(name="auto", tpu="", worker_timeout=600):
    """A `tf.distribute` strategy by name. Call it before anything else touches TensorFlow (multi_worker needs that).

    Args:
        name: one of `STRATEGIES`. `auto`: TF_CONFIG with several workers -> multi_worker, a TPU named -> tpu, several
            GPUs -> mirrored, else one_device.
        tpu: the name or gRPC address of a TPU; empty: `TPU_NAME`, or the one this host is attached to (`local`).
        worker_timeout: seconds to wait for other workers.

    Returns:
        `(strategy, description)`.

    Raises:
        InputError: there is no such TPU, or TF_CONFIG does not describe a cluster.
    """
    gpus = tf.config.list_physical_devices("GPU")
    tpu = tpu or os.environ.get("TPU_NAME", "")
    if name == "auto":
        name = "one_device"
        _cluster()  # says what is wrong with TF_CONFIG
        if has_other_workers():
            name = "multi_worker"
        elif tpu:
            name = "tpu"
        elif len(gpus) > 1:
            name = "mirrored"
    if name == "tpu":
        return _tpu(tpu)
    if name == "multi_worker":
        return _multi_worker(worker_timeout)
    if name == "mirrored":
        mirrored = tf.distribute.MirroredStrategy()
        return mirrored, f"mirrored over {_count(mirrored.num_replicas_in_sync, 'device')} of this host"
    return tf.distribute.get_strategy(), f"one device: {_gpu_name(gpus[0]) if gpus else cpu_name()}"


_EXPECTED = '{"cluster": {"worker": ["host:port", ...]}, "task": {"type": "worker", "index": 0}}'


def _cluster():
    """`(cluster, type, index)` of TF_CONFIG; ({}, "", 0) where it is unset or names no cluster.

    Raises:
        InputError: what is wrong with it.
    """
    text = os.environ.get("TF_CONFIG", "").strip()
    if not text:
        return {}, "", 0

    def wrong(what):
        return InputError(f"TF_CONFIG is {text[:200]!r}: {what}; expected {_EXPECTED}")

    try:
        config = json.loads(text)
    except ValueError as error:
        raise wrong(f"no JSON ({error})") from None
    if not isinstance(config, dict):
        raise wrong("no object")
    cluster, task = config.get("cluster") or {}, config.get("task") or {}
    if not cluster:
        return {}, "", 0
    if not isinstance(cluster, dict) or not isinstance(task, dict):
        raise wrong("`cluster` and `task` have to be objects")
    for kind, addresses in cluster.items():
        if kind not in ("chief", "worker", "evaluator"):
            raise wrong(f"tasks of type {kind!r} are not known here, only chief and worker")
        if not isinstance(addresses, list) or not all(isinstance(a, str) and _ADDRESS.fullmatch(a) for a in addresses):
            raise wrong(f"the addresses of {kind} have to be a list of host:port")
    every = [address for addresses in cluster.values() for address in addresses]
    twice = [address for address in every if every.count(address) > 1]
    if twice:
        raise wrong(f"{twice[0]} is the address of two tasks")
    if len(cluster.get("chief", [])) > 1:
        raise wrong("there are two chiefs")
    kind, index = task.get("type"), task.get("index")
    if kind not in cluster or kind == "evaluator":
        raise wrong(f"this task is of type {kind!r}, of which the cluster has none that trains")
    if isinstance(index, bool) or not str(index).isdecimal():
        raise wrong(f"the index of this task is {index!r}")
    if int(index) >= len(cluster[kind]):
        raise wrong(f"this task is {kind} {index}, and there are {len(cluster[kind])}")
    return cluster, kind, int(index)


def has_other_workers():
    """Whether TF_CONFIG names more workers than this one. What is wrong with it is said by `strategy`."""
    try:
        cluster, _, _ = _cluster()
    except InputError:
        return False
    return len(cluster.get("worker", []) + cluster.get("chief", [])) > 1


def _multi_worker(timeout):
    cluster, kind, index = _cluster()
    if not cluster:
        raise InputError(
            f"--strategy=multi_worker needs TF_CONFIG, which is not set; set it on each worker to {_EXPECTED}"
        )
    _check_port(cluster[kind][index])
    tasks = [(f"{k} {i}", address) for k in ("chief", "worker") for i, address in enumerate(cluster.get(k, []))]
    others = [f"{name}={address}" for name, address in tasks if name != f"{kind} {index}"]
    # A process, not a thread: while TensorFlow waits here no Python runs.
    program = [sys.executable, str(Path(waiting.__file__)), str(os.getpid()), str(timeout), *others]
    watcher = subprocess.Popen(program, stdout=subprocess.DEVNULL)
    try:
        workers = tf.distribute.MultiWorkerMirroredStrategy()  # waits for all of them
    finally:
        watcher.kill()
        watcher.wait()
    return workers, f"multi_worker: this is {kind} {index}, {_count(workers.num_replicas_in_sync, 'replica')} in all"


def _check_port(address):
    port = int(address.rsplit(":", 1)[1])
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("", port))
        except OSError as error:
            raise InputError(
                f"TF_CONFIG gives this task the address {address}, whose port cannot be used ({error.strerror}); stop "
                "what uses it, or give another port"
            ) from error


def _tpu(tpu):
    address = tpu or "local"
    try:
        resolver = tf.distribute.cluster_resolver.TPUClusterResolver(tpu=address)
        if address != "local":
            if not waiting.answers(resolver.master()):  # TensorFlow would wait forever
                raise OSError("nobody answers there")
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


def compare(chosen, known):
    """Holds what every worker knows to what the others do.

    Args:
        chosen: the strategy.
        known: what it is called -> a JSON value.

    Raises:
        InputError: the workers differ; the message names in what.
    """
    if not isinstance(chosen, tf.distribute.MultiWorkerMirroredStrategy):
        return
    digests = [hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()) for value in known.values()]
    mine = np.array([int.from_bytes(digest.digest()[:3], "big") for digest in digests], np.float32)  # exact in float32
    every = chosen.gather(chosen.run(lambda: tf.constant(mine)[None]), axis=0).numpy()  # [replicas, len(known)]
    differ = [name for name, column in zip(known, every.T, strict=True) if (column != column[0]).any()]
    if differ:
        raise InputError(f"the workers differ in {', '.join(differ)}; start all of them alike, on the same folders")


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
    flags = _cpuinfo("flags").split()
    if "amx_bf16" in flags:
        return "mixed_bfloat16", "this CPU has amx_bf16"
    if "avx512_bf16" not in flags:
        return "float32", "this CPU has no bfloat16 instructions"
    if _cpuinfo("vendor_id") == "GenuineIntel":  # a product takes 1.6 times as long; on an AMD EPYC a step takes 0.7
        return "float32", "avx512_bf16 without AMX is slower than float32 on an Intel CPU"
    return "mixed_bfloat16", "this CPU has avx512_bf16"


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
