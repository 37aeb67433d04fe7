"""What a portal folder may say went wrong. Each keyword ends the walk with one typed outcome."""

from __future__ import annotations

from robot.api.deco import keyword, library

from billcopy import errors
from billcopy.bot.context import fail


@library(scope="GLOBAL", auto_keywords=False)
class Outcomes:
    """Typed outcomes for portal folders.

    A keyword that only times out says "a page was not as expected". One of these says what, and
    decides what happens next: whether it is tried again, whether the bot signs in again, whether a
    person is told.
    """

    @keyword
    def sign_in_refused(self) -> None:
        """The portal refused the user name or the password.

        The bot reads the credential once more and tries again only if there is a newer one.
        """
        raise fail(errors.SignInRefused())

    @keyword
    def account_not_found(self) -> None:
        """The portal has no account with exactly this number. Not tried again."""
        raise fail(errors.AccountNotFound())

    @keyword
    def no_address_on_file(self) -> None:
        """The portal has no e-mail address for this customer, and none may be typed.

        This invoice cannot be sent; the request's other invoices go on.
        """
        raise fail(errors.NoAddressOnFile())

    @keyword
    def session_has_expired(self) -> None:
        """The portal asks to sign in again. The bot does so once and starts the request over."""
        raise fail(errors.SessionExpired())

    @keyword
    def portal_is_down(self) -> None:
        """The portal does not answer, or answers with an error of its own. Tried again later."""
        raise fail(errors.PortalDown())

    @keyword
    def page_is_not_as_expected(self, expected: str) -> None:
        """The page is another one than it should be; ``expected`` says which it should be.

        Never put a value of the request or the page into ``expected``. Tried again later.
        """
        raise fail(errors.PageDrift(f"Expected: {expected}"))
