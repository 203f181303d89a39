"""Metric math gives what the tables of CloudWatch's user guide give, point by point.

Points are written as the guide writes them, one a minute, ``-`` where there is none.
"""

from collections.abc import Iterable

import pytest

from opslib.sandbox.metric_evaluation import Scope, evaluate
from opslib.sandbox.metric_math import Unreadable, names, parse
from opslib.sandbox.metric_series import Series, Unanswerable

_SPAN = range(0, 300, 60)


def _series(written: str, *, label: str = "m", period_s: int = 60) -> Series:
    span = range(0, 5 * period_s, period_s)
    points = {
        at: float(value) for at, value in zip(span, written.split(), strict=False) if value != "-"
    }
    return Series(label=label, points=points, span=span, period_s=period_s)


_METRICS = {
    "m1": _series("1 1 0 0 -", label="one"),
    "m2": _series("30 - 0 0 30", label="two"),
    "m3": _series("0 0 20 - 20", label="three"),
    "errors": _series("2 - - 4 1", label="Errors"),
    "low": _series("30 20 0 0", label="low"),
    "high": _series("20 - 20 -", label="high"),
    "none": _series("", label="none"),
    "slow": _series("1 2 3 4 5", label="slow", period_s=300),
}


def _written(points: Iterable[tuple[int, float]]) -> str:
    held = dict(points)
    return " ".join(f"{held[at]:g}" if at in held else "-" for at in _SPAN)


def _answer(text: str) -> str:
    """Evaluate an expression, and write what comes of it; series of an array parted by bars."""
    value = evaluate(parse(text), Scope(metrics=_METRICS, span=_SPAN))
    if isinstance(value, list):
        return " | ".join(_written(series.points.items()) for series in value)
    if isinstance(value, Series):
        return _written(value.points.items())
    return f"{value:g}" if isinstance(value, float) else value


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # What is missing is 0; what would be divided by zero is dropped.
        ("m2 + m3", "30 0 20 0 50"),
        ("m2 - m3", "30 0 -20 0 10"),
        ("m3 * 5", "0 0 100 - 100"),
        ("errors / m2", "0.0666667 - - - 0.0333333"),
        ("errors / m3", "- - 0 - 0.05"),
        ("100 / m3", "- - 5 - 5"),
        ("-m3", "0 0 -20 - -20"),
        ("-5 * errors", "-10 - - -20 -5"),
        ("errors ^ 2", "4 - - 16 1"),
        ("2 + 3 * 4 ^ 2 / (1 - 5)", "-10"),
        ("2 ^ 3 ^ 2", "512"),
        ("-2 ^ 2", "-4"),
        ("10 - 4 - 3", "3"),
        ("m1 / (1 - 1)", "- - - - -"),
        ("[m1, m2] + m3", "1 1 20 0 20 | 30 0 20 0 50"),
        ("SUM([m1, m2]) / 2", "15.5 0.5 0 0 15"),
        # The guide's own examples of comparison and logic.
        ("low < high", "0 0 1 0 -"),
        ("low >= 30", "1 0 0 0 -"),
        ("low > 15 AND high > 15", "1 0 0 0 -"),
        ("low > 15 && high > 15", "1 0 0 0 -"),
        ("low > 15 OR high > 15", "1 1 1 0 -"),
        ("low == 0 || low != 0", "1 1 1 1 -"),
        # The guide's own tables of IF.
        ("IF(m1, m2, m3)", "30 0 20 - -"),
        ("IF(m1, 5, m3)", "5 5 20 - -"),
        ("IF(m1, m2, 5)", "30 0 5 5 -"),
        ("IF(m1, m2)", "30 0 - - -"),
        ("IF(low < 25, low)", "- 20 0 0 -"),
        ("IF(low < 25, 10, 2)", "2 10 10 10 -"),
        ("IF(1, m2, m3)", "30 - 0 0 30"),
        ("IF(0, m2, m3)", "0 0 20 - 20"),
        ("IF(0, m2)", "- - - - -"),
        # Functions.
        ("ABS(m1 - m3)", "1 1 20 0 20"),
        ("CEIL(m3 / 30)", "0 0 1 - 1"),
        ("FLOOR(m3 / 30)", "0 0 0 - 0"),
        ("LOG10(m3 * 5)", "- - 2 - 2"),
        ("m1 - m1 + SUM(errors)", "7 7 7 7 -"),
        ("m1 - m1 + AVG(errors)", "1.4 1.4 1.4 1.4 -"),
        ("m1 - m1 + MIN(errors)", "1 1 1 1 -"),
        ("m1 - m1 + MAX(errors)", "4 4 4 4 -"),
        ("m1 - m1 + SUM(errors) / DATAPOINT_COUNT(errors)", "2.33333 2.33333 2.33333 2.33333 -"),
        ("m1 - m1 + MAX(none)", "- - - - -"),
        ("SUM([m1, m2, m3])", "31 1 20 0 50"),
        ("AVG([m1, m2])", "15.5 0.5 0 0 15"),
        ("MIN([m2, m3])", "0 0 0 0 20"),
        ("MAX([m2, m3])", "30 0 20 0 30"),
        ("DATAPOINT_COUNT([m1, m2, none])", "2 1 2 2 1"),
        ("DIFF(errors)", "- - - 2 -3"),
        ("DIFF_TIME(errors)", "- - - 180 60"),
        ("RATE(errors * 60)", "- - - 0.666667 -3"),
        ("RUNNING_SUM(errors)", "2 - - 6 7"),
        ("PERIOD(m1) / 60 * m1", "1 1 0 0 -"),
        ("FILL(errors, 9)", "2 9 9 4 1"),
        ("FILL(errors, REPEAT)", "2 2 2 4 1"),
        ("FILL(errors, LINEAR)", "2 2.66667 3.33333 4 1"),
        ("FILL(high, LINEAR)", "20 20 20 - -"),
        ("FILL(errors, m1)", "2 1 0 4 1"),
        ("FILL(errors, MIN(errors))", "2 1 1 4 1"),
        ("FILL(none, 0)", "0 0 0 0 0"),
        ("FILL([m1, none], 0)", "1 1 0 0 0 | 0 0 0 0 0"),
        ("TIME_SERIES(MAX(m2))", "30 30 30 30 30"),
        ("MINUTE(errors)", "0 1 2 3 4"),
        ("DAY(errors)", "4 4 4 4 4"),
        # Arrays.
        ('METRICS("m1")', "1 1 0 0 -"),
        ("SUM([METRICS('m1'), METRICS('rr')])", "3 1 0 4 1"),
        ("m1 / METRIC_COUNT([m1, m2])", "0.5 0.5 0 0 -"),
        ("FIRST(SORT([m1, m2, m3], SUM, DESC))", "30 - 0 0 30"),
        ("LAST(SORT([m1, m2, m3], SUM, DESC))", "1 1 0 0 -"),
        ("SORT([m1, m2, none, m3], MAX, ASC, 2)", "1 1 0 0 - | 0 0 20 - 20"),
        ("SLICE([m1, m2, m3], 1, 2)", "30 - 0 0 30"),
        ("SLICE([m1, m2, m3], 2)", "0 0 20 - 20"),
        ("REMOVE_EMPTY([none, m1])", "1 1 0 0 -"),
    ],
)
def test_an_expression_gives_these_points(text: str, expected: str) -> None:
    assert _answer(text) == expected


def test_all_metrics_come_in_the_order_of_the_request() -> None:
    value = evaluate(parse("METRICS()"), Scope(metrics=_METRICS, span=_SPAN))

    assert isinstance(value, list)
    assert [series.label for series in value[:4]] == ["one", "two", "three", "Errors"]
    assert len(value) == len(_METRICS)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("m9", "Undefined identifier 'm9'"),
        ("sum(m1)", "Unknown function 'sum'"),
        ("m1 + slow", "The sandbox does not mix metrics of different periods"),
        ("[m1] + [m2]", "+ does not take two arrays"),
        ("[m1, 5]", "An array holds time series only"),
        ("m1 + 'text'", "+ takes no text"),
        ("SUM(m1, m2)", "SUM takes one argument"),
        ("SUM(5)", "SUM takes a time series, or an array that is not empty"),
        ("ABS(5)", "A time series is needed"),
        ("IF(m1)", "IF takes a condition and one or two values, none of them an array"),
        ("IF([m1], 1, 0)", "IF takes a condition and one or two values, none of them an array"),
        ("PERIOD(m1 + m2)", "PERIOD takes a metric, not the result of an expression"),
        ("FILL(m1)", "FILL takes a time series or an array, and what fills it"),
        ("SORT(m1, SUM)", "SORT takes an array, AVG, MIN, MAX or SUM, ASC or DESC, a number"),
        (
            "ANOMALY_DETECTION_BAND(m1, 2)",
            "The sandbox does not answer ANOMALY_DETECTION_BAND: it needs a model that only AWS "
            "has",
        ),
        (
            "SEARCH('{AWS/Lambda} Errors', 'Sum', 300)",
            "The sandbox does not answer SEARCH: the order and the tokens of its matches are not "
            "documented",
        ),
    ],
)
def test_an_expression_without_an_answer_says_why(text: str, reason: str) -> None:
    with pytest.raises(Unanswerable) as caught:
        _answer(text)

    assert str(caught.value) == reason


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "Unexpected end"),
        ("m1 +", "Unexpected end"),
        ("m1 m2", "Unexpected 'm2'"),
        ("(m1", "Unexpected end"),
        ("[m1,]", "Unexpected ']'"),
        ("m1 ; m2", "Unexpected ';'"),
        ("AND m1", "Unexpected 'AND'"),
        ("METRICS('m)", 'Unexpected "\'"'),
        ("(" * 60 + "m1" + ")" * 60, "It is nested too deeply"),
        ("-" * 60 + "m1", "It is nested too deeply"),
    ],
)
def test_a_text_that_is_no_expression_says_what_stands_in_the_way(text: str, reason: str) -> None:
    with pytest.raises(Unreadable) as caught:
        parse(text)

    assert str(caught.value) == reason


def test_the_ids_of_an_expression_are_named_wherever_they_stand() -> None:
    node = parse("IF(e1 > -m1, SUM([m2, m3]), FILL(m4, REPEAT)) ^ 2")

    assert list(names(node)) == ["e1", "m1", "m2", "m3", "m4", "REPEAT"]
