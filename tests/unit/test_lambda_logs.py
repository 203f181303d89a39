"""The shape of a function's logs, and what it cannot tell."""

from typing import Any

import pytest

from opslib.lambda_logs import LogShape, limits, shape


def test_without_a_word_about_logging_lambdas_defaults_hold() -> None:
    found = shape({"FunctionName": "f"})

    assert found == LogShape(function="f", group="/aws/lambda/f", format="Text", system_level="")
    assert (found.own_group, found.reports) == (True, True)
    assert limits(found) == []


def test_group_format_level_and_snapshots_are_read() -> None:
    configuration = {
        "FunctionName": "f",
        "LoggingConfig": {"LogFormat": "JSON", "LogGroup": "/shared", "SystemLogLevel": "WARN"},
        "SnapStart": {"ApplyOn": "PublishedVersions", "OptimizationStatus": "On"},
        "CapacityProviderConfig": {"x": 1},
    }

    found = shape(configuration, log_class="INFREQUENT_ACCESS")

    assert found == LogShape(
        function="f",
        group="/shared",
        format="JSON",
        system_level="WARN",
        snap_start=True,
        managed_instances=True,
        log_class="INFREQUENT_ACCESS",
    )


@pytest.mark.parametrize(
    ("configuration", "said"),
    [
        (
            {"LoggingConfig": {"LogFormat": "JSON", "SystemLogLevel": "WARN"}},
            "drops its REPORT lines: durations, memory and cold starts are not in its logs",
        ),
        ({"LoggingConfig": {"LogFormat": "JSON"}}, "whether @duration is discovered from them"),
        ({"LoggingConfig": {"LogGroup": "/shared"}}, "f logs to /shared, which other functions"),
        ({"SnapStart": {"ApplyOn": "PublishedVersions"}}, "a Restore Duration and no Init"),
        ({"CapacityProviderConfig": {"x": 1}}, "f runs on managed instances"),
    ],
)
def test_each_shape_says_what_it_cannot_tell(configuration: dict[str, Any], said: str) -> None:
    sentences = limits(shape({"FunctionName": "f", **configuration}))

    assert len(sentences) == 1
    assert said in sentences[0]


@pytest.mark.parametrize(
    ("log_class", "said"),
    [("INFREQUENT_ACCESS", "no field is discovered"), ("DELIVERY", "cannot query it")],
)
def test_a_log_class_may_forbid_queries(log_class: str, said: str) -> None:
    sentences = limits(shape({"FunctionName": "f"}, log_class=log_class))

    assert len(sentences) == 1
    assert said in sentences[0]


def test_a_level_that_is_stated_for_the_text_format_drops_nothing() -> None:
    logging = {"LogFormat": "Text", "SystemLogLevel": "WARN"}

    assert shape({"FunctionName": "f", "LoggingConfig": logging}).reports is True


def test_snapshots_that_are_off_are_not_a_limit() -> None:
    assert limits(shape({"FunctionName": "f", "SnapStart": {"ApplyOn": "None"}})) == []


def test_reports_that_are_dropped_unless_it_fails_count_no_invocations() -> None:
    dropping = {"LoggingConfig": {"LogFormat": "JSON", "SystemLogLevel": "WARN"}}

    assert shape({"FunctionName": "f"}).counted(540) == 540
    assert shape({"FunctionName": "f", **dropping}).counted(111) is None
