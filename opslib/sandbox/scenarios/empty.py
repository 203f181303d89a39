"""Scenario `empty`: an account with nothing in it, for tests that seed their own with boto3."""

from opslib.sandbox.api import Progress, Sandbox
from opslib.sandbox.scenarios.story import Expected, Scenario


def _build(sandbox: Sandbox, progress: Progress) -> None:
    progress(f"Nothing is deployed in account {sandbox.account}.")


SCENARIO = Scenario(
    name="empty",
    title="Nothing is deployed",
    broke="Nothing: the function, its queue, its table and its log group do not exist.",
    when="Always.",
    seen="Every question is answered with: there is no such thing.",
    expected={
        "00-triage": Expected(verdict="unknown"),
        "20-duration": Expected(verdict="unknown"),
        "40-cold-starts": Expected(verdict="unknown"),
        "10-error-rate": Expected(verdict="unknown"),
        "11-permission-denied": Expected(verdict="unknown"),
        "12-timeout": Expected(verdict="unknown"),
        "13-code-error": Expected(verdict="unknown"),
        "30-dead-letters": Expected(verdict="unknown"),
        "50-stream-lag": Expected(verdict="unknown"),
        "60-dynamodb-throttling": Expected(verdict="unknown"),
    },
    builder=_build,
)
