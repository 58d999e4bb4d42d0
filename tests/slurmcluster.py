"""A Slurm of this machine alone: its daemons run as long as the block, in a folder of their own, on loopback."""

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

PROGRAMS = ["munged", "slurmctld", "slurmd", "sbatch", "srun"]

CONF = """\
ClusterName=tests
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller}
SlurmdPort={node}
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
ProctrackType=proctrack/pgid
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
ReturnToService=2
SchedulerType=sched/builtin
SchedulerParameters=sched_interval=1
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
NodeName={host} NodeAddr=127.0.0.1 CPUs=2 RealMemory=4000 State=UNKNOWN
PartitionName=tests Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""

# Stands for Slurm's accounting, which needs a data base, in what submitit asks it.
SACCT = r"""#!/bin/sh
echo "JobID|State|NodeList"
state='JobState=([A-Z_]+) .*[^a-zA-Z]NodeList=([^ ]*)'
scontrol show job -o | sed -nE "s/^JobId=.*ArrayJobId=([0-9]+) ArrayTaskId=([0-9]+) .*$state.*/\1_\2|\3|\4/p"
"""


def missing() -> str | None:
    """Why there can be no Slurm here; None if there can."""
    absent = [name for name in PROGRAMS if shutil.which(name, path=path()) is None]
    if absent:
        return f"{', '.join(absent)} not installed (apt-get install slurmctld slurmd munge slurm-client)"
    return None if os.geteuid() == 0 else "Slurm's daemons need root"


def path() -> str:
    """Debian has daemons in sbin, which not every shell looks into."""
    return f"{os.environ['PATH']}:/usr/sbin:/sbin"


@contextmanager
def slurm(folder: Path) -> Iterator[dict[str, str]]:
    """Yields the environment in which Slurm's commands find it."""
    host = socket.gethostname().partition(".")[0]
    controller, node = free_ports(2)
    conf = folder / "slurm.conf"
    conf.write_text(CONF.format(host=host, controller=controller, node=node, folder=folder))
    sacct = folder / "sacct"
    sacct.write_text(SACCT)
    sacct.chmod(0o755)
    (folder / "state").mkdir()
    (folder / "spool").mkdir()
    key = folder / "munge.key"
    key.write_bytes(os.urandom(128))
    key.chmod(0o400)
    env = {**os.environ, "PATH": f"{folder}:{path()}", "SLURM_CONF": str(conf)}
    with ExitStack() as stack:
        files = [f"--{name}-file={folder}/munge.{name}" for name in ["pid", "log", "seed"]]
        options = [f"--key-file={key}", f"--socket={folder}/munge.socket", *files]
        # By force, since other users can't reach the socket.
        munged = stack.enter_context(_daemon(["munged", "--foreground", "--force", *options], folder, env))
        _until(lambda: (folder / "munge.socket").exists(), [munged], folder)
        daemons = [munged] + [
            stack.enter_context(_daemon([name, "-D", "-f", str(conf)], folder, env)) for name in ["slurmctld", "slurmd"]
        ]
        _until(lambda: _is_idle(env), daemons, folder)
        yield env


@contextmanager
def _daemon(command: list[str], folder: Path, env: dict[str, str]) -> "Iterator[subprocess.Popen[bytes]]":
    with (folder / f"{command[0]}.out").open("wb") as out:
        process = subprocess.Popen(command, env=env, stdout=out, stderr=out, start_new_session=True)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _is_idle(env: dict[str, str]) -> bool:
    said = subprocess.run(["sinfo", "-h", "-o", "%T"], env=env, capture_output=True, text=True, timeout=60, check=False)
    return said.stdout.strip() == "idle"


def _until(
    ready: Callable[[], bool], daemons: "Sequence[subprocess.Popen[bytes]]", folder: Path, seconds: float = 60
) -> None:
    end = time.monotonic() + seconds
    while not ready():
        dead = [d for d in daemons if d.poll() is not None]
        if dead or time.monotonic() > end:
            said = "\n".join(f"{p.name}: {p.read_text(errors='replace')[-2000:]}" for p in sorted(folder.glob("*.out")))
            raise RuntimeError(f"Slurm didn't start: {said}")
        time.sleep(0.2)


def free_ports(number: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(number)]
        for s in sockets:
            s.bind(("127.0.0.1", 0))
        return [s.getsockname()[1] for s in sockets]
