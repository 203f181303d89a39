"""One thing to look at, and how text from outside gets into it: `Shown`, `safe`, `visible`.

In: text of our own and of others. Out: a `Shown`, which Jupyter draws as HTML or as a picture and
which every other reader (a terminal, nbval, a diff) sees as plain text that says the same. This is
the one place where what is shown is masked, escaped and stripped of characters that act.
"""

import base64
import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from opslib.masking import Masks

# The word always stands beside colour and shape, so that neither is needed to read it.
LOOKS = {
    "healthy": ("✔", "#116329", "#dafbe1"),
    "warning": ("▲", "#7d4e00", "#fff8c5"),
    "critical": ("✖", "#a40e26", "#ffebe9"),
    "unknown": ("?", "#424a53", "#eaeef2"),
}
WORDS = {
    "healthy": "HEALTHY",
    "warning": "WARNING",
    "critical": "CRITICAL",
    "unknown": "COULD NOT LOOK",
}
#: Colours that JupyterLab knows for its light and its dark theme; elsewhere the second one holds.
MUTED = "color:var(--jp-ui-font-color2,#57606a)"
ALARMING = "color:var(--jp-error-color1,#a40e26)"

_BIDI = [0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)]
_ACTING = {
    **{code: chr(0x2400 + code) for code in range(0x20) if chr(code) not in "\t\n"},
    0x7F: "␡",
    **dict.fromkeys([*range(0x80, 0xA0), *range(0xD800, 0xE000)], "\N{REPLACEMENT CHARACTER}"),
    **{code: f"⟨U+{code:04X}⟩" for code in _BIDI},
}
_masks = [Masks()]


def mask_with(masks: Masks) -> None:
    """From now on, take out of everything that is shown what these masks say.

    Before, and without a system, what is masked everywhere. A process shows one system.
    """
    _masks[0] = masks


def masks() -> Masks:
    """Return what is taken out of everything that is shown."""
    return _masks[0]


def visible(text: str) -> str:
    """Return text with every character that acts made one that is seen.

    That is: terminal codes, the ones that turn the direction of reading, and what no file can hold.
    Lines and tabs stay.
    """
    return text.replace("\r\n", "\n").translate(_ACTING)


def safe(value: object) -> str:
    """Return a value from outside as HTML that is only read: masked, visible, escaped."""
    return html.escape(visible(masks().text(str(value))))


@dataclass(frozen=True)
class Shown:
    """One thing to look at: the same content as HTML (or a picture) and as plain text."""

    text: str
    html: str = ""
    markdown: str = ""
    png: bytes = b""
    metadata: Mapping[str, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Mask what came here as text; HTML is made of `safe` pieces."""
        object.__setattr__(self, "text", visible(masks().text(self.text)))
        object.__setattr__(self, "markdown", visible(masks().text(self.markdown)))

    def _repr_mimebundle_(
        self, include: object = None, exclude: object = None
    ) -> tuple[dict[str, str], dict[str, object]]:
        data = {"text/plain": self.text}
        if self.png:
            data["image/png"] = base64.b64encode(self.png).decode("ascii")
        elif self.markdown:
            data["text/markdown"] = self.markdown
        elif self.html:
            data["text/html"] = self.html
        return data, dict(self.metadata)

    def __repr__(self) -> str:
        return self.text


def banner(parts: Sequence[str]) -> Shown:
    """Show one line of facts that hold for everything below it."""
    text = " · ".join(parts)
    return Shown(text=text, html=f'<p class="opslib-banner"><strong>{safe(text)}</strong></p>')


def note(text: str, *, bad: bool = False) -> Shown:
    """Show a small sentence: a receipt, or what could not be seen."""
    kind, style = "opslib-note", f"{MUTED};font-size:.85em"
    if bad:
        kind, style = "opslib-note opslib-bad", f"{ALARMING};font-weight:600"
    return Shown(text=text, html=f'<p class="{kind}" style="{style}">{safe(text)}</p>')


def markdown(text: str) -> Shown:
    """Show Markdown of our own. Never for text from outside: Markdown lets HTML through."""
    return Shown(text=text, markdown=text)


def picture(png: bytes, *, alt: str) -> Shown:
    """Show a plot. The alternative text says in words and numbers what the plot shows."""
    return Shown(text=alt, png=png, metadata={"image/png": {"alt": alt}})
