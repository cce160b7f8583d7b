"""``/api/v1/vms``: virtual machines of the own organization; platform-admins see all, and name the organization."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, Field
from starlette.requests import Request
from starlette.responses import Response

from novacron.query.domain import vm
from novacron.query.domain.caller import Caller, ForeignOrganization
from novacron.query.service import listing
from novacron.query.service.asking import OPERATORS, PEOPLE, TAGGED, Asking
from novacron.query.service.listing import ListQuery
from novacron.query.service.parameters import Id, Text, identified, missing, view
from novacron.query.service.store import vms
from novacron.query.service.store.database import Transaction
from novacron.query.service.store.vms import VmFilter, VmValues
from novacron.workload.service import answers, pages
from novacron.workload.service.answers import Body, Refusal, Sent
from novacron.workload.service.operations import Operation
from novacron.workload.service.representation import Representation

VMS = "/api/v1/vms"
VM = "/api/v1/vms/{id}"

Name = Annotated[str, Field(min_length=1, max_length=vm.NAME_LONGEST), AfterValidator(vm.name)]


class VmQuery(ListQuery):
    organization: Id | None = Field(None, description="For platform-admins; others see their own alone.")
    status: vm.Status | None = None
    name: Text | None = Field(None, description="The whole name.")
    sort: Literal["created_at", "-created_at", "name", "-name"] = "created_at"


class VmBody(Body):
    """Args:
    memory_mb: megabytes.
    organization_id: of a new one; for platform-admins, who belong to none.
    """

    name: Name
    status: vm.Status
    cpu_cores: Annotated[int, Field(ge=1, le=vm.CORES_MOST)]
    memory_mb: Annotated[int, Field(ge=1, le=vm.MEMORY_MOST)]
    organization_id: Id | None = None


class Vm(Sent):
    id: UUID
    name: str
    status: vm.Status
    cpu_cores: int
    memory_mb: int
    created_at: datetime
    updated_at: datetime
    organization_id: UUID


class VmPage(Sent):
    items: list[Vm]
    next: str | None


class Vms:
    """The operations."""

    def __init__(self, asking: Asking) -> None:
        self._asking = asking

    def operations(self) -> list[Operation]:
        gone = {404: "There is no such virtual machine, or not in your organization."}
        taken = {409: "The id is taken, in whichever organization."}
        put = "Create a virtual machine (201), or replace what is known of it (200)"
        return [
            Operation(
                "GET", VMS, self._list, "List virtual machines", PEOPLE, query=VmQuery, answer=VmPage, headers=TAGGED
            ),
            Operation(
                "GET", VM, self._read, "Read a virtual machine", PEOPLE, answer=Vm, refusals=gone, headers=TAGGED
            ),
            Operation("PUT", VM, self._put, put, OPERATORS, body=VmBody, answer=Vm, refusals=taken),
            Operation(
                "DELETE",
                VM,
                self._delete,
                "Delete a virtual machine; its samples stay until their time is over",
                OPERATORS,
                status=204,
                refusals=gone,
            ),
        ]

    async def _list(self, request: Request) -> Response:
        wanted = answers.query(request, VmQuery)
        size = wanted.size(self._asking.settings.page_size)
        caller = self._asking.caller(request)
        filters = VmFilter(view(caller, wanted.organization), wanted.status, wanted.name)
        given = listing.given(filters)
        one = pages.List(f"vms by {wanted.sort}", given)
        kind = pages.text if wanted.sort.endswith("name") else pages.moment
        after = one.position(wanted.cursor, kind, pages.identifier)
        arguments = {**given, "sort": wanted.sort, "limit": size}
        async with self._asking.database.reading("vms", caller, arguments) as transaction:
            page = await vms.listed(transaction, filters, wanted.sort, limit=size, after=after)
            transaction.rows = page.shown
        return await listing.written(page, one).answer(request)

    async def _read(self, request: Request) -> Response:
        vm_id, caller = identified(request), self._asking.caller(request)
        async with self._asking.database.reading("vm", caller, {"id": vm_id}) as transaction:
            found = await vms.read(transaction, vm_id, view(caller, None))
            if found is None:
                raise missing()
            transaction.rows = 1
        return await Representation(found.encode()).answer(request)

    async def _put(self, request: Request) -> Response:
        vm_id, caller = identified(request), self._asking.caller(request)
        given = await answers.body(request, VmBody)
        home = _home(caller, given.organization_id)
        values = VmValues(given.name, given.status, given.cpu_cores, given.memory_mb)
        arguments = {"id": vm_id, "organization": home, "status": given.status}
        async with self._asking.database.writing("vm_put", caller, arguments) as transaction:
            if given.organization_id is not None:
                await _check(transaction, home)
            made = await vms.put(transaction, vm_id, home, values)
            if made is None:
                raise Refusal(409, "id: is taken; choose another one.")
            transaction.rows = 1
        return answers.content(made.document.encode(), 201 if made.made else 200)

    async def _delete(self, request: Request) -> Response:
        vm_id, caller = identified(request), self._asking.caller(request)
        async with self._asking.database.writing("vm_delete", caller, {"id": vm_id}) as transaction:
            if not await vms.delete(transaction, vm_id, view(caller, None)):
                raise missing()
            transaction.rows = 1
        return answers.nothing()


def _home(caller: Caller, asked: UUID | None) -> UUID:
    """The organization of a VM that is put. Raises ``Refusal``."""
    try:
        home = view(caller, asked)
    except ForeignOrganization:
        raise Refusal(403, "organization_id: is not your own; leave it out.") from None
    if home is None:
        raise Refusal(400, "organization_id: is not there, and you belong to none; name the organization.")
    return home


async def _check(transaction: Transaction, organization: UUID) -> None:
    """Raises ``Refusal`` where there is no such organization."""
    if not await vms.organization_is_known(transaction, organization):
        raise Refusal(400, "organization_id: there is no such organization, or it is not active; list them.")
