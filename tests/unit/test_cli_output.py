"""What a command prints of a result."""

from opslib.cli.output import causes


def test_a_terminal_shows_what_a_finding_names_and_does_not_obey_it() -> None:
    hostile = "f\x1b[2J\x1b]0;owned\x07 \u202egnp"
    finding = {"severity": "critical", "title": hostile}
    limit = {"what": hostile, "reason": "unseen"}

    said = causes({"verdict": "unknown", "findings": [finding], "limits": [limit]})

    assert said == [
        "f␛[2J␛]0;owned␇ ⟨U+202E⟩gnp",
        "critical: f␛[2J␛]0;owned␇ ⟨U+202E⟩gnp",
    ]
