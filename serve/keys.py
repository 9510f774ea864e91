"""A file of API keys -> whose key a request shows. The file holds names and SHA-256 digests, never a key.

One key a line: `name digest`, and `admin` after it for a key that may administer the service. Blank lines and lines
that begin with # are skipped.
"""

import fcntl
import hashlib
import hmac
import logging
import os
import re
import secrets
import time
from dataclasses import dataclass
from pathlib import Path

from fazhi.model.errors import FazhiError

log = logging.getLogger(__name__)

LOOK_SECONDS = 1.0  # between two looks at the file
LONGEST = 512  # characters of a key

_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")
_DIGEST = re.compile(r"[0-9a-fA-F]{64}")
_ADMIN = "admin"


class KeysError(FazhiError):
    """A key file that cannot be used; its message names the place and never what is written there."""


@dataclass(frozen=True, slots=True)
class Key:
    """Whose key it is, and whether it may administer the service."""

    name: str
    admin: bool


class Keys:
    """The keys of a file, which is read again within a second of its change, so that a key can be revoked at once.

    A changed file that cannot be used, or is gone, leaves the keys read before valid, revoked ones among them, until it
    is mended: look for the error in the log after a change. A sound file without any key revokes all of them; only at
    the start is it refused. Raises KeysError.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._good = self._looked = _signature(path)
        self._looked_at = time.monotonic()
        self._keys = _read(path)
        if not self._keys:
            raise KeysError(f"{path}: holds no key; `fazhi key NAME --file {path}` makes one")

    def find(self, presented: str) -> Key | None:
        """Whose key this is, if anyone's; takes as long for a wrong key as for a right one."""
        now = time.monotonic()
        if now - self._looked_at >= LOOK_SECONDS:
            self._looked_at = now
            self._look()
        if not presented or len(presented) > LONGEST or not presented.isascii():
            return None
        shown = _digest(presented)
        found = None
        for digest, key in self._keys.items():
            if hmac.compare_digest(digest, shown):
                found = key
        return found

    def _look(self) -> None:
        signature = _signature(self._path)  # before reading: a change in between is seen at the next look
        before, self._looked = self._looked, signature
        if signature == self._good:
            return
        try:
            keys = _read(self._path)
        except KeysError as error:  # tried again at the next look, but told once
            if signature != before:
                log.error("key file unusable, the keys read before stay valid", extra={"reason": str(error)})
            return
        self._keys, self._good = keys, signature
        log.log(logging.INFO if keys else logging.WARNING, "key file read again", extra={"keys": len(keys)})


def new_key() -> str:
    """A fresh key that nobody guesses."""
    return secrets.token_urlsafe(32)


def line(name: str, key: str, admin: bool) -> str:
    """The line of the file for a key, without its end; raises KeysError for a name that cannot be."""
    if not _NAME.fullmatch(name):
        raise KeysError("a key's name has 1 to 64 letters a-z or A-Z, digits, dots, hyphens and underscores")
    return " ".join((name, _digest(key), _ADMIN) if admin else (name, _digest(key)))


def add(path: Path, name: str, admin: bool) -> str:
    """Append a new key to the file, made if need be for its owner's eyes only, and give the key; raises KeysError."""
    key = new_key()
    entry = line(name, key, admin)
    try:
        with open(path, "a+b", opener=lambda file, flags: os.open(file, flags, 0o600)) as file:
            fcntl.flock(file, fcntl.LOCK_EX)  # two at once must not both find the name free
            file.seek(0)
            content = file.read()
            if any(known.name == name for known in _parse(content, path).values()):
                raise KeysError(f"{path}: has a key of this name already; take another name, or delete its line first")
            gap = "" if not content or content.endswith(b"\n") else "\n"
            file.write(f"{gap}{entry}\n".encode("ascii"))
    except OSError as error:
        raise KeysError(f"{path}: cannot be written ({error.strerror})") from error
    return key


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode("utf-8")).hexdigest()


def _signature(path: Path) -> tuple[int, ...] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns  # the last for a change of rights


def _read(path: Path) -> dict[str, Key]:
    try:
        return _parse(path.read_bytes(), path)
    except OSError as error:
        raise KeysError(
            f"{path}: cannot be read ({error.strerror}); `fazhi key NAME --file {path}` makes a key file"
        ) from error


def _parse(content: bytes, path: Path) -> dict[str, Key]:
    """Keys by their digests."""
    try:
        rows = content.decode("utf-8-sig").split("\n")
    except UnicodeDecodeError as error:
        number = content[: error.start].count(b"\n") + 1
        raise KeysError(f"{path}:{number}: is no UTF-8") from None
    keys: dict[str, Key] = {}
    names: set[str] = set()
    for number, row in enumerate(rows, start=1):
        if not row.strip() or row.lstrip().startswith("#"):
            continue
        name, digest, right = [*row.split(), "", "", ""][:3]
        if not _NAME.fullmatch(name) or not _DIGEST.fullmatch(digest) or row.split()[2:] not in ([], [_ADMIN]):
            raise KeysError(f"{path}:{number}: expected `name sha256-hex-digest` or `name sha256-hex-digest admin`")
        if name in names or digest.lower() in keys:
            raise KeysError(f"{path}:{number}: has the name or the key of a line above")
        names.add(name)
        keys[digest.lower()] = Key(name, right == _ADMIN)
    return keys
