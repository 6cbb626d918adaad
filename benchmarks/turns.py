"""Processes that take turns at a machine: what disturbs it disturbs all of them alike.

Each prepares by itself and says that it is ready; then it is told how many seconds to work, one process at a time, and
answers what a step took. One JSON line a word, over its standard input and output. Needs nothing but Python.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time

WARM_UP = 3  # steps at the start of a turn that do not count: caches are those of the others, pipelines have run ahead


class Failed(RuntimeError):
    """A process ended before it was told to; the message is the last it wrote."""


class Process:
    """One of those that take turns.

    Args:
        command: its program and arguments.
        cwd: where it works.
        cores: on so many of the processor's.

    Attributes:
        facts: what it said when it was ready, a dict.

    Raises:
        Failed: it ended instead.
    """

    def __init__(self, command, cwd=None, cores=None):
        self._errors = tempfile.TemporaryFile("a+", errors="replace")  # noqa: SIM115  closed by close()
        self._read = 0
        chosen = sorted(os.sched_getaffinity(0))[:cores]
        self._process = subprocess.Popen(
            command,
            cwd=cwd,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            preexec_fn=lambda: os.sched_setaffinity(0, chosen),
        )
        self.facts = self._answer()

    def turn(self, seconds):
        """Has it work for about so many seconds. Returns its answer, a dict."""
        self._process.stdin.write(f"{seconds}\n")
        self._process.stdin.flush()
        return self._answer()

    def printed(self):
        """What it wrote beside its answers since this was last asked; to be asked while it waits for its turn."""
        before, self._read = self._read, self._errors.seek(0, os.SEEK_END)
        self._errors.seek(before)
        return self._errors.read()

    def _answer(self):
        line = self._process.stdout.readline()
        if not line:
            self._process.wait()
            self._errors.seek(0)
            raise Failed(" | ".join(self._errors.read().strip().splitlines()[-4:])[-600:])
        return json.loads(line)

    def close(self):
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait()
        self._errors.close()


class Over(BaseException):
    """There are no more turns."""


class Turns:
    """What such a process has to do with the others. Whatever else it prints goes to standard error."""

    def __init__(self, asked=None, answers=None):
        if answers is None:
            answers = os.fdopen(os.dup(1), "w")
            os.dup2(2, 1)
        self._asked, self._answers = asked or sys.stdin, answers

    def say(self, **words):
        """Answers; the first time: that it is ready, and what is to be known of it."""
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        self._answers.write(json.dumps({**words, "peak_mb": round(peak)}) + "\n")
        self._answers.flush()

    def wait(self):
        """Waits for its turn. Returns for how many seconds to work; raises `Over` at the end."""
        line = self._asked.readline()
        if not line:
            raise Over
        return float(line)

    def take(self, step, finish=lambda done: None):
        """Takes turns with `step`, until it is over; `finish` waits for what the last step gave."""
        while True:
            seconds = self.wait()
            for _ in range(WARM_UP):
                done = step()
            finish(done)
            begun, count = now(), 0
            while count < 2 or time.perf_counter() - begun[0] < seconds:
                done = step()
                count += 1
            finish(done)
            self.say(**per_step(begun, now(), count))


def now():
    """Seconds on the clock, and seconds of the processor that this process has had."""
    return time.perf_counter(), time.process_time()


def per_step(begun, ended, count):
    """The milliseconds of a step, both ways, between two `now()`."""
    wall, cpu = (1e3 * (e - b) / count for b, e in zip(begun, ended, strict=True))
    return {"ms": round(wall, 4), "cpu_ms": round(cpu, 4), "steps": count}
