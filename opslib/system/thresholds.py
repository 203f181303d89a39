"""Thresholds: where healthy ends and critical begins, for each indicator a runbook judges.

Both guides leave the edges open, so this is where they are decided. Where greater is worse, a value
is **critical** when it is greater than ``critical``; otherwise **warning** when it is at least
``warning``, except that zero is never a warning; otherwise **healthy**. So with the guide's table,
50 % of the timeout is a warning and so is exactly 80 %; one dead letter is a warning and so are
ten; an error rate above 0 % up to 1 % is a warning. Where less is worse (``worse: below``, the time
that is left), it is critical when less than ``critical``, and a warning when less than ``warning``.

The defaults are those of the aggregator's guide where it has one, then of its stack's alarms, then
of the second guide, then the house's. Must not know how a value was measured.

Sources
-------
Each threshold carries its own: "aggregator guide" is its operations guide, Health Indicators;
"aggregator stack" its CloudFormation template; "vf-api-workers guide" the second guide.
"""

from collections.abc import Mapping
from typing import Any, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from opslib.system.model import Model

Level = Literal["healthy", "warning", "critical"]

_GUIDE = "Lambda aggregator operations guide, Health Indicators"
_STACK = "alarm of the aggregator's own stack"
_TWICE = "alarm after 2 periods of 5 min as the aggregator's own stack sets it"
_WORKERS = "vf-api-workers operations guide"
_HOUSE = "house default, no guide names one"
_HOUR_MS = 3_600_000


def _filled_in(schema: dict[str, Any]) -> None:
    # A params file that changes a threshold need not repeat its unit.
    schema["required"] = ["source"]
    schema["anyOf"] = [{"required": ["warning"]}, {"required": ["critical"]}]


class Threshold(Model):
    """Where healthy ends and where critical begins. At least one of the two is needed."""

    model_config = ConfigDict(json_schema_extra=_filled_in)

    warning: float | None = Field(
        default=None, description="At least this much is a warning; zero never is."
    )
    critical: float | None = Field(default=None, description="More than this is critical.")
    unit: str = Field(description="The unit of both. It cannot be changed, so leave it out.")
    periods: int = Field(
        default=1, ge=1, description="For how many consecutive periods a value has to hold."
    )
    source: str = Field(min_length=1, description="Who says so: a guide, a decision, a date.")
    worse: Literal["above", "below"] = Field(
        default="above",
        description="Whether greater or smaller values are worse. Cannot be changed.",
    )
    rising: bool = Field(
        default=False, description="Whether a value counts only while it also grows."
    )

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        warning, critical = self.warning, self.critical
        if warning is None and critical is None:
            raise ValueError("needs warning, critical or both")
        if warning is not None and critical is not None:
            if self.worse == "above" and warning > critical:
                raise ValueError(f"warning {warning:g} is above critical {critical:g}")
            if self.worse == "below" and warning < critical:
                raise ValueError(
                    f"warning {warning:g} is below critical {critical:g}, and less is worse here"
                )
        return self

    def level(self, value: float) -> Level:
        """Return what a value, in the threshold's own unit, amounts to; see the module's text.

        ``periods`` and ``rising`` are for whoever has the series.
        """
        if self.worse == "below":
            if self.critical is not None and value < self.critical:
                return "critical"
            return "warning" if self.warning is not None and value < self.warning else "healthy"
        if self.critical is not None and value > self.critical:
            return "critical"
        if self.warning is not None and value >= self.warning and value > 0:
            return "warning"
        return "healthy"


class Thresholds(Model):
    """The thresholds of a system, or of one function. One that is changed says its own source."""

    error_rate: Threshold = Field(
        default=Threshold(
            warning=0, critical=1, unit="% of invocations", source=f"{_GUIDE}: 0 %, < 1 %, > 1 %"
        ),
        description="Invocations that ended in an error.",
    )
    swallowed_records: Threshold = Field(
        default=Threshold(
            critical=0,
            unit="records",
            source="house default: each is lost work that raises no error, no retry, no alarm",
        ),
        description="Records that failed while their invocation succeeded (`error_count`).",
    )
    duration_of_timeout: Threshold = Field(
        default=Threshold(
            warning=50,
            critical=80,
            unit="% of the timeout",
            periods=2,
            source=f"{_GUIDE}: < 50 %, < 80 %, > 80 %; {_TWICE}",
        ),
        description="How much of its timeout an invocation takes.",
    )
    duration_growth: Threshold = Field(
        default=Threshold(warning=2, unit="times", source=_HOUSE),
        description="Duration against the window before.",
    )
    iterator_age_ms: Threshold = Field(
        default=Threshold(
            warning=1_000,
            critical=30_000,
            unit="ms",
            periods=2,
            source=f"{_GUIDE}: < 1 s, < 30 s, > 30 s; {_TWICE}",
        ),
        description="Age of the last record of a batch when the function received it.",
    )
    stream_age_ms: Threshold = Field(
        default=Threshold(
            critical=_HOUR_MS, unit="ms", source=f"{_WORKERS}: GetRecords.IteratorAge > 1 hour"
        ),
        description="Age of the last record that any reader got of a Kinesis stream.",
    )
    dead_letters: Threshold = Field(
        default=Threshold(
            warning=1, critical=10, unit="messages", source=f"{_GUIDE}: 0, 1-10, > 10"
        ),
        description="Messages visible in a dead-letter queue.",
    )
    dead_letter_age_ms: Threshold = Field(
        default=Threshold(critical=_HOUR_MS, unit="ms", source=f"{_STACK}: > 3,600 s"),
        description="Age of the oldest message of a dead-letter queue.",
    )
    undelivered_letters: Threshold = Field(
        default=Threshold(
            critical=0,
            unit="failures",
            source=f"house default, of DeadLetterErrors in the {_WORKERS}: each is lost work",
        ),
        description="What Lambda could not send to a dead-letter queue or destination.",
    )
    dead_letter_hours_left: Threshold = Field(
        default=Threshold(
            warning=12,
            critical=4,
            unit="h",
            worse="below",
            source="house default: less than a shift, less than it takes to mend and replay",
        ),
        description="Time until the first dead letter, or the record it points to, is gone.",
    )
    cold_start_rate: Threshold = Field(
        default=Threshold(warning=5, unit="% of invocations", source=_HOUSE),
        description="Invocations that had to wait for an initialisation.",
    )
    init_growth: Threshold = Field(
        default=Threshold(warning=1.5, unit="times", source=_HOUSE),
        description="Time of an initialisation against the window before.",
    )
    memory_of_limit: Threshold = Field(
        default=Threshold(warning=80, critical=95, unit="% of the memory limit", source=_HOUSE),
        description="The most memory that an invocation used.",
    )
    throttles: Threshold = Field(
        default=Threshold(
            warning=0,
            critical=10,
            unit="throttles in 5 min",
            source=f"{_WORKERS}: > 0, alarm > 10 in 5 min",
        ),
        description="Invocations that were refused for want of concurrency.",
    )
    silence_ms: Threshold = Field(
        default=Threshold(
            critical=_HOUR_MS, unit="ms", source=f"{_WORKERS}: no invocation for 1 hour"
        ),
        description="Time without any invocation, for functions that are `critical`.",
    )
    queue_age_ms: Threshold = Field(
        default=Threshold(critical=900_000, unit="ms", source=f"{_WORKERS}: > 15 minutes"),
        description="Age of the oldest message of a work queue.",
    )
    queue_depth: Threshold = Field(
        default=Threshold(
            critical=100, unit="messages", rising=True, source=f"{_WORKERS}: > 100 and increasing"
        ),
        description="Messages visible in a work queue.",
    )
    stream_write_throttles: Threshold = Field(
        default=Threshold(
            critical=0,
            unit="throttled writes in 5 min",
            source=f"{_WORKERS}: > 0 for 5 minutes",
        ),
        description="Records a Kinesis stream did not take (WriteProvisionedThroughputExceeded).",
    )
    dynamodb_throttles: Threshold = Field(
        default=Threshold(
            warning=0,
            critical=1,
            unit="throttle events in 5 min",
            periods=2,
            source=f"{_STACK}: > 1 in 5 min, 2 periods",
        ),
        description="ReadThrottleEvents and WriteThrottleEvents of a table.",
    )
    dynamodb_latency_ms: Threshold = Field(
        default=Threshold(critical=100, unit="ms", source=f"{_STACK}: p99 > 100 ms"),
        description="SuccessfulRequestLatency of a table, p99.",
    )
    dynamodb_system_errors: Threshold = Field(
        default=Threshold(critical=0, unit="errors", source=f"{_WORKERS}: > 0"),
        description="Answers of DynamoDB with HTTP status 500.",
    )
    dynamodb_user_errors: Threshold = Field(
        default=Threshold(
            warning=10,
            unit="errors in 5 min",
            periods=2,
            source=f"house default; the {_WORKERS} names the metric and no threshold",
        ),
        description="Answers of DynamoDB with HTTP status 400, of the whole account and region.",
    )

    @model_validator(mode="before")
    @classmethod
    def _fill_in(cls, data: object) -> object:
        """Let a params file name only what it changes: unit and the like stay as they are."""
        if not isinstance(data, Mapping):
            return data
        filled = dict(data)
        for name, given in data.items():
            field = cls.model_fields.get(name)
            if field is not None and isinstance(given, Mapping):
                kept = {"unit", "periods", "worse", "rising"}
                filled[name] = {**field.default.model_dump(include=kept), **given}
        return filled

    @model_validator(mode="after")
    def _same_meaning(self) -> Self:
        for name, field in type(self).model_fields.items():
            given, default = getattr(self, name), field.default
            if given.unit != default.unit:
                raise ValueError(f"{name} is in {default.unit!r}, not {given.unit!r}")
            if given.worse != default.worse:
                raise ValueError(f"{name} is worse {default.worse}, not {given.worse}")
        return self

    def changed_by(self, other: "Thresholds | None") -> "Thresholds":
        """Return these, with those that the other states in their place."""
        if other is None:
            return self
        stated = {name: getattr(other, name) for name in other.model_fields_set}
        return self.model_copy(update=stated)
