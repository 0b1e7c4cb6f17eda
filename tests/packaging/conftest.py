"""What needs programs of other package managers, or installs: CI runs all of it, see .ci/run."""

import os
from importlib.util import find_spec

collect_ignore = [] if find_spec("rattler_build") else ["test_conda_renders.py"]
if "NUCLEISPLIT_INSTALL_TESTS" not in os.environ:
    collect_ignore.append("test_container_steps.py")
