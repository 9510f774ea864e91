"""Tagged reports -> a workbook for people: sentences, counts, problems with their plans, the parts found, and failures.

Headers are Chinese. Rows are written as they come, whatever their number; a full sheet goes on in another.
"""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from fazhi.data.answers import answered_problems
from fazhi.data.completeness import completeness
from fazhi.data.exports.cells import cell_text, is_formula
from fazhi.data.exports.report import Counts, FailedFile, TaggedReport, count
from fazhi.data.exports.wording import EVIDENCE, NO_PLAN, STATES, sought
from fazhi.model.labels import ROLES, TOPICS, Role

MOST_ROWS = 1_048_576  # of a sheet, by the format
FILLS = dict(zip(ROLES, ("E2F0D9", "FBE5D6", "DDEBF7", "EDEDED"), strict=True))  # beside the role's name, never alone
YES = "是"
SHARE = "0%"


class Column(NamedTuple):
    """A column's header, how wide it is, and whether its text is broken into lines."""

    title: str
    width: int = 9
    wrapped: bool = False


DOCUMENT = Column("文件", 28)
SENTENCE = Column("句子", 80, wrapped=True)
SENTENCES = (
    DOCUMENT,
    Column("序号", 6),
    Column("位置", 14),
    Column("上级标题", 30),
    SENTENCE,
    Column("性质"),
    Column("主题", 14),
    Column("需复核"),
    Column("把握"),
    Column("已更正"),
    Column("标题"),
    Column("页面文字"),
    Column("起"),
    Column("止"),
)
ROLE_AT = [column.title for column in SENTENCES].index("性质")
COUNTS = (
    DOCUMENT,
    Column("句数"),
    *(Column(label) for label in (*ROLES, *TOPICS)),
    *(Column(f"{role}·{topic}", 11) for role in ROLES for topic in TOPICS),
    Column("需复核"),
    Column("无对应计划的问题", 18),
    Column("说明", 60, wrapped=True),
)
ANSWERS = (
    DOCUMENT,
    Column("问题句", 60, wrapped=True),
    Column("共同主题", 14),
    Column("对应的计划句", 60, wrapped=True),
    Column("相近程度", 10),
)
PARTS = (
    DOCUMENT,
    Column("应有内容", 40, wrapped=True),
    Column("方面", 28, wrapped=True),
    Column("结果"),
    Column("依据词", 16),
    Column("证据句", 80, wrapped=True),
    Column("位置", 14),
)
FAILURES = (DOCUMENT, Column("代码", 18), Column("原因", 80, wrapped=True))


def write_xlsx(reports: Iterable[TaggedReport], failures: Iterable[FailedFile], path: Path) -> None:
    """Write all sheets in one pass over the reports; `failures` is read last."""
    from openpyxl import Workbook

    book = Workbook(write_only=True)
    sentences = Sheet(book, "句子", SENTENCES)
    counts, answers = Sheet(book, "统计", COUNTS), Sheet(book, "问题与计划", ANSWERS)
    parts = Sheet(book, "完整性", PARTS)
    total, unanswered = Counts(), 0
    for report in reports:
        sentences.add(_sentences(report))
        without_plan = answers.add(_answers(report), lambda row: row[3] == NO_PLAN)
        counts.add([_counts(report.name, count(report.units), without_plan, report.notes)])
        parts.add(_parts(report))
        total.add(report.units)
        unanswered += without_plan
    counts.add([_counts("合计", total, unanswered, ())])
    failed = [(failure.name, failure.code, failure.chinese) for failure in failures]
    sheets = [sentences, counts, answers, parts]
    if failed:
        sheets.append(Sheet(book, "失败", FAILURES))
        sheets[-1].add(failed)
    for sheet in sheets:
        sheet.close()
    book.save(path)


class Sheet:
    """Rows under a header that stays in sight, with filters; a full one goes on in a sheet `<title> 2`."""

    def __init__(self, book: Any, title: str, columns: Sequence[Column]) -> None:
        from openpyxl.cell import WriteOnlyCell
        from openpyxl.styles import Alignment

        self._book, self._title, self._columns = book, title, columns
        self._make_cell, self._wrapped = WriteOnlyCell, Alignment(wrap_text=True, vertical="top")
        self._number = 0
        self._open()

    def add(self, rows: Iterable[Sequence[Any]], marked: Callable[[Sequence[Any]], bool] | None = None) -> int:
        """Write rows; give how many of them were `marked`."""
        found = 0
        for row in rows:
            if self._rows == MOST_ROWS:
                self.close()
                self._open()
            self._sheet.append([self._cell(value, column) for value, column in zip(row, self._columns, strict=True)])
            self._rows += 1
            found += bool(marked and marked(row))
        return found

    def close(self) -> None:
        """Put the filters on, and the roles' colours where the sheet has a column of them."""
        from openpyxl.utils import get_column_letter

        self._sheet.auto_filter.ref = f"A1:{get_column_letter(len(self._columns))}{self._rows}"
        if self._columns is SENTENCES and self._rows > 1:
            letter = get_column_letter(ROLE_AT + 1)
            for role in ROLES:
                self._sheet.conditional_formatting.add(f"{letter}2:{letter}{self._rows}", _colour(role))

    def _open(self) -> None:
        from openpyxl.utils import get_column_letter

        self._number += 1
        title = self._title if self._number == 1 else f"{self._title} {self._number}"
        self._sheet = self._book.create_sheet(title)
        self._sheet.freeze_panes = "B2"
        for place, column in enumerate(self._columns, 1):
            self._sheet.column_dimensions[get_column_letter(place)].width = column.width
        self._sheet.append([_header(self._sheet, column.title) for column in self._columns])
        self._rows = 1

    def _cell(self, value: Any, column: Column) -> Any:
        if isinstance(value, float):
            cell = self._make_cell(self._sheet, value)
            cell.number_format = SHARE
            return cell
        if not isinstance(value, str):
            return value
        text = cell_text(value)
        if not text:
            return None
        cell = self._make_cell(self._sheet, text)
        cell.data_type = "s"  # never a formula or an error code, whatever it begins with
        if is_formula(text):
            cell.quotePrefix = True  # and it stays a text when it is edited
        if column.wrapped:
            cell.alignment = self._wrapped
        return cell


def _header(sheet: Any, title: str) -> Any:
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.styles import Font

    cell = WriteOnlyCell(sheet, title)
    cell.font = Font(bold=True)
    return cell


def _colour(role: Role) -> Any:
    from openpyxl.formatting.rule import CellIsRule
    from openpyxl.styles import PatternFill

    return CellIsRule(operator="equal", formula=[f'"{role}"'], fill=PatternFill(bgColor=FILLS[role], fill_type="solid"))


def _sentences(report: TaggedReport) -> Iterable[Sequence[Any]]:
    for number, unit in enumerate(report.units, 1):
        yield (
            report.name,
            number,
            unit.place,
            " / ".join(unit.headings),
            unit.text,
            str(unit.role),
            "；".join(unit.topics),
            YES if unit.unsure else "",
            None if unit.certainty is None else float(unit.certainty),
            YES if unit.corrected else "",
            YES if unit.heading else "",
            YES if unit.furniture else "",
            unit.start,
            unit.end,
        )


def _counts(name: str, counts: Counts, unanswered: int, notes: Sequence[str]) -> Sequence[Any]:
    labels = [*(counts.roles[role] for role in ROLES), *(counts.topics[topic] for topic in TOPICS)]
    return (name, counts.units, *labels, *counts.both.values(), counts.unsure, unanswered, "；".join(notes))


def _answers(report: TaggedReport) -> Iterable[Sequence[Any]]:
    """One row for each problem and plan that answers it; one that says so where none does."""
    for problem in answered_problems(report.units):
        text = report.units[problem.problem].text
        for answer in problem.answers:
            plan = report.units[answer.plan].text
            yield report.name, text, "；".join(answer.topics), plan, answer.closeness
        if not problem.answers:
            yield report.name, text, "", NO_PLAN, None


def _parts(report: TaggedReport) -> Iterable[Sequence[Any]]:
    """A row for each sentence shown as evidence; one that says what was looked for where there is none."""
    for part in completeness(report.units).parts:
        for found in part.aspects:
            begin = (report.name, part.part.name, found.aspect.name, STATES[found.state])
            for item in found.evidence[:EVIDENCE]:
                unit = report.units[item.unit]
                yield *begin, item.cue or str(unit.role), unit.text, unit.place
            if not found.evidence:
                yield *begin, "", f"查找过：{sought(found.aspect.roles, found.aspect.cues)}", ""
