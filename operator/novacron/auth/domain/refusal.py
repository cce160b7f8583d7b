"""Why an access token is refused: one class and one stable code for each reason.

Codes are contracts: audit lines, alerts and ``novacron token verify`` carry them. No text here ever
holds what a token holds: names of claims and header members come from our own lists.
"""

from __future__ import annotations

from typing import ClassVar

from novacron.core.errors import NovaCronError


class TokenRefused(NovaCronError):
    """A token is not accepted.

    Args:
        about: the part or the claim at fault, in a word of ours.
    """

    code: ClassVar[str]
    means: ClassVar[str]

    def __init__(self, about: str = "") -> None:
        super().__init__(f"{about}: {self.means}" if about else self.means)


# The form (RFC 7515 section 7.1)


class TooLarge(TokenRefused):
    code = "too_large"
    means = "longer than 6 KiB; no token of ours is"


class BadCharacter(TokenRefused):
    code = "bad_character"
    means = "holds a byte that is neither base64url nor a dot; give the token alone, without blanks, quotes or padding"


class NotCompact(TokenRefused):
    code = "not_compact"
    means = "not three parts with dots between: header.payload.signature"


class NotCanonical(TokenRefused):
    code = "not_canonical"
    means = "not the one base64url form of its bytes (RFC 4648 section 3.5); it was cut or changed on its way"


# JSON (RFC 8259, RFC 7493), of header and payload alike


class ByteOrderMark(TokenRefused):
    code = "byte_order_mark"
    means = "begins with a byte order mark"


class NotUTF8(TokenRefused):
    code = "not_utf8"
    means = "not UTF-8"


class NotJSON(TokenRefused):
    code = "not_json"
    means = "not JSON"


class NotAnObject(TokenRefused):
    code = "not_an_object"
    means = "JSON, but not an object"


class DuplicateMember(TokenRefused):
    code = "duplicate_member"
    means = "names a member twice: readers could disagree on which one counts"


class NestedTooDeeply(TokenRefused):
    code = "nested_too_deeply"
    means = "nested deeper than 8 levels"


class NumberRefused(TokenRefused):
    code = "number_refused"
    means = "holds a number that is not finite, or an integer beyond 2^53 - 1"


class LoneSurrogate(TokenRefused):
    code = "lone_surrogate"
    means = "holds half a surrogate pair, which is no character"


# The header (RFC 7515 section 4, RFC 8725 section 3)


class HeaderTooLarge(TokenRefused):
    code = "header_too_large"
    means = "longer than 512 bytes; three members need less"


class HeaderMemberRefused(TokenRefused):
    code = "header_member_refused"
    means = "a header member other than alg, kid and typ"


class AlgorithmRefused(TokenRefused):
    code = "algorithm_refused"
    means = "must be RS256, exactly"


class KeyIDMissing(TokenRefused):
    code = "key_id_missing"
    means = "no key is named; it must be a string, and not empty"


class TypeRefused(TokenRefused):
    code = "type_refused"
    means = "must be at+jwt or application/at+jwt: another kind of token is no access token"


class KeyUnknown(TokenRefused):
    code = "key_unknown"
    means = "names no key of the set: the key is too old, too new, or somebody else's"


# The signature


class SignatureLength(TokenRefused):
    code = "signature_length"
    means = "not as long as the key's modulus"


class SignatureInvalid(TokenRefused):
    code = "signature_invalid"
    means = "not made by the named key over this header and payload"


# The claims (RFC 7519, RFC 9068)


class ClaimMissing(TokenRefused):
    code = "claim_missing"
    means = "a required claim is not there"


class ClaimInvalid(TokenRefused):
    code = "claim_invalid"
    means = "not of the documented type and form"


class IssuerRefused(TokenRefused):
    code = "issuer_refused"
    means = "another issuer than the resource names"


class AudienceRefused(TokenRefused):
    code = "audience_refused"
    means = "does not hold the audience that the resource names"


class Expired(TokenRefused):
    code = "expired"
    means = "in the past, by more than clocks may differ; get a new token"


class NotYetValid(TokenRefused):
    code = "not_yet_valid"
    means = "in the future, by more than clocks may differ; compare the clocks"


class IssuedInFuture(TokenRefused):
    code = "issued_in_future"
    means = "in the future, by more than clocks may differ; compare the clocks"


class TooOld(TokenRefused):
    code = "too_old"
    means = "longer ago than the greatest age that the resource allows; get a new token"


class OrganizationMissing(TokenRefused):
    code = "organization_missing"
    means = "required of every role but platform-admin"


class SessionIncomplete(TokenRefused):
    code = "session_incomplete"
    means = "one of the two without the other"


class SessionOfService(TokenRefused):
    code = "session_of_service"
    means = "a service account has no session"


CODES: dict[str, str] = {kind.code: kind.means for kind in TokenRefused.__subclasses__()}
"""The closed list: code -> what it means."""
