"""What nucleisplit finds where it is installed.

- `software`: versions, and which optional extras are there.
- `hardware`: processor, memory, devices.
- `backends`: what computes the networks here, and why.
- `caches`: what is kept between runs.
- `summary`: all of it, however much is broken.
"""

from .summary import describe_environment

__all__ = ["describe_environment"]
