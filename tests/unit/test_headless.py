"""Runs without a person: real kernels, small notebooks, and every way a run can end."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import nbformat
import pytest
from small_projects import CONCLUDE, MINUTE_S, ROOT, Clock, alive, project, wait_for

from opslib import headless, run_folder
from opslib.cli import main
from opslib.errors import BadInput
from opslib.kernel import watch

AT = datetime(2026, 10, 14, 3, 7, 0, tzinfo=UTC)
SLEEPS_S = 300
KEYS = [
    *("schema", "run_id", "notebook", "system", "window", "verdict", "findings", "plans"),
    *("queries", "metrics", "identity", "limits", "started", "ended", "opslib"),
]


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPSLIB_HOME", str(tmp_path))


def _run(notebook: Path, **options: Any) -> headless.Outcome:
    ticks = iter([AT, datetime(2026, 10, 14, 3, 7, 4, tzinfo=UTC)])
    return headless.run(notebook, {"start": "-1h"}, now=lambda: next(ticks), **options)


def _begun(folder: Path) -> str:
    """Return a line of code that marks its beginning, and does not come to its end."""
    return f"import time; open('{folder}/begun', 'w').close(); time.sleep({SLEEPS_S})"


def _executed(outcome: headless.Outcome) -> Any:
    return nbformat.read(outcome.folder / "notebook.ipynb", as_version=4)


def _printed(outcome: headless.Outcome) -> str:
    cells = [cell for cell in _executed(outcome).cells if cell.cell_type == "code"]
    return "".join(o.text for cell in cells for o in cell.outputs if o.output_type == "stream")


@pytest.fixture(scope="module", name="told")
def _told() -> list[tuple[int, int, str]]:
    return []


@pytest.fixture(scope="module", name="outcome")
def _outcome(
    tmp_path_factory: pytest.TempPathFactory, told: list[tuple[int, int, str]]
) -> Iterator[headless.Outcome]:
    folder = tmp_path_factory.mktemp("project {x}")
    look = "import os, sys\nprint(sys.executable, os.getcwd(), start, sep='\\n')\n"
    look += "print('history', get_ipython().history_manager.enabled)"
    notebook = project(folder, [look, CONCLUDE % "warning"])
    # Another environment's kernel of the same name, which would not even start.
    spec = folder / "jupyter" / "kernels" / "python3"
    spec.mkdir(parents=True)
    argv = ["/bin/false", "{connection_file}"]
    spec.joinpath("kernel.json").write_text(
        json.dumps({"argv": argv, "display_name": "x", "language": "python"})
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JUPYTER_PATH", str(folder / "jupyter"))
        patch.setenv("OPSLIB_HOME", str(folder))
        yield _run(notebook, progress=lambda *step: told.append(step))


class TestARunThatComesToItsEnd:
    def test_has_the_folder_its_instant_notebook_and_system_name(
        self, outcome: headless.Outcome
    ) -> None:
        names = sorted(p.relative_to(outcome.folder).as_posix() for p in outcome.folder.rglob("*"))

        assert outcome.folder.parent.name == "runs"
        assert outcome.folder.name == "20261014T030700Z-20-duration-ZAEL-demo"
        assert names == [
            "audit.jsonl",
            "evidence",
            "evidence/01-a.csv",
            "manifest.json",
            "notebook.ipynb",
            "report.html",
            "result.json",
        ]

    def test_is_sealed_as_it_was_left(self, outcome: headless.Outcome) -> None:
        assert run_folder.differences(outcome.folder) == []

    def test_has_a_result_of_schema_1_completed(self, outcome: headless.Outcome) -> None:
        result = json.loads((outcome.folder / "result.json").read_text())

        assert list(result) == KEYS
        assert result == outcome.result
        assert (result["verdict"], outcome.exit_code) == ("warning", 1)
        assert result["run_id"] == "20261014T030700Z-20-duration-ZAEL-demo"
        assert (result["started"], result["ended"]) == (
            "2026-10-14T03:07:00Z",
            "2026-10-14T03:07:04Z",
        )
        assert result["window"] == {
            "start": "2026-10-14T00:07:00Z",
            "end": "2026-10-14T03:07:00Z",
        }
        assert result["identity"] == {"account": None, "arn": None, "region": None}
        assert [limit["what"] for limit in result["limits"]] == ["Not concluded."]

    def test_uses_this_python_in_the_notebooks_folder_with_the_given_values(
        self, outcome: headless.Outcome
    ) -> None:
        notebooks = outcome.folder.parents[1] / "notebooks"

        assert _printed(outcome) == f"{sys.executable}\n{notebooks}\n-1h\nhistory False\n"

    def test_leaves_no_path_of_this_machine_in_the_notebooks_metadata(
        self, outcome: headless.Outcome
    ) -> None:
        told = _executed(outcome).metadata.papermill

        assert (told.input_path, told.output_path) == ("20-duration.ipynb", "notebook.ipynb")

    def test_tells_its_progress_cell_by_cell(
        self, outcome: headless.Outcome, told: list[tuple[int, int, str]]
    ) -> None:
        assert outcome.exit_code == 1
        assert told == [
            (1, 4, "20 · Invocations are slow"),
            (2, 4, "20 · Invocations are slow"),
            (3, 4, "Looking"),
            (4, 4, "Looking"),
        ]

    def test_notes_its_start_and_end(self, outcome: headless.Outcome) -> None:
        lines = [json.loads(x) for x in (outcome.folder / "audit.jsonl").read_text().splitlines()]

        assert [(line["at"], line["event"]) for line in lines] == [
            ("2026-10-14T03:07:00Z", "run.started"),
            ("2026-10-14T03:07:04Z", "run.ended"),
        ]

    def test_keeps_nothing_of_an_earlier_recording(self, outcome: headless.Outcome) -> None:
        assert "OLD OUTPUT" not in (outcome.folder / "notebook.ipynb").read_text()


def _unknown(outcome: headless.Outcome, limit: str) -> None:
    """Assert what holds of every run that did not come to its end."""
    assert outcome.result["verdict"] == "unknown"
    assert outcome.exit_code == 3
    assert outcome.result["limits"] == [{"what": limit, "operation": "", "reason": "unfinished"}]
    assert run_folder.differences(outcome.folder) == []
    assert "Partial report." in (outcome.folder / "report.html").read_text()


def test_a_failure_after_a_verdict_makes_it_unknown_and_keeps_the_findings(tmp_path: Path) -> None:
    fails = "from opslib.errors import OpsError\nraise OpsError('Not looked: the door is shut.')"
    notebook = project(tmp_path, [CONCLUDE % "healthy", fails, "print('never')"])

    outcome = _run(notebook)

    _unknown(outcome, "Not looked: the door is shut.")
    assert [finding["id"] for finding in outcome.result["findings"]] == ["duration.rising"]
    assert _executed(outcome).cells[-1].metadata.papermill.status == "not-run"
    assert "papermill-error-cell" not in (outcome.folder / "notebook.ipynb").read_text()


def test_a_failure_before_any_result_still_leaves_one(tmp_path: Path) -> None:
    outcome = _run(project(tmp_path, ["{}['x']"]))

    _unknown(outcome, "A cell failed under “Looking”: KeyError: 'x'")
    assert list(outcome.result) == KEYS
    assert outcome.result["system"] == "ZAEL-demo"
    assert outcome.result["window"] == {"start": None, "end": None}


def test_a_dead_kernel_is_said_and_what_never_ran_is_marked(tmp_path: Path) -> None:
    dies = "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)"

    outcome = _run(project(tmp_path, [CONCLUDE % "healthy", dies, "print('never')"]))

    _unknown(outcome, "The kernel died under “Looking”: it was killed, or ran out of memory.")
    statuses = [
        c.metadata.papermill.status for c in _executed(outcome).cells if c.cell_type == "code"
    ]
    assert statuses[-1] == "not-run"
    assert "not-run" not in statuses[:-1]


def test_the_deadline_ends_a_kernel_that_ignores_interrupts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "GRACE_S", 0.3)
    deaf = "import signal, time\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\n"
    notebook = project(tmp_path, [CONCLUDE % "healthy", f"{deaf}{_begun(tmp_path)}"])
    began = time.monotonic()

    outcome = _run(notebook, deadline_s=3, cell_s=0.2, monotonic=Clock(tmp_path / "begun"))

    _unknown(outcome, "The run was stopped when its deadline of 3 s passed under “Looking”.")
    assert time.monotonic() - began < SLEEPS_S


def test_the_deadline_lets_a_cell_put_down_what_it_holds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "GRACE_S", MINUTE_S)
    careful = f"try:\n    {_begun(tmp_path)}\nfinally:\n    print('query stopped')"

    outcome = _run(
        project(tmp_path, [careful]), deadline_s=3, cell_s=0.2, monotonic=Clock(tmp_path / "begun")
    )

    assert outcome.result["limits"][0]["what"] == (
        "The run was stopped when its deadline of 3 s passed under “Looking”."
    )
    assert "query stopped" in _printed(outcome)


def test_a_cell_that_takes_too_long_is_stopped(tmp_path: Path) -> None:
    notebook = project(tmp_path, [_begun(tmp_path)])

    outcome = _run(notebook, cell_s=1, deadline_s=20_000, monotonic=Clock(tmp_path / "begun"))

    _unknown(outcome, "The run was stopped: a cell took longer than 1 s under “Looking”.")


def test_a_cell_that_exits_quietly_is_no_success(tmp_path: Path) -> None:
    notebook = project(tmp_path, [CONCLUDE % "healthy", "import sys; sys.exit(0)", "print(1)"])

    outcome = _run(notebook)

    _unknown(outcome, "A cell ended the notebook early under “Looking”.")


@pytest.mark.parametrize(
    "written",
    ["pass", "open(P, 'w').write('no JSON')", "open(P, 'w').write('{\"schema\": 2}')"],
    ids=["nothing", "no JSON", "another schema"],
)
def test_a_notebook_without_a_result_is_not_healthy(tmp_path: Path, written: str) -> None:
    cell = f"import os\nP = os.environ['OPSLIB_RUN_DIR'] + '/result.json'\n{written}"

    outcome = _run(project(tmp_path, [cell]))

    assert outcome.exit_code == 3
    assert [limit["what"] for limit in outcome.result["limits"]] == [
        "The notebook ended without a result, so nothing was judged."
    ]


def test_a_path_as_system_becomes_the_mapping_in_it(tmp_path: Path) -> None:
    notebook = project(tmp_path, ["print(system['name'])"])
    (tmp_path / "params" / "sandbox.yaml").rename(tmp_path / "other.yaml")

    outcome = headless.run(notebook, {"system": str(tmp_path / "other.yaml")})

    assert _printed(outcome) == "ZAEL-demo\n"


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"start": "soon"}, "No window was made: start is 'soon', which is not an instant."),
        ({"end": "2026-10-14T03:07:00"}, "which has no time zone; add Z if it is UTC"),
        ({"start": "now", "end": "-3h"}, "there is no whole period of 60 s"),
        ({"start": "-32d"}, "and 31 d is the longest"),
        (
            {"start": "2026-10-14T03:00:00Z", "end": "2026-10-14T02:00:00Z"},
            "From 2026-10-14T03:00:00Z to 2026-10-14T02:00:00Z there is no whole period",
        ),
        ({"function": "nobody"}, "'nobody' is not a function of ZAEL-demo"),
    ],
)
def test_what_is_wrong_at_any_time_is_refused_before_a_kernel_starts(
    tmp_path: Path, values: dict[str, object], said: str
) -> None:
    cells = 'function: str = ""\nend: str = "now"\n'
    notebook = project(tmp_path, ["pass"], parameters=cells)

    with pytest.raises(BadInput) as refused:
        headless.run(notebook, values)

    assert said.lower() in str(refused.value).lower()
    assert not (tmp_path / "runs").exists()


def test_a_system_that_is_wrong_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    notebook = project(tmp_path, ["pass"])

    with pytest.raises(BadInput):
        headless.run(notebook, {"system": "nobody"})

    assert not (tmp_path / "runs").exists()


def _command(notebook: Path, *more: str) -> list[str]:
    return [sys.executable, "-m", "opslib", "run", str(notebook), "-p", "system", "sandbox", *more]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda n: n.name)
def test_a_signal_ends_the_kernel_and_leaves_a_partial_report(
    tmp_path: Path, number: signal.Signals
) -> None:
    marker = tmp_path / "pid"
    waits = f"import os, time\nopen({str(marker)!r}, 'w').write(str(os.getpid()))\ntime.sleep(60)"
    notebook = project(tmp_path, [CONCLUDE % "healthy", waits])
    process = subprocess.Popen(_command(notebook), stdout=subprocess.PIPE, text=True, cwd=ROOT)
    pid = int(wait_for(marker))

    process.send_signal(number)
    said, _ = process.communicate(timeout=MINUTE_S)

    reason = f"The run was stopped by {number.name} under “Looking”."
    report = next((tmp_path / "runs").glob("*/report.html"))
    assert process.returncode == 3
    assert said.splitlines()[:2] == ["COULD NOT LOOK 20-duration on ZAEL-demo", f"  {reason}"]
    assert f"<strong>Partial report.</strong> {reason}" in report.read_text()
    assert not alive(pid)


def test_a_deadline_that_passes_while_the_kernel_starts_says_nothing_on_stderr(
    tmp_path: Path,
) -> None:
    notebook = project(tmp_path, [f"open('{tmp_path}/ran', 'w')"])
    # IPython runs this before the kernel answers, so that it starts no sooner, however fast it is.
    startup = tmp_path / "ipython" / "profile_default" / "startup"
    startup.mkdir(parents=True)
    (startup / "00.py").write_text(f"import time; time.sleep({SLEEPS_S})")

    done = subprocess.run(
        _command(notebook, "--deadline", "0.25"),
        env={**os.environ, "IPYTHONDIR": str(tmp_path / "ipython")},
        capture_output=True, text=True, cwd=ROOT, timeout=2 * MINUTE_S, check=False,
    )  # fmt: skip

    assert (done.returncode, done.stderr) == (3, "")
    assert "The run was stopped when its deadline of 0.25 s passed" in done.stdout
    assert not (tmp_path / "ran").exists()


_EARLY = """\
import os, signal, sys
class Early:
    def find_spec(self, name, *_):
        if name == "papermill":
            os.kill(os.getpid(), signal.SIGTERM)
sys.meta_path.insert(0, Early())
from opslib.cli import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.parametrize("words", [["run", "00"], ["triage"]], ids=["run", "triage"])
def test_a_signal_while_opslib_still_imports_starts_no_kernel_and_leaves_a_partial_report(
    tmp_path: Path, words: list[str]
) -> None:
    notebook = project(tmp_path, [f"open('{tmp_path}/ran', 'w')"])
    notebook.rename(notebook.with_name("00-triage.ipynb"))
    command = [sys.executable, "-c", _EARLY, *words, "-p", "system", "sandbox"]

    done = subprocess.run(
        command, capture_output=True, text=True, cwd=ROOT, timeout=2 * MINUTE_S, check=False
    )

    reports = [path.read_text() for path in (tmp_path / "runs").glob("*00-triage*/report.html")]
    assert (done.returncode, done.stderr) == (3, "")
    assert "The run was stopped by SIGTERM." in done.stdout
    assert ["Partial report." in report for report in reports] == [True]
    assert not (tmp_path / "ran").exists()


def test_a_run_that_another_process_has_is_refused_and_says_who(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    notebook = project(tmp_path, ["pass"])
    holds = "import os, time\nopen('../pid', 'w').write(str(os.getppid()))\ntime.sleep(60)"
    other = project(tmp_path / "a", [holds])
    process = subprocess.Popen(_command(other), stdout=subprocess.DEVNULL, cwd=ROOT)
    wait_for(tmp_path / "a" / "pid")

    code = main(["run", str(notebook), "-p", "system", "sandbox", "-p", "start", "-2d"])

    folder = next((tmp_path / "runs").glob("*.partial"))
    process.terminate()
    process.wait(timeout=MINUTE_S)
    said = capsys.readouterr().err
    assert code == 3
    assert said.startswith(
        "opslib: Nothing ran: 20-duration on ZAEL-demo (000000000000, us-east-1) is being run "
    )
    assert f"(process {process.pid}) since 2" in said
    assert said.endswith(f", in {folder}. Wait for it, or end it with: kill {process.pid}\n")


def test_a_full_disk_is_a_sentence_and_leaves_the_folder_marked_unfinished(tmp_path: Path) -> None:
    notebook = project(tmp_path, [CONCLUDE % "healthy", "print('x' * 3_000_000)"])
    # A limit on the size of a file is the nearest thing to a full disk that needs no root.
    limited = "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (10**6, 10**6)); "
    limited += "from opslib.cli import main; sys.exit(main(sys.argv[1:]))"
    command = [sys.executable, "-c", limited, *_command(notebook)[3:]]

    done = subprocess.run(
        command, capture_output=True, text=True, cwd=ROOT, timeout=2 * MINUTE_S, check=False
    )

    folders = [path.name for path in (tmp_path / "runs").iterdir() if path.name != ".locks"]
    assert done.returncode == 3
    assert done.stdout == ""
    assert done.stderr.startswith("opslib: The run did not finish: ")
    assert "could not be written: File too large." in done.stderr
    assert len(folders) == 1
    assert folders[0].endswith("-20-duration-ZAEL-demo.partial")
