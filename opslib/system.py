"""One system as its params file has it: account, region, functions, queues, thresholds.

In: a name (``sandbox`` is ``params/sandbox.yaml``), a path, or the mapping itself. Out: a validated
`System`. Everything wrong is said before any AWS call, with file, line, key and what is allowed.
Reads that one file and does no other I/O; must not know AWS clients.

How a threshold divides its values (both guides leave the edges open, so this is where they are
decided): **critical** when the value is greater than ``critical``; otherwise **warning** when it is
at least ``warning``, except that zero is never a warning; otherwise **healthy**. So with the
guide's table, 50 % of the timeout is a warning and so is exactly 80 %; one dead letter is a warning
and so are ten; an error rate above 0 % up to 1 % is a warning.

Sources
-------
Thresholds: each carries its own; "guide" is the aggregator's operations guide.
"""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo

import yaml
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from opslib.errors import BadInput

_GUIDE = "Lambda aggregator operations guide, Health Indicators"
_ALARM = "alarm after 2 periods of 5 min as the aggregator's own stack sets it"
_HOUSE = "house default, no guide names one"


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Threshold(_Model):
    """Where healthy ends and where critical begins; see the module's text for the edges.

    ``periods`` is for how many consecutive periods a value has to hold before it counts.
    """

    warning: float | None = None
    critical: float | None = None
    unit: str
    periods: int = Field(default=1, ge=1)
    source: str = Field(min_length=1)

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.warning is None and self.critical is None:
            raise ValueError("needs warning, critical or both")
        warning, critical = self.warning, self.critical
        if warning is not None and critical is not None and warning > critical:
            raise ValueError(f"warning {warning:g} is above critical {critical:g}")
        return self


class Thresholds(_Model):
    """The thresholds of a system. One that a params file changes must say its own source."""

    error_rate: Threshold = Threshold(
        warning=0, critical=1, unit="% of invocations", source=f"{_GUIDE}: 0 %, < 1 %, > 1 %"
    )
    duration_of_timeout: Threshold = Threshold(
        warning=50,
        critical=80,
        unit="% of the timeout",
        periods=2,
        source=f"{_GUIDE}: < 50 %, < 80 %, > 80 %; {_ALARM}",
    )
    duration_growth: Threshold = Threshold(warning=2, unit="times", source=_HOUSE)
    iterator_age_ms: Threshold = Threshold(
        warning=1_000,
        critical=30_000,
        unit="ms",
        periods=2,
        source=f"{_GUIDE}: < 1 s, < 30 s, > 30 s; {_ALARM}",
    )
    dead_letters: Threshold = Threshold(
        warning=1, critical=10, unit="messages", source=f"{_GUIDE}: 0, 1-10, > 10"
    )
    cold_start_rate: Threshold = Threshold(warning=5, unit="% of invocations", source=_HOUSE)
    init_growth: Threshold = Threshold(warning=1.5, unit="times", source=_HOUSE)
    memory_of_limit: Threshold = Threshold(
        warning=80, critical=95, unit="% of the memory limit", source=_HOUSE
    )

    @model_validator(mode="before")
    @classmethod
    def _fill_units(cls, data: object) -> object:
        """Let a params file name only what it changes: unit and periods stay as they are."""
        if not isinstance(data, Mapping):
            return data
        filled = dict(data)
        for name, given in data.items():
            field = cls.model_fields.get(name)
            if field is not None and isinstance(given, Mapping):
                default = field.default
                filled[name] = {"unit": default.unit, "periods": default.periods, **given}
        return filled

    @model_validator(mode="after")
    def _same_units(self) -> Self:
        for name, field in type(self).model_fields.items():
            unit = getattr(self, name).unit
            if unit != field.default.unit:
                raise ValueError(f"{name} is in {field.default.unit!r}, not {unit!r}")
        return self


_Name = Annotated[str, Field(min_length=1, max_length=255)]


class Function(_Model):
    """A Lambda function.

    ``dead_letter_queue`` is where its failures go. ``table`` is the DynamoDB table whose stream it
    reads; a function that names one is expected to be invoked, and to have an iterator age.
    """

    name: _Name
    dead_letter_queue: _Name | None = None
    table: _Name | None = None


class Queue(_Model):
    """An SQS queue."""

    name: _Name


class Table(_Model):
    """A DynamoDB table."""

    name: _Name


class System(_Model):
    """What one params file says about one system.

    ``account`` and ``region`` are the pin: no call is made from another account, and every call
    goes to this region. ``config_file`` is an AWS shared config file, relative to the project root,
    that is read instead of the caller's own config and credentials files.
    """

    name: _Name
    environment: Literal["sandbox", "development", "staging", "production"]
    account: str = Field(pattern=r"^\d{12}$")
    region: str = Field(pattern=r"^[a-z]{2}(-[a-z]+)+-\d$")
    profile: _Name | None = None
    config_file: str | None = None
    timezone: str = "UTC"
    functions: tuple[Function, ...] = Field(default=(), strict=False)
    queues: tuple[Queue, ...] = Field(default=(), strict=False)
    tables: tuple[Table, ...] = Field(default=(), strict=False)
    thresholds: Thresholds = Thresholds()
    contacts: dict[str, str] = Field(default_factory=dict)

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
        queues = {queue.name for queue in self.queues}
        tables = {table.name for table in self.tables}
        for function in self.functions:
            for kind, named, listed in (
                ("dead_letter_queue", function.dead_letter_queue, queues),
                ("table", function.table, tables),
            ):
                if named is not None and named not in listed:
                    known = ", ".join(sorted(listed)) or "none"
                    raise ValueError(
                        f"{kind} {named} of {function.name} is not listed; listed are {known}"
                    )
        return self

    @property
    def config_path(self) -> Path | None:
        """The config file as an absolute path, or None for the caller's own."""
        return None if self.config_file is None else project_root() / self.config_file

    def function(self, name: str = "") -> Function:
        """Return the function of that name; without a name, the only one.

        Raises
        ------
        BadInput
            No such function, or no name although there are several.
        """
        if not name and len(self.functions) == 1:
            return self.functions[0]
        for function in self.functions:
            if function.name == name:
                return function
        known = ", ".join(function.name for function in self.functions) or "none"
        asked = f"{name!r} is not a function of {self.name}" if name else "no function is named"
        raise BadInput(f"Nothing was read: {asked}; it has {known}.", function=name)


def project_root() -> Path:
    """Return the folder that holds params/, notebooks/ and runs/.

    The environment variable ``OPSLIB_HOME`` if set, else the nearest of the working directory and
    its parents that has both ``params`` and ``notebooks``.

    Raises
    ------
    BadInput
        Neither names such a folder.
    """
    home = os.environ.get("OPSLIB_HOME")
    if home:
        if not Path(home).is_dir():
            raise BadInput(f"Nothing was read: OPSLIB_HOME is {home}, which is no folder.")
        return Path(home).resolve()
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / "params").is_dir() and (folder / "notebooks").is_dir():
            return folder
    raise BadInput(
        f"Nothing was read: neither {here} nor a folder above it holds params/ and notebooks/. "
        "Change into the project, or set OPSLIB_HOME to it."
    )


def load(system: str | Path | Mapping[str, object]) -> System:
    """Return the system that a notebook's ``system`` parameter means.

    Parameters
    ----------
    system
        A name (``sandbox`` is ``params/sandbox.yaml``), the path of a params file, or the mapping
        under its key ``system``.

    Raises
    ------
    BadInput
        There is no such file, or something in it is wrong; the message has file, line and key.
    """
    if isinstance(system, Mapping):
        return _validated(system, source="system", lines=None)
    path = _find(system)
    params, node = _read(path)
    if not isinstance(params.get("system"), Mapping):
        raise BadInput(
            f"{_shown(path)}: there is no `system:` mapping at the top level. Nothing ran.",
            file=str(path),
        )
    return _validated(params["system"], source=_shown(path), lines=_child(node, "system"))


def load_params(file: str | Path) -> dict[str, Any]:
    """Return the top-level keys of a params file, its ``system`` mapping validated but as written.

    Parameters
    ----------
    file
        A name or a path, as for `load`. Instants stay text, as written.

    Raises
    ------
    BadInput
        As `load`.
    """
    path = _find(file)
    params, node = _read(path)
    if isinstance(params.get("system"), Mapping):
        _validated(params["system"], source=_shown(path), lines=_child(node, "system"))
    return params


class _Loader(yaml.SafeLoader):
    """YAML's safe loader, but an instant stays the text that was written."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, regexp) for tag, regexp in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def _find(system: str | Path) -> Path:
    text = str(system)
    root = project_root()
    if isinstance(system, str) and "/" not in text and not text.endswith((".yaml", ".yml")):
        path = root / "params" / f"{text}.yaml"
        if path.is_file():
            return path
        known = ", ".join(sorted(file.stem for file in (root / "params").glob("*.yaml"))) or "none"
        raise BadInput(
            f"Nothing ran: there is no system {text!r}; params/ has {known}.", system=text
        )
    for path in (Path(text), root / text):
        if path.is_file():
            return path.resolve()
    raise BadInput(f"Nothing ran: there is no params file {text}.", system=text)


def _read(path: Path) -> tuple[dict[str, Any], yaml.MappingNode]:
    source = _shown(path)
    content = path.read_bytes()
    try:
        loader = _Loader(content.decode("utf-8"))
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise BadInput(
            f"{source}, line {line}: this is not UTF-8 text. Save it as UTF-8. Nothing ran.",
            file=str(path),
        ) from error
    try:
        node = loader.get_single_node()
        if not isinstance(node, yaml.MappingNode):
            raise BadInput(f"{source}: the file is not a mapping of parameters. Nothing ran.")
        for key, line in _repeated(node):
            raise BadInput(f"{source}, line {line}: `{key}` is there twice. Nothing ran.")
        return loader.construct_document(node), node
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f", line {mark.line + 1}" if mark is not None else ""
        raise BadInput(
            f"{source}{where}: this is not YAML: {error.problem}. Nothing ran.", file=str(path)
        ) from error
    finally:
        loader.dispose()


def _repeated(node: yaml.Node) -> Iterator[tuple[str, int]]:
    if isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _repeated(item)
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if key.value in seen:
                yield key.value, key.start_mark.line + 1
            seen.add(key.value)
            yield from _repeated(value)


def _validated(mapping: Mapping[str, object], *, source: str, lines: yaml.Node | None) -> System:
    try:
        return System.model_validate(dict(mapping))
    except ValidationError as error:
        problems = [_problem(found, source=source, lines=lines) for found in error.errors()]
        raise BadInput(
            "\n".join([*problems, "Nothing ran."]), problems=tuple(problems), file=source
        ) from error


def _problem(found: Any, *, source: str, lines: yaml.Node | None) -> str:
    steps = [step for step in found["loc"] if step != "[key]"]
    node, line = _locate(lines, steps)
    where = source if line is None else f"{source}, line {line}"
    key = ".".join(str(step) for step in steps) or "system"
    kind = found["type"]
    if kind == "extra_forbidden":
        allowed = ", ".join(_model_at(steps[:-1]).model_fields)
        owner = ".".join(str(step) for step in steps[:-1]) or "system"
        return f"{where}: `{steps[-1]}` is not a key of {owner}; it takes {allowed}."
    if kind == "missing":
        return f"{where}: `{key}` is missing."
    if steps == ["account"]:
        shown = node.value if isinstance(node, yaml.ScalarNode) else found["input"]
        if kind == "string_type":
            quoted = f'account: "{shown}"' if _twelve(shown) else 'account: "<12 digits>"'
            return f"{where}: `account` is the number {shown}; quote it: {quoted}."
        return f"{where}: `account` is {shown!r}; it takes 12 digits in quotes."
    if kind == "literal_error":
        return f"{where}: `{key}` is {found['input']!r}; it takes {found['ctx']['expected']}."
    said = found["msg"].removeprefix("Value error, ")
    return f"{where}: `{key}`: {said[0].lower()}{said[1:]}."


def _twelve(shown: object) -> bool:
    return len(str(shown)) == 12 and str(shown).isdigit()


def _model_at(steps: list[Any]) -> type[BaseModel]:
    model: type[BaseModel] = System
    known: dict[str, type[BaseModel]] = {
        "functions": Function,
        "queues": Queue,
        "tables": Table,
        "thresholds": Thresholds,
    }
    for step in steps:
        if model is Thresholds:
            return Threshold
        model = known.get(step, model)
    return model


def _locate(node: yaml.Node | None, steps: list[Any]) -> tuple[yaml.Node | None, int | None]:
    """Return the node at the path and its line; of a missing key, the line of what lacks it."""
    line = None if node is None else node.start_mark.line + 1
    for step in steps:
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                if key.value == str(step):
                    node, line = value, key.start_mark.line + 1
                    break
            else:
                return None, line
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int):
            node = node.value[step]
            line = node.start_mark.line + 1
        else:
            return None, line
    return node, line


def _child(node: yaml.MappingNode, name: str) -> yaml.Node:
    child: yaml.Node = next(value for key, value in node.value if key.value == name)
    return child


def _shown(path: Path) -> str:
    """Return the path as a person would type it: relative to the project where it lies in it."""
    root = project_root()
    return str(path.relative_to(root)) if path.is_relative_to(root) else str(path)
