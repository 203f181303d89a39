"""A real Chromium without a network, and a report as an operator gets it."""

import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nbformat
import pandas as pd
import pytest
from matplotlib.figure import Figure
from playwright.sync_api import Browser, Page, sync_playwright

from opslib import plots, report, show

_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # Whatever is asked for, by name or by number, is not there.
    "--host-resolver-rules=MAP * ~NOTFOUND",
]
_VERDICT = show.verdict(
    "critical",
    title="The function is slow.",
    findings=[{"severity": "warning", "title": "It climbs", "detail": "From 0.8 s to 9.3 s."}],
    links=[("30-stream", "30-stream.ipynb")],
    limits=["The mapping's state."],
)
PLAN = {
    "token": "plan-ac75c7cb",
    "action": "Raise the memory of f from 256 to 512 MB",
    "subject": "arn:aws:lambda:us-east-1:000000000000:function:f",
    "before": {"MemorySize": 256, "RevisionId": "r-1"},
    "after": {"MemorySize": 512},
    "reversible": True,
    "expires": "2026-10-14T04:07:00Z",
    "cli": [
        "aws lambda update-function-configuration --function-name f --memory-size 512",
        "aws lambda wait function-updated-v2 --function-name f",
    ],
    "touches": "every warm environment is replaced",
    "undo": "set it back to 256 MB",
}
STEPS = [
    {
        "label": "Invocations are slow?",
        "verdict": "critical",
        "taken": True,
        "detail": "p95 is 9,214 ms",
        "steps": [
            {"label": "A deployment?", "verdict": "critical", "taken": True, "link": "20-duration"},
            {"label": "More to do?", "verdict": "healthy"},
            {"label": "Short of memory?"},
        ],
    }
]
HYPOTHESES = [
    {
        "title": "The deployment at 02:37",
        "severity": "critical",
        "supports": ["p95 rises from 02:40 on"],
        "against": ["the package is as large as before"],
        "link": "20-duration",
    }
]
HOSTILE = (
    '<img src="https://evil.example/x.png" onerror="document.title=\'owned\'">'
    "<script>document.title='owned'</script>"
    "<p style=\"background-image:url('https://evil.example/y.png')\">line</p>"
)


# Not for the session: as long as it is there, an event loop runs in this process, and no other test
# can run one of its own.
@pytest.fixture(scope="module", name="browser")
def _browser() -> Iterator[Browser]:
    path = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    if path is None:
        pytest.fail(
            "No page was looked at: there is no Chromium on this machine. Install it with "
            "`apt-get install chromium`, or name one in the environment variable CHROMIUM.",
            pytrace=False,
        )
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=_ARGUMENTS)
        yield browser
        browser.close()


class Visit:
    """One page that was opened, with what it asked for and what went wrong in it."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.requests: list[str] = []
        self.errors: list[str] = []
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", lambda message: self.errors.append(message.text))

    def open(self, path: Path) -> None:
        """Open a file and wait until everything it wants has been asked for."""
        self.page.goto(path.as_uri(), wait_until="networkidle")


@pytest.fixture(name="visit")
def _visit(browser: Browser) -> Iterator[Callable[..., Visit]]:
    contexts = []

    def visit(path: Path, **options: Any) -> Visit:
        context = browser.new_context(**options)
        contexts.append(context)
        visited = Visit(context.new_page())
        visited.open(path)
        return visited

    yield visit
    for context in contexts:
        context.close()


def _plot() -> show.Shown:
    figure = Figure(figsize=(9, 2.9))
    figure.subplots().plot([0.8, 0.9, 4.2, 9.3])
    return show.picture(
        plots.png(figure), alt="p95 rises from 0.8 s to 9.3 s; the timeout is 10 s."
    )


def _output(shown: show.Shown) -> Any:
    data, metadata = shown._repr_mimebundle_()
    return nbformat.v4.new_output("display_data", data=data, metadata=metadata)


def _bins() -> pd.DataFrame:
    at = pd.to_datetime(["2026-10-14T00:10:00Z", "2026-10-14T00:15:00Z"])
    return pd.DataFrame({"at": at, "invocations": [1200, 1180], "p95_ms": [1234.6, 9214.0]})


def _cells() -> list[Any]:
    wide = " ".join(f"word{number}" for number in range(80))
    stream = nbformat.v4.new_output("stream", name="stdout", text=f"{HOSTILE}\n{wide}" * 3)
    html = nbformat.v4.new_output("display_data", data={"text/html": HOSTILE})
    row = "".join(f"<td>column {number}</td>" for number in range(30))
    table = nbformat.v4.new_output(
        "display_data",
        data={"text/html": f"<table><tr>{row}</tr><tr><td>{HOSTILE}</td></tr></table>"},
    )
    code = nbformat.v4.new_code_cell
    return [
        nbformat.v4.new_markdown_cell("# 20 · Invocations are slow\n\nThe alarm fired."),
        code("run = runbook.open(system=system)", outputs=[_output(show.banner(["ZAEL-demo"]))]),
        nbformat.v4.new_markdown_cell(f"## How long do they take?\n\n{HOSTILE}"),
        code(
            "run.path(); run.hypotheses()",
            outputs=[_output(show.tree(STEPS)), _output(show.hypotheses(HYPOTHESES))],
        ),
        code("show.table(bins)", outputs=[_output(show.table(_bins(), caption="One row a bin."))]),
        code("show.plan(plan)", outputs=[_output(show.plan(PLAN))]),
        code("plots.duration(bins)  # drawn", outputs=[_output(_plot())]),
        code("print(line)", outputs=[stream]),
        code("HTML(line)", outputs=[html, table]),
        code(
            "note()",
            outputs=[_output(show.note("Partial.", bad=True)), _output(show.note("3 rows"))],
        ),
        code("run.conclude(findings)", outputs=[_output(_VERDICT)]),
    ]


@pytest.fixture(scope="session", name="report_path")
def _report_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("20261014T030700Z-20-duration-ZAEL-demo")
    result = {
        "schema": 1,
        "run_id": "20261014T030700Z-20-duration-ZAEL-demo",
        "notebook": "20-duration",
        "system": "ZAEL-demo",
        "window": {
            "start": "2026-10-14T00:07:00Z",
            "end": "2026-10-14T03:07:00Z",
        },
        "verdict": "critical",
        "findings": [
            {
                "id": "duration.near-timeout",
                "severity": "critical",
                "title": "Invocations of ZAEL-demo-aggregator come close to their timeout",
                "detail": "p95 was 9,214 ms over the last 15 min, 92 % of the 10,000 ms timeout.",
                "subject": "ZAEL-demo-aggregator",
                "evidence": ["duration"],
                "next": {"notebook": None, "remedy": "raise-memory"},
                "since": "2026-10-14T02:37:00Z",
            }
        ],
        "plans": [PLAN],
        "queries": [
            {
                "name": "duration",
                "text": f"filter @message like /{HOSTILE}/\n| stats count() by bin(5m)",
                "query_id": "b2c1d7de-0d64-4a51-9a39-2d6fbb2a54c0",
                "status": "Complete",
                "rows": 36,
                "completeness": "There may be more rows: they were cut off.",
                "truncated": True,
                "groups": ["/aws/lambda/ZAEL-demo-aggregator"],
                "window": {"start": "2026-10-14T00:07:00Z", "end": "2026-10-14T03:07:00Z"},
            }
        ],
        "metrics": [{"name": "IteratorAge", "namespace": "AWS/Lambda", "stat": "Maximum"}] * 3,
        "identity": {
            "account": "000000000000",
            "arn": "arn:aws:sts::000000000000:assumed-role/oncall-readonly/alice",
            "region": "us-east-1",
        },
        "limits": [
            {"what": "The mapping's state.", "operation": "lambda:Get", "reason": "forbidden"}
        ],
        "started": "2026-10-14T03:07:00Z",
        "ended": "2026-10-14T03:07:04Z",
        "opslib": "0.1.0",
    }
    (folder / "result.json").write_text(json.dumps(result))
    notebook = nbformat.v4.new_notebook(
        cells=_cells(), metadata={"opslib": {"timezone": "America/New_York"}}
    )
    (folder / "notebook.ipynb").write_text(nbformat.writes(notebook))
    path = folder / "report.html"
    path.write_text(report.render(folder))
    return path
