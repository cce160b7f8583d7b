-- Who may do what in this schema. Samples are never changed, and whole partitions of them go, by the owner's hand.

GRANT USAGE ON SCHEMA query TO novacron_query;

GRANT SELECT, INSERT, UPDATE ON query.vms, query.vm_latest, query.vm_rollup_1m, query.vm_rollup_5m TO novacron_query;
GRANT SELECT, INSERT ON query.vm_metrics TO novacron_query;
GRANT SELECT ON query._yoyo_migration TO novacron_query;
