"""Corrected documents in the store -> a corpus folder in the format of data/README.md. Knows files; trains nothing."""

import json
import os
import shutil
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from fazhi.data.feedback.records import Change, FeedbackError, Label, StoredDocument, StoredLabel
from fazhi.data.feedback.store import Store
from fazhi.data.schema import LabelledUnit, format_line
from fazhi.model.segment import segment

Place = tuple[int, int]  # where a unit begins and ends


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written: documents (excerpts count as such) and units; `differing` are judged units that could not be.

    They are no units of the text as it was last tagged, by the present segmentation, or outside their document.
    """

    documents: int
    units: int
    differing: int


@dataclass(frozen=True, slots=True)
class Piece:
    """A document of the corpus: a stored one's text or a stretch of it, with its labels."""

    id: str
    text: str
    units: tuple[LabelledUnit, ...]


def export_corpus(store: Store, folder: Path, with_predicted: bool = False) -> Exported:
    """Write the documents that people have corrected, all for training; raises FeedbackError.

    Units nobody judged have the model's label `with_predicted`. Without, they are left out: a document that was judged
    in part becomes excerpts, each a stretch of its text in which every unit was judged.
    """
    if folder.is_dir() and any(folder.iterdir()):
        raise FeedbackError(f"{folder} is not empty: name a new folder")
    folder = folder.absolute()
    draft = folder.with_name(f"{folder.name}.part-{os.getpid()}")
    try:
        exported = _write(store, draft, with_predicted)
        if not exported.documents:
            reason = "of the corrected units, none is a unit by the present segmentation"
            raise FeedbackError(reason if exported.differing else "nothing to export: no unit has been corrected")
        if folder.is_dir():
            folder.rmdir()
        draft.rename(folder)
    except OSError as error:
        raise FeedbackError(f"{folder}: {error.strerror or error}") from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return exported


def _write(store: Store, folder: Path, with_predicted: bool) -> Exported:
    for name in ("documents", "labels"):
        (folder / name).mkdir(parents=True)
    documents = written = differing = 0
    with (folder / "index.jsonl").open("w", encoding="utf-8") as index:
        for summary in reversed(store.documents()):
            judged = _judged(store.history(summary.sha256))
            if not judged:
                continue
            document, labels = store.document(summary.sha256), store.labels(summary.sha256)
            pieces = list(cut(document, labels, judged, with_predicted))
            for piece in pieces:
                _write_piece(folder, piece)
                index.write(json.dumps(_entry(piece, document, with_predicted), ensure_ascii=False) + "\n")
            documents += len(pieces)
            units = sum(len(piece.units) for piece in pieces)
            written += units
            wanted = judged | {(label.start, label.end) for label in labels if with_predicted}
            differing += len(wanted) - units
    return Exported(documents, written, differing)


def _judged(history: Iterable[Change]) -> set[Place]:
    """The units that people gave a label or confirmed, but for those whose every change was taken back."""
    first: dict[Place, Label] = {}
    last: dict[Place, Change] = {}
    for change in history:
        first.setdefault((change.start, change.end), change.old)
        last[change.start, change.end] = change
    return {place for place, change in last.items() if change.old == change.new or change.new != first[place]}


def _write_piece(folder: Path, piece: Piece) -> None:
    labels = "".join(format_line(unit) + "\n" for unit in piece.units)
    (folder / "documents" / f"{piece.id}.txt").write_bytes(piece.text.encode("utf-8"))
    (folder / "labels" / f"{piece.id}.jsonl").write_bytes(labels.encode("utf-8"))


def _entry(piece: Piece, document: StoredDocument, with_predicted: bool) -> dict[str, object]:
    """A line of the index."""
    kind = "corrected" if len(piece.text) == len(document.text) else "excerpt, corrected"
    note = f"{document.name}, {kind}" + (f", other labels by model {document.model}" if with_predicted else "")
    return {
        "id": piece.id,
        "split": "train",
        "units": len(piece.units),
        "chars": len(piece.text),
        "note": note,
        "sha256": document.sha256,
    }


def cut(
    document: StoredDocument, labels: Sequence[StoredLabel], judged: Collection[Place], with_predicted: bool
) -> Iterator[Piece]:
    """The whole document where every unit has a label that may be used, else the stretches of it that were judged."""
    name = f"feedback-{document.sha256[:12]}"
    chosen = [(label.start, label.end) in judged for label in labels]
    if any(chosen) and (with_predicted or all(chosen)) and (whole := _piece(name, document.text, 0, labels)):
        yield whole
        return
    for first, last in _runs(chosen):
        own = labels[first:last]
        stretch = _excerpt(name, document.text, own)
        alone = (_excerpt(name, document.text, [label]) for label in own) if not stretch and len(own) > 1 else ()
        yield from (piece for piece in (stretch, *alone) if piece)


def _runs(chosen: Sequence[bool]) -> list[tuple[int, int]]:
    """[first, last) of each unbroken row of what is chosen."""
    edges = [
        i for i, (before, after) in enumerate(zip([False, *chosen], [*chosen, False], strict=True)) if before != after
    ]
    return list(zip(edges[::2], edges[1::2], strict=True))


def _excerpt(name: str, text: str, labels: Sequence[StoredLabel]) -> Piece | None:
    start, end = labels[0].start, labels[-1].end
    return _piece(f"{name}-{start}", text[start:end], start, labels)


def _piece(name: str, text: str, offset: int, labels: Sequence[StoredLabel]) -> Piece | None:
    """The text with its labels, which stand `offset` further on; None where the text is not cut into these units."""
    found = segment(text)
    if [(unit.start + offset, unit.end + offset) for unit in found] != [(label.start, label.end) for label in labels]:
        return None
    units = [
        LabelledUnit(unit.start, unit.end, unit.text, unit.heading, label.role, label.topics)
        for unit, label in zip(found, labels, strict=True)
    ]
    return Piece(name, text, tuple(units))
