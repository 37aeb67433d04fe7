-- Roles: what each login may do. No role may write any table; every change goes through a function.

revoke all on all tables in schema billcopy, reporting from public;
revoke all on all functions in schema billcopy from public;
revoke all on schema billcopy, reporting from public;

grant usage on schema billcopy to billcopy_desk, billcopy_bot, billcopy_ops, billcopy_watch;
grant usage on schema reporting to billcopy_desk, billcopy_ops, billcopy_reporting;

grant execute on function
billcopy.submit_request, billcopy.cancel_request, billcopy.hold_request, billcopy.release_request, billcopy.retry_request,
billcopy.set_priority, billcopy.reveal_account, billcopy.story, billcopy.status, billcopy.portal_refusal,
billcopy.desk_portals, billcopy.list_requests, billcopy.count_open_requests, billcopy.count_needing_a_person, billcopy.find_request, billcopy.asks_the_same,
billcopy.worklist, billcopy.look_after
to billcopy_desk;

grant execute on function
billcopy.start_bot_run, billcopy.finish_bot_run, billcopy.take_portal_lock, billcopy.claim_next, billcopy.renew_lease,
billcopy.plan_deliveries, billcopy.deliveries_in_hand, billcopy.begin_delivery, billcopy.record_click,
billcopy.confirm_delivery, billcopy.report_absent, billcopy.reject_delivery, billcopy.settle_request, billcopy.used_proofs,
billcopy.record_step, billcopy.record_steps, billcopy.record_evidence, billcopy.record_credential_read,
billcopy.record_browser, billcopy.refused_secret_version,
billcopy.open_breaker, billcopy.report_session_failure, billcopy.peek_requests, billcopy.portal_refusal, billcopy.portal_timings, billcopy.database_now
to billcopy_bot;

grant execute on function
billcopy.register_portal, billcopy.configure_portal, billcopy.stop_portal, billcopy.resume_portal, billcopy.close_breaker,
billcopy.schedule_maintenance, billcopy.count_claimable, billcopy.expired_leases, billcopy.rescue_request,
billcopy.requeue_requests, billcopy.decide_doubt, billcopy.approve_doubt, billcopy.erase_subject, billcopy.dag_run_summary,
billcopy.story, billcopy.status, billcopy.portal_refusal, billcopy.next_due_at,
billcopy.mark_restored, billcopy.record_sent_by_hand,
billcopy.schedule_weekly_maintenance, billcopy.remove_maintenance, billcopy.list_maintenance, billcopy.portal_closure
to billcopy_ops;

grant execute on function
billcopy.conditions_now, billcopy.report_conditions, billcopy.due_notices, billcopy.record_notice, billcopy.list_alarms,
billcopy.watch_figures, billcopy.take_watch
to billcopy_watch;

grant execute on function
billcopy.set_legal_hold, billcopy.lift_legal_hold, billcopy.retention_due, billcopy.erase_due_subjects, billcopy.erase_due_keys,
billcopy.take_due_evidence, billcopy.mark_evidence_erased, billcopy.evidence_to_keep, billcopy.bot_runs_to_keep,
billcopy.export_subject, billcopy.erase_subjects_of
to billcopy_ops;

grant execute on function
billcopy.list_alarms, billcopy.acknowledge_alarm, billcopy.record_sign_of_life,
billcopy.list_reconciliations, billcopy.list_findings
to billcopy_ops;

grant execute on function
billcopy.start_reconciliation, billcopy.deliveries_to_compare, billcopy.compare_sent_log, billcopy.finish_reconciliation
to billcopy_bot;

grant select on all tables in schema reporting to billcopy_reporting, billcopy_ops;
