"""Average the weights of networks that continue one another, and put the mean into a model.

    python benchmarks/average.py MODEL NETWORK... --out MODEL

NETWORK are files of networks (run/final/network.safetensors) of one architecture, each trained on
from one before it: then their weights lie in one basin, and their mean does better on kinds that no
training has seen than any of them (Izmailov et al. 2018, "Averaging weights leads to wider optima
and better generalization"). All else is that of MODEL; networks in int8 have to be made anew.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import torch

from nucleisplit.model import load_bundle, save_bundle
from stage1_unet import Network, load_network


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model")
    parser.add_argument("network", type=Path, nargs="+")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    bundle = load_bundle(options.model)
    network = average([load_network(path) for path in options.network])
    made = save_bundle(
        options.out,
        networks=[(network, network.config)],
        regressor=bundle.regressor(),
        classifier=bundle.classifier(),
        config=bundle.config,
        fingerprint=bundle.manifest.data,
        scores={name: value for name, value in bundle.manifest.scores.items() if name != "int8"},
    )
    print(f"{made.path}: model {made.fingerprint[:12]}")


def average(networks: Sequence[Network]) -> Network:
    """Return the first network with the mean weights and running statistics of all."""
    states = [network.state_dict() for network in networks]
    mean = {
        name: torch.stack([state[name].double() for state in states]).mean(0).to(value.dtype)
        if value.is_floating_point()
        else value
        for name, value in states[0].items()
    }
    networks[0].load_state_dict(mean)
    return networks[0]


if __name__ == "__main__":
    main()
