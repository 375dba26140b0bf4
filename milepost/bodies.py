"""The body of an answer, decompressed piece by piece and never more than a limit: no answer can fill the memory.

Below every client. httpx decompresses whole chunks, and any number of times over; a megabyte can stand for terabytes.
"""

import zlib

import httpx

ACCEPTED = "gzip, deflate"
"""What to ask for as Accept-Encoding: what can be decompressed in bounded pieces."""

TOKEN_BYTES = 1_000_000
"""More than any token endpoint says."""

_GZIP_OR_ZLIB = zlib.MAX_WBITS | 32
_PLAIN = ("", "identity")
_OF_THE_WIRE = ("content-encoding", "content-length", "transfer-encoding")
_PIECE = 1 << 20


class UnreadableBody(httpx.RequestError):
    """A body that is not read to its end. `str(error)` says why; `is_cut`: the connection broke, and another try may do."""

    def __init__(self, why: str, *, is_cut: bool = False) -> None:
        self.is_cut = is_cut
        super().__init__(why)


async def read_body(response: httpx.Response, limit: int) -> bytes:
    """The whole body of a streamed response, decompressed; the response is closed. `limit` in bytes.

    Raises UnreadableBody.
    """
    body = bytearray()
    try:
        unpack = _Unpacking(response.headers.get("content-encoding", ""))
        async for chunk in response.aiter_raw():
            pending = chunk
            while pending:
                piece, pending = unpack.piece(pending)
                body += piece
                if max(len(body), response.num_bytes_downloaded) > limit:
                    raise UnreadableBody(f"the answer is larger than {_size(limit)}")
        body += unpack.end()
    except httpx.TransportError as error:
        raise UnreadableBody(f"the answer breaks off ({type(error).__name__})", is_cut=True) from error
    finally:
        await response.aclose()
    return bytes(body)


async def send_bounded(
    http: httpx.AsyncClient, request: httpx.Request, limit: int, auth: httpx.Auth | None = None
) -> tuple[httpx.Response, int]:
    """The response with its whole body, and the bytes received. Redirects are not followed.

    Raises httpx.RequestError; UnreadableBody only for a success: any other status says enough without its body.
    """
    request.headers["Accept-Encoding"] = ACCEPTED
    response = await http.send(request, stream=True, auth=auth, follow_redirects=False)
    body = await (read_body if response.is_success else read_or_nothing)(response, limit)
    about = [(name, value) for name, value in response.headers.multi_items() if name.lower() not in _OF_THE_WIRE]
    whole = httpx.Response(response.status_code, headers=about, content=body, request=request)
    return whole, response.num_bytes_downloaded


async def read_or_nothing(response: httpx.Response, limit: int) -> bytes:
    """As `read_body`; empty where it cannot be read, for answers that are then no more than that."""
    try:
        return await read_body(response, limit)
    except UnreadableBody:
        return b""


async def read_in_auth(answer: httpx.Response, limit: int) -> bytes:
    """As `read_or_nothing`, for an `httpx.Auth`: httpx reads such an answer once more before it goes on."""
    body = await read_or_nothing(answer, limit)
    answer.headers.pop("content-encoding", None)
    answer.stream, answer.is_stream_consumed, answer.is_closed = httpx.ByteStream(body), False, False
    return body


class _Unpacking:
    """Takes bytes as they came and gives at most a piece at a time, so that a bomb is noticed while it is small."""

    def __init__(self, encoding: str) -> None:
        self._name = encoding.strip().lower()
        if self._name not in (*_PLAIN, "gzip", "x-gzip", "deflate"):
            raise UnreadableBody(f"the answer is compressed in a way that was not asked for ({self._name[:40]!r})")
        self._is_plain = self._name in _PLAIN
        self._zlib = zlib.decompressobj(_GZIP_OR_ZLIB)
        self._is_first = True

    def piece(self, data: bytes) -> tuple[bytes, bytes]:
        """A piece, and what is to be given again."""
        if self._is_plain or self._zlib.eof:
            return (data, b"") if self._is_plain else (b"", b"")
        try:
            found = self._zlib.decompress(data, _PIECE)
        except zlib.error as error:
            if self._is_first and self._name == "deflate":  # some servers leave its header out (RFC 9110, 8.4.1.2)
                self._zlib, self._is_first = zlib.decompressobj(-zlib.MAX_WBITS), False
                return self.piece(data)
            raise UnreadableBody(f"the answer is not the {self._name} that it says it is") from error
        self._is_first = False
        return found, self._zlib.unconsumed_tail

    def end(self) -> bytes:
        """What was held back, less than a piece. Raises UnreadableBody where the compressed data has no end."""
        if self._is_plain or self._is_first:
            return b""
        rest = self._zlib.decompress(b"", _PIECE)
        if not self._zlib.eof:
            raise UnreadableBody("the answer breaks off", is_cut=True)
        return rest


def _size(limit: int) -> str:
    return f"{limit // 1_000_000} MB" if limit >= 1_000_000 else f"{limit:,} bytes"
