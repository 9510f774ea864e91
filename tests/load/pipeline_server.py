"""What one would write without this project: FastAPI around a transformers pipeline, a call for each request.

The same weights in fp32 and the same normalized text. `/blocking` calls it in the event loop, `/threaded` in FastAPI's
threads. Run: python -m tests.load.pipeline_server MODEL PORT
"""

import logging
import sys
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel
from transformers import BertConfig, PreTrainedTokenizerFast, pipeline
from transformers import logging as transformers_logging

from fazhi.model.bert import load_network
from fazhi.model.checkpoint import load_config, load_encoder
from fazhi.model.labels import ROLES
from fazhi.model.normalize import normalize
from fazhi.training.bench import _SentenceClassifier


class Sentences(BaseModel):
    """What the service's own /v1/sentences takes."""

    sentences: list[str]


def make_pipeline(folder: Path) -> Any:
    config = load_config(folder)
    encoder = load_encoder(folder, config)
    settings = BertConfig(**{**config.encoder, "id2label": dict(enumerate(map(str, ROLES)))})
    names = {"cls_token": config.encode.cls, "sep_token": config.encode.sep, "pad_token": config.encode.pad}
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=encoder.tokenizer, **{name: encoder.tokenizer.id_to_token(i) for name, i in names.items()}
    )
    transformers_logging.set_verbosity(logging.CRITICAL)  # it lists every model it knows when a class is not among them
    classifier = _SentenceClassifier(settings, load_network(folder))
    return pipeline("text-classification", model=classifier, tokenizer=tokenizer, device="cpu")


def make_app(folder: Path) -> FastAPI:
    app = FastAPI()
    classify = make_pipeline(folder)

    @app.get("/health")
    async def health() -> dict[str, str]:
        return {}

    @app.post("/blocking")
    async def blocking(body: Sentences) -> Any:
        return classify([normalize(text) for text in body.sentences])

    @app.post("/threaded")
    def threaded(body: Sentences) -> Any:
        return classify([normalize(text) for text in body.sentences])

    return app


if __name__ == "__main__":
    uvicorn.run(make_app(Path(sys.argv[1])), host="127.0.0.1", port=int(sys.argv[2]), log_level="warning")
