"""From one resource to everything around it, and back to quiet."""

from __future__ import annotations

import pytest

from novacron.core import kinds
from novacron.core.manifest import Ref
from tests.support.api_client import Manifest
from tests.support.neighbours import Neighbours
from tests.support.place import Place, small
from tests.support.resources import minimal
from tests.support.waiting import until

pytestmark = pytest.mark.simulated_node


def owner_of(child: Manifest) -> Manifest:
    owners: list[Manifest] = child["metadata"]["ownerReferences"]
    assert len(owners) == 1
    return owners[0]


def test_a_resource_becomes_ready_and_the_second_pass_writes_nothing(place: Place) -> None:
    place.submit(small(place.namespace))
    place.until_ready()
    place.until_silent()
    before = place.mark()
    place.complete_pass()
    place.until_silent()
    assert place.writes(before, events=True) == []
    uid = place.novacron()["metadata"]["uid"]
    for child in place.children().values():
        owner = owner_of(child)
        assert (owner["kind"], owner["uid"], owner["controller"]) == ("NovaCron", uid, True), child


_GATEWAY = {"type": "Gateway", "hosts": ["a.example.com"], "gateway": {"name": "public", "namespace": "gateways"}}
_INGRESS = {"type": "Ingress", "hosts": ["a.example.com"], "ingress": {"className": "traefik"}}


def test_every_child_deleted_by_hand_returns(place: Place, neighbours: Neighbours) -> None:
    """Of every kind; the Ingress instead of the HTTPRoute in a second round."""
    assert neighbours.moods
    place.submit(minimal(namespace=place.namespace, exposure=_GATEWAY))
    place.until_ready()
    found = _delete_all(place)
    place.edit({"exposure": _INGRESS, "networkPolicy": {"gatewayNamespaces": ["traefik"]}})
    place.until_ready()
    found |= _delete_all(place)
    assert found == set(kinds.BY_KIND)


def _delete_all(place: Place) -> set[str]:
    """Deletes every child and returns the kinds that there were, once all are back."""
    place.until_quiet()
    before = {child: item["metadata"]["uid"] for child, item in place.children().items()}
    for child in before:
        assert place.client.delete(child.kind, child.namespace, child.name), child

    def missing() -> set[Ref]:
        now = {child: item["metadata"]["uid"] for child, item in place.children().items()}
        return {child for child, uid in before.items() if now.get(child) in (None, uid)}

    until(lambda: not missing(), "every child is back with another uid", 60)
    place.until_ready()
    return {child.kind for child in before}
