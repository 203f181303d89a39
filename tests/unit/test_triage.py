"""Triage follows the tree: what runs, with what, what does not and why, and the index of it."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import nbformat
import pytest
import yaml
from small_projects import MINUTE_S, ROOT, Clock, alive, wait_for

from opslib import run_folder, triage
from opslib.cli import main
from opslib.errors import OpsError
from opslib.headless import lock
from opslib.kernel.server import serving
from opslib.triage import page

AT = datetime(2026, 10, 14, 3, 7, 0, tzinfo=UTC)
PARAMETERS = """\
system: str = "sandbox"
function: str = ""
start: str = "-3h"
end: str = "now"
"""
CONCLUDE = """\
import json, os, pathlib
folder = pathlib.Path(os.environ["OPSLIB_RUN_DIR"])
given = {"function": function, "start": start, "end": end}
(folder / "given.json").write_text(json.dumps(given))
(folder / "result.json").write_text(json.dumps({
    "schema": 1, "system": "ZAEL-demo", "verdict": %r, "limits": [], "queries": [],
    "window": {"start": "2026-10-14T00:07:00Z", "end": "2026-10-14T03:07:00Z"},
    "findings": %r,
}))
"""
# A browser in small, whose PDF is the page that it was given.
BROWSER = """\
#!/bin/sh
if [ "$1" = --version ]; then echo "Chromium 156.0.1"; exit; fi
for option; do
  case "$option" in --print-to-pdf=*) out="${option#--print-to-pdf=}";; esac
  last="$option"
done
{ echo "%PDF-1.4"; cat "$(printf %s "${last#file://}" | sed "s/%20/ /g")"; echo "%%EOF"; } > "$out"
"""
Findings = Sequence[Mapping[str, Any]]


@pytest.fixture(scope="module", autouse=True)
def _kernels() -> Iterator[None]:
    with serving():
        yield


@pytest.fixture(autouse=True)
def _project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "params").mkdir()
    (tmp_path / "notebooks").mkdir()
    params = yaml.safe_load((ROOT / "params" / "sandbox.yaml").read_text())
    params["system"]["functions"].append({"name": "other"})
    (tmp_path / "params" / "sandbox.yaml").write_text(yaml.safe_dump(params))
    monkeypatch.setenv("OPSLIB_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)


def _finding(identity: str, notebook: str | None, subject: str = "other") -> dict[str, Any]:
    return {
        "id": identity,
        "severity": "warning",
        "title": f"<b>{identity}</b>",
        "detail": "",
        "subject": subject,
        "evidence": [],
        "next": {"notebook": notebook, "remedy": None},
        "since": None,
    }


def _notebook(name: str, verdict: str, findings: Findings = (), *, first: str = "pass") -> None:
    cells = [nbformat.v4.new_markdown_cell(f"# {name}"), nbformat.v4.new_code_cell(PARAMETERS)]
    cells[1].metadata["tags"] = ["parameters"]
    cells.append(nbformat.v4.new_code_cell(first))
    cells.append(nbformat.v4.new_code_cell(CONCLUDE % (verdict, [*findings])))
    nbformat.write(nbformat.v4.new_notebook(cells=cells), f"notebooks/{name}.ipynb")


def _follow(**options: Any) -> triage.Outcome:
    return triage.follow(Path("notebooks/00-triage.ipynb").resolve(), {}, **options)


def _path(outcome: triage.Outcome) -> list[tuple[str, str, str]]:
    return [(run["notebook"], run["function"], run["verdict"]) for run in outcome.index["runs"]]


def _missed(outcome: triage.Outcome) -> list[tuple[str, str]]:
    return [(missed["notebook"], missed["why"]) for missed in outcome.index["not_run"]]


def test_it_runs_what_findings_name_once_for_each_function_and_what_those_name() -> None:
    slow = [_finding("duration.rising", "20-duration", of) for of in ("other", "other", "one")]
    _notebook("00-triage", "warning", [*slow, _finding("errors.rate", None)])
    back = _finding("duration.rising", "00-triage")
    deeper = _finding("stream.lag", "50-stream-lag", "ZAEL-demo")
    _notebook("20-duration", "warning", [back, deeper])
    _notebook("50-stream-lag", "critical", [_finding("duration.rising", "20-duration")])
    _notebook("40-cold-starts", "healthy")

    outcome = _follow()

    assert sorted(_path(outcome)) == [
        ("00-triage", "", "warning"),
        ("20-duration", "", "warning"),
        ("20-duration", "other", "warning"),
        # The table's name leads to the function that reads its stream.
        ("50-stream-lag", "ZAEL-demo-aggregator", "critical"),
    ]
    assert _missed(outcome) == []
    assert outcome.index["not_taken"] == ["40-cold-starts"]
    assert (outcome.index["verdict"], outcome.exit_code) == ("critical", 2)


def test_every_notebook_sees_the_window_that_triage_saw() -> None:
    _notebook("00-triage", "warning", [_finding("duration.rising", "20-duration")])
    _notebook("20-duration", "warning")

    outcome = _follow()

    folders = [(outcome.folder / run["report"]).parent for run in outcome.index["runs"]]
    assert [json.loads((folder / "given.json").read_text()) for folder in folders] == [
        {"function": "", "start": "-3h", "end": "now"},
        {"function": "other", "start": "2026-10-14T00:07:00Z", "end": "2026-10-14T03:07:00Z"},
    ]


def test_the_notebooks_share_a_folder_for_their_user_alone_until_the_triage_ends(
    tmp_path: Path,
) -> None:
    share = """\
import os, pathlib
shared = pathlib.Path(os.environ["OPSLIB_SHARED_DIR"])
(shared / %r).write_text("told")
found = f"{shared}\\n{shared.stat().st_mode & 0o777:o}\\n{sorted(p.name for p in shared.iterdir())}"
pathlib.Path(%r).write_text(found)
"""
    first, second = (str(tmp_path / name) for name in ("first", "second"))
    slow = [_finding("duration.rising", "20-duration")]
    _notebook("00-triage", "warning", slow, first=share % ("a", first))
    _notebook("20-duration", "warning", first=share % ("b", second))

    _follow()

    folder, *told = Path(second).read_text().splitlines()
    assert told == ["700", "['a', 'b']"]
    assert Path(first).read_text() == f"{folder}\n700\n['a']"
    assert not Path(folder).exists()


def test_a_notebook_that_is_not_there_is_said_and_is_not_green() -> None:
    _notebook("00-triage", "warning", [_finding("dead-letters.waiting", "30-dead-letters")])

    outcome = _follow()

    assert _missed(outcome) == [("30-dead-letters", "There is no notebook 30-dead-letters yet.")]
    assert outcome.exit_code == 3
    shown = (outcome.folder / "index.html").read_text()
    assert "<strong>30-dead-letters</strong>: There is no notebook 30-dead-letters yet." in shown


def test_critical_stands_though_a_notebook_could_not_run() -> None:
    _notebook("00-triage", "critical", [_finding("dead-letters.waiting", "30-dead-letters")])

    outcome = _follow()

    assert outcome.exit_code == 2


def test_a_branch_that_another_run_holds_is_not_run_and_says_who_has_it() -> None:
    _notebook("00-triage", "healthy", [_finding("duration.rising", "20-duration")])
    _notebook("20-duration", "healthy")
    system = "ZAEL-demo (000000000000, us-east-1)"

    with lock.taken(Path("runs/.locks"), notebook="20-duration", system=system, since=AT) as held:
        held.note("runs/x.partial")
        outcome = _follow()

    ((_, why),) = _missed(outcome)
    assert why.startswith(f"Nothing ran: 20-duration on {system} is being run already, by ")
    assert f"(process {os.getpid()}) since 2026-10-14T03:07:00Z, in runs/x.partial." in why
    assert outcome.exit_code == 3


def test_a_second_triage_of_the_system_is_refused_and_leaves_nothing() -> None:
    _notebook("00-triage", "healthy")
    system = "ZAEL-demo (000000000000, us-east-1)"

    with (
        lock.taken(Path("runs/.locks"), notebook="triage-tree", system=system, since=AT),
        pytest.raises(OpsError, match=r"triage-tree on ZAEL-demo .* is being run already"),
    ):
        _follow()

    assert [path.name for path in Path("runs").iterdir()] == [".locks"]


def test_the_deadline_of_all_stops_what_runs_and_begins_nothing_more(tmp_path: Path) -> None:
    _notebook("00-triage", "warning", [_finding("duration.rising", "20-duration")])
    begins = f"import time; open('{tmp_path}/begun', 'w').close(); time.sleep(300)"
    _notebook("20-duration", "healthy", first=begins)

    outcome = _follow(deadline_s=600, monotonic=Clock(tmp_path / "begun"))

    assert [run["limits"][0]["what"] for run in outcome.index["runs"][1:]] == [
        "The run was stopped when the deadline of 600 s passed under “20-duration”."
    ]
    assert outcome.index["stopped"] == "when the deadline of 600 s passed"
    assert outcome.exit_code == 3


def test_sigterm_leaves_partial_reports_and_an_index_and_no_kernel(tmp_path: Path) -> None:
    both = [_finding("a", "20-duration"), _finding("b", "40-cold-starts")]
    _notebook("00-triage", "warning", both)
    for name in ("20-duration", "40-cold-starts"):
        mark = f"import os, time\nopen('{tmp_path}/{name}', 'w').write(str(os.getpid()))\n"
        _notebook(name, "healthy", [], first=f"{mark}time.sleep(60)")
    command = [sys.executable, "-m", "opslib", "triage", "-f", "sandbox", "--jobs", "2"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    pids = [int(wait_for(tmp_path / name)) for name in ("20-duration", "40-cold-starts")]

    process.send_signal(signal.SIGTERM)
    said, _ = process.communicate(timeout=MINUTE_S)

    assert process.returncode == 3
    assert said.splitlines()[0] == "COULD NOT LOOK triage of ZAEL-demo"
    assert said.count("The run was stopped by SIGTERM under") == 2
    index = next((tmp_path / "runs").glob("*-triage-tree-ZAEL-demo/index.html")).read_text()
    assert "<strong>Partial.</strong> The triage was stopped by SIGTERM." in index
    assert [alive(pid) for pid in pids] == [False, False]


def test_the_index_asks_nobody_escapes_titles_and_leads_to_every_report() -> None:
    _notebook("00-triage", "warning", [_finding("duration.rising", "20-duration")])
    _notebook("20-duration", "warning")

    outcome = _follow()

    shown = (outcome.folder / "index.html").read_text()
    links = re.findall(r'href="(\.\./[^"]+)"', shown)
    assert [(outcome.folder / link).is_file() for link in links] == [True, True]
    assert re.findall(r'(?:src|href)="(?!\.\./|#|data:,)[^"]*"|url\(|<script', shown) == []
    assert "&lt;b&gt;duration.rising&lt;/b&gt;" in shown
    assert "<b>" not in shown
    assert run_folder.differences(outcome.folder) == []
    assert page.render(outcome.index, timezone="UTC") == shown


def test_the_index_tells_the_worst_first_with_what_to_do_and_why_it_was_opened() -> None:
    slow = _finding("duration.rising", "20-duration")
    _notebook("00-triage", "warning", [slow])
    minor = [{**_finding(f"minor.{n}", None), "title": f"minor {n}"} for n in range(4)]
    mend = {"notebook": None, "remedy": "Use a <smaller> batch"}
    worst = {**_finding("stream.lag", None), "severity": "critical", "title": "late", "next": mend}
    lag = {**_finding("stream.poison", "50-stream-lag"), "title": "held"}
    _notebook("20-duration", "critical", [*minor, lag, worst])
    _notebook("50-stream-lag", "warning", [slow])

    shown = (_follow().folder / "index.html").read_text()

    _, begun, opened, deepest = shown.split("<article")
    told = re.findall(r"<li>(.*)</li>", opened)
    assert told[:2] == [
        "Critical: late. <strong>Remedy: Use a &lt;smaller&gt; batch</strong>",
        "Warning: minor 0",
    ]
    assert told[4] == "and 2 more in the report"
    assert "Remedy" not in begun
    assert "Opened because of <code>duration.rising</code> in 00-triage</p>" in opened
    assert "Opened because of <code>stream.poison</code> in 20-duration</p>" in deepest


def test_the_command_prints_each_verdict_and_the_page(capsys: pytest.CaptureFixture[str]) -> None:
    _notebook("00-triage", "healthy", [_finding("duration.rising", "20-duration")])
    _notebook("20-duration", "warning")

    code = main(["triage", "-f", "sandbox"])

    said = capsys.readouterr()
    runs = sorted(path.name for path in Path("runs").glob("2*"))
    assert code == 1
    assert said.err == ""
    assert said.out.splitlines() == [
        "WARNING triage of ZAEL-demo",
        "  HEALTHY 00-triage",
        "    warning: <b>duration.rising</b>",
        f"    runs/{runs[0]}/report.html",
        "  WARNING 20-duration of other",
        f"    runs/{runs[2] if 'tree' in runs[1] else runs[1]}/report.html",
        f"  runs/{next(name for name in runs if 'tree' in name)}/index.html",
    ]


def test_render_and_verify_of_a_triage_take_its_page_and_its_runs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    _notebook("00-triage", "healthy", [_finding("duration.rising", "20-duration")])
    _notebook("20-duration", "warning")
    folder = _follow().folder
    first, second = sorted({*Path("runs").glob("2*")} - {Path("runs") / folder.name})
    told = {path: path.read_text() for path in Path("runs").glob("2*/*.html")}
    for path in told:
        run_folder.replace_sealed(path.parent, path.name, "an old page")
    browser = tmp_path / "chromium"
    browser.write_text(BROWSER)
    browser.chmod(0o755)
    monkeypatch.setenv("CHROMIUM", str(browser))

    codes = [main(["render", folder.name]), main(["render", folder.name, "--to", "pdf"])]
    said = capsys.readouterr()
    codes.append(main(["verify", folder.name]))
    whole = capsys.readouterr()

    assert codes == [0, 0, 0]
    assert {path: path.read_text() for path in told} == told
    names = [f"{first}/report", f"{second}/report", f"runs/{folder.name}/index"]
    assert said.out.splitlines() == [f"{name}.{kind}" for kind in ("html", "pdf") for name in names]
    printed = (folder / "index.pdf").read_text()
    assert "20-duration of other" in printed
    assert "../" not in printed
    assert whole.out == f"{folder.name} is as the run left it, and so are its 2 runs.\n"


def test_a_run_of_a_triage_that_was_changed_is_said_and_the_others_are_rendered(
    capsys: pytest.CaptureFixture[str],
) -> None:
    _notebook("00-triage", "healthy")
    folder = _follow().folder
    (run,) = {*Path("runs").glob("2*")} - {Path("runs") / folder.name}
    (run / "result.json").write_text("{}")

    codes = [main(["render", folder.name]), main(["verify", folder.name])]

    said = capsys.readouterr()
    assert codes == [3, 2]
    assert said.out.splitlines() == [
        f"runs/{folder.name}/index.html",
        f"{run.name}: result.json was changed after the run.",
    ]
    assert said.err.startswith("opslib: Not rendered: result.json was changed after the run. ")
    assert said.err.endswith(f"with: opslib verify {run}\n")


def test_a_run_of_a_triage_that_is_gone_is_said_to_be(capsys: pytest.CaptureFixture[str]) -> None:
    _notebook("00-triage", "healthy")
    folder = _follow().folder
    (run,) = {*Path("runs").glob("2*")} - {Path("runs") / folder.name}
    run.rename("elsewhere")

    code = main(["verify", folder.name])

    assert code == 3
    assert capsys.readouterr().err == (
        f"opslib: Nothing was compared: {run.resolve()} is not there; it was moved or removed.\n"
    )


def test_an_index_that_was_changed_is_not_rendered(capsys: pytest.CaptureFixture[str]) -> None:
    _notebook("00-triage", "healthy")
    folder = _follow().folder
    index = (folder / "index.json").read_text()
    (folder / "index.json").write_text(index.replace("healthy", "critical"))

    code = main(["render", folder.name])

    assert code == 3
    assert capsys.readouterr().err == (
        "opslib: Not rendered: index.json was changed after the run. A page of it would not tell "
        "what the triage saw; index.html is as it was. See all that differs with: opslib verify "
        f"{folder}\n"
    )
