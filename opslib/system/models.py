"""`System`: everything one params file says, held together.

What is named in one place has to be listed in another; `System` looks for every name that is not,
and for names that are listed twice, and tells of all of them at once (`Broken`).
"""

import shlex
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Self
from zoneinfo import ZoneInfo

from pydantic import Field, field_validator, model_validator

from opslib.errors import BadInput
from opslib.system.masks import EMAIL, Mask
from opslib.system.model import Environment, Model, Name, Partition, Text
from opslib.system.parts import Alarm, Bucket, Channel, Function, Guard, Queue, Stream, Table
from opslib.system.project import project_root
from opslib.system.thresholds import Thresholds

#: Where something stands in the mapping: keys and positions, outermost first.
Place = tuple[str | int, ...]

_LISTS = ("functions", "queues", "streams", "tables", "buckets", "alarms", "channels", "masks")


class Broken(ValueError):
    """Names that do not hold together: each with its place and a sentence."""

    def __init__(self, problems: list[tuple[Place, str]]) -> None:
        super().__init__("; ".join(sentence for _, sentence in problems))
        self.problems = problems


class System(Model):
    """What one params file says about one system."""

    name: Name = Field(description="What people call it.", examples=["orders"])
    environment: Environment = Field(description="Which of its environments this is.")
    account: str = Field(
        pattern=r"^\d{12}$",
        description="The pinned account, 12 digits in quotes. From another one nothing is read.",
        examples=["123456789012"],
    )
    region: str = Field(
        pattern=r"^[a-z]{2}(-[a-z]+)+-\d$",
        description="The pinned region. Every call goes there.",
        examples=["us-east-1"],
    )
    partition: Partition = Field(
        default="aws",
        description="The pinned partition: `aws`, or `aws-cn` (China), or `aws-us-gov`.",
    )
    profile: Name | None = Field(
        default=None,
        description="The profile of ~/.aws/config. Without one: the machine's own credentials.",
    )
    config_file: str | None = Field(
        default=None,
        description="An AWS config file, relative to the project, that is read instead of the "
        "caller's own config and credentials files.",
    )
    timezone: str = Field(
        default="UTC",
        description="The zone in which its people read their clocks; instants stay in UTC.",
        examples=["Europe/Berlin"],
    )
    functions: Annotated[tuple[Function, ...], Field(strict=False)] = Field(
        default=(), description="Its Lambda functions."
    )
    queues: Annotated[tuple[Queue, ...], Field(strict=False)] = Field(
        default=(), description="Its SQS queues."
    )
    streams: Annotated[tuple[Stream, ...], Field(strict=False)] = Field(
        default=(), description="Its Kinesis streams."
    )
    tables: Annotated[tuple[Table, ...], Field(strict=False)] = Field(
        default=(), description="Its DynamoDB tables."
    )
    buckets: Annotated[tuple[Bucket, ...], Field(strict=False)] = Field(
        default=(), description="Its S3 buckets."
    )
    alarms: Annotated[tuple[Alarm, ...], Field(strict=False)] = Field(
        default=(), description="Its CloudWatch alarms, as its guide or stack defines them."
    )
    channels: Annotated[tuple[Channel, ...], Field(strict=False)] = Field(
        default=(), description="Where people are told."
    )
    deploy: Text | None = Field(
        default=None,
        description="The command that deploys it, which remedies then name.",
        examples=["make deploy STAGE=production"],
    )
    go_back: Text | None = Field(
        default=None,
        description="The commands that deploy the version before, a line each, which remedies then "
        "name. VERSION_BEFORE may stand for that version.",
        examples=["git checkout VERSION_BEFORE\nmake deploy STAGE=production"],
    )
    contacts: dict[str, str] = Field(
        default_factory=dict,
        description="Whom to ask, in your own words.",
        examples=[{"escalation": "Engineering Manager"}],
    )
    thresholds: Thresholds = Field(
        default=Thresholds(), description="Thresholds in place of the operations guides'."
    )
    guard: Guard = Field(default=Guard(), description="What a change may touch.")
    masks: Annotated[tuple[Mask, ...], Field(strict=False)] = Field(
        default=(),
        description="What must not stand in outputs, beside keys, tokens and passwords, which "
        "never do.",
    )
    payload_fields: Annotated[tuple[Text, ...], Field(strict=False)] = Field(
        default=(),
        description="Names of fields of log lines and messages whose whole value is masked, in "
        "snake case; camel case is found too.",
        examples=[["fan_profile"]],
    )
    mask_email: bool = Field(default=False, description="Whether e-mail addresses are masked.")
    gaps: Annotated[tuple[Text, ...], Field(strict=False)] = Field(
        default=(),
        description="What is not known of the system yet, a sentence each, for runbooks to show.",
    )

    @model_validator(mode="before")
    @classmethod
    def _kinds_of_queues(cls, data: Any) -> Any:
        """Let a queue that something names as its dead-letter queue be one without saying so."""
        if not isinstance(data, Mapping):
            return data
        named = {
            item.get("dead_letter_queue")
            for item in (*_mappings(data, "functions"), *_mappings(data, "queues"))
            if isinstance(item.get("dead_letter_queue"), str)
        }
        if not named or not isinstance(data.get("queues"), list | tuple):
            return data
        queues = [
            {**queue, "kind": "dead-letter"}
            if isinstance(queue, Mapping) and "kind" not in queue and queue.get("name") in named
            else queue
            for queue in data["queues"]
        ]
        return {**data, "queues": queues}

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ValueError, OSError, KeyError) as error:
            raise ValueError(f"{value!r} is no IANA time zone, as Europe/Berlin is") from error
        return value

    @model_validator(mode="after")
    def _whole(self) -> Self:
        problems = [*_twice(self), *_unlisted(self), *_misfits(self)]
        if problems:
            raise Broken(problems)
        return self

    @property
    def config_path(self) -> Path | None:
        """The config file as an absolute path, or None for the caller's own."""
        return None if self.config_file is None else project_root() / self.config_file

    @property
    def aws_command(self) -> str:
        """How a command for the aws program begins, to reach this system from any shell.

        The region always; the profile, and the config file that has it, where the file names them.
        """
        words = ["aws", "--region", self.region]
        words += ["--profile", self.profile] if self.profile else []
        command = shlex.join(words)
        if self.config_file is None:
            return command
        return f"AWS_CONFIG_FILE={shlex.quote(self.config_file)} {command}"

    def arn(self, service: str, resource: str) -> str:
        """Return the ARN of something of this system: ``("lambda", "function:orders-ingest")``."""
        return f"arn:{self.partition}:{service}:{self.region}:{self.account}:{resource}"

    def function(self, name: str = "") -> Function:
        """Return the function of that name, or known as that; without a name, the only one.

        Raises
        ------
        BadInput
            No such function, or no name although there are several.
        """
        if not name and len(self.functions) == 1:
            return self.functions[0]
        if name in self._functions_called:
            return self._functions_called[name]
        known = ", ".join(_called(function) for function in self.functions) or "none"
        asked = f"{name!r} is not a function of {self.name}" if name else "no function is named"
        raise BadInput(f"Nothing was read: {asked}; it has {known}.", function=name)

    @cached_property
    def _functions_called(self) -> dict[str, Function]:
        by_name = {function.name: function for function in self.functions}
        return by_name | {each.known_as: each for each in self.functions if each.known_as}

    def thresholds_of(self, function: str) -> Thresholds:
        """Return the thresholds of the system, changed by those that the function states.

        Raises
        ------
        BadInput
            No such function.
        """
        return self.thresholds.changed_by(self.function(function).thresholds)

    @property
    def mask_patterns(self) -> dict[str, str]:
        """What this system's outputs must not hold: name to regular expression."""
        email = (EMAIL,) if self.mask_email else ()
        return {mask.name: mask.pattern for mask in (*email, *self.masks)}


def _called(function: Function) -> str:
    return function.name if function.known_as is None else f"{function.name} ({function.known_as})"


def _mappings(data: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    items = data.get(key)
    if not isinstance(items, list | tuple):
        return []
    return [item for item in items if isinstance(item, Mapping)]


def _twice(system: System) -> Iterator[tuple[Place, str]]:
    for kind in _LISTS:
        seen: set[str] = set()
        for position, item in enumerate(getattr(system, kind)):
            if item.name in seen:
                yield (kind, position, "name"), f"{item.name} is listed twice in {kind}"
            seen.add(item.name)
    called = {function.name for function in system.functions}
    for position, function in enumerate(system.functions):
        if function.known_as is not None:
            if function.known_as in called:
                place: Place = ("functions", position, "known_as")
                yield place, f"{function.known_as} is what another function is called"
            called.add(function.known_as)


def _unlisted(system: System) -> Iterator[tuple[Place, str]]:
    listed = {kind: {item.name for item in getattr(system, kind)} for kind in _LISTS}
    watched = listed["functions"] | listed["queues"] | listed["streams"] | listed["tables"]
    for place, named, owner, choice, kind in _references(system):
        known = watched if kind == "watched" else listed[kind]
        if named not in known:
            names = ", ".join(sorted(known)) or "none"
            key = next(str(step) for step in reversed(place) if isinstance(step, str))
            yield place, f"{key} {named} of {owner} is not listed{choice}; listed are {names}"


def _references(system: System) -> Iterator[tuple[Place, str, str, str, str]]:
    """Yield each name that has to be listed: its place, itself, whose it is, where, which list."""
    plain = {
        "functions": {
            "dead_letter_queue": "queues",
            "table": "tables",
            "stream": "streams",
            "queues": "queues",
            "buckets": "buckets",
        },
        "queues": {"fed_by": "functions", "dead_letter_queue": "queues"},
        "streams": {"fed_by": "functions"},
        "alarms": {"channel": "channels", "watches": "watched"},
    }
    for kind, keys in plain.items():
        for position, item in enumerate(getattr(system, kind)):
            for key, target in keys.items():
                value = getattr(item, key)
                where = " in functions, queues, streams or tables"
                choice = where if target == "watched" else f" in {target}"
                if isinstance(value, tuple):
                    for index, name in enumerate(value):
                        yield (kind, position, key, index), name, item.name, choice, target
                elif value is not None:
                    yield (kind, position, key), value, item.name, choice, target


def _misfits(system: System) -> Iterator[tuple[Place, str]]:
    wanted = _partition_of(system.region)
    if system.partition != wanted:
        yield (
            ("partition",) if "partition" in system.model_fields_set else ("region",),
            f"region {system.region} is in partition {wanted}, not {system.partition}; "
            f"say partition: {wanted}, or correct the region",
        )
    kinds = {queue.name: queue.kind for queue in system.queues}
    streamless = {table.name for table in system.tables if table.stream is False}
    for position, function in enumerate(system.functions):
        place: Place = ("functions", position)
        if kinds.get(function.dead_letter_queue or "") == "work":
            yield (
                (*place, "dead_letter_queue"),
                f"{function.dead_letter_queue} is where failures of {function.name} go, "
                "but its kind is work; say kind: dead-letter, or name another queue",
            )
        if function.table in streamless:
            yield (
                (*place, "table"),
                f"{function.name} reads the stream of {function.table}, "
                "which says stream: false; say stream: true, or leave out the table here",
            )


def _partition_of(region: str) -> str:
    if region.startswith("cn-"):
        return "aws-cn"
    return "aws-us-gov" if region.startswith("us-gov-") else "aws"
