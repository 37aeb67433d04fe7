-- 0008 What the desk's page needs: a short word for every state, and indexes for its searches.
-- The words a representative reads stand beside the state they explain, so that screen and report agree.

set local role billcopy_owner;
set local search_path = billcopy, pg_temp;

alter table request_states add column label text;
alter table delivery_states add column label text;

-- A state of a later migration keeps its own name until that migration gives it a word.
update request_states set label = case state
    when 'queued' then 'Waiting'
    when 'claimed' then 'In progress'
    when 'held' then 'Needs a person'
    when 'delivered' then 'Sent'
    when 'partial' then 'Partly sent'
    when 'rejected' then 'Not sent'
    when 'failed' then 'Did not work'
    when 'cancelled' then 'Cancelled'
    else initcap(replace(state, '_', ' '))
end;

update delivery_states set label = case state
    when 'planned' then 'To be sent'
    when 'sending' then 'Being sent'
    when 'in_doubt' then 'Being checked'
    when 'confirmed' then 'Sent'
    when 'duplicate' then 'Sent before'
    when 'rejected' then 'Not sent'
    when 'failed' then 'Did not work'
    when 'cancelled' then 'Cancelled'
    else initcap(replace(state, '_', ' '))
end;

alter table request_states alter column label set not null;
alter table delivery_states alter column label set not null;

comment on column request_states.label is 'One or two words for a list; meaning is the sentence.';
comment on column delivery_states.label is 'One or two words for a list; meaning is the sentence.';

create index requests_by_person on requests (requested_by, id);
create index requests_by_account on requests (account_hmac, id);
create index requests_by_reference on requests (lower(reference), id) where reference is not null;
