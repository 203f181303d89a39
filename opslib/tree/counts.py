"""Rows of the tree about what was seen being whole. Does no I/O."""

from opslib.tree.branch import Branch

ROWS = (
    Branch(
        "logs.metrics-disagree",
        70,
        "Logs and metrics count different invocations, so one of them is not whole.",
        "00-triage",
    ),
)
