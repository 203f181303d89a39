"""The decision tree with the path that was taken, and hypotheses with what speaks for each.

In: plain mappings, so that whoever knows the tree need not know how it is shown. Out: a `Shown`:
nested lists, which a screen reader can walk and which every theme can draw, and the same as text.
Must not judge or rank.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import cast

from opslib.show.shown import LOOKS, MUTED, WORDS, Shown, safe

# A step that was not come to has no verdict, which is not the same as not having been able to look.
_UNASKED = "·"
_RAIL = "list-style:none;margin:0;padding:0 0 0 1.1em;border-left:2px solid #8c959f"
_ON = "▶"
_SIDES = (
    ("supports", "+", "for"),
    ("against", "−", "against"),
    ("unseen", "?", "could not be seen"),
)


def tree(steps: Sequence[Mapping[str, object]], *, caption: str = "") -> Shown:
    """Show a decision tree with the path taken.

    Parameters
    ----------
    steps
        The questions at the top, each a mapping: ``label``; ``verdict`` (``healthy``, ``warning``,
        ``critical``, ``unknown``, or nothing for what was not asked); ``detail``, what was seen;
        ``taken``, whether the path leads over it; ``link``, the notebook to open; ``steps``, what
        follows from it, of the same form.
    caption
        What the path comes to, in a sentence.
    """
    text = [caption] if caption else []
    text += [line for step in steps for line in _lines(step, "", "")]
    said = f"<p>{safe(caption)}</p>" if caption else ""
    return Shown(
        text="\n".join(text), html=f'<div class="opslib-tree">{said}{_branches(steps)}</div>'
    )


def hypotheses(rows: Sequence[Mapping[str, object]]) -> Shown:
    """Show what may be behind it all, likeliest first, with what speaks for and against each.

    Parameters
    ----------
    rows
        In the order of their rank, each a mapping: ``title``; ``severity`` as a verdict;
        ``supports``, ``against`` and ``unseen``, sentences with numbers; ``link``, the notebook
        that would settle it.
    """
    if not rows:
        return Shown(
            text="No hypothesis: nothing was found.",
            html="<p>No hypothesis: nothing was found.</p>",
        )
    text, html = [], ['<ol class="opslib-hypotheses">']
    for number, row in enumerate(rows, start=1):
        mark = _mark(row.get("severity"))
        text.append(f"{number}. {mark} {row['title']}")
        html.append(
            f"<li><p>{_spoken(row.get('severity'))} <strong>{safe(row['title'])}</strong></p><ul>"
        )
        for key, sign, word in _SIDES:
            for sentence in cast("Sequence[str]", row.get(key) or ()):
                text.append(f"     {sign} {word}: {sentence}")
                html.append(f"<li>{sign} <em>{word}</em>: {safe(sentence)}</li>")
        html.append("</ul>")
        if row.get("link"):
            text.append(f"     → {row['link']}")
            html.append(f"<p>→ {_link(str(row['link']))}</p>")
        html.append("</li>")
    return Shown(text="\n".join(text), html="".join([*html, "</ol>"]))


def _lines(step: Mapping[str, object], head: str, tail: str) -> Iterator[str]:
    taken = f"{_ON} " if step.get("taken") else ""
    words = [f"{taken}{_mark(step.get('verdict'))} {step['label']}"]
    words += [str(step["detail"])] if step.get("detail") else []
    words += [f"→ {step['link']}"] if step.get("link") and step.get("taken") else []
    yield f"{head}{words[0]}{': ' if len(words) > 1 else ''}{' '.join(words[1:])}"
    below = _below(step)
    for place, next_step in enumerate(below):
        last = place == len(below) - 1
        yield from _lines(
            next_step, f"{tail}{'└─ ' if last else '├─ '}", f"{tail}{'   ' if last else '│  '}"
        )


def _branches(steps: Sequence[Mapping[str, object]]) -> str:
    if not steps:
        return ""
    parts = [f'<ul style="{_RAIL}">']
    for step in steps:
        taken = bool(step.get("taken"))
        label = safe(step["label"])
        if taken:
            label = f"<strong>{label}</strong>"
        detail = f" {safe(step['detail'])}" if step.get("detail") else ""
        link = f" → {_link(str(step['link']))}" if step.get("link") and taken else ""
        look = "" if taken else f' class="opslib-off" style="{MUTED}"'
        on = f"{_ON} " if taken else ""
        line = f"<span{look}>{on}{_spoken(step.get('verdict'))} {label}{detail}</span>{link}"
        parts.append(f'<li style="margin:.25em 0">{line}{_branches(_below(step))}</li>')
    return "".join([*parts, "</ul>"])


def _below(step: Mapping[str, object]) -> Sequence[Mapping[str, object]]:
    return cast("Sequence[Mapping[str, object]]", step.get("steps") or ())


def _mark(verdict: object) -> str:
    return LOOKS[str(verdict)][0] if verdict in LOOKS else _UNASKED


def _spoken(verdict: object) -> str:
    """Return the mark, and the word it stands for where one may hover or listen."""
    word = WORDS.get(str(verdict), "not asked").lower()
    kind = f"opslib-mark opslib-{word.replace(' ', '-')}"
    style = "text-decoration:none"
    return f'<abbr class="{kind}" title="{word}" style="{style}">{_mark(verdict)}</abbr>'


def _link(target: str) -> str:
    name = target.removesuffix(".ipynb")
    return f'<a href="{safe(name)}.ipynb">{safe(name)}</a>'
