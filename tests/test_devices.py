import json
import os
import signal
import socket
import subprocess
import sys
import types

import pytest
import tensorflow as tf

from tfgan_zoo.errors import InputError
from tfgan_zoo.run import devices

ONE = types.SimpleNamespace(num_replicas_in_sync=1)
TWO = types.SimpleNamespace(num_replicas_in_sync=2)
CLUSTER = {"worker": ["host1:1234", "host2:1234"]}


@pytest.fixture(autouse=True)
def no_environment(monkeypatch):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    monkeypatch.delenv("TPU_NAME", raising=False)


@pytest.fixture
def hardware(monkeypatch):
    """Sets what this computer seems to be: a list of GPU capabilities, CPU flags."""

    def pretend(*capabilities, flags="sse avx2", vendor="AuthenticAMD", details=True):
        gpus = [tf.config.PhysicalDevice(f"/physical_device:GPU:{i}", "GPU") for i in range(len(capabilities))]
        known = [{"compute_capability": c, "device_name": "Some GPU"} if details else {} for c in capabilities]
        monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: gpus if kind == "GPU" else [])
        monkeypatch.setattr(tf.config.experimental, "get_device_details", lambda gpu: known[gpus.index(gpu)])
        monkeypatch.setattr(devices, "_cpuinfo", {"flags": flags, "vendor_id": vendor, "model name": "Some CPU"}.get)

    return pretend


@pytest.mark.parametrize(
    ("capabilities", "flags", "expected", "because"),
    [
        ([(9, 0)], "avx2", "mixed_bfloat16", "compute capability 9.0 has bfloat16 tensor cores"),
        ([(8, 0)], "avx2", "mixed_bfloat16", "compute capability 8.0 has bfloat16 tensor cores"),
        ([(7, 5)], "avx2", "mixed_float16", "compute capability 7.5 has float16 tensor cores"),
        ([(7, 0)], "amx_bf16", "mixed_float16", "compute capability 7.0 has float16 tensor cores"),
        ([(6, 1)], "amx_bf16", "float32", "compute capability 6.1 has no tensor cores"),
        ([], "avx2 amx_bf16", "mixed_bfloat16", "this CPU has amx_bf16"),
        ([], "avx512_bf16 avx2", "mixed_bfloat16", "this CPU has avx512_bf16"),
        ([], "avx2 avx512_bf16x", "float32", "this CPU has no bfloat16 instructions"),
        ([], "", "float32", "this CPU has no bfloat16 instructions"),
    ],
)
def test_auto_precision_is_what_the_hardware_is_fast_in(hardware, capabilities, flags, expected, because):
    hardware(*capabilities, flags=flags)
    assert devices.precision("auto", ONE) == (expected, because)


def test_auto_precision_on_an_intel_cpu_is_bfloat16_with_amx_alone(hardware):
    hardware(flags="avx512_bf16", vendor="GenuineIntel")
    because = "avx512_bf16 without AMX is slower than float32 on an Intel CPU"
    assert devices.precision("auto", ONE) == ("float32", because)
    hardware(flags="avx512_bf16 amx_bf16", vendor="GenuineIntel")
    assert devices.precision("auto", ONE) == ("mixed_bfloat16", "this CPU has amx_bf16")


def test_a_gpu_that_does_not_tell_its_capability_computes_in_float32(hardware):
    hardware((8, 0), details=False)
    assert devices.precision("auto", ONE)[0] == "float32"


def test_a_precision_asked_for_is_taken_whatever_the_hardware(hardware):
    hardware((9, 0))
    assert devices.precision("float32", ONE) == ("float32", "as asked")


def test_the_processor_is_read_from_cpuinfo_and_does_without(monkeypatch, tmp_path):
    text = "processor\t: 0\nmodel name\t: Some CPU @ 2 GHz\nflags\t\t: fpu amx_bf16\n\nprocessor\t: 1\nflags\t: x\n"
    (tmp_path / "cpuinfo").write_text(text)
    monkeypatch.setattr(devices, "open", lambda path, encoding: (tmp_path / "cpuinfo").open(), raising=False)
    monkeypatch.setattr(devices.os.path, "exists", lambda path: True)
    assert devices._cpuinfo("flags") == "fpu amx_bf16"
    assert devices._cpuinfo("bugs") == ""
    assert devices.cpu_name().startswith("Some CPU @ 2 GHz, ")
    monkeypatch.setattr(devices.os.path, "exists", lambda path: False)
    assert devices._cpuinfo("flags") == ""


def test_jit_is_on_by_itself_for_one_gpu_only(hardware):
    hardware((8, 0))
    assert devices.jit("auto", ONE) == (True, "faster on a GPU")
    assert devices.jit("auto", TWO) == (False, "several replicas")
    assert devices.jit("off", ONE) == (False, "as asked")
    hardware()
    assert devices.jit("auto", ONE) == (False, "slower on a CPU")
    assert devices.jit("on", ONE) == (True, "as asked")


def test_jit_with_several_replicas_is_an_input_error(two_replicas):
    with pytest.raises(InputError, match="^--jit=on works with one replica, not 2; use --jit=auto$"):
        devices.jit("on", two_replicas)


def test_one_device_is_the_cpu_or_the_first_gpu(hardware):
    hardware((8, 0), (8, 0))
    assert devices.strategy("one_device") == (tf.distribute.get_strategy(), "one device: Some GPU")
    hardware()
    assert devices.strategy("one_device")[1].startswith("one device: Some CPU, ")


@pytest.mark.parametrize(
    ("gpus", "tpu", "workers", "expected"),
    [
        (0, "", 0, "one_device"), (1, "", 1, "one_device"), (2, "", 0, "mirrored"), (2, "", 1, "mirrored"),
        (2, "pod", 0, "tpu"), (1, "", 2, "multi_worker"), (2, "pod", 2, "multi_worker"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("by", ["flag", "environment"])
def test_auto_strategy_follows_what_there_is(hardware, monkeypatch, by, gpus, tpu, workers, expected):
    hardware(*[(8, 0)] * gpus)
    if workers:
        config = {"cluster": {"worker": CLUSTER["worker"][:workers]}, "task": {"type": "worker", "index": 0}}
        monkeypatch.setenv("TF_CONFIG", json.dumps(config))
    if by == "environment":
        monkeypatch.setenv("TPU_NAME", tpu)
    monkeypatch.setattr(devices, "_tpu", lambda name: ("tpu", name))
    monkeypatch.setattr(devices, "_multi_worker", lambda timeout: ("multi_worker", ""))
    monkeypatch.setattr(tf.distribute, "MirroredStrategy", lambda: types.SimpleNamespace(num_replicas_in_sync=gpus))
    chosen, text = devices.strategy("auto", tpu if by == "flag" else "")
    assert {"tpu": text == tpu, "multi_worker": chosen == "multi_worker"}.get(
        expected,
        text.startswith({"mirrored": f"mirrored over {gpus} devices", "one_device": "one device: "}.get(expected, "?")),
    )


def test_a_chief_or_a_single_worker_in_tf_config_counts_too(monkeypatch):
    monkeypatch.setattr(devices, "_multi_worker", lambda timeout: ("multi_worker", ""))
    config = {"cluster": {"chief": ["a:1"], "worker": ["b:1"]}, "task": {"type": "chief", "index": 0}}
    monkeypatch.setenv("TF_CONFIG", json.dumps(config))
    assert devices.strategy("auto") == ("multi_worker", "")


def _config(task=None, **cluster):
    return json.dumps({"cluster": cluster, "task": task or {"type": "worker", "index": 0}})


@pytest.mark.parametrize("name", ["auto", "multi_worker"])
@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("{", "no JSON"),
        ("[]", "no object"),
        ("3", "no object"),
        ('{"cluster": [1]}', "`cluster` and `task` have to be objects"),
        ('{"cluster": {"worker": ["a:1"]}, "task": 3}', "`cluster` and `task` have to be objects"),
        ('{"cluster": {"worker": ["a:1"]}}', "this task is of type None"),
        (_config({"type": "worker", "index": 1}, worker=["a:1"]), "this task is worker 1, and there are 1"),
        (_config({"type": "chief", "index": 0}, worker=["a:1"]), "this task is of type 'chief'"),
        (_config({"type": "worker", "index": "first"}, worker=["a:1"]), "the index of this task is 'first'"),
        (_config({"type": "worker", "index": -1}, worker=["a:1"]), "the index of this task is -1"),
        (_config({"type": "worker", "index": True}, worker=["a:1"]), "the index of this task is True"),
        (_config({"type": "worker", "index": None}, worker=["a:1"]), "the index of this task is None"),
        (_config(worker="a:1"), "the addresses of worker have to be a list of host:port"),
        (_config(worker=["a"]), "the addresses of worker have to be a list of host:port"),
        (_config(worker=[1]), "the addresses of worker have to be a list of host:port"),
        (_config(worker=["a:1"], ps=["b:1"]), "tasks of type 'ps' are not known here"),
        (_config(worker=["a:1", "a:1"]), "a:1 is the address of two tasks"),
        (_config(worker=["a:1"], chief=["b:1", "c:1"]), "there are two chiefs"),
        (
            _config({"type": "evaluator", "index": 0}, worker=["a:1"], evaluator=["e:1"]),
            "this task is of type 'evaluator'",
        ),
    ],
)
def test_a_tf_config_that_describes_no_cluster_is_an_input_error(monkeypatch, name, text, wrong):
    monkeypatch.setenv("TF_CONFIG", text)
    with pytest.raises(InputError) as error:
        devices.strategy(name)
    assert str(error.value).startswith(f"TF_CONFIG is {text!r}: {wrong}")
    assert '{"cluster": {"worker": ["host:port", ...]}' in str(error.value)
    assert len(str(error.value).splitlines()) == 1
    assert not devices.has_other_workers(), "asked while the error is handled"


def test_a_port_in_use_is_an_input_error(monkeypatch):
    with socket.socket() as taken:
        taken.bind(("", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        monkeypatch.setenv("TF_CONFIG", _config(worker=[address, "127.0.0.1:1"]))
        with pytest.raises(InputError, match=f"gives this task the address {address}, whose port cannot be used"):
            devices.strategy("multi_worker")


MISSING = """
from tfgan_zoo.run import devices
devices.strategy("multi_worker", worker_timeout=2)
"""


def test_a_worker_that_never_starts_is_named_and_waited_for_no_longer_than_asked():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {**os.environ, "TF_CONFIG": _config(worker=[f"127.0.0.1:{port}", "127.0.0.1:1"])}
    done = subprocess.run([sys.executable, "-c", MISSING], capture_output=True, text=True, timeout=120, env=environment)
    assert done.returncode == -signal.SIGKILL
    said = done.stderr.strip().splitlines()[-1]
    assert said.startswith("error: after 2 s there is no answer from worker 1 at 127.0.0.1:1; start all")


def test_one_process_agrees_with_itself():
    devices.compare(tf.distribute.get_strategy(), {"the data": "x"})


def test_multi_worker_without_tf_config_is_an_input_error():
    with pytest.raises(InputError, match="^--strategy=multi_worker needs TF_CONFIG, which is not set; .*$"):
        devices.strategy("multi_worker")


TPU = """
import sys
from tfgan_zoo.run import devices
from tfgan_zoo.errors import InputError
for tpu in ("", "grpc://127.0.0.1:1", "grpc://127.0.0.1", "grpc://no-such-host.invalid:8470"):
    try:
        devices.strategy("tpu", tpu)
    except InputError as error:
        print(error)
"""


def test_a_tpu_that_is_not_there_is_an_input_error_in_one_line_at_once():
    found = subprocess.run([sys.executable, "-c", TPU], capture_output=True, text=True, timeout=60, check=True)
    lines = found.stdout.splitlines()
    assert [line.split(" (")[0] for line in lines] == [
        f"--strategy=tpu found no TPU at {name!r}"
        for name in ("local", "grpc://127.0.0.1:1", "grpc://127.0.0.1", "grpc://no-such-host.invalid:8470")
    ]
    assert all(
        line.endswith("; give its name or grpc:// address with --tpu, or choose another --strategy") for line in lines
    )


def test_one_process_writes(two_replicas):
    def worker(kind, index, jobs):
        strategy = object.__new__(tf.distribute.MultiWorkerMirroredStrategy)
        cluster = tf.train.ClusterSpec({job: ["a:1", "b:1"] for job in jobs})
        resolver = types.SimpleNamespace(task_type=kind, task_id=index, cluster_spec=lambda: cluster)
        type(strategy).cluster_resolver, before = property(lambda self: resolver), type(strategy).cluster_resolver
        try:
            return devices.is_chief(strategy)
        finally:
            type(strategy).cluster_resolver = before

    assert devices.is_chief(two_replicas) and devices.is_chief(tf.distribute.get_strategy())
    assert worker("worker", 0, ["worker"])
    assert not worker("worker", 1, ["worker"])
    assert worker("chief", 0, ["chief", "worker"])
    assert not worker("worker", 0, ["chief", "worker"])
