"""What a sample must be: whatever is read can be kept as it is, and whatever is not says why without saying what."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from novacron.query.domain.sample import AHEAD, InvalidSample, Sample, SampleReader, taken_for
from novacron.query.service.ingest import SentSample

ID = "6f1d2c3b-0000-4000-8000-0123456789ab"
NOON = "2026-01-31T12:00:00Z"

PERCENT = st.none() | st.floats(0, 100) | st.integers(0, 100)
BYTES = st.none() | st.integers(0, 2**63 - 1)
OFFSETS = st.integers(-23 * 60 - 59, 23 * 60 + 59).map(lambda minutes: timezone(timedelta(minutes=minutes)))
MOMENTS = st.datetimes(timezones=OFFSETS)


def _read(**members: Any) -> Sample:
    return SampleReader().read({"vm_id": ID, "timestamp": NOON, **members})


@given(
    sample=st.builds(Sample, st.uuids(), MOMENTS, PERCENT, PERCENT, PERCENT, BYTES, BYTES),
    left_out=st.sets(st.sampled_from(Sample._fields[2:])),
)
def test_what_is_written_is_read(sample: Sample, left_out: set[str]) -> None:
    """Through the JSON of another library; a member that is not there was not measured. The document says so too."""
    written = {**sample._asdict(), "vm_id": str(sample.vm_id).upper(), "timestamp": sample.timestamp.isoformat()}
    text = json.dumps({name: value for name, value in written.items() if name not in left_out})
    SentSample.model_validate_json(text)
    read = SampleReader().read(orjson.loads(text))
    assert read._asdict() == sample._asdict() | dict.fromkeys(left_out)
    assert all(type(usage) in (float, type(None)) for usage in read[2:5])


@given(members=st.dictionaries(st.sampled_from(Sample._fields), st.from_type(object).map(repr) | st.floats() | BYTES))
def test_whatever_is_sent_is_read_or_refused(members: dict[str, Any]) -> None:
    """Nothing that was read can fail in the table."""
    try:
        read = _read(**members)
    except InvalidSample:
        return
    assert read.timestamp.tzinfo is not None
    for usage in (read.cpu_usage, read.memory_usage, read.disk_usage):
        assert usage is None or (math.isfinite(usage) and 0 <= usage <= 100)
    for count in (read.network_in_bytes, read.network_out_bytes):
        assert count is None or 0 <= count < 2**63


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-01-31T12:00:00Z", datetime(2026, 1, 31, 12, tzinfo=UTC)),
        ("2026-01-31T12:00:00.5Z", datetime(2026, 1, 31, 12, 0, 0, 500_000, tzinfo=UTC)),
        ("2026-01-31T12:00:00.123456789+02:00", datetime(2026, 1, 31, 10, 0, 0, 123_456, tzinfo=UTC)),
        ("2024-02-29T23:59:59-00:00", datetime(2024, 2, 29, 23, 59, 59, tzinfo=UTC)),
    ],
)
def test_moments(text: str, moment: datetime) -> None:
    assert _read(timestamp=text).timestamp == moment


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ({"vm_id": None}, "vm_id: is no text"),
        ({"vm_id": 5}, "vm_id: is no text"),
        ({"vm_id": "canary"}, "vm_id: is no UUID"),
        ({"vm_id": "6f1d2c3b_0000-4000-8000-0123456789ab"}, "vm_id: is no UUID"),
        ({"vm_id": f"{{{ID}}}"}, "vm_id: is no UUID"),
        ({"vm_id": f"{ID}\n"}, "vm_id: is no UUID"),
        ({"timestamp": None}, "timestamp: is no moment"),
        ({"timestamp": 1_769_860_800}, "timestamp: is no moment"),
        ({"timestamp": "2026-01-31"}, "timestamp: is no moment"),
        ({"timestamp": "2026-01-31T12:00:00"}, "timestamp: is no moment"),
        ({"timestamp": "2026-02-30T12:00:00Z"}, "timestamp: is no moment"),
        ({"timestamp": "2026-01-31T12:00:60Z"}, "timestamp: is no moment"),
        ({"timestamp": "2026-W05-6T12:00:00Z"}, "timestamp: is no moment"),
        ({"timestamp": "now"}, "timestamp: is no moment"),
        ({"timestamp": "infinity"}, "timestamp: is no moment"),
        ({"cpu_usage": "5"}, "cpu_usage: is no number"),
        ({"cpu_usage": True}, "cpu_usage: is no number"),
        ({"cpu_usage": [5]}, "cpu_usage: is no number"),
        ({"cpu_usage": -0.001}, "cpu_usage: is not within 0 to 100"),
        ({"memory_usage": 100.001}, "memory_usage: is not within 0 to 100"),
        ({"disk_usage": math.nan}, "disk_usage: is not within 0 to 100"),
        ({"disk_usage": 10**400}, "disk_usage: is not within 0 to 100"),
        ({"network_in_bytes": 1.0}, "network_in_bytes: is no whole number"),
        ({"network_in_bytes": False}, "network_in_bytes: is no whole number"),
        ({"network_in_bytes": -1}, "network_in_bytes: is not within 0"),
        ({"network_out_bytes": 2**63}, "network_out_bytes: is not within 0"),
        ({"canary": 1}, "has an unknown member"),
    ],
)
def test_what_is_refused_and_why(members: dict[str, Any], reason: str) -> None:
    with pytest.raises(InvalidSample) as refused:
        _read(**members)
    assert str(refused.value).startswith(reason)
    assert "canary" not in str(refused.value)


@pytest.mark.parametrize("sent", [None, [], "text", 5, [ID, NOON]])
def test_a_row_that_is_no_object(sent: Any) -> None:
    with pytest.raises(InvalidSample, match="is no object"):
        SampleReader().read(sent)


def test_ids_are_read_once_a_batch() -> None:
    reader = SampleReader()
    first, second = (reader.read({"vm_id": ID, "timestamp": NOON}) for _ in range(2))
    assert first.vm_id is second.vm_id
    assert first.vm_id == UUID(ID)


def test_samples_come_late_as_far_as_there_are_partitions_for_them() -> None:
    assert taken_for(timedelta(hours=1)) == timedelta(hours=1)
    assert taken_for(timedelta(days=400)) == timedelta(days=7)
    assert timedelta(0) < AHEAD <= timedelta(minutes=1)
