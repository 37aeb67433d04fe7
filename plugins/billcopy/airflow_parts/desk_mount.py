"""The desk as Airflow's plugin names it: an application that is made when it is first asked for.

Every process of Airflow loads the plugin, a task's as well; only the api-server ever shows a page,
and only there the libraries for one are imported.
"""

from __future__ import annotations

from typing import Any

PREFIX = "/bill-copies"
RESOURCE = "Bill copies"
DOUBTS_RESOURCE = "Doubtful bill copies"


class Desk:
    """An ASGI application in front of the real one."""

    def __init__(self) -> None:
        self._app: Any = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer one request, as ASGI wants it."""
        if self._app is None:
            from billcopy.airflow_parts import desk_access

            self._app = desk_access.make_app()
        await self._app(scope, receive, send)
