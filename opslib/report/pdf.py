"""A report on paper: the same page, printed by the Chromium of this machine.

In: the text of a report. Out: the bytes of a tagged PDF, A4, with bookmarks, and what printed it.
The browser gets a home of its own, which goes with it, and no network. Must not know run folders.

Chromium prints what the report's own style sheet says. WeasyPrint 70, which needs no browser, was
tried on the same page: it does not know the grid's ``auto-fill`` or variables inside of drawings,
cuts wide tables off, and makes thirteen pages of seven, in seven times the processor's time.
"""

import os
import re
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from typing import NamedTuple

from opslib.errors import BadInput, OpsError

#: The environment variable that names the browser.
VARIABLE = "CHROMIUM"
DEADLINE_S = 60.0
_VERSION = re.compile(r"[A-Z][A-Za-z ]* \d+(\.\d+)+")
_NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
_OPTIONS = (
    "--headless",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-extensions",
    "--disable-sync",
    "--disable-quic",
    "--no-first-run",
    # Whatever a page would ask for, by name or by number, is not there.
    "--host-resolver-rules=MAP * ~NOTFOUND",
    "--no-pdf-header-footer",
    "--generate-pdf-document-outline",
)


class Printed(NamedTuple):
    """A PDF, and the name and version of the browser that made it."""

    content: bytes
    by: str


def browser() -> Path:
    """Return the Chromium of this machine.

    Raises
    ------
    BadInput
        There is none, or the one that the environment names is not there.
    """
    named = os.environ.get(VARIABLE, "")
    for name in [named] if named else _NAMES:
        found = shutil.which(name)
        if found is not None:
            return Path(found)
    missing = f"{VARIABLE} is {named}, which cannot be run" if named else "Chromium is not there"
    raise BadInput(
        f"Not printed: {missing}. Install it (Debian: apt-get install chromium), or name a Chrome "
        f"or Chromium in the environment variable {VARIABLE}. The HTML report prints from any "
        "browser as it is.",
        browser=named,
    )


def printed(html: str, *, path: Path, deadline_s: float = DEADLINE_S) -> Printed:
    """Print one page.

    Parameters
    ----------
    html
        The page, whole; it may ask for nothing.
    path
        The browser, as `browser` finds it.
    deadline_s
        How long it may take, in seconds.

    Raises
    ------
    OpsError
        The browser ended without a PDF, or did not end in time; it was stopped then.
    """
    with tempfile.TemporaryDirectory(prefix="opslib-pdf-") as name:
        folder = Path(name)
        (folder / "report.html").write_text(html, encoding="utf-8", errors="replace")
        made = folder / "report.pdf"
        said = _run(
            [
                str(path),
                *_OPTIONS,
                # Its sandbox needs a user other than root; the page holds no script.
                *(["--no-sandbox"] if os.geteuid() == 0 else []),
                f"--user-data-dir={folder / 'profile'}",
                f"--print-to-pdf={made}",
                (folder / "report.html").as_uri(),
            ],
            home=folder,
            deadline_s=deadline_s,
        )
        content = made.read_bytes() if made.exists() else b""
        if not content.startswith(b"%PDF-") or b"%%EOF" not in content[-64:]:
            last = said.strip().splitlines()[-1:] or ["it said nothing"]
            raise OpsError(
                f"Not printed: {path.name} ended without a PDF: {last[0][:300]}. The HTML report "
                "is as it was."
            )
        version = _run([str(path), "--version"], home=folder, deadline_s=deadline_s)
    # Debian's says more than its name, and on standard error more still.
    found = _VERSION.search(version)
    return Printed(content, found[0] if found else path.name)


def _run(command: list[str], *, home: Path, deadline_s: float) -> str:
    """Run a browser to its end and return what it said."""
    with subprocess.Popen(  # noqa: S603 - the command is ours, the browser the operator's
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**os.environ, "HOME": str(home), "XDG_CONFIG_HOME": str(home)},
        # A browser is many processes; they end together.
        start_new_session=True,
        text=True,
        errors="replace",
    ) as process:
        try:
            return process.communicate(timeout=deadline_s)[0]
        except subprocess.TimeoutExpired as error:
            os.killpg(process.pid, signal.SIGKILL)
            raise OpsError(
                f"Not printed: {Path(command[0]).name} did not end within {deadline_s:g} s and was "
                "stopped. The HTML report is as it was."
            ) from error
