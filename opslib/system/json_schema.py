"""The JSON Schema of a params file, for editors: what stands where, what it means, an example.

What it refuses, `opslib.system.load` refuses too. The other way round it knows less: not which
names have to be listed elsewhere, nor that digits with a leading zero need quotes.
"""

from typing import Any

from opslib.system.models import System

_PARAMETERS: dict[str, dict[str, Any]] = {
    "start": {
        "type": "string",
        "description": "Where the window begins: ISO 8601 with a zone, or -90m, -3h, -2d.",
        "examples": ["-3h", "2026-10-14T00:07:00Z"],
    },
    "end": {
        "type": "string",
        "description": "Where the window ends, itself outside of it: as start, or now.",
        "examples": ["now", "2026-10-14T03:07:00Z"],
    },
    "function": {
        "type": "string",
        "description": "The function to look at. Needed where the system has several.",
        "examples": ["orders-ingest"],
    },
    "approve": {
        "type": "string",
        "pattern": "^$|^plan-",
        "description": "The token of a plan that was shown, to carry it out. Not for a file that "
        "is kept: a token is used once.",
        "examples": ["plan-ac75c7cb"],
    },
}


def schema() -> dict[str, Any]:
    """Return the JSON Schema, draft 2020-12, of a params file.

    Its top level is ``system`` and the parameters that notebooks share.
    """
    system = System.model_json_schema()
    definitions = system.pop("$defs")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A params file of opslib",
        "description": "One system, and parameters of the notebooks that are run on it.",
        "type": "object",
        "properties": {"system": system, **_PARAMETERS},
        "required": ["system"],
        "additionalProperties": False,
        "$defs": definitions,
    }
