"""Tagged reports -> a file of the kind its name asks for, whole or not at all."""

from collections.abc import Callable, Iterable
from importlib import import_module
from pathlib import Path

from fazhi.data.exports import excel, lines, parquet
from fazhi.data.exports.report import FailedFile, TaggedReport
from fazhi.model.errors import FazhiError

WRITERS: dict[str, Callable[[Iterable[TaggedReport], Path], None]] = {
    ".csv": lines.write_csv,
    ".jsonl": lines.write_jsonl,
    ".parquet": parquet.write_parquet,
}
WORKBOOK = ".xlsx"
LIBRARIES = {WORKBOOK: "openpyxl", ".parquet": "pyarrow"}
SUFFIXES = (WORKBOOK, *WRITERS)


class ExportError(FazhiError):
    """A table or summary cannot be written as asked."""


def check_writable(out: Path, style: str | None = None) -> str:
    """The kind of table that is asked for, as a suffix; raises ExportError where it cannot be written here."""
    suffix = f".{style}" if style else out.suffix.lower()
    if suffix not in SUFFIXES:
        raise ExportError(f"{out}: tags are written as {', '.join(SUFFIXES)}; name one of these")
    if library := LIBRARIES.get(suffix):
        try:
            import_module(library)
        except ModuleNotFoundError as error:
            raise ExportError(
                f"writing {suffix} needs {error.name}, which is not installed: pip install 'fazhi[documents]'"
            ) from error
    return suffix


def write_tags(
    reports: Iterable[TaggedReport], out: Path, failures: Iterable[FailedFile] = (), style: str | None = None
) -> None:
    """Write every sentence of the reports, one a row, and the files that failed; raises ExportError.

    `style` (xlsx, csv, jsonl, parquet) is what the name of `out` ends in, where it is not given.

    Both are read once and in turn: `failures` may be filled while `reports` is read. In a workbook they are a sheet,
    for the other formats a file beside it (`failures_beside`), which is there only where something failed.
    """
    suffix = check_writable(out, style)
    if suffix == WORKBOOK:
        whole(out, lambda draft: excel.write_xlsx(reports, failures, draft))
        return
    whole(out, lambda draft: WRITERS[suffix](reports, draft))
    if failed := list(failures):
        whole(failures_beside(out), lambda draft: lines.write_failures(failed, draft))
    else:
        failures_beside(out).unlink(missing_ok=True)


def failures_beside(out: Path) -> Path:
    """Where the failures stand that have no sheet of their own."""
    return out.with_name(f"{out.name}.failures.csv")


def failures_in(out: Path) -> str:
    """Where to look for the failures of a table."""
    return f"sheet {excel.FAILED}" if out.suffix.lower() == WORKBOOK else failures_beside(out).name


def whole(out: Path, write: Callable[[Path], None]) -> None:
    """Let `write` fill a draft beside `out`, then put it in its place; no draft stays behind."""
    out.parent.mkdir(parents=True, exist_ok=True)
    draft = out.with_name(out.name + ".part")
    try:
        write(draft)
        draft.replace(out)
    finally:
        draft.unlink(missing_ok=True)
