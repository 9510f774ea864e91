"""Tagged reports -> .parquet, for those who go on with pandas, Polars or DuckDB; knows no other format."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from fazhi.data.exports.report import TaggedReport
from fazhi.model.labels import ROLES, TOPICS

TOGETHER = 20_000  # rows of a row group, about


def write_parquet(reports: Iterable[TaggedReport], path: Path) -> None:
    """The fields of `TaggedReport.rows` with their types; `scores` is a struct, null where a unit has none."""
    import pyarrow.parquet

    schema = _schema()
    rows: list[dict[str, Any]] = []
    with pyarrow.parquet.ParquetWriter(path, schema, compression="zstd") as writer:
        for report in reports:
            rows += [{**row, "scores": row["scores"] or None} for row in report.rows()]
            if len(rows) >= TOGETHER:
                writer.write_table(pyarrow.Table.from_pylist(rows, schema))
                rows.clear()
        if rows:
            writer.write_table(pyarrow.Table.from_pylist(rows, schema))


def _schema() -> Any:
    import pyarrow as pa

    texts = pa.list_(pa.string())
    kinds = {
        "document": pa.string(),
        "start": pa.int32(),
        "end": pa.int32(),
        "text": pa.string(),
        "heading": pa.bool_(),
        "role": pa.string(),
        "topics": texts,
        "unsure": pa.bool_(),
        "scores": pa.struct([(str(label), pa.float32()) for label in (*ROLES, *TOPICS)]),
        "headings": texts,
        "page": pa.int32(),
        "paragraph": pa.int32(),
        "table": pa.list_(pa.int32()),
        "furniture": pa.bool_(),
        "corrected": pa.bool_(),
    }
    return pa.schema(list(kinds.items()))
