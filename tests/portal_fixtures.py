"""The practice portals and their mail sink: started once a session (0.3 s), reset in each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sandbox import harbour_portal as harbour
from sandbox import mail_sink as sink
from sandbox import practice_portal as practice


@pytest.fixture(scope="session")
def running_mail_sink(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sink.MailSink]:
    with sink.running(tmp_path_factory.mktemp("mails")) as running:
        yield running


@pytest.fixture(scope="session")
def running_practice_portal(
    running_mail_sink: sink.MailSink, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[practice.PracticePortal]:
    with practice.running(
        tmp_path_factory.mktemp("portal"),
        smtp_port=running_mail_sink.port,
        sent_log_lag_seconds=0,
    ) as running:
        yield running


@pytest.fixture
def mail_sink(running_mail_sink: sink.MailSink) -> sink.MailSink:
    """An empty mail sink; `.mails()` reads what came."""
    running_mail_sink.clear()
    return running_mail_sink


@pytest.fixture
def practice_portal(
    running_practice_portal: practice.PracticePortal, mail_sink: sink.MailSink
) -> practice.PracticePortal:
    """A practice portal on its first day, whose mails arrive in `mail_sink`; no log lag."""
    running_practice_portal.reset()
    return running_practice_portal


@pytest.fixture(scope="session")
def running_harbour_portal(
    running_mail_sink: sink.MailSink, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[harbour.HarbourPortal]:
    with harbour.running(
        tmp_path_factory.mktemp("harbour"),
        smtp_port=running_mail_sink.port,
        sent_log_lag_seconds=0,
    ) as running:
        yield running


@pytest.fixture
def harbour_portal(
    running_harbour_portal: harbour.HarbourPortal, mail_sink: sink.MailSink
) -> harbour.HarbourPortal:
    """The second practice portal on its first day, with the same mail sink; no lag."""
    running_harbour_portal.reset()
    return running_harbour_portal
