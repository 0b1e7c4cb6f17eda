"""The machine: processor, memory, and the devices that torch sees."""

from __future__ import annotations

import os
import platform
from pathlib import Path
from typing import Any

__all__ = ["describe_devices", "describe_memory", "describe_processor"]

_INSTRUCTIONS = {
    "avx2": "AVX2",
    "avx512_f": "AVX-512",
    "avx512_vnni": "AVX512-VNNI",
    "avx_vnni": "AVX-VNNI",
    "avx512_bf16": "AVX512-BF16",
    "amx_bf16": "AMX-BF16",
    "amx_int8": "AMX-INT8",
    "neon": "NEON",
    "sve": "SVE",
    "i8mm": "I8MM",
    "bf16": "BF16",
}
"""Those that decide how fast networks are, and in which precision."""
_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")
"""Where Linux tells what a container or a job may take."""


def describe_processor() -> dict[str, Any]:
    """Tell name, architecture, cores and the instructions that matter.

    ``usable`` cores are those that this process may use, which clusters and containers limit;
    ``instructions`` are None where torch is too old to tell, or cannot be imported.
    """
    try:
        import torch

        known = torch.cpu.get_capabilities()
    except Exception:  # AttributeError of an old torch, and whatever a broken one raises
        known = None
    return {
        "name": _processor_name(),
        "machine": platform.machine(),
        "cores": os.cpu_count(),
        "usable": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None,
        "instructions": known
        and [title for key, title in _INSTRUCTIONS.items() if known.get(key) is True],
    }


def describe_memory(limits: tuple[str, ...] = _LIMITS) -> dict[str, int | None]:
    """Tell the ``total`` memory, and the ``limit`` of a container or job, bytes; None: unknown."""
    try:
        total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):  # not on Windows
        total = None
    found = [int(text) for text in map(_text, limits) if text.isdecimal()]
    below = [limit for limit in found if total is None or limit < total]
    return {"total": total, "limit": min(below, default=None)}


def describe_devices() -> list[dict[str, Any]]:
    """List what torch can compute on: ``name``, ``title`` and ``memory``, bytes or None.

    Raises
    ------
    Exception
        Whatever an import of a broken torch raises.
    """
    import torch

    threads = torch.get_num_threads()
    title = f"{threads} thread" + ("s" if threads > 1 else "")
    devices = [{"name": "cpu", "title": title, "memory": None}]
    for index in range(torch.cuda.device_count() if torch.cuda.is_available() else 0):
        about = torch.cuda.get_device_properties(index)
        devices.append({"name": f"cuda:{index}", "title": about.name, "memory": about.total_memory})
    if torch.backends.mps.is_available():
        devices.append({"name": "mps", "title": "Apple GPU", "memory": None})
    return devices


def _processor_name() -> str:
    for line in _text("/proc/cpuinfo").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _text(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""
