"""What one would write without this project: FastAPI around a transformers pipeline, a call for each request.

The same weights in fp32 and the same normalized text. `/blocking` calls it in the event loop, `/threaded` in FastAPI's
threads. Run: python -m tests.load.pipeline_server MODEL PORT
"""

import sys
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel

from fazhi.model.bert import load_network
from fazhi.model.normalize import normalize
from fazhi.training.bench import plain_pipeline


class Sentences(BaseModel):
    """What the service's own /v1/sentences takes."""

    sentences: list[str]


def make_app(folder: Path) -> FastAPI:
    app = FastAPI()
    classify = plain_pipeline(folder, load_network(folder))

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
