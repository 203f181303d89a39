"""The sandbox starts once, on loopback only, knows its own process, and leaves nothing behind."""

import contextlib
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from opslib.errors import BadInput, OpsError
from opslib.sandbox import launcher, record
from opslib.sandbox.api import Progress, Sandbox
from opslib.sandbox.record import State


@dataclass
class _Story:
    """A scenario that builds nothing, or breaks."""

    name: str = "nothing"
    breaks_with: Exception | None = None
    built_on: list[Sandbox] = field(default_factory=list)

    def build(self, sandbox: Sandbox, *, progress: Progress) -> None:
        progress("building")
        self.built_on.append(sandbox)
        if self.breaks_with:
            raise self.breaks_with


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "runs" / "sandbox"
    yield folder
    launcher.down(folder)


def _start(home: Path, story: _Story | None = None, *, clock: str = "pinned") -> Sandbox:
    return launcher.start(
        story or _Story(), clock=clock, home=home, progress=lambda _: None, tied=True
    )


def _pid(home: Path) -> int:
    known = record.read(home)
    assert known is not None
    return known.pid


def _port(sandbox: Sandbox) -> int:
    port = urlsplit(sandbox.endpoint).port
    assert port is not None
    return port


def _waited_for(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 60
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)
    return condition()


def _listening(pid: int) -> set[tuple[str, int]]:
    """List what a process listens on, as the kernel tells it: address in hex, port."""
    inodes = set()
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            inodes.add(str(descriptor.readlink()))
    found = set()
    for table in ("tcp", "tcp6", "udp", "udp6"):
        for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            address, port = fields[1].split(":")
            listens = fields[3] == "0A" or table.startswith("udp")
            if listens and f"socket:[{fields[9]}]" in inodes:
                found.add((address, int(port, 16)))
    return found


def test_only_its_own_port_of_the_loopback_address_listens(home: Path) -> None:
    sandbox = _start(home)
    sandbox.client("iot").list_things()
    sandbox.client("transfer").list_servers()

    listening = _listening(_pid(home))

    assert listening == {("0100007F", _port(sandbox))}


def test_a_second_up_hands_over_the_same_sandbox_and_says_so(home: Path) -> None:
    told: list[str] = []
    story = _Story()
    first = _start(home, story)

    second = launcher.start(story, clock="pinned", home=home, progress=told.append, tied=True)

    assert second == first
    assert story.built_on == [first]
    assert len(told) == 1
    assert told[0].startswith(
        "The sandbox is up: scenario nothing, clock 2026-10-14T03:07:00+00:00"
    )


def test_two_ups_at_once_start_one_sandbox(home: Path) -> None:
    story = _Story()

    with ThreadPoolExecutor(max_workers=2) as pool:
        first, second = pool.map(lambda _: _start(home, story), range(2))

    assert first == second
    assert story.built_on == [first]


@pytest.mark.parametrize(("story", "clock"), [(_Story(name="other"), "pinned"), (_Story(), "live")])
def test_another_scenario_or_clock_is_refused_and_the_first_goes_on(
    home: Path, story: _Story, clock: str
) -> None:
    first = _start(home)

    with pytest.raises(BadInput) as caught:
        _start(home, story, clock=clock)

    assert caught.value.message.endswith("Stop it first with: opslib sandbox down")
    assert first.client("sts").get_caller_identity()["Account"] == "000000000000"


def test_down_leaves_no_process_no_port_and_no_file(home: Path) -> None:
    sandbox = _start(home)
    pid = _pid(home)

    found = launcher.down(home)

    assert found.state is State.UP
    assert not home.exists()
    assert list(home.parent.iterdir()) == []
    assert not Path(f"/proc/{pid}").exists()
    with (
        pytest.raises(ConnectionRefusedError),
        socket.create_connection(("127.0.0.1", _port(sandbox)), timeout=5),
    ):
        pass


def test_down_with_nothing_up_does_nothing_twice(home: Path) -> None:
    first, second = launcher.down(home), launcher.down(home)

    assert (first.state, second.state) == (State.DOWN, State.DOWN)
    assert not home.exists()


def test_down_spares_files_that_no_sandbox_made(home: Path) -> None:
    home.mkdir(parents=True)
    mine = home / "notes.txt"
    mine.write_text("keep")

    launcher.down(home)

    assert mine.read_text() == "keep"


def test_down_leaves_what_a_person_put_beside_the_files_of_the_sandbox(home: Path) -> None:
    _start(home)
    (home / "mine.txt").write_text("keep")
    (home / "mine").mkdir()

    found = launcher.down(home)

    assert sorted(entry.name for entry in home.iterdir()) == ["mine", "mine.txt"]
    assert (home / "mine.txt").read_text() == "keep"
    assert found.left == ("mine", "mine.txt")


def test_a_killed_server_is_recognised_and_the_next_up_starts_anew(home: Path) -> None:
    told: list[str] = []
    _start(home)
    os.kill(_pid(home), signal.SIGKILL)
    gone = _waited_for(lambda: launcher.status(home).state is State.DEAD)
    sentence = launcher.status(home).sentence

    again = launcher.start(_Story(), clock="pinned", home=home, progress=told.append, tied=True)

    assert gone
    assert sentence.startswith("No sandbox is up; the last one ended unasked")
    assert told[0] == sentence
    assert again.client("sts").get_caller_identity()["Account"] == "000000000000"


def test_a_foreign_process_behind_the_record_is_left_alone(home: Path) -> None:
    with subprocess.Popen(["sleep", "30"]) as foreign:
        home.mkdir(parents=True)
        record.Record(
            pid=foreign.pid,
            port=1,
            instance="0123456789abcdef",
            scenario="slow",
            clock="live",
            started_at="2026-10-14T03:07:00+00:00",
            built=True,
        ).write(home)

        found = launcher.status(home)
        launcher.down(home)
        still_runs = foreign.poll() is None
        foreign.kill()

    assert found.state is State.FOREIGN
    assert "belongs to another program now" in found.sentence
    assert still_runs
    assert not home.exists()


@pytest.mark.parametrize("spoilt", ["{", '{"pid": 4}'])
def test_down_finds_and_stops_the_server_behind_a_record_that_cannot_be_read(
    home: Path, spoilt: str
) -> None:
    elsewhere = home.with_name("sandbox-2")
    _start(elsewhere)
    _start(home)
    pid = _pid(home)
    (home / "record.json").write_text(spoilt)

    before = launcher.status(home)
    launcher.down(home)
    other = launcher.down(elsewhere)

    assert before.state is State.UNREADABLE
    assert before.sentence == (
        f"The sandbox's record {home / 'record.json'} cannot be read. "
        f"A server of this folder runs: process {pid}."
    )
    assert not Path(f"/proc/{pid}").exists()
    assert not home.exists()
    assert other.state is State.UP


@pytest.mark.parametrize("deleted", ["record.json", "."], ids=["record", "folder"])
def test_down_finds_and_stops_the_server_whose_record_was_deleted(home: Path, deleted: str) -> None:
    _start(home)
    pid = _pid(home)
    _delete(home / deleted)

    before = launcher.status(home)
    found = launcher.down(home)
    after = launcher.status(home)

    assert before.state is State.UNRECORDED
    assert before.sandbox is None
    assert found.ended == (
        f"The record of the sandbox in {home} is gone. A server of this folder runs: "
        f"process {pid}. It was stopped."
    )
    assert not Path(f"/proc/{pid}").exists()
    assert not home.exists()
    assert after.sentence == "No sandbox is up."


@pytest.mark.parametrize("deleted", ["record.json", "."], ids=["record", "folder"])
def test_an_up_whose_record_was_deleted_stops_the_old_server_and_starts_anew(
    home: Path, deleted: str
) -> None:
    told: list[str] = []
    _start(home)
    pid = _pid(home)
    _delete(home / deleted)

    again = launcher.start(_Story(), clock="pinned", home=home, progress=told.append, tied=True)

    assert told[0] == (
        f"The record of the sandbox in {home} is gone. A server of this folder runs: process {pid}."
    )
    assert not Path(f"/proc/{pid}").exists()
    assert record.servers(home) == [_pid(home)]
    assert again.client("sts").get_caller_identity()["Account"] == "000000000000"


def test_a_server_beside_the_recorded_one_is_said_and_stopped_with_it(home: Path) -> None:
    _start(home)
    old = _pid(home)
    set_aside = (home / "record.json").read_text()
    elsewhere = home.with_name("sandbox-2")
    _start(elsewhere)
    dead = record.Record(**{**json.loads(set_aside), "pid": _pid_of_none(), "instance": "gone"})
    dead.write(home)

    before = launcher.status(home)
    found = launcher.down(home)
    other = launcher.down(elsewhere)

    assert before.state is State.DEAD
    assert before.sentence.endswith(f" A server of this folder runs: process {old}.")
    assert found.ended.endswith(f" A server of this folder runs: process {old}. It was stopped.")
    assert not Path(f"/proc/{old}").exists()
    assert other.state is State.UP


def _delete(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()


def _pid_of_none() -> int:
    with subprocess.Popen(["true"]) as ended:
        pass
    return ended.pid


# Only read, never acted upon: a stop of process -1 would end every process of this user.
@pytest.mark.parametrize(("pid", "instance"), [(-1, "a"), (0, "a"), (4, ""), ("4", "a")])
def test_a_record_whose_process_would_be_a_group_or_anything_is_not_read(
    tmp_path: Path, pid: int | str, instance: str
) -> None:
    written = {"pid": pid, "port": 1, "instance": instance}
    written |= {"scenario": "slow", "clock": "live", "started_at": "2026-10-14T03:07:00+00:00"}
    (tmp_path / "record.json").write_text(json.dumps(written))

    with pytest.raises(record.Unreadable) as caught:
        record.read(tmp_path)

    assert caught.value.message.endswith("record.json cannot be read.")


def test_a_server_that_hangs_is_said_and_can_be_stopped(home: Path) -> None:
    _start(home)
    pid = _pid(home)
    os.kill(pid, signal.SIGSTOP)

    found = launcher.down(home)

    assert found.state is State.SILENT
    assert found.sandbox is None
    assert not Path(f"/proc/{pid}").exists()


def test_a_scenario_that_cannot_be_built_stops_the_server_and_says_why(home: Path) -> None:
    story = _Story(name="broken", breaks_with=OpsError("The table was not made."))

    with pytest.raises(OpsError) as caught:
        _start(home, story)

    assert caught.value.message == (
        "The sandbox is not up: its scenario broken could not be built, so the server was "
        "stopped. What stopped it: The table was not made."
    )
    assert launcher.status(home).state is State.DOWN
    with (
        pytest.raises(ConnectionRefusedError),
        socket.create_connection(("127.0.0.1", _port(story.built_on[0])), timeout=5),
    ):
        pass


def test_an_interrupt_while_building_stops_the_server(home: Path) -> None:
    story = _Story()
    interrupted = KeyboardInterrupt()

    def build(sandbox: Sandbox, *, progress: Progress) -> None:
        story.built_on.append(sandbox)
        raise interrupted

    story.build = build  # type: ignore[method-assign]

    with pytest.raises(KeyboardInterrupt):
        _start(home, story)

    assert launcher.status(home).state is State.DOWN
    with (
        pytest.raises(ConnectionRefusedError),
        socket.create_connection(("127.0.0.1", _port(story.built_on[0])), timeout=5),
    ):
        pass


def test_an_up_that_was_killed_while_building_is_not_taken_for_complete(home: Path) -> None:
    _start(home)
    known = record.read(home)
    assert known is not None
    record.Record(**{**known.__dict__, "built": False}).write(home)

    found = launcher.status(home)
    story = _Story()
    _start(home, story)

    assert found.state is State.UNFINISHED
    assert len(story.built_on) == 1
    assert not Path(f"/proc/{known.pid}").exists()


def test_the_record_and_the_profile_say_where_the_sandbox_is(home: Path) -> None:
    sandbox = _start(home)

    written = json.loads((home / "record.json").read_text())
    profile = (home / "aws-config").read_text().splitlines()

    assert written["scenario"] == "nothing"
    assert written["clock"] == "2026-10-14T03:07:00+00:00"
    assert written["built"] is True
    assert written["ready_s"] > 0
    assert profile == [
        "[profile opslib-sandbox]",
        "region = us-east-1",
        f"endpoint_url = http://127.0.0.1:{written['port']}",
        "aws_access_key_id = opslib-sandbox",
        "aws_secret_access_key = opens-nothing",
    ]
    assert sandbox.endpoint == f"http://127.0.0.1:{written['port']}"


def test_the_server_of_another_instance_at_the_port_is_not_ours(home: Path) -> None:
    _start(home)
    known = record.read(home)
    assert known is not None
    other = record.Record(**{**known.__dict__, "instance": "another"})

    ours, theirs = record.answers(known), record.answers(other)

    assert (ours, theirs) == (True, False)


def test_control_endpoints_that_do_not_exist_are_not_answered_by_the_emulator(home: Path) -> None:
    connection = http.client.HTTPConnection(urlsplit(_start(home).endpoint).netloc, timeout=60)

    connection.request("GET", "/_opslib/nothing")
    answer = connection.getresponse()
    body = answer.read()
    connection.close()

    assert (answer.status, body) == (404, b"The sandbox has no such control.")
