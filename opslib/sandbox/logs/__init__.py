"""CloudWatch Logs as far as the sandbox answers it itself, over the events the emulator keeps.

``queries`` runs Logs Insights queries on the local engine, ``groups`` says which log groups a call
means, ``definitions`` keeps saved queries, ``records`` answers for single events and their fields,
``filtering`` is FilterLogEvents with the pattern language of ``patterns`` (text to condition) and
``matching`` (condition on a message), ``putting`` holds PutLogEvents to AWS's rules, and ``paging``
makes and reads tokens. ``opslib.sandbox.logs_calls`` says which call goes where.
"""
