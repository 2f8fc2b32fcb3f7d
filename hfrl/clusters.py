"""Where tasks run: processes of this machine, or a cluster of Ray's or Dask's, to which joblib hands the same calls."""

import importlib.util
import logging
import socket
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import joblib
from joblib.externals.loky import get_reusable_executor

from hfrl import registry
from hfrl.types import UserError

KNOCK_SECONDS = 5.0
#: So long an idle worker of this machine waits for more; after a parent that was killed nobody else ends it.
IDLE_SECONDS = 5.0
#: The backends, and the package that each needs.
BACKENDS = {"loky": "joblib", "ray": "ray", "dask": "distributed"}


class Where(NamedTuple):
    """A backend, and the address of a cluster that is there already; None starts one on this machine."""

    backend: str = "loky"
    address: str | None = None


LOCAL = Where()


def checked(backend: str, address: str | None) -> Where:
    """Raises UserError for an unknown backend, one that is not installed, or an address that it has no use for."""
    if backend not in BACKENDS:
        close = registry.nearest(backend, BACKENDS)
        raise UserError(f"unknown backend {backend!r}{close} (known: {', '.join(BACKENDS)})")
    if backend == "loky" and address is not None:
        raise UserError("--address is of a cluster: it needs --backend ray or --backend dask")
    if importlib.util.find_spec(BACKENDS[backend]) is None:
        raise UserError(f"--backend {backend} needs {backend}: pip install 'hfrl[{backend}]'")
    return Where(backend, address)


@contextmanager
def pool(where: Where, processes: int | None) -> Iterator[joblib.Parallel]:
    """Joblib's fan-out at this place.

    Args:
        processes: how many calls run at once; None for as many as a cluster has room for.

    Raises:
        UserError: no cluster answers at the address.
    """
    if where.backend == "loky":
        # That one of them has just left when there is work again is no news: joblib starts another.
        warnings.filterwarnings("ignore", message="A worker stopped while some jobs were given")
        # One thread a process: two that share a core only wait for each other.
        with joblib.parallel_config(backend="loky", inner_max_num_threads=1, idle_worker_timeout=IDLE_SECONDS):
            yield joblib.Parallel(n_jobs=processes or -1, return_as="generator_unordered")
        return
    with {"ray": _ray, "dask": _dask}[where.backend](where.address, processes), joblib.parallel_config(where.backend):
        yield joblib.Parallel(n_jobs=processes or -1)


def dismiss(where: Where) -> None:
    """End the idle workers of this machine now. They would be there for the next call, but there is none."""
    if where.backend == "loky":
        get_reusable_executor(reuse=True).shutdown(kill_workers=True)


@contextmanager
def _ray(address: str | None, processes: int | None) -> Iterator[None]:
    import ray
    import ray.util.joblib

    told: dict[str, Any] = {"include_dashboard": False, "num_cpus": processes} if address is None else {}
    try:
        if address is not None and ":" in address and "//" not in address:
            _knock(address)
        # "local" is a cluster of this process alone: without it Ray would join whatever runs on this machine.
        ray.init(address=address or "local", log_to_driver=False, logging_level=logging.ERROR, **told)
    except (OSError, RuntimeError, ValueError) as error:
        raise UserError(
            f"no Ray cluster answers at {address!r}; start one with ray start --head, and give this process its token "
            "(RAY_AUTH_TOKEN), where it asks for one"
        ) from error
    bridge: Any = ray.util.joblib  # it has no types
    bridge.register_ray()
    try:
        yield
    finally:
        ray.shutdown()


def _knock(address: str) -> None:
    """Whether anybody listens there: Ray itself would ask for minutes. Raises OSError or ValueError."""
    host, _, port = address.rpartition(":")
    socket.create_connection((host, int(port)), timeout=KNOCK_SECONDS).close()


@contextmanager
def _dask(address: str | None, processes: int | None) -> Iterator[None]:
    import distributed

    make: Any = distributed  # it has no types
    try:
        if address is None:
            cluster = make.LocalCluster(n_workers=processes, threads_per_worker=1, dashboard_address=None)
            client = make.Client(cluster)
        else:
            cluster, client = None, make.Client(address, timeout="10s")
    except (OSError, ValueError) as error:
        raise UserError(f"no Dask scheduler answers at {address!r}; start one with: dask scheduler") from error
    try:
        yield
    finally:
        client.close()
        if cluster is not None:
            cluster.close()
