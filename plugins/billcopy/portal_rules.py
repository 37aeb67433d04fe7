"""What a portal folder may contain: the contract, the permitted words, and why others are not.

Deny by default. A keyword that is not listed here is not permitted, however harmless it looks; the
list grows by a change that somebody reviews. Pure: names and texts in, reasons out.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class ContractKeyword:
    """A keyword that every portal folder defines."""

    name: str
    arguments: tuple[str, ...] = ()
    secret: int | None = None
    """The argument that must be typed `Secret`, by position."""


CONTRACT = (
    ContractKeyword(name="Sign In", arguments=("username", "password"), secret=1),
    ContractKeyword(name="Sign Out"),
    ContractKeyword(name="Known Pop Ups"),
    ContractKeyword(name="Find Account", arguments=("account",)),
    ContractKeyword(name="List Invoices", arguments=("period_from", "period_to")),
    ContractKeyword(name="Open Send Form", arguments=("invoice", "recipient")),
    ContractKeyword(name="Read Send Form"),
    ContractKeyword(name="Press Send"),
    ContractKeyword(name="Read Confirmation"),
    ContractKeyword(name="Read Sent Log", arguments=("account", "since", "invoices")),
)
READ_WHOLE_SENT_LOG = "Read Whole Sent Log"
# What a folder may define as well, and what it is good for stands in docs/portals.md.
OPTIONAL = (ContractKeyword(name=READ_WHOLE_SENT_LOG, arguments=("since",)),)
PRESS_SEND = "Press Send"
CONTRACT_RESOURCE = "portal_contract.resource"

TAKES_SECRET = ("Fill Secret", "Type Secret")
BROWSER = (
    "Add Locator Handler Click",
    "Check Checkbox",
    "Clear Text",
    "Click",
    "Click With Options",
    "Close Page",
    "Deselect Options",
    "Fill Secret",
    "Fill Text",
    "Focus",
    "Get Attribute",
    "Get Checkbox State",
    "Get Element",
    "Get Element By",
    "Get Element By Role",
    "Get Element Count",
    "Get Element States",
    "Get Page Ids",
    "Get Select Options",
    "Get Selected Options",
    "Get Text",
    "Get Title",
    "Get Url",
    "Go To",
    "Hover",
    "Keyboard Key",
    "Press Keys",
    "Scroll To Element",
    "Select Options By",
    "Switch Page",
    "Type Secret",
    "Type Text",
    "Uncheck Checkbox",
    "Wait For Elements State",
    "Wait For Load State",
    "Wait For Navigation",
    "Wait Until Network Is Idle",
)
BUILT_IN = (
    "Catenate",
    "Create Dictionary",
    "Create List",
    "Get Length",
    "No Operation",
    "Set Variable",
    "Should Be Empty",
    "Should Be Equal",
    "Should Contain",
    "Should Match",
    "Should Not Be Empty",
    "Should Not Be Equal",
    "Should Not Contain",
)
OURS = (
    "Read Fields",
    "Read Rows",
    "Read Text",
    "Account Not Found",
    "No Address On File",
    "Page Is Not As Expected",
    "Portal Is Down",
    "Session Has Expired",
    "Sign In Refused",
)
# The flow opens and closes these itself; a folder's keyword of such a name would take their place.
FLOW_USES = ("Close Browser", "Close Context", "New Browser", "New Context", "New Page")

_BECAUSE = {
    "code": "runs code; a portal folder has none",
    "again": "loads a page again, which after sending would send again",
    "context": "opens what the network guard does not cover; contexts and pages are the bot's own",
    "wait": "waits for a time; wait for a state (Wait For Elements State)",
    "hide": "hides a failure; say what happened with a typed outcome",
    "dynamic": "calls a keyword that this check cannot see",
    "leak": "could write down what it must not",
    "dialog": "native dialogs are answered by the bot (native_dialogs in profile.yaml)",
    "outcome": "says nothing about what happened; use a typed outcome (docs/portals.md)",
    "scope": "changes what other keywords see; use VAR and RETURN",
}
KNOWN_BAD = {
    **dict.fromkeys(("Evaluate", "Evaluate JavaScript", "Call Method", "Add Style Tag"), "code"),
    **dict.fromkeys(("Add Script Tag", "Wait For Function", "Wait For Condition"), "code"),
    **dict.fromkeys(("Reload", "Go Back", "Go Forward"), "again"),
    **dict.fromkeys((*FLOW_USES, "New Persistent Context", "Connect To Browser"), "context"),
    **dict.fromkeys(("Http", "Download", "Promise To", "Switch Context"), "context"),
    "Sleep": "wait",
    **dict.fromkeys(("Run Keyword And Ignore Error", "Run Keyword And Return Status"), "hide"),
    **dict.fromkeys(("Run Keyword And Expect Error", "Wait Until Keyword Succeeds"), "hide"),
    **dict.fromkeys(("Run Keyword", "Run Keywords", "Run Keyword If"), "dynamic"),
    **dict.fromkeys(("Import Library", "Import Resource", "Import Variables"), "dynamic"),
    **dict.fromkeys(("Log", "Log To Console", "Log Many", "Log Variables"), "leak"),
    **dict.fromkeys(("Take Screenshot", "Get Property", "Get Aria Snapshot"), "leak"),
    **dict.fromkeys(("Get Page Source", "Set Log Level", "Set Test Message"), "leak"),
    **dict.fromkeys(("Wait For Request", "Wait For Response"), "leak"),
    **dict.fromkeys(("Handle Future Dialogs", "Wait For Alert", "Wait For Alerts"), "dialog"),
    **dict.fromkeys(("Fail", "Fatal Error", "Skip", "Pass Execution"), "outcome"),
    **dict.fromkeys(("Set Suite Variable", "Set Global Variable", "Set Test Variable"), "scope"),
}

# Browser's getters hand these to Python's eval.
EVALUATING_OPERATORS = {"validate", "then", "evaluate"}
_PLAIN_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_ ]*(: ?[A-Za-z]+)?|-?[0-9]+(\.[0-9]+)?")
_IN_CONDITION = re.compile(r"[$@&]\{([^{}]*)\}|\$([A-Za-z_][A-Za-z0-9_]*)")
_HARMLESS_NODES = (
    ast.Expression,
    ast.BoolOp,
    ast.boolop,
    ast.UnaryOp,
    ast.unaryop,
    ast.Compare,
    ast.cmpop,
    ast.Name,
    ast.Load,
    ast.Constant,
    ast.Subscript,
    ast.List,
    ast.Tuple,
)
_HARMLESS_CALLS = {"len"}


def normal(name: str) -> str:
    """A keyword or variable name as Robot compares it."""
    return re.sub(r"[\s_]", "", name).casefold()


PERMITTED = {normal(name) for name in (*BROWSER, *BUILT_IN, *OURS)}
_REASONS = {normal(name): _BECAUSE[why] for name, why in KNOWN_BAD.items()}
SHADOWS_NOTHING = PERMITTED | set(_REASONS)
"""Names a folder's own keyword must not have, besides those of the flow."""


def why_not_permitted(keyword: str) -> str:
    """Why a keyword that is not permitted is not, for the person who wrote it."""
    return _REASONS.get(normal(keyword), "is not among the keywords a portal folder may use")


def variable_problem(base: str) -> str | None:
    """What is wrong with the inside of `${…}`, if anything."""
    if base.startswith("{"):
        return "inline Python is code; a portal folder has none"
    if "{" in base:
        return "a variable's name is written out, not put together"
    if "." in base and not re.fullmatch(r"-?[0-9]+\.[0-9]+", base):
        return "attributes are not read; write ${row}[name] for an entry"
    if not _PLAIN_VARIABLE.fullmatch(base):
        return "a variable's name has letters, digits, spaces and underscores only"
    return None


def condition_problem(condition: str) -> str | None:
    """What is wrong with the condition of an IF or WHILE, which Robot gives to Python."""
    text = _IN_CONDITION.sub(
        lambda found: "_" + re.sub(r"\W", "_", found[1] or found[2]), condition
    )
    try:
        tree = ast.parse(text.strip(), mode="eval")
    except (SyntaxError, ValueError):
        return "is not a plain comparison"
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            if not (isinstance(node.func, ast.Name) and node.func.id in _HARMLESS_CALLS):
                return "calls something; compare only"
        elif isinstance(node, ast.Attribute):
            return "reads an attribute; compare only"
        elif not isinstance(node, _HARMLESS_NODES):
            return "is more than a comparison"
    return None
