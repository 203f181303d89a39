"""Log groups held for the engine: loaded again when something was logged, and not before."""

from typing import Any

from opslib import cwli
from opslib.sandbox.logs.held import HeldGroups


class _Kept:
    """Streams of log groups, and how often their events were copied."""

    def __init__(self, **groups: dict[str, list[str]]) -> None:
        self.groups = groups
        self.copied: list[str] = []

    def lists(self, group: str) -> dict[str, list[Any]] | None:
        return self.groups.get(group)

    def events(self, group: str) -> list[dict[str, Any]] | None:
        self.copied.append(group)
        return [
            {"timestamp": 1, "message": message, "logStream": stream, "log": f"1:{group}"}
            for stream, held in self.groups[group].items()
            for message in held
        ]


def _messages(held: cwli.Held) -> list[str]:
    rows = cwli.query("fields @message | sort @timestamp asc", held)
    return [row["@message"] for row in rows]


def test_events_are_loaded_once_for_many_queries() -> None:
    kept = _Kept(a={"s": ["x", "y"]}, b={"s": ["z"]})
    groups = HeldGroups(lists=kept.lists, events=kept.events)

    found = [groups.of(names) for names in (["a"], ["a", "b"], ["b", "a"], ["a"], ["a", "b"])]

    assert [_messages(held) for held in found] == [
        ["x", "y"],
        ["x", "y", "z"],
        ["z", "x", "y"],
        ["x", "y"],
        ["x", "y", "z"],
    ]
    assert kept.copied == ["a", "b"]


def test_what_is_logged_meanwhile_is_in_the_next_and_not_in_the_last() -> None:
    kept = _Kept(a={"s": ["x"]}, b={"s": ["z"]})
    groups = HeldGroups(lists=kept.lists, events=kept.events)

    first = groups.of(["a", "b"])
    kept.groups["a"]["s"].append("y")
    second = groups.of(["a", "b"])
    kept.groups["a"]["t"] = ["other stream"]
    third = groups.of(["a", "b"])

    assert _messages(first) == ["x", "z"]
    assert _messages(second) == ["x", "y", "z"]
    assert _messages(third) == ["x", "y", "other stream", "z"]
    assert kept.copied == ["a", "b", "a", "a"]


def test_a_stream_that_was_replaced_by_one_as_long_is_loaded_again() -> None:
    kept = _Kept(a={"s": ["x", "y"]})
    groups = HeldGroups(lists=kept.lists, events=kept.events)

    groups.of(["a"])
    kept.groups["a"]["s"] = ["y", "x"]

    assert _messages(groups.of(["a"])) == ["y", "x"]


def test_a_log_group_that_was_deleted_has_no_events() -> None:
    kept = _Kept(a={"s": ["x"]})
    groups = HeldGroups(lists=kept.lists, events=kept.events)

    groups.of(["a"])
    kept.groups["a"] = {}

    assert _messages(groups.of(["a"])) == []
