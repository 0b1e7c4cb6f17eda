"""What the processor has instructions for."""

from __future__ import annotations

from functools import cache

BF16 = frozenset({"avx512_bf16", "amx_bf16"})
"""Any of these; without them bfloat16 is slower than float32."""


def computes_in(instructions: frozenset[str]) -> bool:
    """Tell whether the processor, and the system, have any of the instructions."""
    return bool(instructions & list_instructions())


@cache
def list_instructions() -> frozenset[str]:
    """Name the instructions of the processor that the system lets programs use.

    LLVM tells them, which is there for numba; torch would take seconds to import. Names are those
    of torch. Empty where LLVM does not know the processor.
    """
    from llvmlite import binding

    try:
        known = binding.get_host_cpu_features()
    except RuntimeError:
        return frozenset()
    return frozenset(_name(feature) for feature, there in known.items() if there)


def _name(feature: str) -> str:
    """Write the name of a feature as torch does.

    >>> _name("avx512vnni"), _name("avxvnni"), _name("amx-bf16"), _name("avx2")
    ('avx512_vnni', 'avx_vnni', 'amx_bf16', 'avx2')
    """
    for family in ("avx512", "avx"):
        rest = feature.removeprefix(family)
        if rest != feature and rest and not rest[0].isdigit():
            return f"{family}_{rest}"
    return feature.replace("-", "_")
