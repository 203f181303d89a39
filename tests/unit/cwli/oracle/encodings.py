"""Functions of hashes, encodings, addresses, dates and JSON, on texts and numbers of one row.

Source
------
CloudWatch Logs User Guide, CWL_QuerySyntax-operations-functions and -hash-functions.
"""

import base64
import binascii
import hashlib
import ipaddress
import math
import re
import urllib.parse
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from cwli.oracle.discovery import read_json
from cwli.oracle.functions import numeric, textual
from cwli.oracle.values import EPOCH, Instant, Tree, Undetermined, Value, taken
from opslib.cwli.switches import Switches

EARTH_RADIUS_KM = 6371.0
JAVA_DATES = {"yyyy": "%Y", "MM": "%m", "dd": "%d", "HH": "%H", "mm": "%M", "ss": "%S"}


def _base64decode(text: str) -> str:
    try:
        return base64.b64decode(text, validate=True).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError) as error:
        raise Undetermined("base64 that is none") from error


def _haversine(lat1: float, lon1: float, lat2: float, lon2: float) -> float:
    a, b, dlat, dlon = map(math.radians, (lat1, lat2, lat2 - lat1, lon2 - lon1))
    half = math.sin(dlat / 2) ** 2 + math.cos(a) * math.cos(b) * math.sin(dlon / 2) ** 2
    return 2 * EARTH_RADIUS_KM * math.asin(math.sqrt(half))


def _valid(*versions: int) -> Callable[[str], bool]:
    def check(text: str) -> bool:
        try:
            return ipaddress.ip_address(text).version in versions
        except ValueError:
            return False

    return check


def _in_subnet(*versions: int) -> Callable[[str, str], bool]:
    def check(text: str, subnet: str) -> bool:
        if not _valid(*versions)(text):
            return False
        return ipaddress.ip_address(text) in ipaddress.ip_network(subnet)

    return check


def _address_number(switches: Switches, value: Value) -> Value:
    text = taken(value, switches) or ""
    return float(int(ipaddress.IPv4Address(text))) if _valid(4)(text) else None


def _private(text: str) -> bool:
    if not _valid(4)(text):
        if _valid(6)(text):
            raise Undetermined("which IPv6 addresses are private?")
        return False
    ranges = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")
    return any(_in_subnet(4)(text, each) for each in ranges)


def parse_date(switches: Switches, value: Value, pattern: Value, zone: Value = "UTC") -> Value:
    form = str(pattern)
    for java, python in JAVA_DATES.items():
        form = form.replace(java, python)
    try:
        read = datetime.strptime(taken(value, switches) or "", form)  # noqa: DTZ007 - set below
    except ValueError:
        return None
    at = read.replace(tzinfo=ZoneInfo(str(zone)))
    return float((at - EPOCH) // timedelta(milliseconds=1))


def format_date(switches: Switches, value: Value, pattern: Value, zone: Value = "UTC") -> Value:
    if not isinstance(value, Instant):
        raise Undetermined("the date of what is no instant")
    at = EPOCH + timedelta(milliseconds=value.epoch_ms)
    return at.astimezone(UTC if zone == "UTC" else ZoneInfo(str(zone))).strftime(str(pattern))


def json_parse(switches: Switches, value: Value) -> Value:
    try:
        found = read_json(taken(value, switches) or "")
    except ValueError:
        return None
    return Tree(found) if isinstance(found, (dict, list)) else None


def _size(switches: Switches, value: Value) -> Value:
    if isinstance(value, Tree) and isinstance(value.json, list):
        return float(len(value.json))
    raise Undetermined("the size of what is no list")


def _array_contains(switches: Switches, value: Value, sought: Value) -> Value:
    if not isinstance(value, Tree):
        raise Undetermined("is a text that holds a list a list?")
    return float(isinstance(value.json, list) and sought in value.json)


ENCODINGS: dict[str, Callable[..., Value]] = {
    "md5": textual(lambda text: hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()),
    "sha256": textual(lambda text: hashlib.sha256(text.encode()).hexdigest()),
    "base64encode": textual(lambda text: base64.b64encode(text.encode()).decode()),
    "base64decode": textual(_base64decode),
    "urlencode": textual(lambda text: urllib.parse.quote(text, safe="")),
    "urldecode": textual(urllib.parse.unquote),
    "hexToAscii": textual(lambda text: bytes.fromhex(text).decode("ascii")),
    "hexToDec": textual(lambda text: int(text, 16)),
    "decToHex": lambda switches, value: f"0x{int(float(str(value))):x}",
    "regexReplace": textual(lambda text, pattern, new: re.sub(pattern, new, text, flags=re.ASCII)),
    "haversine": numeric(_haversine),
    "isValidIp": textual(_valid(4, 6)),
    "isValidIpV4": textual(_valid(4)),
    "isValidIpV6": textual(_valid(6)),
    "isIpInSubnet": textual(_in_subnet(4, 6)),
    "isIpv4InSubnet": textual(_in_subnet(4)),
    "isIpv6InSubnet": textual(_in_subnet(6)),
    "ipv4ToNumber": _address_number,
    "isPrivateIP": textual(_private),
    "parseDate": parse_date,
    "formatDate": format_date,
    "strftime": format_date,
    "jsonParse": json_parse,
    "jsonArraySize": _size,
    "jsonArrayContains": _array_contains,
}
