"""What is looked at beside log lines, before the sandbox: shape, changes, a table's metrics."""

from datetime import UTC, datetime, timedelta

import pytest

from opslib import aws, changes, lambda_logs, metrics
from opslib import system as systems
from opslib.window import Window
from sandbox.projects import MakeProject

FUNCTION = "ZAEL-demo-aggregator"
TABLE = "ZAEL-demo"
NOW = datetime(2026, 10, 14, 3, 7, tzinfo=UTC)
WINDOW = Window(datetime(2026, 10, 14, 0, 7, tzinfo=UTC), NOW)


@pytest.fixture
def connection(sandbox_project: MakeProject) -> aws.Connection:
    sandbox_project("table-throttled")
    return aws.connect(systems.load("sandbox"))


def test_the_shape_of_the_aggregators_logs_is_found(connection: aws.Connection) -> None:
    logs = lambda_logs.look(connection, FUNCTION)

    assert (logs.shape.group, logs.shape.format) == (f"/aws/lambda/{FUNCTION}", "Text")
    assert logs.limits == ()


def test_changes_are_those_of_the_window(connection: aws.Connection) -> None:
    ten_days = Window(NOW - timedelta(days=10), NOW)

    lately = changes.of(connection, FUNCTION, WINDOW, tables_named=[TABLE])
    before = changes.of(connection, FUNCTION, ten_days, tables_named=[TABLE])

    assert len(lately.rows) == 0
    assert before.rows["what"].tolist() == ["code or configuration edited"]
    assert before.deployed_at == NOW - timedelta(days=9)
    assert (lately.limits, before.limits) == ((), ())


def test_the_throttles_of_the_table_come_with_their_cause(connection: aws.Connection) -> None:
    wanted = [*metrics.of_table(TABLE), *metrics.of_function(FUNCTION)]

    answer = metrics.fetch(connection.client("cloudwatch"), wanted, WINDOW)

    refused = answer.total(f"{TABLE}.write_throttles")
    assert refused is not None
    assert refused > 100
    assert answer.total(f"{TABLE}.write_throttles_provisioned") == refused
    assert answer.total(f"{TABLE}.write_throttles_key_range") is None
    assert len(answer.series(f"{FUNCTION}.invocations")) > 30
    assert answer.limits == ()
