"""From lark's tree to the plan: the rules of the forms of ``parse``.

In: the draft, where the rule stands, and what its parts were built to. Out: ``plan`` stages. See
``stage_rules``.

Must not know events or SQL.
"""

import re
from typing import Any

from lark import Token
from lark.tree import Meta

from opslib.cwli import plan, regexes
from opslib.cwli.draft import Draft, Rule, named_once, plain

Pairs = list[tuple[int, plan.Field]]


def _message(meta: Meta) -> plan.Field:
    return plan.Field(at=meta.start_pos, name="@message", parts=("@message",))


def _parse_glob(draft: Draft, meta: Meta, children: list[Any]) -> plan.Parse:
    _, source, literal, _, names = children
    pattern = regexes.from_glob(
        draft.unquoted(literal), at=literal.start_pos, switches=draft.switches
    )
    if len(pattern.groups) != len(names):
        found = (
            f"the pattern of parse has {len(pattern.groups)} * "
            f"and {len(names)} names after `as`; they must be as many."
        )
        raise draft.refuse(found, literal.start_pos)
    return _parse(draft, meta, source, pattern, list(enumerate(names, start=1)), multi=False)


def _parse_regex(draft: Draft, meta: Meta, children: list[Any]) -> plan.Parse:
    _, source, literal, multi, _, names = children
    return _of_regex(draft, meta, source, literal, names, multi=multi is not None)


def _parse_multi(draft: Draft, meta: Meta, children: list[Any]) -> plan.Parse:
    _, source, literal, _, names, _ = children
    return _of_regex(draft, meta, source, literal, names, multi=True)


def _of_regex(
    draft: Draft,
    meta: Meta,
    source: plan.Field | None,
    literal: Token,
    names: list[plan.Field] | None,
    *,
    multi: bool,
) -> plan.Parse:
    pattern = draft.pattern(literal)
    at = literal.start_pos or 0
    named = [(i, name) for i, name in enumerate(pattern.groups, start=1) if name]
    if names is None:
        if not named:
            found = "parse with a regular expression needs a named group, as (?<name>...)."
            raise draft.refuse(found, at)
        pairs = [(i, plan.Field(at=at, name=name, parts=(name,))) for i, name in named]
        return _parse(draft, meta, source, pattern, pairs, multi=multi)
    if named or len(names) != len(pattern.groups):
        found = (
            "parse with a regular expression and `as` needs one unnamed group for each name; "
            f"there are {len(pattern.groups)} groups, {len(named)} of them named, "
            f"and {len(names)} names."
        )
        raise draft.refuse(found, at)
    return _parse(draft, meta, source, pattern, list(enumerate(names, start=1)), multi=multi)


def _parse(
    draft: Draft,
    meta: Meta,
    source: plan.Field | None,
    pattern: plan.Pattern,
    pairs: Pairs,
    *,
    multi: bool,
) -> plan.Parse:
    named_once(draft, [field for _, field in pairs], command="parse")
    return plan.Parse(
        at=meta.start_pos,
        source=source or _message(meta),
        pattern=pattern,
        names=tuple((i, field.name) for i, field in pairs),
        multi=multi,
    )


def _parse_logfmt(_: Draft, meta: Meta, children: list[Any]) -> plan.ParseLogfmt:
    *source, name = plain(children)
    return plan.ParseLogfmt(
        at=meta.start_pos, source=source[0] if source else _message(meta), name=name.name
    )


def _parse_csv(draft: Draft, meta: Meta, children: list[Any]) -> plan.ParseCsv:
    *source, names = plain(children)
    named_once(draft, names, command="parse")
    return plan.ParseCsv(
        at=meta.start_pos,
        source=source[0] if source else _message(meta),
        names=tuple(field.name for field in names),
    )


def _parse_json(draft: Draft, meta: Meta, children: list[Any]) -> plan.ParseJson:
    _, _, source, literal, _, name = children
    written = draft.unquoted(literal)
    if not re.fullmatch(r"[^.\[\]]+(\.[^.\[\]]+|\[[0-9]+\])*", written):
        found = "the path of parse json is names parted by dots, with [0] for a place in a list."
        raise draft.refuse(found, literal.start_pos)
    steps = draft.steps(written.replace("`", ""), at=literal.start_pos)
    return plan.ParseJson(at=meta.start_pos, source=source, steps=steps, name=name.name)


PARSE_RULES: dict[str, Rule] = {
    "parse_glob": _parse_glob,
    "parse_regex": _parse_regex,
    "parse_multi": _parse_multi,
    "parse_logfmt": _parse_logfmt,
    "parse_csv": _parse_csv,
    "parse_json": _parse_json,
}
"""By the name of the rule in ``grammar.lark``."""
