"""A model's config -> its card, README.md in the model folder."""

from pathlib import Path

from fazhi.model.checkpoint import ModelConfig
from fazhi.model.labels import ROLES, TOPICS

CARD = """# fazhi: roles and topics of sentences in rule-of-law government reports

Tags each sentence of a Chinese 法治政府建设 report with one role ({roles}) and any of the topics {topics}.

- Encoder: `{encoder}`, fine-tuned {date} on {device} with fazhi {version} (`{command}`).
- Trained on {documents} documents, {units} units{extra}. The authored documents were written for this project, with
  invented places and figures; they are not real reports. Their labels, like the test set's, were given by language
  models following the annotation guideline and reviewed by no person.
- Chosen on {dev} authored development documents: role macro-F1 (three roles) {role:.3f}, topic macro-F1 {topic:.3f}.
  These figures chose the model and flatter it; the evaluation report on real reports is made by `fazhi evaluate`.
- Decision rule: role temperature {role_temperature:.2f}, topic temperature {topic_temperature:.2f}, topic thresholds
  {thresholds}; a role below {unsure:.2f} is marked unsure.

Files: `model.int8.onnx` and `model.fp32.onnx` (ONNX Runtime), `model.safetensors` (torch), `tokenizer.json`,
`config.json` (all settings), `metrics.json` (development figures), `SHA256SUMS`.

Made for reports of Chinese government bodies on their rule-of-law work. Do not use it to rate bodies or persons: a tag
says what a sentence claims, not whether the claim is true.
"""


def write_card(folder: Path, config: ModelConfig) -> None:
    """Write README.md."""
    training, decision = config.training, config.decision
    settings, figures = training["settings"], training["dev"][config.precision]
    extra = " (development documents among them)" if settings["include_dev"] else ""
    extra += " (the test reports among them)" if settings["include_test"] else ""
    text = CARD.format(
        roles="、".join(ROLES),
        topics="、".join(TOPICS),
        encoder=settings["encoder"],
        date=training["date"],
        device=training["device"],
        version=training["versions"]["fazhi"],
        command=training["command"],
        documents=training["documents"]["training"],
        units=training["units"]["training"],
        extra=extra,
        dev=training["documents"]["dev"],
        role=figures["role_macro_f1_3"],
        topic=figures["topics_macro_f1"],
        role_temperature=decision.role_temperature,
        topic_temperature=decision.topic_temperature,
        thresholds=", ".join(f"{t} {v:.2f}" for t, v in zip(TOPICS, decision.thresholds, strict=True)),
        unsure=decision.abstain_below,
    )
    (folder / "README.md").write_text(text, encoding="utf-8")
