"""Fixtures by part; each file says what it starts and what it costs.

A part stands after those whose fixtures it imports: pytest must load a plugin before anybody does.
"""

pytest_plugins = [
    "tests.database_fixtures",
    "tests.portal_fixtures",
    "tests.secrets_fixtures",
    "tests.bot_fixtures",
    "tests.cli_fixtures",
    "tests.airflow_fixtures",
    "tests.desk_fixtures",
    "tests.alarm_fixtures",
]
