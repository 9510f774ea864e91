"""A .doc, .wps or .rtf file -> the .docx that LibreOffice makes of it, in a profile of its own. Knows no parser.

Runs in the child process, whose group is killed with all that LibreOffice started.
"""

import hashlib
import os
import resource
import shutil
import subprocess
from pathlib import Path

from fazhi.data.readers.failures import Code, megabytes, refused
from fazhi.data.readers.limits import MB, Limits
from fazhi.data.readers.sniff import Format

_PROGRAMS = ("soffice", "libreoffice")
_SOCKETS = Path("/tmp")  # whatever TMPDIR says
_ADDRESSES_MB = 6144  # LibreOffice maps far more than it uses
_SETTINGS = {  # macros are off, and what a document links to is not fetched
    "/org.openoffice.Office.Common/Security/Scripting": {
        "DisableMacrosExecution": "true",
        "MacroSecurityLevel": "3",
        "BlockUntrustedRefererLinks": "true",
        "DisableActiveContent": "true",
    },
    "/org.openoffice.Inet/Settings": {
        "ooInetProxyType": "2",
        "ooInetHTTPProxyName": "127.0.0.1",
        "ooInetHTTPProxyPort": "9",
        "ooInetHTTPSProxyName": "127.0.0.1",
        "ooInetHTTPSProxyPort": "9",
    },
}


def convert(path: Path, form: Format, folder: Path, limits: Limits) -> bytes:
    """Let LibreOffice write a file as .docx; raises UnreadableError."""
    program = next(filter(None, map(shutil.which, _PROGRAMS)), None)
    if not program:
        raise refused(Code.NO_LIBREOFFICE)
    profile, out = folder / "profile", folder / "converted"
    _write_profile(profile)
    source = path.rename(path.with_suffix(".rtf" if form is Format.RTF else ".doc"))
    command = [
        program,
        f"-env:UserInstallation={profile.as_uri()}",
        *("--headless", "--norestore", "--nologo", "--nodefault", "--nolockcheck"),
        *("--convert-to", "docx:MS Word 2007 XML", "--outdir", str(out), str(source)),
    ]
    try:
        _run(command, limits.office_seconds)
    except subprocess.TimeoutExpired as error:
        raise refused(Code.TOO_SLOW, limit=f"{limits.office_seconds:g}") from error
    finally:
        _socket(profile).unlink(missing_ok=True)
    made = out / "document.docx"
    if not made.is_file():
        raise refused(Code.DAMAGED)
    if made.stat().st_size > limits.unpacked:
        raise refused(Code.TOO_LARGE, limit=megabytes(limits.unpacked))
    return made.read_bytes()


def _run(command: list[str], seconds: float) -> None:
    subprocess.run(
        command,
        timeout=seconds,
        check=False,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        preexec_fn=_bound_memory,  # safe: this process has one thread
    )


def _socket(profile: Path) -> Path:
    """Where LibreOffice listens for others of its profile, and leaves its socket if it is killed."""
    name = hashlib.md5(profile.as_uri().encode("utf-16-le"), usedforsecurity=False).digest()
    return _SOCKETS / f"OSL_PIPE_{os.getuid()}_SingleOfficeIPC_{''.join(f'{byte:x}' for byte in name)}"


def _bound_memory() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    ceiling = _ADDRESSES_MB * MB
    resource.setrlimit(resource.RLIMIT_AS, (ceiling if hard == resource.RLIM_INFINITY else min(ceiling, hard), hard))


def _write_profile(profile: Path) -> None:
    """Lay the settings down where LibreOffice looks for those of its user."""
    items = "".join(
        f'<item oor:path="{path}"><prop oor:name="{name}" oor:op="fuse"><value>{value}</value></prop></item>'
        for path, settings in _SETTINGS.items()
        for name, value in settings.items()
    )
    (profile / "user").mkdir(parents=True)
    (profile / "user" / "registrymodifications.xcu").write_text(
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<oor:items xmlns:oor="http://openoffice.org/2001/registry" '
        f'xmlns:xs="http://www.w3.org/2001/XMLSchema">{items}</oor:items>',
        encoding="utf-8",
    )
