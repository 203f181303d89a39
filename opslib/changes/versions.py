"""What differs between a function as it is and as it was before.

In: configurations, as GetFunctionConfiguration and ListVersionsByFunction give them. Out: a frame.
Of environment variables it knows names only: their values are secrets as often as not.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

import pandas as pd

from opslib.changes.rows import LATEST

_PLAIN = (
    ("memory_mb", "MemorySize"),
    ("timeout_s", "Timeout"),
    ("runtime", "Runtime"),
    ("handler", "Handler"),
    ("architectures", "Architectures"),
    ("role", "Role"),
)


def differences(latest: Mapping[str, Any], published: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Return what differs between the newest two versions of a function.

    Parameters
    ----------
    latest
        The configuration as it is; empty when it was not seen.
    published
        Those of the published versions, oldest first.

    Returns
    -------
    One row a difference: ``what``, ``before``, ``after``, ``versions`` (string, ``7 to $LATEST``).
    An edit that was not published is compared with the newest version; where there is none, the
    newest version is with the one before. Empty when nothing differs, or there is only one.
    """
    newest_first = [*([latest] if latest else []), *reversed(published)]
    found: list[tuple[str, str, str, str]] = []
    for after, before in pairwise(newest_first):
        span = f"{before.get('Version', '?')} to {after.get('Version', LATEST)}"
        found = [(*each, span) for each in _differing(before, after)]
        # Publishing makes a copy, which is no other version of it.
        if found or after is not latest:
            break
    columns = ("what", "before", "after", "versions")
    return pd.DataFrame(
        {
            name: pd.Series([row[place] for row in found], dtype="string")
            for place, name in enumerate(columns)
        }
    )


def _differing(
    before: Mapping[str, Any], after: Mapping[str, Any]
) -> Iterator[tuple[str, str, str]]:
    for name, key in _PLAIN:
        old, new = _text(before.get(key)), _text(after.get(key))
        if old != new:
            yield name, old, new
    if before.get("CodeSha256") != after.get("CodeSha256"):
        # A hash says no more to people.
        yield "code", "a package", "another package"
    old, new = _layers(before), _layers(after)
    if old != new:
        yield "layers", old, new
    was, now = _variables(before), _variables(after)
    for name in sorted({*was, *now}):
        if name not in was or name not in now:
            there = ("set" if name in was else "not set", "set" if name in now else "not set")
            yield f"environment variable {name}", *there
        elif was[name] != now[name]:
            yield f"environment variable {name}", "a value", "another value"


def _layers(configuration: Mapping[str, Any]) -> str:
    # arn:aws:lambda:REGION:ACCOUNT:layer:NAME:VERSION
    arns = [str(layer.get("Arn")) for layer in configuration.get("Layers") or []]
    return ", ".join(":".join(arn.split(":")[-2:]) for arn in arns) or "none"


def _variables(configuration: Mapping[str, Any]) -> Mapping[str, str]:
    variables: Mapping[str, str] = (configuration.get("Environment") or {}).get("Variables") or {}
    return variables


def _text(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return "none" if value is None else str(value)
