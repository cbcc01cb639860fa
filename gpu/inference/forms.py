"""Multipart forms that are already in memory, read without copying them to disk."""

from typing import TYPE_CHECKING

from python_multipart.multipart import MultipartParser, parse_options_header

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks


def form_of(body: bytes, content_type: str) -> tuple[dict[str, str], bytes]:
    """The text fields, and the content of the field named `file`. Raises ValueError."""
    kind, options = parse_options_header(content_type)
    if kind != b"multipart/form-data" or not options.get(b"boundary"):
        raise ValueError("it must be multipart/form-data with a boundary")
    collector = _Collector()
    parser = MultipartParser(options[b"boundary"], collector.callbacks())
    parser.write(body)
    parser.finalize()
    recording = bytes(collector.parts.pop("file", b""))
    return {n: v.decode(errors="replace") for n, v in collector.parts.items()}, recording


class _Collector:
    def __init__(self) -> None:
        self.parts: dict[str, bytearray] = {}
        self._field, self._value, self._name = bytearray(), bytearray(), ""

    def callbacks(self) -> "MultipartCallbacks":
        return {
            "on_part_begin": self._begin,
            "on_header_field": lambda d, a, b: self._field.extend(d[a:b]),
            "on_header_value": lambda d, a, b: self._value.extend(d[a:b]),
            "on_header_end": self._header,
            "on_part_data": lambda d, a, b: self.parts.setdefault(self._name, bytearray()).extend(
                d[a:b]
            ),
        }

    def _begin(self) -> None:
        self._name = ""

    def _header(self) -> None:
        if self._field.lower() == b"content-disposition":
            _, options = parse_options_header(bytes(self._value))
            self._name = options.get(b"name", b"").decode(errors="replace")
        self._field, self._value = bytearray(), bytearray()
