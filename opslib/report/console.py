"""The address of the same query in the CloudWatch console: only ever a link, never requested.

In: a query's text, groups, window, region, and the caller's ARN for its partition. Out: an address,
or nothing where the partition's console is not known. Does no I/O.

Sources
-------
No document of AWS describes the address. Its form is that of addresses the console itself gives, as
quoted in public questions and pages (stackoverflow.com/questions/69816735 has one with absolute
times): an object is ``~(name~value)``, a list ``~(~value~value)``, a text ``~'text`` whose other
characters than letters, digits, ``_``, ``-`` and ``.`` are ``*`` and two hexadecimal digits (the
JSURL notation; beyond Latin-1 ``**`` and four). All of it is then percent-encoded twice, with ``$``
in place of the percent sign. Consoles: AWS general reference, "AWS Regions"; China and GovCloud
user guides.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

_CONSOLES = {
    "aws": "https://{region}.console.aws.amazon.com",
    "aws-cn": "https://{region}.console.amazonaws.cn",
    "aws-us-gov": "https://{region}.console.amazonaws-us-gov.com",
}
_REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-\d")
_TWICE = {"~": "$257E", "'": "$2527", "(": "$2528", ")": "$2529"}


def link(query: Mapping[str, Any], *, region: str | None, arn: str | None) -> str:
    """Return the address of a query of result.json in the console; empty when it has none.

    Parameters
    ----------
    query
        With ``text``, ``groups`` and ``window``; without one of them there is no address.
    region, arn
        Where it was asked, and who asked.
    """
    partition = (arn or "arn:aws:").split(":")[1:2]
    console = _CONSOLES.get(partition[0] if partition else "")
    window = query.get("window") or {}
    whole = query.get("text") and query.get("groups") and window.get("start") and window.get("end")
    if not console or not region or not _REGION.fullmatch(region) or not whole:
        return ""
    detail = {
        # The service takes both ends in, the window only its first.
        "end": _instant(window["end"], earlier=timedelta(seconds=1)),
        "start": _instant(window["start"]),
        "timeType": "ABSOLUTE",
        "tz": "UTC",
        "editorString": str(query["text"]),
        "isLiveTail": False,
        "source": [str(group) for group in query["groups"]],
    }
    place = f"{console.format(region=region)}/cloudwatch/home?region={region}"
    return f"{place}#logsV2:logs-insights$3FqueryDetail$3D{fragment(detail)}"


def fragment(value: object) -> str:
    """Return a value in the notation of the console's addresses."""
    return "".join(_TWICE.get(character, character) for character in _jsurl(value))


def _jsurl(value: object) -> str:
    if isinstance(value, Mapping):
        return f"~({'~'.join(f'{_escaped(name)}{_jsurl(held)}' for name, held in value.items())})"
    if isinstance(value, str):
        return f"~'{_escaped(value)}"
    if isinstance(value, Sequence):
        return f"~({''.join(map(_jsurl, value))})"
    return f"~{str(value).lower()}"


def _escaped(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9_.-]", lambda found: _code(found[0]), text)


def _code(character: str) -> str:
    if ord(character) < 0x100:
        return f"*{ord(character):02x}"
    units = character.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"**{units[at : at + 4]}" for at in range(0, len(units), 4))


def _instant(text: str, *, earlier: timedelta = timedelta(0)) -> str:
    return f"{datetime.fromisoformat(text) - earlier:%Y-%m-%dT%H:%M:%S}.000Z"
