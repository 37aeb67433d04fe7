"""The second practice portal: OfficeLink of the made-up Harbour Mutual, unlike the first.

Two frames, one address for every action, fields without labels, days as dd.mm.yyyy, and no list of
what was sent: only a note on the invoice, to the minute. It proves that the portal contract is not
made to measure for one site.
"""

from sandbox.harbour_portal.server import HarbourPortal, running
from sandbox.portal_parts.options import CLERK, SERVICE_USER, Options

__all__ = ["CLERK", "SERVICE_USER", "HarbourPortal", "Options", "running"]
