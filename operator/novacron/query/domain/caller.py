"""Who asks, as far as it matters here: whose data he may see. The wall has judged him already."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Caller:
    """Args:
    subject: id of a person or a service account.
    role: as the access token says it; part of what an answer is kept under.
    organization: None: all of them (platform-admin alone).
    """

    subject: str
    role: str
    organization: str | None

    def view(self, organization: str | None) -> str | None:
        """The organization whose data are asked for; None: all of them.

        Args:
            organization: a filter of the request's; None: none is given.

        Raises:
            ForeignOrganization: it is not the caller's own.
        """
        if self.organization is None:
            return organization
        if organization is not None and organization != self.organization:
            raise ForeignOrganization("organization: is not your own; leave it out")
        return self.organization


class ForeignOrganization(ValueError):
    """Somebody asks for what another organization has."""
