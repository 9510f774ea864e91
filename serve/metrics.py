"""What the service counts -> the text that Prometheus reads. Knows neither routes nor the model.

With several workers each writes its numbers into files of one folder, and whichever is asked adds all of them up.
`prometheus_client` decides on that when it is imported: PROMETHEUS_MULTIPROC_DIR must name the folder in a worker's
environment from its first breath, and the folder must be new and empty for every start of the service.
"""

import os
from collections.abc import Iterable
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest, values
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.metrics_core import Metric
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

from fazhi.model.errors import FazhiError
from fazhi.serve.tagger import Timing

VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))
MODEL = "fazhi_model_info"

_REQUEST_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_STAGE_SECONDS = (0.001, 0.0025, *_REQUEST_SECONDS)
_BATCH_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)
_BATCH_TOKENS = tuple(2**power for power in range(5, 15))  # 32 to 16384
_BATCH_ITEMS = tuple(2**power for power in range(9))  # 1 to 256


class MetricsError(FazhiError):
    """A process whose environment does not suit its number of workers."""


class Metrics:
    """One process's numbers, made once in it; `directory` is the folder shared with the other workers, if any.

    Raises MetricsError if PROMETHEUS_MULTIPROC_DIR is not that folder, or is set where there are no other workers.
    """

    def __init__(self, directory: Path | None = None) -> None:
        _check(directory)
        own = CollectorRegistry()
        self._source = own
        if directory is not None:
            self._source = CollectorRegistry()
            MultiProcessCollector(self._source, str(directory))  # type: ignore[no-untyped-call]
        self._version: str | None = None

        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(name, text, labels, registry=own)

        def gauge(name: str, text: str) -> Gauge:
            return Gauge(name, text, registry=own, multiprocess_mode="livesum")

        def histogram(name: str, text: str, buckets: Iterable[float], *labels: str) -> Histogram:
            return Histogram(name, text, labels, registry=own, buckets=tuple(buckets))

        self._requests = counter("fazhi_requests_total", "Requests answered", "route", "method", "status")
        self._failures = counter("fazhi_failures_total", "Requests answered with a failure", "code")
        self._reloads = counter("fazhi_reloads_total", "Exchanges of the model", "result")
        self._in_flight = gauge("fazhi_requests_in_flight", "Requests being worked on")
        self._queue = gauge("fazhi_queue_tokens", "Word pieces waiting for the model")
        self._seconds = histogram("fazhi_request_seconds", "Time to answer a request", _REQUEST_SECONDS, "route")
        self._stages = histogram("fazhi_stage_seconds", "Where a request's time went", _STAGE_SECONDS, "stage")
        self._batch_tokens = histogram("fazhi_batch_tokens", "Word pieces of a batch with padding", _BATCH_TOKENS)
        self._batch_items = histogram("fazhi_batch_items", "Windows of text in a batch", _BATCH_ITEMS)
        self._batch_seconds = histogram("fazhi_batch_seconds", "Time that the model takes for a batch", _BATCH_SECONDS)
        # The most over the live workers: 1 while any of them serves the version.
        self._model = Gauge(MODEL, "The model served now", ("version",), registry=own, multiprocess_mode="livemax")
        for result in ("ok", "failed"):  # there from the start, so that the first failure is a rise
            self._reloads.labels(result)

    def queued(self, tokens: int) -> None:
        """Hear how much is waiting."""
        self._queue.set(tokens)

    def ran(self, tokens: int, items: int, seconds: float) -> None:
        """Hear of a batch that was run; may be called from any thread."""
        self._batch_tokens.observe(tokens)
        self._batch_items.observe(items)
        self._batch_seconds.observe(seconds)

    def began(self) -> None:
        """Count a request in."""
        self._in_flight.inc()

    def ended(self) -> None:
        """Count a request out."""
        self._in_flight.dec()

    def answered(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count an answer; `route` must be one of few, as a path's pattern is, never what a caller wrote."""
        self._requests.labels(route, method if method in METHODS else "other", status).inc()
        self._seconds.labels(route).observe(seconds)

    def failed(self, code: str) -> None:
        """Count a failure by its stable code."""
        self._failures.labels(code).inc()

    def timed(self, timing: Timing) -> None:
        """Tell where an answered request's time went."""
        for stage in ("queue", "encode", "model"):
            self.took(stage, getattr(timing, stage))

    def took(self, stage: str, seconds: float) -> None:
        """Count one stage of a request; there must be few of them."""
        self._stages.labels(stage).observe(seconds)

    def served(self, version: str) -> None:
        """Name the model that is served from now on."""
        self._model.labels(version).set(1)
        if self._version not in (None, version):
            self._model.labels(self._version).set(0)  # the library cannot remove it with several workers
        self._version = version

    def reloaded(self, ok: bool) -> None:
        """Count an exchange of the model, or its failure."""
        self._reloads.labels("ok" if ok else "failed").inc()

    def exposition(self) -> tuple[bytes, str]:
        """All numbers of all workers as Prometheus reads them, and their content type."""
        return generate_latest(_Shown(self._source)), CONTENT_TYPE_PLAIN_0_0_4


def forget(pid: int, directory: Path) -> None:
    """Drop what a worker that has ended had in flight, waiting and loaded; what it counted stays. For the parent."""
    mark_process_dead(pid, str(directory))  # type: ignore[no-untyped-call]


class _Shown:
    """A registry's metrics without models no longer served and without creation times, which several workers lack."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry

    def collect(self) -> Iterable[Metric]:
        for metric in self._registry.collect():
            metric.samples = [
                sample
                for sample in metric.samples
                if not sample.name.endswith("_created") and (sample.name != MODEL or sample.value)
            ]
            yield metric


def _check(directory: Path | None) -> None:
    shared = values.ValueClass is not values.MutexValue
    if directory is None and shared:
        raise MetricsError(f"{VARIABLE} is set, which is for several workers, but there is one: unset it")
    if directory is not None and not (shared and os.environ.get(VARIABLE) == str(directory)):
        raise MetricsError(f"{VARIABLE} must be {directory} before prometheus_client is imported")
