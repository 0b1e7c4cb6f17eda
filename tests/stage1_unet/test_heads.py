import pytest
import torch

from stage1_unet import NetworkConfig
from stage1_unet.heads import count_outputs, list_classes, to_classes, to_maps, to_probabilities

CHOICES = [
    ("body",),
    ("body", "border"),
    ("body", "separation"),
    ("body", "border", "separation"),
]


def softmax(channels, **options):
    return NetworkConfig(channels=channels, head="softmax", **options)


def random_masks(channels):
    """Masks as they occur, all combinations of them: the border within the body."""
    bits = torch.randint(0, 2, (2, 3, 16, 16), generator=torch.Generator().manual_seed(0)).float()
    bits[:, 1] *= bits[:, 0]
    return bits[:, [("body", "border", "separation").index(name) for name in channels]]


@pytest.mark.parametrize(
    ("channels", "classes"),
    [
        (("body",), [(0,), (1,)]),
        (("body", "border"), [(0, 0), (1, 0), (1, 1)]),
        (("body", "separation"), [(0, 0), (0, 1), (1, 0), (1, 1)]),
        (
            ("body", "border", "separation"),
            [(0, 0, 0), (0, 0, 1), (1, 0, 0), (1, 0, 1), (1, 1, 0), (1, 1, 1)],
        ),
    ],
)
def test_classes_are_the_combinations_that_occur(channels, classes):
    assert list_classes(channels) == classes
    assert count_outputs(softmax(channels)) == len(classes)
    assert count_outputs(softmax(channels, distance=True)) == len(classes) + 1


@pytest.mark.parametrize("channels", CHOICES)
def test_sure_classes_give_back_the_masks(channels):
    masks = random_masks(channels)
    config = softmax(channels)
    shares = to_classes(masks, config)
    assert shares.sum(1).eq(1).all() and shares.max(1).values.eq(1).all()
    assert torch.allclose(to_probabilities(shares * 60, config), masks, atol=1e-6)


def test_mixed_masks_keep_their_means():
    masks = torch.tensor([0.6, 0.2, 0.5]).view(1, 3, 1, 1)
    shares = to_classes(masks, softmax(CHOICES[-1]))[0, :, 0, 0]
    assert shares.tolist() == pytest.approx([0.2, 0.2, 0.2, 0.2, 0.1, 0.1])
    members = torch.tensor(list_classes(CHOICES[-1])).float()
    assert (shares @ members).tolist() == pytest.approx([0.6, 0.2, 0.5])


def test_maps_of_a_sigmoid_head():
    logits = torch.tensor([0.0, 30.0, -30.0, 5.0]).view(1, 4, 1, 1)
    maps = to_maps(logits, NetworkConfig(distance=True))
    assert maps.flatten().tolist() == pytest.approx([0.5, 1, 0])
    two = to_maps(logits[:, :2], NetworkConfig(channels=("body", "separation")))
    assert two.flatten().tolist() == pytest.approx([0.5, 0, 1])


def test_maps_of_a_softmax_head():
    shares = torch.tensor([0.1, 0.05, 0.2, 0.05, 0.4, 0.2])
    logits = torch.cat([shares.log(), torch.tensor([9.0])]).view(1, 7, 1, 1)
    maps = to_maps(logits, softmax(CHOICES[-1], distance=True))
    assert maps.flatten().tolist() == pytest.approx([0.85, 0.6, 0.3])
    body = to_maps(torch.tensor([1.0, 3.0]).view(1, 2, 1, 1), softmax(("body",)))
    assert body.flatten().tolist() == pytest.approx([1 / (1 + torch.e**-2), 0, 0])


@pytest.mark.parametrize("channels", CHOICES)
@pytest.mark.parametrize("head", ["sigmoid", "softmax"])
def test_maps_are_probabilities(channels, head):
    config = NetworkConfig(channels=channels, head=head)
    shape = (2, count_outputs(config), 5, 7)
    logits = 20 * torch.randn(shape, generator=torch.Generator().manual_seed(1)).bfloat16()
    maps = to_maps(logits, config)
    assert maps.shape == (2, 3, 5, 7) and maps.dtype == torch.float32
    assert maps.min() >= 0 and maps.max() <= 1
    missing = [index for index, name in enumerate(CHOICES[-1]) if name not in channels]
    assert not maps[:, missing].any()
    if head == "softmax":
        assert (maps[:, 1] <= maps[:, 0] + 1e-6).all()
