"""Deletion leaves nothing behind, and says what hangs as long as there is somebody to say it."""

from __future__ import annotations

import pytest

from tests.support.place import Place, small
from tests.support.waiting import until

pytestmark = pytest.mark.simulated_node


@pytest.mark.parametrize("propagation", ["Background", "Foreground"])
def test_everything_goes(place: Place, propagation: str) -> None:
    place.submit(small(place.namespace))
    place.until_ready()
    mark = place.mark()
    place.client.delete("NovaCron", place.namespace, "novacron", propagation)
    until(lambda: place.client.get("NovaCron", place.namespace, "novacron") is None, "the resource is gone", 60)
    until(lambda: not place.children(), "its children are gone", 60)
    writes = [str(call) for call in place.writes(mark) if call.subresource != "status"]
    assert writes == [], "the operator made something while it was deleted"


def test_a_child_that_hangs_is_named_in_a_foreground_deletion(place: Place) -> None:
    place.submit(small(place.namespace))
    place.until_ready()
    hang = {"metadata": {"finalizers": ["tests.novacron.io/hang"]}}
    place.client.patch("ConfigMap", place.namespace, "novacron-jwks", hang)
    place.client.delete("NovaCron", place.namespace, "novacron", "Foreground")

    def told() -> bool:
        conditions = {item["type"]: item for item in place.novacron()["status"]["conditions"]}
        message = conditions["Ready"]["message"]
        assert conditions["Ready"]["reason"] == "Deleting", conditions["Ready"]
        assert message.endswith("ConfigMap/novacron-jwks"), message
        return bool(conditions["Stalled"]["status"] == "False")

    until(told, "the hanging child, and it alone, is named", 60)
    place.client.patch("ConfigMap", place.namespace, "novacron-jwks", {"metadata": {"finalizers": None}})
    until(lambda: place.client.get("NovaCron", place.namespace, "novacron") is None, "the resource is gone", 60)
    assert place.children() == {}


def test_the_same_name_again_at_once(place: Place) -> None:
    """The children of the predecessor are still there: waited for, not taken, not called a conflict."""
    place.submit(small(place.namespace))
    place.until_ready()
    old = place.novacron()["metadata"]["uid"]
    place.client.delete("NovaCron", place.namespace, "novacron")
    place.submit(small(place.namespace))
    place.until_ready()
    place.until_quiet()
    new = place.novacron()["metadata"]["uid"]
    assert old != new
    owners = {owner["uid"] for child in place.children().values() for owner in child["metadata"]["ownerReferences"]}
    assert owners == {new}
    assert [event["note"] for event in place.events() if "NameConflict" in event["note"]] == []
