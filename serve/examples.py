"""What the API page shows of /v1/documents, /v1/review and /v1/compare: one small report, sent, corrected, compared.

The models of fazhi.serve.workbench hold these to what they say; a test holds them to the text.
"""

from typing import Any

from fazhi.model.labels import ROLES, TOPICS, Role, Topic

SHA256 = "8ad5c8177fdbf7637d5b5b9a89cd342fa7b223281fecc81c52f870cf2f33d291"
NAME = "云溪县报告.docx"
TITLE = "云溪县2024年法治政府建设情况报告"
HEADING = "一、存在的问题"
SENTENCE = "部分乡镇执法人员力量不足。"
TEXT = f"{TITLE}\n{HEADING}\n{SENTENCE}\n"
TIME = "2026-01-31T08:05:09.123456Z"
VERSION = "0123456789ab"

_START = TEXT.index(SENTENCE)
_SPAN = {"start": _START, "end": _START + len(SENTENCE)}
_SCORES = {
    "roles": dict(zip(ROLES, (0.012, 0.951, 0.021, 0.016), strict=True)),
    "topics": dict(zip(TOPICS, (0.873, 0.004, 0.021, 0.006), strict=True)),
}
_LABEL = {**_SPAN, "role": Role.PROBLEM, "topics": [Topic.ENFORCEMENT], "revision": 1, "user": "审核员甲", "time": TIME}
_UNIT = {"text": SENTENCE, "heading": False, "headings": [HEADING], "scores": _SCORES}
_PROBLEM = {"unit": 2, "text": SENTENCE, "topics": [Topic.ENFORCEMENT]}
_PART = {
    "key": "shortfalls",
    "name_zh": "存在的不足和原因",
    "name_en": "Shortfalls and their causes",
    "optional": False,
}
_SUMMARY = {
    "units": 3,
    "unsure": 0,
    "roles": {role: {Role.PROBLEM: 1, Role.OTHER: 2}.get(role, 0) for role in ROLES},
    "topics": {topic: int(topic is Topic.ENFORCEMENT) for topic in TOPICS},
    "roles_and_topics": {
        role: {topic: int((role, topic) == (Role.PROBLEM, Topic.ENFORCEMENT)) for topic in TOPICS} for role in ROLES
    },
    "problems": [_PROBLEM],
}

DOCUMENT: dict[str, Any] = {
    "model": {"name": "fazhi", "version": VERSION},
    "document": {"sha256": SHA256, "name": NAME, "format": "docx", "notes": [], "text": TEXT, "stored": True},
    "outline": {"title": TITLE, "opening": "", "sections": [{"unit": 1, "level": 1, "text": HEADING}]},
    "units": [
        {
            **_UNIT,
            **_SPAN,
            "role": Role.PROBLEM,
            "topics": [],
            "unsure": True,
            "level": 0,
            "source": {"page": None, "paragraph": 3, "table": None, "furniture": False},
            "revision": 1,
            "label": _LABEL,
        }
    ],
    "summary": _SUMMARY,
}
DOCUMENTS: dict[str, Any] = {
    "documents": [{"sha256": SHA256, "name": NAME, "units": 3, "corrected": 1, "model": VERSION, "time": TIME}]
}
CORRECTIONS: dict[str, Any] = {
    "user": "审核员甲",
    "corrections": [{**_SPAN, "role": Role.PROBLEM, "topics": [Topic.ENFORCEMENT], "revision": 0}],
}
LABELS: dict[str, Any] = {"labels": [_LABEL]}
REVIEW: dict[str, Any] = {
    "units": [
        {
            **_UNIT,
            **_SPAN,
            "sha256": SHA256,
            "name": NAME,
            "before": f"{TITLE}\n{HEADING}\n",
            "after": "\n",
            "role": Role.PROBLEM,
            "topics": [Topic.ENFORCEMENT],
            "margin": 0.746,
            "revision": 0,
        }
    ]
}
_EVIDENCE = {"unit": 2, "cue": "", "above": False, "hint": False}
_ASPECTS = [
    {"key": "shortfalls", "name_zh": "不足", "name_en": "Shortfalls", "state": "found", "evidence": [_EVIDENCE]},
    {"key": "causes", "name_zh": "原因", "name_en": "Causes", "state": "missing", "evidence": []},
]
INSIGHT: dict[str, Any] = {
    "answers": [{**_PROBLEM, "plans": []}],
    "completeness": {
        "version": 2,
        "source": "《法治政府建设与责任落实督察工作规定》（厅字〔2019〕28号）第二十四条",
        "parts": [{**_PART, "state": "missing", "aspects": _ASPECTS}],
    },
}
COMPARISON: dict[str, Any] = {
    "documents": [
        {
            "sha256": SHA256,
            "name": NAME,
            "title": TITLE,
            "corrected": 1,
            "summary": _SUMMARY,
            "parts": [{**_PART, "state": "missing", "evidence": 1}],
            "unanswered": [_PROBLEM],
        }
    ]
}
