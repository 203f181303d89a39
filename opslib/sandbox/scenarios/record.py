"""Records what the real aggregator prints: ``python -m opslib.sandbox.scenarios.record KIND...``.

Starts an `empty` sandbox in a temporary folder, deploys the real pipeline there, gives it batches
of known sizes by holding its mapping while the records are written, and writes what it printed to
the recording of that kind, which `history` tells from. Run it when the pinned version of
zae-limiter changes, and name that version in `recorded`.

Paths in tracebacks are written as they are on Lambda: the function's own code in ``/var/task``,
the SDK in the runtime's ``site-packages``.
"""

import json
import re
import sys
import tempfile
from datetime import datetime
from pathlib import Path
from typing import cast, get_args

import opslib.sandbox
from opslib.errors import OpsError
from opslib.sandbox.api import Sandbox
from opslib.sandbox.scenarios import pipeline, product, traffic
from opslib.sandbox.scenarios.recorded import Lines, name

ENTITIES = 3
BATCHES = (1, 2, 3, 4, 6, 9)
"""Stream records of each recorded invocation."""

_OWN_CODE = re.compile(r'(File \\?")[^"]*?/(zae_limiter_aggregator/)')
_SDK = re.compile(r'(File \\?")[^"]*?/site-packages/')


def record(sandbox: Sandbox, kind: Lines) -> list[str]:
    """Run the real aggregator and give the lines of a recording.

    Parameters
    ----------
    sandbox
        Empty, and on a live clock.
    kind
        What shall become of its records.
    """
    code = product.package(sandbox.home.parent / "cache")
    deployed = pipeline.deploy(sandbox, mapped=False)
    pipeline.wait_until_active(sandbox)
    # The first request of an entity inserts its bucket, which is no record for the mapping.
    traffic.drive(sandbox, entities=ENTITIES, acquisitions=ENTITIES)
    # The first invocation of an environment makes its clients, which no later one does: not kept.
    _one_batch(sandbox, deployed, records=1)
    if kind == "failed":
        pipeline.release(sandbox, product.broken(code))
        pipeline.change_mapping(
            sandbox, deployed, MaximumRetryAttempts=0, BisectBatchOnFunctionError=False
        )
    elif kind == "denied":
        sandbox.set_fault(
            "dynamodb:UpdateItem", code="AccessDenied", caller=pipeline.principal(sandbox)
        )
    return [line for records in BATCHES for line in _one_batch(sandbox, deployed, records=records)]


def _one_batch(sandbox: Sandbox, deployed: pipeline.Deployed, *, records: int) -> list[str]:
    written = traffic.drive(
        sandbox, entities=min(ENTITIES, records), acquisitions=records, fresh=False
    )
    pipeline.enable_mapping(sandbox, deployed)
    traffic.wait_until_reported(sandbox, since=written.at)
    pipeline.disable_mapping(sandbox, deployed)
    return _application_lines(sandbox, written.at)


def _application_lines(sandbox: Sandbox, since: datetime) -> list[str]:
    kept = []
    for _, message in traffic.messages_since(sandbox, since):
        text = _SDK.sub(r"\1/var/lang/lib/python3.12/site-packages/", message)
        text = _OWN_CODE.sub(r"\1/var/task/\2", text)
        if text.startswith("{"):
            kept.append(text)
        elif text.startswith("[ERROR]"):
            kept.append(json.dumps(text + "\n"))
    return kept


def main(arguments: list[str]) -> int:
    """Record the kinds named, each beside the recordings that are there; all when none is."""
    from opslib.sandbox import launcher

    say = sys.stderr.write
    for kind in arguments or get_args(Lines):
        with tempfile.TemporaryDirectory() as folder:
            home = Path(folder) / "sandbox"
            try:
                sandbox = launcher.up(
                    scenario="empty",
                    clock="live",
                    home=home,
                    progress=lambda text: None,
                    tied=True,
                )
                lines = record(sandbox, cast("Lines", kind))
            except OpsError as error:
                say(f"{error}\n")
                return 3
            finally:
                launcher.down(home)
        target = Path(opslib.sandbox.__file__).parent / "recordings" / name(cast("Lines", kind))
        target.write_text("".join(f"{line}\n" for line in lines))
        say(f"{len(lines)} lines of {len(BATCHES)} invocations are in {target.name}.\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
