"""A request to end: kept, seen by everyone, and undone afterwards."""

import os
import signal
import subprocess
import sys

from small_projects import ROOT

from opslib import stop


def test_a_signal_is_kept_seen_by_all_who_look_and_the_first_one_counts() -> None:
    with stop.heeded() as asked:
        before = (asked.reason, asked.wait(0))
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGINT)

        after = [(asked.reason, asked.wait(1)) for _ in range(2)]

    assert before == ("", False)
    assert after == [("by SIGTERM", True)] * 2


def test_handlers_are_as_they_were_afterwards() -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]

    with stop.heeded():
        during = signal.getsignal(signal.SIGTERM)

    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before
    assert during != before[1]


def test_nohup_is_heeded() -> None:
    code = (
        "import os, signal; signal.signal(signal.SIGHUP, signal.SIG_IGN)\n"
        "from opslib import stop\n"
        "with stop.heeded() as asked:\n"
        "    os.kill(os.getpid(), signal.SIGHUP); print(repr(asked.reason))"
    )

    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True
    )

    assert done.stdout == "''\n"
