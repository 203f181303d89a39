"""HTML made harmless by several threads at once, as when triage renders reports side by side."""

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from opslib.report.cleaning import clean


@pytest.fixture
def _often() -> Iterator[None]:
    """Let threads take turns far more often than they do, and as before afterwards."""
    interval_s = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval_s)


@pytest.mark.usefixtures("_often")
def test_reports_that_are_rendered_side_by_side_do_not_mix() -> None:
    rows = [f"<table>{f'<tr><th>{n}</th><td>{n}</td></tr>' * 30}</table>" for n in range(4)]

    with ThreadPoolExecutor(4) as threads:
        cleaned = list(threads.map(clean, rows * 2))

    for n, text in enumerate(cleaned):
        assert text.count(f"<th>{n % 4}</th><td>{n % 4}</td>") == 30
        assert text.count("<th>") == 30
