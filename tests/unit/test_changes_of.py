"""One timeline from Lambda, DynamoDB and CloudTrail, whatever of them may be asked."""

import json
from datetime import UTC, datetime
from typing import Any, cast

import pandas as pd
import pytest
from fakes.clients import Clock, Connected, Lambda, Tables, Trail, refusal

from opslib import changes
from opslib.aws import Connection
from opslib.lambda_logs import Logs, shape
from opslib.system import Function
from opslib.target import Target
from opslib.window import Window

WINDOW = Window(datetime(2026, 10, 14, 0, 7, tzinfo=UTC), datetime(2026, 10, 14, 3, 7, tzinfo=UTC))
EARLIER = "2026-09-01T00:00:00.000+0000"
ARN = "arn:aws:lambda:eu-west-1:123456789012:function:orders"
DENIED = refusal("AccessDeniedException", "no")


def _at(hour: int, minute: int = 0, *, day: int = 14) -> datetime:
    return datetime(2026, 10, day, hour, minute, tzinfo=UTC)


def _function(version: str = "$LATEST", at: str = EARLIER, **of: Any) -> dict[str, Any]:
    plain = {"MemorySize": 256, "Timeout": 10, "Runtime": "python3.12", "CodeSha256": "c"}
    return {"Version": version, "LastModified": at} | plain | of


def _mapping(uuid: str, at: datetime, **of: Any) -> dict[str, Any]:
    stream = "arn:aws:dynamodb:eu-west-1:123456789012:table/orders/stream/2026-01-01T00:00:00.000"
    stated = {"State": "Disabled", "StateTransitionReason": "User action", "BatchSize": 100}
    return {"UUID": uuid, "LastModified": at, "EventSourceArn": stream} | stated | of


def _event(at: datetime, *, user: str = "ada", error: str = "", **asked: Any) -> dict[str, Any]:
    record = {"requestParameters": asked} | ({"errorCode": error} if error else {})
    return {"EventTime": at, "Username": user, "CloudTrailEvent": json.dumps(record)}


def _of(
    function: Lambda,
    *,
    tables: Tables | None = None,
    trail: Trail | None = None,
    named: tuple[str, ...] = (),
    deadline_s: float = 20,
    **given: Any,
) -> changes.Changes:
    asked = _trail(trail or Trail(), deadline_s=deadline_s)
    clients = {"lambda": function, "dynamodb": tables or Tables()}
    connection = cast(Connection, Connected(**clients))
    return changes.of(connection, "orders", WINDOW, tables_named=named, trail=asked, **given)


def _trail(client: Trail, **given: Any) -> changes.Trail:
    clock = Clock()
    return changes.Trail(client, WINDOW, sleep=clock.sleep, monotonic=clock.monotonic, **given)


def _told(found: changes.Changes) -> list[tuple[str, str, str]]:
    rows = found.rows
    at = ["-" if pd.isna(each) else f"{each:%H:%M}" for each in rows["at"]]
    return list(zip(at, rows["what"].tolist(), rows["detail"].tolist(), strict=True))


def test_everything_that_is_dated_stands_in_one_order() -> None:
    function = Lambda(
        _function(at="2026-10-14T02:00:00.000+0000"),
        versions=[{"Versions": [_function("1"), _function("2", "2026-10-14T02:00:01.000+0000")]}],
        mappings=[{"EventSourceMappings": [_mapping("m-1", _at(1))]}],
    )
    tables = Tables(
        orders={
            "BillingModeSummary": {"BillingMode": "PROVISIONED"},
            "ProvisionedThroughput": {
                "ReadCapacityUnits": 5,
                "WriteCapacityUnits": 2,
                "LastDecreaseDateTime": _at(0, 30),
                "LastIncreaseDateTime": _at(0, 30, day=1),
            },
        }
    )

    found = _of(function, tables=tables, named=("orders",))

    assert _told(found) == [
        ("00:30", "table capacity lowered", "orders: now 5 read and 2 write units a second"),
        (
            "01:00",
            "event source mapping changed",
            "table/orders: Disabled (User action), batches of 100",
        ),
        ("02:00", "code or configuration edited", "now 256 MB, timeout 10 s, python3.12"),
        ("02:00", "version published", "no description"),
    ]
    assert found.deployed_at == datetime(2026, 10, 14, 2, 0, 1, tzinfo=UTC)
    assert found.deployments == (_at(2), found.deployed_at)
    assert (found.limits, found.notes) == ((), ())


@pytest.mark.parametrize(
    ("edited", "published", "said"),
    [
        (
            "2026-10-12T07:07:00.000+0000",
            "2026-10-12T07:06:00.000+0000",
            "orders was last deployed 2026-10-12 07:07 UTC, 1 d 17 h before the window.",
        ),
        (
            "2026-10-13T23:45:00.000+0000",
            EARLIER,
            "orders was last deployed 2026-10-13 23:45 UTC, 22 min before the window.",
        ),
        # Deployed inside it, and by an edit after it that hides the one before.
        ("2026-10-14T02:00:00.000+0000", EARLIER, ""),
        ("2026-10-14T03:08:00.000+0000", EARLIER, ""),
    ],
)
def test_what_was_not_deployed_in_the_window_says_when_it_was(
    edited: str, published: str, said: str
) -> None:
    function = Lambda(
        _function(at=edited),
        versions=[{"Versions": [_function("1", published, CodeSha256="b")]}],
        mappings=[{"EventSourceMappings": [_mapping("m-1", _at(23, 59, day=13))]}],
    )

    target = Target(
        function=Function(name="orders"),
        timeout_ms=10_000.0,
        memory_mb=256.0,
        logs=Logs(shape({"FunctionName": "orders"})),
        changes=_of(function),
    )

    assert target.last_deployed(WINDOW) == said


def test_a_table_or_a_mapping_that_changed_is_no_deployment() -> None:
    function = Lambda(_function(), mappings=[{"EventSourceMappings": [_mapping("m-1", _at(1))]}])

    found = _of(function)

    assert len(found.rows) == 1
    assert found.deployed_at is None


def test_a_streams_mapping_that_is_polled_is_dated_by_its_last_result_too() -> None:
    queue = {"EventSourceArn": "arn:aws:sqs:eu-west-1:123456789012:work"}
    function = Lambda(
        _function(),
        mappings=[
            {
                "EventSourceMappings": [
                    _mapping("m-1", _at(1), State="Enabled"),
                    _mapping("m-2", _at(2), State="Disabled"),
                    _mapping("m-3", _at(3), State="Enabled", **queue),
                ]
            }
        ],
    )

    found = _of(function)

    assert [what for _, what, _ in _told(found)] == [
        "event source mapping or its last result changed",
        "event source mapping changed",
        "event source mapping changed",
    ]


def test_mappings_of_an_alias_are_found_too() -> None:
    function = Lambda(
        _function(),
        aliases=[{"Aliases": [{"Name": "live", "FunctionVersion": "1"}]}],
        mappings={
            "orders": [{"EventSourceMappings": [_mapping("m-1", _at(1))]}],
            "orders:live": [{"EventSourceMappings": [_mapping("m-2", _at(2), State="Enabled")]}],
        },
    )

    found = _of(function)

    assert [at for at, what, _ in _told(found) if what.startswith("event")] == ["01:00", "02:00"]


def test_what_changed_after_the_window_is_noted_and_blinds_nobody() -> None:
    function = Lambda(_function(), mappings=[{"EventSourceMappings": [_mapping("m-1", _at(9))]}])

    found = _of(function)

    assert len(found.rows) == 0
    assert found.limits == ()
    assert found.notes == (
        "After the window, at 2026-10-14T09:00:00Z: event source mapping changed, table/orders: "
        "Disabled (User action), batches of 100.",
    )


def test_the_dates_of_a_table_and_its_indexes_are_read() -> None:
    tables = Tables(
        orders={
            "CreationDateTime": _at(0, 10),
            "BillingModeSummary": {
                "BillingMode": "PAY_PER_REQUEST",
                "LastUpdateToPayPerRequestDateTime": _at(0, 20),
            },
            "GlobalSecondaryIndexes": [
                {
                    "IndexName": "GSI1",
                    "ProvisionedThroughput": {
                        "ReadCapacityUnits": 7,
                        "WriteCapacityUnits": 8,
                        "LastIncreaseDateTime": _at(0, 40),
                    },
                }
            ],
        }
    )

    found = _of(Lambda(_function()), tables=tables, named=("orders",))

    assert _told(found) == [
        ("00:10", "table created", "orders"),
        ("00:20", "table switched to on-demand", "orders; now on-demand"),
        (
            "00:40",
            "table capacity raised",
            "orders, index GSI1: now 7 read and 8 write units a second",
        ),
    ]


def test_each_call_that_is_refused_costs_its_own_rows_and_names_its_statement() -> None:
    function = Lambda(_function(at="2026-10-14T02:00:00.000+0000"), mappings=[DENIED])

    found = _of(function, tables=Tables(orders=DENIED), named=("orders",))

    assert len(found.rows) == 1
    assert [json.loads(said[said.index("{") :])["Action"] for said in found.limits] == [
        "lambda:ListEventSourceMappings",
        "dynamodb:DescribeTable",
    ]
    assert '"Resource": "arn:aws:dynamodb:*:*:table/orders"' in found.limits[1]


def test_cloudtrail_says_who_and_when_aliases_moved() -> None:
    trail = Trail(
        UpdateAlias20150331=[
            {
                "Events": [
                    _event(_at(1), functionName="orders", name="live", functionVersion="7"),
                    _event(_at(1, 1), functionName="orders-2", name="live", functionVersion="3"),
                ]
            }
        ],
        UpdateFunctionCode20150331v2=[
            {"Events": []},
            {
                "Events": [
                    _event(
                        _at(0, 30),
                        user="bob",
                        functionName="arn:aws:lambda:eu-west-1:123456789012:function:orders:live",
                    )
                ]
            },
        ],
        UpdateEventSourceMapping20150331=[
            {"Events": [_event(_at(2), uUID="m-1"), _event(_at(2, 1), uUID="another")]}
        ],
        UpdateTable=[{"Events": [_event(_at(2, 30), tableName="orders", error="AccessDenied")]}],
    )
    mapping = _mapping("m-1", _at(9), FunctionArn=f"{ARN}:live")
    function = Lambda(_function(), mappings=[{"EventSourceMappings": [mapping]}])

    found = _of(function, trail=trail, tables=Tables(orders={}), named=("orders",))

    assert _told(found) == [
        ("00:30", "code updated", "by bob"),
        ("01:00", "alias moved", "alias live to version 7, by ada"),
        ("02:00", "event source mapping updated", "by ada"),
    ]
    assert found.notes[-1] == (
        "Refused at 2026-10-14T02:30:00Z (AccessDenied): table updated, orders, by ada."
    )
    assert found.deployed_at == _at(1)
    assert {(asked["StartTime"], asked["EndTime"]) for asked in trail.asked} == {
        (WINDOW.start, WINDOW.end)
    }


@pytest.mark.parametrize(
    "refused",
    [DENIED, refusal("UnknownOperationException", "not here"), refusal("InvalidAction")],
)
def test_a_cloudtrail_that_may_not_be_asked_is_noted_once_and_blinds_nobody(
    refused: BaseException,
) -> None:
    trail = Trail(refusals=[refused] * 20)

    found = _of(Lambda(_function(at="2026-10-14T02:00:00.000+0000")), trail=trail)

    assert len(found.rows) == 1
    assert found.limits == ()
    assert len(found.notes) == 1
    assert found.notes[0].startswith("CloudTrail does not say who changed what. Not seen: ")
    assert len(trail.asked) == 1


def test_a_throttled_cloudtrail_is_asked_again_until_there_is_no_time_left() -> None:
    busy = refusal("ThrottlingException")

    patient = _of(Lambda(_function()), trail=Trail(refusals=[busy] * 5))
    late = _of(Lambda(_function()), trail=Trail(refusals=[busy] * 500), deadline_s=3)

    assert patient.notes == ()
    assert len(late.notes) == 1
    assert "was throttled" in late.notes[0]


def test_cloudtrail_is_left_alone_when_nobody_wants_it() -> None:
    connection = cast(Connection, Connected(**{"lambda": Lambda(_function())}))

    found = changes.of(connection, "orders", WINDOW)

    assert (found.limits, found.notes) == ((), ())


def test_several_functions_ask_cloudtrail_for_each_name_once() -> None:
    client = Trail(
        UpdateFunctionCode20150331v2=[
            {"Events": [_event(_at(1), functionName="a"), _event(_at(2), functionName="b")]}
        ]
    )
    trail = _trail(client)

    found = [trail.recorded(name, mappings=[], tables=[]) for name in ("a", "b")]

    assert [[change.at for change in told] for told, _ in found] == [[_at(1)], [_at(2)]]
    assert len(client.asked) == 9


def test_what_cloudtrail_did_not_tell_is_said_once() -> None:
    trail = _trail(Trail(refusals=[DENIED] * 20))

    said = [len(trail.recorded(name, mappings=[], tables=[])[1]) for name in ("a", "b")]

    assert said == [1, 0]


def test_an_edit_that_cloudtrail_tells_of_too_is_one_change_with_who_made_it() -> None:
    function = Lambda(
        _function(at="2026-10-14T02:00:00.250+0000"),
        mappings=[{"EventSourceMappings": [_mapping("m-1", _at(1, 1), State="Enabled")]}],
    )
    trail = Trail(
        UpdateFunctionConfiguration20150331v2=[
            {"Events": [_event(_at(2), functionName="orders", memorySize=256, kMSKeyArn="k")]}
        ],
        UpdateEventSourceMapping20150331=[
            {"Events": [_event(_at(1), uUID="m-1", batchSize=1000, enabled=False)]}
        ],
    )

    found = _of(function, trail=trail)

    assert _told(found) == [
        (
            "01:01",
            "event source mapping updated",
            "table/orders: Enabled (User action), batches of 100; "
            "enabled False, batchSize 1000, by ada",
        ),
        (
            "02:00",
            "configuration updated",
            "now 256 MB, timeout 10 s, python3.12; memorySize 256, by ada",
        ),
    ]
    assert found.deployed_at == datetime(2026, 10, 14, 2, 0, 0, 250_000, tzinfo=UTC)


def test_a_refused_edit_is_no_other_telling_of_the_one_that_was_made() -> None:
    trail = Trail(
        UpdateFunctionCode20150331v2=[
            {"Events": [_event(_at(2), functionName="orders", error="AccessDenied")]}
        ]
    )

    found = _of(Lambda(_function(at="2026-10-14T02:00:01.000+0000")), trail=trail)

    assert [what for _, what, _ in _told(found)] == ["code or configuration edited"]
    assert found.notes == ("Refused at 2026-10-14T02:00:00Z (AccessDenied): code updated, by ada.",)


def test_what_was_only_tried_out_is_no_change() -> None:
    tried = _event(_at(2), functionName="orders", dryRun=True)

    found = _of(
        Lambda(_function()), trail=Trail(UpdateFunctionCode20150331v2=[{"Events": [tried]}])
    )

    assert _told(found) == []
    assert (found.deployed_at, found.notes) == (None, ())


def test_what_a_service_changed_by_itself_is_told_as_that() -> None:
    record = {
        "userIdentity": {"invokedBy": "dynamodb.application-autoscaling.amazonaws.com"},
        "requestParameters": {"tableName": "orders"},
    }
    scaled = {
        "EventTime": _at(1),
        "Username": "AutoScaling-UpdateTable",
        "CloudTrailEvent": json.dumps(record),
    }

    found = _of(
        Lambda(_function()),
        trail=Trail(UpdateTable=[{"Events": [scaled]}]),
        tables=Tables(orders={}),
        named=("orders",),
    )

    assert _told(found) == [
        (
            "01:00",
            "table updated",
            "orders, by AutoScaling-UpdateTable through "
            "dynamodb.application-autoscaling.amazonaws.com",
        )
    ]


class _Slow(Trail):
    """A trail that takes so many seconds for each answer."""

    def __init__(self, *, clock: Clock, each_s: float, **pages: Any) -> None:
        super().__init__(**pages)
        self.clock, self.each_s = clock, each_s

    def lookup_events(self, **arguments: Any) -> dict[str, Any]:
        self.clock.at_s += self.each_s
        return super().lookup_events(**arguments)


def test_a_slow_cloudtrail_is_asked_first_for_what_nobody_else_dates_and_no_longer_than_six_s() -> (
    None
):
    clock = Clock()
    client = _Slow(clock=clock, each_s=1.5)
    trail = changes.Trail(client, WINDOW, sleep=clock.sleep, monotonic=clock.monotonic)

    _, notes = trail.recorded("orders", mappings=["m-1"], tables=["orders"])

    assert clock.at_s - 100 == 7.5
    assert [asked["LookupAttributes"][0]["AttributeValue"] for asked in client.asked] == [
        "UpdateAlias20150331",
        "UpdateEventSourceMapping20150331",
        "DeleteEventSourceMapping20150331",
        "PutFunctionConcurrency20171031",
        "DeleteFunctionConcurrency20171031",
    ]
    assert notes == [
        "CloudTrail was not asked for UpdateTable, UpdateFunctionConfiguration20150331v2, "
        "UpdateFunctionCode20150331v2, CreateEventSourceMapping20150331, PublishVersion20150331: "
        "there was no time left."
    ]


def test_time_in_which_cloudtrail_is_not_asked_does_not_count() -> None:
    clock = Clock()
    client = _Slow(clock=clock, each_s=0.5)
    trail = changes.Trail(client, WINDOW, sleep=clock.sleep, monotonic=clock.monotonic)
    trail.recorded("a", mappings=[], tables=[])
    clock.at_s += 60

    _, notes = trail.recorded("b", mappings=[], tables=["orders"])

    assert notes == []
    assert len(client.asked) == 10


def test_a_name_with_too_many_events_does_not_keep_the_others_from_being_asked() -> None:
    busy = [{"Events": [_event(_at(1), functionName="another")]} for _ in range(6)]
    published = [{"Events": [_event(_at(2), functionName="orders")]}]

    found = _of(
        Lambda(_function()),
        trail=Trail(UpdateFunctionCode20150331v2=busy, PublishVersion20150331=published),
    )

    assert _told(found) == [("02:00", "version published", "by ada")]
    assert found.notes == (
        "Seen in part: UpdateFunctionCode20150331v2 in CloudTrail, which has more than 4 pages of "
        "it. Look at a shorter window.",
    )


def test_an_edit_that_cloudtrail_tells_of_deploys_nothing_where_traffic_is_on_an_alias() -> None:
    trail = Trail(
        UpdateFunctionCode20150331v2=[{"Events": [_event(_at(2), functionName="orders")]}],
        UpdateAlias20150331=[{"Events": [_event(_at(1), functionName="orders", name="live")]}],
    )

    found = _of(Lambda(_function()), trail=trail, edits_deploy=False, alias="live")

    assert [what for _, what, _ in _told(found)] == ["alias moved", "code updated"]
    assert found.deployed_at == _at(1)


def test_moving_another_alias_than_that_of_the_traffic_deploys_nothing() -> None:
    trail = Trail(
        UpdateAlias20150331=[
            {
                "Events": [
                    _event(_at(1), functionName="orders", name="live", functionVersion="7"),
                    _event(_at(2), functionName="orders", name="staging", functionVersion="8"),
                ]
            }
        ]
    )

    found = _of(Lambda(_function()), trail=trail, edits_deploy=False, alias="live")
    unknown = _of(Lambda(_function()), trail=trail)

    assert [what for _, what, _ in _told(found)] == ["alias moved", "alias moved"]
    assert found.deployments == (_at(1),)
    assert found.unserved == {
        (_at(2), "alias moved", "alias staging to version 8, by ada"): "It reached nothing that is "
        "known to be invoked: the traffic of the function is on live."
    }
    assert unknown.unserved == {}


@pytest.mark.parametrize(
    ("invoked", "moved_at", "traffic"),
    [
        ([f"{ARN}:live"], [_at(1)], {"live"}),
        ([ARN], [], {"$LATEST"}),
        ([ARN, f"{ARN}:live"], [_at(1)], {"$LATEST", "live"}),
        ([], [], set()),
    ],
)
def test_only_an_alias_that_a_mapping_invokes_deploys_where_the_params_file_names_none(
    invoked: list[str], moved_at: list[datetime], traffic: set[str]
) -> None:
    trail = Trail(
        UpdateAlias20150331=[
            {
                "Events": [
                    _event(_at(1), functionName="orders", name="live", functionVersion="7"),
                    _event(_at(2), functionName="orders", name="staging", functionVersion="8"),
                ]
            }
        ]
    )
    mappings = [_mapping(arn, _at(0), FunctionArn=arn) for arn in invoked]
    function = Lambda(_function(), mappings=[{"EventSourceMappings": mappings}])

    found = _of(function, trail=trail)

    assert [what for _, what, _ in _told(found)] == ["alias moved", "alias moved"]
    assert list(found.deployments) == moved_at
    assert set(found.traffic) == traffic


@pytest.mark.parametrize(
    ("edited_at", "deployed_at"),
    [("2026-10-14T00:30:00.000+0000", _at(0, 30)), ("2026-10-14T04:00:00.000+0000", _at(1))],
)
def test_a_version_published_beside_traffic_on_latest_tells_only_of_an_edit_that_is_hidden(
    edited_at: str, deployed_at: datetime
) -> None:
    version = _function("7", "2026-10-14T01:00:00.000+0000")
    mapping = _mapping("m-1", _at(9, day=1), FunctionArn=ARN)
    function = Lambda(
        _function(at=edited_at),
        versions=[{"Versions": [version]}],
        mappings=[{"EventSourceMappings": [mapping]}],
    )

    found = _of(function)

    assert found.deployments == (deployed_at,)


@pytest.mark.parametrize(("state", "deployed_at"), [("Enabled", _at(2)), ("Disabled", None)])
def test_an_edit_deploys_to_a_mapping_on_latest_though_other_traffic_is_on_an_alias(
    state: str, deployed_at: datetime | None
) -> None:
    mapping = _mapping("m-1", _at(9, day=1), FunctionArn=ARN, State=state)
    edited = _function(at="2026-10-14T02:00:00.000+0000")
    function = Lambda(edited, mappings=[{"EventSourceMappings": [mapping]}])

    found = _of(function, edits_deploy=False, alias="live")

    assert found.deployed_at == deployed_at


def test_what_serves_only_the_timeline_is_noted_with_its_statement_and_nothing_else_is() -> None:
    function = Lambda(_function(), aliases=[DENIED], mappings=[DENIED])
    beside = ["dynamodb:DescribeTable", "lambda:ListEventSourceMappings"]

    found = _of(function, tables=Tables(orders=DENIED), named=("orders",), beside=beside)

    assert [json.loads(said[said.index("{") :])["Action"] for said in found.notes] == beside[::-1]
    assert [json.loads(said[said.index("{") :])["Action"] for said in found.limits] == [
        "lambda:ListAliases"
    ]


def test_a_version_that_the_alias_of_the_traffic_does_not_invoke_deploys_nothing() -> None:
    versions = [
        _function("7", "2026-10-14T01:00:00.000+0000"),
        _function("8", "2026-10-14T02:00:00.000+0000"),
        _function("9", "2026-10-14T02:30:00.000+0000"),
    ]
    canary = {"AdditionalVersionWeights": {"8": 0.1}}
    live = {"Name": "live", "FunctionVersion": "7", "RoutingConfig": canary}
    function = Lambda(_function(), versions=[{"Versions": versions}], aliases=[{"Aliases": [live]}])

    found = _of(function, edits_deploy=False, alias="live")

    assert [what for _, what, _ in _told(found)][:3] == ["version published"] * 3
    assert found.deployments == (_at(1), _at(2))


def test_a_mapping_that_is_gone_is_told_of_by_the_answer_to_its_deletion() -> None:
    record = {"requestParameters": {"uUID": "m-9"}, "responseElements": {"functionArn": ARN}}
    event = {"EventTime": _at(1), "Username": "ada", "CloudTrailEvent": json.dumps(record)}

    found = _of(
        Lambda(_function()), trail=Trail(DeleteEventSourceMapping20150331=[{"Events": [event]}])
    )

    assert _told(found) == [("01:00", "event source mapping deleted", "by ada")]


def test_what_a_table_was_asked_to_become_is_told() -> None:
    units = {"readCapacityUnits": 2, "writeCapacityUnits": 1}
    event = _event(
        _at(1), tableName="orders", billingMode="PROVISIONED", provisionedThroughput=units
    )

    found = _of(
        Lambda(_function()),
        trail=Trail(UpdateTable=[{"Events": [event]}]),
        tables=Tables(orders={}),
        named=("orders",),
    )

    assert _told(found) == [
        (
            "01:00",
            "table updated",
            "orders, billingMode PROVISIONED, readCapacityUnits 2, writeCapacityUnits 1, by ada",
        )
    ]


def test_more_events_than_are_read_are_said_to_be_cut() -> None:
    pages = [{"Events": [_event(_at(1, page), functionName="orders")]} for page in range(6)]

    found = _of(Lambda(_function()), trail=Trail(UpdateFunctionCode20150331v2=pages))

    assert len(found.rows) == 4
    assert "more than 4 pages" in found.notes[0]


def _differences(latest: dict[str, Any], *published: dict[str, Any]) -> list[tuple[str, ...]]:
    found = _of(Lambda(latest, versions=[{"Versions": list(published)}])).differences
    return [tuple(row) for row in found.to_numpy().tolist()]


def test_an_edit_is_compared_with_the_newest_version() -> None:
    layer = {"Arn": "arn:aws:lambda:eu-west-1:123456789012:layer:deps:4"}
    before = _function("9", Environment={"Variables": {"KEPT": "1", "TOKEN": "old", "GONE": "x"}})
    now = _function(
        MemorySize=128,
        Timeout=3,
        CodeSha256="d",
        Layers=[layer],
        Environment={"Variables": {"KEPT": "1", "TOKEN": "new-secret", "ADDED": "y"}},
    )

    found = _differences(now, _function("10", **{k: before[k] for k in ("Environment",)}), before)

    assert [row[:3] for row in found] == [
        ("memory_mb", "256", "128"),
        ("timeout_s", "10", "3"),
        ("code", "a package", "another package"),
        ("layers", "none", "deps:4"),
        ("environment variable ADDED", "not set", "set"),
        ("environment variable GONE", "set", "not set"),
        ("environment variable TOKEN", "a value", "another value"),
    ]
    assert {row[3] for row in found} == {"10 to $LATEST"}
    assert "secret" not in str(found)


def test_a_version_that_was_just_published_is_compared_with_the_one_before() -> None:
    found = _differences(_function(MemorySize=512), _function("1"), _function("2", MemorySize=512))

    assert found == [("memory_mb", "256", "512", "1 to 2")]


def test_only_the_newest_two_are_compared() -> None:
    found = _differences(
        _function(), _function("1", MemorySize=512), _function("2"), _function("3")
    )

    assert found == []


def test_a_function_without_versions_has_nothing_to_compare() -> None:
    assert _differences(_function()) == []
