"""/predict: text classification as Hugging Face's clients and servers speak it."""

from typing import Annotated, Any, Literal

import numpy as np
import numpy.typing as npt
from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag

from fazhi.model.decision import Decision
from fazhi.model.document import bare_sentence
from fazhi.model.labels import ROLES, TOPICS, Role, Topic
from fazhi.model.predict import Logits
from fazhi.serve.body import JsonRoute
from fazhi.serve.call import call_of
from fazhi.serve.schemas import SENTENCE, Body
from fazhi.serve.service import service_of
from fazhi.serve.texts import check_count, check_texts

router = APIRouter(route_class=JsonRoute, tags=["tagging"])

Function = Literal["sigmoid", "softmax", "none"]


class Parameters(Body):
    """How much is answered, and as what kind of score."""

    top_k: Annotated[int, Field(strict=True, ge=1)] | None = Field(None, description="labels; without it all eight")
    function_to_apply: Function | None = Field(
        None, description="`sigmoid`: each label by itself; `softmax`: over the roles; `none`: the model's raw scores"
    )


def _variant(value: object) -> str | None:
    return "<string>" if isinstance(value, str) else "<list>" if isinstance(value, list) else None


Inputs = Annotated[
    Annotated[str, Tag("<string>")] | Annotated[list[str], Field(min_length=1, fail_fast=True), Tag("<list>")],
    Discriminator(_variant, custom_error_type="string_or_list", custom_error_message="neither string nor list"),
]


class PredictRequest(Body):
    """One sentence, or several."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"inputs": SENTENCE, "parameters": {"top_k": 3}},
                {"inputs": ["全年办理行政复议案件12件。", "下一步，将加强法治宣传。"]},
            ]
        }
    )
    inputs: Inputs
    parameters: Parameters | None = None
    options: dict[str, Any] | None = Field(None, description="accepted and not looked at: the model is always loaded")


class LabelScore(BaseModel):
    """A role or topic with its score."""

    label: Role | Topic
    score: float


@router.post("/predict", summary="Score sentences, as Hugging Face's text classification")
async def predict(request: Request, body: PredictRequest) -> list[list[LabelScore]]:
    """Score one or many sentences, each by itself: for each its labels, the highest score first.

    Roles are rivals, and their scores add up to one (softmax); topics are not, and each has a probability of its own
    (sigmoid). That is also what `softmax` gives, as there is nothing that topics could be weighed against. `sigmoid`
    takes the roles by themselves too. A list has both kinds: what a sentence is tagged with is told by /v1/sentences.
    """
    service, call = service_of(request.scope), call_of(request.scope)
    if isinstance(body.inputs, str):
        texts = {"/inputs": body.inputs}
    else:
        check_count(len(body.inputs), service.config)
        texts = {f"/inputs/{i}": text for i, text in enumerate(body.inputs)}
    check_texts(texts, service.config)
    parameters = body.parameters or Parameters.model_construct()
    with service.models.lease() as tagger:
        documents = [bare_sentence(text) for text in texts.values()]
        encoded = await tagger.encode(lambda: documents, texts.values(), call.timing)
        scored = await tagger.score(encoded, call.timing)
        scores = [_scores(logits, tagger.predictor.decision, parameters.function_to_apply) for logits in scored]
    return [_best(one)[: parameters.top_k] for one in scores]


def _scores(logits: Logits, decision: Decision, function: Function | None) -> npt.NDArray[np.floating]:
    """One sentence's scores, in the order of the labels."""
    if function == "none":
        return np.concatenate([logits.roles[0], logits.topics[0]])
    if function == "sigmoid":
        alone = Decision(topic_temperature=decision.role_temperature)  # takes a role as it takes a topic
        roles = alone.topic_probabilities(logits.roles)
    else:
        roles = decision.role_probabilities(logits.roles)
    return np.concatenate([roles[0], decision.topic_probabilities(logits.topics)[0]])


def _best(scores: npt.NDArray[np.floating]) -> list[LabelScore]:
    pairs = sorted(zip((*ROLES, *TOPICS), scores.tolist(), strict=True), key=lambda pair: -pair[1])
    return [LabelScore.model_construct(label=label, score=round(score, 6)) for label, score in pairs]
