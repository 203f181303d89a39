"""What the demo holds against its scenario: it fails when the runbooks miss what was broken."""

from typing import Any

from opslib.sandbox.demo import unexpected
from opslib.sandbox.scenarios.story import Expected

EXPECTED = {
    "00-triage": Expected(verdict="critical", findings=frozenset({"dead-letters.waiting"})),
    "20-duration": Expected(verdict="healthy"),
    "30-dead-letters": Expected(verdict="critical", findings=frozenset({"dead-letters.trimmed"})),
}


def _index(**verdicts: tuple[str, list[str]]) -> dict[str, Any]:
    named = {"triage": "00-triage", "duration": "20-duration", "letters": "30-dead-letters"}
    return {
        "runs": [
            {"notebook": named[name], "verdict": verdict, "findings": [{"id": id_} for id_ in ids]}
            for name, (verdict, ids) in verdicts.items()
        ]
    }


TRIAGE = ("critical", ["dead-letters.waiting", "errors.rate"])
LETTERS = ("critical", ["dead-letters.trimmed"])


def test_what_the_scenario_tells_is_expected() -> None:
    assert unexpected(_index(triage=TRIAGE, letters=LETTERS), EXPECTED) == []


def test_another_verdict_and_a_finding_that_lacks_are_said() -> None:
    index = _index(triage=("warning", []), letters=LETTERS, duration=("unknown", []))

    assert unexpected(index, EXPECTED) == [
        "00-triage says warning, not critical.",
        "00-triage did not find dead-letters.waiting.",
        "20-duration says unknown, not healthy.",
    ]
