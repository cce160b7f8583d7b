-- One partition of auth.audit for each month, in UTC. Retention drops whole partitions: deleting rows would cost a
-- vacuum of the table, and a right to delete. There is no default partition: rows that fell into it would keep the
-- partition of their month from being made for ever, and each attachment would scan it.

CREATE PROCEDURE auth.make_audit_partitions(months_ahead integer)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET timezone = 'UTC'
AS $$
DECLARE
    first timestamptz;
    name  text;
BEGIN
    FOR first IN
        SELECT generate_series(
            date_trunc('month', now()), date_trunc('month', now()) + make_interval(months => months_ahead), '1 month'
        )
    LOOP
        name := to_char(first, '"audit_"YYYY"_"MM');
        CONTINUE WHEN to_regclass(format('auth.%I', name)) IS NOT NULL;
        -- made beside and then attached: CREATE TABLE ... PARTITION OF would shut out every insert meanwhile
        EXECUTE format('CREATE TABLE auth.%I (LIKE auth.audit INCLUDING DEFAULTS)', name);
        EXECUTE format(
            'ALTER TABLE auth.audit ATTACH PARTITION auth.%I FOR VALUES FROM (%L) TO (%L)',
            name, first, first + interval '1 month'
        );
    END LOOP;
END
$$;

REVOKE ALL ON PROCEDURE auth.make_audit_partitions FROM PUBLIC;

CALL auth.make_audit_partitions(3);
