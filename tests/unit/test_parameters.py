"""Strict parameters: what a notebook declares, and what is refused before anything runs."""

import json
from pathlib import Path

import pytest

from opslib.dead_letters.looking import MOST
from opslib.errors import BadInput
from opslib.parameters import (
    Parameter,
    check,
    check_injected,
    collect,
    declared,
    declared_in,
    find_notebook,
    from_text,
    require_system,
)
from opslib.system import project_root

CELL = """system: str | dict = "sandbox"  # name, path or mapping
start: str = "-3h"  # ISO 8601 or relative
count: int = 3
share: float = 0.5  # of the whole
sample: bool = False
names: list = []
approve: str = ""  # token of a plan
"""


@pytest.fixture(name="parameters")
def _parameters() -> list[Parameter]:
    return declared_in(CELL, notebook="20-duration")


def _named(parameters: list[Parameter], name: str) -> Parameter:
    return next(parameter for parameter in parameters if parameter.name == name)


def _notebook(path: Path, cell: str) -> Path:
    cells = [
        {"cell_type": "markdown", "metadata": {}, "source": ["# 20"]},
        {
            "cell_type": "code",
            "metadata": {"tags": ["parameters"]},
            "source": cell.splitlines(keepends=True),
            "outputs": [],
            "execution_count": None,
        },
    ]
    document = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    path.write_text(json.dumps(document))
    return path


def _project(folder: Path, monkeypatch: pytest.MonkeyPatch, **files: str) -> None:
    (folder / "params").mkdir()
    (folder / "notebooks").mkdir()
    for name, text in files.items():
        (folder / "params" / f"{name}.yaml").write_text(text)
    monkeypatch.setenv("OPSLIB_HOME", str(folder))
    monkeypatch.chdir(folder)


def test_a_parameters_cell_is_read_without_being_run(tmp_path: Path) -> None:
    path = _notebook(tmp_path / "20-duration.ipynb", CELL)

    found = declared(path)

    assert found == [
        Parameter("system", (str, dict), "sandbox", "name, path or mapping"),
        Parameter("start", (str,), "-3h", "ISO 8601 or relative"),
        Parameter("count", (int,), 3, ""),
        Parameter("share", (float,), 0.5, "of the whole"),
        Parameter("sample", (bool,), False, ""),
        Parameter("names", (list,), [], ""),
        Parameter("approve", (str,), "", "token of a plan"),
    ]


def test_a_line_without_a_type_takes_the_type_of_its_literal() -> None:
    assert declared_in('approve = ""', notebook="20") == [Parameter("approve", (str,), "")]


@pytest.mark.parametrize(
    "line",
    [
        "import os",
        "start: str = make()",
        "start: datetime = '-3h'",
        "count: int = 'three'",
        "count: int",
        "a = b = 1",
        "x = (1, 2)",
        "x = = 1",
    ],
)
def test_a_parameters_cell_that_is_more_than_literals_is_refused(line: str) -> None:
    with pytest.raises(BadInput) as refused:
        declared_in(f"ok: int = 1\n{line}", notebook="20-duration")

    assert refused.value.facts == {"notebook": "20-duration", "line": 2}


def test_what_is_no_notebook_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.ipynb"
    path.write_text("[1, 2]")

    with pytest.raises(BadInput) as refused:
        declared(path)

    assert str(refused.value) == f"{path}: this is not a notebook of format 4. Nothing ran."


def test_an_unknown_name_is_refused_with_what_there_is(parameters: list[Parameter]) -> None:
    with pytest.raises(BadInput) as refused:
        check({"acount": "1"}, parameters, notebook="20-duration", source="params/orders.yaml")

    assert str(refused.value) == (
        "params/orders.yaml: `acount` is not a parameter of 20-duration; it takes system, start, "
        "count, share, sample, names, approve. Nothing ran."
    )


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("start", 2026, "takes text, not 2026, a whole number. Put it in quotes: start: '2026'."),
        ("start", None, "takes text, not null."),
        ("approve", True, "takes text, not true, true or false. Put it in quotes: approve: 'true'"),
        ("count", True, "takes a whole number, not true, true or false."),
        ("count", 1.5, "takes a whole number, not 1.5, a number."),
        ("count", "3", "takes a whole number, not text."),
        ("sample", "false", "takes true or false, not text."),
        ("sample", 0, "takes true or false, not 0, a whole number."),
        ("share", float("nan"), "takes a number, not NaN, a number."),
        ("names", {"a": 1}, "takes a list, not a mapping."),
        ("system", ["a"], "takes text or a mapping, not a list."),
    ],
)
def test_a_value_of_another_type_is_refused(
    parameters: list[Parameter], name: str, value: object, said: str
) -> None:
    with pytest.raises(BadInput) as refused:
        check({name: value}, parameters, notebook="20-duration", source="x.yaml")

    assert str(refused.value).startswith(f"x.yaml: `{name}` of 20-duration {said}")


def test_values_of_the_declared_types_pass_as_they_are(parameters: list[Parameter]) -> None:
    given = {"system": {"name": "A"}, "count": 0, "sample": True, "names": [1], "share": 2}

    checked = check(given, parameters, notebook="20-duration", source="x.yaml")

    assert checked == {
        "system": {"name": "A"},
        "count": 0,
        "sample": True,
        "names": [1],
        "share": 2.0,
    }
    assert type(checked["share"]) is float


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("system", "012345678901", "012345678901"),
        ("start", "-3h", "-3h"),
        ("start", "true", "true"),
        ("start", "1_000", "1_000"),
        ("start", "12e456789012", "12e456789012"),
        ("count", "-7", -7),
        ("share", "0.50", 0.5),
        ("share", "1e-3", 0.001),
        ("share", "2", 2.0),
        ("sample", "false", False),
        ("sample", "True", True),
        ("names", "[a, 'b']", ["a", "b"]),
        ("approve", "plan-ac75c7cb", "plan-ac75c7cb"),
        ("approve", "", ""),
    ],
)
def test_text_of_the_command_line_becomes_the_declared_type(
    parameters: list[Parameter], name: str, text: str, value: object
) -> None:
    read = from_text(text, _named(parameters, name), notebook="20-duration", source="-p")

    assert read == value
    assert type(read) is type(value)


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("sample", "no", "-p: `sample` of 20-duration takes true or false, not text. Nothing ran."),
        ("sample", "0", "-p: `sample` of 20-duration takes true or false, not text. Nothing ran."),
        ("count", "1_000", "-p: `count` of 20-duration takes a whole number, not text."),
        ("count", "1.0", "-p: `count` of 20-duration takes a whole number, not text."),
        (
            "count",
            "007",
            "-p: `count` of 20-duration takes a whole number, not text. "
            "A number begins with no zero, which would be lost. Nothing ran.",
        ),
        ("share", "00.5", "-p: `share` of 20-duration takes a number, not text. A number begins"),
        ("names", "[007]", "-p: `names` of 20-duration takes a list, not text. Nothing ran."),
        ("names", "{a: 1}", "-p: `names` of 20-duration takes a list, not text. Nothing ran."),
        ("share", "nan", "-p: `share` of 20-duration takes a number, not text."),
        ("share", "1e999", "-p: `share` of 20-duration takes a number, not text."),
        ("names", "a, b", "-p: `names` of 20-duration takes a list, not text."),
        (
            "approve",
            "True",
            "-p: `approve` of 20-duration takes the token of a plan that was shown",
        ),
        ("approve", "yes", "-p: `approve` of 20-duration takes the token of a plan that was shown"),
    ],
)
def test_text_that_is_not_of_the_declared_type_is_refused(
    parameters: list[Parameter], name: str, text: str, said: str
) -> None:
    with pytest.raises(BadInput) as refused:
        from_text(text, _named(parameters, name), notebook="20-duration", source="-p")

    assert str(refused.value).startswith(said)


def test_the_command_line_overrides_files_and_a_later_file_an_earlier_one(
    parameters: list[Parameter], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _project(tmp_path, monkeypatch, one="start: -1h\ncount: 1\n", two="start: -2h\nshare: 1\n")

    values = collect(
        parameters,
        notebook="20-duration",
        files=["params/one.yaml", "params/two.yaml"],
        pairs=[("count", "9")],
    )

    assert values == {"start": "-2h", "count": 9, "share": 1.0}


def test_an_instant_in_a_file_stays_the_text_that_was_written(
    parameters: list[Parameter], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _project(tmp_path, monkeypatch, one="start: 2026-10-14T00:07:00Z\n")

    values = collect(parameters, notebook="20-duration", files=["params/one.yaml"])

    assert values == {"start": "2026-10-14T00:07:00Z"}


def test_a_name_given_twice_on_the_command_line_is_refused(parameters: list[Parameter]) -> None:
    with pytest.raises(BadInput) as refused:
        collect(parameters, notebook="20", pairs=[("count", "1"), ("count", "1")])

    assert str(refused.value) == "-p: `count` is given twice. Give it once. Nothing ran."


def test_a_file_that_is_not_there_is_refused(
    parameters: list[Parameter], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _project(tmp_path, monkeypatch)

    with pytest.raises(BadInput) as refused:
        collect(parameters, notebook="20", files=["params/gone.yaml"])

    assert "there is no params file params/gone.yaml" in str(refused.value)


SHARED = """system: str = "orders"
function: str = ""
start: str = "-3h"
end: str = "now"
"""
ORDERS = """system:
  name: orders
  environment: production
  account: "123456789012"
  region: us-east-1
  functions:
    - {name: orders-ingest, known_as: ingest}
    - name: orders-report
"""


class TestWhatAllNotebooksShare:
    @pytest.fixture(name="shared", autouse=True)
    def _shared(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Parameter]:
        _project(tmp_path, monkeypatch, orders=ORDERS, lost=f"{ORDERS}function: 007\n")
        return declared_in(SHARED, notebook="20-duration")

    @pytest.mark.parametrize("name", ["orders-ingest", "ingest", "orders-report", ""])
    def test_a_function_of_the_system_passes_by_each_of_its_names(
        self, shared: list[Parameter], name: str
    ) -> None:
        values = collect(
            shared, notebook="20-duration", files=["orders"], pairs=[("function", name)]
        )

        assert values["function"] == name

    @pytest.mark.parametrize("name", ["007", "false", "orders-ingst"])
    @pytest.mark.parametrize("files", [["orders"], []])
    def test_a_function_that_the_system_does_not_have_is_refused_with_those_it_has(
        self, shared: list[Parameter], name: str, files: list[str]
    ) -> None:
        with pytest.raises(BadInput) as refused:
            collect(shared, notebook="20-duration", files=files, pairs=[("function", name)])

        assert str(refused.value) == (
            f"-p: `function` of 20-duration: {name!r} is not a function of orders; "
            "it has orders-ingest (ingest), orders-report. Nothing ran."
        )
        assert refused.value.facts["parameter"] == "function"

    def test_digits_that_would_lose_their_zeros_are_refused_where_they_stand(
        self, shared: list[Parameter]
    ) -> None:
        with pytest.raises(BadInput) as refused:
            collect(shared, notebook="20-duration", files=["lost"])

        assert str(refused.value) == (
            "params/lost.yaml, line 9: `function` is the number 007; "
            'quote it: function: "007". Nothing ran.'
        )

    @pytest.mark.parametrize(
        ("name", "text", "said"),
        [
            ("start", "false", "start is 'false', which is not an instant. Write an ISO 8601"),
            ("end", "2026-10-14T03:07:00", "end is 2026-10-14T03:07:00, which has no time zone"),
        ],
    )
    def test_an_instant_that_cannot_be_read_is_refused(
        self, shared: list[Parameter], name: str, text: str, said: str
    ) -> None:
        with pytest.raises(BadInput) as refused:
            collect(shared, notebook="20-duration", pairs=[(name, text)])

        assert said in str(refused.value)

    @pytest.mark.parametrize(
        ("pairs", "said"),
        [
            ([("start", "-1h"), ("end", "-2h")], "there is no whole period of 60 s"),
            ([("start", "-32d")], "is 32 d, and 31 d is the longest"),
            ([("end", "-3h")], "there is no whole period of 60 s"),
            ([("start", "-999999d")], "start is -999999d, which lies outside of the years"),
            ([("end", "9999-12-31T23:59:59Z")], "end is 9999-12-31T23:59:59Z, more than 10 years"),
            (
                [("start", "2020-01-01T00:00:00Z"), ("end", "2020-01-02T00:00:00Z")],
                "CloudWatch keeps metrics for 455 d",
            ),
        ],
    )
    def test_a_window_that_cannot_be_is_refused(
        self, shared: list[Parameter], pairs: list[tuple[str, str]], said: str
    ) -> None:
        with pytest.raises(BadInput) as refused:
            collect(shared, notebook="20-duration", pairs=pairs)

        assert said in str(refused.value)

    def test_a_table_that_the_system_does_not_have_is_refused_with_those_it_has(
        self, shared: list[Parameter]
    ) -> None:
        takes = [*shared, Parameter("table", (str,), "")]
        path = project_root() / "params" / "orders.yaml"
        path.write_text(f"{ORDERS}  tables:\n    - name: orders-seen\n")

        with pytest.raises(BadInput) as refused:
            collect(takes, notebook="60-throttling", pairs=[("table", "orders")])

        assert str(refused.value) == (
            "-p: `table` of 60-throttling: 'orders' is not a table of orders; it has orders-seen. "
            "Nothing ran."
        )
        assert collect(takes, notebook="60", pairs=[("table", "orders-seen")]) == {
            "table": "orders-seen"
        }

    @pytest.mark.parametrize("sample", [-1, 501])
    def test_more_messages_than_are_looked_at_at_most_are_refused(self, sample: int) -> None:
        takes = [Parameter("sample", (int,), 100)]

        with pytest.raises(BadInput) as refused:
            collect(takes, notebook="30-dead-letters", pairs=[("sample", str(sample))])

        assert str(refused.value) == (
            f"-p: `sample` of 30-dead-letters takes 0 to 500, not {sample}. Nothing ran."
        )
        assert collect(takes, notebook="30", pairs=[("sample", str(MOST))]) == {"sample": 500}

    def test_a_system_that_is_not_there_is_refused_with_those_that_are(
        self, shared: list[Parameter]
    ) -> None:
        with pytest.raises(BadInput) as refused:
            collect(shared, notebook="20", pairs=[("system", "false"), ("function", "f")])

        assert str(refused.value) == (
            "Nothing ran: there is no system 'false'; params/ has lost, orders."
        )

    def test_without_a_person_the_system_has_to_be_named(self, shared: list[Parameter]) -> None:
        with pytest.raises(BadInput) as refused:
            require_system({"start": "-1h"}, shared, notebook="20-duration", person=False)

        assert str(refused.value) == (
            "-p: no system was named for 20-duration, and no person is here to see which one is "
            "the default. Give -f params/NAME.yaml or -p system NAME; params/ has lost, orders. "
            "Nothing ran."
        )

    @pytest.mark.parametrize(
        ("values", "person", "takes"),
        [({}, True, True), ({"system": "orders"}, False, True), ({}, False, False)],
    )
    def test_a_person_or_a_name_or_a_notebook_without_a_system_needs_no_more(
        self, shared: list[Parameter], values: dict[str, object], person: bool, takes: bool
    ) -> None:
        require_system(values, shared if takes else shared[1:], notebook="20", person=person)

    def test_bare_papermill_is_told_how_to_give_text(self) -> None:
        with pytest.raises(BadInput) as refused:
            check_injected([SHARED, "# Parameters\nfunction = 7\n"], notebook="20-duration")

        assert str(refused.value) == (
            "papermill: `function` of 20-duration takes text, not 7, a whole number. papermill "
            "took the text for more than text, and a leading zero is lost: give it with "
            "-r function TEXT, or in quotes in a file. Nothing ran."
        )

    def test_a_function_that_bare_papermill_injected_is_looked_for_too(self) -> None:
        with pytest.raises(BadInput) as refused:
            check_injected([SHARED, '# Parameters\nfunction = "007"\n'], notebook="20-duration")

        assert str(refused.value).startswith(
            "papermill: `function` of 20-duration: '007' is not a function of orders; it has "
        )


class TestInTheKernel:
    def test_nothing_injected_is_nothing_to_check(self) -> None:
        assert check_injected(["", CELL, "run = open()"], notebook="20-duration") == {}

    def test_known_names_of_the_right_type_pass(self) -> None:
        injected = '# Parameters\nsystem = {"name": "A", "functions": [{"name": "f"}]}\ncount = 4\n'

        values = check_injected(["", CELL, injected, "x = 1"], notebook="20-duration")

        assert values == {"system": {"name": "A", "functions": [{"name": "f"}]}, "count": 4}

    def test_a_name_papermill_only_warned_about_is_refused(self) -> None:
        with pytest.raises(BadInput) as refused:
            check_injected(["", CELL, "# Parameters\nacount = 1\n"], notebook="20-duration")

        assert str(refused.value) == (
            "papermill: `acount` is not a parameter of 20-duration; it takes system, start, count, "
            "share, sample, names, approve. Nothing ran."
        )

    def test_the_string_false_is_no_bool(self) -> None:
        with pytest.raises(BadInput) as refused:
            check_injected([CELL, '# Parameters\nsample = "false"\n'], notebook="20-duration")

        assert refused.value.facts["parameter"] == "sample"

    def test_an_approval_that_became_a_bool_is_refused(self) -> None:
        with pytest.raises(BadInput) as refused:
            check_injected([CELL, "# Parameters\napprove = True\n"], notebook="20-duration")

        assert refused.value.facts["parameter"] == "approve"

    def test_a_name_that_is_code_is_refused(self) -> None:
        with pytest.raises(BadInput) as refused:
            check_injected([CELL, "# Parameters\nprint(1)# = 1\n"], notebook="20-duration")

        assert "under a name that is code" in str(refused.value)

    def test_what_is_not_finite_is_refused(self) -> None:
        with pytest.raises(BadInput) as refused:
            check_injected([CELL, "# Parameters\nshare = float('inf')\n"], notebook="20-duration")

        assert refused.value.facts["parameter"] == "share"

    def test_the_newest_of_two_injected_cells_counts(self) -> None:
        cells = [CELL, "# Parameters\ncount = 1\n", CELL, "# Parameters\ncount = 2\n"]

        assert check_injected(cells, notebook="20-duration") == {"count": 2}

    def test_a_parameters_cell_that_begins_with_the_same_comment_is_no_injection(self) -> None:
        assert check_injected([f"# Parameters\n{CELL}"], notebook="20-duration") == {}

    def test_without_a_parameters_cell_every_name_is_unknown(self) -> None:
        with pytest.raises(BadInput) as refused:
            check_injected(["", "# Parameters\nstart = '-1h'\n"], notebook="20-duration")

        assert "it takes none" in str(refused.value)


class TestWhichNotebookANameMeans:
    @pytest.fixture(name="project", autouse=True)
    def _project(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        _project(tmp_path, monkeypatch)
        for name in ("00-triage", "20-duration", "40-cold-starts"):
            (tmp_path / "notebooks" / f"{name}.ipynb").write_text("{}")
        return tmp_path

    @pytest.mark.parametrize(
        ("named", "found"),
        [
            ("duration", "20-duration"),
            ("20", "20-duration"),
            ("20-duration", "20-duration"),
            ("cold-starts", "40-cold-starts"),
            ("0", "00-triage"),
            ("00", "00-triage"),
            ("notebooks/00-triage.ipynb", "00-triage"),
        ],
    )
    def test_a_name_a_number_or_a_path_is_found(
        self, project: Path, named: str, found: str
    ) -> None:
        assert find_notebook(named) == project / "notebooks" / f"{found}.ipynb"

    def test_a_path_from_a_folder_of_the_project_is_found(
        self, project: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(project / "params")

        found = find_notebook("notebooks/00-triage.ipynb")

        assert found == project / "notebooks" / "00-triage.ipynb"

    @pytest.mark.parametrize("named", ["durations", "2", "starts", "../20"])
    def test_a_name_that_means_none_is_refused(self, named: str) -> None:
        with pytest.raises(BadInput) as refused:
            find_notebook(named)

        assert "here is no notebook" in str(refused.value)

    def test_a_number_that_two_notebooks_carry_is_refused(self, project: Path) -> None:
        (project / "notebooks" / "20-lag.ipynb").write_text("{}")

        with pytest.raises(BadInput) as refused:
            find_notebook("20")

        assert str(refused.value) == (
            "Nothing ran: 20 means several notebooks; notebooks/ has 20-duration, 20-lag."
        )
