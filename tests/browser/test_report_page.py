"""The report in a real Chromium: it asks nobody, runs nothing, and can be read anywhere."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from opslib import show
from opslib.report.cleaning import clean

PHONE = {"width": 390, "height": 844}
DESK = {"width": 1280, "height": 900}
#: WCAG 2.1 AA for text of ordinary size.
LEAST_CONTRAST = 4.5

# The contrast of every element that holds text itself against the nearest background painted
# beneath it, by WCAG 2.1's formula; those under the least, with their text.
_CONTRAST = """least => {
  const channel = c => (c /= 255) <= .03928 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4;
  const parse = s => s.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => .2126 * channel(r) + .7152 * channel(g) + .0722 * channel(b);
  const paper = node => {
    for (; node; node = node.parentElement) {
      const colour = parse(getComputedStyle(node).backgroundColor);
      if (colour.length < 4 || colour[3] > 0) return colour;
    }
    return [255, 255, 255];
  };
  document.querySelectorAll('details').forEach(d => d.open = true);
  return [...document.body.querySelectorAll('*')]
    .filter(n => [...n.childNodes].some(c => c.nodeType === 3 && c.data.trim()))
    .filter(n => n.getClientRects().length)
    .map(n => {
      const [a, b] = [light(parse(getComputedStyle(n).color)), light(paper(n))];
      return [(Math.max(a, b) + .05) / (Math.min(a, b) + .05), n.textContent.trim().slice(0, 40)];
    })
    .filter(([ratio]) => ratio < least);
}"""


def test_it_asks_nobody_and_nothing_goes_wrong_in_it(
    visit: Callable[..., Any], report_path: Path
) -> None:
    visited = visit(report_path, viewport=DESK)

    assert visited.requests == [report_path.as_uri()]
    assert visited.errors == []
    assert visited.page.title() == "Critical · 20 · Invocations are slow · ZAEL-demo"


def test_a_page_that_asks_somebody_would_be_noticed(
    visit: Callable[..., Any], tmp_path: Path
) -> None:
    page = tmp_path / "asks.html"
    page.write_text('<img src="https://evil.example/x.png"><script>undefinedName()</script>')

    visited = visit(page, viewport=DESK)

    assert visited.requests == [page.as_uri(), "https://evil.example/x.png"]
    assert len(visited.errors) == 2


def test_without_its_security_policy_it_still_asks_nobody(
    visit: Callable[..., Any], report_path: Path
) -> None:
    bare = report_path.with_name("bare.html")
    text, taken = re.subn(
        r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", report_path.read_text()
    )
    bare.write_text(text)

    visited = visit(bare, viewport=DESK)

    assert taken == 1
    assert visited.requests == [bare.as_uri()]
    assert visited.page.title() == "Critical · 20 · Invocations are slow · ZAEL-demo"


def test_its_security_policy_alone_stops_what_hostile_text_wants(
    visit: Callable[..., Any], report_path: Path
) -> None:
    hostile = report_path.with_name("hostile.html")
    attack = '<img src="https://evil.example/x.png"><script>document.title="owned"</script>'
    hostile.write_text(report_path.read_text().replace("<main>", f"<main>{attack}"))

    visited = visit(hostile, viewport=DESK)

    assert visited.page.title() == "Critical · 20 · Invocations are slow · ZAEL-demo"
    assert len([error for error in visited.errors if "Content Security Policy" in error]) == 2


@pytest.mark.parametrize("viewport", [PHONE, DESK], ids=["phone", "desk"])
def test_verdict_system_and_window_are_seen_without_scrolling(
    visit: Callable[..., Any], report_path: Path, viewport: dict[str, int]
) -> None:
    page = visit(report_path, viewport=viewport).page

    for text in ("Critical", "20 · Invocations are slow", "ZAEL-demo", "America/New_York"):
        box = page.locator("header").get_by_text(text, exact=True).first.bounding_box()
        assert box is not None
        assert box["y"] + box["height"] <= viewport["height"]
        assert box["x"] + box["width"] <= viewport["width"]
    first = page.locator(".finding h3").first.bounding_box()
    assert first["y"] + first["height"] <= viewport["height"]


@pytest.mark.parametrize("viewport", [PHONE, DESK], ids=["phone", "desk"])
def test_only_tables_and_listings_scroll_sideways(
    visit: Callable[..., Any], report_path: Path, viewport: dict[str, int]
) -> None:
    page = visit(report_path, viewport=viewport).page

    assert page.evaluate("document.documentElement.scrollWidth") == viewport["width"]
    assert page.evaluate(
        "[...document.querySelectorAll('.scroll')].some(e => e.scrollWidth > e.clientWidth)"
    )


def test_on_a_desk_the_last_of_eight_columns_is_seen_without_scrolling(
    visit: Callable[..., Any], report_path: Path
) -> None:
    page = visit(report_path, viewport={"width": 1200, "height": 900}).page
    trace = {
        "exception": ["AttributeError"],
        "where": ["zae_limiter_aggregator/handler.py:114 in handler"],
        "tells": ["uncaught"],
        "lines": [479],
        "first_at": [datetime(2026, 10, 14, 2, 27, 37, tzinfo=UTC)],
        "last_at": [datetime(2026, 10, 14, 3, 6, 56, tzinfo=UTC)],
        "versions": ["$LATEST"],
        "message": ["AttributeError: 'ProcessResult' object has no attribute 'snapshots_written'"],
    }

    beyond = page.evaluate(
        "html => {const output = document.querySelector('.output'); output.innerHTML = html;"
        "const box = output.querySelector('.scroll'); return box.scrollWidth - box.clientWidth}",
        clean(show.table(pd.DataFrame(trace)).html),
    )

    assert beyond == 0


def test_every_picture_is_drawn_and_described(visit: Callable[..., Any], report_path: Path) -> None:
    page = visit(report_path, viewport=DESK).page

    pictures = page.evaluate("[...document.images].map(i => [i.alt, i.complete && i.naturalWidth])")

    assert pictures == [
        ["p95 rises from 0.8 s to 9.3 s; the timeout is 10 s.", 900],
    ]


def test_on_a_phone_a_plot_is_pushed_sideways_not_made_too_small_to_read(
    visit: Callable[..., Any], report_path: Path
) -> None:
    page = visit(report_path, viewport=PHONE).page

    wide, within, overflow = page.evaluate(
        "(i => [i.clientWidth, i.parentElement.clientWidth, i.parentElement.scrollWidth])"
        "(document.querySelector('figure img'))"
    )

    assert (wide, overflow) == (480, 480)
    assert within < PHONE["width"]


def test_a_copied_table_keeps_its_columns_and_a_copied_command_its_lines(
    visit: Callable[..., Any], report_path: Path
) -> None:
    page = visit(report_path, viewport=DESK).page
    copied = """selector => {
      const node = document.querySelector(selector), range = document.createRange();
      range.selectNodeContents(node);
      const selection = getSelection();
      selection.removeAllRanges();
      selection.addRange(range);
      return selection.toString();
    }"""

    table = page.evaluate(copied, ".runbook table:has(caption)")
    commands = page.evaluate(copied, ".plan pre")

    assert [line for line in table.splitlines() if line] == [
        "One row a bin.",
        "at\tinvocations\tp95 (ms)",
        "2026-10-14 00:10\t1,200\t1,235",
        "2026-10-14 00:15\t1,180\t9,214",
    ]
    assert commands.splitlines() == [
        "aws lambda update-function-configuration --function-name f --memory-size 512",
        "aws lambda wait function-updated-v2 --function-name f",
    ]


def test_headings_go_down_one_level_at_a_time_and_every_link_has_a_place(
    visit: Callable[..., Any], report_path: Path
) -> None:
    page = visit(report_path, viewport=DESK).page

    levels = page.evaluate("[...document.querySelectorAll('h1,h2,h3,h4')].map(h => +h.tagName[1])")
    lost = page.evaluate(
        "[...document.querySelectorAll('a[href^=\"#\"]')]"
        ".filter(a => !document.getElementById(a.hash.slice(1))).map(a => a.hash)"
    )

    assert levels[0] == 1
    assert [b for a, b in pairwise(levels) if b - a > 1] == []
    assert lost == []


def test_code_is_folded_and_opens_without_script(
    visit: Callable[..., Any], report_path: Path
) -> None:
    page = visit(report_path, viewport=DESK).page
    code = page.get_by_text("plots.duration(bins)")

    hidden = code.is_visible()
    code.locator("xpath=ancestor::details/summary").click()

    assert hidden is False
    assert code.is_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_stands_out_from_its_ground(
    visit: Callable[..., Any], report_path: Path, scheme: str
) -> None:
    page = visit(report_path, viewport=DESK, color_scheme=scheme).page

    assert page.evaluate(_CONTRAST, LEAST_CONTRAST) == []


def test_print_leaves_code_out_and_cuts_nothing_off(
    visit: Callable[..., Any], report_path: Path
) -> None:
    page = visit(report_path, viewport={"width": 760, "height": 1075}).page
    page.emulate_media(media="print")

    pdf = page.pdf(format="A4", print_background=True, tagged=True, outline=True)

    assert page.get_by_text("Code", exact=True).first.is_hidden()
    assert page.get_by_text("stats count() by bin(5m)").is_visible()
    assert page.evaluate(
        "[...document.querySelectorAll('pre')].every(e => e.scrollWidth <= e.clientWidth + 1)"
    )
    assert pdf.startswith(b"%PDF-")


def test_it_is_small_enough_to_attach(report_path: Path) -> None:
    assert report_path.stat().st_size < 500_000
