"""Multipart forms that are already in memory, read and written without copying them to disk."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from uuid import uuid4

from python_multipart.multipart import MultipartParser, parse_options_header

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks


@dataclass
class Part:
    """One field of a form."""

    name: str
    content: bytes | bytearray
    is_file: bool = False


@dataclass
class Form:
    """The fields in their order; a name may be there twice."""

    parts: list[Part] = field(default_factory=list)

    def text(self, name: str) -> str | None:
        """The field's value; None without one."""
        found = [part.content for part in self.parts if part.name == name]
        return bytes(found[-1]).decode(errors="replace") if found else None

    def contents(self, name: str) -> list[bytes]:
        return [bytes(part.content) for part in self.parts if part.name == name]


def form_of(body: bytes, content_type: str) -> Form:
    """What the body says. Raises ValueError, or FormParserError."""
    kind, options = parse_options_header(content_type)
    if kind != b"multipart/form-data" or not options.get(b"boundary"):
        raise ValueError("it must be multipart/form-data with a boundary")
    collector = _Collector()
    parser = MultipartParser(options[b"boundary"], collector.callbacks())
    parser.write(body)
    parser.finalize()
    return Form(collector.parts)


def written(parts: list[Part]) -> tuple[bytes, str]:
    """A body with these parts, and its content type. The names are ours and need no quoting."""
    boundary = uuid4().hex
    body = bytearray()
    for part in parts:
        file = '; filename="file"' if part.is_file else ""
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="{part.name}"{file}\r\n\r\n'
        body += head.encode() + part.content + b"\r\n"
    return bytes(body + f"--{boundary}--\r\n".encode()), f"multipart/form-data; boundary={boundary}"


class _Collector:
    def __init__(self) -> None:
        self.parts: list[Part] = []
        self._field, self._value = bytearray(), bytearray()

    def callbacks(self) -> "MultipartCallbacks":
        return {
            "on_part_begin": lambda: self.parts.append(Part("", bytearray())),
            "on_header_field": lambda d, a, b: self._field.extend(d[a:b]),
            "on_header_value": lambda d, a, b: self._value.extend(d[a:b]),
            "on_header_end": self._header,
            "on_part_data": lambda d, a, b: self._grow(d[a:b]),
        }

    def _grow(self, data: bytes) -> None:
        self.parts[-1].content += data

    def _header(self) -> None:
        if self._field.lower() == b"content-disposition":
            _, options = parse_options_header(bytes(self._value))
            self.parts[-1].name = options.get(b"name", b"").decode(errors="replace")
        self._field, self._value = bytearray(), bytearray()
