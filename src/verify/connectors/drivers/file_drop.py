"""A request file into one folder, the answer file from another, hours or days later."""

from __future__ import annotations

import base64
import binascii
import hashlib
import io
import time
import zipfile

from verify.connectors.channel import Channel
from verify.connectors.drivers.outcome import Outcome, complete
from verify.connectors.folders import Folder, open_folder
from verify.connectors.http import Failure
from verify.connectors.protocols import Archive, FileDrop
from verify.connectors.requests import write_body
from verify.connectors.suites import SuiteUnavailable, decrypt, same, sign
from verify.connectors.tables import unpacked_size
from verify.connectors.wire import Malformed
from verify.domain.evidence import EvidenceState

_SETTLE_SECONDS = 0.05


def run(channel: Channel, protocol: FileDrop, ticket: str) -> Outcome:
    """Drop the request unless it was dropped before, then look for the answer until the deadline.

    The ticket is a hash of the request id, so a repeated asking finds the same files.
    """
    stem = hashlib.sha256(channel.request_id.encode()).hexdigest()[:24]
    channel.gate.pass_through()
    with (
        channel.throttle.slot(channel.until),
        open_folder(
            channel.address,
            channel.declaration.auth,
            channel.secrets,
            channel.egress,
            max(0.1, channel.left),
        ) as folder,
    ):
        if ticket != stem:
            letter = channel.gate.pass_through()
            values = {**channel.values, "letter": letter}
            name = protocol.request_name.replace("{request}", stem)
            folder.write(f"{protocol.outbox}/{name}", write_body(protocol, values))
        try:
            return _wait(channel, protocol, folder, stem)
        except Failure as failure:
            if failure.state is not EvidenceState.UNAVAILABLE:
                raise
            # The request lies where it was dropped: it is looked for again, not dropped again.
            return Outcome(failure.state, failure.detail, ticket=stem)


def _wait(channel: Channel, protocol: FileDrop, folder: Folder, stem: str) -> Outcome:
    name = f"{protocol.inbox}/{protocol.answer_name.replace('{request}', stem)}"
    while True:
        channel.gate.pass_through()
        if (size := folder.size(name)) is not None:
            time.sleep(_SETTLE_SECONDS)
            if folder.size(name) == size and size > 0:
                return complete([_opened(channel, protocol, folder, name)])
        if channel.left <= float(protocol.poll_seconds):
            return Outcome(
                EvidenceState.TIMEOUT,
                "still_working",
                ticket=stem,
                pending=True,
                pause=protocol.poll_again_seconds,
            )
        time.sleep(float(protocol.poll_seconds))


def _opened(channel: Channel, protocol: FileDrop, folder: Folder, name: str) -> bytes:
    most = channel.declaration.limits.max_bytes
    data = folder.read(name, most)
    if len(data) > most:
        raise Failure(EvidenceState.MALFORMED, "too_large")
    if protocol.archive is None:
        return data
    try:
        return _unpacked(channel, protocol.archive, _plain(channel, protocol.archive, data), most)
    except SuiteUnavailable:
        raise Failure(EvidenceState.UNAUTHORISED, "suite_unavailable") from None
    except Malformed as fault:
        raise Failure(EvidenceState.MALFORMED, fault.code) from None


def _plain(channel: Channel, archive: Archive, data: bytes) -> bytes:
    if archive.cipher is None or archive.cipher_key is None:
        return data
    try:
        key = base64.b64decode(channel.secrets.read(archive.cipher_key), validate=True)
        return decrypt(archive.cipher, key, data)
    except (ValueError, binascii.Error):
        raise Failure(EvidenceState.MALFORMED, "not_decrypted") from None


def _unpacked(channel: Channel, archive: Archive, data: bytes, most: int) -> bytes:
    """The one member, whose signature holds. A forged file is never handed on."""
    if unpacked_size(data) > most:
        raise Malformed("too_large")
    expected = {archive.member, *([archive.signature] if archive.signed else [])}
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            if set(packed.namelist()) != expected or len(packed.namelist()) != len(expected):
                raise Malformed("zip_members")
            body = packed.read(archive.member)
            given = packed.read(archive.signature).decode("ascii") if archive.signed else ""
    except (zipfile.BadZipFile, RuntimeError, OSError, ValueError, EOFError, NotImplementedError):
        raise Malformed("zip") from None
    except Exception as fault:  # zlib.error has no public parent
        if type(fault).__module__ != "zlib":
            raise
        raise Malformed("zip") from None
    if archive.signed and archive.sign_key is not None:
        key = channel.secrets.read(archive.sign_key)
        if not same(given.strip(), sign(archive.signed, key, body)):
            raise Malformed("signature")
    return body
