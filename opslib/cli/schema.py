"""The command ``schema``: what a params file may say, for editors."""

import json

import click


@click.command(name="schema")
def schema_command() -> int:
    """Print the JSON Schema of params files, for editors.

    \b
    opslib schema > runs/params.schema.json
    Then, as the first line of a params file, for editors with the YAML language server:
    # yaml-language-server: $schema=../runs/params.schema.json
    """  # noqa: D301
    from opslib.system import schema

    click.echo(json.dumps(schema(), indent=2))
    return 0
