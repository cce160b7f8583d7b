-- What query reads of organizations.
CREATE VIEW auth.organization_directory AS
SELECT id, name, active, created_at
FROM auth.organizations;

GRANT SELECT ON auth.organization_directory TO novacron_query;
