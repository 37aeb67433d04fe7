"""Where an attempt stopped, told so that somebody can mend it: page, keyword, expected, on screen.

What a page shows is customers' data unless it can be told apart. So of a page only the names of its
controls are written down, and only such as no customer can be in: see `_is_plain`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from billcopy.bot.trail import Stop
from billcopy.masking import MASK, Masker

MOST_NAMES = 12
LONGEST_NAME = 60
_KEYWORD_FILES = ("*.resource", "*.yaml")
_WORD = re.compile(r"[^\W\d_]+")
_NAME_OF_LOCATOR = re.compile(
    r"""(?:name=|text=|text-is\(|text\()["'“]?([^"'”\])]+)|["“]([^"”]+)["”]"""
)


def vocabulary(folder: Path) -> frozenset[str]:
    """The words that the portal folder's files use: none of them is a customer's."""
    files = (file for pattern in _KEYWORD_FILES for file in sorted(folder.glob(pattern)))
    text = "\n".join(file.read_text(encoding="utf-8") for file in files)
    return frozenset(word.casefold() for word in _WORD.findall(text))


def report(
    stop: Stop | None,
    screen: Mapping[str, Any] | None,
    *,
    known: frozenset[str],
    masker: Masker,
    replay: str | None,
) -> dict[str, Any]:
    """The failure as a row of `steps` holds it.

    Args:
        stop: the keyword that failed; None: none did.
        screen: what `screenOfPage` in reading.js returned; None: no page could be asked.
        known: the portal folder's `vocabulary`.
        masker: knows the values of the request in hand.
        replay: the command that walks there again.
    """
    told: dict[str, Any] = {}
    if screen is not None:
        told["page"] = path_of(str(screen.get("url", "")), masker)
        told["title"] = title_of(str(screen.get("title", "")), known=known, masker=masker)
    if stop is not None:
        told["keyword"] = str(stop.place)
        told["through"] = [str(place) for place in stop.through[-6:]]
        told["expected"] = [masker.masked(one) for one in stop.expected[:6]]
    if screen is not None:
        wanted = " ".join(stop.expected) if stop else ""
        told |= _on_screen(screen.get("controls") or [], wanted, known=known, masker=masker)
    if replay:
        told["replay"] = replay
    return told


def sentence(told: Mapping[str, Any]) -> str:
    """The report on one line, for the log."""
    parts = [f"stopped at {told.get('keyword', 'an unknown step')}"]
    if told.get("page"):
        parts.append(f"on {told['page']}")
    if told.get("expected"):
        parts.append(f"expected {', '.join(told['expected'])}")
    if told.get("on_screen"):
        parts.append(f"on screen: {', '.join(told['on_screen'][:5])}")
    return "; ".join(parts)


def path_of(url: str, masker: Masker) -> str:
    """The address without query; what holds a digit, or a value of the request, is hidden."""
    steps = unquote(urlsplit(url).path).split("/")
    hidden = [MASK if re.search(r"\d|@", step) else masker.masked(step) for step in steps]
    return "/".join(hidden)[:200]


def title_of(text: str, *, known: frozenset[str], masker: Masker) -> str:
    """The page's title, of which only words of the portal folder are shown."""
    shown = (word if word.casefold() in known else MASK for word in _WORD.findall(text))
    return masker.masked(re.sub(rf"({MASK} ?)+", f"{MASK} ", " ".join(shown)).strip())[:200]


def _on_screen(
    controls: Iterable[Mapping[str, Any]], wanted: str, *, known: frozenset[str], masker: Masker
) -> dict[str, Any]:
    found: dict[str, float] = {}
    hidden = 0
    for one in controls:
        role, name = str(one.get("role", "")), str(one.get("name", "")).strip()
        name = re.sub(r"\d+", MASK, masker.masked(name))
        if not _is_plain(role, name, in_row=bool(one.get("in_row")), known=known):
            hidden += 1
            continue
        shown = f"{role} “{name[:LONGEST_NAME]}”" if name else f"{role} without a name"
        found[shown] = _nearness(role, name, wanted)
    nearest = sorted(found, key=lambda shown: -found[shown])
    return {
        "on_screen": nearest[:MOST_NAMES],
        **({"more_on_screen": len(nearest) - MOST_NAMES} if len(nearest) > MOST_NAMES else {}),
        **({"not_shown_as_it_may_be_data": hidden} if hidden else {}),
    }


def _is_plain(role: str, name: str, *, in_row: bool, known: frozenset[str]) -> bool:
    """Whether a control's name can be no customer's.

    All its words stand in the portal folder's files; or it is no part of a list's row, and is not
    written as a person's name is: several words that all begin with a capital, a lone word that
    links somewhere, capitals throughout.
    """
    words = _WORD.findall(name)
    strange = [word for word in words if word.casefold() not in known]
    if not strange:
        return MASK not in name
    if in_row or MASK in name or (role == "link" and len(words) == 1):
        return False
    if any(word.isupper() for word in strange):
        return False
    return not any(word[0].isupper() for word in words[1:] if word in strange)


def _nearness(role: str, name: str, wanted: str) -> float:
    names = [a or b for a, b in _NAME_OF_LOCATOR.findall(wanted)] or [wanted]
    alike = max(SequenceMatcher(None, name.casefold(), one.casefold()).ratio() for one in names)
    return alike + (0.5 if role and f"role={role}" in wanted else 0.0)
