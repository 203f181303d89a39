"""The list of scenarios, and what each says about itself."""

import importlib.metadata
import re
from importlib.resources import files

import pytest

from opslib.errors import BadInput
from opslib.sandbox import scenarios
from opslib.sandbox.scenarios.recorded import PRODUCT, Lines, name, nearest, recordings

NOTEBOOKS = {"00-triage", "20-duration", "40-cold-starts"}


def test_there_are_these_scenarios_and_the_demo_s_comes_first() -> None:
    assert scenarios.names() == (
        "slow",
        "healthy",
        "timeouts",
        "permission-denied",
        "table-throttled",
        "code-error",
        "cold-starts",
        "dead-letters",
        "stream-lag",
        "empty",
    )


@pytest.mark.parametrize("name", scenarios.names())
def test_a_scenario_says_what_it_is_and_what_every_notebook_must_conclude(name: str) -> None:
    scenario = scenarios.load(name)

    assert scenario.name == name
    assert all([scenario.title, scenario.broke, scenario.when, scenario.seen])
    assert set(scenario.expected) >= NOTEBOOKS


def test_slow_and_healthy_expect_these_verdicts() -> None:
    slow = {name: e.verdict for name, e in scenarios.load("slow").expected.items()}
    healthy = {name: e.verdict for name, e in scenarios.load("healthy").expected.items()}

    assert {name: verdict for name, verdict in slow.items() if verdict != "healthy"} == {
        "00-triage": "critical",
        "20-duration": "critical",
        "40-cold-starts": "warning",
        "50-stream-lag": "critical",
    }
    assert set(healthy.values()) == {"healthy"}


def test_an_unknown_scenario_is_named_and_the_known_ones_are_listed() -> None:
    with pytest.raises(BadInput) as raised:
        scenarios.load("slowly")

    assert str(raised.value) == (
        "No sandbox was started: 'slowly' is not a scenario. There are slow, healthy, timeouts, "
        "permission-denied, table-throttled, code-error, cold-starts, dead-letters, stream-lag, "
        "empty."
    )


def test_the_recording_is_of_the_installed_product() -> None:
    installed = importlib.metadata.version("zae-limiter")

    assert f"aggregator-{installed}" == PRODUCT


def test_the_recorded_invocations_are_whole_and_as_many_as_were_made() -> None:
    recorded = recordings()

    assert [invocation.record_count for invocation in recorded] == [1, 2, 3, 4, 6, 9]
    for invocation in recorded:
        assert invocation.parsed[0]["message"] == "Lambda invocation started"
        assert invocation.parsed[-1]["message"] == "Lambda invocation completed"
        # Two limits, each with an hourly and a daily snapshot.
        assert invocation.parsed[-1]["snapshots_updated"] == 4 * invocation.record_count
        snapshots = [line for line in invocation.parsed if line["message"] == "Snapshot updated"]
        assert len(snapshots) == 4 * invocation.record_count


def test_the_nearest_recording_is_taken_the_smaller_of_two_as_near() -> None:
    assert [nearest(count).record_count for count in (1, 5, 7, 8, 100)] == [1, 4, 6, 9, 9]


@pytest.mark.parametrize("kind", ["processed", "denied", "failed"])
def test_no_recording_holds_a_path_of_the_machine_it_was_made_on(kind: Lines) -> None:
    text = (files("opslib.sandbox") / "recordings" / name(kind)).read_text()

    paths = set(re.findall(r'File \\*"(/[^/]+/[^/]+)/', text))
    assert paths <= {"/var/task", "/var/lang"}
