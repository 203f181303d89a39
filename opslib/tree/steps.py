"""What mends a function in words, shared by every row of the tree that it mends. Does no I/O.

Each is Markdown with ``{subject}`` for the function; a line that begins with ``aws`` is a command.
Sources: as `opslib.tree.durations` and `opslib.tree.errors` name them.
"""

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
- The next deployment of the stack sets it back: change it there too
  (`zae-limiter deploy --name NAME --region REGION --lambda-memory MEMORY_MB`).
"""

BACK = """\
If it began with a deployment of `{subject}`, going back is quicker and surer than anything below:
deploy the version before, the function only (about 2 minutes, no data is lost).

```
pip install 'zae-limiter==VERSION_BEFORE'
zae-limiter upgrade --name NAME --region REGION --lambda-only
```

- A client below the minimum version that the stack keeps is refused.
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
