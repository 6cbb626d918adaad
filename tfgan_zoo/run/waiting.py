"""Says which workers are waited for, and ends who waits after some time. Run as a program of its own, by its path:

    python waiting.py <process that waits> <seconds> <name>=<host:port> ...

While TensorFlow waits for the other workers no thread of that process runs Python.
"""

import os
import signal
import socket
import sys
import time

EVERY = 30.0  # seconds between two lines


def main(waits, seconds, *tasks):
    others = dict(task.split("=", 1) for task in tasks)
    waits, begun, end = int(waits), time.monotonic(), time.monotonic() + float(seconds)
    while os.getppid() == waits:
        time.sleep(max(0.0, min(EVERY, end - time.monotonic())))
        if os.getppid() != waits:
            return
        missing = ", ".join(f"{name} at {address}" for name, address in others.items() if not answers(address))
        if time.monotonic() < end:
            print(f"waiting for {missing or 'another worker'}", file=sys.stderr, flush=True)
            continue
        waited = time.monotonic() - begun
        print(
            f"error: after {waited:.0f} s there is no answer from {missing or 'another worker'}; start all, look at "
            "what they print, or raise --worker-timeout",
            file=sys.stderr,
            flush=True,
        )
        os.kill(waits, signal.SIGKILL)  # TensorFlow has a handler of its own for SIGTERM, and waits on
        return


def answers(address):
    """Whether somebody listens at host:port."""
    host, port = address.removeprefix("grpc://").rsplit(":", 1)
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=10).close()
    except OSError:
        return False
    return True


if __name__ == "__main__":
    main(*sys.argv[1:])
