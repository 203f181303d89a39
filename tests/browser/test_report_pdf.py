"""The report on paper, by the real Chromium."""

import re
from pathlib import Path

from opslib import report


def test_it_is_a_tagged_pdf_on_a4_with_bookmarks_and_a_language(report_path: Path) -> None:
    printed = report.pdf.printed(report_path.read_text(), path=report.pdf.browser())

    assert re.fullmatch(r"(Chromium|Google Chrome) \d+(\.\d+)+", printed.by)
    assert printed.content.startswith(b"%PDF-")
    for mark in (b"/StructTreeRoot", b"/Marked true", b"/Outlines", b"/Lang (en)"):
        assert mark in printed.content
    boxes = re.findall(rb"/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]", printed.content)
    assert {(round(float(wide)), round(float(high))) for wide, high in boxes} == {(595, 842)}
    assert 2 <= len(boxes) <= 8
