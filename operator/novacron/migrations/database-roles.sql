-- The roles of NovaCron in PostgreSQL 14 or newer, for an administrator to make where `novacron migrate` may not.
-- Run it in NovaCron's database, with the user names of the logins: those of secrets.databaseUsers, or, where one is
-- not given, that of secrets.database. Again, it changes nothing.
--
--   psql -d DATABASE -v migrate=LOGIN -v auth=LOGIN -v query=LOGIN -f database-roles.sql
--
-- A login of its own for auth or query always needs its GRANT from here, or from whoever makes it (a database engine of
-- Vault: in its creation statements): the operator does not know its name.

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['novacron_owner', 'novacron_auth', 'novacron_query'] LOOP
        IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = name) THEN
            EXECUTE format('CREATE ROLE %I NOLOGIN', name);
        END IF;
    END LOOP;
    -- owns the schemas, and makes those that a later version brings
    EXECUTE format('GRANT CREATE ON DATABASE %I TO novacron_owner', current_database());
    -- sorts what it ingests in a table of its session; by default everybody may
    EXECUTE format('GRANT TEMPORARY ON DATABASE %I TO novacron_query', current_database());
END
$$;

GRANT novacron_owner TO :"migrate";
GRANT novacron_auth TO :"auth";
GRANT novacron_query TO :"query";
