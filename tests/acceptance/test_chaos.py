"""Chaos in short: the bot dies eight times without Airflow, and every bill is mailed once."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from billcopy.database import Login
from sandbox import copies
from sandbox.chaos import findings, living, strikes
from sandbox.chaos.by_hand import bots_at_work
from sandbox.chaos.campaign import Campaign
from sandbox.chaos.control import run_control
from sandbox.chaos.drain import drain, no_bot_left
from sandbox.chaos.feeding import Feeder
from sandbox.chaos.restoring import Restores
from sandbox.chaos.world import World
from tests.bot_fixtures import Bot
from tests.waiting import until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

SEED = 3
KILLS = 8


@pytest.fixture
def world(bot: Bot, tmp_path: Path):
    server = bot.database.server
    admin = {"host": server.host, "port": server.port, "dbname": bot.database.name}
    world = World(
        home=tmp_path,
        portal_url=bot.portal.url,
        mail_folder=bot.mail_sink.directory,
        admin={**admin, "user": server.superuser, "password": server.password},
        desk=bot.database.parameters(Login.DESK),
        ops=bot.database.parameters(Login.OPS),
    )
    world.configure()
    yield world
    world.close()


def test_a_bot_that_dies_at_every_step_sends_every_bill_once(
    bot: Bot, world: World, tmp_path: Path
) -> None:
    random = Random(SEED)
    feeder = Feeder(world, random, at_least=6)
    campaign = Campaign(world, strikes.OF_THE_BOT, random, say=print)
    with bots_at_work(world, bot.order, tmp_path / "bots.log"):
        feeder.start()
        campaign.run(KILLS, seconds=400)
        feeder.enough()
        drain(world, seconds=180)
    verdict = findings.verdict(world, feeder.asked)
    assert verdict.faults == ()
    assert (verdict.duplicates, verdict.lost, verdict.left_claimed) == (0, 0, 0)
    assert verdict.mails == verdict.invoices == 2 * len(feeder.asked)
    assert no_bot_left(world, seconds=10), living.bots(world.home)


def test_an_older_copy_put_back_in_the_middle_doubles_and_loses_nothing(
    bot: Bot, world: World, tmp_path: Path
) -> None:
    """What was delivered since vanishes from the queue, what was entered is entered again."""
    random, restore = Random(SEED), Restores()
    feeder = Feeder(world, random, at_least=6)
    with bots_at_work(world, bot.order, tmp_path / "bots.log"):
        feeder.start()
        until_mailed(world, 2)
        assert restore(world, random) is None  # the copy is made
        until_mailed(world, 7)
        # The bot at work is not ended: it lives on from before the restore, and must be shut out.
        assert "old bots alive" in (restore(world, Random(SEED)) or "")
        feeder.enough()
        drain(world, seconds=180)
    verdict = findings.verdict(world, feeder.asked)
    world.query(f"drop database {copies.copy_of(bot.database.name)}")
    assert verdict.faults == ()
    assert verdict.mails == verdict.invoices == 2 * len(feeder.asked)
    looked_up = "select count(*) from billcopy.events where from_state = 'planned'"
    assert world.query(looked_up + " and to_state = 'in_doubt'")[0][0] > 0


def until_mailed(world: World, mails: int) -> None:
    until(lambda: len(world.mails()) >= mails, f"{mails} mails came")


def test_the_naive_order_sends_duplicates(tmp_path: Path) -> None:
    control = run_control(tmp_path, Random(SEED), kills=6)
    assert control.duplicates > 0
