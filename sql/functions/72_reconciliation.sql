-- Reconciliation: the bank's sent log held against our deliveries, both ways. The bot reads, this judges.

create or replace function billcopy.start_reconciliation(p_bot_run_id bigint, p_since timestamptz) returns bigint
language plpgsql security definer set search_path = billcopy, pg_temp as $$
declare
    v_id bigint;
begin
    insert into reconciliations (portal, since, bot_run_id)
    select b.portal, p_since, b.id from bot_runs as b where b.id = p_bot_run_id and b.finished_at is null
    returning id into v_id;
    if v_id is null then
        raise exception using errcode = 'BC003', message = format('bot run %s is not at work', p_bot_run_id);
    end if;
    return v_id;
end
$$;

create or replace function billcopy.reconciliation_at_work(p_id bigint) returns billcopy.reconciliations
language plpgsql set search_path = billcopy, pg_temp as $$
-- Only the connection that holds the portal's lock may go on: nothing is being sent meanwhile.
declare
    comparison reconciliations;
begin
    select r.* into comparison from reconciliations as r where r.id = p_id and r.finished_at is null for update;
    if not found then
        raise exception using errcode = 'BC003', message = format('reconciliation %s is not at work', p_id);
    end if;
    if not holds_portal_lock(comparison.portal) then
        raise exception using errcode = 'BC005', message = 'the portal''s lock is not held by this connection';
    end if;
    return comparison;
end
$$;

create or replace function billcopy.deliveries_to_compare(p_reconciliation_id bigint)
returns table (delivery_id bigint, invoice_number text, account text, proof_kind text)
language plpgsql security definer set search_path = billcopy, pg_temp as $$
-- What was confirmed since then; account is null once it was erased.
declare
    comparison reconciliations := reconciliation_at_work(p_reconciliation_id);
begin
    return query
    select d.id, d.invoice_number, s.account, d.proof_kind
    from deliveries as d inner join request_subjects as s on d.request_id = s.request_id
    where d.portal = comparison.portal and d.state = 'confirmed' and d.sending_at >= comparison.since
    order by s.account, d.id;
end
$$;

create or replace function billcopy.note_finding(
    p_reconciliation billcopy.reconciliations, p_kind text, p_subject text, p_invoice_number text, p_sent_at timestamptz,
    p_recipient_masked text, p_delivery_id bigint, p_request_id bigint
) returns void
language sql volatile set search_path = billcopy, pg_temp as $$
    -- A finding that was gone and is back is told again; one that a person looked after is not.
    insert into reconciliation_findings as f (
        portal, kind, subject, invoice_number, sent_at, recipient_masked, delivery_id, request_id, found_by
    ) values (
        p_reconciliation.portal, p_kind, p_subject, p_invoice_number, p_sent_at, p_recipient_masked, p_delivery_id,
        p_request_id, p_reconciliation.id
    )
    on conflict (portal, kind, subject) do update set last_found_at = clock_timestamp(), gone_at = null
$$;

create or replace function billcopy.rows_of_sent_log(p_reconciliation billcopy.reconciliations, p_proof_kind text, p_rows jsonb)
returns table (
    proof text, invoice text, recipient bytea, recipient_masked text, sent_at timestamptz, judged boolean,
    delivery_id bigint, request_id bigint, sent_before timestamptz
)
language sql stable set search_path = billcopy, pg_temp as $$
    -- The rows with the delivery that each proves, and when the same bill went to the same recipient before.
    select r.proof, r.invoice, recipient_key(r.recipient), masked_recipient(r.recipient), r.sent_at,
        r.ours and r.sent_at >= p_reconciliation.since, d.id, d.request_id,
        lag(r.sent_at) over (partition by r.invoice, recipient_key(r.recipient) order by r.sent_at, r.proof)
    from jsonb_to_recordset(p_rows) as r (proof text, invoice text, recipient text, sent_at timestamptz, ours boolean)
    left join deliveries as d on d.portal = p_reconciliation.portal and d.proof_kind = p_proof_kind and d.proof_value = r.proof
$$;

create or replace function billcopy.is_known_otherwise(p_place billcopy.portals, p_invoice text, p_recipient bytea, p_sent_at timestamptz)
returns boolean
language sql stable set search_path = billcopy, pg_temp as $$
    -- Not proven by this row, but known: still in doubt, or decided or sent by a person.
    select exists (
        select from deliveries as d
        where d.portal = p_place.name and d.invoice_number = p_invoice and d.recipient_hmac = p_recipient
        and (d.state in ('sending', 'in_doubt') or d.state = 'confirmed' and d.proof_kind in ('person', 'screen') or d.reason_code = 'GIVEN_UP')
        and d.sending_at between p_sent_at - p_place.duplicate_window and p_sent_at + p_place.duplicate_window
    )
$$;

create or replace function billcopy.compare_sent_log(
    p_reconciliation_id bigint, p_proof_kind text, p_rows jsonb, p_delivery_ids bigint [], p_complete boolean,
    out rows_without_delivery integer, out deliveries_without_row integer, out rows_twice integer
)
language plpgsql security definer set search_path = billcopy, pg_temp as $$
-- Judges what one look at the log showed. Recipients are compared by their hash and kept by nobody.
-- p_rows: [{"proof", "invoice", "recipient", "sent_at", "ours"}], as far back as was asked for;
-- p_delivery_ids: the deliveries whose rows this look would have shown. Without p_complete nothing is
-- concluded from a row that is missing.
declare
    comparison reconciliations := reconciliation_at_work(p_reconciliation_id);
    place portals;
    one record;
    v_shown text [] := coalesce((select array_agg(r ->> 'proof') from jsonb_array_elements(p_rows) as r), '{}');
    v_orphans text [] := '{}';
    v_twice text [] := '{}';
    v_missing bigint [] := '{}';
begin
    select p.* into place from portals as p where p.name = comparison.portal;
    for one in
        select l.*, l.delivery_id is null and not is_known_otherwise(place, l.invoice, l.recipient, l.sent_at) as orphan,
            l.sent_before > l.sent_at - place.duplicate_window and r.resend_reason is null as twice
        from rows_of_sent_log(comparison, p_proof_kind, p_rows) as l left join requests as r on l.request_id = r.id
        where l.judged
    loop
        if one.orphan then
            v_orphans := v_orphans || one.proof;
            perform note_finding(comparison, 'row_without_delivery', one.proof, one.invoice, one.sent_at, one.recipient_masked, null, null);
        end if;
        if one.twice then
            v_twice := v_twice || one.proof;
            perform note_finding(
                comparison, 'row_twice', one.proof, one.invoice, one.sent_at, one.recipient_masked, one.delivery_id, one.request_id
            );
        end if;
    end loop;
    for one in
        select d.* from deliveries as d
        where p_complete and d.id = any(p_delivery_ids) and d.state = 'confirmed' and d.proof_kind = p_proof_kind
        and d.proof_value <> all(v_shown)
    loop
        v_missing := v_missing || one.id;
        perform note_finding(
            comparison, 'delivery_without_row', one.id::text, one.invoice_number, one.sending_at, one.recipient_masked, one.id, one.request_id
        );
    end loop;
    update reconciliation_findings as f set gone_at = clock_timestamp()
    where f.portal = place.name and f.gone_at is null and (
        f.kind = 'row_without_delivery' and f.subject <> all(v_orphans) and f.subject = any(v_shown)
        or f.kind = 'row_twice' and f.subject <> all(v_twice) and f.subject = any(v_shown)
        or f.kind = 'delivery_without_row' and f.delivery_id <> all(v_missing) and f.delivery_id = any(p_delivery_ids) and p_complete
    );
    rows_without_delivery := cardinality(v_orphans);
    deliveries_without_row := cardinality(v_missing);
    rows_twice := cardinality(v_twice);
end
$$;

create or replace function billcopy.finish_reconciliation(
    p_reconciliation_id bigint, p_complete boolean, p_whole_log boolean, p_rows_read integer, p_checked integer, p_unchecked integer
) returns void
language plpgsql security definer set search_path = billcopy, pg_temp as $$
declare
    comparison reconciliations := reconciliation_at_work(p_reconciliation_id);
begin
    update reconciliations set finished_at = clock_timestamp(), complete = p_complete, whole_log = p_whole_log, rows_read = p_rows_read,
        deliveries_checked = p_checked, deliveries_unchecked = p_unchecked
    where id = comparison.id;
    perform act_as(format('bot run %s', comparison.bot_run_id));
    perform record_event('portal', comparison.portal, 'reconciled', p_detail => jsonb_build_object(
        'since', comparison.since, 'complete', p_complete, 'rows', p_rows_read, 'checked', p_checked, 'unchecked', p_unchecked
    ));
end
$$;

create or replace function billcopy.list_reconciliations(p_portal text, p_count integer)
returns table (
    reconciliation_id bigint, since timestamptz, started_at timestamptz, finished_at timestamptz, complete boolean, whole_log boolean,
    rows_read integer, deliveries_checked integer, deliveries_unchecked integer
)
language sql stable security definer set search_path = billcopy, pg_temp as $$
    -- The newest first; one that never finished says so by what is missing.
    select r.id, r.since, r.started_at, r.finished_at, r.complete, r.whole_log, r.rows_read, r.deliveries_checked, r.deliveries_unchecked
    from reconciliations as r where r.portal = p_portal order by r.id desc limit p_count
$$;

create or replace function billcopy.list_findings(p_portal text, p_even_done boolean)
returns table (
    kind text, subject text, invoice_number text, sent_at timestamptz, recipient_masked text, request_id bigint,
    found_at timestamptz, gone_at timestamptz, looked_after_by text, looked_after_reason text
)
language sql stable security definer set search_path = billcopy, pg_temp as $$
    -- Open findings, or all.
    select f.kind, f.subject, f.invoice_number, f.sent_at, f.recipient_masked, f.request_id, f.found_at, f.gone_at,
        f.looked_after_by, f.looked_after_reason
    from reconciliation_findings as f
    where f.portal = p_portal and (p_even_done or f.gone_at is null and f.looked_after_at is null) order by f.found_at, f.id
$$;
