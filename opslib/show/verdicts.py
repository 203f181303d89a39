"""The verdict of a notebook: the word, the cause, what was not seen, and where to go on.

In: plain values, as result.json holds them. Out: a `Shown`. Must not judge.
"""

from collections.abc import Mapping, Sequence

from opslib.show.shown import LOOKS, WORDS, Shown, safe


def verdict(
    word: str,
    *,
    title: str,
    findings: Sequence[Mapping[str, object]],
    links: Sequence[tuple[str, str]],
    limits: Sequence[str],
    notes: Sequence[str] = (),
) -> Shown:
    """Show the verdict of a notebook, why, and where to go on.

    Parameters
    ----------
    word
        ``healthy``, ``warning``, ``critical`` or ``unknown``.
    title
        One sentence that names the cause.
    findings
        Mappings with ``severity``, ``title`` and ``detail``, worst cause first.
    links
        Text and target of what to open next.
    limits
        Sentences on what could not be seen.
    notes
        Sentences on how it was looked, which hide nothing that decides.
    """
    mark, ink, paper = LOOKS[word]
    text = [f"{mark} {WORDS[word]}: {title}"]
    parts = [
        f'<div class="opslib-verdict" style="border-left:6px solid {ink};background:{paper};'
        f'color:#1b1f24;padding:.7em 1em">'
        f'<p style="margin:0;font-size:1.15em"><strong style="color:{ink}">{mark} {WORDS[word]}'
        f"</strong> {safe(title)}</p>"
    ]
    if findings:
        parts.append("<ul>")
    for finding in findings:
        look = LOOKS[str(finding["severity"])][0]
        text.append(f"  {look} {finding['title']}: {finding['detail']}")
        parts.append(f"<li>{look} <strong>{safe(finding['title'])}</strong><br>")
        parts.append(f"{safe(finding['detail'])}</li>")
    if findings:
        parts.append("</ul>")
    for limit in limits:
        text.append(f"  ? Could not see: {limit}")
        parts.append(f"<p>? <strong>Could not see:</strong> {safe(limit)}</p>")
    for note in notes:
        text.append(f"  Note: {note}")
        parts.append(f"<p>Note: {safe(note)}</p>")
    for label, target in links:
        text.append(f"  Next: {label} ({target})")
        parts.append(f'<p>Next: <a href="{safe(target)}">{safe(label)}</a></p>')
    parts.append("</div>")
    return Shown(text="\n".join(text), html="".join(parts))
