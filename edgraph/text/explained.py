"""A code of a diagnostic explained: for `edgraph explain CODE`, and as the page docs/diagnostics.md."""

from __future__ import annotations

from textwrap import wrap

from edgraph.text.codes import CODES, Code, example

_INTRODUCTION = """\
# Diagnostics

Every message of edgraph has a code. For each this page has the smallest pipeline that gives it, what is said of it, \
and the way out. `edgraph explain CODE` prints the same. Errors stop a pipeline from being run; warnings are about \
what is legal and most likely not meant, and can be [silenced](language.md#20-warnings). `edgraph validate FILE --fix` \
mends what can mean nothing else.
"""


def entry(code: Code) -> str:
    """As text for a terminal."""
    shown = example(code.name)
    parts = [f"{_kind(code)}[{code.name}]", *wrap(_plain(code.about), 100), "",
             *wrap(f"What to do: {_plain(code.way_out)}", 100), "", "For example:", ""]
    for name, data in shown.files.items():
        if len(shown.files) > 1:
            parts.append(f"    # {name}")
        parts += [f"    {line}".rstrip() for line in _text(data).splitlines()]
        parts.append("")
    return "\n".join([*parts, f"$ {shown.command}", shown.output])


def page() -> str:
    """All of them, as Markdown."""
    kinds = {code.name: _kind(code) for code in CODES.values()}
    listed = {kind: ", ".join(f"[`{name}`](#{name})" for name, of in kinds.items() if of == kind)
              for kind in ("error", "warning")}
    return "\n".join([_INTRODUCTION, f"Errors: {listed['error']}.", "", f"Warnings: {listed['warning']}.",
                      *(_section(code) for code in CODES.values())])


def _section(code: Code) -> str:
    shown = example(code.name)
    files = "".join(f"{f'`{name}`:{chr(10)}{chr(10)}' if len(shown.files) > 1 else ''}"
                    f"```{'python' if name.endswith('.py') else 'yaml'}\n{_text(data).rstrip()}\n```\n\n"
                    for name, data in shown.files.items())
    return (f"\n## {code.name}\n\n{code.about} {code.way_out}\n\n{files}"
            f"```text\n$ {shown.command}\n{shown.output.rstrip()}\n```")


def _kind(code: Code) -> str:
    return "warning" if code.warns else "error"


def _text(data: bytes) -> str:
    """As it can be shown: what is no text is what an example may be about."""
    text = data.decode(errors="replace")
    return "".join(c if c.isprintable() or c in "\n\t" else "\N{REPLACEMENT CHARACTER}" for c in text)


def _plain(text: str) -> str:
    return text.replace("`", "'")
