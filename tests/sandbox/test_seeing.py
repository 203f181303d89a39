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
    configuration = changes.configuration(connection.client("lambda"), FUNCTION)

    logs = lambda_logs.look(connection.client("logs"), configuration)

    assert (logs.shape.group, logs.shape.format) == (f"/aws/lambda/{FUNCTION}", "Text")
    assert (logs.shape.log_class, logs.kept_for) == ("STANDARD", "30 days")
    assert logs.limits == ()


def test_changes_are_those_of_the_window(connection: aws.Connection) -> None:
    ten_days = Window(NOW - timedelta(days=10), NOW)

    lately = _changes(connection, WINDOW)
    before = _changes(connection, ten_days)

    assert lately.rows["what"].tolist() == ["table updated"]
    assert lately.rows["at"].tolist() == [NOW - timedelta(minutes=60)]
    assert lately.rows["detail"].tolist() == [
        "ZAEL-demo, billingMode PROVISIONED, readCapacityUnits 2, writeCapacityUnits 2, "
        "by cost-review"
    ]
    assert lately.deployed_at is None
    assert before.rows["what"].tolist() == ["code or configuration edited", "table updated"]
    assert before.deployed_at == NOW - timedelta(days=9)
    assert (lately.limits, before.limits) == ((), ())
    assert (lately.notes, before.notes) == ((), ())


def test_a_table_and_a_mapping_are_older_than_what_is_told_of_them(
    connection: aws.Connection,
) -> None:
    forty_days = Window(NOW - timedelta(days=40), NOW)

    found = _changes(connection, forty_days).rows

    made = found[found["at"] == NOW - timedelta(days=30)]
    assert made["what"].tolist() == [
        "event source mapping or its last result changed",
        "table created",
        "table switched to on-demand",
    ]


def test_a_mapping_that_is_changed_now_is_dated_by_the_sandboxes_clock(
    connection: aws.Connection,
) -> None:
    client = connection.client("lambda")
    (mapping,) = client.list_event_source_mappings(FunctionName=FUNCTION)["EventSourceMappings"]
    client.update_event_source_mapping(UUID=mapping["UUID"], BatchSize=50)

    found = _changes(connection, WINDOW)

    assert len(found.notes) == 1
    assert found.notes[0].startswith(
        "After the window, at 2026-10-14T03:07:00Z: event source mapping changed, table/ZAEL-demo"
    )


def _changes(connection: aws.Connection, window: Window) -> changes.Changes:
    trail = changes.Trail(connection.client("cloudtrail"), window)
    return changes.of(connection, FUNCTION, window, tables_named=[TABLE], trail=trail)


def test_the_throttles_of_the_table_are_counted_beside_its_invocations(
    connection: aws.Connection,
) -> None:
    throttles = metrics.wanted.WRITE_THROTTLES.of(TABLE, name="refused", every_s=60)
    asked = [throttles, *metrics.invocation_metrics(FUNCTION)]

    answer = metrics.fetch(connection.client("cloudwatch"), asked, WINDOW)

    refused = answer.total("refused")
    assert refused is not None
    assert refused > 100
    assert len(answer.series("invocations")) > 30
    assert answer.limits == ()
