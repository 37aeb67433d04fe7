"""The fault switchboard: every way in which we have seen a portal misbehave, played on demand."""

from __future__ import annotations

from pydantic import Field

from sandbox.portal_parts.switchboard import CommonFaults

OTHER_LABELS = {
    "Search": "Find",
    "List": "Go",
    "Show": "Display",
    "E-mail copy": "Send duplicate",
    "Send e-mail": "Dispatch",
    "Send to": "Deliver to",
    "Continue": "Proceed",
}


class Faults(CommonFaults):
    """What this portal can play besides what all of them can."""

    native_alert: bool | str = False
    """Each page opens a JavaScript alert; a text is a path it is limited to."""
    late_button_ms: int = Field(default=0, ge=0, le=600_000)
    """*E-mail copy* and *Send e-mail* appear that much later than their page."""
    rerender_ms: int = Field(default=0, ge=0, le=600_000)
    """*E-mail copy* and *Send e-mail* are taken out and put in anew that much later."""
    popup_title: str = ""
    """What the overlay asks instead of its usual question: one the portal folder does not know."""
    relabelled: bool | dict[str, str] = False
    """Buttons and labels carry other words: the usual other ones, or these (old to new)."""

    def label(self, text: str) -> str:
        """What the page says instead of this button or label."""
        if self.relabelled is False:
            return text
        words = OTHER_LABELS if self.relabelled is True else self.relabelled
        return words.get(text, text)
