"""What a network costs on the CPU by each backend: milliseconds and megapixels a second.

    python benchmarks/backends.py [--model NAME|PATH] [--sides 256,512,1024] [--threads 1,2]

Times are the smallest of several; networks in int8 are timed where the model has them.
"""

import argparse
import platform
import time

import numpy as np
import torch

from nucleisplit.model.bundle import load_bundle
from nucleisplit.model.network_cache import cache_folders
from stage1_unet import BackendError, Predictor
from stage1_unet.backends import BACKENDS


def fastest(action, seconds: float) -> float:
    """Smallest wall-clock time of at least four calls, milliseconds; the first is not counted."""
    action()
    times, end = [], time.perf_counter() + seconds
    while len(times) < 4 or time.perf_counter() < end:
        begin = time.perf_counter()
        action()
        times.append(time.perf_counter() - begin)
    return 1000 * min(times)


def main() -> None:
    numbers = {"type": lambda text: [int(word) for word in text.split(",")]}
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="default")
    parser.add_argument("--sides", default=[256, 512, 1024], **numbers)
    parser.add_argument("--threads", default=[1, 2], **numbers)
    parser.add_argument("--backends", default=BACKENDS[1:], type=lambda text: text.split(","))
    parser.add_argument("--seconds", type=float, default=1.0, help="for each row, at least")
    options = parser.parse_args()
    bundle = load_bundle(options.model)
    files = {
        "identity": bundle.fingerprint[:16],
        "cache": cache_folders(bundle.path),
        "quantized": bundle.quantized,
    }
    rng = np.random.default_rng(0)
    print(f"{platform.platform()}, Python {platform.python_version()}, torch {torch.__version__}")
    print("| backend | threads | side | ms | MP/s |\n| --- | ---: | ---: | ---: | ---: |")
    for name in options.backends:
        for threads in options.threads:
            torch.set_num_threads(threads)
            try:
                predictor = Predictor(
                    bundle.networks(), bundle.config.predict, "cpu", backend=name, **files
                )
            except BackendError as error:
                print(f"| {name} | {threads} | {error} |")
                continue
            for side in options.sides:
                batch = rng.random((1, 3, side, side), dtype=np.float32)
                spent = fastest(lambda: predictor.backend(batch), options.seconds)  # noqa: B023
                speed = side**2 / 1000 / spent
                print(f"| {name} | {threads} | {side} | {spent:.1f} | {speed:.2f} |", flush=True)


if __name__ == "__main__":
    main()
