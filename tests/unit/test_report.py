"""The report: what stands in front, that it asks nobody for anything, that log text stays text."""

import json
from collections.abc import Mapping
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import nbformat
import pandas as pd
import pytest

from opslib import report
from opslib.errors import BadInput
from opslib.report import console

PIXEL = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk"
    "+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
HOSTILE = '<img src=x onerror="boom()"><script>boom()</script><b onclick=boom()>text</b>'
#: The one address outside that a page may hold, as a link.
CONSOLE = "https://us-east-1.console.aws.amazon.com/cloudwatch/home?region=us-east-1#logsv2:"
ACTING = "a \u202egnp.exe\x1b]0;owned\x07 \x9b"
RESULT: dict[str, Any] = {
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
            "title": "Invocations come close to their timeout",
            "detail": "p95 was 9,214 ms, 92 % of 10,000 ms.",
            "subject": "ZAEL-demo-aggregator",
            "evidence": ["duration"],
            "next": {"notebook": "30-stream", "remedy": None},
            "since": "2026-10-14T02:37:00Z",
        }
    ],
    "plans": [],
    "queries": [
        {
            "name": "duration",
            "text": 'filter @type = "REPORT"\n| stats count() by bin(5m)',
            "query_id": "b2c1d7de-0d64-4a51-9a39-2d6fbb2a54c0",
            "status": "Complete",
            "rows": 36,
            "matched": 541,
            "scanned": 3240,
            "scanned_bytes": 812345,
            "truncated": False,
            "completeness": "Every row came.",
            "groups": ["/aws/lambda/ZAEL-demo-aggregator"],
            "window": {"start": "2026-10-14T00:07:00Z", "end": "2026-10-14T03:07:00Z"},
        }
    ],
    "metrics": [
        {"name": "IteratorAge", "dimensions": {"FunctionName": "f"}, "stat": "Maximum", "points": 9}
    ],
    "identity": {
        "account": "000000000000",
        "arn": "arn:aws:sts::000000000000:assumed-role/reader/alice",
        "region": "us-east-1",
    },
    "limits": [{"what": "The mapping's state.", "operation": "lambda:Get", "reason": "forbidden"}],
    "started": "2026-10-14T03:07:00Z",
    "ended": "2026-10-14T03:07:04.25Z",
    "opslib": "0.1.0",
}


class _Page(HTMLParser):
    """Every element of a page with its attributes, every text, and the heading levels."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.texts.append(" ".join(data.split()))

    @property
    def text(self) -> str:
        return " ".join(text for text in self.texts if text)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]

    @property
    def levels(self) -> list[int]:
        return [int(name[1]) for name, _ in self.elements if name in {f"h{n}" for n in range(1, 7)}]


def _code(source: str, *outputs: Any) -> Any:
    return nbformat.v4.new_code_cell(source, outputs=list(outputs))


def _shown(data: Mapping[str, str], **metadata: Any) -> Any:
    return nbformat.v4.new_output("display_data", data=dict(data), metadata=metadata)


def _folder(path: Path, cells: list[Any], **changed: Any) -> Path:
    (path / "evidence").mkdir(parents=True)
    (path / "evidence" / "01-duration.csv").write_text("at\n")
    (path / "result.json").write_text(json.dumps({**RESULT, **changed}))
    title = nbformat.v4.new_markdown_cell("# 20 · Invocations are slow\n\nThe alarm fired.")
    notebook = nbformat.v4.new_notebook(
        cells=[title, *cells], metadata={"opslib": {"timezone": "America/New_York"}}
    )
    (path / "notebook.ipynb").write_text(nbformat.writes(notebook))
    return path


def _page(path: Path, cells: list[Any], **changed: Any) -> _Page:
    return _Page(report.render(_folder(path, cells, **changed)))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("result.json", None),
        ("result.json", "{"),
        ("result.json", "[]"),
        ("result.json", '{"schema": 1}'),
        ("result.json", json.dumps({**RESULT, "verdict": "fine"})),
        ("result.json", json.dumps({**RESULT, "metrics": ["IteratorAge"]})),
        ("result.json", json.dumps({**RESULT, "findings": [3]})),
        ("result.json", json.dumps({**RESULT, "window": {"start": "a", "end": "b"}})),
        ("notebook.ipynb", None),
        ("notebook.ipynb", "{"),
        ("notebook.ipynb", "{}"),
        ("notebook.ipynb", "[]"),
    ],
)
def test_a_folder_that_holds_no_run_to_tell_of_is_refused(
    tmp_path: Path, name: str, text: str | None
) -> None:
    folder = _folder(tmp_path, [])
    (folder / name).unlink()
    if text is not None:
        (folder / name).write_text(text)

    with pytest.raises(BadInput) as refused:
        report.render(folder)

    assert str(refused.value).startswith(f"Not rendered: {folder / name} ")
    assert str(refused.value).endswith("Run the notebook again.")


class TestTheFront:
    def test_says_verdict_system_window_in_two_zones_and_who_looked(self, tmp_path: Path) -> None:
        text = _page(tmp_path, []).text

        front = text[text.index("Skip to the findings") : text.index("Findings Critical")]
        for said in (
            "Critical 20 · Invocations are slow",
            "System ZAEL-demo Function ZAEL-demo-aggregator",
            "Wed 2026-10-14, 00:07 – 03:07 UTC",
            "Tue 2026-10-13, 20:07 – 23:07 America/New_York",
            "Account 000000000000",
            "Looked as arn:aws:sts::000000000000:assumed-role/reader/alice",
            "Region us-east-1",
            "Ran at 2026-10-14 03:07:00 UTC, for 4.2 s",
        ):
            assert said in front

    def test_tells_each_finding_with_where_to_go(self, tmp_path: Path) -> None:
        text = _page(tmp_path, []).text

        assert (
            "Critical Invocations come close to their timeout p95 was 9,214 ms, 92 % of 10,000 ms. "
            "On ZAEL-demo-aggregator Since 2026-10-14 02:37:00 UTC Seen in duration "
            "duration.near-timeout Next: run 30-stream"
        ) in text

    def test_says_what_could_not_be_seen(self, tmp_path: Path) -> None:
        text = _page(tmp_path, []).text

        assert "What could not be seen The mapping's state. lambda:Get, forbidden" in text

    def test_counts_no_note_among_what_was_not_seen(self, tmp_path: Path) -> None:
        note = {"what": "CloudTrail was asked before.", "operation": "", "reason": "note"}

        text = _page(tmp_path, [], limits=[*RESULT["limits"], note]).text

        assert "Not seen (1)" in text
        assert "Note, which hides nothing that decides: CloudTrail was asked before." in text

    @pytest.mark.parametrize(
        ("verdict", "word"),
        [
            ("healthy", "Healthy"),
            ("warning", "Warning"),
            ("critical", "Critical"),
            ("unknown", "Could not look"),
        ],
    )
    def test_a_verdict_is_a_word_and_a_shape_of_its_own(
        self, tmp_path: Path, verdict: str, word: str
    ) -> None:
        page = _page(tmp_path, [], verdict=verdict, findings=[])

        others = {
            report.render(_folder(tmp_path / other, [], verdict=other, findings=[])).split("<svg")[
                1
            ]
            for other in report.WORDS
        }
        assert page.text.startswith(f"{word} · 20 · Invocations are slow · ZAEL-demo")
        assert {"class": f"is-{verdict}"} in page.all("body")
        assert len(others) == 4

    def test_a_healthy_run_says_that_nothing_was_hidden(self, tmp_path: Path) -> None:
        text = _page(tmp_path, [], verdict="healthy", findings=[], limits=[]).text

        assert "None: every value is where it should be." in text
        assert "Nothing was hidden: every question was answered in full." in text

    def test_an_unknown_run_without_findings_does_not_read_as_healthy(self, tmp_path: Path) -> None:
        text = _page(tmp_path, [], verdict="unknown", findings=[]).text

        assert "Nothing was found, because not everything could be seen." in text
        assert "where it should be" not in text

    def test_a_result_of_a_run_that_died_early_is_still_a_page(self, tmp_path: Path) -> None:
        text = _page(
            tmp_path,
            [],
            verdict="unknown",
            findings=[{"severity": "warning", "title": "Half a finding", "since": "soon"}],
            queries=[],
            metrics=[],
            window={"start": None, "end": None},
            identity={"account": None, "arn": None, "region": None},
        ).text

        assert "Window not set: the run ended before" in text
        assert "Since soon" in text
        assert "No query was answered." in text


class TestTheAppendix:
    def test_shows_each_query_with_its_receipt(self, tmp_path: Path) -> None:
        text = _page(tmp_path, []).text

        assert (
            'duration filter @type = "REPORT" | stats count() by bin(5m) Every row came. '
            "window Wed 2026-10-14, 00:07 – 03:07 UTC log groups /aws/lambda/ZAEL-demo-aggregator "
            "status Complete rows 36 matched 541 scanned 3,240 scanned bytes 812,345 truncated no "
            "query id b2c1d7de-0d64-4a51-9a39-2d6fbb2a54c0 "
            "Open this query in the CloudWatch console of account 000000000000, us-east-1; "
            "the console must be signed in to that account"
        ) in text

    def test_links_to_the_query_in_the_console_without_asking_it(self, tmp_path: Path) -> None:
        page = _page(tmp_path, [])

        links = [a for a in page.all("a") if str(a["href"]).startswith("http")]
        assert links == [
            {
                "href": (
                    "https://us-east-1.console.aws.amazon.com/cloudwatch/home?region=us-east-1"
                    "#logsV2:logs-insights$3FqueryDetail$3D$257E$2528"
                    "end$257E$25272026-10-14T03*3a06*3a59.000Z"
                    "$257Estart$257E$25272026-10-14T00*3a07*3a00.000Z"
                    "$257EtimeType$257E$2527ABSOLUTE$257Etz$257E$2527UTC"
                    "$257EeditorString$257E$2527filter*20*40type*20*3d*20*22REPORT*22*0a"
                    "*7c*20stats*20count*28*29*20by*20bin*285m*29"
                    "$257EisLiveTail$257Efalse$257Esource$257E$2528"
                    "$257E$2527*2faws*2flambda*2fZAEL-demo-aggregator$2529$2529"
                ),
                "rel": "noreferrer noopener",
            }
        ]

    def test_says_loudly_that_a_query_was_cut_off(self, tmp_path: Path) -> None:
        cut = {**RESULT["queries"][0], "truncated": True, "completeness": "There may be more rows."}

        page = _page(tmp_path, [], queries=[cut])

        assert {"class": "cut"} in page.all("p")
        assert "There may be more rows." in page.text

    def test_lists_metrics_and_evidence(self, tmp_path: Path) -> None:
        text = _page(tmp_path, []).text

        assert "name dimensions stat points IteratorAge FunctionName: f Maximum 9" in text
        assert "answer question rows files evidence/01-duration duration – .csv 3 bytes" in text

    def test_counts_the_rows_of_evidence_that_no_query_gave(self, tmp_path: Path) -> None:
        folder = _folder(tmp_path, [])
        held = folder / "evidence"
        pd.DataFrame({"uuid": ["a", "b"]}).to_parquet(held / "02-mappings.parquet")
        (held / "03-broken.parquet").write_text("PAR1")

        text = _Page(report.render(folder)).text

        assert "evidence/02-mappings – 2 .parquet" in text
        assert "evidence/03-broken – – .parquet 4 bytes" in text

    def test_says_that_no_action_was_taken_and_no_plan_shown(self, tmp_path: Path) -> None:
        text = _page(tmp_path, []).text

        assert (
            "Actions taken: none. This run only looked; it changed nothing. No plan was shown."
        ) in text

    def test_shows_each_plan_with_its_state_token_and_commands(self, tmp_path: Path) -> None:
        plan = {
            "token": "plan-ac75c7cb",
            "action": "Raise the memory of orders",
            "subject": "arn:aws:lambda:us-east-1:000000000000:function:orders",
            "before": {"MemorySize": 256},
            "after": {"MemorySize": 512},
            "reversible": True,
            "expires": "2026-10-14T04:07:00Z",
            "cli": ["aws lambda update-function-configuration --memory-size 512"],
        }

        page = _page(tmp_path, [], plans=[plan])

        assert (
            "Plan 1: Raise the memory of orders Raise the memory of orders Plan plan-ac75c7cb , "
            "not carried out, on arn:aws:lambda:us-east-1:000000000000:function:orders "
            "state before after MemorySize 256 512 Undo: possible "
            "Valid until: 2026-10-14 04:07 UTC "
            "aws lambda update-function-configuration --memory-size 512"
        ) in page.text
        assert "Actions and plans (1)" in page.text


class TestTheBody:
    def test_folds_code_and_keeps_what_it_showed(self, tmp_path: Path) -> None:
        table = _shown({"text/html": "<table><tr><td>41</td></tr></table>", "text/plain": "41"})

        page = _page(tmp_path, [_code("x = 41\nx", table)])

        assert "Code x = 41 x 41" in page.text
        assert page.all("details") == [{"class": "code"}]

    def test_names_the_parameters_and_what_was_given(self, tmp_path: Path) -> None:
        cells = [_code("a: int = 1"), _code("# Parameters\na = 2")]
        cells[0].metadata["tags"] = ["parameters"]
        cells[1].metadata["tags"] = ["injected-parameters"]

        text = _page(tmp_path, cells).text

        assert "Parameters a : int = 1 Parameters as given # Parameters a = 2" in text

    def test_marks_code_that_never_ran(self, tmp_path: Path) -> None:
        cell = _code("never()")
        cell.metadata["papermill"] = {"status": "not-run"}

        assert "Code (did not run) never" in _page(tmp_path, [cell]).text

    def test_a_plot_stands_in_the_page_with_its_description(self, tmp_path: Path) -> None:
        plot = _shown({"image/png": f"{PIXEL}\n"}, **{"image/png": {"alt": 'p95 < "10 s"'}})

        page = _page(tmp_path, [_code("draw()", plot)])

        assert page.all("img") == [{"src": f"data:image/png;base64,{PIXEL}", "alt": 'p95 < "10 s"'}]

    def test_headings_of_the_notebook_stand_below_those_of_the_page(self, tmp_path: Path) -> None:
        cells = [nbformat.v4.new_markdown_cell("## Looking\n\n### Closer\n\n## Elsewhere")]

        page = _page(tmp_path, cells)

        assert page.levels[0] == 1
        assert page.levels.count(1) == 1
        # findings, not seen, actions, evidence, runbook with three, queries, metrics
        assert page.levels == [1, 2, 3, 2, 2, 2, 2, 3, 4, 3, 2, 3, 2]

    def test_the_title_of_the_notebook_is_not_said_twice(self, tmp_path: Path) -> None:
        text = _page(tmp_path, []).text

        assert text.count("Invocations are slow") == 2  # the tab and the page
        assert "The alarm fired." in text

    def test_a_traceback_is_shown_without_terminal_codes(self, tmp_path: Path) -> None:
        error = nbformat.v4.new_output(
            "error", ename="KeyError", evalue="'x'", traceback=["\x1b[31mKeyError\x1b[0m: <x>"]
        )

        page = _page(tmp_path, [_code("{}['x']", error)])

        assert "KeyError : <x>" in page.text
        assert "\x1b" not in page.text

    def test_an_output_that_a_page_cannot_show_safely_is_named(self, tmp_path: Path) -> None:
        text = _page(tmp_path, [_code("x", _shown({"image/svg+xml": "<svg></svg>"}))]).text

        assert "Not shown here, but kept in notebook.ipynb: image/svg+xml." in text

    def test_an_endless_output_is_cut_and_says_so(self, tmp_path: Path) -> None:
        endless = nbformat.v4.new_output("stream", name="stdout", text="x" * 600_000)

        html = report.render(_folder(tmp_path, [_code("print()", endless)]))

        assert len(html) < 100_000
        assert "… 580,000 more characters are in notebook.ipynb." in html


def _harmful(page: _Page) -> list[str]:
    found = [tag for tag, _ in page.elements if tag in {"script", "iframe", "object", "form"}]
    for tag, attributes in page.elements:
        found += [f"{tag} {name}" for name in attributes if name.startswith("on")]
        for name in ("src", "href", "style", "srcset", "background", "action"):
            value = (attributes.get(name) or "").strip().lower()
            if (tag, name) == ("a", "href") and value.startswith(CONSOLE):
                continue
            if value and not value.startswith(("#", "data:image/", "data:,", "https://ok.example")):
                found += [f"{tag} {name}={value}"] * ("url" in value or name != "style")
    return found


class TestHostileText:
    @pytest.mark.parametrize(
        "cell",
        [
            _code("p()", nbformat.v4.new_output("stream", name="stdout", text=HOSTILE)),
            _code("p()", nbformat.v4.new_output("stream", name="stderr", text=HOSTILE)),
            _code("p()", _shown({"text/html": HOSTILE})),
            _code("p()", _shown({"text/html": f"<table><tr><td>{HOSTILE}</td></tr></table>"})),
            _code("p()", _shown({"text/markdown": f"**x**\n\n{HOSTILE}"})),
            _code("p()", _shown({"text/plain": HOSTILE})),
            _code("p()", _shown({"image/svg+xml": f"<svg onload=boom()>{HOSTILE}</svg>"})),
            _code("p()", _shown({"application/javascript": "boom()"})),
            _code("p()", _shown({"text/latex": HOSTILE})),
            _code("p()", _shown({"image/png": PIXEL}, **{"image/png": {"alt": f'"{HOSTILE}'}})),
            _code("p()", _shown({"image/png": f'{PIXEL}" onerror="boom()'})),
            _code(
                "p()",
                nbformat.v4.new_output("error", ename="E", evalue="x", traceback=[HOSTILE]),
            ),
            _code(f"x = '''{HOSTILE}'''"),
            nbformat.v4.new_markdown_cell(HOSTILE),
            nbformat.v4.new_markdown_cell(
                "![x](https://evil.example/x.png) [y](javascript:boom())"
            ),
            nbformat.v4.new_raw_cell(HOSTILE),
        ],
    )
    def test_in_a_cell_neither_acts_nor_loads(self, tmp_path: Path, cell: Any) -> None:
        page = _page(tmp_path, [cell])

        assert _harmful(page) == []

    @pytest.mark.parametrize(
        "html",
        [
            '<img src="https://evil.example/x.png">',
            '<img src="data:image/svg+xml;base64,AAAA">',
            '<p style="background-image:url(https://evil.example/x.png)">x</p>',
            '<p style="color:red;background:URL(//evil.example)">x</p>',
            '<p style="color:url(https://evil.example/x.png)">x</p>',
            '<div style="position:fixed;top:0;left:0;width:100%;height:100%">HEALTHY</div>',
            "<style>@import url(https://evil.example/x.css)</style>",
            "<style>body{background:url(https://evil.example)}",
            '<link rel="stylesheet" href="https://evil.example/x.css">',
            '<meta http-equiv="refresh" content="0;url=https://evil.example">',
            '<base href="https://evil.example">',
            '<iframe src="https://evil.example"></iframe>',
            '<a href="java&#10;script:boom()">x</a>',
            '<a href="data:text/html,boom">x</a>',
            '<form action="https://evil.example"><button>x</button></form>',
            '<svg><image href="https://evil.example/x.png"/></svg>',
            '<video poster="https://evil.example/x.png"></video>',
            "<scr<script>ipt>boom()</scr</script>ipt>",
            '<table background="https://evil.example/x.png"><tr><td>x</td></tr></table>',
            '<img src="data:image/png;base64,AA" srcset="https://evil.example/x.png 2x">',
            "<!--[if IE]><script>boom()</script><![endif]-->",
        ],
    )
    def test_in_html_is_taken_out(self, html: str) -> None:
        cleaned = str(report.clean(html))

        assert _harmful(_Page(cleaned)) == []
        assert "position" not in cleaned

    def test_everywhere_else_is_printed_as_it_is(self, tmp_path: Path) -> None:
        finding = {**RESULT["findings"][0], "title": HOSTILE, "detail": HOSTILE, "id": HOSTILE}
        finding |= {"subject": HOSTILE, "evidence": [HOSTILE], "severity": HOSTILE}
        finding |= {"next": {"notebook": HOSTILE, "remedy": HOSTILE}, "since": HOSTILE}

        page = _page(
            tmp_path,
            [],
            system=HOSTILE,
            run_id=HOSTILE,
            notebook=HOSTILE,
            opslib=HOSTILE,
            findings=[finding],
            limits=[{"what": HOSTILE, "operation": HOSTILE, "reason": HOSTILE}],
            identity={"account": HOSTILE, "arn": HOSTILE, "region": HOSTILE},
            queries=[{"name": HOSTILE, "text": HOSTILE, HOSTILE: HOSTILE}],
            metrics=[{HOSTILE: [HOSTILE], "dimensions": {HOSTILE: HOSTILE}}],
            plans=[{HOSTILE: {HOSTILE: [HOSTILE]}}],
        )

        assert _harmful(page) == []
        assert page.text.count("<script>boom()</script>") > 20

    @pytest.mark.parametrize(
        "cell",
        [
            _code("p()", nbformat.v4.new_output("stream", name="stdout", text=ACTING)),
            _code("p()", _shown({"text/html": f"<table><tr><td>{ACTING}</td></tr></table>"})),
            _code("p()", _shown({"text/markdown": ACTING})),
            _code("p()", _shown({"text/plain": ACTING})),
            _code("p()", _shown({"image/png": PIXEL}, **{"image/png": {"alt": ACTING}})),
            _code(
                "p()", nbformat.v4.new_output("error", ename="E", evalue="x", traceback=[ACTING])
            ),
            nbformat.v4.new_markdown_cell(ACTING),
            _code(f"x = '{ACTING}'"),
        ],
    )
    def test_that_turns_the_reading_order_or_the_terminal_is_seen(
        self, tmp_path: Path, cell: Any
    ) -> None:
        html = report.render(
            _folder(tmp_path, [cell], system=f"{ACTING} \ud800", limits=[{"what": ACTING}])
        )

        assert html.count("⟨U+202E⟩gnp.exe") >= 3
        assert [c for c in html if c in "\u202e\x1b\x07\x9b\ud800"] == []

    def test_that_is_markdown_is_only_text_where_it_comes_from_outside(
        self, tmp_path: Path
    ) -> None:
        injected = "[healthy](https://evil.example) ![x](https://evil.example/x.png) # HEALTHY"

        page = _page(
            tmp_path,
            [_code("p()", nbformat.v4.new_output("stream", name="stdout", text=injected))],
            limits=[{"what": injected}],
        )

        assert page.text.count(injected) == 2
        assert page.all("img") == []
        assert [a["href"] for a in page.all("a") if "evil" in str(a["href"])] == []

    def test_that_is_a_secret_is_masked_wherever_it_stands(self, tmp_path: Path) -> None:
        secret = "password=hunter2"
        stream = nbformat.v4.new_output("stream", name="stdout", text=secret)

        html = report.render(
            _folder(
                tmp_path,
                [_code("p()", stream, _shown({"text/html": f"<td>{secret}</td>"}))],
                limits=[{"what": secret}],
                queries=[{**RESULT["queries"][0], "text": secret}],
            )
        )

        assert "hunter2" not in html
        assert html.count("password=[masked: password]") == 4

    def test_harmless_html_stays(self) -> None:
        html = (
            '<p class="opslib-note" style="font-weight: 600;">x <a href="https://ok.example/a">y</a></p>'
            '<table class="dataframe"><tbody><tr><td colspan="2">1</td></tr></tbody></table>'
        )

        assert str(report.clean(html)) == (
            '<p class="opslib-note" style="font-weight: 600;">x <a href="https://ok.example/a">y</a></p>'
            '<div class="scroll" tabindex="0" role="region" aria-label="Table">'
            '<table class="dataframe"><tbody><tr><td colspan="2">1</td></tr></tbody></table></div>'
        )

    def test_text_in_an_attribute_is_never_taken_for_a_tag(self) -> None:
        html = '<abbr title="<table onclick=boom() ><h2>">x</abbr>'

        page = _Page(str(report.clean(html)))

        assert page.elements == [("abbr", {"title": "<table onclick=boom() ><h2>"})]

    def test_a_picture_keeps_its_description_or_says_that_it_has_none(self) -> None:
        html = f'<img src="data:image/png;base64,{PIXEL}">'

        page = _Page(str(report.clean(f'{html}<img alt="a" src="https://evil.example/x.png">')))

        assert page.all("img") == [
            {"src": f"data:image/png;base64,{PIXEL}", "alt": "Picture without a description."}
        ]

    def test_a_style_sheet_of_a_cell_leaves_no_text_behind(self) -> None:
        html = "<style scoped>.dataframe td { color: red }</style><p>41</p>"

        assert str(report.clean(html)) == "<p>41</p>"

    def test_the_page_forbids_it_once_more(self, tmp_path: Path) -> None:
        page = _page(tmp_path, [])

        policies = [m["content"] for m in page.all("meta") if "http-equiv" in m]
        assert policies == [
            "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; "
            "form-action 'none'"
        ]


def test_the_same_folder_gives_the_same_report(tmp_path: Path) -> None:
    folder = _folder(tmp_path, [_code("1")])

    assert report.render(folder) == report.render(folder)


def test_the_page_names_its_language_and_lets_a_keyboard_skip(tmp_path: Path) -> None:
    page = _page(tmp_path, [])

    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert page.all("html") == [{"lang": "en"}]
    assert page.all("a")[0] == {"class": "skip", "href": "#findings"}
    assert "findings" in ids
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize(
    ("detail", "documented"),
    [
        # stackoverflow.com/questions/69816735, its placeholders replaced.
        (
            {
                "end": "2021-07-18T20:59:59.000Z",
                "start": "2021-07-15T21:00:00.000Z",
                "timeType": "ABSOLUTE",
                "tz": "Local",
                "editorString": "fields @timestamp, @message\n| sort @timestamp desc\n"
                '| filter @message =~ "Exception"\n| limit 200',
                "isLiveTail": False,
                "queryId": "1",
                "source": ["/aws/lambda/f"],
            },
            "$257E$2528end$257E$25272021-07-18T20*3a59*3a59.000Z"
            "$257Estart$257E$25272021-07-15T21*3a00*3a00.000Z$257EtimeType$257E$2527ABSOLUTE"
            "$257Etz$257E$2527Local$257EeditorString$257E$2527fields*20*40timestamp*2c*20*40message"
            "*0a*7c*20sort*20*40timestamp*20desc*0a*7c*20filter*20*40message*20*3d*7e*20*22"
            "Exception*22*0a*7c*20limit*20200$257EisLiveTail$257Efalse$257EqueryId$257E$25271"
            "$257Esource$257E$2528$257E$2527*2faws*2flambda*2ff$2529$2529",
        ),
        # The form the console gives for a window relative to now, with numbers and two groups.
        (
            {"end": 0, "start": -1800, "source": ["a_b-c.d", "$LATEST"]},
            "$257E$2528end$257E0$257Estart$257E-1800"
            "$257Esource$257E$2528$257E$2527a_b-c.d$257E$2527*24LATEST$2529$2529",
        ),
    ],
)
def test_a_console_address_is_written_as_the_console_writes_it(
    detail: dict[str, Any], documented: str
) -> None:
    assert console.fragment(detail) == documented


@pytest.mark.parametrize(
    ("region", "arn", "start"),
    [
        ("eu-west-1", "arn:aws:sts::1:x", "https://eu-west-1.console.aws.amazon.com/cloudwatch/"),
        ("cn-north-1", "arn:aws-cn:sts::1:x", "https://cn-north-1.console.amazonaws.cn/"),
        (
            "us-gov-west-1",
            "arn:aws-us-gov:sts::1:x",
            "https://us-gov-west-1.console.amazonaws-us-gov.com/",
        ),
        ("us-iso-east-1", "arn:aws-iso:sts::1:x", ""),
        ("evil.example/#", "arn:aws:sts::1:x", ""),
        (None, None, ""),
    ],
)
def test_each_partition_has_its_console_and_an_unknown_one_none(
    region: str | None, arn: str | None, start: str
) -> None:
    link = console.link(RESULT["queries"][0], region=region, arn=arn)

    assert link.startswith(start)
    assert bool(link) == bool(start)


def test_a_receipt_without_groups_or_window_has_no_console_address() -> None:
    query = {name: RESULT["queries"][0][name] for name in ("name", "text")}

    assert console.link(query, region="us-east-1", arn="arn:aws:sts::1:x") == ""
