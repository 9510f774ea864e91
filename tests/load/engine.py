"""The engine's own speed on the texts that the service is loaded with: no HTTP, nothing else running.

A process of its own: reads an order (JSON) from standard input and prints units per second of the best round.
"""

import json
import sys
import time
from pathlib import Path

from fazhi.model.checkpoint import load_predictor
from fazhi.model.document import bare_sentence, read_document

BATCHES = (256, 512)  # word pieces; the better one counts


def main() -> None:
    """Read an order and print the speed of each batch size."""
    order = json.load(sys.stdin)
    predictor = load_predictor(Path(order["model"]))
    make = bare_sentence if order["bare"] else read_document
    documents = [make(text) for text in order["texts"]]
    units = sum(len(document.units) for document in documents)
    predictor.predict(documents[:16])
    best = dict.fromkeys(BATCHES, float("inf"))
    for _ in range(order["rounds"]):
        for tokens in BATCHES:
            predictor.max_tokens = tokens
            begin = time.perf_counter()
            predictor.predict(documents)
            best[tokens] = min(best[tokens], time.perf_counter() - begin)
    print(json.dumps({tokens: units / seconds for tokens, seconds in best.items()}))


if __name__ == "__main__":
    main()
