"""What a cell shows: the same as HTML and as text, and nothing from outside is HTML."""

from datetime import UTC, datetime

import pandas as pd

from opslib import show

HOSTILE = '<img src=x onerror="alert(1)">'


def _html(shown: show.Shown) -> str:
    data, _ = shown._repr_mimebundle_()
    return data["text/html"]


def test_a_table_puts_units_into_headings_and_dashes_for_what_is_missing() -> None:
    rows = pd.DataFrame(
        {
            "at": pd.to_datetime(["2026-10-14T00:10:00Z", "2026-10-14T00:15:07Z"]),
            "invocations": pd.array([1200, None], dtype="Int64"),
            "p95_ms": [1234.6, float("nan")],
        }
    )

    shown = show.table(rows, caption="One row a bin.")

    assert shown.text.splitlines() == [
        "One row a bin.",
        "                 at invocations p95 (ms)",
        "   2026-10-14 00:10       1,200    1,235",
        "2026-10-14 00:15:07           –        –",
    ]
    assert "<caption>One row a bin.</caption>" in _html(shown)
    assert '<th scope="col" style="text-align:right;white-space:nowrap">p95 (ms)</th>' in _html(
        shown
    )
    assert '<td style="text-align:right;white-space:nowrap">1,235</td>' in _html(shown)


def test_the_numbers_of_a_column_have_as_many_decimals_as_its_largest_needs() -> None:
    rows = pd.DataFrame({"a_ms": [936.0, 900.12], "b_pct": [2.637, 12.0], "c": [40.0, 2.0]})

    shown = show.table(rows)

    assert shown.text.splitlines() == [
        "a (ms) b (%)  c",
        " 936.0  2.64 40",
        " 900.1 12.00  2",
    ]


def test_an_empty_table_says_so() -> None:
    shown = show.table(pd.DataFrame({"p95_ms": []}), caption="One row a bin.")

    assert shown.text == "One row a bin.\nNo rows."
    assert "No rows." in _html(shown)


def test_a_long_table_shows_its_beginning_and_says_how_much_there_is() -> None:
    shown = show.table(pd.DataFrame({"n": range(100)}))

    assert shown.text.splitlines()[0] == (
        "The first 60 of 100 rows; all of them are in the evidence."
    )
    assert _html(shown).count("<tr>") == 61


def test_text_from_outside_is_escaped_everywhere() -> None:
    finding = {"severity": "critical", "title": HOSTILE, "detail": HOSTILE}
    shown = [
        show.table(pd.DataFrame({HOSTILE: [HOSTILE]}), caption=HOSTILE),
        show.banner([HOSTILE]),
        show.note(HOSTILE),
        show.verdict(
            "critical",
            title=HOSTILE,
            findings=[finding],
            links=[(HOSTILE, HOSTILE)],
            limits=[HOSTILE],
        ),
    ]

    pages = [_html(one) for one in shown]

    assert [page for page in pages if "<img" in page] == []
    assert all("&lt;img" in page for page in pages)


def test_a_verdict_says_the_word_the_cause_what_was_not_seen_and_where_to_go() -> None:
    shown = show.verdict(
        "unknown",
        title="Not everything that decides could be seen.",
        findings=[{"severity": "warning", "title": "Slow", "detail": "p95 is 6 s."}],
        links=[("20-duration", "20-duration.ipynb")],
        limits=["the depth of the queue"],
    )

    assert shown.text.splitlines() == [
        "? COULD NOT LOOK: Not everything that decides could be seen.",
        "  ▲ Slow: p95 is 6 s.",
        "  ? Could not see: the depth of the queue",
        "  Next: 20-duration (20-duration.ipynb)",
    ]
    assert '<a href="20-duration.ipynb">20-duration</a>' in _html(shown)


def test_a_picture_carries_its_description_as_alternative_text_and_as_plain_text() -> None:
    data, metadata = show.picture(b"\x89PNG", alt="p95 from 1 to 2 ms")._repr_mimebundle_()

    assert data == {"text/plain": "p95 from 1 to 2 ms", "image/png": "iVBORw=="}
    assert metadata == {"image/png": {"alt": "p95 from 1 to 2 ms"}}


def test_facts_are_a_table_of_one_row() -> None:
    shown = show.facts({"timeout_ms": 10_000.0, "changed": datetime(2026, 10, 14, tzinfo=UTC)})

    assert shown.text.splitlines() == [
        "timeout (ms)          changed",
        "      10,000 2026-10-14 00:00",
    ]
