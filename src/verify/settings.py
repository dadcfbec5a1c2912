"""Everything the environment decides, in one frozen object. Prefix `VERIFY_`."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Settings of one process. Every field is `VERIFY_<NAME>` in the environment."""

    model_config = SettingsConfigDict(env_prefix="VERIFY_", frozen=True, extra="ignore")

    home: Path = Field(default=Path("var"), description="Folder for the database and keys.")
    database_url: str = Field(
        default="", description="SQLAlchemy URL; empty: SQLite file `verify.db` in the home folder."
    )
    database_password_file: Path | None = Field(
        default=None, description="File with the database password, put into the URL."
    )
    postgres_bin: Path | None = Field(
        default=None,
        description="Folder with PostgreSQL's client programs (pg_dump, pg_restore), for "
        "`verify db backup` and `restore`; without it those of the server's version are found.",
    )
    content: Path | None = Field(
        default=None, description="Folder that holds connectors/, rules/ and scoring/."
    )
    jwks_file: Path | None = Field(
        default=None, description="Public keys (JWKS) whose bearer tokens are accepted."
    )
    jwt_issuer: str = Field(default="verify", description="Required `iss` of bearer tokens.")
    jwt_audience: str = Field(default="verify", description="Required `aud` of bearer tokens.")
    public_url: str = Field(
        default="http://127.0.0.1:8470", description="Address at which callers reach this service."
    )
    max_body_bytes: int = Field(default=1_000_000, description="Largest request body accepted.")
    ask_threads: int = Field(default=32, description="Questions to sources under way at once.")
    synthetic_ids: str = Field(
        default="",
        description="Beginnings of identity numbers that belong to nobody, as departments agreed, "
        "separated by commas; `10` always does. Sources are tried with no other numbers.",
    )
    answer_deadline_seconds: int = Field(
        default=30,
        description="After this long the household is judged with the answers that are in; "
        "missing sources go on being asked.",
    )
    auxiliary_grace_seconds: float = Field(
        default=1.0,
        description="So long the first verdict is held for auxiliary sources once all others have "
        "ended; what they say later makes a new verdict that follows.",
    )
    retry_seconds: int = Field(
        default=60, description="First pause before a source that did not answer is asked again."
    )
    retry_days: int = Field(default=14, description="How long a silent source is asked again.")
    master_key: SecretStr | None = Field(
        default=None,
        description="Master key of the evidence vault: base64 of 32 bytes; older keys after it.",
    )
    master_key_file: Path | None = Field(
        default=None,
        description="File with the master key; default `master.key` in the home folder.",
    )
    retention: str = Field(
        default="",
        description="Months that evidence is kept, as `REGION/PROGRAMME=MONTHS` terms with `*` for "
        "any; without a term nothing is erased.",
    )
    retention_runs: bool = Field(
        default=False,
        description="Whether a worker erases by itself what is past its retention; otherwise "
        "somebody runs `verify db erase --yes`.",
    )
    retention_seconds: float = Field(
        default=3600.0, gt=0, description="Pause between two looks for what is to be erased."
    )
    log_key_file: Path | None = Field(
        default=None,
        description="Private key that signs the log's checkpoints; default `log.key` in the home "
        "folder. Several workers of one database share it.",
    )
    log_hash: str = Field(default="sha256", description="Hash of the log's tree: sha256 or sm3.")
    witnesses: str = Field(
        default="",
        description="Who cosigns checkpoints, separated by spaces: `file:DIR` or `URL#KEY`; "
        "default: the folder `witness` in the home folder.",
    )
    witnesses_retired: str = Field(
        default="",
        description="Public keys of witnesses that were replaced, separated by spaces: what they "
        "cosigned still counts.",
    )
    witness_quorum: int = Field(
        default=0, description="How many of the witnesses a checkpoint needs; 0 means all."
    )
    witness_window_seconds: int = Field(
        default=4 * 3600,
        description="No verdict becomes final when something has stood unwitnessed for longer.",
    )
    checkpoint_seconds: float = Field(
        default=1.0, description="Pause between two checkpoints of the log."
    )
    min_free_mb: int = Field(
        default=200, description="Free space on the database's disk below which it is not ready."
    )
    traces: str = Field(
        default="",
        description="OTLP/HTTP address that spans are sent to (extra `traces`); empty: nowhere.",
    )
    judge_batch: int = Field(default=50, description="Households judged together at most.")

    @property
    def resolved_database_url(self) -> str:
        """The database URL with the embedded default and the password file applied."""
        if not self.database_url:
            return f"sqlite:///{(self.home / 'verify.db').absolute()}"
        if self.database_password_file is None:
            return self.database_url
        password = quote(self.database_password_file.read_text(encoding="utf-8").strip(), safe="")
        scheme, _, rest = self.database_url.partition("://")
        user, _, host = rest.partition("@")
        return f"{scheme}://{user}:{password}@{host}"

    @property
    def synthetic_ranges(self) -> tuple[str, ...]:
        """The declared beginnings of numbers that belong to nobody."""
        return tuple(r.strip() for r in self.synthetic_ids.split(",") if r.strip())
