"""How many calls a triage of many functions takes: 00-triage as committed, before what counts."""

import importlib.util
from collections import Counter
from pathlib import Path
from typing import Any

FLEET = Path(__file__).parents[2] / "bench" / "fleet.py"


def _calls(size: int, *, failing: bool) -> Counter[str]:
    spec = importlib.util.spec_from_file_location("bench_fleet", FLEET)
    assert spec is not None
    assert spec.loader is not None
    bench: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(bench)
    calls: Counter[str] = bench._run(size, failing=failing)["calls"]
    return calls


def test_a_thousand_functions_of_which_one_fails_take_at_most_twenty_calls() -> None:
    calls = _calls(1000, failing=True)

    assert calls.total() <= 20
    assert calls["lookup_events"] == 0
    assert calls["list_event_source_mappings"] == 1


def test_a_hundred_functions_that_are_well_take_at_most_twenty_calls() -> None:
    calls = _calls(100, failing=False)

    assert calls.total() <= 20
    assert calls["list_event_source_mappings"] == 0


def test_of_few_functions_what_counts_for_the_whole_account_takes_no_call_more() -> None:
    calls = _calls(10, failing=True)

    assert calls["get_metric_data"] == 2
