"""Reading a YAML mapping key by key, so that every complaint names file, key and rule."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from billcopy.errors import InputError

_MISSING = object()


class Keys:
    """One mapping of a file; remembers which keys were asked for, to find the others."""

    def __init__(self, file: Path, content: object, within: str = "") -> None:
        self._file = file
        self._within = within
        if not isinstance(content, dict):
            where = within.rstrip(".") or "the file"
            raise InputError(str(file), f"{where}: must be a mapping of keys to values")
        self._content = content
        self._asked: set[str] = set()

    def complain(self, key: str, rule: str) -> NoReturn:
        """Refuse the file because of this key.

        Raises:
            InputError: always.
        """
        raise InputError(str(self._file), f"{self._within}{key}: {rule}")

    def no_others(self) -> None:
        """Refuse keys that nobody asked for.

        Raises:
            InputError: there is one; the message names the nearest known key.
        """
        for key in self._content:
            if key not in self._asked:
                near = difflib.get_close_matches(str(key), self._asked, n=1)
                cure = f"; did you mean {near[0]}?" if near else ""
                self.complain(str(key), f"is not known here{cure}")

    def text(self, key: str, *, default: str | None = None) -> str:
        """A non-empty string."""
        value = self._get(key, _MISSING if default is None else default)
        if not isinstance(value, str) or (not value.strip() and value != default):
            self.complain(key, "must be a text; put it in quotes if it looks like a number")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of strings; it may be empty, but must be there."""
        value = self._get(key)
        if not isinstance(value, list) or not all(isinstance(one, str) and one for one in value):
            self.complain(key, "must be a list of texts ([] if there is none)")
        return tuple(value)

    def regex(self, key: str) -> str:
        """A regular expression, matched against the whole text."""
        value = self.text(key)
        try:
            re.compile(value)
        except re.error as error:
            self.complain(key, f"is no regular expression: {error}")
        return value

    def choice(self, key: str, choices: Sequence[str], *, default: str | None = None) -> str:
        """One of a few words."""
        value = self._get(key, _MISSING if default is None else default)
        if value not in choices:
            self.complain(key, f"must be one of {', '.join(choices)}")
        return str(value)

    def number(self, key: str, *, least: float, most: float, default: float | None = None) -> float:
        """A number within bounds."""
        value = self._get(key, _MISSING if default is None else default)
        if isinstance(value, bool) or not isinstance(value, int | float):
            self.complain(key, "must be a number")
        if not least <= value <= most:
            self.complain(key, f"must be between {least} and {most}")
        return float(value)

    def keys(self, key: str) -> Keys:
        """A mapping below this key."""
        return Keys(self._file, self._get(key), f"{self._within}{key}.")

    def optional_keys(self, key: str) -> Keys | None:
        """A mapping below this key, or None where it is missing or empty."""
        return None if self._get(key, None) is None else self.keys(key)

    def list_of_keys(self, key: str) -> list[Keys]:
        """A list of mappings, at least one."""
        value = self._get(key)
        if not isinstance(value, list) or not value:
            self.complain(key, "must be a list with at least one entry")
        return [
            Keys(self._file, one, f"{self._within}{key}[{number}].")
            for number, one in enumerate(value, 1)
        ]

    def _get(self, key: str, default: object = _MISSING) -> object:
        self._asked.add(key)
        value = self._content.get(key, default)
        if value is _MISSING:
            self.complain(key, "is missing")
        return value
