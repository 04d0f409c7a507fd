import os

import pytest
import requests

from lrlab.runtime.proxies import no_proxy

PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


@pytest.fixture(autouse=True)
def without_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def test_without_proxies_there_is_nothing_to_set() -> None:
    assert no_proxy() == {}


@pytest.mark.parametrize("variable", ["http_proxy", "HTTP_PROXY", "ALL_PROXY", "all_proxy", "HTTPS_PROXY"])
@pytest.mark.parametrize("given", [{}, {"NO_PROXY": "corp.example"}, {"no_proxy": "corp.example"}])
def test_this_machine_is_asked_directly_and_others_as_the_user_says(
    variable: str, given: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {variable: "http://127.0.0.1:9", **given}.items():
        monkeypatch.setenv(name, value)
    for name, value in no_proxy().items():
        monkeypatch.setenv(name, value)
    proxies = requests.utils.get_environ_proxies
    for host in ("http://127.0.0.1:5000", "http://localhost:5000", "https://127.0.0.2", "http://[::1]:5000"):
        assert proxies(host) == {}
    assert proxies("http://there.example") != {}
    assert (proxies("http://a.corp.example") == {}) == bool(given)


def test_what_no_proxy_serves_stays_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "*")
    before = dict(os.environ)
    assert no_proxy() == {"no_proxy": "*"}
    assert dict(os.environ) == before
