-- desk_portals
-- What the form asks for, by portal.
select
name,
title,
account_example,
recipient_policy,
max_period_months,
time_zone,
today,
closed_because
from billcopy.desk_portals();

-- list_requests
-- A page of requests, newest first.
select
id,
state,
label,
meaning,
reason,
portal_title,
account_masked,
period_from,
period_to,
recipient_masked,
reference,
priority,
received_at,
not_before,
finished_at,
requested_by,
cancel_requested,
invoices,
sent,
sent_before,
under_way
from billcopy.list_requests(
    %(states)s, %(needs_a_person)s, %(requested_by)s, %(same)s, %(as_request_id)s::bigint, %(before_id)s::bigint, %(at_most)s
);

-- count_open_requests
-- What still waits, by state.
select
state,
label,
requests
from billcopy.count_open_requests(%(requested_by)s);

-- count_needing_a_person
-- What waits for a person.
select billcopy.count_needing_a_person(%(requested_by)s) as requests;

-- find_request
-- What a representative's search means.
select
found_by,
request_id
from billcopy.find_request(%(text)s);

-- asks_the_same
-- Tells a form that came twice from one that was filled in anew.
select billcopy.asks_the_same(
    %(request_id)s, %(portal)s, %(account)s, %(period_from)s, %(period_to)s, %(recipient)s
) as same;
