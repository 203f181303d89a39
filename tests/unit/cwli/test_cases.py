"""Every case of the text fixtures beside this file; their README says how to read them."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from opslib import cwli

FIXTURES = Path(__file__).parent / "fixtures"
BASE_MS = 1_795_309_200_000  # 2026-11-22 01:00:00 UTC


@dataclass
class Case:
    name: str
    events: list[dict[str, Any]]
    query: list[str] = field(default_factory=list)
    rows: list[str] | None = None
    refused_at: int | None = None
    complaint: list[str] = field(default_factory=list)


def _event(line: str) -> dict[str, Any]:
    offset, message = line.split(" ", 1)
    message = message.replace("<TAB>", "\t").replace("<LF>", "\n")
    return {"timestamp": BASE_MS + int(offset), "message": message}


def _cases(path: Path) -> list[Case]:
    cases: list[Case] = []
    events: list[dict[str, Any]] = []
    into: list[Any] = []
    for line in path.read_text(encoding="utf-8").splitlines():
        word, _, rest = line.partition(" ")
        if word == "@events":
            events = []
            into = events
        elif word == "@case":
            cases.append(Case(rest, events))
            into = cases[-1].query
        elif word == "@rows":
            cases[-1].rows = into = []
        elif word == "@refused":
            cases[-1].refused_at = int(rest)
            into = cases[-1].complaint
        elif line.strip():
            into.append(_event(line) if into is events else line)
    return cases


CASES = [
    pytest.param(case, id=f"{path.stem}: {case.name}")
    for path in sorted(FIXTURES.glob("*.txt"))
    for case in _cases(path)
]


@pytest.mark.parametrize("case", CASES)
def test_a_query_answers_as_its_case_says(case: Case) -> None:
    text = "\n".join(case.query)

    if case.refused_at is not None:
        with pytest.raises(cwli.MalformedQuery) as caught:
            cwli.parse(text)
        assert caught.value.position == case.refused_at
        assert " ".join(case.complaint) in caught.value.message
        return
    rows = cwli.query(text, case.events)

    expected = [json.loads(row) for row in case.rows or []]
    shown = [{k: v for k, v in row.items() if k != "@ptr"} for row in rows]
    assert shown == expected
    assert [list(row) for row in shown] == [list(row) for row in expected]
    assert all(list(row)[-1:] in ([], ["@ptr"]) for row in rows if "@ptr" in row)
