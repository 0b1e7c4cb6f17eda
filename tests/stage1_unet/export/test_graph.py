import numpy as np
import pytest
import torch

from stage1_unet import ExportError
from stage1_unet.export.graph import MapGraph, check, random_image


@pytest.mark.parametrize(
    ("fields", "missing"),
    [
        ({}, []),
        ({"channels": ("body", "separation")}, [1]),
        ({"head": "softmax"}, []),
        ({"head": "softmax", "channels": ("body", "border"), "distance": True}, [2]),
    ],
)
def test_maps_are_those_of_predictions(make_network, fields, missing):
    graph = MapGraph([make_network(**fields)])
    image = random_image(2, 16, 24)
    with torch.inference_mode():
        maps, expected = graph(image).numpy(), graph.expected(image)
    assert maps.shape == (2, 3, 16, 24) and maps.std() > 0.01
    np.testing.assert_allclose(maps, expected, atol=1e-6)
    assert [channel for channel in range(3) if not maps[:, channel].any()] == missing


def test_networks_are_averaged_by_weight(mixed):
    networks, weights = mixed
    graph = MapGraph(networks, weights)
    image = random_image(1, 16, 16)
    with torch.inference_mode():
        maps = graph(image).numpy()
        first, second = (MapGraph([network])(image).numpy() for network in networks)
    assert graph.stride == 8
    np.testing.assert_allclose(maps[:, :2], 0.25 * first[:, :2] + 0.75 * second[:, :2], atol=1e-6)
    np.testing.assert_allclose(maps[:, 2], second[:, 2], atol=1e-6)  # the first has none


@pytest.mark.parametrize(
    ("count", "weights", "message"),
    [(0, None, "no network"), (1, [1, 2], "expected 1 positive"), (1, [-1], "expected 1 positive")],
)
def test_networks_and_weights_have_to_fit(make_network, count, weights, message):
    with pytest.raises(ValueError, match=message):
        MapGraph([make_network()] * count, weights)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda maps: maps + np.float32(0.01), "other maps than torch, by up to 0.01"),
        (lambda maps: maps * np.float32(np.nan), "by up to nan"),
        (lambda maps: maps[..., :8][:, :, :8], r"maps of shape \(1, 3, 8, 8\) of \(1, 3, 12, 8\)"),
    ],
)
def test_a_graph_that_computes_something_else_is_refused(make_network, spoil, message):
    graph = MapGraph([make_network()])
    with torch.no_grad(), pytest.raises(ExportError, match=message):
        check(b"", graph, lambda image: spoil(graph.expected(image)))


def test_the_largest_difference_is_told(make_network):
    graph = MapGraph([make_network()])
    with torch.no_grad():
        exported = check(b"x", graph, lambda image: graph.expected(image) + np.float32(2e-5))
    assert exported.content == b"x" and exported.difference == pytest.approx(2e-5, rel=0.05)
