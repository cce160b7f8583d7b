-- One partition for each day, in UTC, of samples and of what is made of them. There is no default partition: rows that
-- fell into it would keep the partition of their day from being made for ever.

CREATE PROCEDURE query.make_partitions(days_behind integer, days_ahead integer)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET timezone = 'UTC'
AS $$
DECLARE
    parent  text;
    storage text;
    first   timestamptz;
    name    text;
BEGIN
    FOR parent, storage IN VALUES
        -- an index-only scan reads the heap until a vacuum has seen its pages; by default that would wait for a fifth
        -- of the day's rows
        ('vm_metrics', 'autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 200000'),
        -- a bucket is updated by each sample that falls into it, in place while its page has room
        ('vm_rollup_1m', 'fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 50000'),
        ('vm_rollup_5m', 'fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 50000')
    LOOP
        FOR first IN
            SELECT generate_series(
                date_trunc('day', now()) - make_interval(days => days_behind),
                date_trunc('day', now()) + make_interval(days => days_ahead),
                '1 day'
            )
        LOOP
            name := format('%s_%s', parent, to_char(first, 'YYYY_MM_DD'));
            CONTINUE WHEN to_regclass(format('query.%I', name)) IS NOT NULL;
            -- made beside and then attached: CREATE TABLE ... PARTITION OF would shut out every insert meanwhile
            EXECUTE format(
                'CREATE TABLE query.%I (LIKE query.%I INCLUDING DEFAULTS INCLUDING CONSTRAINTS) WITH (%s)',
                name, parent, storage
            );
            EXECUTE format(
                'ALTER TABLE query.%I ATTACH PARTITION query.%I FOR VALUES FROM (%L) TO (%L)',
                parent, name, first, first + interval '1 day'
            );
        END LOOP;
    END LOOP;
END
$$;

REVOKE ALL ON PROCEDURE query.make_partitions FROM PUBLIC;

CALL query.make_partitions(7, 7);
