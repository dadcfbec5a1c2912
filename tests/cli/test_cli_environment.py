from __future__ import annotations

import pytest

from verify.cli.environment import (
    SOURCES_FILE,
    read_env_file,
    source_environment,
    write_env_file,
)
from verify.domain.errors import InputError


def test_what_is_written_is_read_back_and_only_the_owner_may_read_it(tmp_path):
    file = tmp_path / "new" / "sources.env"
    values = {"VERIFY_TAX_URL": "http://127.0.0.1:1", "VERIFY_TAX_SECRET": "a=b #c"}
    write_env_file(file, values)
    assert read_env_file(file) == values
    assert file.stat().st_mode & 0o077 == 0


def test_a_broken_line_is_named_by_number_and_never_shown(tmp_path):
    file = tmp_path / "x.env"
    file.write_text("# fine\nA=1\nsecret-without-name\n", encoding="utf-8")
    with pytest.raises(InputError) as caught:
        read_env_file(file)
    assert caught.value.where.endswith(":3")
    assert "secret-without-name" not in str(caught.value)


def test_the_environment_goes_before_the_file(tmp_path, monkeypatch):
    write_env_file(tmp_path / SOURCES_FILE, {"VERIFY_TAX_URL": "file", "VERIFY_BANK_URL": "file"})
    monkeypatch.setenv("VERIFY_TAX_URL", "environment")
    found = source_environment(tmp_path, None)
    assert found["VERIFY_TAX_URL"] == "environment"
    assert found["VERIFY_BANK_URL"] == "file"


def test_a_named_file_must_be_there_and_the_default_one_need_not(tmp_path):
    assert source_environment(tmp_path, None)
    with pytest.raises(InputError):
        source_environment(tmp_path, tmp_path / "nowhere.env")
