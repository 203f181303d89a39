"""Functions of JSON: maps and lists out of text, and what can be asked of them.

In: compiled arguments: text that holds JSON, or a map or list. Out: values of ``Kind.JSON``, text,
sizes and conditions.

Must not know stages, fields or events. A path into a map is ``values.within``.

Source
------
CWL_QuerySyntax-operations-functions, JSON functions and structure types.
"""

from collections.abc import Sequence

from opslib.cwli.functions_call import Function
from opslib.cwli.switches import Switches
from opslib.cwli.values import Kind, Value, as_text, boolean, scalar, text, whole

_TRIMMED = "ltrim({0}, chr(32)||chr(9)||chr(10)||chr(13))"


def parsed(value: Value) -> Value:
    """Return the map or list a text holds; missing when it holds neither."""
    if value.kind is Kind.JSON:
        return Value(_structure(value.sql), Kind.JSON)
    written = as_text(value)
    opens = f"left({_TRIMMED.format(written)}, 1) IN ('{{', '[')"
    # One condition inside the other: only what is valid may be read, or all rows would fail.
    read = f"CASE WHEN json_valid({written}) THEN json_extract({written}, '$') END"
    return Value(f"CASE WHEN {opens} THEN {read} END", Kind.JSON)


def structure(value: Value) -> Value:
    """Return the map or list a value is, was logged as, or holds as text."""
    found = parsed(value)
    if value.tree is None:
        return found
    return Value(f"coalesce({_structure(value.tree)}, {found.sql})", Kind.JSON)


def _structure(sql: str) -> str:
    return f"CASE WHEN json_type({sql}) IN ('OBJECT', 'ARRAY') THEN {sql} END"


def _json_parse(args: Sequence[Value], _: Switches) -> Value:
    return parsed(args[0])


def _json_stringify(args: Sequence[Value], _: Switches) -> Value:
    return text(f"CAST({structure(args[0]).sql} AS VARCHAR)")


def _array(value: Value) -> str:
    """Return SQL of the list a value is, as JSON; missing when it is none."""
    found = structure(value).sql
    return f"CASE WHEN json_type({found}) = 'ARRAY' THEN {found} END"


def _json_array_size(args: Sequence[Value], switches: Switches) -> Value:
    size = f"CAST(json_array_length({_array(args[0])}) AS BIGINT)"
    if switches.size_of_no_list == "zero":
        size = f"coalesce({size}, 0)"
    return whole(size)


def _json_array_contains(args: Sequence[Value], _: Switches) -> Value:
    members = f"""from_json({_array(args[0])}, '["JSON"]')"""
    texts = f"list_transform({members}, lambda m: {scalar(Value('m', Kind.JSON))})"
    return boolean(f"coalesce(list_contains({texts}, {as_text(args[1])}), false)")


JSON: dict[str, Function] = {
    "jsonparse": Function(1, 1, _json_parse),
    "jsonstringify": Function(1, 1, _json_stringify),
    "jsonarraysize": Function(1, 1, _json_array_size),
    "jsonarraycontains": Function(2, 2, _json_array_contains),
}
"""By lower-case name."""
