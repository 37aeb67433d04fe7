"""The practice portal: a stubborn little billing site of a bank that does not exist.

Server-rendered as in 2009, it really sends e-mail with a PDF and misbehaves on demand. See
`faults.py` for the ways, `users.py` for who may do what.
"""

from sandbox.practice_portal.options import CLERK, SERVICE_USER, Options
from sandbox.practice_portal.server import PracticePortal, running

__all__ = ["CLERK", "SERVICE_USER", "Options", "PracticePortal", "running"]
