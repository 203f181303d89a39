"""`make lab` in a real Chromium: the runbooks as a person works with them."""

import os
import re
import shlex
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPException
from pathlib import Path
from random import Random
from urllib.request import urlopen

import nbformat
import pytest
from playwright.sync_api import Locator, Page, expect, sync_playwright

from opslib import report
from opslib.sandbox import project

ROOT = Path(__file__).parents[2]
TOKEN = "loopback"
HOME = "home"
#: Everything waited for comes by itself; on a busy machine it takes its time.
LONGEST_MS = 240_000
#: A session has a kernel, and the kernel has nothing to do.
IDLE = """() => {
  const session = window.jupyterapp?.shell.currentWidget?.sessionContext;
  return session?.isReady && session.session?.kernel?.connectionStatus === 'connected'
    && session.session.kernel.status === 'idle';
}"""
#: How often the last code cell of the notebook has run, by its model: not every cell is drawn yet.
COUNT = """() => {
  const cells = [...window.jupyterapp.shell.currentWidget.content.model.cells];
  return cells.filter(cell => cell.type === 'code').at(-1).executionCount ?? 0;
}"""
#: Every picture is drawn, and there is one.
DRAWN = """() => {
  const widget = window.jupyterapp.shell.currentWidget.node;
  const all = [...widget.querySelectorAll('.jp-RenderedImage img')];
  return all.length > 0 && all.every(image => image.complete && image.naturalWidth > 0);
}"""
PANEL = ".jp-NotebookPanel:not(.lm-mod-hidden)"


def _configured() -> tuple[dict[str, str], list[str]]:
    """Return the environment and the options that `make lab` starts JupyterLab with."""
    told = subprocess.run(
        ["make", "--no-print-directory", "-n", "-o", ".venv/.ready", "lab"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    words = shlex.split(told.replace("\\\n", " "))
    at = words.index("lab", words.index("trap"))
    assert words[at - 1].endswith("bin/jupyter")
    name, _, value = words[at - 2].partition("=")
    # Of all that, only the folder is another one here.
    return {name: value}, [w for w in words[at + 1 :] if not w.startswith("--ServerApp.root_dir=")]


def _free_port() -> int:
    """Return a port that nobody is given who asks for any, while JupyterLab starts."""
    first = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    while True:
        port = Random().randrange(first // 2, first)  # noqa: S311 - no secret
        with socket.socket() as held, suppress(OSError):
            held.bind(("127.0.0.1", port))
            return port


def _notebooks(root: Path) -> None:
    """Make a folder of notebooks without outputs: what is seen was run here."""
    (root / "notebooks").mkdir()
    for path in (ROOT / "notebooks").glob("*.ipynb"):
        node = nbformat.read(path, as_version=4)
        for cell in node.cells:
            if cell.cell_type == "code":
                cell.outputs, cell.execution_count = [], None
        nbformat.write(node, root / "notebooks" / path.name)


@contextmanager
def _server(root: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """Start JupyterLab; whoever opens a page waits for it, and has made `home` by then."""
    environment, options = _configured()
    own = {
        name: str(root / ".jupyter" / name.lower())
        for name in (
            "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR",
            "JUPYTERLAB_SETTINGS_DIR", "JUPYTERLAB_WORKSPACES_DIR",
        )
    }  # fmt: skip
    command = [
        *(sys.executable, "-m", "jupyterlab", *options, "--no-browser"),
        *(f"--ServerApp.root_dir={root}", f"--ServerApp.port={port}", "--ServerApp.port_retries=0"),
        *(f"--IdentityProvider.token={TOKEN}", "--LabApp.expose_app_in_browser=True"),
        # Nobody needs to be asked twice at the end.
        "--KernelManager.shutdown_wait_time=0.1",
    ]
    with (root / "lab.log").open("w") as log:
        server = subprocess.Popen(
            command,
            env={**os.environ, **environment, **own, "OPSLIB_HOME": str(root / HOME)},
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        yield server
    finally:
        server.terminate()
        server.wait(LONGEST_MS / 1000)


def _wait_for(address: str, server: subprocess.Popen[bytes], log: Path) -> None:
    ends = time.monotonic() + LONGEST_MS / 1000
    while time.monotonic() < ends and server.poll() is None:
        try:
            with urlopen(address, timeout=30):  # noqa: S310 - loopback
                return
        except (OSError, HTTPException):
            time.sleep(0.1)
    pytest.fail(f"JupyterLab did not answer: {log.read_text()[-2000:]}", pytrace=False)


@pytest.fixture(scope="module", name="lab")
def _lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Page, list[str], int]]:
    """Give a page with JupyterLab on 00-triage, and every address that is asked for."""
    arguments = [
        *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
        *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
        "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    ]
    port, root = _free_port(), tmp_path_factory.mktemp("lab")
    _notebooks(root)
    # JupyterLab starts while the scenario is told.
    with _server(root, port) as server, project.temporary("slow") as folder:
        (root / HOME).symlink_to(folder, target_is_directory=True)
        with sync_playwright() as playwright:
            chromium = playwright.chromium.launch(
                executable_path=report.pdf.browser(), args=arguments
            )
            _wait_for(f"http://127.0.0.1:{port}/api?token={TOKEN}", server, root / "lab.log")
            page = chromium.new_page(viewport={"width": 1280, "height": 1000})
            page.set_default_timeout(LONGEST_MS)
            expect.set_options(timeout=LONGEST_MS)
            asked: list[str] = []
            page.on("request", lambda request: asked.append(request.url))
            page.on("websocket", lambda opened: asked.append(opened.url))
            page.goto(f"http://127.0.0.1:{port}/?token={TOKEN}")
            page.wait_for_selector("#jupyterlab-splash", state="detached", timeout=LONGEST_MS)
            yield page, asked, port
            chromium.close()


def _run_all(page: Page) -> Locator:
    """Run every cell from the menu; return the notebook when its last cell has run."""
    page.wait_for_function(IDLE, timeout=LONGEST_MS)
    panel = page.locator(PANEL)
    before = page.evaluate(COUNT)
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.locator('.lm-Menu-item[data-command="runmenu:run-all"]').click()
    page.wait_for_function(f"before => ({COUNT})() > before", arg=before, timeout=LONGEST_MS)
    page.wait_for_function(IDLE, timeout=LONGEST_MS)
    return panel


def test_a_person_runs_triage_sees_plots_and_verdict_follows_it_and_runs_again(
    lab: tuple[Page, list[str], int],
) -> None:
    page, asked, port = lab
    path = "window.jupyterapp?.shell.currentWidget?.context?.path"

    opened = page.wait_for_function(f"() => {path}", timeout=LONGEST_MS).json_value()
    triage = _run_all(page)
    page.wait_for_function(DRAWN, timeout=LONGEST_MS)
    errors = triage.locator('.jp-RenderedText[data-mime-type="application/vnd.jupyter.error"]')
    wide = triage.locator(".jp-RenderedImage img").evaluate_all(
        "all => all.map(i => i.naturalWidth)"
    )
    verdict = triage.locator(".opslib-verdict").text_content() or ""
    _picture(page, "triage")
    triage.locator(".opslib-verdict a", has_text="20-duration").first.click()
    page.wait_for_function(f"() => {path} === 'notebooks/20-duration.ipynb'", timeout=LONGEST_MS)
    banner = _run_all(page).locator(".opslib-banner").text_content() or ""
    _change(page, 'start: str = "-3h"', 'start: str = "-1h"')
    again = _run_all(page)

    assert opened == "notebooks/00-triage.ipynb"
    assert errors.count() == 0
    assert wide
    assert min(wide) >= 600
    assert "CRITICAL" in verdict
    assert "(3 h)" in banner
    expect(again.locator(".opslib-banner")).to_contain_text("(1 h)")
    expect(again.locator(".opslib-verdict")).to_contain_text("CRITICAL")
    _picture(page, "duration")
    assert page.locator(".Toastify__toast").count() == 0
    elsewhere = rf"(?!(https?|wss?)://127\.0\.0\.1:{port}/|data:|blob:)"
    assert [address for address in asked if re.match(elsewhere, address)] == []
    assert any(address.startswith("ws://") for address in asked)


def _change(page: Page, before: str, after: str) -> None:
    """Edit the parameters cell as a person would."""
    cell = page.locator(PANEL).locator(".jp-CodeCell").first
    editor = cell.locator(".cm-content")
    editor.click()
    source = editor.evaluate("node => node.cmTile?.view?.state.doc.toString() ?? node.innerText")
    assert before in source
    page.keyboard.press("Control+a")
    page.keyboard.insert_text(source.replace(before, after))


def _picture(page: Page, name: str) -> None:
    """Keep what was seen, for whoever wants to look at it."""
    folder = os.environ.get("OPSLIB_PICTURES")
    if folder:
        page.screenshot(path=Path(folder) / f"lab-{name}.png")
