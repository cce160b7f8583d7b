"""Single values: durations, quantities, networks, and the arithmetic that crosses the spec."""

from __future__ import annotations

import ipaddress
import re
from datetime import timedelta

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from novacron.api.v1alpha1 import InvalidResource, validate
from novacron.api.v1alpha1.crossing import connection_share, effective_min
from novacron.api.v1alpha1.durations import Duration
from novacron.api.v1alpha1.environment import RESERVED_ENV
from tests.support.refusals import ACCEPTED
from tests.support.resources import changed, minimal


def accepted(path: str, value: object) -> bool:
    try:
        validate(changed(minimal(), {path: value}))
    except InvalidResource:
        return False
    return True


@pytest.mark.parametrize(
    ("text", "seconds"), [("30s", 30), ("1h30m", 5400), ("7d", 604800), ("1d2h3m4s", 93784), ("0s", 0)]
)
def test_duration_in_seconds(text: str, seconds: int) -> None:
    assert Duration(text).seconds == seconds
    assert Duration(text).delta == timedelta(seconds=seconds)


def test_duration_is_plain_text_in_a_manifest() -> None:
    jwt = validate(minimal()).spec.auth.jwt
    assert isinstance(jwt.token_ttl, Duration)
    assert "tokenTTL: 1h" in yaml.safe_dump(jwt.manifest())


@given(st.integers(3600, 3650 * 86400))
def test_duration_within_bounds_is_accepted_in_every_notation(seconds: int) -> None:
    days, rest = divmod(seconds, 86400)
    hours, rest = divmod(rest, 3600)
    texts = {f"{days}d{hours}h{rest // 60}m{rest % 60}s"}
    if seconds < 10**8:
        texts.add(f"{seconds}s")
    for text in texts:
        assert accepted("spec.query.retention", text), text


@given(st.ip_addresses(), st.integers(0, 128))
def test_cidr_is_accepted_exactly_when_it_is_a_bounded_network(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address, prefix: int
) -> None:
    length = prefix % (address.max_prefixlen + 1)
    network = ipaddress.ip_network(f"{address}/{length}", strict=False)
    # IPv4 in IPv6 clothes: NetworkPolicies refuse it
    plain = getattr(network.network_address, "ipv4_mapped", None) is None
    assert accepted("spec.database.cidrs", [str(network)]) == (plain and length > 0)
    clean = network.network_address == address
    assert accepted("spec.database.cidrs", [f"{address}/{length}"]) == (plain and clean and length > 0)


@given(st.ip_addresses(v=6), st.integers(1, 128))
def test_cidr_has_one_spelling(address: ipaddress.IPv6Address, prefix: int) -> None:
    network = ipaddress.ip_network(f"{address}/{prefix}", strict=False)
    for spelling in {network.exploded, str(network).upper(), str(network).replace("/", "/0")} - {str(network)}:
        assert not accepted("spec.database.cidrs", [spelling]), spelling


@given(st.ip_addresses())
def test_an_address_is_a_host_and_one_of_an_url_unless_it_is_ipv4_in_ipv6(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    plain = getattr(address, "ipv4_mapped", None) is None
    text = f"[{address}]" if address.version == 6 else str(address)
    assert accepted("spec.database.host", str(address)) == plain
    for rest in ("", ":8200", "/v1", ":8200/v1/x"):
        assert accepted("spec.secrets.vault.server", f"https://{text}{rest}") == plain
        assert not accepted("spec.secrets.vault.server", f"https://{text[:-1]}.{rest}")


@given(st.text(alphabet="aZ09-_./ é\n", max_size=6))
def test_keys_and_values_of_labels_are_kubernetes_own(text: str) -> None:
    """apimachinery ``IsQualifiedName`` and ``IsValidLabelValue``."""
    name = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
    part = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
    key = re.fullmatch(rf"({part}(\.{part})*/)?{name}", text) is not None
    value = re.fullmatch(f"({name})?", text) is not None
    assert accepted("spec.api.nodeSelector", {text: "x"}) == key
    assert accepted("spec.api.nodeSelector", {"x": text}) == value
    assert accepted("spec.api.tolerations", [{"key": text, "operator": "Exists"}]) == key
    assert accepted("spec.api.tolerations", [{"key": "x", "value": text}]) == value


@given(st.integers(8, 2000), st.integers(3, 60), st.integers(3, 60))
def test_connection_budget_is_refused_exactly_below_a_share_of_two(budget: int, auth: int, query: int) -> None:
    resource = changed(
        minimal(),
        {
            "spec.database.connectionBudget": budget,
            "spec.auth.autoscaling.maxReplicas": auth,
            "spec.query.autoscaling.maxReplicas": query,
        },
    )
    share = (budget - 4) // (2 * (auth + query))
    try:
        assert connection_share(validate(resource).spec) == share
        assert share >= 2
    except InvalidResource:
        assert share < 2


def test_connection_share_at_the_defaults_is_six() -> None:
    assert connection_share(validate(minimal()).spec) == 6


def test_effective_min_makes_room_for_the_solver_only_where_one_can_run() -> None:
    assert effective_min(validate(minimal()).spec) == {
        "cpu": "50m",
        "memory": "128Mi",
        "ephemeral-storage": "500Mi",
    }
    ingress = validate(ACCEPTED["requests at the bound that a solver needs"]).spec
    assert effective_min(ingress) == {"cpu": "10m", "memory": "64Mi", "ephemeral-storage": "500Mi"}
    given_min = validate(changed(minimal(), {"spec.governance.limitRange.min": {"cpu": "20m"}})).spec
    assert effective_min(given_min) == {"cpu": "20m", "memory": "128Mi", "ephemeral-storage": "500Mi"}


@pytest.mark.parametrize("name", RESERVED_ENV)
def test_reserved_name_is_refused(name: str) -> None:
    assert not accepted("spec.api.env", [{"name": name, "value": "x"}])


def test_cpu_is_text_whatever_was_given() -> None:
    resource = changed(minimal(), {"spec.api.resources": {"requests": {"cpu": 1}, "limits": {"cpu": "1500m"}}})
    resources = validate(resource).spec.api.resources
    assert (resources.requests.cpu, resources.limits.cpu) == ("1", "1500m")
