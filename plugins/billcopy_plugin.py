"""What Airflow loads from this folder; everything else here is the package `billcopy`."""

from __future__ import annotations

from airflow.plugins_manager import AirflowPlugin

from billcopy.airflow_parts.desk_mount import PREFIX, RESOURCE, Desk
from billcopy.airflow_parts.run_note import RunNote


class BillCopyPlugin(AirflowPlugin):
    """Our part of Airflow's own processes."""

    name = "billcopy"
    listeners = [RunNote()]  # noqa: RUF012  as Airflow declares it
    fastapi_apps = [  # noqa: RUF012
        {"app": Desk(), "url_prefix": PREFIX, "name": RESOURCE},
    ]
    external_views = [  # noqa: RUF012
        {
            "name": RESOURCE,
            "href": f"{PREFIX}/",
            "url_route": PREFIX.strip("/"),
            "destination": "nav",
            "nav_top_level": True,
        },
    ]
