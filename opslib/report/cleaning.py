"""HTML of a cell made harmless: an allow-list that knows nothing that acts, loads or covers.

In: HTML that a cell showed or Markdown gave. Out: the same as `Markup`, with what is not on the
list taken out, and fitted into the page: headings below the page's own, tables that scroll. Log
text is hostile input, and what a cell shows as HTML is not escaped by whoever made it.
"""

import re
from collections.abc import Iterator
from threading import local
from typing import Any

from bleach.css_sanitizer import CSSSanitizer  # type: ignore[import-untyped]
from bleach.html5lib_shim import Filter  # type: ignore[import-untyped]
from bleach.sanitizer import Cleaner  # type: ignore[import-untyped]
from markupsafe import Markup

from opslib.show import visible

#: What a picture says for which nobody wrote a description.
UNDESCRIBED = "Picture without a description."
_TAGS = {
    *("a", "abbr", "b", "blockquote", "br", "caption", "code", "col", "colgroup", "dd", "del"),
    *("details", "div", "dl", "dt", "em", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "i", "img"),
    *("li", "ol", "p", "pre", "s", "small", "span", "strong", "sub", "summary", "sup", "table"),
    *("tbody", "td", "tfoot", "th", "thead", "tr", "u", "ul"),
}
_ATTRIBUTES = {
    "td": {"colspan", "rowspan"},
    "th": {"colspan", "rowspan", "scope"},
    "a": {"href", "title"},
    "img": {"src", "alt", "width", "height"},
    "abbr": {"title"},
    "ol": {"start"},
    "details": {"open"},
}
# No colours: a cell's are chosen for white paper, and the page may be dark.
_STYLES = CSSSanitizer(
    allowed_css_properties=[
        "border", "border-bottom", "border-left", "border-right", "border-top", "font-size",
        "font-style", "font-weight", "margin", "padding", "text-align", "white-space",
    ]
)  # fmt: skip
_BELOW = {f"h{level}": f"h{min(level + 1, 6)}" for level in range(1, 7)}
_SCROLL = {
    (None, "class"): "scroll",
    (None, "tabindex"): "0",
    (None, "role"): "region",
    (None, "aria-label"): "Table",
}
_INLINE_PICTURE = re.compile(r"data:image/(png|jpeg|gif|webp);base64,[A-Za-z0-9+/=\s]*")
_SILENT = re.compile(r"<(script|style)\b.*?(</\1\s*>|$)", re.DOTALL | re.IGNORECASE)


def clean(html: str) -> Markup:
    """Return HTML with everything taken out that could act, load or cover something.

    Links to http, https, mailto and places in the page stay; pictures stay when they are in the
    text itself. Headings move down one level, below the page's own.
    """
    return Markup(visible(_cleaner().clean(_SILENT.sub("", html))))  # noqa: S704


def _attribute(tag: str, name: str, value: str) -> bool:
    if name == "style":
        return "url" not in value.lower()
    if name == "class":
        return value == "dataframe" or value.startswith("opslib-")
    if name == "src":
        return tag == "img" and _INLINE_PICTURE.fullmatch(value) is not None
    if name == "href" and not value.startswith(("https:", "http:", "mailto:", "#")):
        # Another notebook lies beside the notebook, not beside a report in somebody's mail.
        return False
    return name in _ATTRIBUTES.get(tag, ())


class _Placed(Filter):  # type: ignore[misc]
    """Fit what the allow-list left into the page; on tokens, so that no text passes for a tag."""

    def __iter__(self) -> Iterator[dict[str, Any]]:
        for token in super().__iter__():
            name, kind = token.get("name"), token["type"]
            if name in _BELOW:
                token["name"] = _BELOW[name]
            if name == "img":
                if (None, "src") not in token["data"]:
                    continue
                token["data"].setdefault((None, "alt"), UNDESCRIBED)
            if name == "table" and kind == "StartTag":
                yield {"type": kind, "name": "div", "namespace": None, "data": dict(_SCROLL)}
            yield token
            if name == "table" and kind == "EndTag":
                yield {"type": kind, "name": "div", "namespace": None, "data": {}}


_OF_THREAD = local()


def _cleaner() -> Cleaner:
    """Return this thread's own: a Cleaner keeps the text that it is at work on (bleach)."""
    # Triage renders reports side by side; sharing one mixes two of them, or ends in an IndexError.
    if not hasattr(_OF_THREAD, "cleaner"):
        _OF_THREAD.cleaner = Cleaner(
            tags=_TAGS,
            attributes=_attribute,
            protocols={"http", "https", "mailto", "data"},
            css_sanitizer=_STYLES,
            strip=True,
            strip_comments=True,
            filters=[_Placed],
        )
    cleaner: Cleaner = _OF_THREAD.cleaner
    return cleaner
