"""Plans: what a remedy would change, shown exactly. Nothing is changed by showing one.

In: plans as result.json holds them. Out: a `Shown`: what it is, the state before and after side by
side, what else feels it, the way back, and the commands. Must not know how a plan is made or
carried out.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import cast

from opslib.show.shown import MUTED, Shown, masks, safe

_NONE = "Nothing to mend."
_WORDS_ONLY = "No plan here; see the words above."
_OVER = "No plan: what was found is over, and what is over needs none."
_BOX = "border:1px solid #8c959f;border-left-width:6px;padding:.5em 1em;margin:.5em 0"
_ABSENT = "–"


def plans(
    rows: Sequence[Mapping[str, object]], *, found: bool = False, over: bool = False
) -> Shown:
    """Show plans one under another.

    Parameters
    ----------
    found
        Whether anything was found: without a plan it is mended as the words say, and without a
        finding there is nothing to mend.
    over
        Whether all that was found is over.
    """
    if not rows:
        said = (_OVER if over else _WORDS_ONLY) if found else _NONE
        return Shown(text=said, html=f"<p>{said}</p>")
    shown = [plan(row) for row in rows]
    return Shown(
        text="\n\n".join(one.text for one in shown), html="".join(one.html for one in shown)
    )


def plan(row: Mapping[str, object]) -> Shown:
    """Show one plan.

    Parameters
    ----------
    row
        As result.json holds it: ``token``, ``action``, ``subject``, ``before``, ``after``,
        ``reversible``, ``expires``, ``cli``; and, where they are there, ``touches``, ``first``,
        ``check``, ``undo``.
    """
    row = masks().value(row)
    states = changes(_mapping(row.get("before")), _mapping(row.get("after")))
    told = list(facts(row))
    commands = [str(line) for line in _list(row.get("cli"))]
    text = [
        f"PLAN {row.get('token', '')}, not carried out: {row.get('action', '')}",
        f"  on {row.get('subject', '')}",
        *(f"  {name}: {before} → {after}" for name, before, after, _ in states),
        *(f"  {name}: {value}" for name, value in told),
        *commands,
    ]
    body = "".join(
        f'<tr><th scope="row" style="text-align:left">{safe(name)}</th><td>{safe(before)}</td>'
        f"<td>{f'<strong>{safe(after)}</strong>' if changed else safe(after)}</td></tr>"
        for name, before, after, changed in states
    )
    html = [
        f'<div class="opslib-plan" style="{_BOX}">',
        f'<p><strong>{safe(row.get("action", ""))}</strong><br><span style="{MUTED}">Plan '
        f"<code>{safe(row.get('token', ''))}</code>, not carried out, on "
        f"<code>{safe(row.get('subject', ''))}</code></span></p>",
        '<table><thead><tr><th scope="col">state</th><th scope="col">before</th>'
        f'<th scope="col">after</th></tr></thead><tbody>{body}</tbody></table>' * bool(states),
        *(f"<p><strong>{safe(name)}:</strong> {safe(value)}</p>" for name, value in told),
        f"<pre>{safe(chr(10).join(commands))}</pre>" * bool(commands),
        "</div>",
    ]
    return Shown(text="\n".join(text), html="".join(html))


def changes(
    before: Mapping[str, object], after: Mapping[str, object]
) -> list[tuple[str, str, str, bool]]:
    """Return name, value before, value after and whether they differ; what differs first.

    A name that ``after`` does not have, such as a revision, is part of what the plan starts from
    and has a dash there.
    """
    names = list(dict.fromkeys([*after, *before]))
    rows = [
        (
            name,
            _said(before[name]) if name in before else _ABSENT,
            _said(after[name]) if name in after else _ABSENT,
            name in after and before.get(name) != after[name],
        )
        for name in names
    ]
    return sorted(rows, key=lambda row: not row[3])


def facts(row: Mapping[str, object]) -> Iterable[tuple[str, str]]:
    """Yield what a person has to know beside the change itself, by name."""
    for first in _list(row.get("first")):
        yield "First", str(first)
    if row.get("touches"):
        yield "Touches", str(row["touches"])
    if row.get("check"):
        yield "Afterwards", str(row["check"])
    undone = row.get("reversible", bool(row.get("undo")))
    yield "Undo", str(row.get("undo") or ("possible" if undone else "⚠ cannot be undone"))
    if row.get("expires"):
        yield "Valid until", _instant(str(row["expires"]))


def _said(value: object) -> str:
    if value is None:
        return "not set"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_said(held)}" for name, held in value.items()) or "none"
    if isinstance(value, list | tuple):
        return ", ".join(map(_said, value)) or "none"
    return f"{value:,}" if isinstance(value, int) else str(value)


def _instant(text: str) -> str:
    try:
        return f"{datetime.fromisoformat(text).astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    except ValueError:
        return text


def _mapping(value: object) -> Mapping[str, object]:
    return cast("Mapping[str, object]", value) if isinstance(value, Mapping) else {}


def _list(value: object) -> list[object]:
    return list(value) if isinstance(value, list | tuple) else [value] if value else []
