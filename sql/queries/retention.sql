-- set_legal_hold
-- Nothing of this request is erased from now on.
select billcopy.set_legal_hold(%(request_id)s, %(actor)s, %(reason)s) as still_there;

-- lift_legal_hold
-- The usual times count again.
select billcopy.lift_legal_hold(%(request_id)s, %(actor)s, %(reason)s);

-- retention_due
-- What a pass would erase now, and what a legal hold keeps.
select
    place,
    due,
    held
from billcopy.retention_due(%(subject_age)s, %(evidence_age)s);

-- erase_due_subjects
-- One batch; 0 when nothing is left.
select billcopy.erase_due_subjects(%(age)s, %(batch)s, %(actor)s, %(reason)s) as erased;

-- erase_due_keys
-- One batch of hashes; 0 when nothing is left.
select billcopy.erase_due_keys(%(batch)s, %(actor)s, %(reason)s) as erased;

-- take_due_evidence
-- One batch whose files go; locked until the transaction ends.
select
    evidence_id,
    url
from billcopy.take_due_evidence(%(age)s, %(request_ids)s::bigint [], %(after)s, %(batch)s);

-- mark_evidence_erased
-- Their files are gone.
select billcopy.mark_evidence_erased(%(evidence_ids)s::bigint [], %(actor)s, %(reason)s) as erased;

-- evidence_to_keep
-- Which files of the store are still needed.
select k.url from billcopy.evidence_to_keep(%(urls)s::text [], %(request_ids)s::bigint []) as k (url);

-- bot_runs_to_keep
-- Whose output on disk must stay.
select k.bot_run_id from billcopy.bot_runs_to_keep() as k (bot_run_id);

-- export_subject
-- Everything about one account, in clear; recorded.
select billcopy.export_subject(%(portal)s, %(account)s, %(actor)s, %(reason)s) as told;

-- erase_subjects_of
-- Everything of one account's finished requests, at once.
select
    request_id,
    outcome
from billcopy.erase_subjects_of(%(portal)s, %(account)s, %(actor)s, %(reason)s);
