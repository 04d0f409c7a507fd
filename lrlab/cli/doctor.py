"""``lrlab doctor``: whether this host, and those of a launcher, are fit for a sweep."""

import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from lrlab.cli.options import Json, Outputs, Overrides, Records, StorageUrl, TrackingUri
from lrlab.config.command_line import OUTPUTS
from lrlab.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lrlab.commands.doctor import CheckResult


def doctor(
    overrides: Overrides = None,
    outputs: Outputs = OUTPUTS,
    storage: StorageUrl = None,
    tracking_uri: TrackingUri = None,
    as_json: Json = False,
) -> int:
    """Look whether a sweep can run: versions, storage, tracking, clocks, data, what dead processes left.

    Writes nothing that stays. With a launcher for several hosts, looks at each of them, too. The exit code is 1 if
    something has to be mended.

    \b
    examples:
      lrlab doctor
      lrlab doctor data=cifar10 hydra/launcher=lrlab_slurm --storage "$LRLAB_STORAGE"
    """
    from lrlab.cli import console
    from lrlab.commands import doctor as command

    records = Records(outputs, storage, tracking_uri)
    findings = command.look(records.storage(), records.tracking(), records)
    findings += _configured(overrides or [], records)
    console.result(findings, _view, as_json=as_json)
    return 1 if any(finding.state == "mend" for finding in findings) else 0


def _configured(overrides: list[str], records: Records) -> "Iterator[CheckResult]":
    """Yield what is said of the data, here and on the hosts of the launcher."""
    from lrlab.cli.app import resolve
    from lrlab.cli.hydra_app import HydraCommand, composed_with_context
    from lrlab.commands.doctor import CheckResult, HostLook, data_finding, host_findings, shared_file_findings
    from lrlab.sweeper.launching.probe import probe, with_folder
    from lrlab.training.configuration import from_config

    with records.overrides() as places:
        command = HydraCommand([*overrides, *places, "hydra/sweeper=lrlab"], "sweep", multirun=True)
        with composed_with_context(command) as (config, context):
            data = from_config(resolve(config)).data
            finding, digest = data_finding(data)
            yield finding
            yield from shared_file_findings(config.hydra, records.storage(), records.tracking(), str(records.outputs))
            here = records.outputs.absolute()
            look = HostLook(os.getcwd(), records, records.storage(), records.tracking(), data, digest)
            folder = _existing(here)
            own = Path(tempfile.mkdtemp(prefix=".doctor_", dir=folder))  # every host must see it
            try:
                for host, report in probe(with_folder(config, own), context, look):
                    facts = report.results[0][1] if report.results else {"found": ""}
                    yield from host_findings(host, facts["found"], report.failure)
            except InputError as error:
                yield CheckResult("launcher", "mend", str(error), "start it, or name another: hydra/launcher=NAME")
            finally:
                shutil.rmtree(own, ignore_errors=True)


def _existing(folder: Path) -> Path:
    """Return a folder, or what there is of its path."""
    return next(each for each in (folder, *folder.parents) if each.is_dir())


def _view(findings: "list[CheckResult]") -> None:
    from lrlab.cli import console

    for finding in findings:
        console.out().print(f"{finding.state:<5} {finding.check:<9} {finding.found}")
        if finding.remedy:
            console.out().print(f"{'':<15} {finding.remedy}")
