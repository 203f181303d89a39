"""The fields of one event: what the service gives it, and what is found in its message.

Source
------
CloudWatch Logs User Guide, CWL_AnalyzeLogData-discoverable-fields; captured Lambda lines.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from cwli.oracle.values import Instant, Logged, Value
from opslib.cwli.switches import Switches

UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
PLATFORM = re.compile(r"(START|END|REPORT) RequestId: (\S+)")
APPLICATION = re.compile(rf"[0-9T:.Z-]+(?:\t({UUID})\t| ({UUID}) Task timed out)")
REPORTED = {
    "@duration": ("Duration", "ms"),
    "@billedDuration": ("Billed Duration", "ms"),
    "@initDuration": ("Init Duration", "ms"),
    "@memorySize": ("Memory Size", "MB"),
    "@maxMemoryUsed": ("Max Memory Used", "MB"),
}
MOST_FIELDS = 200


def fields_of(event: Mapping[str, Any], switches: Switches) -> dict[str, Value]:
    """Return every field of an event by name, the missing ones left out."""
    message: str = event["message"]
    found = _discovered(message)
    found |= _platform(message, switches)
    found["@timestamp"] = Instant(event["timestamp"])
    found["@message"] = message
    for key, name in (("logStream", "@logStream"), ("log", "@log")):
        if key in event:
            found[name] = event[key]
    if "ingestionTime" in event:
        found["@ingestionTime"] = Instant(event["ingestionTime"])
    return found


def lists_of(message: str) -> dict[str, list[Any]]:
    """Return the lists in the JSON of a message by their paths; only ``expand`` reads them."""
    found: dict[str, list[Any]] = {}

    def walk(json: Any, path: str) -> None:
        if isinstance(json, list):
            found[path] = json
        elif isinstance(json, dict):
            for key, each in json.items():
                walk(each, f"{path}.{key}" if path else key)

    walk(_fragment(message), "")
    return found


def _platform(message: str, switches: Switches) -> dict[str, Value]:
    line = PLATFORM.match(message)
    if line is None:
        spoken = APPLICATION.match(message)
        if spoken is None or switches.request_id_in_application_lines != "found":
            return {}
        return {"@requestId": spoken[1] or spoken[2]}
    found: dict[str, Value] = {"@type": line[1], "@requestId": line[2]}
    if line[1] != "REPORT":
        return found
    for name, (label, unit) in REPORTED.items():
        said = re.search(rf"\t{label}: ([0-9.]+) {unit}", message)
        if said:
            number = float(said[1]) * (1_000_000 if unit == "MB" else 1)
            found[name] = Logged(f"{number:.4f}".rstrip("0").rstrip("."))
    for name, label in (("@xrayTraceId", "XRAY TraceId"), ("@xraySegmentId", "SegmentId")):
        said = re.search(rf"\b{label}: (\S+)", message)
        if said:
            found[name] = said[1]
    return found


def _discovered(message: str) -> dict[str, Value]:
    fragment = _fragment(message)
    found: dict[str, Value] = {}
    for path, value in list(_leaves(fragment, ""))[:MOST_FIELDS]:
        found.setdefault("@" + path if path.startswith("@") else path, value)
    return {name: value for name, value in found.items() if value is not None}


def read_json(text: str) -> Any:
    """Read JSON with its numbers as they are written; ValueError when it is none."""
    return json.loads(text, parse_constant=_no_constant, parse_float=Logged, parse_int=Logged)


def _fragment(message: str) -> Any:
    """Return the first JSON object in a message; a message that is a list has none."""
    try:
        whole = read_json(message)
    except ValueError:
        pass
    else:
        return whole if isinstance(whole, dict) else {}
    reader = json.JSONDecoder(parse_constant=_no_constant, parse_float=Logged, parse_int=Logged)
    for at, character in enumerate(message):
        if character == "{":
            try:
                return reader.raw_decode(message, at)[0]
            except ValueError:
                continue
    return {}


def _no_constant(word: str) -> Any:
    raise ValueError(word)


def _leaves(value: Any, path: str) -> Iterator[tuple[str, Value]]:
    """Walk an object in order; nested keys come before flat ones that hold dots."""
    if isinstance(value, dict):
        for key in sorted(value, key=lambda key: "." in key):
            yield from _leaves(value[key], f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield from _leaves(each, f"{path}.{index}")
    elif isinstance(value, bool):
        yield path, Logged("1" if value else "0")
    else:
        yield path, value
