"""Deaths and cremations (殡葬): a fixed-width GBK file, filled up with blanks, packed, signed
with SM3 and encrypted with SM4, a night after the request file came."""

from __future__ import annotations

import base64
import datetime as dt
import io
import json
import secrets
import zipfile

from verify.simulate.dialects.common import day
from verify.simulate.dialects.sealing import mac, sm4_gcm
from verify.simulate.registers import Death
from verify.simulate.state import Asked, Holdings

HEAD = (("标志", 2), ("日期", 8), ("结果", 2), ("姓名", 40), ("证件", 18), ("笔数", 6))
COLUMNS = (("姓名", 40), ("证件", 18), ("死亡日期", 8), ("火化日期", 8), ("地点", 60))


def read(body: bytes) -> Asked:
    """Understand a request file."""
    q = json.loads(body)
    return Asked(
        name=q["xm"],
        id=q["sfzh"],
        as_of=day(q["jzrq"], "%Y%m%d"),
        letter=q["sqs"],
        purpose=q["cxsy"],
        requester=q["cxdw"],
        request_id=q["lsh"],
    )


def write(asked: Asked, holdings: Holdings, data_day: dt.date, shown: Asked) -> bytes:
    """The plain file: a head line and a line for each death."""
    rows = [
        d for d in holdings.find("deaths", shown, Death, by_name=False) if d.died_on <= data_day
    ]
    code = "00" if rows else "01"
    head = ("HD", f"{data_day:%Y%m%d}", code, shown.name, shown.id, f"{len(rows):06d}")
    lines = [_line(head, HEAD)]
    for d in rows:
        burnt = f"{d.cremated_on:%Y%m%d}" if d.cremated_on else ""
        lines.append(_line((d.name, d.id, f"{d.died_on:%Y%m%d}", burnt, d.place), COLUMNS))
    return b"".join(line + b"\r\n" for line in lines)


def _line(cells: tuple[str, ...], form: tuple[tuple[str, int], ...]) -> bytes:
    parts = []
    for cell, (_, width) in zip(cells, form, strict=True):
        raw = cell.encode("gbk", "replace")[:width]
        parts.append(raw.ljust(width))
    return b"".join(parts)


def pack(body: bytes, sign_key: str, cipher_key: str) -> bytes:
    """Zip with signature, encrypted."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("deaths.txt", body)
        archive.writestr("deaths.sig", mac("sm3", sign_key, body))
    key = base64.b64decode(cipher_key)
    return sm4_gcm(key, secrets.token_bytes(12), packed.getvalue())
