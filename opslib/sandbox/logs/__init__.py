"""CloudWatch Logs as far as the sandbox answers it itself, over the events the emulator keeps.

``queries`` runs Logs Insights queries on the local engine, as ``asking`` reads them; ``groups``
says which log groups a call means; ``definitions`` keeps saved queries; ``records`` answers for
single events and their fields; ``filtering`` is FilterLogEvents, whose pattern language ``reading``
turns into ``patterns`` and ``matching`` applies to messages; ``putting`` holds PutLogEvents to
AWS's rules; ``paging`` makes and reads tokens; ``refusals`` words errors.
``opslib.sandbox.logs_calls`` says which call goes where.
"""
