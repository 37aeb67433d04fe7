"""Reading many values of a page in one round trip, without any JavaScript in a portal folder."""

from __future__ import annotations

from typing import Any

from robot.api.deco import keyword, library
from robot.libraries.BuiltIn import BuiltIn

from billcopy.bot.context import fail
from billcopy.errors import PageDrift


@library(scope="GLOBAL", auto_keywords=False)
class Reading:
    """Tables and forms as dictionaries."""

    @keyword
    def read_text(self, selector: str) -> str:
        """Returns the text of the one element that ``selector`` finds, as soon as it is there.

        Runs of white space become one space. Four times as fast as ``Get Text``, which asks the
        browser several questions; frames as in `Read Rows`.

        | ${heading} =    `Read Text`    css=h1
        """
        answer = self._javascript("textOfPage", selector=selector)
        return str(answer["text"])

    @keyword
    def read_rows(self, *, rows: str, **columns: str) -> list[dict[str, str]]:
        """Returns one dictionary per element that ``rows`` finds; an empty list if there is none.

        ``rows`` is a selector as in the Browser library, frames included (``frame >>> row``). Each
        column is a name and a CSS selector below the row; ``@name`` behind it reads an attribute
        instead of what is shown, and an empty selector the row itself.

        | ${rows} =    `Read Rows`    rows=css=#list tbody tr    number=td:nth-child(1)    to=a@href

        It does not wait: make sure first that the page is the right one.
        """
        found: list[dict[str, str]] = self._javascript("rowsOfPage", rows=rows, columns=columns)
        return found

    @keyword
    def read_fields(self, **fields: str) -> dict[str, str]:
        """Returns a dictionary of what the page shows in each field.

        Each field is a name and a selector as in the Browser library. Of an input its value is
        read, of a selection list the chosen text, of anything else the text. A field that is not
        there, or is there twice, ends the walk: the page is not as expected.

        | ${form} =    `Read Fields`    account=id=account    recipient=text=Send to >> input
        """
        answer = self._javascript("fieldsOfPage", fields=fields)
        values: dict[str, str | None] = answer["values"]
        for name, value in values.items():
            if value is None:
                often = "more than once" if name in answer["several"] else "not"
                raise fail(PageDrift(f"The field “{name}” is {often} on the page."))
        return {name: value or "" for name, value in values.items()}

    def _javascript(self, name: str, **arguments: object) -> Any:
        browser: Any = BuiltIn().get_library_instance("Browser")
        return browser.call_js_keyword(name, **arguments)
