"""What the processor has instructions for."""

from __future__ import annotations

import torch

INT8 = frozenset({"avx512_vnni", "avx_vnni"})
BF16 = frozenset({"avx512_bf16", "amx_bf16"})
"""Any of these; without them a precision is slower than float32, or less exact."""


def computes_in(instructions: frozenset[str]) -> bool:
    """Tell whether the processor has any of the instructions; False where torch does not say."""
    # newer than our oldest torch
    # newer than our oldest torch
    known: dict[str, bool] = getattr(torch.cpu, "get_capabilities", dict)()
    return any(known.get(name) for name in instructions)
