"""Who may do what to whom: what administrators see, which ranks they grant, and what would lock everybody out. Pure.

An administrator never changes the role or status of the own account. Whoever acts is an active administrator when the
act is done, and still is afterwards: so however many demote each other at once, one administrator of the highest rank
that there was stays, as long as acts are done one after the other.
"""

from __future__ import annotations

from dataclasses import dataclass

from novacron.auth.domain import roles
from novacron.core.errors import NovaCronError


class NotAllowed(NovaCronError):
    """An act is against the rules; the text goes to the client.

    Args:
        code: for the audit log, one of CODES.
    """

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


RANK, OWN_ACCOUNT, ORGANIZATION = "rank", "own_account", "organization"
CODES: dict[str, str] = {
    RANK: "A rank above that of who grants it.",
    OWN_ACCOUNT: "The role, status or password of the own account.",
    ORGANIZATION: "A role that does not go with the organization, or an organization that is not to be seen.",
}


@dataclass(frozen=True, slots=True)
class Actor:
    """Args:
    organization: None: sees all (platform-admin).
    """

    id: str
    role: str
    organization: str | None

    def sees(self, organization: str | None) -> bool:
        """Whether what belongs to an organization, or to none, is there for them."""
        return self.role == roles.PLATFORM_ADMIN or (organization is not None and organization == self.organization)

    def check_other(self, subject: str) -> None:
        """Raises ``NotAllowed``."""
        if subject == self.id:
            text = "Nobody changes the role, organization, status or password of the own account here; ask another one."
            raise NotAllowed(OWN_ACCOUNT, text)

    def check_grant(self, role: str) -> None:
        """Raises ``NotAllowed``."""
        if not roles.at_least(self.role, role):
            raise NotAllowed(RANK, f"role: is above your own; ask somebody who is {role}.")

    def home(self, role: str, asked: str | None, current: str | None = None) -> str | None:
        """The organization that a person of this role belongs to; None for platform-admin only.

        Args:
            asked: None: none was named.
            current: where the person is now.

        Raises:
            NotAllowed: the two do not go together, or it is not to be seen.
        """
        if role == roles.PLATFORM_ADMIN:
            if asked is not None:
                raise NotAllowed(ORGANIZATION, "organization_id: a platform-admin belongs to none; leave it out.")
            return None
        found = asked or current or self.organization
        if found is None:
            raise NotAllowed(ORGANIZATION, f"organization_id: a person who is {role} belongs to one; name it.")
        if not self.sees(found):
            raise unknown_organization()
        return found


def unknown_organization() -> NotAllowed:
    """The same for one that is not there and one that is another's."""
    return NotAllowed(ORGANIZATION, "organization_id: there is none of that id, or it is not active; list them.")
