"""The static check: what a portal folder must not hold, and what it is told instead."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from billcopy.portal_check import defines, static_findings

PORTALS = Path(__file__).resolve().parents[2] / "robot" / "portals"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(PORTALS / "practice", tmp_path / "practice"))


def rules(folder: Path) -> list[str]:
    return [one.rule for one in static_findings(folder)]


def with_keyword(folder: Path, *lines: str, before: str = "") -> Path:
    text = "*** Settings ***\nResource    portal_contract.resource\n" + before
    text += "*** Keywords ***\nMy Keyword\n" + "".join(f"    {line}\n" for line in lines)
    (folder / "mine.resource").write_text(text)
    return folder


@pytest.mark.parametrize("name", ["practice", "_template"])
def test_our_own_folders_keep_the_rules(name: str) -> None:
    assert static_findings(PORTALS / name) == []


def test_a_finding_says_file_line_and_rule(folder: Path) -> None:
    with_keyword(folder, "No Operation", "Sleep    2 s")
    [finding] = static_findings(folder)
    assert str(finding).startswith(f"{folder / 'mine.resource'}:6: “Sleep” waits for a time")


FORBIDDEN = {
    "evaluate": (["Evaluate    1 + 1"], "runs code"),
    "javascript": (["Evaluate JavaScript    ${None}    () => 1"], "runs code"),
    "spelled otherwise": (["evaluate_java script    ${None}    x"], "runs code"),
    "reload": (["Reload"], "loads a page again"),
    "back": (["Go Back"], "loads a page again"),
    "context": (["New Context"], "network guard"),
    "http": (["Http    /x"], "network guard"),
    "sleep": (["Sleep    1"], "wait for a state"),
    "dynamic": (["Run Keyword    Click    x"], "cannot see"),
    "dynamic in a branch": (["IF    True    Run Keywords    Click"], "cannot see"),
    "import": (["Import Library    OperatingSystem"], "cannot see"),
    "log": (["Log    ${x}"], "write down"),
    "fail": (["Fail    no"], "typed outcome"),
    "unknown": (["Do Something"], "not among the keywords"),
    "flow keyword": (["Begin Delivery    ${x}"], "not among the keywords"),
    "press send": (["Press Send"], "nobody but the flow"),
    "click what press send clicks": (['Click    role=button[name="Send e-mail"]'], "nothing else"),
    "inline python": (["Go To    ${{ 1 + 1 }}"], "inline Python"),
    "attribute": (["Go To    ${x.value}"], "attributes are not read"),
    "attribute in return": (["RETURN    ${x.value}"], "attributes are not read"),
    "attribute in loop": (
        ["FOR    ${y}    IN    ${x.value}", "    Go To    /", "END"],
        "attributes",
    ),
    "attribute in entry": (["Go To    ${x}[${y.value}]"], "attributes are not read"),
    "put together": (["Go To    ${a${b}}"], "not put together"),
    "environment": (["Go To    %{HOME}"], "environment is not read"),
    "operator": (["Get Text    css=h1    validate    value"], "this operator runs code"),
    "operator then": (["${x} =    Get Text    css=h1    THEN    value"], "this operator runs code"),
    "condition call": (["IF    open('x')    No Operation"], "calls something"),
    "condition attribute": (["IF    $x.value == 'a'    No Operation"], "reads an attribute"),
    "condition code": (["IF    [y for y in 'a']    No Operation"], "more than a comparison"),
    "condition dunder": (
        ["WHILE    $x.__class__    limit=3", "    No Operation", "END"],
        "reads an attribute",
    ),
    "endless": (["WHILE    True", "    No Operation", "END"], "needs a limit="),
    "try": (["TRY", "    Go To    /", "EXCEPT", "    No Operation", "END"], "hides a failure"),
    "scope": (["VAR    ${x}    1    scope=GLOBAL"], "leave out scope="),
    "tag": (["[Tags]    robot:continue-on-failure", "No Operation"], "robot:"),
    "teardown": (["No Operation", "[Teardown]    Evaluate    1"], "runs code"),
}


@pytest.mark.parametrize(("lines", "why"), FORBIDDEN.values(), ids=FORBIDDEN)
def test_a_forbidden_means_is_found(folder: Path, lines: list[str], why: str) -> None:
    found = rules(with_keyword(folder, *lines))
    assert any(why in rule for rule in found), found


@pytest.mark.parametrize(
    "lines",
    [
        ["IF    $x == 'a' and len($y) > 2    No Operation"],
        ["IF    '${x}' in ['a', 'b']    No Operation"],
        ["FOR    ${row}    IN    @{rows}", "    Go To    /x/${row}[number]", "END"],
        ["Get Text    css=iframe >>> css=h1    ==    Invoices"],
        ["VAR    ${x}    ${1.5}"],
    ],
)
def test_what_keyword_files_need_is_permitted(folder: Path, lines: list[str]) -> None:
    assert rules(with_keyword(folder, *lines)) == []


@pytest.mark.parametrize(
    "setting",
    [
        "Library    OperatingSystem\n",
        "Resource    ../other.resource\n",
        "Variables    x.py\n",
        "Suite Setup    No Operation\n",
    ],
)
def test_a_folder_imports_the_contract_and_nothing_else(folder: Path, setting: str) -> None:
    found = rules(with_keyword(folder, "No Operation", before=setting))
    assert found, "must be found"


@pytest.mark.parametrize("name", ["helper.py", "helper.js", "tests.robot", "data.yaml"])
def test_other_files_do_not_belong_here(folder: Path, name: str) -> None:
    (folder / name).write_text("")
    assert any("does not belong here" in rule for rule in rules(folder))


def test_code_in_a_folder_below_is_found(folder: Path) -> None:
    (folder / "below").mkdir()
    (folder / "below" / "x.resource").write_text("*** Keywords ***\nX\n    No Operation\n")
    assert any("does not belong here" in rule for rule in rules(folder))


def test_a_missing_contract_keyword_is_named_with_its_arguments(folder: Path) -> None:
    (folder / "sending.resource").unlink()
    found = rules(folder)
    assert "the keyword “Press Send” is missing" in found
    assert any("Read Sent Log    ${account}    ${since}    ${invoices}" in one for one in found)


@pytest.mark.parametrize(
    ("file", "old", "new", "why"),
    [
        ("session", "${password: Secret}", "${password}", "takes ${password: Secret}"),
        ("session", "${username}    ${password: Secret}", "${username}", "takes ${username}, $"),
        ("session", "Fill Secret    text=", "Fill Text    text=", "a Secret goes to Fill Secret"),
        (
            "invoices",
            "[Arguments]    ${account}",
            "[Arguments]    ${a}    ${b}",
            "takes ${account}",
        ),
        ("sending", "Press Send\n", "Press Send Now\n", "“Press Send” is missing"),
        ("pages", "Read All Pages\n", "Begin Delivery\n", "is the name of a keyword of ours"),
        ("pages", "Read All Pages\n", "Should Be Equal\n", "is the name of a keyword of ours"),
        ("pages", "Read All Pages\n", "Find Account\n", "is defined twice"),
        ("pages", "Read All Pages\n", "Read ${what}\n", "holds no variables"),
        ("pages", "${shown} =", "${page_heading} =", "are one variable to Robot"),
    ],
)
def test_the_contracts_keywords_are_as_agreed(
    folder: Path, file: str, old: str, new: str, why: str
) -> None:
    path = folder / f"{file}.resource"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    found = rules(folder)
    assert any(why in rule for rule in found), found


def test_press_send_has_no_loop(folder: Path) -> None:
    path = folder / "sending.resource"
    click = '    Click    role=button[name="Send e-mail"]\n'
    loop = f"    FOR    ${{x}}    IN    1    2\n    {click}    END\n"
    path.write_text(path.read_text().replace(click, loop))
    assert any("presses once" in rule for rule in rules(folder))


def test_a_wrong_profile_is_a_finding_too(folder: Path) -> None:
    (folder / "profile.yaml").write_text("title: x\n")
    assert any("is missing" in rule for rule in rules(folder))


def test_a_log_for_everything_is_welcome_with_its_one_argument(folder: Path) -> None:
    assert defines(folder, "Read Whole Sent Log")
    file = folder / "sending.resource"
    text = file.read_text()
    start = text.index("Read Whole Sent Log")
    file.write_text(text[:start] + text[start:].replace("    [Arguments]    ${since}\n", "", 1))
    assert any("“Read Whole Sent Log” takes ${since}" in rule for rule in rules(folder))
    file.write_text(text.replace("Read Whole Sent Log", "Read All Of It"))
    assert rules(folder) == []
    assert not defines(folder, "Read Whole Sent Log")
