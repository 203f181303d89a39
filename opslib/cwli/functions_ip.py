"""Functions of IP addresses, on DuckDB's own text functions: its ``inet`` type is an extension.

In: compiled arguments: texts. Out: conditions and numbers. A text that is no address is no valid
one, in no subnet, neither private nor public nor reserved.

An address is compared by its bits, as a text of 32 or 128 characters ``0`` and ``1``, so that no
IPv4 address is in a subnet of IPv6.

Must not know stages, fields or events.

Source
------
CWL_QuerySyntax-operations-functions, IP address string functions. Private: RFC 1918, RFC 4193.
Reserved: the special-purpose registries of IANA (RFC 6890), multicast and class E.
"""

import ipaddress
from collections.abc import Sequence

from opslib.cwli.functions_call import Function, bound
from opslib.cwli.switches import Switches
from opslib.cwli.values import Value, as_text, boolean, quoted, whole

PRIVATE = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")
RESERVED = (
    "0.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "192.0.0.0/24",
    "192.0.2.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4",
    "240.0.0.0/4", "::/128", "::1/128", "64:ff9b:1::/48", "100::/64", "2001:db8::/32", "fe80::/10",
    "ff00::/8",
)  # fmt: skip

_OCTET = "(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_V4 = f"{_OCTET}(?:\\.{_OCTET}){{3}}"
_GROUP = "[0-9a-f]{1,4}"
_FULL = f"{_GROUP}(?::{_GROUP}){{7}}"
_SHORT = f"(?:{_GROUP}(?::{_GROUP}){{0,6}})?::(?:{_GROUP}(?::{_GROUP}){{0,6}})?"


def _number(sql: str) -> str:
    """Return SQL of the number an IPv4 address is; only for what is one."""
    octets = f"list_transform(string_split({sql}, '.'), lambda o: CAST(o AS BIGINT))"
    return f"list_reduce({octets}, lambda x, y: x * 256 + y)"


_IS_V4 = f"regexp_full_match(ip, {quoted(_V4)})"
_BITS_V4 = f"lpad(to_base({_number('ip')}, 2), 32, '0')"

# The last 32 bits of an IPv6 address may be written as an IPv4 address; here they become groups.
_TAIL = f"regexp_extract(ip, {quoted(f':({_V4})$')}, 1)"
_TAIL_GROUPS = bound(
    "n", _number(_TAIL), "to_base(n // 65536, 16) || ':' || to_base(n % 65536, 16)"
)
_HEAD = f"regexp_replace(ip, {quoted(f'{_V4}$')}, '')"
_SIX = f"lower(CASE WHEN {_TAIL} <> '' THEN {_HEAD} || {_TAIL_GROUPS} ELSE ip END)"
_IS_SIX = (
    f"regexp_full_match(six, {quoted(_FULL)}) OR (regexp_full_match(six, {quoted(_SHORT)}) "
    f"AND len(regexp_extract_all(six, {quoted(_GROUP)})) < 8)"
)


def _groups(side: int) -> str:
    half = f"coalesce(string_split(six, '::')[{side}], '')"
    return f"list_filter(string_split({half}, ':'), lambda g: g <> '')"


def _hex(groups: str) -> str:
    padded = f"list_transform({groups}, lambda p: lpad(p, 4, '0'))"
    return f"coalesce(array_to_string({padded}, ''), '')"


_ZEROS = f"repeat('0', 32 - 4 * (len({_groups(1)}) + len({_groups(2)})))"
_HEX = f"{_hex(_groups(1))} || {_ZEROS} || {_hex(_groups(2))}"
_BITS_V6 = bound(
    "six", _SIX, f"CASE WHEN {_IS_SIX} THEN CAST(CAST(unhex({_HEX}) AS BIT) AS VARCHAR) END"
)
_BITS = f"CASE WHEN {_IS_V4} THEN {_BITS_V4} WHEN contains(ip, ':') THEN {_BITS_V6} END"


def _asked(value: Value, condition: str) -> Value:
    """Return a condition on ``bits``, those of an address; false for what is no address."""
    address = as_text(value)
    found = bound("bits", bound("ip", address, _BITS), f"coalesce({condition}, false)")
    return boolean(f"CASE WHEN {address} IS NOT NULL THEN {found} END")


def _network(subnet: str) -> tuple[int, str]:
    """Return the length of a subnet's addresses and the bits all of them begin with."""
    network = ipaddress.ip_network(subnet, strict=False)
    size = network.max_prefixlen
    return size, format(int(network.network_address), f"0{size}b")[: network.prefixlen]


def _inside(subnets: Sequence[str]) -> str:
    """Return SQL of whether ``bits`` are those of an address in one of some subnets."""
    found = map(_network, subnets)
    return " OR ".join(
        f"(length(bits) = {size} AND starts_with(bits, {quoted(head)}))" for size, head in found
    )


def _subnet(texts: Sequence[str | None]) -> None:
    try:
        _network(texts[1] or "")
    except ValueError:
        raise ValueError(f"`{texts[1]}` is not a subnet such as 10.0.0.0/8.") from None


def _in_subnet(sizes: Sequence[int]) -> Function:
    def build(args: Sequence[Value], _: Switches) -> Value:
        subnet = args[1].literal or ""
        size, _head = _network(subnet)
        return _asked(args[0], _inside([subnet]) if size in sizes else "false")

    return Function(2, 2, build, {1: _subnet})


def _test(condition: str) -> Function:
    return Function(1, 1, lambda args, _: _asked(args[0], condition))


def _is_reserved(args: Sequence[Value], switches: Switches) -> Value:
    with_private = switches.private_addresses == "also reserved"
    return _asked(args[0], _inside((*RESERVED, *PRIVATE) if with_private else RESERVED))


def _ipv4_to_number(args: Sequence[Value], _: Switches) -> Value:
    number = f"CASE WHEN {_IS_V4} THEN {_number('ip')} END"
    return whole(bound("ip", as_text(args[0]), number))


IPS: dict[str, Function] = {
    "isvalidip": _test("bits IS NOT NULL"),
    "isvalidipv4": _test("length(bits) = 32"),
    "isvalidipv6": _test("length(bits) = 128"),
    "isipinsubnet": _in_subnet((32, 128)),
    "isipv4insubnet": _in_subnet((32,)),
    "isipv6insubnet": _in_subnet((128,)),
    "isprivateip": _test(_inside(PRIVATE)),
    "ispublicip": _test(f"NOT ({_inside((*PRIVATE, *RESERVED))})"),
    "isreservedip": Function(1, 1, _is_reserved),
    "ipv4tonumber": Function(1, 1, _ipv4_to_number),
}
"""By lower-case name."""
