-- 0002 States, reasons and allowed transitions.
-- States are rows with a meaning, so that SQL, Python, screen and report take their words from one place.

set local role billcopy_owner;
set local search_path = billcopy, pg_temp;

create table request_states (
    state text primary key,
    meaning text not null,
    is_final boolean not null
);

insert into request_states (state, meaning, is_final) values
('queued', 'Waiting for the bot.', false),
('claimed', 'The bot is working on it.', false),
('held', 'Waiting for a person.', false),
('delivered', 'Every bill was sent.', true),
('partial', 'Some bills were sent, some could not be.', true),
('rejected', 'Could not be sent, and trying again would not help.', true),
('failed', 'Could not be sent: something did not work.', true),
('cancelled', 'Cancelled before anything was sent.', true);

create table delivery_states (
    state text primary key,
    meaning text not null,
    is_final boolean not null
);

insert into delivery_states (state, meaning, is_final) values
('planned', 'Found, not sent yet.', false),
('sending', 'The bot may click Send; it may have been sent.', false),
('in_doubt', 'It may have been sent; the bank''s log will say.', false),
('confirmed', 'Sent, with a proof.', true),
('duplicate', 'Was sent to this recipient before; not sent again.', true),
('rejected', 'Not to be sent, for a reason that stays.', true),
('failed', 'Could not be sent.', true),
('cancelled', 'Cancelled before it was sent.', true);

create table reasons (
    code text primary key check (code ~ '^[A-Z][A-Z_]+$'),
    class text not null check (
        class in ('business', 'application', 'refused', 'waiting', 'held', 'duplicate', 'ignored', 'person')
    ),
    plain_words text not null
);

comment on table reasons is 'Why something is as it is; plain_words is what a representative reads.';

insert into reasons (code, class, plain_words) values
('ACCOUNT_NOT_FOUND', 'business', 'The bank has no account with this number.'),
('NO_INVOICES', 'business', 'There is no bill in this period.'),
('NO_ADDRESS', 'business', 'The bank has no e-mail address for this customer.'),
('FORM_MISMATCH', 'business', 'The bank''s form showed something else than the request; nothing was sent.'),
('CHECK_VALUE_MISMATCH', 'business', 'The surname or postcode is not the customer''s; nothing was sent.'),
('BUSINESS', 'business', 'The bank refused.'),
('PORTAL_DOWN', 'application', 'The bank''s portal did not answer.'),
('PAGE_NOT_AS_EXPECTED', 'application', 'A page of the bank''s portal was not as expected.'),
('SESSION_EXPIRED', 'application', 'The bank''s portal signed the bot out.'),
('SIGN_IN_REFUSED', 'application', 'The bank''s portal refused to sign the bot in.'),
('BROWSER_LOST', 'application', 'The bot''s browser stopped.'),
('ATTEMPT_TIMED_OUT', 'application', 'It took longer than it may.'),
('LEASE_EXPIRED', 'application', 'The bot stopped in the middle.'),
('VAULT', 'application', 'The password store did not work.'),
('VAULT_SEALED', 'application', 'The password store is locked.'),
('VAULT_UNAVAILABLE', 'application', 'The password store did not answer.'),
('VAULT_DENIED', 'application', 'The password store refused.'),
('VAULT_WRAPPING_INVALID', 'application', 'The key to the password store was used by somebody else.'),
('VAULT_PATH_MISSING', 'application', 'The password store has no password for this portal.'),
('VAULT_KEYS_MISSING', 'application', 'The password store holds an incomplete password for this portal.'),
('DATABASE_UNAVAILABLE', 'application', 'The database did not answer.'),
('APPLICATION', 'application', 'Something did not work.'),
('UNEXPECTED', 'application', 'Something unexpected happened.'),
('STOP_SWITCH', 'refused', 'The portal is stopped.'),
('BREAKER_OPEN', 'refused', 'The portal is closed after trouble.'),
('MAINTENANCE', 'refused', 'The portal is closed for maintenance.'),
('DAILY_CAP', 'refused', 'The day''s limit is reached.'),
('LEASE_TOO_SHORT', 'refused', 'Too little time was left to send safely.'),
('LEASE_LOST', 'refused', 'Another bot took over.'),
('LOCK_NOT_HELD', 'refused', 'Another bot is signed in to this portal.'),
('LOOK_ONLY', 'refused', 'Only the bank''s log may be read; nothing may be sent.'),
('INTERRUPTED', 'refused', 'The bot was stopped; put back into the queue.'),
('WAITING_FOR_LOG', 'waiting', 'Waiting for the bank''s log.'),
('SENT_ELSEWHERE', 'waiting', 'Another request is sending this bill just now.'),
('TOO_MANY_INVOICES', 'held', 'More bills than one request may send; a person must look.'),
('TOO_MANY_MAILS', 'held', 'More e-mails to this address today than allowed; a person must look.'),
('TOO_MANY_RESCUES', 'held', 'The bot stopped in the middle too often; a person must look.'),
('IN_DOUBT', 'held', 'Nobody can tell whether it was sent; two people must decide.'),
('HELD_BY_PERSON', 'held', 'Held by a person.'),
('ALREADY_SENT', 'duplicate', 'Was sent to this address a short while ago.'),
('KIND_NOT_SENT', 'ignored', 'Not a bill; never sent.'),
('CANCELLED', 'person', 'Cancelled by a person.'),
('DECIDED_SENT', 'person', 'Two people decided that it was sent.'),
('DECIDED_NOT_SENT', 'person', 'Two people decided that it was not sent.'),
('GIVEN_UP', 'person', 'Two people gave it up.'),
('REQUEUED', 'person', 'Put back into the queue by a person.');

create table request_transitions (
    from_state text not null references request_states,
    to_state text not null references request_states,
    meaning text not null,
    primary key (from_state, to_state)
);

insert into request_transitions (from_state, to_state, meaning) values
('queued', 'claimed', 'claimed by a bot run'),
('queued', 'held', 'held by a person'),
('queued', 'cancelled', 'cancelled by a person'),
('queued', 'partial', 'cancelled by a person after some bills were sent'),
('queued', 'delivered', 'cancelled by a person after all bills were sent'),
('claimed', 'delivered', 'settled'),
('claimed', 'partial', 'settled'),
('claimed', 'rejected', 'settled'),
('claimed', 'failed', 'settled'),
('claimed', 'cancelled', 'settled after a person asked to cancel'),
('claimed', 'held', 'a limit was met, or nobody can tell whether it was sent'),
('claimed', 'queued', 'released, deferred, to be tried again, or rescued'),
('held', 'queued', 'released by a person'),
('held', 'cancelled', 'cancelled by a person'),
('held', 'partial', 'cancelled by a person after some bills were sent'),
('held', 'delivered', 'cancelled by a person after all bills were sent'),
('failed', 'queued', 'requeued'),
('partial', 'queued', 'requeued'),
('rejected', 'queued', 'requeued');

create table delivery_transitions (
    from_state text not null references delivery_states,
    to_state text not null references delivery_states,
    meaning text not null,
    primary key (from_state, to_state)
);

comment on table delivery_transitions is 'There is no way from sending back to planned.';

insert into delivery_transitions (from_state, to_state, meaning) values
('planned', 'sending', 'permitted, directly before the click'),
('planned', 'duplicate', 'sent to this recipient before'),
('planned', 'rejected', 'business error, or a kind that is never sent'),
('planned', 'failed', 'attempts used up'),
('planned', 'cancelled', 'cancelled by a person'),
('planned', 'confirmed', 'sent by hand'),
('sending', 'confirmed', 'its proof was read'),
('sending', 'in_doubt', 'the attempt ended without a proof'),
('in_doubt', 'confirmed', 'its row was found in the bank''s log, or two people say so'),
('in_doubt', 'planned', 'a complete look after the settle window did not find it, or two people say so'),
('in_doubt', 'failed', 'two people give it up'),
('rejected', 'planned', 'requeued'),
('failed', 'planned', 'requeued'),
('cancelled', 'planned', 'requeued');
