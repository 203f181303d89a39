"""The result of a run, completed: what the kernel wrote, and what only its runner knows.

In: ``result.json`` as the kernel left it, if it did; why the run did not come to its end. Out: the
whole result, schema 1. What cannot be used counts as nothing, and nothing is never green.
"""

import json
from pathlib import Path
from typing import Any

import opslib
from opslib import run_folder
from opslib.system import System

EXIT_CODES = {"healthy": 0, "warning": 1, "critical": 2, "unknown": 3}
_UNFINISHED = "unfinished"
_LISTS = ("findings", "plans", "queries", "metrics", "limits")


def of_kernel(folder: Path) -> dict[str, Any]:
    """Return what the kernel wrote; empty when it wrote nothing that can be used."""
    try:
        found = json.loads((folder / run_folder.RESULT).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    if not isinstance(found, dict) or found.get("schema") != run_folder.SCHEMA:
        return {}
    whole = found.get("verdict") in EXIT_CODES
    whole = whole and all(isinstance(found.get(name, []), list) for name in _LISTS)
    return found if whole else {}


def complete(
    found: dict[str, Any], failure: str, *, system: System | None, notebook: str
) -> dict[str, Any]:
    """Return the whole result: every key, and why the run did not come to its end, if so."""
    limits = list(found.get("limits", []))
    if not found and not failure:
        failure = "The notebook ended without a result, so nothing was judged."
    if failure:
        # The kernel could only say that it had not concluded yet; now the reason is known.
        limits = [limit for limit in limits if limit.get("reason") != _UNFINISHED]
        limits.insert(0, {"what": failure, "operation": "", "reason": _UNFINISHED})
    return {
        "schema": run_folder.SCHEMA,
        "run_id": "",
        "notebook": notebook,
        "system": found.get("system") or (system.name if system else ""),
        "window": {"start": None, "end": None, **(found.get("window") or {})},
        "verdict": "unknown" if failure else found.get("verdict", "unknown"),
        "findings": found.get("findings", []),
        "plans": found.get("plans", []),
        "queries": found.get("queries", []),
        "metrics": found.get("metrics", []),
        "identity": {"account": None, "arn": None, "region": None, **(found.get("identity") or {})},
        "limits": limits,
        "started": "",
        "ended": "",
        "opslib": opslib.__version__,
    }
