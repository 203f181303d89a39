"""What changed about a function and what it works on, and when, in one timeline.

In: a way to AWS, a function, a Window. Out: `Changes`. Must not judge.

The rooms: ``gathering`` puts the timeline together; ``functions`` asks Lambda, ``tables`` DynamoDB,
``trail`` CloudTrail, each for its own rows; ``events`` reads what CloudTrail tells; ``shared``
keeps what it told one notebook of a triage for its others; ``versions`` says what differs between
two versions; ``timeouts`` which timeout held when; ``rows`` makes the frames.
"""

from opslib.changes.functions import configuration
from opslib.changes.gathering import Changes, of
from opslib.changes.rows import LATEST, Change
from opslib.changes.shared import Shared
from opslib.changes.trail import Trail

__all__ = ["LATEST", "Change", "Changes", "Shared", "Trail", "configuration", "of"]
