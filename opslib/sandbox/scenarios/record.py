"""Records what the real aggregator prints: ``python -m opslib.sandbox.scenarios.record``.

Starts an `empty` sandbox in a temporary folder, deploys the real pipeline there, gives it batches
of known sizes by holding its mapping while the records are written, and writes the application
lines of its log, as printed, to the recording that `history` tells from. Run it when the pinned
version of zae-limiter changes, and name the new file in `recorded`.
"""

import sys
import tempfile
from datetime import datetime
from pathlib import Path

import opslib.sandbox
from opslib.errors import OpsError
from opslib.sandbox.api import Sandbox
from opslib.sandbox.scenarios import pipeline, traffic
from opslib.sandbox.scenarios.recorded import RECORDING

ENTITIES = 3
BATCHES = (1, 2, 3, 4, 6, 9)
"""Stream records of each recorded invocation."""

_DEADLINE_S = 15.0


def record(sandbox: Sandbox) -> list[str]:
    """Run the real aggregator and give the lines that it printed, in order.

    Parameters
    ----------
    sandbox
        Empty, and on a live clock.
    """
    deployed = pipeline.deploy(sandbox, mapped=False)
    pipeline.wait_until_active(sandbox)
    # The first request of an entity inserts its bucket, which is no record for the mapping.
    traffic.drive(sandbox, entities=ENTITIES, acquisitions=ENTITIES)
    batches: list[list[str]] = []
    # The first invocation of an environment makes its clients, which no later one does: not kept.
    for records in (1, *BATCHES):
        written = traffic.drive(
            sandbox, entities=min(ENTITIES, records), acquisitions=records, fresh=False
        )
        pipeline.enable_mapping(sandbox, deployed)
        traffic.wait_for(sandbox, written, since=written.at, deadline_s=_DEADLINE_S)
        pipeline.disable_mapping(sandbox, deployed)
        batches.append(_application_lines(sandbox, written.at))
    return [line for batch in batches[1:] for line in batch]


def _application_lines(sandbox: Sandbox, since: datetime) -> list[str]:
    messages = [message for _, message in traffic.messages_since(sandbox, since)]
    return [message for message in messages if message.startswith("{")]


def main() -> int:
    """Record, and write the recording beside the ones that are there."""
    from opslib.sandbox import launcher

    say = sys.stderr.write
    target = Path(opslib.sandbox.__file__).parent / "recordings" / RECORDING
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "sandbox"
        try:
            sandbox = launcher.up(
                scenario="empty", clock="live", home=home, progress=lambda text: None
            )
            lines = record(sandbox)
        except OpsError as error:
            say(f"{error}\n")
            return 3
        finally:
            launcher.down(home)
    target.write_text("".join(f"{line}\n" for line in lines))
    say(f"{len(lines)} lines of {len(BATCHES)} invocations are in {target.name}.\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
