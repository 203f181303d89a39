"""What every notebook promises (STYLE.md), checked on the files as committed."""

import ast
import json
import re
from pathlib import Path

import nbformat
import pytest

NOTEBOOKS = sorted((Path(__file__).parents[2] / "notebooks").glob("*.ipynb"))
MOST_LINES = 12
MOST_BYTES = 300_000
# Whatever else may not be asked for leaves the verdict unknown.
BESIDE = {
    "10-error-rate": ["dynamodb:DescribeTable", "lambda:ListEventSourceMappings"],
    "11-permission-denied": ["dynamodb:DescribeTable", "lambda:ListEventSourceMappings"],
    "12-timeout": ["dynamodb:DescribeTable", "lambda:ListEventSourceMappings"],
    "13-code-error": ["dynamodb:DescribeTable", "lambda:ListEventSourceMappings"],
    "20-duration": ["dynamodb:DescribeTable", "lambda:ListEventSourceMappings"],
    "40-cold-starts": ["dynamodb:DescribeTable", "lambda:ListEventSourceMappings"],
    "50-stream-lag": ["dynamodb:DescribeTable"],
}
FORBIDDEN_TAGS = {"raises-exception", "nbval-skip", "nbval-raises-exception", "skip-execution"}
FORBIDDEN_NODES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Try, ast.While)
FORBIDDEN_CALLS = {"input", "exit", "quit", "sys.exit", "getpass"}


def _read(path: Path) -> nbformat.NotebookNode:
    return nbformat.read(path, as_version=4)


def _tags(cell: nbformat.NotebookNode) -> set[str]:
    return set(cell.metadata.get("tags", []))


def _code(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def _lines_of_code(source: str, nodes: list[ast.AST]) -> int:
    """Count the lines of a cell without the text of its queries, which may take what they need."""
    queries = [n for n in nodes if isinstance(n, ast.Constant | ast.JoinedStr)]
    spans = {line for n in queries for line in range(n.lineno + 1, (n.end_lineno or n.lineno) + 1)}
    return len(source.splitlines()) - len(spans)


def broken_promises(notebook: nbformat.NotebookNode) -> list[str]:
    """Return a sentence for each promise that the code cells of a notebook break."""
    broken = []
    for number, cell in enumerate(_code(notebook), 1):
        source = cell.source
        if re.search(r"^\s*[!%]", source, flags=re.MULTILINE):
            broken.append(f"cell {number} uses a shell or magic command")
            continue
        if source.rstrip().endswith(";"):
            broken.append(f"cell {number} ends in ;")
        nodes = list(ast.walk(ast.parse(source)))
        if _lines_of_code(source, nodes) > MOST_LINES:
            broken.append(f"cell {number} has more than {MOST_LINES} lines")
        if any(isinstance(node, FORBIDDEN_NODES) for node in nodes):
            broken.append(f"cell {number} holds a def, class, try or while")
        calls = {ast.unparse(node.func) for node in nodes if isinstance(node, ast.Call)}
        broken += [f"cell {number} calls {name}" for name in sorted(calls & FORBIDDEN_CALLS)]
        broken += [f"cell {number} is tagged {tag}" for tag in sorted(_tags(cell) & FORBIDDEN_TAGS)]
    return broken


def test_there_are_notebooks_to_check() -> None:
    assert {"00-triage", "20-duration", "40-cold-starts"} <= {path.stem for path in NOTEBOOKS}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
class TestEachNotebook:
    def test_breaks_no_promise_in_its_code(self, path: Path) -> None:
        notebook = _read(path)

        assert broken_promises(notebook) == []

    def test_opens_with_its_number_and_symptom(self, path: Path) -> None:
        first = _read(path).cells[0]

        assert first.cell_type == "markdown"
        assert first.source.startswith(f"# {path.stem[:2]} · ")
        assert "permissions" in first.source.lower()
        assert "wrong notebook" in first.source

    def test_has_one_parameters_cell_of_literals_that_approves_nothing(self, path: Path) -> None:
        cells = [cell for cell in _code(_read(path)) if "parameters" in _tags(cell)]
        names: dict[str, object] = {}
        for statement in ast.parse(cells[0].source).body:
            assert isinstance(statement, ast.AnnAssign | ast.Assign)
            target = statement.target if isinstance(statement, ast.AnnAssign) else None
            name = ast.unparse(target or statement.targets[0])  # type: ignore[union-attr]
            names[name] = ast.literal_eval(statement.value)  # type: ignore[arg-type]

        assert len(cells) == 1
        assert names["system"] == "sandbox"
        assert names["approve"] == ""
        assert {"start", "end"} <= names.keys()

    def test_says_under_its_changes_that_the_latest_may_not_be_there_yet(self, path: Path) -> None:
        sources = [cell.source for cell in _code(_read(path))]
        shown = [each for each in sources if "changes.rows" in each and "show.table" in each]

        assert [bool(re.search("CloudTrail may be .*late", each)) for each in shown] == [True]

    def test_names_the_permissions_that_nothing_rests_on(self, path: Path) -> None:
        cells = _read(path).cells
        looks = [each.source for each in _code(_read(path)) if "look_at(" in each.source]
        (left_out,) = re.findall(r"([^.]*) may be left out: nothing rests", cells[0].source)

        (beside,) = re.findall(r"look_at\(.*?(?:beside=(\[.*?\]))?\)", looks[0], flags=re.DOTALL)

        assert sorted(ast.literal_eval(beside or "[]")) == BESIDE.get(path.stem, [])
        assert sorted(re.findall("`(.*?)`", left_out)) == sorted(
            [*BESIDE.get(path.stem, []), "cloudtrail:LookupEvents", "logs:DescribeLogGroups"]
        )

    def test_second_code_cell_is_the_setup(self, path: Path) -> None:
        setup = _code(_read(path))[1]

        assert "setup" in _tags(setup)
        assert f'runbook.open("{path.stem}"' in setup.source

    def test_concludes_and_then_says_what_is_related(self, path: Path) -> None:
        notebook = _read(path)
        sources = [cell.source for cell in _code(notebook)]

        assert sum("run.conclude(" in source for source in sources) == 1
        assert "## Related" in notebook.cells[-2].source
        assert notebook.cells[-1].source.startswith("## Operator's note")

    def test_every_question_is_followed_by_how_to_read_its_answer(self, path: Path) -> None:
        markdown = [c.source for c in _read(path).cells if c.cell_type == "markdown"]
        questions = [s for s in markdown if re.match(r"## .*\?", s)]

        assert questions
        assert sum("**Reading it**" in s for s in markdown) >= len(questions)

    def test_is_committed_executed_in_order_without_errors_or_times(self, path: Path) -> None:
        notebook = _read(path)
        outputs = [output for cell in _code(notebook) for output in cell.outputs]

        assert [cell.execution_count for cell in _code(notebook)] == list(
            range(1, len(_code(notebook)) + 1)
        )
        assert [o for o in outputs if o.output_type == "error"] == []
        assert [c.id for c in notebook.cells if "execution" in c.metadata] == []
        assert notebook.metadata == {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        }

    def test_links_lead_somewhere(self, path: Path) -> None:
        text = "\n".join(c.source for c in _read(path).cells if c.cell_type == "markdown")
        targets = [t.split("#")[0] for t in re.findall(r"\]\(([^)]+)\)", text)]

        local = [t for t in targets if t and not t.startswith("https://")]

        assert [t for t in local if not (path.parent / t).exists()] == []

    def test_is_small(self, path: Path) -> None:
        size = path.stat().st_size

        assert size < MOST_BYTES

    def test_shows_every_plot_with_a_description(self, path: Path) -> None:
        outputs = [o for cell in _code(_read(path)) for o in cell.outputs]
        plots = [o for o in outputs if "image/png" in o.get("data", {})]

        alts = [o.metadata.get("image/png", {}).get("alt", "") for o in plots]

        assert plots
        assert all(len(alt) > 20 for alt in alts), json.dumps(alts)


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ("x = 1\n" * 13, "cell 1 has more than 12 lines"),
        ("!rm -rf x", "cell 1 uses a shell or magic command"),
        ("plot();", "cell 1 ends in ;"),
        ("def f():\n    pass", "cell 1 holds a def, class, try or while"),
        ("answer = input()", "cell 1 calls input"),
    ],
)
def test_a_broken_promise_is_noticed(source: str, sentence: str) -> None:
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source)])

    assert broken_promises(notebook) == [sentence]


def test_a_banned_tag_is_noticed() -> None:
    cell = nbformat.v4.new_code_cell("x = 1", metadata={"tags": ["raises-exception"]})

    broken = broken_promises(nbformat.v4.new_notebook(cells=[cell]))

    assert broken == ["cell 1 is tagged raises-exception"]
