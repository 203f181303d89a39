"""Whether the engine's rows are an answer the interpreter allows.

Computed numbers may differ in how binary noise rounds: a printed number is right when it has the
documented form (at most four decimals, no exponent, no trailing zeros) and stands for the exact
value within half a unit of its last place, plus one part in 10^9 for the order of additions.
"""

import re
from collections.abc import Sequence

from cwli.oracle.interpreter import Answer
from cwli.oracle.values import Value, text_of
from opslib.cwli.switches import Switches


def disagreement(answer: Answer, rows: Sequence[dict[str, str]], switches: Switches) -> str | None:
    """Return what is wrong with the rows, or None."""
    expected = sum(map(len, answer.ties)) - answer.cut
    if len(rows) != expected:
        return f"{len(rows)} rows, not {expected}"
    start = 0
    for tie in answer.ties:
        taken = rows[start : start + len(tie)]
        left = list(tie)
        for offset, row in enumerate(taken):
            twin = next((each for each in left if _same(each, row, answer, switches)), None)
            if twin is None:
                return f"row {start + offset} is {row}, not {left[0] if len(left) == 1 else left}"
            left.remove(twin)
        start += len(tie)
    return None


def _same(
    expected: dict[str, Value], row: dict[str, str], answer: Answer, switches: Switches
) -> bool:
    names = [*expected, *(["@ptr"] if answer.events else [])]
    return list(row) == names and all(
        same_text(value, row[name], switches) for name, value in expected.items()
    )


def same_text(value: Value, text: str, switches: Switches) -> bool:
    if not isinstance(value, float):
        return text_of(value, switches) == text
    places = switches.decimals
    form = rf"(?!-0$)-?(0|[1-9][0-9]*)(\.[0-9]{{0,{places - 1}}}[1-9])?"
    if not re.fullmatch(form, text):
        return False
    half_a_unit: float = 0.5 * 10.0**-places
    return abs(float(text) - value) <= half_a_unit + 1e-9 * max(abs(value), 1e-3)
