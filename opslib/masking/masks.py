"""Everything that is taken out, ready to be applied: `Masks`, and `of` a system.

In: patterns and names of fields; text, JSON values, frames. Out: the same, masked. RE2 looks
through a column at once and in linear time; a pattern that it does not take is tried on each value.
Pure.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from opslib.masking.patterns import BARE_QUOTE, NEEDLES, PATTERNS, PAYLOADS, QUOTE
from opslib.system import System

if TYPE_CHECKING:
    import pandas as pd

# Only whoever masks frames pays for the libraries of frames: a runner of notebooks masks text.
_PAYLOAD = "payload"
_HEAD = "[masked: "
_NEVER = r"[^\s\S]"
_MARKS = re.compile(rf"(?P<level>\\*)(?P<quote>{BARE_QUOTE})|[][{{}}]")
_DRESSED = re.compile(rf"({QUOTE}?)(.*?)({QUOTE}?)", re.DOTALL)
# RE2 takes as long to read the patterns as it takes to try them on about so many values one by one.
_FEW = 50
# Stands for a value where only a name is known.
_SAMPLE = "a1B2" * 10


class Masks:
    """Everything that is taken out.

    Parameters
    ----------
    patterns
        Names and patterns, in the order in which they are tried; see the module's text.
    payloads
        Names of fields whose whole value is taken out, in snake case; camel case is found too.

    Raises
    ------
    re.error
        A pattern is not a regular expression.
    """

    def __init__(
        self,
        patterns: Iterable[tuple[str, str]] = tuple(PATTERNS.items()),
        *,
        payloads: Iterable[str] = PAYLOADS,
    ) -> None:
        fields = "|".join(name.replace("_", "[_-]?") for name in payloads) or _NEVER
        self._payload_name = re.compile(fields, re.IGNORECASE)
        self._payload = re.compile(
            rf"(?P<level>\\*)(?P<quote>{BARE_QUOTE})(?i:{fields})(?P=level)(?P=quote)\s*:\s*"
        )
        self._steps = [
            _Step(rf"(?i:{fields}){QUOTE}\s*:", (), self._without_payloads),
            *(_step(name, text) for name, text in patterns),
        ]
        self._hint = "|".join(f"(?:{step.hint})" for step in self._steps)
        self._linear: bool | None = None
        self._kinds: dict[str, str] = {"": ""}

    def text(self, text: str) -> str:
        """Return text with everything taken out."""
        lower = text.lower()
        for step in self._steps:
            if not step.needles or any(needle in lower for needle in step.needles):
                text = step.apply(text)
        return text

    def value(self, value: object, *, name: str = "") -> Any:
        """Return a JSON value with everything taken out, at any depth; keys stay.

        Parameters
        ----------
        value
            Mappings, lists and text are looked into; anything else stays as it is.
        name
            What it is called where it stands: of ``password`` nothing stays, whatever it is.
        """
        if isinstance(value, str):
            return self._named_text(value, name)
        if isinstance(value, Mapping | list | tuple) and value and self._kind(name) == _PAYLOAD:
            return _mark(_PAYLOAD)
        if isinstance(value, Mapping):
            return {key: self.value(held, name=str(key)) for key, held in value.items()}
        if isinstance(value, list | tuple):
            return [self.value(held, name=name) for held in value]
        return value

    def frame(self, rows: "pd.DataFrame") -> "pd.DataFrame":
        """Return a frame with everything taken out of its text; itself when there is nothing."""
        import pandas as pd

        held = rows
        for place, name in enumerate(rows.columns):
            column = rows.iloc[:, place]
            if isinstance(column.dtype, pd.StringDtype) or pd.api.types.is_object_dtype(column):
                masked = self._column(column, name=str(name))
                if masked is not None:
                    held = held.copy(deep=False) if held is rows else held
                    held.isetitem(place, masked)  # type: ignore[arg-type]
        return held

    def _named_text(self, text: str, name: str) -> str:
        kind = self._kind(name)
        return self.text(text) if not kind or not text or _stays(text) else _mark(kind)

    def _kind(self, name: str) -> str:
        """Return which mask a name alone calls for; empty when none does."""
        if name not in self._kinds:
            masked = self.text(f"{name}={_SAMPLE}").removeprefix(f"{name}=")
            hides = masked.startswith(_HEAD) and masked.endswith("]") and self.text(_SAMPLE)
            kind = masked[len(_HEAD) : -1] if hides == _SAMPLE else ""
            self._kinds[name] = _PAYLOAD if self._payload_name.fullmatch(name) else kind
        return self._kinds[name]

    def _column(self, column: "pd.Series[Any]", *, name: str) -> "pd.Series[Any] | None":
        """Return the column masked; None when nothing in it is."""
        import pyarrow as pa
        import pyarrow.compute as pc

        if column.empty:
            # Grouped or sorted, it has no chunk at all, and pyarrow dies of indexing that.
            return None
        if len(column) <= _FEW or self._kind(name):
            return self._by_value(column, name=name)
        if self._linear is None:
            self._linear = _is_linear(self._hint)
        try:
            texts = pa.array(column, type=pa.string(), from_pandas=True)
        except (pa.ArrowTypeError, pa.ArrowInvalid):
            return self._by_value(column, name=name)
        if not self._linear:
            return self._by_value(column, name=name)
        # All of it at once costs little more than one of it, and most columns hold nothing.
        suspects = pc.indices_nonzero(_matches(texts, self._hint))
        texts, masked = texts.take(suspects), dict[int, str]()
        for step in self._steps if len(suspects) else ():
            for at in suspects.filter(_matches(texts, step.hint)).to_pylist():
                masked[at] = step.apply(masked.get(at, column.iloc[at]))
        if not masked:
            return None
        held = column.copy()
        held.iloc[list(masked)] = list(masked.values())
        return held

    def _by_value(self, column: "pd.Series[Any]", *, name: str) -> "pd.Series[Any] | None":
        import pandas as pd

        values = column.tolist()
        masked = [self.value(value, name=name) for value in values]
        if all(after is before for after, before in zip(masked, values, strict=True)):
            return None
        return pd.Series(masked, index=column.index, dtype=column.dtype)

    def _without_payloads(self, text: str) -> str:
        parts, done = [], 0
        for found in self._payload.finditer(text):
            start = found.end()
            end = _end_of_value(text, start, level=len(found["level"]))
            if start < done or end == start or _HEAD in text[start : start + len(_HEAD) + 8]:
                continue
            quote = found["level"] + found["quote"]
            parts += [text[done:start], quote, _mark(_PAYLOAD), quote]
            done = end
        return "".join([*parts, text[done:]])


def of(system: System | None) -> Masks:
    """Return the masks of a system: everything that is masked anywhere, and what it adds."""
    if system is None:
        return Masks()
    return Masks(
        [*PATTERNS.items(), *system.mask_patterns.items()],
        payloads=[*PAYLOADS, *system.payload_fields],
    )


class _Step(NamedTuple):
    """One thing that is looked for.

    ``hint`` matches, for RE2, wherever ``apply`` may change something; without any of ``needles``
    in the text in lower case it does not.
    """

    hint: str
    needles: tuple[str, ...]
    apply: Callable[[str], str]


def _step(name: str, pattern: str) -> _Step:
    compiled = re.compile(pattern, re.ASCII)
    replaced = _replacement(name)
    # The needles are those of our own patterns; a system may give its own pattern an old name.
    needles = NEEDLES.get(name, ()) if pattern == PATTERNS.get(name) else ()
    hint = pattern.replace("(?P<kept>", "(?:")
    return _Step(hint, needles, lambda text: compiled.sub(replaced, text))


def _mark(name: str) -> str:
    return f"{_HEAD}{name}]"


def _stays(text: str) -> bool:
    """Whether a value is masked already, or only says where a secret is kept."""
    return text.startswith((_HEAD, "arn:"))


def _replacement(name: str) -> Callable[[re.Match[str]], str]:
    def replaced(found: re.Match[str]) -> str:
        kept = found.groupdict().get("kept") or ""
        dressed = _DRESSED.fullmatch(found[0][len(kept) :])
        before, value, after = dressed.groups() if dressed else ("", found[0], "")
        if not value or _stays(value):
            return found[0]
        return f"{kept}{before}{_mark(name)}{after}"

    return replaced


def _matches(texts: Any, pattern: str) -> Any:
    """Return, for each text, whether RE2 finds the pattern in it; not in what is missing."""
    import pyarrow.compute as pc

    return pc.fill_null(pc.match_substring_regex(texts, pattern), False)


def _is_linear(pattern: str) -> bool:
    """Whether RE2 takes a pattern."""
    import pyarrow as pa

    try:
        _matches(pa.array(["x"]), pattern)
    except pa.ArrowInvalid:
        return False
    return True


def _end_of_value(text: str, start: int, *, level: int) -> int:
    """Return where the text, object or list that begins at ``start`` ends.

    It ends with the text when it is not closed, as in a line that was cut off; numbers and words
    are no payload, and end where they start. A quote that is escaped more often than the one that
    opened is part of what is quoted.
    """
    depth, within = 0, ""
    for mark in _MARKS.finditer(text, start):
        if mark.start() > start and not depth and not within:
            return start
        quote = mark["quote"]
        if within:
            escaped = len(mark["level"] or "")
            if quote == within and (escaped <= level if level else escaped % 2 == 0):
                within = ""
        elif quote:
            within = quote
        else:
            depth += 1 if mark[0] in "[{" else -1
        if not within and depth <= 0:
            return mark.end()
    return len(text) if depth or within else start
