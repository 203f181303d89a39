"""Printing a report: which browser, what it is told, and what is said when it cannot."""

import contextlib
import json
import os
import stat
import time
from pathlib import Path

import nbformat
import pytest

from opslib import cli, report, run_folder
from opslib.errors import BadInput, OpsError

#: A browser in small: writes down how it was called, and a PDF where it was told to.
BROWSER = """\
#!/bin/sh
if [ "$1" = --version ]; then echo "warning: odd" >&2; echo "Chromium 156.0.1 built"; exit; fi
for option; do
  case "$option" in --print-to-pdf=*) out="${option#--print-to-pdf=}";; esac
  echo "$option" >> "$CALLED"
  last="$option"
done
cp "$(printf %s "${last#file://}" | sed "s/%20/ /g")" "$CALLED.html"
printf '%%PDF-1.4 made\\n%%%%EOF\\n' > "$out"
"""


@pytest.fixture(name="chromium")
def _chromium(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CALLED", str(tmp_path / "called"))
    path = _script(tmp_path / "chromium", BROWSER)
    monkeypatch.setenv("CHROMIUM", str(path))
    return path


def _script(path: Path, text: str) -> Path:
    path.write_text(text)
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def _run(folder: Path) -> Path:
    partial = folder / "20261014T030700Z-20-duration.partial"
    partial.mkdir()
    result = {
        **{"schema": 1, "run_id": "r", "notebook": "20-duration", "system": "ZAEL-demo"},
        **{"verdict": "healthy", "window": {"start": None, "end": None}, "identity": {}},
        **{"findings": [], "plans": [], "queries": [], "metrics": [], "limits": []},
        **{"started": "", "ended": "", "opslib": "0.1.0"},
    }
    run_folder.write_json(partial / run_folder.RESULT, result)
    (partial / run_folder.NOTEBOOK).write_text(nbformat.writes(nbformat.v4.new_notebook()))
    return run_folder.seal(partial)


def test_render_prints_the_report_into_the_folder_and_says_by_what(
    tmp_path: Path, chromium: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = _run(tmp_path)

    code = cli.main(["render", str(folder), "--to", "pdf"])

    said = capsys.readouterr()
    assert (code, said.out) == (0, f"{folder / 'report.pdf'}\n")
    assert said.err == "Printed by Chromium 156.0.1.\n"
    assert (folder / "report.pdf").read_bytes() == b"%PDF-1.4 made\n%%EOF\n"
    assert run_folder.differences(folder) == []
    assert "report.pdf" in json.loads((folder / "manifest.json").read_text())["sha256"]
    page = (tmp_path / "called.html").read_text()
    assert page == report.render(folder)
    options = (tmp_path / "called").read_text().splitlines()
    assert "--host-resolver-rules=MAP * ~NOTFOUND" in options
    assert ("--no-sandbox" in options) == (os.geteuid() == 0)
    profile = next(o.partition("=")[2] for o in options if o.startswith("--user-data-dir="))
    assert not Path(profile).parent.exists()


def test_without_a_browser_it_says_what_to_do_before_anything_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("CHROMIUM", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))

    code = cli.main(["render", str(tmp_path), "--to", "pdf"])

    assert code == 3
    assert capsys.readouterr().err == (
        "opslib: Not printed: Chromium is not there. Install it (Debian: apt-get install "
        "chromium), or name a Chrome or Chromium in the environment variable CHROMIUM. The HTML "
        "report prints from any browser as it is.\n"
    )


def test_a_named_browser_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHROMIUM", "/nowhere/chrome")

    with pytest.raises(BadInput) as refused:
        report.pdf.browser()

    assert "CHROMIUM is /nowhere/chrome, which cannot be run." in str(refused.value)


HALF = 'for o; do case "$o" in --print-to-pdf=*) printf %%PDF-half > "${o#*=}";; esac; done'


@pytest.mark.parametrize("leaves", ["", HALF], ids=["nothing", "half a file"])
def test_a_browser_that_fails_is_quoted_and_leaves_the_folder_as_it_was(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    leaves: str,
) -> None:
    script = f"#!/bin/sh\n{leaves}\necho cannot open display >&2\nexit 1\n"
    monkeypatch.setenv("CHROMIUM", str(_script(tmp_path / "broken", script)))
    folder = _run(tmp_path)
    before = sorted(path.name for path in folder.iterdir())

    code = cli.main(["render", str(folder), "--to", "pdf"])

    assert code == 3
    assert capsys.readouterr().err == (
        "opslib: Not printed: broken ended without a PDF: cannot open display. "
        "The HTML report is as it was.\n"
    )
    assert sorted(path.name for path in folder.iterdir()) == before
    assert run_folder.differences(folder) == []


def _processes_with(variable: str) -> list[str]:
    """List the command lines of the processes that have this in their environment."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if variable.encode() in (entry / "environ").read_bytes().split(b"\0"):
                found.append((entry / "cmdline").read_text())
    return found


def test_a_browser_that_hangs_is_stopped_with_all_its_processes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STARTED_BY", str(tmp_path))
    script = "#!/bin/sh\nsleep 300 &\nwait\n"
    hangs = _script(tmp_path / "hangs", script)
    began = time.monotonic()

    with pytest.raises(OpsError) as refused:
        report.pdf.printed("<p>x</p>", path=hangs, deadline_s=0.5)

    assert str(refused.value) == (
        "Not printed: hangs did not end within 0.5 s and was stopped. The HTML report is as it was."
    )
    # They were killed; on a busy machine the last one takes a moment to be gone.
    while (left := _processes_with(f"STARTED_BY={tmp_path}")) and time.monotonic() - began < 60:
        time.sleep(0.02)
    assert left == []
    assert time.monotonic() - began < 60
