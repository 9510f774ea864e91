"""What the API page shows of documents is what the service takes and gives."""

import asyncio
import hashlib
from typing import Any

import pytest
from pydantic import BaseModel

from fazhi.model.document import read_document
from fazhi.serve import examples, workbench

EXAMPLES = {
    workbench.DocumentResponse: examples.DOCUMENT,
    workbench.DocumentsResponse: examples.DOCUMENTS,
    workbench.CorrectionsRequest: examples.CORRECTIONS,
    workbench.LabelsResponse: examples.LABELS,
    workbench.ReviewResponse: examples.REVIEW,
    workbench.InsightResponse: examples.INSIGHT,
    workbench.CompareResponse: examples.COMPARISON,
}


@pytest.mark.parametrize("model", EXAMPLES, ids=lambda model: model.__name__)
def test_each_is_what_its_model_describes(model: type[BaseModel]) -> None:
    assert model.model_validate(EXAMPLES[model]).model_dump(mode="json") == EXAMPLES[model]
    assert model.model_json_schema()["examples"] == [EXAMPLES[model]]


def test_they_tell_of_one_document() -> None:
    assert hashlib.sha256(examples.TEXT.encode("utf-8")).hexdigest() == examples.SHA256
    units = read_document(examples.TEXT).units
    assert examples.DOCUMENT["summary"]["units"] == len(units)
    (shown,) = examples.DOCUMENT["units"]
    for example in (shown, shown["label"], *examples.CORRECTIONS["corrections"], *examples.REVIEW["units"]):
        assert (example["start"], example["end"]) == (units[2].start, units[2].end)
    assert shown["text"] == units[2].text


def test_every_operation_on_documents_shows_one_and_explains_its_parameters(make_service: Any, running: Any) -> None:
    async def run() -> Any:
        async with running(make_service()) as client:
            return (await client.get("/openapi.json")).json()

    page = asyncio.run(run())
    operations = [one for path in page["paths"].values() for one in path.values() if one.get("tags") == ["documents"]]
    assert len(operations) == 8
    for operation in operations:
        assert operation["summary"]
        assert operation["description"]
        assert all(parameter["description"] for parameter in operation.get("parameters", ()))
        told = [operation["responses"]["200"], operation.get("requestBody", {})]
        for content in (kind for one in told for kind in one.get("content", {}).items()):
            if content[0] == "application/json" and "$ref" in content[1]["schema"]:
                model = page["components"]["schemas"][content[1]["schema"]["$ref"].rpartition("/")[2]]
                assert len(model["examples"]) == 1
