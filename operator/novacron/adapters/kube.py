"""The Kubernetes API over HTTPS: typed errors, server-side apply, paged lists, watches. No policy, no retries.

Retrying is the queue's work: a pass that fails is made again from the beginning. Nothing here logs bodies: they may
hold what no log may hold.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import aiohttp
import orjson

from novacron.adapters.credentials import Credentials
from novacron.core import labels
from novacron.core.errors import NovaCronError
from novacron.core.manifest import Kind, Manifest

T = TypeVar("T")

_METADATA_ONE = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
_METADATA_LIST = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
_APPLY = "application/apply-patch+yaml"
_NEVER = "1"
"""A resource version that no object has: etcd's first revision comes before the first object."""
_PAGE = 500
_REQUEST_SECONDS = 30
_CONNECT_SECONDS = 5
_LONGEST_LINE = 4 * 1024 * 1024
"""Bytes of one event of a watch: an object with all its annotations fits."""


class ApiError(NovaCronError):
    """The API server's answer to a request that it did not carry out. The text is the server's own, capped."""

    def __init__(self, code: int, reason: str, message: str, retry_after: float = 0) -> None:
        super().__init__(message[:1024] or reason)
        self.code = code
        self.reason = reason
        self.retry_after = retry_after


class NotFound(ApiError):
    """404."""


class Conflict(ApiError):
    """409: a precondition failed, or another field manager owns what was applied without force."""


class Forbidden(ApiError):
    """403: the authorizer or an admission plugin refused."""


class NamespaceTerminating(Forbidden):
    """403: nothing can be created in a namespace that is being deleted."""


class Invalid(ApiError):
    """400 or 422: the object breaks a rule of its kind."""


class Expired(ApiError):
    """410: the resource version is too old; list again."""


class Unreachable(ApiError):
    """No answer, a time-out, 401, 429 or 5xx: the same request may succeed later."""


class Failed(ApiError):
    """500: the API server could not carry out a request, often for a webhook that is down; others may succeed."""


class NotLeading(NovaCronError):
    """A write was stopped because this process may no longer lead."""


_BY_CODE: dict[int, type[ApiError]] = {
    400: Invalid,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    410: Expired,
    422: Invalid,
    500: Failed,
}


@dataclass(frozen=True, slots=True)
class Page:
    """A list at one resource version."""

    items: tuple[Manifest, ...]
    resource_version: str


def path(kind: Kind, namespace: str = "", name: str = "", subresource: str = "") -> str:
    root = f"/apis/{kind.api_version}" if kind.group else f"/api/{kind.api_version}"
    parts = [root]
    if kind.namespaced and namespace:
        parts += ["namespaces", namespace]
    parts += [part for part in (kind.plural, name, subresource) if part]
    return "/".join(parts)


def _allow() -> float:
    return _REQUEST_SECONDS


class Kube:
    """A client of one API server. Use as an async context manager.

    Args:
        permit: called before every write, and during it; gives the seconds after which to ask again, and raises
            ``NotLeading`` where this process must not write.
        observe: called with verb, status code (0 where none came) and seconds, for metrics.
    """

    def __init__(
        self,
        credentials: Credentials,
        *,
        permit: Callable[[], float] = _allow,
        observe: Callable[[str, int, float], None] = lambda _verb, _code, _seconds: None,
        connections: int = 32,
    ) -> None:
        self._credentials = credentials
        self._permit = permit
        self._observe = observe
        self._connections = connections
        # a request's time must not run while it waits for its turn: under load that would look like an outage
        self._turn = asyncio.Semaphore(connections)
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Kube:
        connector = aiohttp.TCPConnector(ssl=self._credentials.tls(), limit=self._connections, keepalive_timeout=60)
        timeout = aiohttp.ClientTimeout(total=_REQUEST_SECONDS, sock_connect=_CONNECT_SECONDS)
        self._session = aiohttp.ClientSession(
            base_url=self._credentials.server, connector=connector, timeout=timeout, headers={"User-Agent": "novacron"}
        )
        return self

    async def __aexit__(self, *_exc: object) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def get(self, kind: Kind, namespace: str, name: str) -> Manifest:
        return await self._object("get", "GET", path(kind, namespace, name))

    async def metadata(self, kind: Kind, namespace: str, name: str) -> Manifest:
        """What an object is called and labelled; nothing else of it leaves the API server."""
        return await self._object("get", "GET", path(kind, namespace, name), headers={"Accept": _METADATA_ONE})

    async def read(self, url: str, accept: str = "application/json") -> Any:
        """A path that is no object: ``/version``, discovery."""
        return await self._json("get", "GET", url, headers={"Accept": accept})

    async def list(
        self,
        kind: Kind,
        namespace: str = "",
        *,
        label_selector: str = "",
        field_selector: str = "",
        metadata_only: bool = False,
    ) -> Page:
        """All objects of a kind, page by page. Raises ``Expired`` where the pages outlived their snapshot."""
        query = {"limit": str(_PAGE)}
        if label_selector:
            query["labelSelector"] = label_selector
        if field_selector:
            query["fieldSelector"] = field_selector
        headers = {"Accept": _METADATA_LIST} if metadata_only else {}
        items: list[Manifest] = []
        while True:
            page = await self._json("list", "GET", path(kind, namespace), query=query, headers=headers)
            for item in page.get("items") or ():
                item["kind"] = kind.kind
                item["apiVersion"] = kind.api_version
                items.append(item)
            following = page["metadata"].get("continue")
            if not following:
                # aggregated APIs, such as metrics.k8s.io, have no versions
                return Page(tuple(items), page["metadata"].get("resourceVersion", ""))
            query = {**query, "continue": following}

    async def watch(
        self, kind: Kind, namespace: str, resource_version: str, *, label_selector: str, silence: float
    ) -> AsyncIterator[tuple[str, Manifest]]:
        """Changes after a resource version, metadata only, until the server ends the stream.

        Args:
            silence: seconds without a byte, bookmarks included, after which the stream counts as dead.

        Raises:
            Expired: list again. Unreachable: the stream broke or fell silent.
        """
        query = {
            "watch": "1",
            "allowWatchBookmarks": "true",
            "resourceVersion": resource_version,
            "labelSelector": label_selector,
            "timeoutSeconds": "600",
        }
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_SECONDS, sock_read=silence)
        try:
            async with self._client.get(
                path(kind, namespace),
                params=query,
                headers={"Accept": _METADATA_ONE, **self._credentials.headers()},
                timeout=timeout,
                read_bufsize=_LONGEST_LINE,
            ) as response:
                self._observe("watch", response.status, 0)
                await _raise_for(response)
                async for line in response.content:
                    event = orjson.loads(line)
                    if event["type"] == "ERROR":
                        raise _error(event["object"].get("code", 500), event["object"])
                    yield event["type"], event["object"]
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise self._unreachable(f"watch of {kind.resource}", error) from error

    async def apply(
        self,
        kind: Kind,
        manifest: Manifest,
        *,
        manager: str = labels.FIELD_MANAGER,
        force: bool = True,
        dry_run: bool = False,
        uid: str = "",
    ) -> Manifest:
        """Server-side apply; unknown fields are refused, never dropped in silence.

        Args:
            uid: of the object that is meant; where another one bears its name by now, or none, nothing is written.

        Raises:
            Conflict: it is not that object.
        """
        meta = manifest["metadata"]
        if uid:
            manifest = {**manifest, "metadata": {**meta, "uid": uid}}
        return await self._apply(path(kind, meta.get("namespace", ""), meta["name"]), manifest, manager, force, dry_run)

    async def apply_new(self, kind: Kind, manifest: Manifest) -> Manifest:
        """Server-side apply of what must not exist yet, in one request.

        A resource version in an apply is compared only where the object exists; one that no object has makes the
        request create or fail (measured on 1.36, as documented for optimistic locking of server-side apply).

        Raises:
            Conflict: an object of that name exists; it is untouched.
        """
        new = {**manifest, "metadata": {**manifest["metadata"], "resourceVersion": _NEVER}}
        return await self.apply(kind, new)

    async def apply_status(self, kind: Kind, manifest: Manifest, *, manager: str = labels.FIELD_MANAGER) -> Manifest:
        meta = manifest["metadata"]
        url = path(kind, meta["namespace"], meta["name"], "status")
        return await self._apply(url, manifest, manager, True, False)

    async def _apply(self, url: str, manifest: Manifest, manager: str, force: bool, dry_run: bool) -> Manifest:
        query = {"fieldManager": manager, "fieldValidation": "Strict"}
        if force:
            query["force"] = "true"
        if dry_run:
            query["dryRun"] = "All"
        return await self._object("apply", "PATCH", url, query=query, body=manifest, content_type=_APPLY)

    async def json_patch(
        self, kind: Kind, namespace: str, name: str, operations: Sequence[Mapping[str, Any]]
    ) -> Manifest:
        url = path(kind, namespace, name)
        query = {"fieldManager": labels.FIELD_MANAGER}
        return await self._object(
            "patch", "PATCH", url, query=query, body=list(operations), content_type="application/json-patch+json"
        )

    async def create(self, kind: Kind, manifest: Manifest) -> Manifest:
        query = {"fieldManager": labels.FIELD_MANAGER, "fieldValidation": "Strict"}
        return await self._object(
            "create", "POST", path(kind, manifest["metadata"].get("namespace", "")), query=query, body=manifest
        )

    async def replace(self, kind: Kind, manifest: Manifest) -> Manifest:
        """PUT; the ``resourceVersion`` in the manifest makes it a compare-and-set."""
        meta = manifest["metadata"]
        return await self._object("update", "PUT", path(kind, meta.get("namespace", ""), meta["name"]), body=manifest)

    async def delete(self, kind: Kind, namespace: str, name: str, uid: str) -> None:
        """Deletes exactly that object; its dependents go in the background."""
        options = {
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "propagationPolicy": "Background",
            "preconditions": {"uid": uid},
        }
        await self._json("delete", "DELETE", path(kind, namespace, name), body=options)

    @property
    def _client(self) -> aiohttp.ClientSession:
        if self._session is None:
            raise RuntimeError("Kube is used outside its context")
        return self._session

    def _unreachable(self, what: str, error: Exception) -> Unreachable:
        """In words; some of the client's errors have none but their class name."""
        words = getattr(error, "strerror", None) or str(error) or type(error).__name__
        text = f"{self._credentials.server} did not answer ({what}): {words}; check the address and the network"
        return Unreachable(0, type(error).__name__, text)

    async def _object(self, verb: str, method: str, url: str, **request: Any) -> Manifest:
        answer: Manifest = await self._json(verb, method, url, **request)
        return answer

    async def _json(
        self,
        verb: str,
        method: str,
        url: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Any = None,
        content_type: str = "application/json",
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        sent = {**(headers or {}), **self._credentials.headers()}
        if body is not None:
            sent["Content-Type"] = content_type
        async with self._turn:
            request = self._sent(verb, method, url, query, body, sent)
            if method == "GET" or "dryRun" in (query or {}):
                return await request
            return await self._while_permitted(request)

    async def _while_permitted(self, request: Coroutine[Any, Any, T]) -> T:
        """A write goes on for as long as the permission to write does, which may be renewed meanwhile."""
        try:
            seconds = self._permit()
        except NotLeading:
            request.close()
            raise
        task = asyncio.ensure_future(request)
        try:
            while not (await asyncio.wait({task}, timeout=seconds))[0]:
                seconds = self._permit()
            return task.result()
        finally:
            if not task.done():
                task.cancel()
                await asyncio.wait({task})

    async def _sent(
        self, verb: str, method: str, url: str, query: Mapping[str, str] | None, body: Any, sent: Mapping[str, str]
    ) -> Any:
        started = time.monotonic()
        code = 0
        try:
            async with self._client.request(
                method, url, params=query, data=None if body is None else orjson.dumps(body), headers=sent
            ) as response:
                code = response.status
                await _raise_for(response)
                return orjson.loads(await response.read())
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise self._unreachable(f"{verb} {url}", error) from error
        finally:
            self._observe(verb, code, time.monotonic() - started)


async def _raise_for(response: aiohttp.ClientResponse) -> None:
    if response.status < 400:
        return
    try:
        status = orjson.loads(await response.read())
    except ValueError:
        status = {}
    raise _error(response.status, status if isinstance(status, dict) else {}, response.headers.get("Retry-After", ""))


def _error(code: int, status: Mapping[str, Any], retry_after: str = "") -> ApiError:
    kind = _BY_CODE.get(code, Unreachable if code in (401, 429) or code >= 500 else ApiError)
    causes = (status.get("details") or {}).get("causes") or ()
    if code == 403 and any(cause.get("reason") == "NamespaceTerminating" for cause in causes):
        kind = NamespaceTerminating
    if code == 422 and any(cause.get("field") == "metadata.uid" for cause in causes):
        kind = Conflict  # another object of that name than the one that is meant
    message = status.get("message") or f"the API server answered {code}"
    return kind(code, status.get("reason") or str(code), message, float(retry_after) if retry_after.isdigit() else 0)
