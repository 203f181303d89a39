"""Invoke answers under the request id that stands in the log.

In: a `Call` of Invoke. Out: the emulator's answer, whose request id is the invocation's. The
emulator gives every HTTP answer an id of its own, at the very end. Must not know how a function is
run.
"""

from opslib.sandbox.calls import Call
from opslib.sandbox.wire import Answer

# Carries the invocation's id from `emulator.functions` to here.
HEADER = "x-opslib-invocation-id"
_ANSWERED = ("x-amzn-requestid", "x-amz-request-id")


class LambdaRequestIds:
    """Puts an invocation's request id into the answer of its Invoke."""

    async def answer(self, call: Call) -> Answer | None:
        """Let the emulator answer Invoke, and mend its answer; let other calls pass."""
        if call.operation.name != "Invoke":
            return None
        answer = await call.ask()
        request_id = answer.header(HEADER)
        if request_id:
            answer.headers = [
                *(
                    (name, value)
                    for name, value in answer.headers
                    if name not in {*_ANSWERED, HEADER}
                ),
                *((name, request_id) for name in _ANSWERED),
            ]
        return answer
