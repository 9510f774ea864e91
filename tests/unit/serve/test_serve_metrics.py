"""The service's numbers: what Prometheus reads, from one process and from several that live and die."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from fazhi.model.errors import FazhiError
from fazhi.serve.batcher import Gauge
from fazhi.serve.metrics import VARIABLE, Metrics, MetricsError, forget
from fazhi.serve.tagger import Timing

Samples = dict[str, float]  # by name{label=value,...} as the exposition has it

# A worker: runs each line that it is sent, and answers with one line.
WORKER = """
import ast, sys
from pathlib import Path
from fazhi.serve.metrics import Metrics
from fazhi.serve.tagger import Timing
metrics = Metrics(Path(sys.argv[1]))
print("ready", flush=True)
for line in sys.stdin:
    print(repr(eval(line)), flush=True)
"""


def samples(text: str) -> Samples:
    found: Samples = {}
    for family in text_string_to_metric_families(text):
        for name, labels, value, *_ in family.samples:
            inner = ",".join(f"{label}={labels[label]}" for label in sorted(labels))
            key = f"{name}{{{inner}}}" if inner else name
            assert key not in found, f"{key} stands there twice"
            found[key] = value
    return found


def shown(metrics: Metrics) -> Samples:
    return samples(metrics.exposition()[0].decode("utf-8"))


class Worker:
    """A process of its own with its Metrics."""

    def __init__(self, directory: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", WORKER, str(directory)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={VARIABLE: str(directory)},
        )
        assert self._line() == "ready"

    def _line(self) -> str:
        assert self.process.stdout
        return self.process.stdout.readline().strip()

    def do(self, expression: str) -> str:
        assert self.process.stdin
        self.process.stdin.write(expression + "\n")
        self.process.stdin.flush()
        return self._line()

    def shown(self) -> Samples:
        return samples(eval(self.do("metrics.exposition()[0].decode()")))

    def die(self) -> int:
        self.process.kill()
        self.process.communicate()
        return self.process.pid


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[[], Worker]]:
    """Start a worker that shares tmp_path with the others."""
    workers: list[Worker] = []

    def one() -> Worker:
        workers.append(Worker(tmp_path))
        return workers[-1]

    yield one
    for worker in workers:
        worker.die()


class TestOneProcess:
    def test_the_text_is_prometheus_own(self) -> None:
        body, media_type = Metrics().exposition()
        assert media_type == "text/plain; version=0.0.4; charset=utf-8"
        assert b"# TYPE fazhi_requests_total counter\n" in body
        assert b"# TYPE fazhi_request_seconds histogram\n" in body
        assert b"# TYPE fazhi_queue_tokens gauge\n" in body

    def test_each_makes_its_own_numbers(self) -> None:
        one, other = Metrics(), Metrics()
        one.failed("overloaded")
        assert shown(one)["fazhi_failures_total{code=overloaded}"] == 1
        assert "fazhi_failures_total{code=overloaded}" not in shown(other)

    def test_answers_are_counted_and_timed(self) -> None:
        metrics = Metrics()
        metrics.answered("/v1/sentences", "POST", 200, 0.02)
        metrics.answered("/v1/sentences", "POST", 200, 0.3)
        metrics.answered("/v1/sentences", "POST", 429, 0.001)
        found = shown(metrics)
        assert found["fazhi_requests_total{method=POST,route=/v1/sentences,status=200}"] == 2
        assert found["fazhi_requests_total{method=POST,route=/v1/sentences,status=429}"] == 1
        assert found["fazhi_request_seconds_count{route=/v1/sentences}"] == 3
        assert found["fazhi_request_seconds_sum{route=/v1/sentences}"] == pytest.approx(0.321)
        assert found["fazhi_request_seconds_bucket{le=0.025,route=/v1/sentences}"] == 2

    def test_callers_cannot_make_series_by_inventing_methods(self) -> None:
        metrics = Metrics()
        for method in ("BREW", "get", "", "甲" * 500):
            metrics.answered("/", method, 405, 0.001)
        assert [value for key, value in shown(metrics).items() if key.startswith("fazhi_requests_total")] == [4]
        assert shown(metrics)["fazhi_requests_total{method=other,route=/,status=405}"] == 4

    def test_requests_in_flight_go_up_and_down(self) -> None:
        metrics = Metrics()
        metrics.began()
        metrics.began()
        assert shown(metrics)["fazhi_requests_in_flight"] == 2
        metrics.ended()
        assert shown(metrics)["fazhi_requests_in_flight"] == 1

    def test_a_requests_time_is_told_by_stage(self) -> None:
        metrics = Metrics()
        metrics.timed(Timing(encode=0.25, queue=0.5, model=2.0))
        found = shown(metrics)
        sums = {stage: found[f"fazhi_stage_seconds_sum{{stage={stage}}}"] for stage in ("encode", "queue", "model")}
        assert sums == {"encode": 0.25, "queue": 0.5, "model": 2.0}

    def test_it_is_what_a_batcher_reports_to(self) -> None:
        metrics = Metrics()
        gauge: Gauge = metrics
        gauge.queued(700)
        gauge.queued(300)
        gauge.ran(480, 5, 0.125)
        found = shown(metrics)
        assert found["fazhi_queue_tokens"] == 300
        assert found["fazhi_batch_tokens_sum"] == 480
        assert found["fazhi_batch_items_sum"] == 5
        assert found["fazhi_batch_seconds_sum"] == 0.125
        assert found["fazhi_batch_tokens_bucket{le=512.0}"] == found["fazhi_batch_tokens_count"] == 1
        assert found["fazhi_batch_tokens_bucket{le=256.0}"] == 0

    def test_batches_are_counted_from_many_threads(self) -> None:
        metrics = Metrics()
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda _: metrics.ran(512, 4, 0.01), range(400)))
        assert shown(metrics)["fazhi_batch_items_sum"] == 1600

    def test_one_version_is_served_at_a_time(self) -> None:
        metrics = Metrics()
        for version in ("aaa", "aaa", "bbb", "aaa", "ccc"):
            metrics.served(version)
            models = {key: value for key, value in shown(metrics).items() if key.startswith("fazhi_model_info")}
            assert models == {f"fazhi_model_info{{version={version}}}": 1}

    def test_reloads_are_counted_from_zero(self) -> None:
        metrics = Metrics()
        assert shown(metrics)["fazhi_reloads_total{result=failed}"] == 0
        metrics.reloaded(ok=True)
        metrics.reloaded(ok=False)
        metrics.reloaded(ok=False)
        assert shown(metrics)["fazhi_reloads_total{result=ok}"] == 1
        assert shown(metrics)["fazhi_reloads_total{result=failed}"] == 2


class TestManyProcesses:
    def test_counts_add_up_whoever_is_asked(self, start: Callable[[], Worker]) -> None:
        one, other = start(), start()
        one.do("metrics.answered('/health', 'GET', 200, 0.02)")
        for _ in range(2):
            other.do("metrics.answered('/health', 'GET', 200, 0.2)")
        other.do("metrics.failed('invalid'), metrics.reloaded(True), metrics.ran(64, 2, 0.1)")
        one.do("metrics.ran(128, 3, 0.2), metrics.timed(Timing(1.0, 2.0, 4.0))")
        found = one.shown()
        assert found == other.shown()
        assert found["fazhi_requests_total{method=GET,route=/health,status=200}"] == 3
        assert found["fazhi_request_seconds_count{route=/health}"] == 3
        assert found["fazhi_request_seconds_bucket{le=0.025,route=/health}"] == 1
        assert found["fazhi_failures_total{code=invalid}"] == 1
        assert found["fazhi_reloads_total{result=ok}"] == 1
        assert found["fazhi_reloads_total{result=failed}"] == 0
        assert found["fazhi_batch_tokens_sum"] == 192
        assert found["fazhi_stage_seconds_sum{stage=model}"] == 4

    def test_the_dead_keep_their_counts_and_lose_the_rest(self, start: Callable[[], Worker], tmp_path: Path) -> None:
        one, other = start(), start()
        one.do("metrics.began(), metrics.queued(10), metrics.served('new')")
        other.do("metrics.began(), metrics.began(), metrics.queued(500), metrics.failed('x'), metrics.served('old')")
        found = one.shown()
        assert (found["fazhi_requests_in_flight"], found["fazhi_queue_tokens"]) == (3, 510)
        assert found["fazhi_model_info{version=old}"] == 1

        forget(other.die(), tmp_path)
        found = one.shown()
        assert (found["fazhi_requests_in_flight"], found["fazhi_queue_tokens"]) == (1, 10)
        assert found["fazhi_failures_total{code=x}"] == 1
        assert "fazhi_model_info{version=old}" not in found

        successor = start()
        successor.do("metrics.began(), metrics.failed('x')")
        found = one.shown()
        assert found["fazhi_requests_in_flight"] == 2
        assert found["fazhi_failures_total{code=x}"] == 2

    def test_a_version_is_shown_while_any_worker_serves_it(self, start: Callable[[], Worker]) -> None:
        def models() -> set[str]:
            found = one.shown()
            assert all(value == 1 for key, value in found.items() if key.startswith("fazhi_model_info"))
            return {key for key in found if key.startswith("fazhi_model_info")}

        one, other = start(), start()
        one.do("metrics.served('old')")
        other.do("metrics.served('old')")
        assert models() == {"fazhi_model_info{version=old}"}
        one.do("metrics.served('new')")
        assert models() == {"fazhi_model_info{version=old}", "fazhi_model_info{version=new}"}
        other.do("metrics.served('new')")
        assert models() == {"fazhi_model_info{version=new}"}

    def test_the_exposition_is_as_that_of_one_process(self, start: Callable[[], Worker]) -> None:
        alone, worker = Metrics(), start()
        for name in ("failed('x')", "served('v')", "answered('/', 'GET', 200, 0.1)", "timed(Timing(1.0, 1.0, 1.0))"):
            eval(f"alone.{name}")
            worker.do(f"metrics.{name}")
        assert shown(alone) == worker.shown()


class TestTheEnvironment:
    def test_several_workers_need_their_folder_in_it(self, tmp_path: Path) -> None:
        with pytest.raises(MetricsError, match=f"{VARIABLE} must be {tmp_path} before"):
            Metrics(tmp_path)

    def test_setting_it_after_the_import_is_too_late(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv(VARIABLE, str(tmp_path))
        with pytest.raises(MetricsError):
            Metrics(tmp_path)

    def test_another_folder_is_refused(self, start: Callable[[], Worker], tmp_path: Path) -> None:
        program = (
            "import sys\nfrom pathlib import Path\nfrom fazhi.serve.metrics import Metrics, MetricsError\n"
            "for directory in (Path(sys.argv[1]), None):\n"
            "    try: Metrics(directory)\n"
            "    except MetricsError as error: print(error)\n"
        )
        command = [sys.executable, "-c", program, str(tmp_path / "other")]
        done = subprocess.run(command, env={VARIABLE: str(tmp_path)}, capture_output=True, text=True, check=True)
        assert done.stdout == (
            f"{VARIABLE} must be {tmp_path / 'other'} before prometheus_client is imported\n"
            f"{VARIABLE} is set, which is for several workers, but there is one: unset it\n"
        )

    def test_a_metrics_error_is_one_the_user_can_mend(self) -> None:
        assert issubclass(MetricsError, FazhiError)
