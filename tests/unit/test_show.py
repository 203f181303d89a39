"""What a cell shows: the same as HTML and as text, and nothing from outside is HTML."""

from datetime import UTC, datetime

import pandas as pd

from opslib import show
from opslib.masking import Masks

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
    assert ">One row a bin.</caption>" in _html(shown)
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


def test_long_cells_keep_a_width_in_which_they_can_be_read() -> None:
    rows = pd.DataFrame({"n": [1], "subject": ["x" * 30], "note": ["word " * 30]})

    html = _html(show.table(rows))

    assert '<td style="text-align:right;white-space:nowrap">1</td>' in html
    assert '<td class="opslib-long" style="text-align:left;min-width:10em">xxx' in html
    assert '<td class="opslib-longer" style="text-align:left;min-width:18em">word' in html


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
        notes=["CloudTrail was asked before."],
    )

    assert shown.text.splitlines() == [
        "? COULD NOT LOOK: Not everything that decides could be seen.",
        "  ▲ Slow: p95 is 6 s.",
        "  ? Could not see: the depth of the queue",
        "  Note: CloudTrail was asked before.",
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


def test_secrets_are_masked_in_whatever_is_shown() -> None:
    secret = "DB_PASSWORD=hunter2"
    plan = {**PLAN, "cli": [f"aws x --environment Variables={{{secret}}}"]}
    finding = {"severity": "critical", "title": secret, "detail": secret}
    shown = [
        show.table(pd.DataFrame({"@message": [secret]})),
        show.facts({"password": "hunter2"}),
        show.banner([secret]),
        show.note(secret),
        show.markdown(secret),
        show.picture(b"", alt=secret),
        show.plan(plan),
        show.tree([{"label": secret, "detail": secret}]),
        show.hypotheses([{"title": secret, "severity": "warning", "supports": [secret]}]),
        show.verdict("critical", title=secret, findings=[finding], links=[], limits=[secret]),
    ]

    said = [f"{one.text}{one.html}{one.markdown}" for one in shown]

    assert [one for one in said if "hunter2" in one] == []
    assert all("[masked: password]" in one for one in said)


def test_a_system_adds_its_own_masks() -> None:
    before = show.masks()
    show.mask_with(Masks([("order", r"order-\d+")]))

    text = show.note("order-17 failed").text
    show.mask_with(before)

    assert text == "[masked: order] failed"
    assert show.note("order-17 failed").text == "order-17 failed"


def test_characters_that_act_are_seen_instead() -> None:
    text = "a\x1b[31mred\x1b[0m\r\nb\rc\x00 \u202egnp.exe\u2066 \ud800\x9bend\ttab"

    shown = show.note(text)

    seen = "a␛[31mred␛[0m\nb␍c␀ ⟨U+202E⟩gnp.exe⟨U+2066⟩ \ufffd\ufffdend\ttab"
    assert shown.text == seen
    assert seen in shown.html


PLAN = {
    "token": "plan-ac75c7cb",
    "action": "Raise the memory of orders from 256 to 512 MB",
    "subject": "arn:aws:lambda:us-east-1:000000000000:function:orders",
    "before": {"RevisionId": "r-1", "MemorySize": 256, "Timeout": 30},
    "after": {"Timeout": 30, "MemorySize": 1512, "Alias": None},
    "reversible": True,
    "expires": "2026-10-14T04:07:00Z",
    "cli": ["aws lambda update-function-configuration --memory-size 512", "aws lambda wait x"],
    "touches": "every warm environment is replaced",
    "check": "p95 below 5,000 ms",
    "undo": "set it back to 256 MB",
    "first": ["Look at the alias."],
}


def test_a_plan_shows_what_changes_first_and_ends_with_the_commands() -> None:
    shown = show.plan(PLAN)

    assert shown.text.splitlines() == [
        "PLAN plan-ac75c7cb, not carried out: Raise the memory of orders from 256 to 512 MB",
        "  on arn:aws:lambda:us-east-1:000000000000:function:orders",
        "  MemorySize: 256 → 1,512",
        "  Timeout: 30 → 30",
        "  Alias: – → not set",
        "  RevisionId: r-1 → –",
        "  First: Look at the alias.",
        "  Touches: every warm environment is replaced",
        "  Afterwards: p95 below 5,000 ms",
        "  Undo: set it back to 256 MB",
        "  Valid until: 2026-10-14 04:07 UTC",
        "aws lambda update-function-configuration --memory-size 512",
        "aws lambda wait x",
    ]
    assert (
        "<pre>aws lambda update-function-configuration --memory-size 512\naws lambda wait x</pre>"
    ) in _html(shown)
    assert "<td>256</td><td><strong>1,512</strong></td>" in _html(shown)
    assert "<td>30</td><td>30</td>" in _html(shown)


def test_a_plan_that_cannot_be_undone_says_so() -> None:
    shown = show.plans([{**PLAN, "undo": "", "reversible": False}])

    assert "  Undo: ⚠ cannot be undone" in shown.text.splitlines()


def test_without_a_plan_there_is_nothing_to_mend() -> None:
    assert show.plans([]).text == "Nothing to mend."
    assert show.plans([], found=True).text == "No plan here; see the words above."
    assert (
        show.plans([], found=True, over=True).text
        == "No plan: what was found is over, and what is over needs none."
    )


def test_the_tree_shows_the_path_what_was_seen_on_it_and_what_was_not_asked() -> None:
    shown = show.tree(
        [
            {
                "label": "Invocations fail?",
                "verdict": "critical",
                "detail": "12 % of 480",
                "taken": True,
                "steps": [
                    {"label": "No permission?", "verdict": "healthy"},
                    {
                        "label": "The code raises?",
                        "verdict": "critical",
                        "taken": True,
                        "link": "13-code-error",
                    },
                    {"label": "Out of memory?", "link": "20-duration"},
                ],
            },
            {"label": "Records wait?", "verdict": "unknown", "detail": "no metric"},
        ],
        caption="The code raises since 02:37.",
    )

    assert shown.text.splitlines() == [
        "The code raises since 02:37.",
        "▶ ✖ Invocations fail?: 12 % of 480",
        "├─ ✔ No permission?",
        "├─ ▶ ✖ The code raises?: → 13-code-error",
        "└─ · Out of memory?",
        "? Records wait?: no metric",
    ]
    assert _html(shown).count("<ul") == 2
    assert _html(shown).count("<strong") == 2
    assert '<a href="13-code-error.ipynb">13-code-error</a>' in _html(shown)
    assert 'opslib-not-asked" title="not asked"' in _html(shown)
    assert "20-duration" not in _html(shown)


def test_hypotheses_are_numbered_with_what_speaks_for_and_against_each() -> None:
    shown = show.hypotheses(
        [
            {
                "title": "The deployment at 02:37",
                "severity": "critical",
                "supports": ["errors begin at 02:40"],
                "against": ["cold starts are as before"],
                "unseen": ["the alias"],
                "link": "13-code-error",
            },
            {"title": "More load", "severity": "warning", "against": ["480 invocations, as ever"]},
        ]
    )

    assert shown.text.splitlines() == [
        "1. ✖ The deployment at 02:37",
        "     + for: errors begin at 02:40",
        "     − against: cold starts are as before",
        "     ? could not be seen: the alias",
        "     → 13-code-error",
        "2. ▲ More load",
        "     − against: 480 invocations, as ever",
    ]
    assert '<a href="13-code-error.ipynb">13-code-error</a>' in _html(shown)


def test_without_a_hypothesis_it_says_so() -> None:
    assert show.hypotheses([]).text == "No hypothesis: nothing was found."
