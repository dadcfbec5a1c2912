from __future__ import annotations

import base64
import json


def test_a_key_is_shown_once_listed_without_its_secret_and_can_be_revoked(cli):
    made = cli.json(
        "access", "create-key", "--role", "caller", "--role", "caseworker",
        "--region", "310000", "--label", "street office",
    )  # fmt: skip
    secret = made["key"].rsplit("_", 1)[-1]

    listed = cli("access", "list", "--json")
    assert secret not in listed.stdout
    (key,) = json.loads(listed.stdout)["keys"]
    assert key["label"] == "street office"
    assert key["roles"] == ["caller", "caseworker"]
    assert key["revoked_at"] is None

    assert cli("access", "revoke", key["key_id"]).returncode == 0
    assert cli.json("access", "list")["keys"][0]["revoked_at"]


def test_roles_that_nobody_may_hold_together_are_refused(cli):
    done = cli("access", "create-key", "--role", "auditor", "--role", "caseworker",
               "--region", "*", "--label", "x")  # fmt: skip
    assert done.returncode == 2
    assert cli.json("access", "list")["keys"] == []


def test_a_region_that_is_no_code_is_bad_input(cli):
    for words in (["create-key", "--label", "x"], ["token"]):
        done = cli("access", *words, "--role", "caller", "--region", "31")
        assert done.returncode == 2, words


def test_revoking_a_key_that_is_not_there_is_not_found(cli):
    cli("db", "upgrade")
    assert cli("access", "revoke", "000000000000").returncode == 3


def test_a_token_is_minted_with_the_installations_own_key(cli):
    made = cli.json("access", "token", "--role", "auditor", "--region", "*", "--minutes", "5")
    claims = json.loads(base64.urlsafe_b64decode(made["token"].split(".")[1] + "=="))
    assert claims["roles"] == ["auditor"]
    assert claims["exp"] - claims["nbf"] == 300
    keys = json.loads((cli.home / "var/keys/jwks.json").read_text(encoding="utf-8"))
    assert "d" not in keys["keys"][0]
