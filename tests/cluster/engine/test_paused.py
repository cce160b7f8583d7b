"""The annotation novacron.io/paused: children untouched, status still written, nothing claimed to be observed."""

from __future__ import annotations

import pytest

from tests.support.place import Place, small
from tests.support.waiting import until

pytestmark = pytest.mark.simulated_node

_PAUSED = "novacron.io/paused"


def pause(place: Place, value: str | None) -> None:
    body = {"metadata": {"annotations": {_PAUSED: value}}}
    place.client.patch("NovaCron", place.namespace, "novacron", body)


def is_paused(place: Place) -> bool:
    conditions = {item["type"]: item["status"] for item in place.novacron()["status"].get("conditions", [])}
    return conditions.get("Paused") == "True"


def test_a_paused_resource_is_left_alone_until_it_goes_on(place: Place) -> None:
    place.submit(small(place.namespace))
    place.until_ready()
    pause(place, "true")
    until(lambda: is_paused(place), "Paused is True", 20)
    ready = [item for item in place.novacron()["status"]["conditions"] if item["type"] == "Ready"]
    assert ready[0]["status"] == "True", "pausing says nothing new of the workloads"

    mark = place.mark()
    observed = place.novacron()["status"]["observedGeneration"]
    place.edit({"version": "v11.0.0"})
    place.client.delete("Service", place.namespace, "novacron-api")
    place.complete_pass()
    assert [str(call) for call in place.writes(mark) if call.subresource != "status"] == []
    assert place.novacron()["status"]["observedGeneration"] == observed
    assert place.client.get("Service", place.namespace, "novacron-api") is None

    pause(place, None)
    until(lambda: place.client.get("Service", place.namespace, "novacron-api"), "the Service returns", 20)
    place.until_ready()
    assert not is_paused(place)
    image = place.child("Deployment", "novacron-api")["spec"]["template"]["spec"]["containers"][0]["image"]
    assert image.endswith(":v11.0.0")


def test_a_resource_that_is_born_paused(place: Place) -> None:
    resource = small(place.namespace)
    resource["metadata"]["annotations"] = {_PAUSED: "true"}
    place.submit(resource)
    until(lambda: is_paused(place), "Paused is True", 20)
    place.complete_pass()
    assert place.children() == {}
    assert place.novacron()["status"]["observedGeneration"] == -1
    pause(place, "false")
    place.until_ready()
