*** Settings ***
Documentation       The portal's sent log against our deliveries, one task per look. Nothing is claimed or sent.
...
...                 The second task is a template, as in bill_copies.robot. Run it with
...                 `python -m billcopy reconcile`, not with `robot`.

Resource            ../resources/reconcile.resource

Suite Teardown      End Session


*** Tasks ***
Open Session
    [Documentation]    Signs in before anything is read.
    Make Session Ready
    [Teardown]    Leave The Page

Compare The Next Part Of The Sent Log
    [Documentation]    Template. One account, or the whole log where the portal has one.
    [Setup]    Make Session Ready
    Compare The Next Part Of The Sent Log
    [Teardown]    Leave The Page
