"""A model small enough to be trained for the tests: both stages, on drawn spots."""

import numpy as np
import pytest


def draw_spots(seed: int, shape=(64, 64), count=7):
    """Bright disks on noise: (H, W) uint8 image and (H, W) int32 labels."""
    rng = np.random.default_rng(seed)
    yy, xx = np.mgrid[: shape[0], : shape[1]]
    labels = np.zeros(shape, np.int32)
    for number in range(1, count + 1):
        y, x, radius = rng.uniform(0, shape[0]), rng.uniform(0, shape[1]), rng.uniform(5, 9)
        labels[((yy - y) ** 2 + (xx - x) ** 2 < radius**2) & (labels == 0)] = number
    image = 30 + (150 + 20 * (labels % 3)) * (labels > 0) + rng.normal(0, 6, shape)
    return image.clip(0, 255).astype(np.uint8), labels


@pytest.fixture(scope="session")
def spots():
    return draw_spots


@pytest.fixture(scope="session")
def trained():
    """A network of a few thousand weights with its config, and trees that fit its maps."""
    import torch

    from stage1_unet import NetworkConfig, Predictor, build_network, make_targets, preprocess
    from stage2_trees import RegressorConfig, cross_fit, training_rows

    torch.manual_seed(0)
    pairs = [draw_spots(seed) for seed in range(8)]
    x = torch.from_numpy(np.stack([preprocess(i) for i, _ in pairs]).transpose(0, 3, 1, 2).copy())
    y = torch.from_numpy(np.stack([make_targets(labels) for _, labels in pairs]))
    config = NetworkConfig(widths=(8, 16))
    network = build_network(config)
    optimizer = torch.optim.Adam(network.parameters(), lr=2e-2)
    for _ in range(40):
        loss = torch.nn.functional.binary_cross_entropy_with_logits(network(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    network.eval()

    predictor = Predictor(network, device="cpu")
    rows = [training_rows(predictor.predict(preprocess(i)).maps, labels) for i, labels in pairs]
    fit = cross_fit(rows, [0, 1] * 4, RegressorConfig(boosters=1, rounds=20, min_rows=5))
    return network, config, fit.regressor


@pytest.fixture(scope="session")
def model(tmp_path_factory, trained):
    """The folder of that model, written by the real writer."""
    from nucleisplit.config import RunConfig
    from nucleisplit.model import save_bundle

    network, config, regressor = trained
    folder = tmp_path_factory.mktemp("models") / "tiny"
    save_bundle(
        folder,
        networks=[(network, config)],
        regressor=regressor,
        config=RunConfig(network=config, predict={"halo": 32}),
        fingerprint="0" * 64,
        scores={"trees": {"map": 0.5}},
    )
    return folder
