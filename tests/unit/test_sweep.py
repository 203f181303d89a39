"""Several notebooks side by side: an outcome for each, in their order, or why there is none."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from small_projects import CONCLUDE, project

from opslib import headless
from opslib.errors import OpsError
from opslib.headless import lock

AT = datetime(2026, 10, 14, 3, 7, 0, tzinfo=UTC)


def test_a_sweep_gives_an_outcome_for_each_notebook_or_why_there_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPSLIB_HOME", str(tmp_path))
    first = project(tmp_path, ["import os\nprint(os.getpid())", CONCLUDE % "warning"])
    notebooks = [first.with_name(name) for name in ("40-cold-starts.ipynb", "30-letters.ipynb")]
    for path in notebooks:
        path.write_text(first.read_text())
    system = "ZAEL-demo (000000000000, us-east-1)"

    with lock.taken(tmp_path / "runs/.locks", notebook="30-letters", system=system, since=AT):
        found = headless.sweep([first, *notebooks], jobs=2)

    assert [type(each) for each in found] == [headless.Outcome, headless.Outcome, OpsError]
    assert [each.exit_code for each in found if isinstance(each, headless.Outcome)] == [1, 1]
    assert [each.result["notebook"] for each in found if isinstance(each, headless.Outcome)] == [
        "20-duration",
        "40-cold-starts",
    ]
    assert str(found[2]).startswith(f"Nothing ran: 30-letters on {system} is being run already")
