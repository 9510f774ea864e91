"""The store of documents and corrections, asked in threads; its failures are those that the service answers."""

import asyncio
import logging
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from fazhi.data.feedback import (
    Correction,
    DocumentSummary,
    FeedbackError,
    ReviewUnit,
    StaleError,
    StoredDocument,
    StoredLabel,
    UnknownDocumentError,
    UnknownUnitError,
)
from fazhi.serve.errors import NoSuchDocument, StoreFailed
from fazhi.serve.threads import Threads

if TYPE_CHECKING:
    from fazhi.data.feedback import Store

log = logging.getLogger(__name__)

Answer = TypeVar("Answer")

AT_ONCE = 4  # questions; a database that does not answer holds up these threads and nothing else of the service

_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Kept:
    """A document as last stored, and the labels of its units now."""

    document: StoredDocument
    labels: Sequence[StoredLabel]


@dataclass(frozen=True, slots=True)
class Corrected:
    """What became of corrections: the labels that they made, and those now of units that somebody was quicker with."""

    labels: Sequence[StoredLabel]
    stale: Sequence[StoredLabel]


class Shelf:
    """Every method raises StoreFailed where the database fails."""

    def __init__(self, store: "Store") -> None:
        self._store = store
        self._threads = Threads(AT_ONCE, "store")

    @classmethod
    def open(cls, url: str) -> "Shelf":
        """Connect to the database and bring it up to date; raises FeedbackError."""
        from fazhi.data.feedback import Store  # brings SQLAlchemy along, which takes its time

        return cls(Store.open(url))

    async def keep(self, document: StoredDocument) -> Kept:
        """Store a document; gives it with the labels that it may have had already."""

        def keep() -> Kept:
            self._store.keep(document)
            return Kept(document, self._store.labels(document.sha256))

        return await self._ask(keep)

    async def find(self, sha256: str) -> Kept:
        """A document; raises NoSuchDocument."""
        if not _SHA256.fullmatch(sha256):
            raise NoSuchDocument
        return await self._ask(lambda: Kept(self._store.document(sha256), self._store.labels(sha256)))

    async def correct(self, corrections: Sequence[Correction]) -> Corrected:
        """Store corrections one after another; what is stale stops none of the others."""

        def correct() -> Corrected:
            labels: list[StoredLabel] = []
            stale: list[StoredLabel] = []
            for correction in corrections:
                try:
                    labels.append(self._store.correct(correction))
                except StaleError as error:
                    stale.append(error.current)
            return Corrected(labels, stale)

        return await self._ask(correct)

    async def documents(self) -> list[DocumentSummary]:
        """All documents."""
        return await self._ask(self._store.documents)

    async def review(self, count: int) -> list[tuple[ReviewUnit, StoredDocument]]:
        """Units to look at next, each with its document."""

        def review() -> list[tuple[ReviewUnit, StoredDocument]]:
            units = self._store.review(count)
            documents = {sha256: self._store.document(sha256) for sha256 in {unit.sha256 for unit in units}}
            return [(unit, documents[unit.sha256]) for unit in units]

        return await self._ask(review)

    async def close(self) -> None:
        """Let go of the database."""
        self._threads.close()
        await asyncio.to_thread(self._store.close)

    async def _ask(self, ask: Callable[[], Answer]) -> Answer:
        try:
            return await self._threads.run(ask)
        except (UnknownDocumentError, UnknownUnitError):  # the latter where it was cut anew at this very moment
            raise NoSuchDocument from None
        except FeedbackError as error:
            reason, _, _ = str(error).partition("DETAIL")  # what comes then shows a row
            log.exception("the database failed", extra={"reason": reason.strip()})
            raise StoreFailed from error
