"""The desk as a whole: who may see and send what, the list, the search, what stays live."""

from __future__ import annotations

import re
from typing import Any

import pytest

from billcopy import errors, request_queue
from billcopy.database import Login
from tests.desk_fixtures import OUR_PAGE, Desk, rows, tags, visible
from tests.integration import queue_steps as steps

ACCOUNT = "4031188"


@pytest.fixture
def bot(desk: Desk) -> Any:
    return desk.database.connect(Login.BOT)


# -- who may do what -------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/", "/live", "/file", "/requests/1"])
def test_nobody_sees_a_page_without_signing_in(desk: Desk, path: str) -> None:
    desk.sign_in(None)
    answer = desk.get(path)
    assert answer.status_code == 303
    assert answer.headers["location"] == f"/login?next={path}"
    assert desk.get(path, headers={"x-live": "1"}).status_code == 401


@pytest.mark.parametrize("path", ["/requests", "/find", "/file", "/requests/1/change"])
def test_nobody_sends_a_form_without_signing_in(desk: Desk, path: str) -> None:
    desk.sign_in(None)
    answer = desk.post(path)
    assert answer.status_code == 401
    assert "signed out" in visible(answer.text)


def test_who_may_only_look_finds_no_form_and_changes_nothing(desk: Desk) -> None:
    number, form = desk.log(account=ACCOUNT), desk.form()
    desk.sign_in("viewer", may_write=False)
    page = desk.get("/?whose=all").text
    assert rows(page) == [number]
    assert 'id="log"' not in page
    assert "<form" not in desk.get(f"/requests/{number}").text
    reason = {"reason": "because"}
    for path, values in (
        ("/requests", form),
        ("/file", {}),
        (f"/requests/{number}/change", {"change": "hold", **reason}),
        (f"/requests/{number}/account", reason),
    ):
        answer = desk.post(path, values)
        assert answer.status_code == 403, path
        assert ACCOUNT not in answer.text
    assert desk.post("/find", {"text": str(number)}).status_code == 303
    assert desk.state(number) == "queued"


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example", "sec-fetch-site": "cross-site"},
        {"origin": "http://testserver", "sec-fetch-site": "same-site"},
        {"origin": "https://evil.example"},
        {"referer": "https://evil.example/testserver"},
        {"origin": "null"},
        {},
    ],
    ids=str,
)
def test_another_sites_form_is_refused(desk: Desk, headers: dict[str, str]) -> None:
    number, form = desk.log(account=ACCOUNT), desk.form()
    assert desk.post("/requests", form, headers=headers).status_code == 403
    change = {"change": "cancel", "reason": "because"}
    assert desk.post(f"/requests/{number}/change", change, headers=headers).status_code == 403
    reveal = desk.post(f"/requests/{number}/account", {"reason": "x"}, headers=headers)
    assert reveal.status_code == 403
    assert desk.state(number) == "queued"


@pytest.mark.parametrize(
    "headers", [OUR_PAGE, {"sec-fetch-site": "same-origin"}, {"referer": "http://testserver/x"}]
)
def test_our_own_form_is_taken(desk: Desk, headers: dict[str, str]) -> None:
    assert desk.post("/requests", desk.form(), headers=headers).status_code == 303


def test_pages_keep_to_themselves(desk: Desk) -> None:
    number = desk.log(account=ACCOUNT)
    desk.broken = False
    for path in ("/", f"/requests/{number}", "/live", "/nothing", "/file", "/requests/x"):
        answer = desk.get(path)
        assert answer.headers["cache-control"] == "no-store", path
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'self'" in policy
        assert not re.search(
            r"<script(?![^>]*src=)|\son\w+=|style=|<style|javascript:", answer.text
        )
    for asset in re.findall(
        r'(?:src|href)="([^"]+/static/[^"]+|/static/[^"]+)"', desk.get("/").text
    ):
        assert desk.get(asset).status_code == 200


# -- the list and the search -----------------------------------------------------------------------


def test_the_list_shows_mine_first_and_everybodys_when_asked(desk: Desk) -> None:
    mine = desk.log(account=ACCOUNT)
    desk.sign_in("mary")
    hers = desk.log(account="4031199")
    assert rows(desk.get("/").text) == [hers]
    assert rows(desk.get("/?whose=all").text) == [hers, mine]
    assert "by rep" in visible(desk.get("/?whose=all").text)


def test_an_empty_list_says_what_to_do(desk: Desk) -> None:
    assert "You have not logged a request yet." in visible(desk.get("/").text)
    assert "Nobody has logged a request yet." in visible(desk.get("/?whose=all").text)
    assert "No request is in this list" in visible(desk.get("/?show=sent").text)


def test_a_desk_without_any_bank_says_so(desk: Desk) -> None:
    steps.execute(desk.database, "delete from billcopy.portals")
    assert "No bank is set up." in visible(desk.get("/").text)
    assert desk.get("/file").status_code == 200


def test_the_list_is_filtered_by_what_became_of_the_requests(desk: Desk, bot: Any) -> None:
    rejected = desk.log(account="4031101")
    claimed = steps.claim(bot)
    steps.settle(bot, claimed, errors.AccountNotFound)
    held, waiting = desk.log(account="4031102"), desk.log(account="4031103")
    answer = desk.post(f"/requests/{held}/change", {"change": "hold", "reason": "call back"})
    assert answer.status_code == 303
    expected = {
        "all": [waiting, held, rejected],
        "open": [waiting, held],
        "person": [held],
        "sent": [],
        "not-sent": [rejected],
        "nonsense": [waiting, held, rejected],
    }
    for show, numbers in expected.items():
        assert rows(desk.get(f"/?show={show}").text) == numbers, show
    assert "The bank has no account with this number." in visible(desk.get("/?show=not-sent").text)


def test_long_lists_have_pages(desk: Desk) -> None:
    clerk = desk.database.connect(Login.DESK)
    for n in range(30):
        request_queue.submit(clerk, steps.new_request(account=f"41{n:05}"), actor="rep")
    first = desk.get("/").text
    assert len(rows(first)) == 25
    older = re.search(r'id="older" href="/(\?[^"#]+)', first)
    assert older is not None
    second = desk.get(f"/{older[1]}").text
    assert len(rows(second)) == 5
    assert 'id="older"' not in second
    assert 'id="newest"' in second


def test_a_search_leads_there_and_leaves_no_account_number_in_the_address(desk: Desk) -> None:
    first = desk.log(account=ACCOUNT, reference="CS-Ä 1")
    second = desk.log(account=ACCOUNT, period_from="2025-02-01", period_to="2025-02-28")
    desk.log(account="4031199")
    assert desk.post("/find", {"text": f" #{first} "}).headers["location"] == f"/requests/{first}"
    for text, numbers in ((ACCOUNT, [second, first]), ("cs-ä 1", [first])):
        place = desk.post("/find", {"text": text}).headers["location"]
        assert ACCOUNT not in place
        assert "CS" not in place.upper().partition("?")[2].replace("REFERENCE", "")
        assert rows(desk.get(place).text) == numbers
    nothing = desk.post("/find", {"text": "4039999"})
    assert nothing.status_code == 200
    assert "Nothing has the number" in visible(nothing.text)
    assert "Type a request's number" in visible(desk.post("/find", {"text": " "}).text)
    for odd in ("a\x00b", "9" * 300, "#", "%", "'; --"):
        assert desk.post("/find", {"text": odd}).status_code == 200


def test_a_closed_bank_is_said_above_the_list(desk: Desk) -> None:
    number = desk.log(account=ACCOUNT)
    ops = desk.database.connect(Login.OPS)
    request_queue.stop_portal(ops, "practice", actor="ops", reason="they asked")
    assert "Nothing is sent at Practice Bank just now." in visible(desk.get("/").text)
    assert "Nothing is sent at Practice Bank" in visible(desk.get(f"/requests/{number}").text)


def test_times_are_in_the_readers_zone_with_the_exact_one_on_hover(desk: Desk) -> None:
    number = desk.log(account=ACCOUNT)
    steps.execute(
        desk.database, "update billcopy.requests set received_at = '2026-01-15T22:30:00Z'"
    )
    zone = {"cookie": "billcopy_zone=Asia/Tokyo"}
    page = desk.get("/", headers=zone).text
    assert 'title="Friday 16 Jan 2026, 07:30:00 JST"' in page
    assert "+09:00" in page
    for odd in ("Nowhere/Land", "../../etc/passwd", "a" * 500):
        answer = desk.get(f"/requests/{number}", headers={"cookie": f"billcopy_zone={odd}"})
        assert answer.status_code == 200


# -- live ------------------------------------------------------------------------------------------


def test_the_live_list_changes_only_when_something_did(desk: Desk, bot: Any) -> None:
    desk.log(account=ACCOUNT)
    first = desk.get("/live")
    same = desk.get("/live", headers={"if-none-match": first.headers["etag"]})
    assert same.status_code == 304
    assert same.text == ""
    steps.claim(bot)
    now = desk.get("/live", headers={"if-none-match": first.headers["etag"]})
    assert now.status_code == 200
    assert "In progress" in visible(now.text)
    assert "<html" not in now.text


def test_the_live_parts_are_the_parts_of_the_page(desk: Desk) -> None:
    number = desk.log(account=ACCOUNT)
    for page, live in (("/", "/live"), (f"/requests/{number}", f"/requests/{number}/live")):
        whole = desk.get(page).text
        assert f'data-live-from="{live}"' in whole
        parts = re.findall(r'id="([\w-]+)" data-live', desk.get(live).text)
        assert parts
        assert all(f'id="{part}"' in whole for part in parts)


# -- when something does not work ------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/", "/live", "/requests/1", "/file"])
def test_a_database_that_does_not_answer_is_said_plainly(desk: Desk, path: str) -> None:
    desk.broken = True
    answer = desk.get(path)
    assert answer.status_code == 503
    assert answer.headers["retry-after"]
    assert "The database does not answer" in visible(answer.text)
    assert "127.0.0.1" not in answer.text


@pytest.mark.parametrize(
    "path", ["/requests/99", "/requests/0", "/requests/x", "/requests/99999999999999999999", "/no"]
)
def test_what_is_not_there_is_said_plainly(desk: Desk, path: str) -> None:
    answer = desk.get(path)
    assert answer.status_code == 404
    assert "Nothing here" in visible(answer.text)


def test_an_unexpected_fault_shows_no_traceback(desk: Desk) -> None:
    steps.execute(desk.database, "drop function billcopy.desk_portals")
    answer = desk.get("/")
    assert answer.status_code == 500
    assert "That did not work" in visible(answer.text)
    assert "desk_portals" not in answer.text
    assert answer.headers["cache-control"] == "no-store"


# -- as markup -------------------------------------------------------------------------------------


def test_below_another_address_every_link_and_the_way_back_still_hold(desk: Desk) -> None:
    """As Airflow mounts it, itself perhaps below a path of a proxy."""
    from starlette.applications import Starlette
    from starlette.routing import Mount

    number = desk.log(account=ACCOUNT)
    outer = Starlette(routes=[Mount("/air/bill-copies", app=desk.app)])
    client = type(desk.client)(outer, follow_redirects=False)
    for path in ("/", "/live", f"/requests/{number}", "/file"):
        page = client.get(f"/air/bill-copies{path}").text
        places = set(re.findall(r'(?:href|src|action|data-live-from)="(/[^"#?]*)', page))
        assert places
        assert all(place.startswith("/air/bill-copies/") for place in places), places
    values = {"text": str(number)}
    found = client.post("/air/bill-copies/find", data=values, headers=OUR_PAGE)
    assert found.headers["location"] == f"/air/bill-copies/requests/{number}"
    desk.sign_in(None)
    answer = client.get("/air/bill-copies/?show=sent")
    assert answer.headers["location"] == "/login?next=/air/bill-copies/?show=sent"


def test_every_tag_is_written_as_a_browser_reads_it(desk: Desk) -> None:
    """Two attributes run together are one that nobody knows."""
    known = re.compile(
        "accept|action|alt|aria-(current|describedby|hidden|invalid|label|labelledby|live)"
        "|autocomplete|autofocus|charset|class|content|data-[a-z-]+|datetime|defer|disabled|enctype|for|hidden"
        "|href"
        "|id|inputmode|lang|max|maxlength|method|min|name|novalidate|open|placeholder|rel|required"
        "|reversed|role|scope|selected|spellcheck|src|tabindex|title|type|value"
    )
    number = desk.log(account=ACCOUNT)
    change = desk.post(f"/requests/{number}/change", {"change": "hold", "reason": ""})
    reveal = desk.post(f"/requests/{number}/account", {"reason": ""})
    bad = desk.form(account="", recipient="x", check_value="y" * 600, priority="7")
    pages = [desk.get(path) for path in ("/", f"/requests/{number}", "/file", "/nothing")]
    for answer in (*pages, change, reveal, desk.post("/requests", bad)):
        used = {name for _, values in tags(answer.text) for name in values}
        assert [name for name in used if not known.fullmatch(name)] == []
        ids = [values["id"] for _, values in tags(answer.text) if "id" in values]
        assert len(ids) == len(set(ids))
        named = {str(values["for"]) for _, values in tags(answer.text) if "for" in values}
        assert named <= set(map(str, ids))
