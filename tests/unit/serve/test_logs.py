"""The log: JSON line by line, and nothing in it of what a request held."""

import asyncio
import io
import json
import logging
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from fazhi.serve.errors import InferenceFailed
from fazhi.serve.logs import FRAMES, JsonFormatter, configure

SECRET = "行政复议案件12件"
log = logging.getLogger("fazhi.test")


@pytest.fixture
def lines() -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """Log what a test logs by JsonFormatter, and give it parsed."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter())
    root = logging.getLogger()
    handlers, root.handlers = root.handlers, [handler]
    level = root.level
    root.setLevel(logging.DEBUG)
    yield lambda: [json.loads(line) for line in stream.getvalue().split("\n")[:-1]]
    root.handlers = handlers
    root.setLevel(level)


Lines = Callable[[], list[dict[str, Any]]]


def broken(text: str) -> None:
    raise ValueError(f"cannot read {text}")


class TestLines:
    def test_a_record_is_one_object(self, lines: Lines) -> None:
        before = datetime.now(UTC)
        log.info("model loaded", extra={"version": "abc", "seconds": 1.5, "tags": ["执法"], "none": None})
        (line,) = lines()
        moment = line.pop("time")
        assert line == {
            "level": "INFO",
            "logger": "fazhi.test",
            "event": "model loaded",
            "version": "abc",
            "seconds": 1.5,
            "tags": ["执法"],
            "none": None,
        }
        assert moment.endswith("Z")
        assert len(moment) == len("2024-01-08T01:02:03.004Z")
        assert abs((datetime.fromisoformat(moment) - before).total_seconds()) < 60

    def test_time_level_and_event_come_first(self, lines: Lines) -> None:
        log.info("event", extra={"a": 1})
        assert list(lines()[0]) == ["time", "level", "logger", "event", "a"]

    def test_chinese_stays_readable(self) -> None:
        assert "加载" in JsonFormatter().format(logging.makeLogRecord({"msg": "加载"}))

    @pytest.mark.parametrize("text", ['a\nb\r\n"c"', "a\x1b[31m\x9b31m", "a\u2028b\x85c", "\ud800 alone", "a\x00b"])
    def test_no_text_breaks_a_line_or_a_terminal(self, text: str) -> None:
        written = JsonFormatter().format(logging.makeLogRecord({"msg": "%s", "args": (text,), "extra": text}))
        assert len(written.splitlines()) == 1
        assert not any(character < " " or "\x7f" <= character <= "\x9f" for character in written)
        assert json.loads(written.encode("utf-8")) | {"event": text, "extra": text} == json.loads(written)

    def test_arguments_are_filled_in(self, lines: Lines) -> None:
        log.info("started process [%d] on %s", 5, "loopback")
        assert lines()[0]["event"] == "started process [5] on loopback"

    def test_arguments_that_do_not_fit_are_left_out(self) -> None:
        record = logging.makeLogRecord({"msg": "at %d", "args": (SECRET,)})
        assert json.loads(JsonFormatter().format(record))["event"] == "at %d"

    @pytest.mark.parametrize(
        ("value", "kind"),
        [
            (Path("x"), "PosixPath"),
            (ValueError(SECRET), "ValueError"),
            ({1, 2}, "set"),
            (b"bytes", "bytes"),
            (float("nan"), "float"),
            ({(1, 2): 3}, "dict"),
            ([Path("x"), 1], ["PosixPath", 1]),
        ],
    )
    def test_what_json_lacks_is_named_by_its_type(self, lines: Lines, value: object, kind: object) -> None:
        log.info("event", extra={"value": value})
        assert lines()[0]["value"] == kind

    def test_a_circle_is_named_by_its_type(self, lines: Lines) -> None:
        circle: list[object] = []
        circle.append(circle)
        log.info("event", extra={"value": circle})
        assert lines()[0]["value"] == "list"

    def test_an_extra_field_cannot_pass_for_another(self, lines: Lines) -> None:
        log.info("event", extra={"level": "CRITICAL", "time": 0, "event": "other"})
        assert lines()[0]["level"] == "INFO"
        assert lines()[0]["event"] == "event"
        assert lines()[0]["time"] != 0


class TestExceptions:
    def test_class_and_places_are_logged_but_no_message(self, lines: Lines) -> None:
        try:
            broken(SECRET)
        except ValueError:
            log.exception("a batch failed", extra={"items": 3})
        (line,) = lines()
        assert line["event"] == "a batch failed"
        assert line["exception"] == "ValueError"
        assert line["items"] == 3
        assert all(re.fullmatch(r"(tests/unit/serve/)?test_logs\.py:\d+ \w+", place) for place in line["at"])
        assert len(line["at"]) == 2
        assert line["at"][-1].endswith(" broken")
        assert "causes" not in line
        assert SECRET not in json.dumps(line, ensure_ascii=False)
        assert "cannot read" not in json.dumps(line)

    def test_a_class_of_ours_has_its_module(self, lines: Lines) -> None:
        log.error("failed", exc_info=InferenceFailed())
        assert lines()[0]["exception"] == "fazhi.serve.errors.InferenceFailed"
        assert lines()[0]["at"] == []

    def test_places_in_libraries_are_below_their_folder(self, lines: Lines) -> None:
        async def run() -> None:
            await asyncio.to_thread(json.loads, SECRET)

        try:
            asyncio.run(run())
        except ValueError:
            log.exception("failed")
        line = lines()[-1]
        assert line["exception"] == "json.decoder.JSONDecodeError"
        assert line["at"][-1].startswith("json/decoder.py:")
        assert line["at"][-1].endswith(" raw_decode")
        try:
            pytest.fail(SECRET)
        except BaseException:
            log.exception("failed")
        assert lines()[-1]["at"][-1].startswith("_pytest/")

    def test_causes_are_told_in_their_order(self, lines: Lines) -> None:
        try:
            try:
                try:
                    broken(SECRET)
                except ValueError:
                    raise KeyError(SECRET)  # noqa: B904
            except KeyError as error:
                raise InferenceFailed from error
        except InferenceFailed:
            log.exception("failed")
        line = lines()[0]
        assert [cause["exception"] for cause in line["causes"]] == ["KeyError", "ValueError"]
        assert line["causes"][1]["at"][-1].endswith(" broken")
        assert SECRET not in json.dumps(line, ensure_ascii=False)

    def test_a_context_that_was_set_aside_is_left_out(self, lines: Lines) -> None:
        try:
            try:
                broken(SECRET)
            except ValueError:
                raise InferenceFailed from None
        except InferenceFailed:
            log.exception("failed")
        assert "causes" not in lines()[0]

    def test_the_members_of_a_group_are_told(self, lines: Lines) -> None:
        log.error("failed", exc_info=ExceptionGroup("two", [ValueError(SECRET), OSError(SECRET)]))
        assert lines()[0]["exception"] == "ExceptionGroup"
        assert [cause["exception"] for cause in lines()[0]["causes"]] == ["ValueError", "OSError"]

    def test_exceptions_that_lead_to_each_other_end(self, lines: Lines) -> None:
        one, other = ValueError(), OSError()
        one.__cause__, other.__cause__ = other, one
        log.error("failed", exc_info=one)
        assert [cause["exception"] for cause in lines()[0]["causes"]] == ["OSError"]

    def test_a_recursion_keeps_its_innermost_places(self, lines: Lines) -> None:
        def deeper(depth: int) -> None:
            if not depth:
                broken(SECRET)
            deeper(depth - 1)

        try:
            deeper(200)
        except ValueError:
            log.exception("failed")
        assert len(lines()[0]["at"]) == FRAMES
        assert lines()[0]["at"][-1].endswith(" broken")

    def test_no_exception_is_no_field(self, lines: Lines) -> None:
        log.error("failed", exc_info=True)
        assert "exception" not in lines()[0]

    def test_asyncio_shows_no_values(self, lines: Lines) -> None:
        def refuse(text: str) -> None:
            raise ValueError(text)

        async def run() -> None:
            asyncio.get_running_loop().call_soon(refuse, SECRET)
            future = asyncio.get_running_loop().create_future()
            future.set_exception(ValueError(SECRET))
            del future
            await asyncio.sleep(0)

        asyncio.run(run())
        found = lines()
        assert {"Exception in callback", "Future exception was never retrieved"} <= {line["event"] for line in found}
        assert SECRET not in json.dumps(found, ensure_ascii=False)


CONFIGURED = """
import logging, sys, warnings
import uvicorn
from fazhi.serve.logs import configure
logging.basicConfig()  # someone's plain lines, which must go
uvicorn.Config("nothing:app")  # takes its loggers, as uvicorn does by default
configure(sys.argv[1])
configure(sys.argv[1])
uvicorn.Config("nothing:app", log_config=None)
logging.getLogger("fazhi.serve").debug("debug")
logging.getLogger("uvicorn.error").info("Started server process [%d]", 5, extra={"color_message": "x"})
logging.getLogger("uvicorn.access").info("access")
logging.getLogger("uvicorn").warning("Invalid HTTP request received.")
logging.getLogger("python_multipart.multipart").warning("Did not find %r", "what was sent")  # never shown
warnings.warn("old", DeprecationWarning)
"""


def run(level: str) -> list[dict[str, Any]]:
    command = [sys.executable, "-W", "always", "-c", CONFIGURED, level]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", timeout=60, check=True)
    assert done.stdout == ""
    return [json.loads(line) for line in done.stderr.splitlines()]


def test_a_configured_process_logs_everything_once_on_stderr() -> None:
    found = run("DEBUG")
    events = [(line["logger"], line["level"], line["event"]) for line in found if line["logger"] != "asyncio"]
    assert events[:-1] == [
        ("fazhi.serve", "DEBUG", "debug"),
        ("uvicorn.error", "INFO", "Started server process [5]"),
        ("uvicorn.access", "INFO", "access"),
        ("uvicorn", "WARNING", "Invalid HTTP request received."),
    ]
    assert events[-1][:2] == ("py.warnings", "WARNING")
    assert "DeprecationWarning: old" in events[-1][2]
    assert set(found[1]) == {"time", "level", "logger", "event"}


def test_the_level_holds_for_uvicorn_too() -> None:
    assert [line["logger"] for line in run("WARNING")] == ["uvicorn", "py.warnings"]


def test_an_unknown_level_is_refused() -> None:
    root = logging.getLogger()
    handlers, root.handlers = root.handlers, []
    try:
        with pytest.raises(ValueError, match="LOUD"):
            configure("LOUD")
    finally:
        root.handlers = handlers
