-- start_reconciliation
-- A bot run begins to compare.
select billcopy.start_reconciliation(%(bot_run_id)s, %(since)s) as id;

-- deliveries_to_compare
-- What the log must show.
select
    delivery_id,
    invoice_number,
    account,
    proof_kind
from billcopy.deliveries_to_compare(%(reconciliation_id)s);

-- compare_sent_log
-- Judges what one look showed.
select
    rows_without_delivery,
    deliveries_without_row,
    rows_twice
from billcopy.compare_sent_log(
    %(reconciliation_id)s, %(proof_kind)s, %(rows)s, %(delivery_ids)s::bigint [], %(complete)s
);

-- finish_reconciliation
-- What was seen, all in all.
select
    billcopy.finish_reconciliation(
        %(reconciliation_id)s, %(complete)s, %(whole_log)s, %(rows_read)s, %(checked)s, %(unchecked)s
    );

-- list_reconciliations
-- When it was compared, and how far.
select
    reconciliation_id,
    since,
    started_at,
    finished_at,
    complete,
    whole_log,
    rows_read,
    deliveries_checked,
    deliveries_unchecked
from billcopy.list_reconciliations(%(portal)s, %(count)s);

-- list_findings
-- What differs.
select
    kind,
    subject,
    invoice_number,
    sent_at,
    recipient_masked,
    request_id,
    found_at,
    gone_at,
    looked_after_by,
    looked_after_reason
from billcopy.list_findings(%(portal)s, %(even_done)s);
