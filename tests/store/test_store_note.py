"""Signed checkpoints: one byte form, and every changed byte breaks it."""

from __future__ import annotations

import pytest

from verify.domain.errors import InputError
from verify.store.note import COSIGNATURE, Checkpoint, Note, PublicKey, SigningKey, b64
from verify.store.suites import SM3

LOG = SigningKey.generate("log.example/*")
WITNESS = SigningKey.generate("witness.example/*", COSIGNATURE)
POINT = Checkpoint(LOG.name, 300, bytes(range(32)))
NOTE = Note(POINT, (LOG.sign(POINT.text), WITNESS.sign(POINT.text, 1_760_000_000)))
KEYS = (LOG.public, WITNESS.public)


def test_a_checkpoint_reads_back_as_it_was_written():
    assert Note.parse(NOTE.text) == NOTE
    assert NOTE.only_by(KEYS)
    assert NOTE.by(WITNESS.public).seconds == 1_760_000_000
    lines = NOTE.text.split("\n")
    assert lines[:4] == [LOG.name, "300", b64(bytes(range(32))), ""]
    assert lines[4].startswith(f"— {LOG.name} ")


def test_a_tree_over_sm3_says_so_under_the_signature():
    point = Checkpoint("log", 1, bytes(32), SM3)
    assert point.text.endswith("\nhash sm3\n")
    assert Checkpoint.parse(point.text) == point


def test_keys_read_back_as_they_were_written():
    for key in (LOG, WITNESS):
        assert SigningKey.parse(key.secret_text).public == key.public
        assert PublicKey.parse(key.public.text) == key.public


def accepted(text: str) -> bool:
    try:
        return Note.parse(text).only_by(KEYS)
    except InputError:
        return False


def test_every_changed_byte_and_every_truncation_of_a_checkpoint_is_refused():
    raw = NOTE.text.encode()
    assert accepted(raw.decode())
    for at in range(len(raw)):
        for mask in (1, 0x20, 0x80):
            changed = raw[:at] + bytes([raw[at] ^ mask]) + raw[at + 1 :]
            assert not accepted(changed.decode("utf-8", "replace")), (at, mask)
        assert not accepted(raw[:at].decode("utf-8", "replace")), at
        assert not accepted((raw[:at] + b"\n" + raw[at:]).decode("utf-8", "replace")), at


def test_a_signature_of_somebody_else_or_of_another_text_does_not_hold():
    thief = SigningKey.generate(LOG.name)
    forged = Checkpoint(LOG.name, 300, bytes(32))
    assert Note(POINT, (thief.sign(POINT.text),)).by(LOG.public) is None
    assert Note(forged, NOTE.signatures).by(LOG.public) is None
    assert Note(forged, NOTE.signatures).by(WITNESS.public) is None
    # A witness's signature of another second is another signature.
    raw = NOTE.signatures[1].raw
    later = (int.from_bytes(raw[:8]) + 1).to_bytes(8) + raw[8:]
    assert not WITNESS.public.holds(POINT.text, later)


def test_what_is_no_public_key_is_refused():
    for text in (
        "",
        "log+x+y",
        "log+00000000+" + b64(b"\x01" + bytes(32)),  # a key id of nobody
        "log+" + b64(b"\x09" + bytes(32)),
        LOG.public.text[:-2],
        "two words" + LOG.public.text,
    ):
        with pytest.raises(InputError):
            PublicKey.parse(text)


def test_a_broken_private_key_is_refused_without_being_shown():
    for text in (LOG.secret_text[:-3], LOG.secret_text.replace("PRIVATE", "SECRET"), "x"):
        with pytest.raises(InputError) as refused:
            SigningKey.parse(text)
        assert LOG.secret_text[-20:-5] not in str(refused.value)


@pytest.mark.parametrize("size", ["-1", "+1", "01", "1 ", "１", "1e3", "", "9" * 30])
def test_a_size_has_one_way_to_be_written(size):
    with pytest.raises(InputError):
        Checkpoint.parse(f"log\n{size}\n{b64(bytes(32))}\n")
