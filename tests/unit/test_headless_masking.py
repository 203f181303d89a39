"""A run without a person leaves no secret behind, however it ends."""

from pathlib import Path

import pytest
from small_projects import project

from opslib import headless

# Put together where it runs, so that the code of the cell does not hold it.
SECRET = 'password = "hunt" + "er2"'
SAY = f"{SECRET}\nprint(f'password={{password}}')"
SHOW = f"""{SECRET}
from IPython.display import HTML, display
display(HTML(f"<td>&quot;pwd&quot;: &quot;{{password}}&quot;</td>"))"""
WRITE = f"""{SECRET}
import json, os, pathlib
limit = {{"what": f"pwd={{password}}", "operation": "", "reason": "unseen"}}
result = {{"schema": 1, "verdict": "unknown", "limits": [limit]}}
(pathlib.Path(os.environ["OPSLIB_RUN_DIR"]) / "result.json").write_text(json.dumps(result))"""
FAIL = f"{SECRET}\nraise ValueError(f'order-{{10 + 7}} with {{password=}}')"


def test_what_cells_print_show_write_and_raise_is_masked_in_every_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPSLIB_HOME", str(tmp_path))
    notebook = project(tmp_path, [SAY, SHOW, WRITE, FAIL])
    params = tmp_path / "params" / "sandbox.yaml"
    masks = '  masks: [{name: order, pattern: "order-[0-9]+"}]\n'
    params.write_text(params.read_text().replace("system:\n", f"system:\n{masks}", 1))

    outcome = headless.run(notebook, {"start": "-1h"})

    texts = {p.name: p.read_text() for p in outcome.folder.rglob("*") if p.is_file()}
    assert [name for name, text in texts.items() if "hunter2" in text] == []
    assert [name for name, text in texts.items() if "order-17" in text] == []
    assert texts["notebook.ipynb"].count("[masked: password]") >= 4
    assert texts["report.html"].count("[masked: password]") >= 4
    assert [limit["what"] for limit in outcome.result["limits"]] == [
        "A cell failed under “Looking”: ValueError: [masked: order] with "
        "password='[masked: password]'",
        "pwd=[masked: password]",
    ]
    assert "[masked: order] with password='[masked: password]'" in texts["audit.jsonl"]
