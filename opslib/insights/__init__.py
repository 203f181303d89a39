"""CloudWatch Logs Insights: queries over windows, each whole or said not to be, with a receipt.

In: a query's text, its log groups, a Window, and the columns that are expected back with their
kinds. Out: an `Answer`: a typed frame and a `Receipt`. Several are asked side by side with
`Insights.query_all`, or `ask`, which leaves out log groups that are not there.

The rooms: ``client`` holds them together; ``flights`` starts, waits, pages and stops; ``whole``
cuts the window of a query for events where there are more than a query may give; ``reading`` tells
such a query from an aggregate, which is never cut; ``frames`` makes typed frames; ``receipts`` says
what was asked and whether all of it came; ``wire`` reads large answers fast; ``present`` asks of
the log groups that are there.
"""

from opslib.insights.client import Insights
from opslib.insights.frames import Kind, typed
from opslib.insights.present import Present, ask
from opslib.insights.receipts import Answer, Receipt
from opslib.insights.whole import Question

__all__ = ["Answer", "Insights", "Kind", "Present", "Question", "Receipt", "ask", "typed"]
