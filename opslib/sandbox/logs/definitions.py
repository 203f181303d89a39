"""Saved queries: PutQueryDefinition, DescribeQueryDefinitions, DeleteQueryDefinition.

In: the bodies of these calls. Out: their answers, or a `Refused`. The text of a saved query is not
checked, for the service takes texts with placeholders. Must not know how queries are run.

Source: botocore's ``logs`` model; CloudWatch Logs quotas (1,000 saved queries an account and
region). In what order they are listed is not documented: here the oldest first.
"""

import re
import uuid
from typing import Any

from opslib.sandbox.clock import Clock
from opslib.sandbox.logs.paging import page
from opslib.sandbox.logs.refusals import (
    GROUP_NAME,
    LANGUAGES,
    invalid,
    limit_exceeded,
    not_found,
    one_of,
    text,
    texts,
)

DEFINITIONS_LIMIT = 1000
PARAMETERS_LIMIT = 20
PAGE_LIMIT = 1000
_PARAMETER = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]{0,127}")
_TOKEN = re.compile(r"\S{36,128}")


class Definitions:
    """The saved queries of one account and region.

    Parameters
    ----------
    clock
        Dates them.
    """

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock
        self._kept: dict[str, dict[str, Any]] = {}
        self._by_token: dict[str, str] = {}

    def put(self, body: dict[str, Any]) -> dict[str, Any]:
        """Answer PutQueryDefinition: a new one, or one replaced whole by its id."""
        definition = self._checked(body)
        known = body.get("queryDefinitionId")
        asked = body.get("clientToken")
        if asked is not None and not (isinstance(asked, str) and _TOKEN.fullmatch(asked)):
            raise invalid("clientToken must have 36 to 128 characters, none of them white space.")
        if known is not None and known not in self._kept:
            raise not_found(f"Query definition {known} does not exist.")
        if known is None and asked in self._by_token:
            return {"queryDefinitionId": self._by_token[asked]}
        if known is None and len(self._kept) >= DEFINITIONS_LIMIT:
            raise limit_exceeded(f"An account has at most {DEFINITIONS_LIMIT} query definitions.")
        identity = known or str(uuid.uuid4())
        definition["queryDefinitionId"] = identity
        definition["lastModified"] = round(self._clock.now().timestamp() * 1000)
        self._kept[identity] = definition
        if asked:
            self._by_token[asked] = identity
        return {"queryDefinitionId": identity}

    def describe(self, body: dict[str, Any]) -> dict[str, Any]:
        """Answer DescribeQueryDefinitions: those whose name has a prefix, a page at a time."""
        prefix = text(body, "queryDefinitionNamePrefix", least=1, most=255) or ""
        language = one_of(body, "queryLanguage", LANGUAGES)
        found = [
            definition
            for definition in self._kept.values()
            if definition["name"].startswith(prefix)
            and language in (None, definition["queryLanguage"])
        ]
        subject = f"definitions/{prefix}/{language}"
        definitions, following = page(
            found, body, subject=subject, size="maxResults", most=PAGE_LIMIT
        )
        return {"queryDefinitions": definitions} | following

    def delete(self, body: dict[str, Any]) -> dict[str, Any]:
        """Answer DeleteQueryDefinition."""
        identity = text(body, "queryDefinitionId", least=1, most=256)
        if identity is None:
            raise invalid("queryDefinitionId is missing.")
        if self._kept.pop(identity, None) is None:
            raise not_found(f"Query definition {identity} does not exist.")
        self._by_token = {
            asked: known for asked, known in self._by_token.items() if known != identity
        }
        return {"success": True}

    def _checked(self, body: dict[str, Any]) -> dict[str, Any]:
        name = text(body, "name", least=1, most=255)
        query = text(body, "queryString", least=1, most=10_000)
        if name is None or query is None:
            raise invalid("name and queryString are needed.")
        groups = texts(body, "logGroupNames")
        for group in groups:
            if not GROUP_NAME.fullmatch(group):
                raise invalid(f"'{group}' is no name of a log group.")
        language = one_of(body, "queryLanguage", LANGUAGES) or "CWLI"
        definition: dict[str, Any] = {
            "name": name,
            "queryString": query,
            "queryLanguage": language,
            "logGroupNames": groups,
        }
        parameters = body.get("parameters") or []
        if parameters:
            if language != "CWLI":
                raise invalid("Query parameters are supported for CWLI only.")
            definition["parameters"] = _parameters(parameters)
        return definition


def _parameters(given: Any) -> list[dict[str, str]]:
    if not isinstance(given, list) or len(given) > PARAMETERS_LIMIT:
        raise invalid(f"A query definition has at most {PARAMETERS_LIMIT} parameters.")
    for parameter in given:
        if not isinstance(parameter, dict) or not _PARAMETER.fullmatch(
            str(parameter.get("name", ""))
        ):
            raise invalid("A parameter's name has letters, digits and _, and begins with no digit.")
        text(parameter, "defaultValue", least=0, most=1024)
        text(parameter, "description", least=0, most=512)
    return given
