"""From pods' own words to the reason of an unavailable workload, and to CredentialsCurrent."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from novacron.api.v1alpha1 import validate
from novacron.core.conditions import Condition
from novacron.core.readiness import Dependency, State
from novacron.ml.status import Facts
from novacron.stack import dependencies
from novacron.stack.dependencies import Heard, Question
from tests.support import resources

ROLES = ("api", "auth", "query")
QUESTION = Question(ROLES, synced=True, within_reach=True)
FINE: dict[str, Heard] = {"api": (), "auth": (), "query": ()}


def said(
    reason: str,
    name: str = "database",
    state: State = "down",
    *,
    required: bool = True,
    secret: str = "nc-database",  # noqa: S107
) -> Dependency:
    return Dependency(name, state, required, secret, reason, "its words")


REFUSED = said("AuthenticationFailed", state="degraded")


@pytest.mark.parametrize(
    ("missed", "words"),
    [
        pytest.param(
            said("AuthenticationFailed"),
            "database (Secret nc-database): AuthenticationFailed: its words; "
            "put a login that database accepts into Secret nc-database",
            id="login",
        ),
        pytest.param(said("Unreachable"), "check spec.database.host and .port", id="unreachable"),
        pytest.param(said("TimedOut", "redis"), "spec.redis.cidrs or .peers let the pods out", id="timed-out"),
        pytest.param(said("NameNotResolved", "redis"), "correct spec.redis.host", id="name"),
        pytest.param(said("DatabaseMissing"), "correct spec.database.name", id="database"),
        pytest.param(said("ConnectionsExhausted"), "lower spec.database.connectionBudget", id="connections"),
        pytest.param(said("CertificateRefused"), "check spec.database.sslMode and the ca.crt", id="certificate"),
        pytest.param(said("EncryptionRefused", "redis"), "check spec.redis.tls", id="encryption"),
        pytest.param(said("FileMissing"), "put what is missing into Secret nc-database", id="file"),
        pytest.param(said("Unreachable", "auth", secret=""), "see what the workload behind auth says", id="workload"),
        pytest.param(said("SomethingNew"), "database (Secret nc-database): SomethingNew", id="a-newer-reason"),
    ],
)
def test_what_a_pod_misses_is_named_with_its_secret_and_a_remedy(missed: Dependency, words: str) -> None:
    problem = dependencies.problem([[missed]])
    assert problem is not None
    assert problem.reason == "DependencyUnreachable"
    assert words in str(problem)


@pytest.mark.parametrize(
    "item",
    [
        pytest.param(said("Reached", state="ok"), id="fine"),
        pytest.param(REFUSED, id="works-on"),
        pytest.param(said("Unreachable", required=False), id="can-do-without"),
        pytest.param(said("Unchecked"), id="has-just-started"),
    ],
)
def test_what_keeps_no_pod_from_serving_is_no_problem(item: Dependency) -> None:
    assert dependencies.problem([[item]]) is None


def test_several_pods_that_miss_the_same_are_one_problem_whichever_answers_first() -> None:
    one, other = [said("Unreachable")], [said("TimedOut", "redis", secret="nc-redis")]
    assert dependencies.problem([one, other]) == dependencies.problem([other, one, one])
    assert str(dependencies.problem([one, other])).count("database (Secret") == 1


def test_at_most_three_are_named() -> None:
    problem = dependencies.problem([[said("Unreachable", f"d{number}", secret="") for number in range(9)]])
    assert problem is not None
    assert problem.cause.count("Unreachable") == 3


def test_workloads_that_mount_a_login_are_asked() -> None:
    body = resources.minimal()
    body["metadata"]["uid"] = "u"
    assert dependencies.users(validate(body)) == ("api", "auth", "query")
    assert dependencies.users(validate(resources.changed(body, {"spec.query.enabled": False}))) == ("api", "auth")


STANDING = {
    "CredentialsCurrent": Condition("CredentialsCurrent", "True", "CredentialsCurrent", "as it stood"),
    "QueriesHealthy": Condition("QueriesHealthy", "False", "QueriesImpaired", "as it stood"),
    "MemoryAdequate": Condition("MemoryAdequate", "False", "LimitAtMost", "as it stood"),
}
NOBODY = {
    "CredentialsCurrent": Condition("CredentialsCurrent", "Unknown", "Unobserved", "api: not asked yet"),
    "QueriesHealthy": Condition("QueriesHealthy", "Unknown", "Unobserved", "query: not asked yet"),
    "MemoryAdequate": Condition("MemoryAdequate", "Unknown", "Unobserved", "Not looked at"),
}
_JUDGED: dict[str, tuple[Question, dict[str, Heard], tuple[str, str], str]] = {
    "fine": (QUESTION, FINE, ("True", "CredentialsCurrent"), "Every workload works"),
    "nobody-has-any": (Question(()), {}, ("True", "Disabled"), "No workload uses a login"),
    "outside": (
        Question(ROLES),
        {},
        ("Unknown", "NotReachable"),
        "the operator runs outside of the cluster's network",
    ),
    "refused": (
        QUESTION,
        FINE | {"auth": (REFUSED,), "query": (REFUSED,)},
        ("False", "CredentialsRefused"),
        "auth, query: database (Secret nc-database): AuthenticationFailed: its words; pods go on with the earlier one; "
        "put the present login into the store that spec.secrets.vault names: pods read it again by themselves",
    ),
    "refused-and-down": (
        Question(
            ROLES, within_reach=True, said={"query": (said("AuthenticationFailed"),)}, absent=frozenset({"query"})
        ),
        {"api": (), "auth": ()},
        ("False", "CredentialsRefused"),
        "query: database (Secret nc-database): AuthenticationFailed: its words; put the present login into that Secret",
    ),
    "one-is-silent": (QUESTION, FINE | {"query": None}, ("Unknown", "NotReachable"), "query: no answer"),
    "refused-beside-a-silent-one": (
        QUESTION,
        {"auth": (REFUSED,), "query": None},
        ("False", "CredentialsRefused"),
        "auth: database",
    ),
    "first-look": (QUESTION, {}, ("Unknown", "Unobserved"), "api, auth, query: not asked yet"),
    "after-a-start-of-the-operator": (
        Question(ROLES, within_reach=True, standing=STANDING),
        {"api": ()},
        ("True", "CredentialsCurrent"),
        "as it stood",
    ),
    "not-asked-is-no-verdict-to-keep": (
        Question(ROLES, within_reach=True, standing=NOBODY),
        {"api": ()},
        ("Unknown", "Unobserved"),
        "auth, query: not asked yet",
    ),
    "what-cannot-be-asked-keeps-no-verdict": (
        Question(ROLES, within_reach=True, standing=STANDING, absent=frozenset(ROLES)),
        {},
        ("Unknown", "Unobserved"),
        "api, auth, query: not asked yet",
    ),
    "answers-of-one-that-is-off-do-not-count": (
        Question(("api",), within_reach=True),
        {"api": (), "query": (REFUSED,)},
        ("True", "CredentialsCurrent"),
        "",
    ),
}


@pytest.mark.parametrize(("question", "heard", "verdict", "words"), _JUDGED.values(), ids=_JUDGED)
def test_credentials(question: Question, heard: dict[str, Heard], verdict: Any, words: str) -> None:
    found = dependencies.credentials(question, heard)
    assert (found.status, found.reason) == verdict
    assert words in found.message


IMPAIRED = said("IndexInvalid", "queries", "degraded", required=False, secret="")
_QUERIES: dict[str, tuple[Question, dict[str, Heard], tuple[str, str], str]] = {
    "well": (QUESTION, {"query": ()}, ("True", "QueriesHealthy"), "Pods of query find"),
    "impaired": (QUESTION, {"query": (IMPAIRED,)}, ("False", "QueriesImpaired"), "IndexInvalid: its words"),
    "off": (Question(("api", "auth")), {}, ("True", "Disabled"), "query.enabled is false"),
    "outside": (Question(ROLES), {}, ("Unknown", "NotReachable"), "outside of the cluster's network"),
    "silent": (QUESTION, {"query": None}, ("Unknown", "NotReachable"), "no pod can tell"),
    "first-look": (QUESTION, {}, ("Unknown", "Unobserved"), "query: not asked yet"),
    "after-a-start-of-the-operator": (
        Question(ROLES, within_reach=True, standing=STANDING),
        {},
        ("False", "QueriesImpaired"),
        "as it stood",
    ),
    "not-asked-is-no-verdict-to-keep": (
        Question(ROLES, within_reach=True, standing=NOBODY),
        {},
        ("Unknown", "Unobserved"),
        "query: not asked yet",
    ),
    "what-cannot-be-asked-keeps-no-verdict": (
        Question(ROLES, within_reach=True, standing=STANDING, absent=frozenset(("query",))),
        {},
        ("Unknown", "Unobserved"),
        "query: not asked yet",
    ),
}


@pytest.mark.parametrize(("question", "heard", "verdict", "words"), _QUERIES.values(), ids=_QUERIES)
def test_queries(question: Question, heard: dict[str, Heard], verdict: Any, words: str) -> None:
    found = dependencies.queries(question, heard)
    assert (found.status, found.reason) == verdict
    assert words in found.message


FACTS = Facts(1 << 27, 1 << 27, 1 << 28, "maxMemory", allowed=False, tried=60.0)
SHORT = said("MemoryCritical", "memory", "degraded", required=False, secret="")


def of_ml(*, within_reach: bool = True, **more: Any) -> Question:
    return Question(ROLES, within_reach=within_reach, **{"memory": FACTS, **more})


_MEMORY: dict[str, tuple[Question, dict[str, Heard], tuple[str, str], str]] = {
    "well": (of_ml(), {"ml": ()}, ("True", "MemoryAdequate"), "No pod of ml was short"),
    "critical": (of_ml(), {"ml": (SHORT,)}, ("False", "LimitTooSmall"), "128Mi: its words"),
    "off": (of_ml(memory=None), {}, ("True", "Disabled"), "ml.enabled is false"),
    "outside-kills-are-seen-all-the-same": (
        of_ml(within_reach=False, memory=dataclasses.replace(FACTS, killed=True), standing=STANDING),
        {},
        ("False", "LimitTooSmall"),
        "OOMKilled",
    ),
    "outside": (of_ml(within_reach=False, standing=STANDING), {}, ("True", "MemoryAdequate"), ""),
    "silent": (of_ml(standing=STANDING), {"ml": None}, ("True", "MemoryAdequate"), ""),
    "first-look": (of_ml(), {}, ("True", "MemoryAdequate"), ""),
    "after-a-start-of-the-operator": (of_ml(standing=STANDING), {}, ("False", "LimitAtMost"), "as it stood"),
    "a-kill-is-seen-before-the-first-answer": (
        of_ml(memory=dataclasses.replace(FACTS, killed=True), standing=STANDING),
        {},
        ("False", "LimitTooSmall"),
        "OOMKilled",
    ),
    "not-looked-at-is-no-verdict-to-keep": (of_ml(standing=NOBODY), {}, ("True", "MemoryAdequate"), ""),
    "what-cannot-be-asked-keeps-no-verdict": (
        of_ml(standing=STANDING, absent=frozenset(("ml",))),
        {},
        ("True", "MemoryAdequate"),
        "",
    ),
}


@pytest.mark.parametrize(("question", "heard", "verdict", "words"), _MEMORY.values(), ids=_MEMORY)
def test_memory(question: Question, heard: dict[str, Heard], verdict: Any, words: str) -> None:
    found = dependencies.memory(question, heard)
    assert (found.status, found.reason) == verdict
    assert words in found.message


def test_each_workload_is_heard_about_what_it_knows() -> None:
    assert {role: list(dependencies.topics(role)) for role in ("api", "query", "ml")} == {
        "api": ["CredentialsCurrent"],
        "query": ["CredentialsCurrent", "QueriesHealthy"],
        "ml": ["CredentialsCurrent", "MemoryAdequate"],
    }
    assert dependencies.topics("ml")["CredentialsCurrent"]([SHORT]) == ()
    assert dependencies.topics("ml")["MemoryAdequate"]([SHORT]) == (SHORT,)


@pytest.mark.parametrize("state", ["degraded", "down"])
def test_queries_that_do_not_do_well_are_no_complaint_about_credentials(state: State) -> None:
    item = said("PermissionDenied", "queries", state, required=False, secret="")
    assert dependencies.complaints([item]) == ()
