"""FAZHI_* and command-line options -> the service's settings, checked. Read once, at the edge."""

import ipaddress
import os
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, ValidationError, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from fazhi.model.errors import FazhiError


class ConfigError(FazhiError):
    """A setting that cannot be."""


class ServeConfig(BaseSettings):
    """Every setting of the service; FAZHI_PORT=9000 sets `port`."""

    model_config = SettingsConfigDict(env_prefix="FAZHI_", env_ignore_empty=True, frozen=True, extra="ignore")

    model: Path = Field(Path("artifacts/model"), description="folder of the trained model")
    host: str = Field("127.0.0.1", description="address to listen on; another than loopback needs `keys`")
    port: int = Field(8000, ge=0, le=65535, description="port to listen on; 0 takes a free one")
    workers: int = Field(1, ge=1, le=64, description="processes; each holds a model of its own")
    threads: int = Field(
        0,
        ge=0,
        le=256,
        description="batches that a worker runs at once, one core each; 0 for the cores divided among the workers",
    )
    batch_tokens: int = Field(384, ge=1, description="word pieces of a batch, padding included")
    keys: Path | None = Field(None, description="file of API keys; none asks for no key")
    origins: Annotated[tuple[str, ...], NoDecode] = Field((), description="web origins allowed by CORS, by commas")

    body_bytes: int = Field(4_000_000, ge=1, description="bytes of a request's body")
    characters: int = Field(200_000, ge=1, description="characters of all texts of a request")
    sentences: int = Field(2_000, ge=1, description="sentences of a request to /v1/sentences, /predict or /infer")
    concurrent_requests: int = Field(256, ge=1, description="requests being worked on; more are answered 429")
    connections: int = Field(1024, ge=1, description="requests whose body is still arriving; more are answered 429")
    queue_tokens: int = Field(1_000_000, ge=1, description="word pieces waiting for the model; more are answered 429")
    deadline_seconds: float = Field(60, gt=0, allow_inf_nan=False, description="longest time to an answer; then 504")
    body_seconds: float = Field(
        10, gt=0, allow_inf_nan=False, description="longest time for a request's head, and for its body; then 408"
    )
    drain_seconds: float = Field(
        60, gt=0, allow_inf_nan=False, description="longest time to answer what was accepted before the end"
    )
    database: str = Field(
        "sqlite:///artifacts/feedback.db",
        description="URL of the database that keeps documents and corrections; empty for none",
    )
    document_bytes: int = Field(20_000_000, ge=1, description="bytes of a document sent to /v1/documents")
    readers: int = Field(2, ge=1, le=64, description="documents that a worker reads at once, a process each")
    read_seconds: float = Field(
        20,
        gt=0,
        allow_inf_nan=False,
        description="longest time to read a document, twice that through LibreOffice; then 413",
    )
    read_memory_mb: int = Field(1024, ge=1, description="memory that reading a document may take; then 413")
    log_level: str = Field("INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$", description="least level that is logged")

    @model_validator(mode="before")
    @classmethod
    def _split(cls, values: Any) -> Any:
        if isinstance(values, dict) and isinstance(values.get("origins"), str):
            parts = (part.strip() for part in values["origins"].split(","))
            values = {**values, "origins": tuple(part for part in parts if part)}
        return values

    @model_validator(mode="after")
    def _keys_beyond_loopback(self) -> "ServeConfig":
        if self.keys is None and not is_loopback(self.host):
            raise ValueError(f"host {self.host} can be reached from elsewhere, so API keys are needed: set FAZHI_KEYS")
        return self


def read_config(**options: object) -> ServeConfig:
    """Settings from the environment, overridden by the options that are not None; raises ConfigError."""
    given = {name: value for name, value in options.items() if value is not None}
    if os.environ.get("FAZHI_DATABASE") == "":  # of the others an empty one is as good as none
        given.setdefault("database", "")
    try:
        return ServeConfig(**given)  # type: ignore[arg-type]
    except ValidationError as error:
        reasons = [f"{'.'.join(map(str, e['loc'])) or 'settings'}: {e['msg']}" for e in error.errors()]
        raise ConfigError("; ".join(reasons)) from error


def is_loopback(host: str) -> bool:
    """Whether that is a name or an address of this very machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
