"""What is wrong with a file is said by field, reason and remedy, and nothing is stored."""

from __future__ import annotations

import json

import pytest


def check(cli, text, name="application.json"):
    (cli.home / name).write_text(text, encoding="utf-8")
    done = cli("check", name, "--json")
    assert done.returncode == 2, done.stdout + done.stderr
    assert cli.stored == 0
    return json.loads(done.stdout)["error"]


def faults(error):
    return {(e["pointer"], e["code"]) for e in error["errors"]}


def test_an_unknown_region_is_named_and_nothing_is_stored(cli, application):
    application["region"] = "990101"
    error = check(cli, json.dumps(application))
    assert error["code"] == "unknown-region"
    assert {e["pointer"] for e in error["errors"]} == {"/region"}
    assert error["remedy"] or error["errors"][0]["remedy"]


def test_a_date_before_any_rule_is_refused_instead_of_guessed(cli, application):
    application["as_of"] = "1999-01-01"
    error = check(cli, json.dumps(application))
    assert error["code"] == "law-not-in-force"
    assert {e["pointer"] for e in error["errors"]} == {"/as_of"}


@pytest.mark.parametrize(
    ("spoil", "pointer", "code"),
    [
        (
            lambda a: a["household"]["members"][0].update(id_number="310104199913324567"),
            "/household/members/0/id_number",
            "impossible-id",
        ),
        (
            lambda a: a["household"]["members"].append(a["household"]["members"][0]),
            "/household/members/1/person",
            "duplicate-member",
        ),
        (
            lambda a: a["authorisations"][0].update(
                valid_from="2020-01-01", valid_until="2021-01-01"
            ),
            "/authorisations/0/valid_until",
            "letter-expired",
        ),
        (lambda a: a.update(incme="1"), "/incme", "extra-forbidden"),
        (lambda a: a.pop("programme"), "/programme", "missing"),
    ],
    ids=["impossible id", "duplicate member", "expired letter", "unknown field", "missing field"],
)
def test_a_fault_of_a_field_is_named_with_reason_and_remedy(cli, application, spoil, pointer, code):
    spoil(application)
    error = check(cli, json.dumps(application))
    assert (pointer, code) in faults(error)
    assert all(e["reason"] and e["remedy"] for e in error["errors"])


def test_a_fault_in_yaml_is_named_with_its_line(cli):
    text = "programme: dibao\nregion: '310104'\nas_of: 2025-13-40\nhousehold:\n  members: []\n"
    error = check(cli, text, "application.yaml")
    by_pointer = {e["pointer"]: e["reason"] for e in error["errors"]}
    assert "line 3" in by_pointer["/as_of"]
    assert "line 5" in by_pointer["/household/members"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("broken.json", '{"programme": "dibao",'),
        ("twice.json", '{"programme": "dibao", "programme": "dibao_margin"}'),
        ("nan.json", '{"programme": NaN}'),
        ("deep.json", '{"a":' * 50 + "1" + "}" * 50),
        ("broken.yaml", "programme: [dibao\n"),
        ("twice.yaml", "programme: dibao\nprogramme: dibao_margin\n"),
        ("bomb.yaml", "a: &a [1]\nb: *a\n"),
    ],
)
def test_a_file_that_cannot_be_read_strictly_is_refused_with_its_place(cli, name, text):
    error = check(cli, text, name)
    assert name in error["where"]
    assert error["remedy"]


def test_a_file_of_ten_megabytes_is_refused_unread(cli):
    error = check(cli, '{"programme": "' + "x" * 10_000_000 + '"}')
    assert error["code"] == "too-large"


def test_no_value_of_a_faulty_field_is_repeated(cli, application):
    number = "310104199913324567"
    application["household"]["members"][0]["id_number"] = number
    application["household"]["members"][0]["phone"] = "13800138000"
    (cli.home / "a.json").write_text(json.dumps(application), encoding="utf-8")
    done = cli("check", "a.json")
    assert done.returncode == 2
    assert number not in done.stdout + done.stderr
    assert "13800138000" not in done.stdout + done.stderr
    assert application["household"]["members"][0]["name"] not in done.stdout + done.stderr
    assert "/household/members/0/id_number" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_missing_file_is_bad_input_and_is_named(cli):
    done = cli("check", "nowhere.yaml")
    assert done.returncode == 2
    assert "nowhere.yaml" in done.stderr


def test_standard_input_is_read_where_the_file_is_a_dash(cli):
    done = cli("check", "-", "--json", stdin="{}")
    assert done.returncode == 2
    assert ("/household", "missing") in faults(json.loads(done.stdout)["error"])
