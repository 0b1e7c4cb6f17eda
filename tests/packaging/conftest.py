"""Where the programs of other package managers are here; CI installs them, see .ci/run."""

from importlib.util import find_spec

collect_ignore = [] if find_spec("rattler_build") else ["test_conda_renders.py"]
