*** Settings ***
Documentation       Bill copies, one task per request.
...
...                 The second task is a template: the listener RequestStream takes it out and appends it
...                 again after each request, until there is nothing left to do. Run it with
...                 `python -m billcopy run-bot` or `make bot`, not with `robot`.

Resource            ../resources/deliver.resource

Suite Teardown      End Session


*** Tasks ***
Open Session
    [Documentation]    Signs in before anything is claimed: a refused sign-in costs no request anything.
    Make Session Ready
    [Teardown]    Leave The Page

Work On The Next Request
    [Documentation]    Template. The request is claimed inside, so a task that never runs claims nothing.
    [Setup]    Make Session Ready
    Work On The Next Request
    [Teardown]    Leave The Page
