"""What the registry client's tests share: lying servers, clients that wait little, throw-away TLS."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import pytest
import trustme

from imagelock.registry.client import RegistryClient
from support.lying import Lying

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Mapping
    from pathlib import Path

    from imagelock.model.hosts import HostSettings

NewClient: TypeAlias = Callable[..., RegistryClient]


CANARY = "canary"
"""What every made-up secret of these tests has in it."""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Fail every test whose output or log shows a secret, whatever else it was about."""
    report = yield
    if report.passed and CANARY in report.capstdout + report.capstderr + report.caplog:
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} ({call.when}) wrote a secret to its output or log"
    return report


@pytest.fixture
def new_client(tmp_path: Path) -> Iterator[NewClient]:
    """Give a maker of clients that see no environment but the given one, and retry for no time."""
    with ExitStack() as stack:

        def make(
            hosts: Mapping[str, HostSettings] | None = None,
            *,
            retry_time: float = 0,
            environ: Mapping[str, str] | None = None,
            jobs: int = 4,
            keep_quota: int | None = None,
            everyone: bool = False,
        ) -> RegistryClient:
            environ = {"HOME": str(tmp_path)} if environ is None else environ
            return stack.enter_context(
                RegistryClient(
                    hosts,
                    jobs=jobs,
                    retry_time=retry_time,
                    environ=environ,
                    keep_quota=keep_quota,
                    everyone=everyone,
                )
            )

        yield make


@pytest.fixture
def lying() -> Iterator[Lying]:
    """Give a scriptable registry over plain HTTP."""
    with Lying() as server:
        yield server


@pytest.fixture
def other() -> Iterator[Lying]:
    """Give a second scriptable server: another mirror, a storage, a token service."""
    with Lying() as server:
        yield server


@dataclass(frozen=True)
class ThrowAwayTLS:
    """A certificate for 127.0.0.1, one for another name, and the file of the authority of both."""

    context: ssl.SSLContext
    elsewhere: ssl.SSLContext
    ca: str


@pytest.fixture(scope="session")
def throw_away_tls(tmp_path_factory: pytest.TempPathFactory) -> ThrowAwayTLS:
    """Give TLS that only the named authority's file makes trusted."""
    authority = trustme.CA()
    contexts = []
    for name in ("127.0.0.1", "elsewhere.example"):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(name).configure_cert(context)
        contexts.append(context)
    ca = tmp_path_factory.mktemp("ca") / "ca.pem"
    authority.cert_pem.write_to_path(str(ca))
    return ThrowAwayTLS(contexts[0], contexts[1], str(ca))


@pytest.fixture
def secure(throw_away_tls: ThrowAwayTLS) -> Iterator[Lying]:
    """Give a scriptable registry over TLS that nobody trusts yet."""
    with Lying(throw_away_tls.context) as server:
        yield server
