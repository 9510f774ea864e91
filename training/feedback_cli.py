"""The `fazhi feedback` commands: corrections out of the database and into it, as a corpus or for other tools.

Pieces are imported inside their command, as in training/cli.
"""

import enum
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fazhi.training.outcome import one_clear_line

if TYPE_CHECKING:
    from fazhi.data.feedback import Store

feedback = typer.Typer(no_args_is_help=True, help="Corrections that people made on the page.")

DatabaseOption = Annotated[
    str,
    typer.Option("--db", envvar="FAZHI_DATABASE", help="Database: sqlite:///FILE, a file, or postgresql://…"),
]


class Target(enum.StrEnum):
    """What corrections are written as."""

    CORPUS = "corpus"
    LABEL_STUDIO = "label-studio"
    DOCCANO = "doccano"


class Tool(enum.StrEnum):
    """Whose file is read."""

    LABEL_STUDIO = "label-studio"
    DOCCANO = "doccano"


@feedback.command("export")
def export(
    out: Annotated[Path, typer.Argument(help="A new folder for a corpus; a file for another tool.")],
    db: DatabaseOption = "sqlite:///artifacts/feedback.db",
    style: Annotated[Target, typer.Option("--format", help="What to write.")] = Target.CORPUS,
    with_predicted: Annotated[
        bool, typer.Option("--with-predicted", help="In a corpus: the model's labels for sentences nobody judged.")
    ] = False,
) -> None:
    """Write what people have corrected as a corpus for `train --extra`, or all documents for another tool."""
    with one_clear_line("serve"):
        from fazhi.data.feedback import Store

        with closing(Store.open(db, create=False)) as store:
            if style is Target.CORPUS:
                _export_corpus(store, out, with_predicted)
            else:
                _export_file(store, out, style)


def _export_corpus(store: "Store", out: Path, with_predicted: bool) -> None:
    from fazhi.data.feedback.corpus import export_corpus

    done = export_corpus(store, out, with_predicted)
    typer.echo(f"{out}: {done.documents} documents, {done.units} units")
    if done.differing:
        typer.echo(f"{done.differing} units are left out: by the present segmentation they are none", err=True)


def _export_file(store: "Store", out: Path, style: Target) -> None:
    from fazhi.data.feedback.exchange import FORMATS, write_file

    found = [summary.sha256 for summary in store.documents()]
    kept = ((store.document(sha256), store.labels(sha256)) for sha256 in found)
    form = FORMATS[style.value]
    setup = write_file(kept, out, form)
    typer.echo(f"{out}: {len(found)} documents; set the project up with {setup} as {form.project}")


@feedback.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="What the other tool has exported.")],
    style: Annotated[Tool, typer.Option("--format", help="The tool.")],
    db: DatabaseOption = "sqlite:///artifacts/feedback.db",
    user: Annotated[
        str | None,
        typer.Option(help="Whose corrections they are, if the file does not tell. [default: the tool's name]"),
    ] = None,
    confirm: Annotated[bool, typer.Option("--confirm", help="Unchanged labels were looked at too.")] = False,
) -> None:
    """Keep what people changed in another tool. Exit code 1: some could not be taken over, and are named."""
    with one_clear_line("serve"):
        from fazhi.data.feedback import Store
        from fazhi.data.feedback.exchange import FORMATS, read_annotated
        from fazhi.data.feedback.imports import Who, import_annotated

        annotated = read_annotated(file, FORMATS[style.value])
        with closing(Store.open(db, create=False)) as store:
            done = import_annotated(store, annotated, Who(user or style.value, confirm))
        typer.echo(f"{done.corrected} corrections kept, {done.unchanged} labels unchanged")
        for problem in done.problems:
            typer.echo(problem, err=True)
        if done.problems:
            raise typer.Exit(1)
