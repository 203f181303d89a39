"""Rows of the tree about invocations and records that fail. Does no I/O."""

from opslib.tree.branch import Branch

_ERRORS = """\
Group the errors of `{subject}` by kind before changing anything. Timeouts, kills for lack of memory
and failed inits carry no `ERROR` in their lines.

```
aws logs tail /aws/lambda/{subject} --since 1h
```
"""

_STUCK = ("stream.lag", "dead-letters.waiting")

ROWS = (
    Branch(
        "errors.rate",
        10,
        "Invocations end in an error.",
        "10-error-rate",
        "Group the errors by kind",
        (_ERRORS,),
        _STUCK,
    ),
    Branch(
        "errors.swallowed-records",
        11,
        "Records fail inside invocations that succeed: no alarm sees them, and they are lost.",
        "10-error-rate",
        "Group the errors by kind",
        (_ERRORS,),
    ),
)
