"""What mends a function in words, shared by every row of the tree that it mends. Does no I/O.

Each is Markdown; a line that begins with ``aws`` is a command. `filled` puts in the names: of the
function for ``{subject}``, of its log group for ``{group}``, and the system's own commands for
``{deploy}`` and ``{back}``, for how a system is deployed nobody knows but its params file.
Sources: as `opslib.tree.durations` and `opslib.tree.errors` name them.
"""


def filled(step: str, *, subject: str, group: str = "", deploy: str = "", back: str = "") -> str:
    """Return a step with its names and commands.

    Parameters
    ----------
    group
        The log group that was read; empty for that of a function which names none.
    deploy, back
        The command that deploys the system, and those that deploy the version before, a line each;
        empty where the params file has none.
    """
    code = f":\n\n```\n{back.strip()}\n```" if back else ", as your deployment does it."
    held = {
        "{subject}": subject,
        "{group}": group or f"/aws/lambda/{subject}",
        "{deploy}": f" (`{deploy.strip()}`)" if deploy else "",
        "{back}": code,
    }
    for name, value in held.items():
        step = step.replace(name, value)
    return step


MEMORY = """\
Raise the memory of `{subject}`; CPU scales with it. At most double what it has at a time, and look
again.

```
aws lambda update-function-configuration --function-name {subject} --memory-size MEMORY_MB
aws lambda wait function-updated-v2 --function-name {subject}
```

- It changes `$LATEST` only. If callers use an alias, publish a version and move the alias
  (`aws lambda publish-version`, `aws lambda update-alias --revision-id ...`), or nothing changes.
- It replaces every warm environment, so a burst of cold starts follows.
- The next deployment of the stack sets it back: change it there too{deploy}.
"""

BACK = """\
If it began with a deployment of `{subject}`, going back is quicker and surer than anything below:
deploy the version before, the function only{back}

- Where callers use an alias, move it to the version before and clear its weights instead
  (`aws lambda update-alias --function-version N --routing-config '{}' --revision-id ...`).
"""

TIMEOUT = """\
Raise the timeout of `{subject}` only to win time: it hides a slow dependency and does not mend it.

```
aws lambda update-function-configuration --function-name {subject} --timeout SECONDS
```

- It changes `$LATEST` only: an alias does not move with it, so publish a version and move it.
- If an SQS queue feeds the function, its visibility timeout has to stay at least six times the
  timeout, or messages come back while they are still being worked on.
"""

BATCH = """\
Have each invocation of `{subject}` do less: halve the batch of its event source mapping.

```
aws lambda list-event-source-mappings --function-name {subject} \\
  --query 'EventSourceMappings[].[UUID,EventSourceArn,BatchSize,State]' --output table
aws lambda update-event-source-mapping --uuid UUID --batch-size RECORDS
```

- Take the UUID of the right mapping: a function may have several. The change is asynchronous:
  wait for `State` to be `Enabled` again.
- Smaller batches make more invocations. Watch the iterator age for 15 to 30 minutes.
"""
