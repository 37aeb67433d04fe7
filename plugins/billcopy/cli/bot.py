"""The command that starts the bot without Airflow."""

from __future__ import annotations

COMMANDS: tuple[()] = ()
