"""The text of a query, for each shape of a function's logs.

In: a `LogShape`. Out: text in the Logs Insights language that a notebook shows, and that a person
may paste into the console. `report_filter` and `reports` are beginnings, to be followed by
``| stats ...``; the others are whole queries. Runs none.

Sources
-------
Lines of the format Text, REPORT's Status, Restore Duration: Lambda developer guide, CloudWatch logs
and SnapStart monitoring. Lines of the format JSON: Lambda developer guide, Telemetry API event
schema; sizes are MB there, and bytes in powers of 1000 in ``@maxMemoryUsed``. Names of streams in a
custom log group: Lambda developer guide, configuring CloudWatch log groups. Of the class Infrequent
Access no field is discovered: CloudWatch Logs user guide, log classes.
"""

from opslib.lambda_logs.shapes import LogShape

# Of an invocation's last line: our name, in lines of text, and among the metrics of JSON.
_MEASURES = (
    ("duration_ms", "Duration", "durationMs"),
    ("billed_ms", "Billed Duration", "billedDurationMs"),
    ("memory_mb", "Memory Size", "memorySizeMB"),
    ("used_mb", "Max Memory Used", "maxMemoryUsedMB"),
    ("init_ms", "Init Duration", "initDurationMs"),
    ("restore_ms", "Restore Duration", "restoreDurationMs"),
)
_DISCOVERED = (
    "@duration as duration_ms",
    "@billedDuration as billed_ms",
    "@memorySize / 1000000 as memory_mb",
    "@maxMemoryUsed / 1000000 as used_mb",
    "@initDuration as init_ms",
)
# What a runtime and the platform write when an invocation goes wrong; the code's own lines beside.
_TEXT_ERRORS = (
    r"\[(ERROR|CRITICAL|FATAL)\]|^(ERROR|CRITICAL|FATAL)\b|\t(ERROR|FATAL)\t|Task timed out after"
    r"|Runtime exited with error|Process exited before completing"
    r"|^(REPORT|INIT_REPORT) .*Status: (error|timeout)"
    r'|"level":\s*"(ERROR|CRITICAL|FATAL)"'
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
    """
    if shape.format == "JSON":
        found = 'filter type = "platform.report"'
        if not _discovers(shape):
            found = r'filter @message like /"type":\s*"platform\.report"/'
    else:
        found = (
            'filter @type = "REPORT"' if _discovers(shape) else "filter @message like /^REPORT /"
        )
    return _stages(own_lines(shape), found)


def reports(shape: LogShape) -> str:
    """Return the beginning of a query: a row for each invocation, from its REPORT.

    Returns
    -------
    Text that leaves the fields ``duration_ms``, ``billed_ms``, ``memory_mb``, ``used_mb``,
    ``init_ms`` (only of a cold start) and ``restore_ms`` (only of a start from a snapshot). A
    missing one is missing, not 0. On managed instances there is only ``duration_ms``.
    """
    if shape.format == "JSON" and _discovers(shape):
        named = [f"record.metrics.{key} as {name}" for name, _, key in _MEASURES]
        return _stages(report_filter(shape), f"fields {_list(named)}")
    if _discovers(shape):
        restored = rf"parse @message /\tRestore Duration: {_number('restore_ms')}/"
        return _stages(report_filter(shape), f"fields {_list(_DISCOVERED)}", restored)
    if shape.format == "JSON":
        # The spans of an invocation have a durationMs too.
        inside = r'"metrics":\s*\{[^}]*'
        parsed = [rf'{inside}"{key}":\s*{_number(name)}' for name, _, key in _MEASURES]
    else:
        parsed = [rf"\t{words}: {_number(name)}" for name, words, _ in _MEASURES]
    return _stages(report_filter(shape), *(f"parse @message /{pattern}/" for pattern in parsed))


def durations(shape: LogShape, *, every: str = "") -> str:
    """Return the query for durations: of the whole window, or a row for each bin.

    Parameters
    ----------
    every
        The width of a bin as Logs Insights writes it, ``5m``; empty for the whole window.

    Returns
    -------
    Text that gives ``at`` (of a bin), ``invocations``, ``p50_ms``, ``p95_ms``, ``p99_ms``,
    ``max_ms``.
    """
    counted = (
        "stats count(*) as invocations, pct(duration_ms, 50) as p50_ms,\n"
        "        pct(duration_ms, 95) as p95_ms, pct(duration_ms, 99) as p99_ms,\n"
        "        max(duration_ms) as max_ms"
    )
    return _stages(reports(shape), *_binned(counted, every))


def memory(shape: LogShape) -> str:
    """Return the query for memory: ``limit_mb``, ``most_mb``, ``median_mb`` of the window."""
    return _stages(
        reports(shape),
        "stats max(memory_mb) as limit_mb, max(used_mb) as most_mb, pct(used_mb, 50) as median_mb",
    )


def cold_starts(shape: LogShape, *, every: str = "") -> str:
    """Return the query for cold starts, those from a snapshot among them.

    Returns
    -------
    Text that gives ``at`` (of a bin), ``invocations``, ``initialized``, ``restored`` (counts),
    ``init_p50_ms``, ``init_max_ms``, ``restore_max_ms``.
    """
    counted = (
        "stats count(*) as invocations, count(init_ms) as initialized,\n"
        "        count(restore_ms) as restored, pct(init_ms, 50) as init_p50_ms,\n"
        "        max(init_ms) as init_max_ms, max(restore_ms) as restore_max_ms"
    )
    return _stages(reports(shape), *_binned(counted, every))


def timeouts(shape: LogShape) -> str:
    """Return the query for invocations that were cut off: ``timeouts``, ``first`` and ``last``.

    Text tells it in a line of its own, or in the Status of the REPORT; both have the request's id,
    and a request counts once.
    """
    if shape.format == "JSON":
        timed_out = 'filter record.status = "timeout"'
        if not _discovers(shape):
            timed_out = r'filter @message like /"status":\s*"timeout"/'
        kept = _stages(report_filter(shape), timed_out)
        return _stages(kept, _counted("count(*)"))
    line = "filter @message like /Task timed out after|^REPORT .*Status: timeout/"
    named = "parse @message /(?<request>[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{22})/"
    return _stages(own_lines(shape), line, named, _counted("count_distinct(request)"))


def errors(shape: LogShape) -> str:
    """Return the query for the lines that tell of something that went wrong, newest first.

    The code's own errors, the runtime's and the platform's; a record that the code logs at WARNING
    and swallows is none of them.

    Returns
    -------
    Text that gives ``@timestamp``, ``@logStream`` and ``@message``.
    """
    if shape.format != "JSON":
        found = f"filter @message like /{_TEXT_ERRORS}/"
    elif _discovers(shape):
        found = (
            'filter level in ["ERROR", "CRITICAL", "FATAL"]\n'
            '    or (type in ["platform.report", "platform.initReport", "platform.restoreReport"]\n'
            '        and record.status in ["error", "failure", "timeout"])'
        )
    else:
        found = (
            r'filter @message like /"level":\s*"(ERROR|CRITICAL|FATAL)"/'
            "\n    or (@message like /"
            r'"type":\s*"platform\.(report|initReport|restoreReport)"'
            "/\n        and @message like /"
            r'"status":\s*"(error|failure|timeout)"'
            "/)"
        )
    return _stages(own_lines(shape), found, "fields @timestamp, @logStream, @message")


def _discovers(shape: LogShape) -> bool:
    return shape.log_class != "INFREQUENT_ACCESS"


def _number(name: str) -> str:
    return rf"(?<{name}>[0-9.]+)"


def _binned(counted: str, every: str) -> tuple[str, ...]:
    return (f"{counted} by bin({every}) as at", "sort at asc") if every else (counted,)


def _counted(count: str) -> str:
    return f"stats {count} as timeouts, min(@timestamp) as first, max(@timestamp) as last"


def _list(names: "list[str] | tuple[str, ...]") -> str:
    return ",\n         ".join(names)


def _stages(*stages: str) -> str:
    return "\n| ".join(stage for stage in stages if stage)
