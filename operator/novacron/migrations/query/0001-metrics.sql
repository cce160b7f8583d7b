-- Virtual machines, their samples, and what the dashboard reads instead of samples.
-- Owned by novacron_owner; who may do what: 0002. Partitions: 0003.

CREATE TABLE query.vms (
    id              uuid        PRIMARY KEY,               -- its client's
    organization_id uuid        NOT NULL,                  -- of auth.organizations, which may be another database's
    name            text        NOT NULL CHECK (char_length(name) BETWEEN 1 AND 255),
    status          text        NOT NULL CHECK (
        status IN ('pending', 'creating', 'running', 'paused', 'stopped', 'migrating', 'error')
    ),
    cpu_cores       integer     NOT NULL CHECK (cpu_cores BETWEEN 1 AND 65536),
    memory_mb       integer     NOT NULL CHECK (memory_mb > 0),
    created_at      timestamptz NOT NULL DEFAULT now(),
    updated_at      timestamptz NOT NULL DEFAULT now(),
    deleted_at      timestamptz                            -- its samples stay until their time is over
);
CREATE INDEX vms_dashboard ON query.vms (organization_id, status, id)
    INCLUDE (name, cpu_cores, memory_mb, created_at) WHERE deleted_at IS NULL;
CREATE INDEX vms_organization ON query.vms (organization_id, created_at, id) WHERE deleted_at IS NULL;
CREATE INDEX vms_created ON query.vms (created_at, id) WHERE deleted_at IS NULL;

-- One row for each sample. Usages are percent; NULL: not measured. Bytes are counters since the VM's start.
CREATE TABLE query.vm_metrics (
    vm_id             uuid             NOT NULL,
    timestamp         timestamptz      NOT NULL,
    cpu_usage         double precision CHECK (cpu_usage BETWEEN 0 AND 100),
    memory_usage      double precision CHECK (memory_usage BETWEEN 0 AND 100),
    disk_usage        double precision CHECK (disk_usage BETWEEN 0 AND 100),
    network_in_bytes  bigint           CHECK (network_in_bytes >= 0),
    network_out_bytes bigint           CHECK (network_out_bytes >= 0)
) PARTITION BY RANGE (timestamp);
-- a sample is there once; and whatever is asked of a VM's samples is answered from this index alone
CREATE UNIQUE INDEX vm_metrics_series ON query.vm_metrics (vm_id, timestamp)
    INCLUDE (cpu_usage, memory_usage, disk_usage, network_in_bytes, network_out_bytes);
-- a few seconds of all VMs: the edges of the dashboard's windows
CREATE INDEX vm_metrics_time ON query.vm_metrics USING brin (timestamp) WITH (autosummarize = on);

-- The newest sample of each VM.
CREATE TABLE query.vm_latest (
    vm_id             uuid        PRIMARY KEY,
    timestamp         timestamptz NOT NULL,
    cpu_usage         double precision,
    memory_usage      double precision,
    disk_usage        double precision,
    network_in_bytes  bigint,
    network_out_bytes bigint
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 10000);

-- Samples of one VM added up. A bucket is named by its end, and holds what came after its begin up to and including
-- its end: (bucket - length, bucket]. So are the dashboard's windows, which hence are made of whole buckets and two
-- short edges. Counts are of what was measured: NULL is neither added nor counted.
CREATE TABLE query.vm_rollup_1m (
    bucket       timestamptz      NOT NULL,
    vm_id        uuid             NOT NULL,
    cpu_count    integer          NOT NULL,
    cpu_sum      double precision NOT NULL,
    cpu_max      double precision,
    memory_count integer          NOT NULL,
    memory_sum   double precision NOT NULL,
    PRIMARY KEY (bucket, vm_id)
) PARTITION BY RANGE (bucket);

CREATE TABLE query.vm_rollup_5m (
    bucket  timestamptz NOT NULL,
    vm_id   uuid        NOT NULL,
    cpu_max double precision,
    PRIMARY KEY (bucket, vm_id)
) PARTITION BY RANGE (bucket);
