"""An executed notebook without secrets: what its cells showed, and the parameters it was given.

In: a notebook of nbformat 4 and `Masks`. Out: the same notebook, changed in place. Pictures are
left as they are. Code stays, but for the cell that papermill put in.
"""

import re
from collections.abc import MutableMapping
from typing import Any

from opslib.masking.masks import Masks

_INJECTED = "injected-parameters"
_PICTURE = "image/"
# Colours of a terminal can stand between a name and its value.
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def notebook(node: Any, masks: Masks) -> Any:
    """Mask a notebook in place and return it."""
    told = node.metadata.get("papermill", {})
    for name in ("parameters", "reason"):
        if name in told:
            told[name] = masks.value(told[name])
    for cell in node.cells:
        if _INJECTED in cell.metadata.get("tags", []):
            cell.source = masks.text(cell.source)
        for output in cell.get("outputs", []):
            _output(output, masks)
    return node


def _output(output: MutableMapping[str, Any], masks: Masks) -> None:
    if output["output_type"] == "stream":
        output["text"] = _coloured(output["text"], masks)
        return
    if output["output_type"] == "error":
        output["evalue"] = masks.text(output["evalue"])
        trace = "\n".join(output["traceback"])
        masked = _coloured(trace, masks)
        if masked != trace:
            output["traceback"] = masked.split("\n")
        return
    for kind, shown in output["data"].items():
        if not kind.startswith(_PICTURE) or kind.endswith("+xml"):
            output["data"][kind] = masks.value(shown)
    output["metadata"] = masks.value(output.get("metadata", {}))


def _coloured(text: str, masks: Masks) -> str:
    """Mask what a terminal would show; colours are lost where a secret stood among them."""
    bare = _COLOUR.sub("", text)
    masked = masks.text(bare)
    return text if masked == bare else masked
