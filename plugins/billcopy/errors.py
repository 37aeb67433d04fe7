"""Every way a request, a delivery or a command can end badly, each with a stable code.

Nobody branches on message text: Python catches the type, SQL and the screen use `code`, and the
plain words a person reads stand in the database's table `reasons`. `error_class` says what a
settlement does with it: "business" (a retry is useless), "application" (a retry may help),
"refused" (nothing went wrong, but nothing may be done now; costs no attempt).
"""

from __future__ import annotations

from typing import ClassVar, Literal

ErrorClass = Literal["business", "application", "refused"]


class BillCopyError(Exception):
    """What went wrong, in one sentence; the docstring is the default message."""

    code: ClassVar[str] = "ERROR"
    error_class: ClassVar[ErrorClass | None] = None
    ROBOT_SUPPRESS_NAME: ClassVar[bool] = True

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or (type(self).__doc__ or "").split("\n")[0])

    @property
    def message(self) -> str:
        """The sentence, without the code."""
        return str(self)


class InputError(BillCopyError):
    """A value breaks a rule; `field` names the value and `rule` what was broken."""

    code = "INPUT"

    def __init__(self, field: str, rule: str) -> None:
        super().__init__(f"{field}: {rule}")
        self.field = field
        self.rule = rule


class SettingsError(InputError):
    """A setting is missing or breaks a rule; `field` is its name in the environment."""

    code = "SETTINGS"


class DatabaseUnavailable(BillCopyError):
    """The database does not answer."""

    code = "DATABASE_UNAVAILABLE"


class IllegalTransition(BillCopyError):
    """This change of state is not allowed."""

    code = "ILLEGAL_TRANSITION"


class NotFound(BillCopyError):
    """There is no such thing."""

    code = "NOT_FOUND"


class AlreadyOpen(BillCopyError):
    """The same request is open already."""

    code = "REQUEST_ALREADY_OPEN"

    def __init__(self, message: str | None = None, *, request_id: int | None = None) -> None:
        super().__init__(message)
        self.request_id = request_id


class NotPermitted(BillCopyError):
    """This person or login may not do that."""

    code = "NOT_PERMITTED"


class LeaseLost(BillCopyError):
    """The lease on the request was lost: somebody else may hold it now. Write nothing more."""

    code = "LEASE_LOST"
    error_class = "refused"


# -- business errors: the portal or the customer's data says no; a retry would say the same -------


class BusinessError(BillCopyError):
    """The answer is no."""

    code = "BUSINESS"
    error_class = "business"


class AccountNotFound(BusinessError):
    """The portal has no account with exactly this number."""

    code = "ACCOUNT_NOT_FOUND"


class NothingFound(BusinessError):
    """The account has no invoice in this period."""

    code = "NO_INVOICES"


class NoAddressOnFile(BusinessError):
    """The portal has no e-mail address for this customer, and the request gives none."""

    code = "NO_ADDRESS"


class FormMismatch(BusinessError):
    """The send form shows another account, invoice or recipient than the request's."""

    code = "FORM_MISMATCH"


class CheckValueMismatch(BusinessError):
    """The check value is neither the customer's surname nor the postcode."""

    code = "CHECK_VALUE_MISMATCH"


# -- application errors: something is broken; later, or with a fresh browser, it may work ---------


class ApplicationError(BillCopyError):
    """Something did not work; it may work later."""

    code = "APPLICATION"
    error_class = "application"


class PortalDown(ApplicationError):
    """The portal does not answer, or answers with an error of its own."""

    code = "PORTAL_DOWN"


class PageDrift(ApplicationError):
    """The page is not as expected."""

    code = "PAGE_NOT_AS_EXPECTED"


class LocatorTimedOut(PageDrift):
    """What a keyword of the portal folder waited for did not come."""


class SessionExpired(ApplicationError):
    """The portal asked to sign in again."""

    code = "SESSION_EXPIRED"


class SignInRefused(ApplicationError):
    """The portal refused the user name or the password."""

    code = "SIGN_IN_REFUSED"


class BrowserLost(ApplicationError):
    """The browser is gone."""

    code = "BROWSER_LOST"


class AttemptTimedOut(ApplicationError):
    """The attempt took longer than it may."""

    code = "ATTEMPT_TIMED_OUT"


class Unexpected(ApplicationError):
    """A failure that nobody has given a name yet."""

    code = "UNEXPECTED"


# -- neither: nothing went wrong, but nothing may be sent now -------------------------------------


class Refused(BillCopyError):
    """The database refused the click; `code` says which rule did."""

    code = "REFUSED"
    error_class = "refused"

    def __init__(self, code: str, message: str | None = None) -> None:
        super().__init__(message or f"The click was refused: {code}.")
        self.refusal = code


class PortalLockBusy(BillCopyError):
    """Another bot holds this portal's one session."""

    code = "LOCK_BUSY"
    error_class = "refused"


# -- Vault: infrastructure, so nothing was claimed and nothing may be tried on the portal ---------


class VaultError(ApplicationError):
    """Vault did not give what was asked."""

    code = "VAULT"


class VaultUnavailable(VaultError):
    """Vault does not answer, or not as Vault does."""

    code = "VAULT_UNAVAILABLE"


class VaultSealed(VaultError):
    """Vault is sealed: somebody with a key has to unseal it."""

    code = "VAULT_SEALED"


class VaultDenied(VaultError):
    """Vault refused: the token, the SecretID or the path is not allowed (any more)."""

    code = "VAULT_DENIED"


class WrappingInvalid(VaultError):
    """The wrapped SecretID was not ours alone: somebody else may hold it. A security incident."""

    code = "VAULT_WRAPPING_INVALID"


class CredentialMissing(VaultError):
    """There is no secret at this path."""

    code = "VAULT_PATH_MISSING"


class CredentialIncomplete(VaultError):
    """The secret lacks a key that it needs."""

    code = "VAULT_KEYS_MISSING"


class ProofUsed(BillCopyError):
    """This row of the portal's log proves another delivery already."""

    code = "PROOF_USED"
    error_class = "refused"
