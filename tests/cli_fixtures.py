"""The command line, in this process, against a test's own database."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from billcopy.cli.app import app
from tests.database_fixtures import Database

Run = Callable[..., Result]


@pytest.fixture
def billcopy(database: Database, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command as somebody at a terminal would: `billcopy("status", "--json")`."""
    settings = database.settings
    for name, value in {
        "DATABASE_HOST": settings.database_host,
        "DATABASE_PORT": settings.database_port,
        "DATABASE_NAME": settings.database_name,
        "PGPASS_FILE": settings.pgpass_file,
        "WORK_DIR": settings.work_dir,
        "EVIDENCE_URL": settings.evidence_url,
        "SETTINGS_FILE": "/dev/null",
        "ACTOR": "casey",
    }.items():
        monkeypatch.setenv(f"BILLCOPY_{name}", str(value))
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("NO_COLOR", "1")

    def run(*words: object, code: int = 0) -> Result:
        result = CliRunner().invoke(app, [str(word) for word in words])
        assert result.exit_code == code, (result.exit_code, result.output, result.exception)
        return result

    return run


def answer(result: Result) -> Any:
    """What a command printed as JSON."""
    return json.loads(result.stdout)
