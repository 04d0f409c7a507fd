"""What the library logs is shown while a command runs, and its loggers are left as they were."""

import logging

import pytest

from lrlab.cli.logs import logs_on_stderr


def test_records_are_lines_on_stderr_while_it_lasts(capsys: pytest.CaptureFixture[str]) -> None:
    own, log = logging.getLogger("lrlab"), logging.getLogger("lrlab.data.download")
    before = (own.handlers[:], own.level, own.propagate)
    with logs_on_stderr():
        log.info("%s is fetched", "cifar10")
        log.debug("not shown")
    log.info("not shown")
    assert capsys.readouterr().err == "lrlab: cifar10 is fetched\n"
    assert (own.handlers, own.level, own.propagate) == before
