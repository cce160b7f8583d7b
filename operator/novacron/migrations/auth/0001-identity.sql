-- Organizations, people, service accounts, sessions, refresh tokens, revocations and the audit log.
-- Owned by novacron_owner; who may do what: 0002.

CREATE TABLE auth.organizations (
    id         uuid        PRIMARY KEY DEFAULT gen_random_uuid(),
    name       text        NOT NULL CHECK (char_length(name) BETWEEN 1 AND 128),
    active     boolean     NOT NULL DEFAULT true,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX organizations_name ON auth.organizations (lower(name));

CREATE TABLE auth.users (
    id                  uuid        PRIMARY KEY DEFAULT gen_random_uuid(),
    organization_id     uuid        REFERENCES auth.organizations (id),
    email               text        NOT NULL CHECK (char_length(email) BETWEEN 3 AND 254),
    username            text        NOT NULL CHECK (char_length(username) BETWEEN 1 AND 128),
    role                text        NOT NULL CHECK (role IN ('viewer', 'operator', 'admin', 'platform-admin')),
    status              text        NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'inactive')),
    password_hash       text        NOT NULL,
    password_expires_at timestamptz,                        -- a one-time password; NULL: one that its owner chose
    tokens_not_before   timestamptz NOT NULL DEFAULT '-infinity',  -- access tokens issued earlier are refused
    last_login          timestamptz,
    created_at          timestamptz NOT NULL DEFAULT now(),
    updated_at          timestamptz NOT NULL DEFAULT now(),
    CHECK ((role = 'platform-admin') = (organization_id IS NULL))
);
CREATE UNIQUE INDEX users_email ON auth.users (lower(email));
CREATE INDEX users_organization ON auth.users (organization_id, created_at, id);
CREATE INDEX users_created ON auth.users (created_at, id);

CREATE TABLE auth.service_accounts (
    id                uuid        PRIMARY KEY DEFAULT gen_random_uuid(),  -- also the client_id
    organization_id   uuid        NOT NULL REFERENCES auth.organizations (id),
    name              text        NOT NULL CHECK (char_length(name) BETWEEN 1 AND 128),
    secret_sha256     bytea       NOT NULL CHECK (octet_length(secret_sha256) = 32),
    scopes            text[]      NOT NULL,
    active            boolean     NOT NULL DEFAULT true,
    tokens_not_before timestamptz NOT NULL DEFAULT '-infinity',
    last_used         timestamptz,
    created_at        timestamptz NOT NULL DEFAULT now(),
    updated_at        timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX service_accounts_name ON auth.service_accounts (organization_id, lower(name));

CREATE TABLE auth.sessions (
    id             uuid        PRIMARY KEY DEFAULT gen_random_uuid(),  -- claim sid: stable, not a secret
    user_id        uuid        NOT NULL REFERENCES auth.users (id),
    rotation       integer     NOT NULL DEFAULT 0 CHECK (rotation >= 0),  -- claim rot
    rotated_at     timestamptz NOT NULL DEFAULT now(),
    last_active_at timestamptz NOT NULL DEFAULT now(),
    created_at     timestamptz NOT NULL DEFAULT now(),
    expires_at     timestamptz NOT NULL,
    ended_at       timestamptz,
    end_reason     text,
    network        text        NOT NULL,  -- of the client at login: an IPv4 address, or an IPv6 /64
    user_agent     text        NOT NULL CHECK (char_length(user_agent) <= 256),
    CHECK ((ended_at IS NULL) = (end_reason IS NULL))
);
CREATE INDEX sessions_open ON auth.sessions (user_id, created_at) WHERE ended_at IS NULL;
CREATE INDEX sessions_expiry ON auth.sessions (expires_at);

CREATE TABLE auth.refresh_tokens (
    sha256     bytea       PRIMARY KEY CHECK (octet_length(sha256) = 32),
    session_id uuid        NOT NULL REFERENCES auth.sessions (id) ON DELETE CASCADE,  -- the family
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    used_at    timestamptz,
    successor  bytea,  -- answer to a repetition within the grace, encrypted under a key derived from the token itself
    CHECK (successor IS NULL OR used_at IS NOT NULL)
);
CREATE INDEX refresh_tokens_session ON auth.refresh_tokens (session_id);
CREATE INDEX refresh_tokens_expiry ON auth.refresh_tokens (expires_at);

-- What the other workloads poll. Rows are inserted under one advisory lock, so that ids become visible in their order.
CREATE TABLE auth.revocations (
    id         bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    sid        uuid,
    jti        text,
    sub        uuid,
    rotation   integer,      -- with sid: the session goes on with this claim rot; NULL: it has ended
    not_before timestamptz,  -- with sub: access tokens issued earlier are refused
    at         timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at timestamptz NOT NULL,  -- no token that this concerns lives longer
    CHECK (num_nonnulls(sid, jti, sub) = 1),
    CHECK (rotation IS NULL OR sid IS NOT NULL),
    CHECK ((sub IS NULL) = (not_before IS NULL))
);
CREATE INDEX revocations_expiry ON auth.revocations (expires_at);

CREATE TABLE auth.audit (
    id              bigint      GENERATED ALWAYS AS IDENTITY,
    at              timestamptz NOT NULL DEFAULT clock_timestamp(),
    type            text        NOT NULL,
    organization_id uuid,
    subject         text,  -- who did it: an id, never an e-mail address
    object          text,  -- what it was done to: an id
    network         text,
    request_id      text,
    details         jsonb       NOT NULL DEFAULT '{}',
    PRIMARY KEY (at, id)
) PARTITION BY RANGE (at);  -- partitions: 0003
CREATE INDEX audit_organization ON auth.audit (organization_id, at DESC, id DESC);
CREATE INDEX audit_subject ON auth.audit (subject, at DESC, id DESC);

-- What query reads of people: no credentials.
CREATE VIEW auth.user_directory AS
SELECT id, email, username, status, created_at, updated_at, last_login, role, organization_id
FROM auth.users;
