"""The practice bank's customers and their invoices, the same on every machine and for ever.

About 200 accounts and 5,000 invoices, October 2024 to October 2026. A few accounts are written
by hand because the sample requests are about them; the others are drawn from a seed. Only
`Random.random` is used: it is the one method whose sequence Python promises to keep.
"""

import calendar
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from random import Random

from sandbox import names

SEED = 20241001
FIRST_MONTH = (2024, 10)
LAST_MONTH = (2026, 10)
ACCOUNTS = 200

BILL = "bill"
CREDIT_NOTE = "credit note"
PAID = "paid"
OPEN = "open"


@dataclass(frozen=True, kw_only=True)
class Account:
    """A customer of the bank's utility client. `email` is the address on file, if there is one."""

    number: str
    first_name: str
    surname: str
    postcode: str
    email: str | None

    @property
    def name(self) -> str:
        """First name and surname, as the portal shows them."""
        return f"{self.first_name} {self.surname}"


@dataclass(frozen=True, kw_only=True)
class Invoice:
    """One bill or credit note. Amounts are in pence; a credit note's is negative."""

    number: str
    account: str
    issued_on: date
    due_on: date
    kind: str
    status: str
    amount: int


@dataclass(frozen=True, kw_only=True)
class _Plan:
    """An account with what decides its invoices."""

    account: Account
    billing_day: int
    opened: tuple[int, int] = FIRST_MONTH
    closed: tuple[int, int] = LAST_MONTH
    extras: tuple[tuple[date, str], ...] = ()
    bills_a_month: int = 1


def _curated(
    number: str,
    first_name: str,
    surname: str,
    postcode: str,
    email: str | None,
    billing_day: int,
    *,
    opened: tuple[int, int] = FIRST_MONTH,
    extras: tuple[tuple[date, str], ...] = (),
    bills_a_month: int = 1,
) -> _Plan:
    account = Account(
        number=number, first_name=first_name, surname=surname, postcode=postcode, email=email
    )
    return _Plan(
        account=account,
        billing_day=billing_day,
        opened=opened,
        extras=extras,
        bills_a_month=bills_a_month,
    )


CURATED: tuple[_Plan, ...] = (
    _curated("3310487", "Harold", "Whitcombe", "LS6 2QT", "harold.whitcombe@example.org", 5),
    _curated("20411963", "Priya", "Raman", "M14 5TP", "priya.raman@example.com", 12),
    # Three numbers with the same digits inside: a search for the first lists all of them, and
    # the list is in the order of names, so the wanted one is not the first.
    _curated("4027310", "Margaret", "Ashdown", "YO31 8PQ", "m.ashdown@example.org", 17),
    _curated("94027310", "Adam", "Ashdown", "CF10 3AT", "adam.ashdown@example.net", 17),
    _curated("140273105", "Colette", "Barnaby", "EX4 4QJ", "colette.barnaby@example.com", 17),
    # 7718204 does not exist, but a search for it finds this one.
    _curated("77182045", "Rosalind", "Tate", "NE2 1XE", "rosalind.tate@example.org", 9),
    _curated(
        "60025518", "Owen", "Pritchard", "SA1 8EN", "owen.p@example.com", 21, opened=(2026, 1)
    ),
    _curated("5126609", "Seán", "O'Hara", "BT7 1NN", "sean.o'hara@example.org", 11),
    _curated("83300174", "Zoë", "Müller-Łukasik", "EH9 1PR", "zml@example.com", 23),
    _curated("7450021", "Edith", "Carmody", "PL4 8AA", "edith.carmody@example.net", 1),
    _curated(
        "318845902",
        "Tomasz",
        "Wiśniewski",
        "B29 6BD",
        "t.wisniewski@example.org",
        14,
        extras=((date(2026, 2, 14), BILL),),
    ),
    _curated("6093377", "Grace", "Oyelaran", "SE15 5EB", "grace.oyelaran@example.com", 20),
    _curated(
        "41907736",
        "Ingrid",
        "Solheim",
        "AB24 3FX",
        "ingrid.solheim@example.org",
        8,
        extras=((date(2025, 7, 22), CREDIT_NOTE),),
    ),
    _curated("9204415", "Walter", "Kettering", "NR3 3SN", None, 16),
    _curated("55318020", "Noor", "Haddad", "LE2 0QD", "noor.haddad@example.net", 3),
    _curated("2870954", "Beatrice", "Lund", "BS3 1NE", None, 19),
    _curated("70216648", "Callum", "D'Arcy", "G12 8QQ", "callum.darcy@example.com", 26),
    _curated("815033276", "Amara", "Okonkwo", "CB4 1HE", "amara.okonkwo@example.org", 6),
    _curated("1195027", "Lucía", "Fernández", "OX4 2LB", "lucia.fernandez@example.net", 13),
    _curated("100482937", "Oluwaseun", "Adéyẹmí", "RG1 5EX", "o.adeyemi@example.com", 22),
    _curated("6651208", "Nguyễn", "Thị Ánh", "HU5 2NH", "anh.nguyen@example.org", 31),
    # Two bills a month, so two years hold more than any one request may send.
    _curated(
        "72045513",
        "Brackenfell",
        "Community Hall",
        "CA11 7JP",
        "office@brackenfell.example",
        10,
        bills_a_month=2,
    ),
)

_FIRST_NAMES = names.FIRST_NAMES.split()
_SURNAMES = names.SURNAMES.split()
_AREAS = names.POSTCODE_AREAS.split()
_LETTERS = "ABDEFGHJLNPQRSTUWXYZ"
_ASCII = str.maketrans("áéíóúçøłńŁÁ", "aeioucolnLA")


@cache
def accounts(seed: int = SEED) -> tuple[Account, ...]:
    """All accounts, the hand-written ones first."""
    return tuple(plan.account for plan in _plans(seed))


@cache
def invoices(seed: int = SEED) -> tuple[Invoice, ...]:
    """All invoices by date; the number's last part counts through the year of issue."""
    rng = Random(seed + 1)
    rows = sorted(
        (
            (issued_on, plan.account.number, kind)
            for plan in _plans(seed)
            for issued_on, kind in _issues(plan)
        ),
    )
    in_year: dict[int, int] = {}
    result = []
    for issued_on, account, kind in rows:
        in_year[issued_on.year] = in_year.get(issued_on.year, 0) + 1
        result.append(_invoice(rng, in_year[issued_on.year], issued_on, account, kind))
    return tuple(result)


def _invoice(rng: Random, ordinal: int, issued_on: date, account: str, kind: str) -> Invoice:
    amount = 1800 + int(rng.random() * 24000)
    unpaid = 0.5 if (issued_on.year, issued_on.month) == LAST_MONTH else 0.04
    return Invoice(
        number=f"INV-{issued_on.year}-{ordinal:06d}",
        account=account,
        issued_on=issued_on,
        due_on=issued_on + timedelta(days=21),
        kind=kind,
        status=OPEN if rng.random() < unpaid else PAID,
        amount=-amount // 4 if kind == CREDIT_NOTE else amount,
    )


@cache
def _plans(seed: int) -> tuple[_Plan, ...]:
    rng = Random(seed)
    plans = list(CURATED)
    taken = {plan.account.number for plan in plans}
    while len(plans) < ACCOUNTS:
        plan = _drawn(rng, len(plans))
        # 7718204 must stay unknown, and no drawn number may fall among the look-alikes.
        if plan.account.number in taken or "402731" in plan.account.number:
            continue
        if "7718204" in plan.account.number:
            continue
        taken.add(plan.account.number)
        plans.append(plan)
    return tuple(plans)


def _drawn(rng: Random, ordinal: int) -> _Plan:
    digits = 7 + int(rng.random() * 3)
    number = str(10 ** (digits - 1) + int(rng.random() * 9 * 10 ** (digits - 1)))
    first_name, surname = _pick(rng, _FIRST_NAMES), _pick(rng, _SURNAMES)
    local = f"{first_name}.{surname}".translate(_ASCII).casefold()
    local = "".join(c for c in local if c.isascii() and (c.isalnum() or c in ".-"))
    account = Account(
        number=number,
        first_name=first_name,
        surname=surname,
        postcode=_postcode(rng),
        email=None if rng.random() < 0.05 else f"{local}{ordinal}@example.com",
    )
    late = rng.random() < 0.04
    opened = (2025, 1 + int(rng.random() * 12)) if late else FIRST_MONTH
    billing_day = 1 + int(rng.random() * 28)
    extras: tuple[tuple[date, str], ...] = ()
    if rng.random() < 0.2:
        day = date(2026, 1, 1) + timedelta(days=int(rng.random() * 270))
        extras = ((day, CREDIT_NOTE),)
    return _Plan(account=account, billing_day=billing_day, opened=opened, extras=extras)


def _issues(plan: _Plan) -> Sequence[tuple[date, str]]:
    year, month = plan.opened
    issues = list(plan.extras)
    while (year, month) <= plan.closed:
        day = min(plan.billing_day, calendar.monthrange(year, month)[1])
        issues += [(date(year, month, day), BILL)] * plan.bills_a_month
        year, month = (year + 1, 1) if month == 12 else (year, month + 1)
    return issues


def _postcode(rng: Random) -> str:
    area, district = _pick(rng, _AREAS), 1 + int(rng.random() * 28)
    unit = _pick(rng, _LETTERS) + _pick(rng, _LETTERS)
    return f"{area}{district} {1 + int(rng.random() * 9)}{unit}"


def _pick(rng: Random, choices: Sequence[str]) -> str:
    return choices[int(rng.random() * len(choices))]
