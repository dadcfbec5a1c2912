"""API keys and bearer tokens: what holds, and everything that must not."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import logging
from pathlib import Path

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

from support.desk import T0
from verify.domain.access import RoleName
from verify.domain.errors import ContentError, InputError, NotAuthenticated
from verify.service.access import Authenticator, create_key, mint_token, new_signing_key
from verify.service.tokens import Registry
from verify.settings import Settings
from verify.store import Store

ROLES, REGIONS = [RoleName.CASEWORKER], ["310000"]


@pytest.fixture(scope="module")
def key(tmp_path_factory):
    return new_signing_key(tmp_path_factory.mktemp("keys"))


@pytest.fixture
def store(tmp_path):
    with Store.open(f"sqlite:///{tmp_path / 'verify.db'}") as opened:
        yield opened


@pytest.fixture
def settings(key):
    return Settings(jwks_file=key.jwks_file, jwt_issuer="idp", jwt_audience="verify")


@pytest.fixture
def door(settings, store):
    return Authenticator(settings, store, clock=lambda: T0)


def api_key(store) -> str:
    return create_key(store, "desk 4", ROLES, REGIONS, T0)


def claims(**changes: object) -> dict[str, object]:
    made = {
        "iss": "idp",
        "aud": "verify",
        "sub": "clerk-7",
        "nbf": T0 // 1000,
        "exp": T0 // 1000 + 600,
        "roles": ["caseworker"],
        "regions": ["310000"],
        **changes,
    }
    return {name: value for name, value in made.items() if value is not ...}


def signed(key, claims_: dict[str, object], alg: str = "Ed25519", **header: object) -> str:
    head = {"alg": alg, "kid": key.kid, **header}
    return jwt.encode(head, claims_, key, registry=Registry(algorithms=[alg]))


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def assembled(header: dict[str, object], body: dict[str, object], signature: bytes = b"") -> str:
    parts = [b64(json.dumps(part).encode()) for part in (header, body)]
    return ".".join([*parts, b64(signature)])


# -- API keys -------------------------------------------------------------------------------


def test_a_key_opens_the_door_by_either_header(door, store):
    key = api_key(store)
    caller = door.authenticate(f"Bearer {key}")
    assert caller == door.authenticate(None, key)
    assert caller.roles == {RoleName.CASEWORKER}
    assert caller.regions == ("310000",)
    assert caller.subject == "key:" + key.split("_")[1]


def test_a_revoked_key_is_refused_at_once_and_revoking_twice_is_no_error(door, store):
    key = api_key(store)
    door.authenticate(f"Bearer {key}")
    store.revoke_key(key.split("_")[1], T0 + 1)
    store.revoke_key(key.split("_")[1], T0 + 2)
    with pytest.raises(NotAuthenticated):
        door.authenticate(f"Bearer {key}")
    assert store.keys()[0].revoked_at == T0 + 1


def test_the_secret_is_nowhere_in_the_database(store, tmp_path):
    secret = api_key(store).split("_", 2)[2]
    store.close()
    raw = b"".join(p.read_bytes() for p in tmp_path.iterdir())
    assert secret.encode() not in raw
    assert hashlib.sha256(secret.encode()).hexdigest().encode() in raw


def test_every_changed_character_of_a_key_is_refused(door, store):
    key = api_key(store)
    for i in range(len(key)):
        changed = key[:i] + ("A" if key[i] != "A" else "B") + key[i + 1 :]
        with pytest.raises(NotAuthenticated):
            door.authenticate(f"Bearer {changed}")


def test_unknown_mistyped_and_revoked_keys_get_the_same_answer(door, store):
    key, gone = api_key(store), api_key(store)
    store.revoke_key(gone.split("_")[1], T0)
    answers = set()
    for text in (f"vk_{'0' * 12}_{'A' * 43}", key[:-1], key[:-1] + "é", gone, "vk_", "vk_x_y"):
        with pytest.raises(NotAuthenticated) as refused:
            door.authenticate(None, text)
        answers.add(str(refused.value))
    assert len(answers) == 1


@pytest.mark.parametrize(
    ("roles", "regions", "code"),
    [
        ([], ["310000"], "no-role"),
        ([RoleName.CASEWORKER, RoleName.AUDITOR], ["*"], "separate-duties"),
        (ROLES, [], "region-code"),
        (ROLES, ["31"], "region-code"),
        (ROLES, ["%"], "region-code"),
        (ROLES, ["３１００００"], "region-code"),
    ],
)
def test_a_key_that_grants_what_nobody_may_hold_is_not_made(store, roles, regions, code):
    with pytest.raises(InputError) as refused:
        create_key(store, "x", roles, regions, T0)
    assert [p.code for p in refused.value.problems] == [code]
    assert store.keys() == ()


# -- headers --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Basic dXNlcjpwYXNz",
        "Bearer a b",
        "Bearer \u0430.b.c",
        "x" * 9000,
    ],
)
def test_headers_without_usable_credentials_are_refused(door, header):
    with pytest.raises(NotAuthenticated):
        door.authenticate(header)


def test_two_credentials_are_refused_even_if_both_hold(door, store):
    key = api_key(store)
    with pytest.raises(NotAuthenticated):
        door.authenticate(f"Bearer {key}", key)


# -- bearer tokens --------------------------------------------------------------------------


def test_a_minted_token_opens_the_door(door, key, settings):
    text = mint_token(
        key, settings, subject="clerk-7", roles=ROLES, regions=REGIONS, now=T0, seconds=60
    )
    caller = door.authenticate(f"bearer {text}")
    assert (caller.subject, caller.roles, caller.regions) == (
        "sub:clerk-7",
        {RoleName.CASEWORKER},
        ("310000",),
    )


@pytest.mark.parametrize("alg", ["Ed25519", "EdDSA", "ES256", "RS256"])
def test_each_accepted_algorithm_is_accepted(tmp_path, store, alg):
    made = {
        "Ed25519": lambda: OKPKey.generate_key("Ed25519"),
        "EdDSA": lambda: OKPKey.generate_key("Ed25519"),
        "ES256": lambda: ECKey.generate_key("P-256"),
        "RS256": lambda: RSAKey.generate_key(2048),
    }[alg]()
    made.ensure_kid()
    door = door_with(tmp_path, store, [made.as_dict(private=False)])
    assert door.authenticate("Bearer " + signed(made, claims(), alg)).subject == "sub:clerk-7"


def door_with(folder: Path, store: Store, keys: list[dict[str, object]]) -> Authenticator:
    file = folder / "jwks.json"
    file.write_text(json.dumps({"keys": keys}))
    return Authenticator(Settings(jwks_file=file, jwt_issuer="idp"), store, clock=lambda: T0)


@pytest.mark.parametrize(
    "change",
    [
        {"iss": "somebody else"},
        {"iss": ...},
        {"aud": "another service"},
        {"aud": ...},
        {"exp": T0 // 1000 - 31},
        {"exp": ...},
        {"exp": float("nan")},
        {"exp": "9999999999"},
        {"exp": True},
        {"nbf": T0 // 1000 + 31},
        {"nbf": ...},
        {"sub": ...},
        {"sub": ""},
        {"sub": "x" * 201},
        {"sub": 7},
        {"roles": ...},
        {"roles": "caseworker"},
        {"roles": []},
        {"roles": ["root"]},
        {"roles": ["caseworker", "auditor"]},
        {"roles": [1]},
        {"regions": ...},
        {"regions": "*"},
        {"regions": []},
        {"regions": [""]},
        {"regions": ["31%"]},
        {"regions": [None]},
    ],
    ids=str,
)
def test_a_token_with_a_wrong_or_missing_claim_is_refused(door, key, change):
    with pytest.raises(NotAuthenticated):
        door.authenticate("Bearer " + signed(key.private, claims(**change)))


def test_clock_skew_of_half_a_minute_is_tolerated(door, key):
    late = claims(nbf=T0 // 1000 + 30, exp=T0 // 1000 - 29)
    assert door.authenticate("Bearer " + signed(key.private, late))


def test_unsigned_tokens_are_refused(door, key):
    for alg in ("none", "None", "NONE", "nOnE", ""):
        for signature in (b"", b"x"):
            with pytest.raises(NotAuthenticated):
                door.authenticate("Bearer " + assembled({"alg": alg}, claims(), signature))


def test_a_public_key_used_as_a_shared_secret_is_refused(door, key):
    # The classic confusion: HS256 keyed with bytes that everybody can read.
    public = key.private.as_dict(private=False)
    for secret in (
        key.jwks_file.read_bytes(),
        json.dumps(public).encode(),
        base64.urlsafe_b64decode(public["x"] + "="),
        key.private.as_pem(private=False),
    ):
        header = {"alg": "HS256", "typ": "JWT", "kid": public["kid"]}
        unsigned = assembled(header, claims()).rsplit(".", 1)[0]
        signature = hmac.new(secret, unsigned.encode(), hashlib.sha256).digest()
        with pytest.raises(NotAuthenticated):
            door.authenticate(f"Bearer {unsigned}.{b64(signature)}")


def test_a_token_cannot_bring_its_own_key(door, key):
    own = OKPKey.generate_key("Ed25519")
    anything = Registry(algorithms=["Ed25519"], strict_check_header=False)
    for header in (
        {"jwk": own.as_dict(private=False)},
        {"jku": "http://127.0.0.1:9/jwks.json"},
        {"kid": own.thumbprint()},
        {"kid": "../../etc/passwd"},
        {"kid": key.private.kid},
    ):
        text = jwt.encode({"alg": "Ed25519", **header}, claims(), own, registry=anything)
        with pytest.raises(NotAuthenticated):
            door.authenticate("Bearer " + text)


def test_a_rightly_signed_token_with_a_header_that_we_do_not_know_is_refused(door, key):
    anything = Registry(algorithms=["Ed25519"], strict_check_header=False)
    header = {"alg": "Ed25519", "kid": key.private.kid, "x-unknown": 1}
    text = jwt.encode(header, claims(), key.private, registry=anything)
    with pytest.raises(NotAuthenticated):
        door.authenticate("Bearer " + text)


def test_every_flipped_character_of_a_token_is_refused(door, key):
    text = signed(key.private, claims())
    body_ends = text.rindex(".")
    for i in range(len(text)):
        if text[i] == "." or i == len(text) - 1:
            continue  # the last character of a signature holds unused bits
        changed = text[:i] + ("A" if text[i] != "A" else "B") + text[i + 1 :]
        with pytest.raises(NotAuthenticated):
            door.authenticate("Bearer " + changed)
    with pytest.raises(NotAuthenticated):
        door.authenticate("Bearer " + text[:body_ends])


def test_removing_a_public_key_refuses_its_tokens_at_once(tmp_path, store, key):
    door = door_with(tmp_path, store, [key.private.as_dict(private=False)])
    text = "Bearer " + signed(key.private, claims())
    door.authenticate(text)
    other = OKPKey.generate_key("Ed25519")
    door_with(tmp_path, store, [other.as_dict(private=False), other.as_dict(private=False)])
    with pytest.raises(NotAuthenticated):
        door.authenticate(text)


def test_a_token_that_two_keys_could_have_signed_must_say_which(tmp_path, store, key):
    other = OKPKey.generate_key("Ed25519")
    door = door_with(tmp_path, store, [k.as_dict(private=False) for k in (key.private, other)])
    anonymous = jwt.encode({"alg": "Ed25519"}, claims(), key.private, registry=Registry())
    with pytest.raises(NotAuthenticated):
        door.authenticate("Bearer " + anonymous)
    assert door.authenticate("Bearer " + signed(key.private, claims()))


def test_without_public_keys_no_token_is_accepted(store, key):
    door = Authenticator(Settings(jwt_issuer="idp"), store, clock=lambda: T0)
    with pytest.raises(NotAuthenticated):
        door.authenticate("Bearer " + signed(key.private, claims()))


@pytest.mark.parametrize(
    "made",
    [
        lambda: OctKey.generate_key(256).as_dict(private=True),
        lambda: OKPKey.generate_key("Ed25519").as_dict(private=True),
    ],
)
def test_a_key_file_that_holds_a_secret_is_refused_and_named(tmp_path, store, key, made):
    door = door_with(tmp_path, store, [key.private.as_dict(private=False), made()])
    with pytest.raises(ContentError) as refused:
        door.authenticate("Bearer " + signed(key.private, claims()))
    assert refused.value.where == "VERIFY_JWKS_FILE"


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"keys": 3}', '{"keys": [3]}', "\xff"])
def test_a_broken_key_file_opens_no_door(tmp_path, store, key, text):
    file = tmp_path / "jwks.json"
    file.write_bytes(text.encode("latin-1"))
    door = Authenticator(Settings(jwks_file=file, jwt_issuer="idp"), store, clock=lambda: T0)
    with pytest.raises(ContentError):
        door.authenticate("Bearer " + signed(key.private, claims()))


@pytest.mark.parametrize(
    ("made", "alg"),
    [
        (lambda: OKPKey.generate_key("Ed25519", {"use": "enc"}), "Ed25519"),
        (lambda: OKPKey.generate_key("Ed25519", {"alg": "ES256"}), "Ed25519"),
        (lambda: ECKey.generate_key("P-384"), "ES384"),
    ],
)
def test_keys_that_are_not_for_our_signatures_are_passed_over(tmp_path, store, made, alg):
    other = made()
    other.ensure_kid()
    door = door_with(tmp_path, store, [other.as_dict(private=False)])
    body = ".".join(b64(json.dumps(p).encode()) for p in ({"alg": alg, "kid": other.kid}, claims()))
    with pytest.raises(NotAuthenticated):
        door.authenticate(f"Bearer {body}.{b64(b'x' * 64)}")


def test_the_signing_key_is_made_once_and_readable_by_its_owner_only(tmp_path):
    first, second = new_signing_key(tmp_path / "k"), new_signing_key(tmp_path / "k")
    assert first.private.kid == second.private.kid
    assert first.private_file.stat().st_mode & 0o077 == 0
    assert (tmp_path / "k").stat().st_mode & 0o077 == 0
    (public,) = json.loads(first.jwks_file.read_text())["keys"]
    assert "d" not in public
    assert first.private.as_dict(private=True)["d"] not in repr(first)
    assert sorted(p.name for p in (tmp_path / "k").iterdir()) == ["jwks.json", "signing-key.json"]


def test_refusals_and_logs_never_quote_the_credentials(door, store, key, caplog):
    caplog.set_level(logging.DEBUG)
    secret = api_key(store)
    token = signed(key.private, claims(iss="canary-issuer", sub="canary-subject"))
    for header in (f"Bearer {secret[:-1]}", f"Bearer {token}", f"Basic {secret}"):
        with pytest.raises(NotAuthenticated) as refused:
            door.authenticate(header)
        said = f"{refused.value}{refused.value!r}{refused.value.__cause__}{caplog.text}"
        for canary in (secret[:-1], token, "canary"):
            assert canary not in said


def test_a_token_subject_cannot_pass_for_a_key_or_the_command_line(door, key):
    for subject in ("key:000000000000", "local"):
        caller = door.authenticate("Bearer " + signed(key.private, claims(sub=subject)))
        assert caller.subject == f"sub:{subject}"
