"""Secrets, tokens and payloads taken out of text, before it is shown or kept.

In: patterns by name and names of fields that hold payloads, the house's own and a system's; text,
JSON values, frames or notebooks. Out: the same with ``[masked: aws secret key]`` where a secret
stood. What a runbook needs stays: request ids, ARNs, sequence numbers, numbers, tokens of plans.
Masking twice is masking once. Pure: does no I/O, keeps no state, and must not know who shows or
keeps what.
"""

from opslib.masking.masks import Masks, of
from opslib.masking.notebooks import notebook
from opslib.masking.patterns import PATTERNS, PAYLOADS

__all__ = ["PATTERNS", "PAYLOADS", "Masks", "notebook", "of"]
