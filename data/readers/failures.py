"""What can be wrong with a file, each with its code and a sentence in English and in Chinese. Knows no format."""

from enum import StrEnum

from fazhi.model.errors import FazhiError


class Code(StrEnum):
    """The closed list of reasons why a file is not read."""

    EMPTY = "empty"
    NOT_TEXT = "not-text"
    ENCRYPTED = "encrypted"
    DAMAGED = "damaged"
    SCANNED_ONLY = "scanned-only"
    TOO_LARGE = "too-large"
    TOO_MANY_PAGES = "too-many-pages"
    TOO_SLOW = "too-slow"
    TOO_MUCH_MEMORY = "too-much-memory"
    NO_LIBREOFFICE = "no-libreoffice"
    UNKNOWN_FORMAT = "unknown-format"
    NOT_INSTALLED = "not-installed"
    READER_FAILED = "reader-failed"


_SENTENCES = {
    Code.EMPTY: ("the file holds no text", "文件中没有文字。"),
    Code.NOT_TEXT: (
        "the file's characters cannot be made out: save it as UTF-8 text or as .docx",
        "无法识别文件中的文字，请另存为 UTF-8 文本或 .docx 后重试。",
    ),
    Code.ENCRYPTED: (
        "the file is protected by a password: save it without one",
        "文件设有密码，请取消密码保护后重试。",
    ),
    Code.DAMAGED: (
        "the file is damaged or incomplete: open it in its own program and save it again",
        "文件已损坏或不完整，请用原软件打开并重新保存后重试。",
    ),
    Code.SCANNED_ONLY: (
        "the file holds pictures of pages and no text: run it through text recognition (OCR) first",
        "文件只有扫描图像，没有文字，请先进行文字识别（OCR）。",
    ),
    Code.TOO_LARGE: (
        "the file, or what it unpacks to, is larger than the {limit} that are read",
        "文件（或其解压后的内容）超过 {limit} 的上限。",
    ),
    Code.TOO_MANY_PAGES: ("the file has more than the {limit} pages that are read", "文件超过 {limit} 页的上限。"),
    Code.TOO_SLOW: ("reading the file took longer than {limit} seconds", "读取文件超过 {limit} 秒，已停止。"),
    Code.TOO_MUCH_MEMORY: (
        "reading the file takes more than {limit} MB of memory",
        "读取文件所需内存超过 {limit} MB。",
    ),
    Code.NO_LIBREOFFICE: (
        "this format is read through LibreOffice, which is not installed here: save the file as .docx",
        "读取此格式需要 LibreOffice，本机未安装，请另存为 .docx 后重试。",
    ),
    Code.UNKNOWN_FORMAT: (
        "files of this kind ({found}) are not read; .docx, .doc, .wps, .pdf, .html and .txt are",
        "不支持此类文件（{found}），可读取 .docx、.doc、.wps、.pdf、.html、.txt。",
    ),
    Code.NOT_INSTALLED: (
        "{form} files are read by packages that are not installed here: pip install 'fazhi[documents]'",
        "读取 {form} 文件所需的软件包未安装，请运行 pip install 'fazhi[documents]'。",
    ),
    Code.READER_FAILED: (
        "the process that reads files failed, for want of memory or room on the disk; the file may be sound",
        "读取程序因内存或磁盘空间不足等原因中断，文件本身可能没有问题，请稍后重试。",
    ),
}


class UnreadableError(FazhiError, ValueError):
    """A file this program cannot read; message and `chinese` say why, `code` is for programs."""

    def __init__(self, message: str, code: Code = Code.NOT_TEXT, chinese: str = _SENTENCES[Code.NOT_TEXT][1]) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.chinese = chinese


def refused(code: Code, **figures: object) -> UnreadableError:
    """Make the error of a code; the sentences of some codes need `limit` or `found`."""
    english, chinese = _SENTENCES[code]
    return UnreadableError(english.format(**figures), code, chinese.format(**figures))


def too_long(characters: int) -> UnreadableError:
    """Make the error of a text of too many characters."""
    english = f"the file's text is longer than the {characters} characters that are read"
    return UnreadableError(english, Code.TOO_LARGE, f"文件文字超过 {characters} 个字符的上限。")


def megabytes(count: int) -> str:
    """A number of bytes as the sentences name it."""
    return f"{count / 2**20:.4g} MB"
