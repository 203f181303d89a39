"""Log lines that have fields by their place: VPC flow logs and Route 53 query logs.

In: a field name. Out: SQL that reads it from ``msg``, if a line of such a format has it. A line is
of a format when all of it has the format's shape, so that no other text is taken for one.

Must not know the plan or JSON.

Source
------
CWL_AnalyzeLogData-discoverable-fields (names). VPC User Guide, flow log records (default format,
version 2). Route 53 Developer Guide, public DNS query logging (format 1.0).
"""

from dataclasses import dataclass

from opslib.cwli.values import quoted

_ADDRESS = "[0-9a-fA-F:.]*[0-9a-fA-F][0-9a-fA-F:.]*"
_COUNT = "[0-9]+|-"
_BLANKS = "chr(32)||chr(9)||chr(10)||chr(13)"


@dataclass(frozen=True)
class LineFormat:
    """One format: how its lines begin, and each field with its pattern, in order."""

    begins: str
    fields: tuple[tuple[str, str], ...]

    def read(self, name: str) -> str | None:
        """Return SQL of a field's text, missing on other lines; None when it has no such field."""
        names = [each for each, _ in self.fields]
        if name not in names:
            return None
        line = " ".join(f"(?:{pattern})" for _, pattern in self.fields) + "\\s*"
        place = f"string_split(rtrim(msg, {_BLANKS}), ' ')[{names.index(name) + 1}]"
        # Only lines that begin as the format does are looked at with the long pattern.
        found = f"CASE WHEN regexp_full_match(msg, {quoted(line)}) THEN {place} END"
        return f"CASE WHEN starts_with(msg, {quoted(self.begins)}) THEN {found} END"


VPC_FLOW = LineFormat(
    "2 ",
    (
        ("version", "2"),
        ("accountId", "[0-9]{12}|unknown"),
        ("interfaceId", "eni-[0-9a-f]+"),
        ("srcAddr", f"{_ADDRESS}|-"),
        ("dstAddr", f"{_ADDRESS}|-"),
        ("srcPort", _COUNT),
        ("dstPort", _COUNT),
        ("protocol", _COUNT),
        ("packets", _COUNT),
        ("bytes", _COUNT),
        ("startTime", "[0-9]+"),
        ("endTime", "[0-9]+"),
        ("action", "ACCEPT|REJECT|-"),
        ("logStatus", "OK|NODATA|SKIPDATA"),
    ),
)
ROUTE_53 = LineFormat(
    "1.0 ",
    (
        ("version", "1\\.0"),
        ("queryTimestamp", "[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\\.[0-9]+)?Z"),
        ("hostZoneId", "Z[0-9A-Z]+"),
        ("queryName", "\\S+"),
        ("queryType", "[A-Z0-9]+"),
        ("responseCode", "[A-Z]+"),
        ("protocol", "UDP|TCP"),
        ("edgeLocation", "[A-Z]{3}[0-9]+(?:-[A-Z0-9]+)?"),
        ("resolverIp", _ADDRESS),
        ("ednsClientSubnet", f"{_ADDRESS}/[0-9]+|-"),
    ),
)


def readings(name: str) -> list[str]:
    """Return the SQL by which a field is read from lines of any of the formats."""
    found = (each.read(name) for each in (VPC_FLOW, ROUTE_53))
    return [sql for sql in found if sql is not None]
