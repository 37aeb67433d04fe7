"""What any practice portal is started with."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

SERVICE_USER = "svc-billcopy"
CLERK = "clerk"


@dataclass(frozen=True, kw_only=True)
class Options:
    """`passwords` maps user to password; a user without one cannot sign in.

    `time_zone` is the zone of the times on the pages, `page_size` the rows of a list's page,
    `sent_log_lag_seconds` how late the portal shows that it sent something.
    """

    data_dir: Path
    passwords: dict[str, str] = field(repr=False)
    smtp_host: str = "127.0.0.1"
    smtp_port: int = 1025
    time_zone: str = "America/Chicago"
    page_size: int = 10
    session_minutes: float = 15.0
    sent_log_lag_seconds: float = 1.0
