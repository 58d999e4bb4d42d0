"""What Hydra composes of the yaml files, for a caller in Python: as for a command line, without a trace of it.

Options of groups are chosen by Hydra's own overrides. Values are set as Hydra sets those of a command line, but as they
are: nothing has to be quoted.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from hydra import compose, initialize_config_dir
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from hydra.core.singleton import Singleton
from hydra.core.utils import JobRuntime
from hydra.errors import HydraException
from hydra.version import VersionBase
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from noiseprobe import checks
from noiseprobe.errors import NoiseprobeError, reason

EMPTY = "_dummy_empty_config_.yaml"  # which Hydra itself stores


def conf_dir() -> str:
    """The absolute folder of the yaml files: in the checkout, or in the installed package."""
    installed = Path(__file__).resolve().parent / "conf"
    return str(installed if installed.is_dir() else installed.parents[1] / "conf")


def options(group: str) -> list[str]:
    """What a group of the configuration offers; nothing for a key that is no group."""
    return sorted(path.stem for path in Path(conf_dir(), group).glob("*.yaml"))


def composed(overrides: Mapping[str, Any]) -> DictConfig:
    """The configuration with these keys set, in order.

    Args:
        overrides: by key, as on the command line: an option of a group (`trainer`), or the value of a key
            (`noise.length`).

    Raises:
        NoiseprobeError: for what is no key, an option that a group doesn't have, and a value that no configuration can
            hold. Whether the keys and values are allowed, `config.check` says.
    """
    for key in overrides:
        if not isinstance(key, str) or not key.replace(".", "").isidentifier():
            expected = "a key of the configuration, such as noise.length (sweeps and experiments are the command's)"
            raise NoiseprobeError(f"overrides: got the key {key}, expected {expected}")
    groups = {key: options(key) for key in overrides}
    choices = [f"{key}={checks.choice(key, overrides[key], known)}" for key, known in groups.items() if known]
    try:
        with _hydra_apart(), initialize_config_dir(conf_dir(), version_base="1.3"):
            config = compose("config", choices)
    except HydraException as error:
        raise NoiseprobeError(reason(error)) from None
    OmegaConf.set_struct(config, False)  # `config.check` has a better word for a key that isn't there
    for key, value in overrides.items():
        if not groups[key]:
            try:
                OmegaConf.update(config, key, _plain(value), merge=True)
            except OmegaConfBaseException as error:
                raise NoiseprobeError(f"{key}: can't be set to {value}: {reason(error)}") from None
    return config


def _plain(value: Any) -> Any:
    """Tuples and arrays as lists and paths as texts, which is what yaml has."""
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, Path) else value


@contextmanager
def _hydra_apart() -> Iterator[None]:
    """A caller may have an application of Hydra's around it. Its state is the process's, and so are the options that it
    has stored, which Hydra would take for schemas of ours with the same names."""
    mine = (GlobalHydra, JobRuntime, VersionBase)
    before = {kind: Singleton._instances.pop(kind) for kind in mine if kind in Singleton._instances}
    store = ConfigStore.instance()
    stored, store.repo = store.repo, {name: node for name, node in store.repo.items() if name in ("hydra", EMPTY)}
    try:
        yield
    finally:
        for kind in mine:
            Singleton._instances.pop(kind, None)
        Singleton._instances.update(before)
        store.repo = stored
