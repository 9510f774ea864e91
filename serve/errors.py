"""Every failure that the service answers: HTTP status (here only), stable code, what it says in Chinese and English."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from typing import ClassVar

SHOWN = 20  # faults that one answer lists


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong in a request's body: where (a JSON pointer), and what; never any of the request's own text."""

    pointer: str
    zh: str
    en: str


class ServeError(Exception):
    """A failure with its answer. Subclasses set status, code, title and the two messages; {names} are filled in."""

    status: ClassVar[int]
    code: ClassVar[str]
    title: ClassVar[str]
    zh_text: ClassVar[str]
    en_text: ClassVar[str]
    wait: ClassVar[float | None] = None  # seconds before another try, where nothing else is known

    def __init__(self, faults: Sequence[Fault] = (), retry_after: float | None = None, **facts: object) -> None:
        super().__init__(self.code)
        self.zh = self.zh_text.format(**facts)
        self.en = self.en_text.format(**facts)
        self.faults = tuple(faults[:SHOWN])
        seconds = self.wait if retry_after is None else retry_after
        self.retry_after = None if seconds is None else max(1, ceil(seconds))
        self.headers: dict[str, str] = {}
        self.members: dict[str, object] = {}  # more of the problem document


class BadRequest(ServeError):
    """The bytes are no HTTP request with a JSON body."""

    status, code, title = 400, "bad_request", "Bad request"
    zh_text = "请求体不是合法的 JSON（须为 UTF-8，嵌套不过深，不含 NaN、Infinity）。"
    en_text = "The body is not valid JSON (UTF-8, not nested too deeply, without NaN or Infinity)."


class BadHeader(ServeError):
    """A header that contradicts the body or cannot be read."""

    status, code, title = 400, "bad_header", "Bad header"
    zh_text = "请求头 {name} 有误。"
    en_text = "The header {name} is wrong."


class BadHttp(ServeError):
    """Bytes that are no HTTP/1 request; answered by the protocol, before there is a request."""

    status, code, title = 400, "bad_http", "Bad HTTP"
    zh_text = "收到的不是合法的 HTTP/1.1 请求。"
    en_text = "This is not a valid HTTP/1.1 request."


class BadUpload(ServeError):
    """A form that holds no document, or is broken off."""

    status, code, title = 400, "bad_upload", "Bad upload"
    zh_text = "表单有误：须为 multipart/form-data，且恰有一个名为 file 的文件。"
    en_text = "The form is wrong: it must be multipart/form-data with exactly one file, in the field `file`."


class Unauthorized(ServeError):
    """No key, or one that is not in the key file."""

    status, code, title = 401, "unauthorized", "API key needed"
    zh_text = "需要有效的 API 密钥：请求头 Authorization: Bearer <密钥>。"
    en_text = "A valid API key is needed: the header Authorization: Bearer <key>."

    def __init__(self) -> None:
        super().__init__()
        self.headers["WWW-Authenticate"] = "Bearer"


class Forbidden(ServeError):
    """A good key without the right to administer."""

    status, code, title = 403, "forbidden", "Not allowed with this key"
    zh_text = "此密钥无管理权限。"
    en_text = "This key may not administer the service."


class ForeignPage(ServeError):
    """A web page of another site calls a service that asks for no key."""

    status, code, title = 403, "foreign_page", "Called by another site"
    zh_text = "请求来自其他网站或以其他域名访问本服务；如确属可信，请设置 FAZHI_ORIGINS 或 FAZHI_KEYS。"
    en_text = "Called by another site or under another name: to allow it set FAZHI_ORIGINS or FAZHI_KEYS."


class NotFound(ServeError):
    """No such path."""

    status, code, title = 404, "not_found", "Not found"
    zh_text = "没有这个地址；可用地址见 /docs。"
    en_text = "There is nothing at this address; /docs lists what there is."


class NoSuchModel(ServeError):
    """A path of the Open Inference Protocol that names a model or version which is not served."""

    status, code, title = 404, "no_such_model", "No such model"
    zh_text = "没有这个模型或版本；现有：{name}，版本 {version}。"
    en_text = "No such model or version is served here; there is {name}, version {version}."


class NoStore(ServeError):
    """A service that keeps nothing is asked for what it kept."""

    status, code, title = 404, "no_store", "Nothing is kept here"
    zh_text = "本服务不保存文档和更正（FAZHI_DATABASE 为空）。"
    en_text = "This service keeps no documents and corrections (FAZHI_DATABASE is empty)."


class NoSuchDocument(ServeError):
    """A document that was never sent."""

    status, code, title = 404, "no_such_document", "No such document"
    zh_text = "没有保存过这份文档。"
    en_text = "No such document is kept here."


class MethodNotAllowed(ServeError):
    """A path asked with another method."""

    status, code, title = 405, "method_not_allowed", "Method not allowed"
    zh_text = "此地址不支持这种请求方法。"
    en_text = "This address does not answer this method."


class ClientGone(ServeError):
    """The client left before its body was complete; nobody reads this answer."""

    status, code, title = 400, "client_gone", "Client gone"
    zh_text = "请求体未传完，连接已断开。"
    en_text = "The connection ended before the body was complete."


class HeadTimeout(ServeError):
    """A request line and headers that arrived too slowly."""

    status, code, title = 408, "head_timeout", "Headers too slow"
    zh_text = "请求行和请求头未在 {seconds:g} 秒内传完。"
    en_text = "The request line and headers did not arrive within {seconds:g} seconds."


class BodyTimeout(ServeError):
    """A body that arrived too slowly."""

    status, code, title = 408, "body_timeout", "Body too slow"
    zh_text = "请求体未在 {seconds:g} 秒内传完。"
    en_text = "The body did not arrive within {seconds:g} seconds."


class Stale(ServeError):
    """A correction of what somebody else has corrected meanwhile; `current` and `kept` tell the labels now."""

    status, code, title = 409, "stale", "Corrected by somebody else meanwhile"
    zh_text = "他人已更正其中的句子；现有标注见 current，其余已保存的见 kept。"
    en_text = "Somebody has corrected it meanwhile: see `current`; what was stored of the rest is in `kept`."


class TooLarge(ServeError):
    """More bytes, characters or sentences than the service takes; `what` and `limit` say which."""

    status, code, title = 413, "too_large", "Too large"
    zh_text = "超出上限：{what_zh}最多 {limit}。"
    en_text = "Too large: at most {limit} {what_en}."


class FileTooLarge(ServeError):
    """A file that takes more pages, time or memory to read than it may; `reason` says which."""

    status, code, title = 413, "file_too_large", "File too large"
    zh_text = "文件过大：{why_zh}"
    en_text = "The file is too large: {why_en}"


class FileUnsupported(ServeError):
    """A file of a format that is not read here; `reason` says why."""

    status, code, title = 415, "file_unsupported", "File of another format"
    zh_text = "不支持此类文件：{why_zh}"
    en_text = "Files of this kind are not read here: {why_en}"


class UnsupportedMediaType(ServeError):
    """A body of another type or encoding."""

    status, code, title = 415, "unsupported_media_type", "Unsupported media type"
    zh_text = "请求体须为 application/json，UTF-8，不压缩。"
    en_text = "The body must be application/json in UTF-8, uncompressed."


class FileUnreadable(ServeError):
    """A file without a text that can be read; `reason` says why."""

    status, code, title = 422, "file_unreadable", "File unreadable"
    zh_text = "无法读取此文件：{why_zh}"
    en_text = "The file cannot be read: {why_en}"


class Invalid(ServeError):
    """A body whose JSON is not what the endpoint asks for; the faults name the first SHOWN places."""

    status, code, title = 422, "invalid", "Invalid content"
    zh_text = "请求内容不符合要求，详见 errors。"
    en_text = "The content is not what this endpoint takes; see errors."


class Overloaded(ServeError):
    """More work than the limits let wait."""

    status, code, title = 429, "overloaded", "Too many requests"
    zh_text = "请求过多，请稍后重试。"
    en_text = "Too many requests at the moment; try again later."


class HeadTooLarge(ServeError):
    """More headers than any client sends."""

    status, code, title = 431, "head_too_large", "Headers too large"
    zh_text = "请求行和请求头过大。"
    en_text = "The request line and headers are too large."


class InternalError(ServeError):
    """A bug of ours: logged, answered bare."""

    status, code, title = 500, "internal_error", "Internal error"
    zh_text = "服务内部错误；请向管理员提供 request_id。"
    en_text = "An internal error; tell the operator the request_id."


class InferenceFailed(ServeError):
    """The model failed on this text; others are not touched."""

    status, code, title = 503, "inference_failed", "The model failed"
    zh_text = "模型未能处理此请求，请重试；若仍失败，请向管理员提供 request_id。"
    en_text = "The model failed on this request; try again, and if it fails again tell the operator the request_id."
    wait = 1


class StoreFailed(ServeError):
    """The database could not be read or written."""

    status, code, title = 503, "store_failed", "The database failed"
    zh_text = "数据库读写失败，未确认的更正可能没有保存；请重试，原因见服务日志。"
    en_text = "The database failed; what was not acknowledged may not be stored. Try again; the log says why."


class ReaderFailed(ServeError):
    """A file was not read for reasons that are not its own."""

    status, code, title = 503, "reader_failed", "Reading failed"
    zh_text = "暂时无法读取文件，请稍后重试；原因见服务日志。"
    en_text = "Files cannot be read at the moment; try again later. The log says why."


class NotReady(ServeError):
    """The model is not loaded yet."""

    status, code, title = 503, "not_ready", "Not ready"
    zh_text = "服务尚未就绪。"
    en_text = "The service is not ready yet."


class ShuttingDown(ServeError):
    """The service takes no new work because it is about to end."""

    status, code, title = 503, "shutting_down", "Shutting down"
    zh_text = "服务正在停止，不再接受新请求。"
    en_text = "The service is shutting down and takes no new requests."
    wait = 5


class ReloadFailed(ServeError):
    """A new model could not be loaded or failed its probe; the one before goes on."""

    status, code, title = 503, "reload_failed", "Reload failed"
    zh_text = "新模型未通过检查，继续使用原模型；原因见服务日志。"
    en_text = "The new model failed its check and the one before goes on; the log says why."


class DeadlineExceeded(ServeError):
    """Not done within the deadline."""

    status, code, title = 504, "deadline_exceeded", "Deadline exceeded"
    zh_text = "未能在 {seconds:g} 秒内完成。"
    en_text = "Not done within {seconds:g} seconds."
