"""The check of what bare papermill injected, made inside the kernel.

In: the cells that the kernel ran. Out: the injected values, or a BadInput.

Source
------
papermill 2.7: the injected cell begins with the line ``# Parameters``, holds plain assignments, and
stands directly after the cell tagged ``parameters``.
"""

import ast
import math
from collections.abc import Sequence

from opslib.errors import BadInput
from opslib.parameters.cells import NOTHING_RAN, declared_in
from opslib.parameters.shared import check_shared
from opslib.parameters.values import PAPERMILL, check

_INJECTED = "# Parameters"


def check_injected(sources: Sequence[str], *, notebook: str = "this notebook") -> dict[str, object]:
    """Check, inside a kernel, what bare papermill injected without looking.

    Parameters
    ----------
    sources
        The cells the kernel has run so far, oldest first: IPython's ``In``.
    notebook
        Its name, for messages.

    Returns
    -------
    Names and values of the newest injected cell; empty when there is none, as in JupyterLab.

    Raises
    ------
    BadInput
        A name that the cell before it does not declare, a value of another type, or a line that is
        not ``name = literal``.
    """
    found = [i for i, source in enumerate(sources) if _is_injected(source)]
    if not found:
        return {}
    position = found[-1]
    values: dict[str, object] = {}
    for statement in ast.parse(sources[position]).body:
        if not isinstance(statement, ast.Assign) or not isinstance(statement.targets[0], ast.Name):
            raise BadInput(
                f"-p: a parameter of {notebook} was given under a name that is code. {NOTHING_RAN}"
            )
        values[statement.targets[0].id] = _literal(statement.value)
    before = next((s for s in reversed(sources[:position]) if s.strip()), "")
    parameters = declared_in(before, notebook=notebook)
    checked = check(values, parameters, notebook=notebook, source=PAPERMILL)
    check_shared(checked, parameters, notebook=notebook, source=PAPERMILL)
    return checked


def _is_injected(source: str) -> bool:
    """Tell papermill's cell from a person's own that happens to begin with the same comment."""
    if source.partition("\n")[0].strip() != _INJECTED:
        return False
    return not any(isinstance(s, ast.AnnAssign) for s in ast.parse(source).body)


def _literal(node: ast.expr) -> object:
    try:
        return ast.literal_eval(node)
    except ValueError:
        # papermill writes what is not finite as float('nan') and float('inf').
        return math.nan
