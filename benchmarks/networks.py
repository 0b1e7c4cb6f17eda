"""What networks cost: parameters, arithmetic, time of training and of inference.

    python benchmarks/networks.py [--repeat 3] [--only NAME ...]

GMAC are billions of multiply-adds for one image of 256 x 256 pixels. *Train* is forward, backward
and optimiser step of 8 crops of 256 x 256 pixels, per crop; *infer* is one image of 512 x 512
pixels in evaluation mode. Times are the smallest of several, on the CPU in float32; limit the
cores from outside, for example with `OMP_NUM_THREADS=1`.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import torch
from torch.utils.flop_counter import FlopCounterMode

from stage1_unet import NetworkConfig, TrainConfig, build_network
from stage1_unet.losses import build_loss

BATCH, CROP, SIDE = 8, 256, 512
CANDIDATES = {
    "compact": NetworkConfig(),
    "compact 32-64-128-256": NetworkConfig(widths=(32, 64, 128, 256)),
    "compact, two blocks": NetworkConfig(blocks=2),
    "unet nucleisplit-residual": NetworkConfig(architecture="unet", encoder="nucleisplit-residual"),
    "unet nucleisplit-residual-thin": NetworkConfig(
        architecture="unet", encoder="nucleisplit-residual-thin"
    ),
    "unet resnet18": NetworkConfig(architecture="unet", encoder="resnet18"),
    "unet resnet34": NetworkConfig(architecture="unet", encoder="resnet34"),
    "unet mobilenet_v2": NetworkConfig(architecture="unet", encoder="mobilenet_v2"),
    "unet efficientnet-b0": NetworkConfig(architecture="unet", encoder="efficientnet-b0"),
    "unetplusplus resnet18": NetworkConfig(architecture="unetplusplus", encoder="resnet18"),
    "fpn resnet18": NetworkConfig(architecture="fpn", encoder="resnet18"),
}


def fastest(action: Callable[[], object], repeat: int) -> float:
    """Smallest of several wall-clock times after one to warm up, milliseconds."""
    action()
    times = []
    for _ in range(repeat):
        begin = time.perf_counter()
        action()
        times.append(time.perf_counter() - begin)
    return 1000 * min(times)


def random_images(count: int, side: int) -> torch.Tensor:
    return torch.rand(count, 3, side, side).contiguous(memory_format=torch.channels_last)


def measure(config: NetworkConfig, repeat: int) -> tuple[float, float, float, float]:
    """Return millions of parameters, GMAC, train ms a crop, inference ms."""
    torch.manual_seed(0)
    network = build_network(config).to(memory_format=torch.channels_last)
    loss = build_loss(TrainConfig(), config)
    optimizer = torch.optim.AdamW(network.parameters(), 1e-4)
    crops = random_images(BATCH, CROP)
    targets = torch.randint(0, 2, (BATCH, len(config.channels), CROP, CROP)).float()
    weights = torch.ones(BATCH, 1, CROP, CROP)

    def step() -> None:
        optimizer.zero_grad()
        loss(network(crops), targets, weights).backward()
        optimizer.step()

    train = fastest(step, repeat) / BATCH
    network.eval()
    image = random_images(1, SIDE)
    with torch.inference_mode():
        infer = fastest(lambda: network(image), repeat)
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        network(crops[:1])
    parameters = sum(weight.numel() for weight in network.parameters())
    return parameters / 1e6, counter.get_total_flops() / 2e9, train, infer


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--only", nargs="+", choices=CANDIDATES, default=list(CANDIDATES))
    options = parser.parse_args()
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads\n")
    print("| network | parameters, M | GMAC | train, ms/crop | infer 512², ms |")
    print("|---|---|---|---|---|")
    for name in options.only:
        parameters, gmac, train, infer = measure(CANDIDATES[name], options.repeat)
        print(f"| {name} | {parameters:.1f} | {gmac:.1f} | {train:.0f} | {infer:.0f} |", flush=True)


if __name__ == "__main__":
    main()
