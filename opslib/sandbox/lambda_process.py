"""One process that runs a handler: started, asked, and ended; and what it prints, as it prints it.

In: the program of `lambda_bootstrap`, an environment, requests. Out: its answers, or that it ended
or took too long; its output as log events with their instants. Must not know functions or log
groups.

The process leads a group of its own, so that its children end with it, as they do when Lambda ends
an execution environment.
"""

import contextlib
import json
import os
import secrets
import select
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

_PROGRAM = Path(__file__).with_name("lambda_bootstrap.py")
_TICK_S = 0.05
# The last output of a process that has ended is in the pipe already.
_DRAIN_S = 1.0
# That of an invocation is followed by a word of our own, which a busy machine reads late.
_LAST_WORD_S = 10.0
# Beyond this what an invocation prints is counted and dropped.
_KEPT_BYTES = 64 * 1024 * 1024
# A line without end is not waited for.
_LINE_BYTES = 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class Output:
    """One log event of a handler's.

    Parameters
    ----------
    at_us
        When it was written, epoch microseconds.
    message
        With its newline, if it had one.
    level
        Of a log record or an error; None for what was printed.
    """

    at_us: int
    message: str
    level: str | None = None


@dataclass(frozen=True, kw_only=True)
class Ended:
    """The process ended without an answer.

    Parameters
    ----------
    returncode
        As `subprocess` has it: negative for a signal.
    """

    returncode: int


class TimedOut:
    """No answer came in time; the process has been ended."""


class Process(subprocess.Popen[bytes]):
    """A started process.

    Parameters
    ----------
    environment
        Its whole environment.
    folder
        Its working directory.
    setup
        What it is to import; see `lambda_bootstrap`.
    """

    def __init__(self, *, environment: dict[str, str], folder: Path, setup: dict[str, Any]) -> None:
        marker = f"\x1e{secrets.token_hex(16)}"
        super().__init__(
            [sys.executable, "-u", "-P", str(_PROGRAM)],
            cwd=folder,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            process_group=0,
        )
        self._unread = b""
        self.peak_mb = 0.0
        self.logs = LogPipe(_pipe(self.stderr), marker=marker.encode())
        self._send({**setup, "marker": marker})

    def ask(self, request: dict[str, Any], *, deadline: float) -> dict[str, Any] | Ended | TimedOut:
        """Send a request, and wait for its answer until a deadline of the monotonic clock."""
        self._send(request)
        return self.answer(deadline=deadline, request_id=request["request_id"])

    def answer(
        self, *, deadline: float, request_id: str | None = None
    ) -> dict[str, Any] | Ended | TimedOut:
        """Wait for an answer; what a forked child of the handler answers to is none."""
        poll = select.poll()
        out = _pipe(self.stdout).fileno()
        poll.register(out, select.POLLIN)
        while True:
            line, newline, rest = self._unread.partition(b"\n")
            if newline:
                self._unread = rest
                answer: dict[str, Any] = json.loads(line)
                if answer.get("request_id") == request_id:
                    self.peak_mb = max(self.peak_mb, answer["peak_mb"])
                    self.logs.wait_for_end(request_id or "", longest_s=_LAST_WORD_S)
                    return answer
                continue
            left_s = deadline - time.monotonic()
            if left_s <= 0:
                self._note_peak()
                self.end()
                return TimedOut()
            if poll.poll(1000 * min(left_s, _TICK_S)):
                read = os.read(out, 1 << 16)
                self._unread += read
                if read:
                    continue
            if self._has_ended():
                self.end()
                return Ended(returncode=self.returncode)

    def end(self) -> None:
        """End the process and its children, now."""
        self.kill()
        self.wait()
        _pipe(self.stdout).close()
        self.logs.wait_for_close(_DRAIN_S)
        self.peak_mb = max(self.peak_mb, self.logs.peak_mb)

    def terminate(self) -> None:
        """End the process and its children, now; an execution environment is never asked to."""
        self.kill()

    def kill(self) -> None:
        """End the process and its children."""
        # Not yet waited for, so that its number is still its own, and its group's.
        if self.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)
        with contextlib.suppress(BrokenPipeError):
            _pipe(self.stdin).close()

    def _has_ended(self) -> bool:
        """Tell whether it has ended, without collecting it."""
        if self.returncode is not None:
            return True
        how = os.WEXITED | os.WNOHANG | os.WNOWAIT
        return os.waitid(os.P_PID, self.pid, how) is not None

    def _note_peak(self) -> None:
        with contextlib.suppress(OSError):
            for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
                if line.startswith("VmHWM:"):
                    self.peak_mb = max(self.peak_mb, int(line.split()[1]) / 1024)

    def _send(self, request: dict[str, Any]) -> None:
        # One that has ended takes no request; that it has is found when its answer is waited for.
        with contextlib.suppress(BrokenPipeError, ValueError):
            _pipe(self.stdin).write(json.dumps(request).encode() + b"\n")
            _pipe(self.stdin).flush()


class LogPipe:
    """Reads what a process prints, all the time, so that each line has its own instant.

    Parameters
    ----------
    pipe
        Its other end is the process's standard error and output.
    marker
        Begins a line of JSON that the process's program wrote.
    """

    def __init__(self, pipe: IO[bytes], *, marker: bytes) -> None:
        self._pipe = pipe
        self._marker = marker
        self._partial = b""
        self._held: list[Output] = []
        self._held_bytes = 0
        self._lock = threading.Lock()
        self._ended: str | None = None
        self._closed = False
        self._changed = threading.Condition()
        self.peak_mb = 0.0
        self._dropped = 0
        threading.Thread(target=self._read, daemon=True).start()

    def taken(self) -> list[Output]:
        """Take what was printed since the last time."""
        with self._lock:
            held, self._held, self._held_bytes = self._held, [], 0
        return held

    def taken_drops(self) -> int:
        """Tell how many events were dropped since the last time."""
        with self._lock:
            dropped, self._dropped = self._dropped, 0
        return dropped

    def wait_for_end(self, request_id: str, *, longest_s: float) -> None:
        """Wait until the program has said that all output of an invocation is there."""
        with self._changed:
            self._changed.wait_for(
                lambda: self._closed or self._ended == request_id, timeout=longest_s
            )

    def wait_for_close(self, longest_s: float) -> None:
        """Wait until nobody can print any more."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed, timeout=longest_s)

    def _read(self) -> None:
        with self._pipe:
            while read := os.read(self._pipe.fileno(), 1 << 16):
                at_us = time.time_ns() // 1000
                *lines, self._partial = (self._partial + read).split(b"\n")
                for line in lines:
                    self._take(line + b"\n", at_us)
                if len(self._partial) > _LINE_BYTES and self._marker not in self._partial:
                    self._hold(self._partial, at_us, None)
                    self._partial = b""
            self._take(self._partial, time.time_ns() // 1000)
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _take(self, line: bytes, at_us: int) -> None:
        printed, marker, told = line.partition(self._marker)
        if not marker:
            self._hold(line, at_us, None)
            return
        said = _said(told)
        if said is None:
            # Another process printed into the middle of it.
            self._hold(line, at_us, None)
            return
        self._hold(printed, at_us, None)
        if "ended" in said:
            self.peak_mb = max(self.peak_mb, said["peak_mb"])
            with self._changed:
                self._ended = said["ended"]
                self._changed.notify_all()
        else:
            self._hold(said["message"].encode(errors="replace"), said["at_us"], said["level"])

    def _hold(self, message: bytes, at_us: int, level: str | None) -> None:
        if not message:
            return
        text = message.decode(errors="replace")
        with self._lock:
            if self._held_bytes > _KEPT_BYTES:
                self._dropped += 1
                return
            self._held_bytes += len(message)
            self._held.append(Output(at_us=at_us, message=text, level=level))


def _said(told: bytes) -> dict[str, Any] | None:
    try:
        said: dict[str, Any] = json.loads(told)
    except ValueError:
        return None
    return said


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    if pipe is None:
        raise ValueError("The process was started without its pipes.")
    return pipe
