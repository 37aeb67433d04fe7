"""Fixtures by part; each file says what it starts and what it costs."""

import importlib.util

PARTS = ("database_fixtures", "portal_fixtures", "secrets_fixtures", "bot_fixtures", "cli_fixtures", "airflow_fixtures")

pytest_plugins = [
    f"tests.{part}" for part in PARTS if importlib.util.find_spec(f"tests.{part}") is not None
]
