"""What all models of a params file share: strict, frozen, no unknown key; the types of a name."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Environment = Literal["sandbox", "development", "staging", "production"]
Partition = Literal["aws", "aws-cn", "aws-us-gov"]
Severity = Literal["high", "medium", "low"]

#: The name of a thing in AWS, as AWS has it: no path, no ARN needed.
Name = Annotated[str, Field(min_length=1, max_length=255)]
#: Something a person reads.
Text = Annotated[str, Field(min_length=1)]


class Model(BaseModel):
    """Takes the keys it names, of the types it names, and nothing else."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)
