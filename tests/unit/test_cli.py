"""The command line: exit codes, what goes to which stream, and what is refused before a kernel."""

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import nbformat
import pytest

from opslib import headless, parameters, run_folder
from opslib.cli import main
from opslib.kernel import server

ROOT = Path(__file__).parents[2]
AT = datetime(2026, 10, 14, 3, 7, 0, tzinfo=UTC)
CELL = """\
system: str | dict = "sandbox"
start: str = "-3h"
end: str = "now"
sample: bool = False
approve: str = ""
"""
RESULT = {
    "schema": 1,
    "run_id": "r",
    "notebook": "20-duration",
    "system": "ZAEL-demo",
    "window": {"start": "2026-10-14T00:07:00Z", "end": "2026-10-14T03:07:00Z", "timezone": "UTC"},
    "verdict": "warning",
    "findings": [{"id": "duration.rising", "severity": "warning", "title": "It climbs"}],
    "plans": [],
    "queries": [],
    "metrics": [],
    "identity": {"account": None, "arn": None, "region": None},
    "limits": [],
    "started": "2026-10-14T03:07:00Z",
    "ended": "2026-10-14T03:07:04Z",
    "opslib": "0.1.0",
}


@pytest.fixture(name="project", autouse=True)
def _project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "params").mkdir()
    (tmp_path / "notebooks").mkdir()
    text = (ROOT / "params" / "sandbox.yaml").read_text()
    (tmp_path / "params" / "sandbox.yaml").write_text(text)
    cells = [nbformat.v4.new_markdown_cell("# 20"), nbformat.v4.new_code_cell(CELL)]
    cells[1].metadata["tags"] = ["parameters"]
    write = "import json, os\nwith open(os.environ['OPSLIB_RUN_DIR'] + '/result.json', 'w') as f:\n"
    cells.append(nbformat.v4.new_code_cell(f"{write}    json.dump({RESULT!r}, f)"))
    nbformat.write(
        nbformat.v4.new_notebook(cells=cells), tmp_path / "notebooks" / "20-duration.ipynb"
    )
    monkeypatch.setenv("OPSLIB_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _sealed(project: Path) -> Path:
    out = project / "runs"
    folder = run_folder.create(out, started_at=AT, notebook="20-duration", system="ZAEL-demo")
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("# 20 · Slow")])
    run_folder.write_json(folder / "result.json", RESULT)
    run_folder.write(folder / "notebook.ipynb", nbformat.writes(notebook))
    run_folder.write(folder / "report.html", "an old report")
    return run_folder.seal(folder)


def test_a_run_says_verdict_cause_and_report_and_exits_as_the_verdict(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = main(["run", "duration", "-f", "params/sandbox.yaml", "-p", "start", "-1h"])

    said = capsys.readouterr()
    report = next((project / "runs").glob("*-20-duration-ZAEL-demo/report.html"))
    assert code == 1
    assert said.out.splitlines() == [
        "WARNING 20-duration on ZAEL-demo",
        "  warning: It climbs",
        f"  {report.relative_to(project)}",
    ]
    assert said.err == ""


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["run", "thirty"], "Nothing ran: there is no notebook thirty; notebooks/ has 20-duration"),
        (["run", "20", "-f", "params/gone.yaml"], "there is no params file params/gone.yaml"),
        (
            ["run", "20", "-f", "sandbox", "-p", "acount", "1"],
            "-p: `acount` is not a parameter of 20-duration; it takes system, start, end, sample",
        ),
        (
            ["run", "20", "-f", "sandbox", "-p", "sample", "no"],
            "-p: `sample` of 20-duration takes true or false, not text. Nothing ran.",
        ),
        (
            ["run", "20", "-p", "system", "sandbox", "-p", "system", "sandbox"],
            "-p: `system` is given twice. Give it once. Nothing ran.",
        ),
        (
            ["run", "20", "-f", "sandbox", "-p", "approve", "True"],
            "-p: `approve` of 20-duration takes the token of a plan that was shown",
        ),
        (["run", "20"], "no system was named for 20-duration, and no person is here"),
        (["run", "20", "-p", "start", "-1h"], "no system was named for 20-duration"),
        (["run", "20", "-p", "system", "nobody"], "Nothing ran: there is no system 'nobody'"),
        (["run"], "Missing argument 'NOTEBOOK'"),
        *(
            (
                ["run", "20", "-f", "sandbox", "--deadline", seconds],
                f"Nothing ran: the deadline is {seconds} s. Give a number of seconds above 0",
            )
            for seconds in ("nan", "inf", "-inf", "0", "-5", "1e+300")
        ),
        (
            ["run", "20", "-f", "sandbox", "--cell-deadline", "0"],
            "Nothing ran: the deadline of a cell is 0 s. Give a number of seconds above 0",
        ),
        (
            ["run", "20", "-f", "sandbox", "-p", "start", "soon"],
            "No window was made: start is 'soon', which is not an instant.",
        ),
        (
            ["run", "20", "-f", "sandbox", "-p", "start", "-999999d"],
            "start is -999999d, which lies outside of the years 1 to 9999",
        ),
        (
            ["run", "20", "-f", "sandbox", "-p", "end", "-3h"],
            "there is no whole period of 60 s; it is ",
        ),
        (["triage", "-f", "sandbox"], "there is no notebook 00-triage; notebooks/ has 20-duration"),
        (["run", "20", "--deadline", "soon"], "Invalid value for '--deadline'"),
        (["run", "20", "-p", "start"], "requires 2 arguments"),
        *(
            (
                [command, "some-run", "plan-ac75c7cb"],
                "opslib: Nothing was changed: opslib shows plans and does not carry them out yet. "
                "List those of a run, with the aws lines that do, with: opslib plans some-run\n",
            )
            for command in ("apply", "undo")
        ),
        (["apply"], "Missing argument 'RUN'"),
        (["plans", "gone"], "there is no run folder gone"),
        (["verify", "a\x1b[2J\u202eb"], "Nothing was read: there is no run folder a�[2J�b."),
        (
            ["run", "20", "-f", "sandbox", "-p", "approve", "plan-ac75c7cb"],
            "20-duration applies nothing: it shows its remedy as text, and `approve` is plan-ac75",
        ),
        (
            ["verify", "x" * 300],
            f"opslib: it did not come to its end: {'x' * 300}: File name too long.\n",
        ),
        (["verify", "gone"], "there is no run folder gone"),
        (["render", "gone"], "there is no run folder gone"),
    ],
)
def test_what_cannot_run_is_said_on_stderr_and_exits_3(
    project: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    code = main(arguments)

    captured = capsys.readouterr()
    assert code == 3
    assert captured.out == ""
    assert said in captured.err
    assert not (project / "runs").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--deadline", "nan"], "Nothing ran: the deadline is nan s. Give a number of seconds"),
        (["--cell-deadline", "-5"], "Nothing ran: the deadline of a cell is -5 s. Give a number"),
        (["-p", "start", "9999-01-01T00:00:00Z"], "more than 10 years in the future"),
        (["-p", "system", "nobody", "-p", "start", "-1h"], "there is no system 'nobody'"),
    ],
)
def test_a_triage_that_cannot_be_starts_no_server_of_kernels(
    project: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    said: str,
) -> None:
    notebooks = project / "notebooks"
    (notebooks / "00-triage.ipynb").write_bytes((notebooks / "20-duration.ipynb").read_bytes())
    started: list[bool] = []
    monkeypatch.setattr(server.Server, "start", lambda _: started.append(True))

    code = main(["triage", "-f", "sandbox", *arguments])

    assert code == 3
    assert said in capsys.readouterr().err
    assert started == []
    assert not (project / "runs").exists()


def test_a_defect_of_opslib_exits_3_and_shows_where(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parameters, "find_notebook", lambda _: 1 // 0)

    code = main(["run", "20"])

    said = capsys.readouterr().err
    assert code == 3
    assert "ZeroDivisionError" in said
    assert said.endswith("opslib: it did not run: this is a defect of opslib.\n")


def test_verify_says_that_a_folder_is_whole(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = _sealed(project)

    code = main(["verify", str(folder)])

    assert code == 0
    assert capsys.readouterr().out == (
        "20261014T030700Z-20-duration-ZAEL-demo is as the run left it.\n"
    )


def test_verify_names_what_was_changed_and_exits_2(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = _sealed(project)
    (folder / "result.json").write_text("{}")

    code = main(["verify", folder.name])

    assert code == 2
    assert capsys.readouterr().out == "result.json was changed after the run.\n"


def test_plans_lists_what_a_run_showed_and_obeys_nothing_of_it(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = _sealed(project)
    plan = {
        "token": "plan-ac75c7cb",
        "action": "raise memory to 1024 MB",
        "subject": "arn:aws:lambda:us-east-1:000000000000:function:a\x1b[2J",
        "reversible": True,
        "cli": ["aws lambda update-function-configuration --function-name a --memory-size 1024"],
    }
    result = {**RESULT, "plans": [plan, {**plan, "token": "plan-0", "reversible": False}]}
    run_folder.replace_sealed(folder, "result.json", json.dumps(result))

    code = main(["plans", folder.name])

    assert code == 0
    assert capsys.readouterr().out.splitlines() == [
        "plan-ac75c7cb  raise memory to 1024 MB, on "
        "arn:aws:lambda:us-east-1:000000000000:function:a␛[2J; can be undone",
        "  aws lambda update-function-configuration --function-name a --memory-size 1024",
        "plan-0  raise memory to 1024 MB, on "
        "arn:aws:lambda:us-east-1:000000000000:function:a␛[2J; CANNOT be undone",
        "  aws lambda update-function-configuration --function-name a --memory-size 1024",
    ]


def test_plans_of_a_run_says_when_there_are_none_and_when_its_result_was_changed(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = _sealed(project)

    whole = main(["plans", folder.name])
    (folder / "result.json").write_text("{}")
    changed = main(["plans", folder.name])

    said = capsys.readouterr()
    assert (whole, changed) == (0, 3)
    assert said.out == f"{folder.name} showed no plan.\n"
    assert said.err.startswith("opslib: No plan was listed: result.json was changed after the run.")


def test_render_writes_the_report_anew_and_the_folder_stays_whole(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = _sealed(project)

    code = main(["render", folder.name])

    assert code == 0
    assert "<h1>20 · Slow</h1>" in (folder / "report.html").read_text()
    assert capsys.readouterr().out == f"runs/{folder.name}/report.html\n"
    assert run_folder.differences(folder) == []


@pytest.mark.parametrize("name", ["result.json", "notebook.ipynb"])
def test_render_does_not_tell_of_a_file_that_was_changed(
    project: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    folder = _sealed(project)
    changed = (folder / name).read_text().replace("warning", "healthy").replace("Slow", "Fine")
    (folder / name).write_text(changed)

    code = main(["render", folder.name])

    assert code == 3
    assert capsys.readouterr().err == (
        f"opslib: Not rendered: {name} was changed after the run. A report of it would not tell "
        f"what the run saw; report.html is as it was. See all that differs with: opslib verify "
        f"{folder.name}\n"
    )
    assert (folder / "report.html").read_text() == "an old report"


def test_render_of_an_unfinished_run_without_a_result_is_refused(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = run_folder.create(
        project / "runs", started_at=AT, notebook="20-duration", system="ZAEL-demo"
    )

    code = main(["render", folder.name])

    said = capsys.readouterr().err
    assert code == 3
    assert said.startswith("opslib: Nothing was compared: ")
    assert "has no manifest.json, so that run never finished" in said
    assert [*folder.iterdir()] == []


def test_verify_of_a_path_that_is_not_there_says_it_once(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code = main(["verify", "/nothere"])

    assert code == 3
    assert capsys.readouterr().err == (
        "opslib: Nothing was read: there is no run folder /nothere. Name a run folder by its path, "
        "or by its name under runs/.\n"
    )


def test_verify_of_a_folder_that_never_was_a_run_says_so(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = main(["verify", "params"])

    assert code == 3
    assert capsys.readouterr().err == (
        "opslib: Nothing was compared: params has no manifest.json and no audit.jsonl, so it is "
        "not the folder of a run. Name a folder under runs/.\n"
    )


def test_a_run_says_every_finding_the_worst_first(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = [("warning", "It climbs"), ("unknown", "Unseen"), ("critical", "It dies")]
    found += [("warning", "It\nwaits")]
    findings = [{"id": t, "severity": severity, "title": t} for severity, t in found]
    outcome = headless.Outcome(project, {**RESULT, "verdict": "critical", "findings": findings})
    monkeypatch.setattr(headless, "run", lambda *_, **__: outcome)

    main(["run", "duration", "-f", "sandbox"])

    assert capsys.readouterr().out.splitlines()[1:-1] == [
        "  critical: It dies",
        "  warning: It climbs",
        "  warning: It waits",
        "  unknown: Unseen",
    ]


def test_render_of_an_unfinished_run_changes_nothing(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = _sealed(project)
    (folder / "manifest.json").unlink()

    code = main(["render", folder.name])

    assert code == 3
    assert "that run never finished" in capsys.readouterr().err
    assert (folder / "report.html").read_text() == "an old report"


def test_the_sandbox_without_its_extra_says_what_to_install(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "opslib.sandbox.commands", None)

    code = main(["sandbox", "status"])

    assert code == 3
    assert "pip install 'opslib[local]'" in capsys.readouterr().err


def test_help_imports_nothing_heavy() -> None:
    heavy = {"boto3", "papermill", "nbformat", "nbconvert", "pandas", "matplotlib", "pydantic"}
    code = (
        "import sys; from opslib.cli import main; main(['--help']); "
        f"print('heavy:', sorted({heavy} & sys.modules.keys()))"
    )

    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True
    )

    assert "sandbox" in done.stdout
    assert done.stdout.splitlines()[-1] == "heavy: []"


def test_the_slow_grammar_of_jsonschema_is_never_built() -> None:
    code = (
        "import sys; import opslib.cli, nbformat, opslib.headless; "
        "print(sys.modules['rfc3987_syntax'], 'lark' in sys.modules)"
    )

    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True
    )

    assert done.stdout == "None False\n"


def test_python_m_opslib_is_the_same_command() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "opslib", "--version"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=True,
    )

    assert done.stdout == "opslib, version 0.1.0\n"
