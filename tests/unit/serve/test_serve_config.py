"""The service's settings: where they come from, which wins, and what is refused in one clear line."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import ValidationError

from fazhi.model.errors import FazhiError
from fazhi.serve.config import ConfigError, ServeConfig, read_config


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.upper().startswith("FAZHI_")]:
        monkeypatch.delenv(name)


def refusal(**options: object) -> str:
    with pytest.raises(ConfigError) as caught:
        read_config(**options)
    return str(caught.value)


def test_without_any_setting_it_serves_this_machine_alone() -> None:
    config = read_config()
    assert config.host == "127.0.0.1"
    assert config.keys is None
    assert config.origins == ()
    assert config.model == Path("artifacts/model")


def test_the_environment_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    given = {
        "PORT": "9000",
        "MODEL": "/srv/model",
        "KEYS": "/etc/keys",
        "HOST": "0.0.0.0",
        "DEADLINE_SECONDS": "2.5",
        "ORIGINS": "https://a.example, https://b.example",
        "LOG_LEVEL": "DEBUG",
    }
    for name, value in given.items():
        monkeypatch.setenv(f"FAZHI_{name}", value)
    config = read_config()
    assert (config.port, config.host, config.deadline_seconds) == (9000, "0.0.0.0", 2.5)
    assert (config.model, config.keys) == (Path("/srv/model"), Path("/etc/keys"))
    assert config.origins == ("https://a.example", "https://b.example")
    assert config.log_level == "DEBUG"


@pytest.mark.parametrize("name", ServeConfig.model_fields)
def test_every_setting_has_its_variable_and_is_described(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    given = {"host": "::1", "log_level": "ERROR"}.get(name, "7")
    monkeypatch.setenv(f"FAZHI_{name.upper()}", given)
    assert getattr(read_config(), name) != ServeConfig.model_fields[name].default
    assert ServeConfig.model_fields[name].description


def test_options_override_the_environment_unless_they_are_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAZHI_PORT", "9000")
    monkeypatch.setenv("FAZHI_WORKERS", "3")
    config = read_config(port=8080, workers=None, model=None)
    assert (config.port, config.workers) == (8080, 3)
    assert read_config(port="8081").port == 8081  # as a command line gives it


def test_a_bad_variable_is_no_matter_where_an_option_replaces_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAZHI_PORT", "many")
    assert read_config(port=8080).port == 8080


def test_an_option_mends_what_the_environment_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAZHI_HOST", "0.0.0.0")
    assert read_config(keys="keys.txt").keys == Path("keys.txt")
    assert read_config(host="127.0.0.1").keys is None


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.7", "8.8.8.8", "fe80::1", "example.com", "0", ""])
def test_a_host_that_others_reach_needs_keys(host: str) -> None:
    message = refusal(host=host)
    assert f"host {host} " in message
    assert "FAZHI_KEYS" in message
    assert "\n" not in message
    assert read_config(host=host, keys="keys.txt").host == host


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_loopback_needs_none(host: str) -> None:
    assert read_config(host=host).host == host


@pytest.mark.parametrize(
    ("given", "origins"),
    [
        ("", ()),
        (" , ", ()),
        ("https://a.example", ("https://a.example",)),
        ("https://a.example,http://b.example:8080 ,", ("https://a.example", "http://b.example:8080")),
    ],
)
def test_origins_are_split_at_commas(given: str, origins: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    assert read_config(origins=given).origins == origins
    monkeypatch.setenv("FAZHI_ORIGINS", given)
    assert read_config().origins == origins


def test_an_empty_database_is_none_and_other_empty_variables_are_as_if_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DATABASE", "PORT", "READERS"):
        monkeypatch.setenv(f"FAZHI_{name}", "")
    config = read_config()
    assert (config.database, config.port, config.readers) == ("", 8000, 2)
    assert read_config(database="sqlite:///other.db").database == "sqlite:///other.db"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("port", "many"),
        ("port", "65536"),
        ("port", "-1"),
        ("workers", "0"),
        ("threads", "-1"),
        ("batch_tokens", "0"),
        ("characters", "1.5"),
        ("deadline_seconds", "0"),
        ("deadline_seconds", "nan"),
        ("log_level", "LOUD"),
        ("readers", "0"),
        ("read_seconds", "inf"),
        ("document_bytes", "0"),
    ],
)
def test_a_bad_value_is_refused_in_one_line_that_names_its_setting(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"FAZHI_{name.upper()}", value)
    message = refusal()
    assert message.startswith(f"{name}: ")
    assert "\n" not in message


def test_all_bad_values_are_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAZHI_WORKERS", "none")
    message = refusal(port="many")
    assert "port: " in message
    assert "workers: " in message
    assert "\n" not in message


def test_the_refusal_is_one_that_commands_print() -> None:
    assert issubclass(ConfigError, FazhiError)


def test_other_variables_are_no_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "many")
    monkeypatch.setenv("FAZHI_SOMETHING_ELSE", "1")
    assert read_config() == ServeConfig()


def test_settings_do_not_change_once_they_are_read() -> None:
    config = read_config()
    with pytest.raises(ValidationError, match="frozen"):
        config.port = 1


def test_importing_reads_no_environment(tmp_path: Path) -> None:
    """Neither bad variables nor an .env file in the folder matter before read_config, which heeds the former only."""
    (tmp_path / ".env").write_text("FAZHI_PORT=1\n", encoding="utf-8")
    program = (
        "import os\n"
        "from fazhi.serve import config\n"
        "try: config.read_config()\n"
        "except config.ConfigError as error: print(error)\n"
        "del os.environ['FAZHI_PORT']\n"
        "print(config.read_config().port)\n"
    )
    environment = os.environ | {"FAZHI_PORT": "many"}
    command = [sys.executable, "-W", "error", "-c", program]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60)
    assert done.stderr == ""
    complaint, port = done.stdout.splitlines()
    assert complaint.startswith("port: ")
    assert port == "8000"


def test_an_empty_variable_is_as_good_as_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAZHI_KEYS", "")
    monkeypatch.setenv("FAZHI_HOST", "0.0.0.0")
    assert "FAZHI_KEYS" in refusal()
    monkeypatch.setenv("FAZHI_HOST", "")
    assert read_config() == ServeConfig()
