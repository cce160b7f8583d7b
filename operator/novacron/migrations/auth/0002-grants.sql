-- Who may do what in this schema. Both roles are for logins of workloads; neither may change the schema.
-- New tables may be read and appended to by auth; what may be changed or deleted is said where the table is made.

GRANT USAGE ON SCHEMA auth TO novacron_auth, novacron_query;

ALTER DEFAULT PRIVILEGES IN SCHEMA auth GRANT SELECT, INSERT ON TABLES TO novacron_auth;

GRANT SELECT, INSERT, UPDATE
    ON auth.organizations, auth.users, auth.service_accounts, auth.sessions, auth.refresh_tokens TO novacron_auth;
GRANT SELECT, INSERT ON auth.revocations, auth.audit TO novacron_auth;
GRANT SELECT ON auth._yoyo_migration TO novacron_auth;

GRANT SELECT ON auth.user_directory TO novacron_query;
