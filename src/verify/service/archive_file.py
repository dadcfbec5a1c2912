"""The zip file of an archive: how it is written, read, and told from one with something beside it.

Of a zip file a reader sees the members; what lies before, between or behind them, in comments and
extra fields, nobody reads. An archive has none of that: every byte of it is a member's content or
follows from the members' names, and only how the contents are deflated is left to the zlib that
wrote it (others pack the same bytes otherwise).
"""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping

from verify.domain.errors import InputError
from verify.store import Fault

MAX_TOTAL = 512 * 1024 * 1024
_UNREADABLE = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    OSError,
    ValueError,
    RuntimeError,  # encrypted; NotImplementedError, an unknown packing, is one too
    EOFError,
)

# APPNOTE.TXT 4.3.7, 4.3.12 and 4.3.16: local header, central header, end of the central directory.
_LOCAL, _CENTRAL, _END = "<4s5H3I2H", "<4s6H3I5H2I", "<4s4H2IH"
_NEEDED, _DEFLATED, _DAY, _OWNER_ONLY = 20, 8, 1 << 5 | 1, 0o600 << 16
_SYSTEMS = (3, 0)
"""Unix, and what Windows writes."""


def pack(files: Mapping[str, bytes]) -> bytes:
    """The zip file of some members; the same members give the same bytes on one machine."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(files):
            # A fixed date: the same rows give the same archive.
            archive.writestr(zipfile.ZipInfo(name), files[name], compress_type=zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def unzip(data: bytes) -> dict[str, bytes]:
    """The members of an archive.

    Raises:
        InputError: it is no readable zip file, names a member twice, or is larger than any
            archive (512 MB).
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            infos = archive.infolist()
            names = [info.filename for info in infos]
            if len(set(names)) != len(names) or sum(i.file_size for i in infos) > MAX_TOTAL:
                raise not_one()
            return {info.filename: archive.read(info) for info in infos}
    except _UNREADABLE:
        raise not_one() from None


def not_one() -> InputError:
    """The error for something that is no archive."""
    return InputError(
        "this is not an audit archive, or it is damaged",
        where="bundle",
        remedy="export it again with `verify audit export`",
    )


def packing_faults(data: bytes, files: Mapping[str, bytes]) -> Iterator[Fault]:
    """What is in the zip file of these members besides them, or otherwise than `pack` writes it."""
    try:
        streams = dict(_streams(data))
        fits = data in [laid_out(streams, files, system) for system in _SYSTEMS]
    except (*_UNREADABLE, KeyError):
        fits = False
    if not fits:
        yield Fault(
            "archive",
            "the zip file holds something besides its members (before, between or behind them, in "
            "comments, extra fields or attributes), or was packed by another program",
        )


def _streams(data: bytes) -> Iterator[tuple[str, bytes]]:
    """The deflated bytes of every member, each of which ends where its content does."""
    size = struct.calcsize(_LOCAL)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for info in archive.infolist():
            start = info.header_offset + size + len(info.filename.encode())
            stream = data[start : start + info.compress_size]
            inflating = zlib.decompressobj(-zlib.MAX_WBITS)
            inflating.decompress(stream, info.file_size + 1)
            if not inflating.eof or inflating.unused_data:
                raise ValueError("the stream of a member does not end with it")
            yield info.filename, stream


def laid_out(
    streams: Mapping[str, bytes], files: Mapping[str, bytes], system: int = _SYSTEMS[0]
) -> bytes:
    """The whole zip file that `pack` makes of members that were deflated to these streams."""
    body, directory = bytearray(), bytearray()
    for name in sorted(files):
        encoded, stream, content = name.encode("ascii"), streams[name], files[name]
        # Nothing encrypted (flags 0), one fixed day, no extra field.
        common = (0, _DEFLATED, 0, _DAY, zlib.crc32(content), len(stream), len(content))
        more = (len(encoded), 0, 0, 0, 0, _OWNER_ONLY, len(body))
        made_by = system << 8 | _NEEDED
        directory += struct.pack(_CENTRAL, b"PK\1\2", made_by, _NEEDED, *common, *more) + encoded
        body += struct.pack(_LOCAL, b"PK\3\4", _NEEDED, *common, len(encoded), 0)
        body += encoded + stream
    count = len(files)
    end = struct.pack(_END, b"PK\5\6", 0, 0, count, count, len(directory), len(body), 0)
    return bytes(body + directory + end)
