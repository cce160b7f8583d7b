"""What migrations make: for each of them, the columns that it adds, with the types of PostgreSQL's catalogue.

A test applies the migrations one by one and compares all of it with what is there after each.
"""

from __future__ import annotations

from collections.abc import Mapping

COLUMNS: Mapping[str, Mapping[str, Mapping[str, str]]] = {
    "auth": {
        "0001-identity": {
            "table organizations": "id uuid, name text, active bool, created_at timestamptz, updated_at timestamptz",
            "table users": (
                "id uuid, organization_id uuid, email text, username text, role text, status text, password_hash text, "
                "password_expires_at timestamptz, tokens_not_before timestamptz, last_login timestamptz, "
                "created_at timestamptz, updated_at timestamptz"
            ),
            "table service_accounts": (
                "id uuid, organization_id uuid, name text, secret_sha256 bytea, scopes _text, active bool, "
                "tokens_not_before timestamptz, last_used timestamptz, created_at timestamptz, updated_at timestamptz"
            ),
            "table sessions": (
                "id uuid, user_id uuid, rotation int4, rotated_at timestamptz, last_active_at timestamptz, "
                "created_at timestamptz, expires_at timestamptz, ended_at timestamptz, end_reason text, network text, "
                "user_agent text"
            ),
            "table refresh_tokens": (
                "sha256 bytea, session_id uuid, created_at timestamptz, expires_at timestamptz, used_at timestamptz, "
                "successor bytea"
            ),
            "table revocations": (
                "id int8, sid uuid, jti text, sub uuid, rotation int4, not_before timestamptz, active bool, "
                "at timestamptz, expires_at timestamptz"
            ),
            "partitioned table audit": (
                "id int8, at timestamptz, type text, organization_id uuid, subject text, object text, network text, "
                "request_id text, details jsonb"
            ),
            "view user_directory": (
                "id uuid, email text, username text, status text, created_at timestamptz, updated_at timestamptz, "
                "last_login timestamptz, role text, organization_id uuid"
            ),
        },
        "0004-organization-directory": {
            "view organization_directory": "id uuid, name text, active bool, created_at timestamptz",
        },
    },
    "query": {
        "0001-metrics": {
            "table vms": (
                "id uuid, organization_id uuid, name text, status text, cpu_cores int4, memory_mb int4, "
                "created_at timestamptz, updated_at timestamptz, deleted_at timestamptz"
            ),
            "partitioned table vm_metrics": (
                "vm_id uuid, timestamp timestamptz, cpu_usage float8, memory_usage float8, disk_usage float8, "
                "network_in_bytes int8, network_out_bytes int8"
            ),
            "table vm_latest": (
                "vm_id uuid, timestamp timestamptz, cpu_usage float8, memory_usage float8, disk_usage float8, "
                "network_in_bytes int8, network_out_bytes int8"
            ),
            "partitioned table vm_rollup_1m": (
                "bucket timestamptz, vm_id uuid, cpu_count int4, cpu_sum float8, cpu_max float8, memory_count int4, "
                "memory_sum float8"
            ),
            "partitioned table vm_rollup_5m": "bucket timestamptz, vm_id uuid, cpu_max float8",
        },
    },
}
"""Schema -> migration -> kind and name -> columns."""
