"""A request with a file in it -> the file's name and bytes, which never touch a disk."""

import asyncio
import unicodedata
from dataclasses import dataclass
from pathlib import PurePosixPath

from fastapi import Request
from python_multipart import create_form_parser
from python_multipart.multipart import Field, File

from fazhi.serve.errors import BadUpload

FIELD = "file"
UNNAMED = "document"

_FIELDS = 8  # beside the file; not looked at
_IN_MEMORY = {"MAX_MEMORY_FILE_SIZE": float("inf")}  # where the body is already
_LONGEST = 200  # characters of a name


@dataclass(frozen=True, slots=True)
class Upload:
    """A file as it was sent."""

    name: str
    raw: bytes


async def read_upload(request: Request) -> Upload:
    """The file of a form, or the whole body as one whose name is in the query; raises BadUpload."""
    kind, body = request.headers.get("content-type", ""), await request.body()
    if kind.lower().startswith("multipart/"):
        return await asyncio.to_thread(_file_of_form, kind, body)
    return Upload(clean_name(request.query_params.get("name", "")), body)


def _file_of_form(kind: str, body: bytes) -> Upload:
    files: list[File] = []
    fields: list[Field] = []

    def on_file(file: File) -> None:
        files.append(file)
        if len(files) > 1 or file.field_name != FIELD.encode("ascii"):
            raise BadUpload

    def on_field(field: Field) -> None:
        fields.append(field)
        if len(fields) > _FIELDS:
            raise BadUpload

    try:
        parser = create_form_parser({"Content-Type": kind.encode("latin-1")}, on_field, on_file, _IN_MEMORY)
        parser.write(body)
        parser.finalize()
    except ValueError as error:  # all that the parser raises, and what its decoders do
        raise BadUpload from error
    if not files:
        raise BadUpload
    (file,) = files
    file.file_object.seek(0)
    return Upload(clean_name((file.file_name or b"").decode("utf-8", "replace")), file.file_object.read())


def clean_name(given: str) -> str:
    """A file's name as a person would know it: without folders, control characters and excess."""
    name = PurePosixPath(given.replace("\\", "/")).name
    name = "".join(character for character in name if unicodedata.category(character)[0] != "C").strip()
    return name[-_LONGEST:] or UNNAMED
