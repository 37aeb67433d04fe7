"""No way round: illegal transitions, grants, many claiming at once, the schema as it is."""

from __future__ import annotations

import hashlib
import hmac
import itertools
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg2
import pytest

from billcopy import database as databases
from billcopy import errors, migrate, request_queue
from billcopy.database import Login
from billcopy.model import Selection
from tests.database_fixtures import Database
from tests.integration import queue_steps as steps

SNAPSHOT = Path(__file__).parent / "schema_snapshot.txt"


def pairs(database: Database, machine: str) -> list[tuple[str, str]]:
    states = [
        row[0] for row in steps.execute(database, f"select state from billcopy.{machine}_states")
    ]
    allowed = set(
        steps.execute(database, f"select from_state, to_state from billcopy.{machine}_transitions")
    )
    return [pair for pair in itertools.permutations(states, 2) if pair not in allowed]


@pytest.mark.parametrize("machine", ["request", "delivery"])
def test_every_illegal_transition_raises_even_for_a_superuser(
    database: Database, machine: str
) -> None:
    steps.submit(database)
    bot = database.connect(Login.BOT)
    request = steps.claim(bot)
    steps.plan(bot, request)
    table = {"request": "requests", "delivery": "deliveries"}[machine]
    force = (
        "alter table billcopy.{0} disable trigger user; "
        "update billcopy.{0} set state = %s"
        + {
            "request": ", lease_bot_run_id = case when %s = 'claimed' then 1 end,"
            " lease_until = case when %s = 'claimed' then now() end,"
            " deadline_at = case when %s = 'claimed' then now() end,"
            " finished_at = case when %s in"
            " ('delivered', 'partial', 'rejected', 'failed', 'cancelled') then now() end",
            "delivery": ", sending_at = now(), sending_epoch = 1, recipient_hmac = '\\x00',"
            " proof_kind = case when %s = 'confirmed' then 'person' end,"
            " proof_value = case when %s = 'confirmed' then 'x' end,"
            " confirmed_at = case when %s = 'confirmed' then now() end",
        }[machine]
        + "; alter table billcopy.{0} enable trigger user"
    ).format(table)
    refused = 0
    for before, after in pairs(database, machine):
        steps.execute(database, force, *[before] * force.count("%s"))
        with pytest.raises(psycopg2.Error) as caught:
            steps.execute(database, f"update billcopy.{table} set state = %s", after)
        assert caught.value.pgcode == "BC002", (before, after, str(caught.value))
        refused += 1
    assert refused == {"request": 37, "delivery": 41}[machine]


def test_events_are_append_only_even_for_a_superuser(database: Database) -> None:
    steps.submit(database)
    for statement in (
        "update billcopy.events set actor = 'x'",
        "delete from billcopy.events",
        "truncate billcopy.events",
    ):
        with pytest.raises(psycopg2.Error, match="append-only"):
            steps.execute(database, statement)


TABLES = """
select c.oid::regclass::text from pg_class c
where c.relnamespace = 'billcopy'::regnamespace and c.relkind = 'r'
"""


@pytest.mark.parametrize("login", [Login.DESK, Login.BOT, Login.OPS, Login.REPORTING])
def test_no_login_reads_or_writes_a_table(database: Database, login: Login) -> None:
    connection = database.connect(login)
    tables = [row[0] for row in steps.execute(database, TABLES)]
    assert len(tables) > 15
    for table in tables:
        for statement in (
            f"select * from {table}",
            f"insert into {table} default values",
            f"delete from {table}",
            f"truncate {table}",
        ):
            with (
                connection.cursor() as cursor,
                pytest.raises(psycopg2.errors.InsufficientPrivilege),
            ):
                cursor.execute(statement)


def test_each_login_may_run_its_own_functions_and_no_others(database: Database) -> None:
    granted = steps.execute(
        database,
        "select r.rolname, p.proname from pg_proc p cross join pg_roles r"
        " where p.pronamespace = 'billcopy'::regnamespace and r.rolname in"
        " ('billcopy_desk', 'billcopy_bot', 'billcopy_ops', 'billcopy_reporting', 'billcopy_watch')"
        " and has_function_privilege(r.oid, p.oid, 'execute')",
    )
    by_login: dict[str, set[str]] = {}
    for login, function in granted:
        by_login.setdefault(login, set()).add(function)
    assert "billcopy_reporting" not in by_login
    shared = {"story", "status", "portal_refusal"}
    desk, bot, ops = (by_login[f"billcopy_{name}"] for name in ("desk", "bot", "ops"))
    assert desk & bot <= shared
    assert desk & ops <= shared
    assert bot & ops <= shared
    assert "begin_delivery" in bot - desk - ops
    assert "submit_request" in desk - bot - ops
    assert "rescue_request" in ops - bot - desk
    assert by_login["billcopy_watch"] & (desk | bot) == set()
    assert by_login["billcopy_watch"] & ops == {"list_alarms"}


def test_every_function_of_a_login_is_a_security_definer_with_a_fixed_search_path(
    database: Database,
) -> None:
    loose = steps.execute(
        database,
        "select p.proname from pg_proc p where p.pronamespace = 'billcopy'::regnamespace"
        " and (p.proconfig is null or not p.proconfig @> array['search_path=billcopy, pg_temp']"
        " or pg_get_userbyid(p.proowner) <> 'billcopy_owner')",
    )
    assert loose == []
    public = steps.execute(
        database,
        "select p.proname from pg_proc p, aclexplode(p.proacl) a"
        " where p.pronamespace = 'billcopy'::regnamespace and a.grantee = 0",
    )
    assert public == []
    invokers = steps.execute(
        database,
        "select p.proname from pg_proc p where p.pronamespace = 'billcopy'::regnamespace"
        " and not p.prosecdef and has_function_privilege('billcopy_bot', p.oid, 'execute')",
    )
    assert invokers == [("database_now",)]


def test_the_reporting_login_reads_every_view_and_finds_nothing_personal(
    database: Database,
) -> None:
    steps.submit(database, recipient="secret.person@x.ie", check_value="Featherstone")
    connection = database.connect(Login.REPORTING)
    views = steps.execute(database, "select viewname from pg_views where schemaname = 'reporting'")
    assert len(views) == 5
    for (view,) in views:
        with connection.cursor() as cursor:
            cursor.execute(f"select * from reporting.{view}")
            told = str(cursor.fetchall())
        for personal in ("4027310", "secret", "Featherstone"):
            assert personal not in told


def test_eight_connections_claiming_at_once_claim_no_request_twice(database: Database) -> None:
    submitted = {steps.submit(database, account=f"40{number:05}") for number in range(40)}
    connections = [database.connect(Login.BOT) for _ in range(8)]

    def claim_all(bot: databases.Connection) -> list[int]:
        claimed = []
        while True:
            run = steps.start_bot_run(bot)
            request = request_queue.claim_next(bot, run)
            if request is None:
                return claimed
            claimed.append(request.request_id)

    with ThreadPoolExecutor(8) as pool:
        claimed = [one for found in pool.map(claim_all, connections) for one in found]
    assert sorted(claimed) == sorted(submitted)


def test_an_urgent_request_is_next(database: Database) -> None:
    steps.submit(database, account="4000001")
    urgent = steps.submit(database, account="4000002", priority=1)
    assert steps.claim(database.connect(Login.BOT)).request_id == urgent


def test_a_selection_claims_nothing_else(database: Database) -> None:
    steps.submit(database, account="4000001")
    wanted = steps.submit(database, account="4000002")
    bot, ops = database.connect(Login.BOT), database.connect(Login.OPS)
    selection = Selection(request_ids=(wanted,))
    assert request_queue.count_claimable(ops, "practice", selection) == 1
    run = steps.start_bot_run(bot, selection=selection)
    request = steps.claim(bot, run)
    assert request.request_id == wanted
    steps.settle(bot, request, errors.AccountNotFound)
    assert request_queue.claim_next(bot, run) is None


def test_a_dry_run_sees_what_would_be_claimed_and_changes_nothing(database: Database) -> None:
    ids = [steps.submit(database, account=f"400000{number}") for number in range(3)]
    bot = database.connect(Login.BOT)
    before = steps.execute(database, "select count(*) from billcopy.events")
    seen = request_queue.peek(bot, "practice", Selection(), 2)
    assert [one.request_id for one in seen] == ids[:2]
    assert steps.execute(database, "select count(*) from billcopy.events") == before


def test_a_stopped_portal_gives_out_nothing_until_it_is_resumed(database: Database) -> None:
    steps.submit(database)
    bot, ops = database.connect(Login.BOT), database.connect(Login.OPS)
    request_queue.stop_portal(ops, "practice", actor="olga", reason="bank rang")
    assert request_queue.claim_next(bot, steps.start_bot_run(bot)) is None
    assert request_queue.portal_refusal(bot, "practice") == "STOP_SWITCH"
    with pytest.raises(errors.IllegalTransition, match="by olga: bank rang"):
        request_queue.stop_portal(ops, "practice", actor="pat", reason="again")
    request_queue.resume_portal(ops, "practice", actor="olga", reason="over")
    assert request_queue.claim_next(bot, steps.start_bot_run(bot)) is not None


def test_requeue_says_what_became_of_each_request(database: Database) -> None:
    bot, ops = database.connect(Login.BOT), database.connect(Login.OPS)
    failed = steps.submit(database)
    steps.settle(bot, steps.claim(bot), errors.AccountNotFound)
    steps.submit(database)  # its twin
    old = steps.submit(database, account="4000009")
    steps.execute(database, "update billcopy.requests set priority = 1 where id = %s", old)
    steps.settle(bot, steps.claim(bot), errors.AccountNotFound)
    steps.execute(
        database,
        "update billcopy.requests set received_at = now() - interval '60 days' where id = %s",
        old,
    )
    open_one = steps.submit(database, account="4000008")
    outcomes = dict(
        request_queue.requeue(
            ops,
            selection=Selection(request_ids=(failed, old, open_one)),
            states=["rejected"],
            actor="o",
            reason="portal was fixed",
        )
    )
    assert outcomes == {failed: "twin_open", old: "too_old", open_one: "wrong_state"}


def test_requeue_plans_again_what_was_rejected_and_keeps_what_was_sent(
    database: Database,
) -> None:
    bot = database.connect(Login.BOT)
    request_id = steps.submit(database)
    request = steps.claim(bot)
    first, second = steps.plan(bot, request, 2)
    steps.begin(bot, request, first)
    steps.confirm(bot, request, first, "row-1")
    request_queue.reject_delivery(bot, request, second.delivery_id, reason_code="FORM_MISMATCH")
    assert steps.settle(bot, request)[0] == "partial"
    desk = database.connect(Login.DESK)
    assert request_queue.retry(desk, request_id, actor="ann", reason="corrected") == "requeued"
    story = request_queue.story(desk, request_id)
    assert [one["state"] for one in story.deliveries] == ["confirmed", "planned"]


def test_account_numbers_are_keyed_as_rfc_2104_says(database: Database) -> None:
    key, keyed = steps.execute(
        database, "select key, billcopy.hmac('account:4027310') from billcopy.hmac_keys"
    )[0]
    expected = hmac.new(bytes(key), b"account:4027310", hashlib.sha256).digest()
    assert bytes(keyed) == expected


def test_migrating_again_does_no_harm(database: Database) -> None:
    assert migrate.migrate(database.connect(Login.MIGRATOR)) == []


def test_a_changed_migration_is_refused(database: Database) -> None:
    steps.execute(
        database,
        "update public.billcopy_migrations set digest = 'x' where name like '0002%%'",
    )
    with pytest.raises(errors.IllegalTransition, match="has been changed since"):
        migrate.migrate(database.connect(Login.MIGRATOR))


COLUMNS = """
select format('%s.%s', c.table_schema, c.table_name),
    format('    %s %s', c.column_name, c.data_type)
    || case when c.is_nullable = 'NO' then ' not null' else '' end
from information_schema.columns c where c.table_schema in ('billcopy', 'reporting')
order by 1, c.ordinal_position
"""
FUNCTIONS = """
select format('%s(%s) -> ', p.proname, pg_get_function_identity_arguments(p.oid))
    || pg_get_function_result(p.oid)
from pg_proc p where p.pronamespace = 'billcopy'::regnamespace order by 1
"""
CONSTRAINTS = """
select format('%s: %s', c.conrelid::regclass, pg_get_constraintdef(c.oid))
from pg_constraint c
where c.connamespace = 'billcopy'::regnamespace and c.contype <> 'n' order by 1
"""
INDEXES = "select indexdef from pg_indexes where schemaname = 'billcopy' order by 1"


def snapshot(database: Database) -> str:
    lines: list[str] = []
    table = ""
    for name, column in steps.execute(database, COLUMNS):
        lines += [column] if name == table else ["", name, column]
        table = name
    for title, query in (
        ("functions", FUNCTIONS),
        ("constraints", CONSTRAINTS),
        ("indexes", INDEXES),
    ):
        lines += ["", f"-- {title}", *(row[0] for row in steps.execute(database, query))]
    return "\n".join(lines).strip() + "\n"


def test_the_schema_is_the_one_in_the_snapshot(database: Database) -> None:
    """A change of the schema shows in the change's own diff: delete the file to make it anew."""
    now = snapshot(database)
    if not SNAPSHOT.exists():
        SNAPSHOT.write_text(now)
        pytest.fail(f"{SNAPSHOT.name} was made anew; look at it and commit it")
    assert now == SNAPSHOT.read_text()
