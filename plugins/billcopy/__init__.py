"""Copies of old bills out of a bank's web portal: the domain package.

One module per responsibility; docs/glossary.md has the words. Only `airflow_parts` imports Airflow.
"""
