"""The proxies of this process's requests: what is on this machine is never asked for through one."""

import os

LOCAL = ("localhost", "127.0.0.0/8", "::1", "0.0.0.0", "127.0.0.1")  # the last for programs that know no networks


def no_proxy() -> dict[str, str]:
    """Return the environment variable, with its value, that keeps requests to this machine from any proxy.

    It includes what the user has set: `no_proxy` wins over `NO_PROXY`. Without proxies there is nothing to set.
    """
    if not any(os.environ.get(name) for name in os.environ if name.lower().endswith("_proxy")):
        return {}
    given = os.environ.get("no_proxy") or os.environ.get("NO_PROXY") or ""
    return {"no_proxy": given if given.strip() == "*" else ",".join(filter(None, (given, *LOCAL)))}
