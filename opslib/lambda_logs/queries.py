"""The beginning of a query, for each shape of a function's logs.

In: a `LogShape`. Out: text in the Logs Insights language, to be followed by ``| stats ...``, that a
person may paste into the console. Runs none.

Sources
-------
Lines of the format Text, REPORT's Restore Duration: Lambda developer guide, CloudWatch logs and
SnapStart monitoring. Lines of the format JSON: Lambda developer guide, Telemetry API event schema;
sizes are MB there, and bytes in powers of 1000 in ``@maxMemoryUsed``. Names of streams in a custom
log group: Lambda developer guide, configuring CloudWatch log groups. Of the class Infrequent Access
no field is discovered: CloudWatch Logs user guide, log classes.
"""

from opslib.lambda_logs.shapes import LogShape

# Of an invocation's last line: our name, in lines of text, and among the metrics of JSON.
_MEASURES = (
    ("duration_ms", "Duration", "durationMs"),
    ("billed_ms", "Billed Duration", "billedDurationMs"),
    ("memory_mb", "Memory Size", "memorySizeMB"),
    ("used_mb", "Max Memory Used", "maxMemoryUsedMB"),
    ("initialized_ms", "Init Duration", "initDurationMs"),
    ("restore_ms", "Restore Duration", "restoreDurationMs"),
)
_DISCOVERED = (
    "coalesce(@duration, record.metrics.durationMs) as duration_ms",
    "coalesce(@billedDuration, record.metrics.billedDurationMs) as billed_ms",
    "coalesce(@memorySize / 1000000, record.metrics.memorySizeMB) as memory_mb",
    "coalesce(@maxMemoryUsed / 1000000, record.metrics.maxMemoryUsedMB) as used_mb",
    "coalesce(restored_ms, record.metrics.restoreDurationMs) as restore_ms",
    "coalesce(@initDuration, record.metrics.initDurationMs, restored_ms,\n"
    "         record.metrics.restoreDurationMs) as init_ms",
)


def own_lines(shape: LogShape) -> str:
    """Return the command that keeps a function's own lines in a shared group; empty in its own.

    Lambda names the streams of a custom group after the function. Lines that something else sent
    there, an extension for instance, are not the function's by this, and cannot be told apart.
    """
    return "" if shape.own_group else f'filter @logStream like "/{shape.function}["'


def filtered(shape: LogShape) -> str:
    """Return the beginning of a query about a function's own lines, to be followed by a command.

    `own_lines` and a pipe; empty in a group of its own.
    """
    own = own_lines(shape)
    return f"{own}\n| " if own else ""


def report_filter(shape: LogShape) -> str:
    """Return the commands that keep the last line of each invocation, its REPORT.

    Of a function whose system level is WARN nothing is left, but what was logged before it was.
    Where fields are discovered, of either format: one that was switched has lines of both.
    """
    found = 'filter @type = "REPORT" or type = "platform.report"'
    if not _discovers(shape):
        in_json = r'filter @message like /"type":\s*"platform\.report"/'
        found = in_json if shape.format == "JSON" else "filter @message like /^REPORT /"
    return _stages(own_lines(shape), found)


def reports(shape: LogShape) -> str:
    """Return the beginning of a query: a row for each invocation, from its REPORT.

    Returns
    -------
    Text that leaves the fields ``duration_ms``, ``billed_ms``, ``memory_mb``, ``used_mb``,
    ``init_ms`` (only of a cold start: what its initialization took, or its restore) and
    ``restore_ms`` (only of a start from a snapshot). A missing one is missing, not 0. On managed
    instances there is only ``duration_ms``.
    """
    if _discovers(shape):
        restored = rf"parse @message /\tRestore Duration: {_number('restored_ms')}/"
        fields = ",\n         ".join(_DISCOVERED)
        return _stages(report_filter(shape), restored, f"fields {fields}")
    if shape.format == "JSON":
        # The spans of an invocation have a durationMs too.
        inside = r'"metrics":\s*\{[^}]*'
        parsed = [rf'{inside}"{key}":\s*{_number(name)}' for name, _, key in _MEASURES]
    else:
        parsed = [rf"\t{words}: {_number(name)}" for name, words, _ in _MEASURES]
    named = "fields coalesce(initialized_ms, restore_ms) as init_ms"
    stages = [f"parse @message /{pattern}/" for pattern in parsed]
    return _stages(report_filter(shape), *stages, named)


def _discovers(shape: LogShape) -> bool:
    return shape.log_class != "INFREQUENT_ACCESS"


def _number(name: str) -> str:
    return rf"(?<{name}>[0-9.]+)"


def _stages(*stages: str) -> str:
    return "\n| ".join(stage for stage in stages if stage)
