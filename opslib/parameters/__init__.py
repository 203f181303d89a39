"""What a notebook takes, and the strict reading of what it is given.

In: a notebook's ``parameters`` cell (read as text, never run), params files, ``-p NAME VALUE``
pairs of a command line, or the cells a kernel ran. Out: typed values, or a BadInput that names the
file, the parameter and what it takes. papermill itself only warns about an unknown name, hands
``-p approve false`` on as a true string and drops the leading zeros of an account; here all of this
is decided before a kernel is started, and again in the kernel for whoever runs papermill bare.

``cells`` reads what is declared, ``values`` what is given, ``injected`` what papermill put into a
kernel; ``shared`` holds the parameters of all notebooks against each other. Must not know AWS, nor
what any parameter is for but the shared ones, where an early refusal is cheap.
"""

from opslib.parameters.cells import Parameter, declared, declared_in, find_notebook
from opslib.parameters.injected import check_injected
from opslib.parameters.shared import (
    check_deadline,
    check_shared,
    check_subject,
    check_window,
    require_system,
)
from opslib.parameters.values import check, collect, from_text

__all__ = [
    "Parameter",
    "check",
    "check_deadline",
    "check_injected",
    "check_shared",
    "check_subject",
    "check_window",
    "collect",
    "declared",
    "declared_in",
    "find_notebook",
    "from_text",
    "require_system",
]
