"""The bank in miniature: everything a fresh laptop lacks, started by one command.

Nothing under dags/, plugins/ or robot/resources/ knows that this exists: everything reaches it by
the same settings as the real thing.
"""
