"""Queues of the emulated SQS by their ARNs, and their messages, without a socket.

In: ARNs, and messages as ReceiveMessage gives them. Out: the same. An error of the emulator is
raised as `Refused`. Must not know why messages are moved.
"""

import contextlib
import json
import uuid
from typing import Any

from opslib.sandbox.calls import Emulator
from opslib.sandbox.operations import Refused

# Long enough to send ten messages; what is not moved is made visible again at once.
_HIDDEN_S = 60


class Queues:
    """The queues of an account and region, by their ARNs."""

    def __init__(self, emulator: Emulator, *, account: str, region: str) -> None:
        self._emulator = emulator
        self._of = {"account": account, "region": region}

    async def _call(self, name: str, body: dict[str, Any]) -> dict[str, Any]:
        return await self._emulator.call("sqs", name, body, **self._of)

    async def url(self, arn: str) -> str | None:
        """Find a queue; None when there is none."""
        match arn.split(":"):
            case ["arn", _, "sqs", region, account, name] if region == self._of["region"]:
                with contextlib.suppress(Refused):
                    body = {"QueueName": name, "QueueOwnerAWSAccountId": account}
                    return str((await self._call("GetQueueUrl", body))["QueueUrl"])
        return None

    async def sources(self, arn: str) -> list[str]:
        """Name the queues whose dead letters go to this one, by their names, in order."""
        found = []
        for url in (await self._call("ListQueues", {})).get("QueueUrls", ()):
            attributes = await self._attributes(url, "RedrivePolicy")
            policy = json.loads(attributes.get("RedrivePolicy") or "{}")
            if policy.get("deadLetterTargetArn") == arn:
                found.append(url.rpartition("/")[2])
        return sorted(found)

    async def visible(self, url: str) -> int:
        """Count the messages that can be received."""
        name = "ApproximateNumberOfMessages"
        return int((await self._attributes(url, name))[name])

    async def hidden_s(self, url: str) -> int:
        """Tell for how long a message that was received is hidden, unless told otherwise."""
        return int((await self._attributes(url, "VisibilityTimeout"))["VisibilityTimeout"])

    async def arn(self, url: str) -> str:
        """Tell a queue's ARN."""
        return str((await self._attributes(url, "QueueArn"))["QueueArn"])

    async def receive(self, arn: str, some: int) -> list[dict[str, Any]]:
        """Receive messages with all they carry."""
        answer = await self._call(
            "ReceiveMessage",
            {
                "QueueUrl": await self.url(arn),
                "MaxNumberOfMessages": some,
                "VisibilityTimeout": _HIDDEN_S,
                "WaitTimeSeconds": 0,
                "AttributeNames": ["All"],
                "MessageAttributeNames": ["All"],
            },
        )
        return list(answer.get("Messages", ()))

    async def send(self, arn: str, message: dict[str, Any]) -> None:
        """Send a message anew to a queue, which may be gone."""
        carried = message.get("Attributes", {})
        body: dict[str, Any] = {"QueueUrl": await self.url(arn) or arn.rpartition(":")[2]}
        body["MessageBody"] = message["Body"]
        body["MessageAttributes"] = message.get("MessageAttributes", {})
        if "MessageGroupId" in carried:
            body["MessageGroupId"] = carried["MessageGroupId"]
            body["MessageDeduplicationId"] = str(uuid.uuid4())
        if "AWSTraceHeader" in carried:
            trace = {"DataType": "String", "StringValue": carried["AWSTraceHeader"]}
            body["MessageSystemAttributes"] = {"AWSTraceHeader": trace}
        await self._call("SendMessage", body)

    async def delete(self, arn: str, message: dict[str, Any]) -> None:
        """Delete a message that was received."""
        handle = message["ReceiptHandle"]
        await self._call(
            "DeleteMessage", {"QueueUrl": await self.url(arn), "ReceiptHandle": handle}
        )

    async def show(self, arn: str, messages: list[dict[str, Any]]) -> None:
        """Make messages that were received visible again, as far as they still are there."""
        for message in messages:
            body = {"QueueUrl": await self.url(arn), "ReceiptHandle": message["ReceiptHandle"]}
            with contextlib.suppress(Refused):
                await self._call("ChangeMessageVisibility", body | {"VisibilityTimeout": 0})

    async def _attributes(self, url: str, name: str) -> dict[str, Any]:
        answer = await self._call("GetQueueAttributes", {"QueueUrl": url, "AttributeNames": [name]})
        return dict(answer.get("Attributes", {}))
