"""The watch: a small program beside Airflow that notices, tells, and says how everything is.

`python -m billcopy watch` runs it. It depends on the database alone: neither on Airflow nor on a
bot. docs/alarms.md is its page.
"""
