"""What Airflow loads from this folder; everything else here is the package `billcopy`."""

from __future__ import annotations

from airflow.plugins_manager import AirflowPlugin

from billcopy.airflow_parts.run_note import RunNote


class BillCopyPlugin(AirflowPlugin):
    """Our part of Airflow's own processes."""

    name = "billcopy"
    listeners = [RunNote()]  # noqa: RUF012  as Airflow declares it
