"""What a system's own outputs must not hold, beside the keys, tokens and passwords none may hold.

Only the patterns, checked: whoever shows or keeps text applies them together with its own.

Source
------
Groups and flags as the reader of the patterns has them: Python's ``re`` with ASCII classes; what a
group named ``kept`` matches stays.
"""

import re

from pydantic import Field, field_validator

from opslib.system.model import Model, Text


class Mask(Model):
    """A pattern of something that must not stand in an output."""

    name: Text = Field(description="What it hides; it stands in its place.", examples=["fan id"])
    pattern: Text = Field(
        description="A Python regular expression. What its group named `kept` matches, the name "
        "before a value, stays; everything else that it matches goes.",
        examples=['(?P<kept>"fanId": ?")[^"]+'],
    )

    @field_validator("pattern")
    @classmethod
    def _compiles(cls, value: str) -> str:
        try:
            compiled = re.compile(value, re.ASCII)
        except re.error as error:
            at = "" if error.pos is None else f" at character {error.pos + 1}"
            raise ValueError(
                f"{value!r} is no regular expression of Python: {error.msg}{at}"
            ) from error
        if compiled.search("") is not None:
            raise ValueError(f"{value!r} matches where nothing is, so it would mask everywhere")
        return value


#: Masked where a system says ``mask_email: true``. Every part is bounded.
EMAIL = Mask(name="e-mail address", pattern=r"\b[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+\b")
