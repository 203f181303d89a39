"""What changed about a function, as far as Lambda remembers."""

from datetime import UTC, datetime
from typing import Any, cast

import pandas as pd
import pytest
from fakes.clients import Connected, Lambda, refusal

from opslib.aws import Connection
from opslib.changes import Changes, of
from opslib.window import Window

WINDOW = Window(datetime(2026, 10, 14, 0, 7, tzinfo=UTC), datetime(2026, 10, 14, 3, 7, tzinfo=UTC))


def _configuration(at: str) -> dict[str, Any]:
    return {"LastModified": at, "MemorySize": 256, "Timeout": 10, "Runtime": "python3.12"}


def _of(client: Lambda, **given: Any) -> Changes:
    return of(cast(Connection, Connected(**{"lambda": client})), "f", WINDOW, **given)


def _version(version: str, at: str, description: str = "") -> dict[str, str]:
    return {"Version": version, "LastModified": at, "Description": description}


def test_the_last_edit_inside_the_window_is_the_deployment() -> None:
    changes = _of(Lambda(_configuration("2026-10-14T01:52:00.000+0000")))

    assert changes.deployed_at == datetime(2026, 10, 14, 1, 52, tzinfo=UTC)
    assert changes.limits == ()
    assert changes.rows.to_numpy().tolist() == [
        [
            pd.Timestamp("2026-10-14T01:52:00Z"),
            "code or configuration edited",
            "now 256 MB, timeout 10 s, python3.12",
            "$LATEST",
        ]
    ]


@pytest.mark.parametrize("at", ["2026-10-14T00:06:59.999+0000", "2026-10-14T03:07:00.000+0000"])
def test_an_edit_outside_of_the_window_is_not(at: str) -> None:
    changes = _of(Lambda(_configuration(at)))

    assert changes.deployed_at is None
    assert [str(dtype) for dtype in changes.rows.dtypes] == [
        "datetime64[ns, UTC]",
        "string",
        "string",
        "string",
    ]
    assert len(changes.rows) == 0


def test_published_versions_of_every_page_are_in_order_and_aliases_last() -> None:
    client = Lambda(
        _configuration("2026-10-14T01:00:00.000+0000"),
        versions=[
            {"Versions": [_version("$LATEST", "2026-10-14T01:00:00.000+0000")]},
            {
                "Versions": [
                    _version("6", "2026-09-01T00:00:00.000+0000"),
                    _version("7", "2026-10-14T02:00:00.000+0000", "release 7"),
                ]
            },
        ],
        aliases=[
            {
                "Aliases": [
                    {
                        "Name": "live",
                        "FunctionVersion": "6",
                        "RoutingConfig": {"AdditionalVersionWeights": {"7": 0.1}},
                    }
                ]
            }
        ],
    )

    changes = _of(client)

    assert changes.rows["version"].tolist() == ["$LATEST", "7", "6"]
    assert changes.rows["detail"].tolist() == [
        "now 256 MB, timeout 10 s, python3.12",
        "release 7",
        "live points at 6, 10% to 7; since when it does not say",
    ]
    assert pd.isna(changes.rows["at"][2])
    assert changes.deployed_at == datetime(2026, 10, 14, 2, 0, tzinfo=UTC)


def test_a_call_that_is_refused_costs_only_its_own_rows() -> None:
    client = Lambda(
        _configuration("2026-10-14T01:52:00.000+0000"),
        versions=[refusal("AccessDeniedException", "Access denied")],
    )

    changes = _of(client)

    assert changes.deployed_at == datetime(2026, 10, 14, 1, 52, tzinfo=UTC)
    assert len(changes.limits) == 1
    assert changes.limits[0].startswith("Not seen: the versions of f. The caller lacks ")
    assert '"Resource": "arn:aws:lambda:*:*:function:f"' in changes.limits[0]


def test_a_function_that_cannot_be_seen_at_all_has_no_deployment_and_says_so() -> None:
    denied = refusal("AccessDeniedException", "Access denied")

    changes = _of(Lambda(denied, versions=[denied], aliases=[denied]))

    assert changes.deployed_at is None
    assert len(changes.limits) == 3


def test_an_edit_deploys_nothing_where_traffic_is_on_an_alias() -> None:
    inside = Lambda(_configuration("2026-10-14T01:52:00.000+0000"))
    after = Lambda(_configuration("2026-10-14T04:00:00.000+0000"))

    edited = _of(inside, edits_deploy=False)
    later = _of(after, edits_deploy=False)

    assert edited.rows["what"].tolist() == ["code or configuration edited"]
    assert (edited.deployed_at, later.limits) == (None, ())
