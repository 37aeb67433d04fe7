*** Settings ***
Documentation       The bot's work with SeleniumLibrary, for the benchmark.

Library             SeleniumLibrary    timeout=10 s    screenshot_root_directory=${FOLDER}
Library             tests.benchmarks.selenium_peer.SeleniumPeer


*** Tasks ***
Work Until The Queue Is Empty
    [Documentation]    Signs in once; one request after the other.
    ${order} =    The Order
    Open The Browser
    Sign In    ${order}
    WHILE    True    limit=10000
        ${request} =    Claim
        IF    $request is None    BREAK
        Work On Request    ${order}    ${request}
    END
    Finish
    [Teardown]    Close All Browsers


*** Keywords ***
Open The Browser
    [Documentation]    Headless, with the bot's flags.
    Open Browser
    ...    about:blank
    ...    chrome
    ...    options=binary_location=r"${BROWSER}"; add_argument("--headless=new"); add_argument("--no-sandbox"); add_argument("--disable-gpu"); add_argument("--disable-dev-shm-usage"); add_argument("--no-pings")
    ...    service=executable_path=r"${DRIVER}"

Sign In
    [Documentation]    Past the notice.
    [Arguments]    ${order}
    Go To    ${order}[portal_url]/signin
    Input Text    xpath=//input[@type='text']    ${order}[username]
    Input Password    xpath=//input[@type='password']    ${order}[password]
    Click Button    Sign in
    Wait Until Page Contains Element    xpath=//h1[normalize-space()='Important notice']
    Click Button    Continue
    Wait Until Page Contains Element    xpath=//h1[normalize-space()='Account search']

Work On Request
    [Documentation]    From the search to the proof.
    [Arguments]    ${order}    ${request}
    Go To    ${order}[portal_url]/accounts
    Input Text    id=q    ${request.account}
    Click Button    Search
    Wait Until Page Contains Element    id=account-list
    Click Link    ${request.account}
    Wait Until Page Contains Element    xpath=//h1[normalize-space()='Invoices']
    ${from} =    Portal Day    ${request.period_from}
    ${to} =    Portal Day    ${request.period_to}
    Input Text    id=from    ${from}
    Input Text    id=to    ${to}
    Select From List By Label    id=show    All items
    Click Button    List
    Wait Until Location Contains    show=all
    Wait Until Page Contains Element    id=invoice-list
    ${table} =    Get Text    css=#invoice-list tbody
    ${deliveries} =    Plan    ${request}    HEAD\n${table}
    FOR    ${delivery}    IN    @{deliveries}
        Send One Copy    ${order}    ${request}    ${delivery}
    END
    Go To    ${order}[portal_url]/sent
    Input Text    id=account    ${request.account}
    Click Button    Show
    Wait Until Location Contains    account=
    Wait Until Page Contains Element    id=sent-list
    ${log} =    Get Text    css=#sent-list tbody
    Prove    ${request}    ${deliveries}    ${log}

Send One Copy
    [Documentation]    Opens the form, reads it, sends it, keeps a picture.
    [Arguments]    ${order}    ${request}    ${delivery}
    Go To    ${order}[portal_url]/invoices/${delivery.invoice_number}
    Click Link    E-mail copy
    Wait Until Page Contains Element    xpath=//h1[normalize-space()='E-mail a copy']
    ${account} =    Get Value    id=account
    ${invoice} =    Get Value    id=invoice
    ${recipient} =    Get Value    id=recipient
    Get Value    id=customer
    Get Value    id=postcode
    Should Be Equal    ${account}    ${request.account}
    Should Be Equal    ${invoice}    ${delivery.invoice_number}
    Begin    ${request}    ${delivery}    ${recipient}
    Click Button    Send e-mail
    Wait Until Page Contains Element    xpath=//h1[normalize-space()='E-mail sent']
    ${said} =    Get Text    id=confirmation
    Clicked    ${request}    ${delivery}    ${said}
    Capture Page Screenshot    picture.png
