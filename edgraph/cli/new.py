"""`edgraph new`: a commented pipeline to begin with."""

from __future__ import annotations

import json
import os
from pathlib import Path

import click

from edgraph.cli.output import WrongCommand

TEMPLATES = Path(__file__).parent.parent / "templates"
NAMES = ("classifier", "gan", "autoencoder", "language-model", "python", "evaluator")
SCHEMA = "pipeline.schema.json"
EDITORS = ("vscode",)
PATTERNS = ["*.edgraph.yaml", "pipelines/*.yaml"]


@click.command(epilog="""\b
Examples:
  edgraph new                               pipeline.yaml, which trains a classifier
  edgraph new my.yaml --template gan
  edgraph new my.yaml --editor vscode       with settings for the editor""")
@click.argument("file", type=click.Path(path_type=Path), default=Path("pipeline.yaml"))
@click.option("--template", type=click.Choice(NAMES),
              default="classifier", help="What to begin with.")
@click.option("--editor", type=click.Choice(EDITORS), help="Write settings for this editor, too.")
def new(file: Path, template: str, editor: str | None) -> None:
    """Write a commented pipeline to begin with.

    It is complete and runs as it is. Its first line names the schema with which editors complete and
    check it; the schema is written beside it, unless there is one in a folder `schemas` above.
    """
    text = written(template, file)
    schema = _schema(file)
    made = {file: f"# yaml-language-server: $schema={_relative(schema, file.parent)}\n#\n{text}"}
    for beside in TEMPLATES.glob(f"{template}.*.txt"):  # modules that it names: python.my_ops.txt is my_ops.py
        made[file.parent / f"{beside.name.split('.')[1]}.py"] = beside.read_text(encoding="utf-8")
    if not schema.exists():
        from edgraph.schema import text as schema_text
        made[schema] = schema_text()
    if editor is not None:
        made |= {path: json.dumps(value, indent=2) + "\n" for path, value in _vscode(file, schema).items()}
    for path, content in made.items():
        _write(path, content, path == file)
    click.echo(f"next: edgraph validate {file}")


def written(template: str, file: Path) -> str:
    """A template for a file."""
    text = (TEMPLATES / f"{template}.yaml").read_text(encoding="utf-8")
    name = "".join(c if c.isalnum() or c in "-_" else "-" for c in file.stem) or "pipeline"
    return text.replace("name: NAME\n", f"name: {json.dumps(name) if name[0].isdigit() else name}\n").replace(
        "file: FILE ", f"file: {json.dumps(file.name)} ").replace("FILE", file.name)


def _schema(file: Path) -> Path:
    """One in a folder `schemas` above, or where to write one."""
    above = [folder / "schemas" / SCHEMA for folder in file.resolve().parents]
    return next((path for path in above if path.exists()), file.resolve().parent / SCHEMA)


def _relative(path: Path, folder: Path) -> str:
    return Path(os.path.relpath(path, folder.resolve())).as_posix()


def _vscode(file: Path, schema: Path) -> dict[Path, object]:
    """Settings for pipelines without a first line that names the schema, and the extension that reads it."""
    folder = file.parent / ".vscode"
    named = "./" + _relative(schema, file.parent)
    return {folder / "settings.json": {"yaml.schemas": {named: PATTERNS}},
            folder / "extensions.json": {"recommendations": ["redhat.vscode-yaml"]}}


def _write(path: Path, content: str, must: bool) -> None:
    """Writes a new file. Raises WrongCommand where the pipeline is there already; other files are left as they are."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(content)
    except FileExistsError:
        if must:
            raise WrongCommand(f"there is a file '{path}' already; name another one") from None
        click.echo(f"{path} is there already and stays as it is; it could say:\n{content}", nl=False)
        return
    except OSError as error:
        raise WrongCommand(f"cannot write {path}: {error.strerror}") from None
    click.echo(f"wrote {path if must else _relative(path, Path())}")
