"""The desk of a release manager in a test: where people ask, as over HTTP or on the page."""

from __future__ import annotations

from cdlab.kernel import Kernel
from cdlab.manager.audit import Audit
from cdlab.manager.commands import About
from cdlab.manager.desk import ManagerDesk
from cdlab.manager.queue import ReleaseQueue
from cdlab.model import Application
from cdlab.ports import Ports


def desk_of(
    kernel: Kernel, application: Application, ports: Ports, queue: ReleaseQueue
) -> ManagerDesk:
    """One that nobody else listens to."""
    about = About(
        architecture="v3",
        title="",
        microservices=tuple(each.name for each in application.microservices),
        environments=application.everywhere,
        manual_environments=(),
        substrate="",
        version="",
    )
    audits = Audit(kernel, ports.decisions)
    return ManagerDesk(
        kernel=kernel, application=application, ports=ports, queue=queue, audits=audits, facts=about
    )
