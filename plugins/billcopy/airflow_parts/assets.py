"""The asset that says: there are requests to work on. Its watcher listens to the database."""

from __future__ import annotations

from airflow.sdk import Asset, AssetAlias, AssetWatcher

from billcopy.airflow_parts.trigger import SubmittedRequestsTrigger


def submitted_requests(portal: str) -> Asset:
    """Requests of this portal can be claimed."""
    return Asset(
        name=f"submitted_requests_{portal}",
        uri=f"x-billcopy://requests/{portal}",
        watchers=[
            AssetWatcher(
                name=f"submissions_{portal}", trigger=SubmittedRequestsTrigger(portal=portal)
            )
        ],
    )


def more_requests(portal: str) -> AssetAlias:
    """What a run announces at its end if it leaves requests that could be claimed at once."""
    return AssetAlias(name=f"more_requests_{portal}")
