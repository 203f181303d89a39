"""The params file: what it may say, and how it is told what is wrong with it."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from opslib.errors import BadInput
from opslib.system import load, load_params, project_root

PARAMS = Path(__file__).parents[2] / "params"

GOOD = """\
system:
  name: orders
  environment: production
  account: "123456789012"
  region: us-east-1
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "notebooks").mkdir()
    shutil.copytree(PARAMS, tmp_path / "params")
    monkeypatch.setenv("OPSLIB_HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def refusal(project: Path) -> Callable[[str], str]:
    def message(text: str) -> str:
        (project / "params" / "bad.yaml").write_text(text)
        with pytest.raises(BadInput) as refused:
            load("bad")
        return refused.value.message

    return message


def test_the_sandbox_is_a_system_like_any_other(project: Path) -> None:
    system = load("sandbox")

    assert (system.name, system.environment) == ("ZAEL-demo", "sandbox")
    assert (system.account, system.region) == ("000000000000", "us-east-1")
    assert system.config_path == project / "runs" / "sandbox" / "aws-config"
    assert system.function().dead_letter_queue == "ZAEL-demo-aggregator-dlq"
    assert system.function().table == "ZAEL-demo"


@pytest.mark.parametrize(
    ("given", "begins"),
    [
        ({}, "aws --region eu-west-1"),
        ({"profile": "orders-prod"}, "aws --region eu-west-1 --profile orders-prod"),
        (
            {"profile": "p", "config_file": "my runs/aws-config"},
            "AWS_CONFIG_FILE='my runs/aws-config' aws --region eu-west-1 --profile p",
        ),
    ],
)
def test_a_command_for_a_system_reaches_it_from_any_shell(
    given: dict[str, str], begins: str
) -> None:
    place = {"account": "000000000000", "region": "eu-west-1"}

    system = load({"name": "x", "environment": "sandbox", **place, **given})

    assert system.aws_command == begins


def test_the_template_of_the_aggregator_is_valid_as_it_stands(project: Path) -> None:
    system = load(project / "params" / "zael-aggregator.yaml")

    assert system.function().name == "ZAEL-prod-aggregator"
    assert system.config_path is None


@pytest.mark.usefixtures("project")
def test_a_mapping_a_name_and_a_path_mean_the_same_system(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir("/")
    mapping = load_params("sandbox")["system"]

    assert load(mapping) == load("sandbox") == load("params/sandbox.yaml")


@pytest.mark.usefixtures("project")
def test_the_top_level_of_a_params_file_is_the_parameters_of_a_notebook() -> None:
    params = load_params("sandbox")

    assert list(params) == ["system", "start", "end"]
    assert (params["start"], params["end"]) == ("-3h", "now")


def test_an_instant_in_a_params_file_stays_as_written(project: Path) -> None:
    (project / "params" / "orders.yaml").write_text(f"{GOOD}start: 2026-10-14T00:07:00Z\n")

    assert load_params("orders")["start"] == "2026-10-14T00:07:00Z"


@pytest.mark.usefixtures("project")
def test_thresholds_are_the_guides_unless_the_file_says_otherwise() -> None:
    defaults = load("sandbox").thresholds
    stated = {"system": {}, **load_params("sandbox")}["system"]
    stated["thresholds"] = {"duration_of_timeout": {"warning": 60, "critical": 90, "source": "us"}}
    changed = load(stated).thresholds

    assert (defaults.error_rate.warning, defaults.error_rate.critical) == (0, 1)
    assert (defaults.duration_of_timeout.warning, defaults.duration_of_timeout.critical) == (50, 80)
    assert (defaults.iterator_age_ms.warning, defaults.iterator_age_ms.critical) == (1000, 30000)
    assert (defaults.dead_letters.warning, defaults.dead_letters.critical) == (1, 10)
    assert defaults.cold_start_rate.source == "house default, no guide names one"
    assert changed.duration_of_timeout.model_dump() == {
        "warning": 60,
        "critical": 90,
        "unit": "% of the timeout",
        "periods": 2,
        "source": "us",
        "worse": "above",
        "rising": False,
    }
    assert changed.error_rate == defaults.error_rate


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            GOOD.replace("account", "acount"),
            "params/bad.yaml, line 4: `acount` is not a key of system; it takes name, environment,",
        ),
        (GOOD.replace("account", "acount"), "params/bad.yaml, line 2: `account` is missing."),
        (
            GOOD.replace('"123456789012"', "123456789012"),
            "params/bad.yaml, line 4: `account` is the number 123456789012; "
            'quote it: account: "123456789012".',
        ),
        (
            GOOD.replace('"123456789012"', "000000000017"),
            '`account` is the number 000000000017; quote it: account: "000000000017".',
        ),
        (
            # No reader takes this for octal, but one keeps the zero and another drops it.
            GOOD.replace('"123456789012"', "012345678901"),
            'line 4: `account` is the number 012345678901; quote it: account: "012345678901".',
        ),
        (GOOD.replace('"123456789012"', '"12345"'), "`account` is '12345'; it takes 12 digits"),
        (
            GOOD.replace("production", "prod"),
            "line 3: `environment` is 'prod'; it takes 'sandbox', 'development', 'staging' or "
            "'production'.",
        ),
        (GOOD.replace("us-east-1", "Virginia"), "line 5: `region`: "),
        (f"{GOOD}  timezone: Mars/Olympus\n", "line 6: `timezone`: 'Mars/Olympus' is no IANA"),
        (
            f"{GOOD}  functions:\n    - name: f\n      dead_leter_queue: q\n",
            "line 8: `dead_leter_queue` is not a key of functions.0; "
            "it takes name, known_as, about, dead_letter_queue, table, stream, queues,",
        ),
        (
            f"{GOOD}  functions:\n    - name: f\n      dead_letter_queue: q\n",
            "line 8: `functions.0.dead_letter_queue`: dead_letter_queue q of f is not listed in "
            "queues; listed are none.",
        ),
        (f"{GOOD}  functions:\n    - {{}}\n", "line 7: `functions.0.name` is missing."),
        (
            f"{GOOD}  thresholds:\n    error_rate: {{warning: 5, critical: 9}}\n",
            "line 7: `thresholds.error_rate.source` is missing.",
        ),
        (
            f"{GOOD}  thresholds:\n    error_rate: {{warning: 5, critical: 2, source: us}}\n",
            "line 7: `thresholds.error_rate`: warning 5 is above critical 2.",
        ),
        (
            f"{GOOD}  thresholds:\n    error_rate: {{warning: 5, unit: ppm, source: us}}\n",
            "error_rate is in '% of invocations', not 'ppm'",
        ),
        (f"{GOOD}  region: eu-west-1\n", "params/bad.yaml, line 6: `region` is there twice."),
        (f"{GOOD}  1: x\n", 'line 6: `1` is no text, and keys are; quote it: "1".'),
        (f"{GOOD}  contacts: {{1: x}}\n", 'line 6: `1` is no text, and keys are; quote it: "1".'),
        (
            GOOD.replace("name: orders", "name: !!int abc"),
            "params/bad.yaml, line 2: `name` has a tag of its own, with !; write the value alone.",
        ),
        (f"{GOOD}  contacts: &all {{a: *all}}\n", "line 6: `contacts.a` is a mapping; it takes"),
        (
            f"{GOOD}  thresholds: {{throttles: {{critical: 1e999, source: us}}}}\n",
            "line 6: `thresholds.throttles.critical`: input should be a finite number.",
        ),
        (GOOD.replace("orders", "\x07"), "params/bad.yaml: this is not YAML: character "),
        ("system: [\n", "params/bad.yaml, line 2: this is not YAML: "),
        ("- 1\n", "params/bad.yaml: the file is not a mapping of parameters."),
        ("start: now\n", "params/bad.yaml: there is no `system:` mapping at the top level."),
    ],
)
def test_what_is_wrong_is_said_with_file_line_key_and_what_is_allowed(
    refusal: Callable[[str], str], text: str, said: str
) -> None:
    message = refusal(text)

    assert said in message
    assert message.endswith("Nothing ran.")


def test_every_mistake_is_said_at_once(refusal: Callable[[str], str]) -> None:
    message = refusal(GOOD.replace("production", "prod").replace("account", "acount"))

    assert len(message.splitlines()) == 4


@pytest.mark.usefixtures("project")
def test_load_params_refuses_a_bad_system_too(project: Path) -> None:
    (project / "params" / "bad.yaml").write_text(GOOD.replace("production", "prod"))

    with pytest.raises(BadInput) as refused:
        load_params("bad")

    assert "line 3: `environment`" in refused.value.message


@pytest.mark.usefixtures("project")
def test_an_unknown_name_is_refused_with_those_there_are() -> None:
    with pytest.raises(BadInput) as refused:
        load("sandbix")

    assert "there is no system 'sandbix'; params/ has sandbox, vf-api-workers, zael-" in (
        refused.value.message
    )


@pytest.mark.usefixtures("project")
def test_a_function_is_found_by_name_or_refused_with_those_there_are() -> None:
    system = load("sandbox")

    with pytest.raises(BadInput) as refused:
        system.function("nope")

    assert system.function("ZAEL-demo-aggregator").table == "ZAEL-demo"
    assert "'nope' is not a function of ZAEL-demo; it has ZAEL-demo-aggregator" in (
        refused.value.message
    )


def test_a_file_that_is_not_utf_8_is_named(project: Path) -> None:
    path = project / "params" / "bad.yaml"
    path.write_bytes(GOOD.encode() + "  contacts: {Jörg: x}\n".encode("latin-1"))

    with pytest.raises(BadInput) as refused:
        load("bad")

    assert refused.value.message == (
        "params/bad.yaml, line 6: this is not UTF-8 text. Save it as UTF-8. Nothing ran."
    )


def test_the_project_is_found_from_a_folder_inside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "params").mkdir()
    (tmp_path / "notebooks" / "deep").mkdir(parents=True)
    monkeypatch.delenv("OPSLIB_HOME", raising=False)
    monkeypatch.chdir(tmp_path / "notebooks" / "deep")

    assert project_root() == tmp_path


def test_outside_of_a_project_it_is_said_how_to_find_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPSLIB_HOME", raising=False)
    monkeypatch.chdir(tmp_path)

    with pytest.raises(BadInput) as refused:
        project_root()

    assert "Change into the project, or set OPSLIB_HOME to it." in refused.value.message
