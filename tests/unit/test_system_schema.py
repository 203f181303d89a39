"""The JSON Schema of a params file: it takes what is shipped, and refuses what `load` refuses."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from opslib.cli.group import opslib
from opslib.system import load, schema

PARAMS = Path(__file__).parents[2] / "params"
SHIPPED = sorted(PARAMS.glob("*.yaml"))

GOOD: dict[str, Any] = {
    "system": {
        "name": "orders",
        "environment": "production",
        "account": "123456789012",
        "region": "us-east-1",
        "functions": [{"name": "orders-ingest", "timeout_s": 60}],
        "thresholds": {"error_rate": {"critical": 5, "source": "agreed"}},
    },
    "start": "-3h",
}


def _said(params: object) -> list[str]:
    errors = Draft202012Validator(schema()).iter_errors(params)
    return [f"{'.'.join(map(str, error.path))}: {error.message}" for error in errors]


def _changed(*path: str | int, to: object) -> dict[str, Any]:
    params: dict[str, Any] = json.loads(json.dumps(GOOD))
    inner: Any = params
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = to
    return params


def test_there_are_three_files_to_hold_to_it() -> None:
    assert [path.stem for path in SHIPPED] == ["sandbox", "vf-api-workers", "zael-aggregator"]


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_every_shipped_file_is_valid(path: Path) -> None:
    params = yaml.safe_load(path.read_text())

    assert _said(params) == []
    assert load(path).name == params["system"]["name"]


@pytest.mark.parametrize(
    ("params", "said"),
    [
        (_changed("strat", to="-3h"), ": Additional properties are not allowed ('strat' was"),
        (
            _changed("system", "functions", 0, "timout_s", to=3),
            "system.functions.0: Additional properties are not allowed ('timout_s' was unexpected)",
        ),
        (_changed("system", "account", to=123456789012), "system.account: 123456789012 is not of"),
        (_changed("system", "environment", to="prod"), "system.environment: 'prod' is not one of"),
        (_changed("system", "functions", 0, "timeout_s", to=901), "system.functions.0.timeout_s: "),
        (
            _changed("system", "thresholds", "error_rate", to={"critical": 5}),
            "system.thresholds.error_rate: 'source' is a required property",
        ),
        (
            _changed("system", "thresholds", "error_rate", to={"source": "us"}),
            "system.thresholds.error_rate: {'source': 'us'} is not valid under any",
        ),
        (_changed("approve", to="yes"), "approve: 'yes' does not match"),
        ({"start": "-3h"}, ": 'system' is a required property"),
    ],
)
def test_a_mistake_is_refused_where_it_stands(params: object, said: str) -> None:
    (found,) = _said(params)

    assert found.startswith(said)


def test_what_is_well_is_taken() -> None:
    assert _said(GOOD) == []


def _keys(node: object, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(node, dict):
        for name, child in node.items():
            if name == "properties":
                for key, value in child.items():
                    yield f"{path}.{key}", value
            yield from _keys(child, f"{path}.{name}")


def test_an_editor_can_say_of_every_key_what_it_means() -> None:
    described = {path: bool(value.get("description")) for path, value in _keys(schema())}

    assert [path for path, is_described in described.items() if not is_described] == []
    assert len(described) > 90


def test_the_command_prints_it() -> None:
    answer = CliRunner().invoke(opslib, ["schema"], standalone_mode=False)

    assert json.loads(answer.stdout) == schema()
    assert answer.return_value == 0
