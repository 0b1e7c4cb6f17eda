import numpy as np
import pytest

from stage1_unet.sampling import ImageChooser, StepSampler


def shares(chooser, count=2000):
    rngs = [np.random.default_rng(number) for number in range(count)]
    chosen = [chooser.choose(rng) for rng in rngs]
    return np.bincount(chosen, minlength=len(chooser.shares)) / count


def test_images_are_drawn_by_weight():
    assert shares(ImageChooser([3, 0, 1])) == pytest.approx([0.75, 0, 0.25], abs=0.03)


def test_a_share_is_drawn_by_difficulty():
    chooser = ImageChooser([1, 1, 0], hard_share=0.4)
    assert shares(chooser) == pytest.approx([0.5, 0.5, 0], abs=0.03)
    chooser.set_difficulty([0, 0.2, 0.6])
    assert shares(chooser) == pytest.approx([0.3, 0.4, 0.3], abs=0.03)


def test_difficulty_has_no_part_without_a_hard_share():
    chooser = ImageChooser([1, 0])
    chooser.set_difficulty([0, 1])
    assert shares(chooser, 50).tolist() == [1, 0]


@pytest.mark.parametrize(
    ("difficulty", "message"),
    [
        ([1], r"shape \(1,\), there are 2 images"),
        ([0, 0], "above 0"),
        ([1, -1], "0 or more"),
        ([1, np.nan], "finite"),
    ],
)
def test_bad_difficulty(difficulty, message):
    with pytest.raises(ValueError, match=message):
        ImageChooser([1, 1], hard_share=0.5).set_difficulty(difficulty)


def test_sampler_goes_on_from_the_steps_done():
    done = [0]
    sampler = StepSampler(2, 3, lambda: done[0])
    assert list(sampler) == [0, 1, 2, 3, 4, 5] and len(sampler) == 6
    done[0] = 4
    assert list(sampler) == [12, 13, 14, 15, 16, 17]
    assert list(sampler.numbers(5)) == [15, 16, 17]
