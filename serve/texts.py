"""Texts of a request -> an error that says which of them cannot be read, or that they are too many or too long."""

from collections.abc import Mapping

from fazhi.serve.config import ServeConfig
from fazhi.serve.errors import Fault, Invalid, TooLarge


def check_count(sentences: int, config: ServeConfig) -> None:
    """Raise TooLarge for more sentences than a request may have, which costs less than a look at each."""
    if sentences > config.sentences:
        raise TooLarge(what_zh="句数", what_en="sentences", limit=config.sentences)


def check_texts(texts: Mapping[str, str], config: ServeConfig) -> None:
    """Check the texts of a request, given by their JSON pointers; raises TooLarge, Invalid."""
    if sum(map(len, texts.values())) > config.characters:
        raise TooLarge(what_zh="字符数", what_en="characters", limit=config.characters)
    faults = [fault for pointer, text in texts.items() if (fault := _fault(pointer, text))]
    if faults:
        raise Invalid(faults)


def _fault(pointer: str, text: str) -> Fault | None:
    if "\0" in text:
        return Fault(pointer, "文本含 NUL 字符。", "The text holds a NUL character.")
    if not text.strip():
        return Fault(pointer, "文本为空或只有空白。", "The text is empty or white space only.")
    return None
