"""Fixtures by part; each file says what it starts and what it costs."""

pytest_plugins = [
    "tests.airflow_fixtures",
    "tests.bot_fixtures",
    "tests.cli_fixtures",
    "tests.database_fixtures",
    "tests.portal_fixtures",
    "tests.secrets_fixtures",
]
