"""Frozen settings of stage 1: preprocessing, network, training, prediction."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

WEIGHTS = "network.safetensors"
"""Name of the file of a trained network; in the folder of a training, it marks the end."""


class _Frozen(BaseModel):
    model_config = ConfigDict(
        frozen=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False
    )


_Zoom = Annotated[float, Field(gt=0, le=100)]
_Radius = Annotated[float, Field(gt=0, le=10_000)]


class PreprocessConfig(_Frozen):
    """How an image of any type becomes float32 RGB in [0, 1]."""

    low: float = Field(1.0, ge=0, lt=100)
    """Percentile of the image that maps to 0."""
    high: float = Field(99.8, gt=0, le=100)
    """Percentile of the image that maps to 1."""
    variant: Literal["rgb", "gray", "clahe", "lh"] = "rgb"
    """What the three channels hold: colours; luminance, three times; colours with the lightness
    equalised locally (CLAHE); or lightness, haematoxylin, lightness. See `preprocess`."""
    polarity: Literal["keep", "auto", "invert"] = "keep"
    """Leave light and dark as they are; exchange them where the background is light, so that
    nuclei of all images are light on dark; or exchange them always."""

    @model_validator(mode="after")
    def _ordered(self) -> PreprocessConfig:
        if self.low >= self.high:
            raise ValueError(f"low ({self.low}) must be below high ({self.high})")
        return self


def _usual_widths(fields: dict) -> tuple[int, ...]:
    if fields.get("architecture") == "compact":
        return (32, 64, 128, 192, 256)
    if fields.get("architecture") == "lite":
        return (32, 64, 96, 128)
    own = str(fields.get("encoder")).startswith("nucleisplit-")
    return (8, 16, 24, 48, 96) if own else (16, 32, 48, 64, 128)


class NetworkConfig(_Frozen):
    """Which network, see `stage1_unet.build_network`."""

    architecture: str = Field("compact", max_length=100)
    """`compact` or `lite` (ours), or any architecture of segmentation-models-pytorch, such as
    `unet`. `lite` has the encoder of EfficientNet-Lite0."""
    encoder: str = Field("resnet18", max_length=100)
    """Encoder of a segmentation-models-pytorch architecture: any of its own, `tu-NAME` of timm,
    or, with `unet`, `nucleisplit-residual`, whose finest features are at full resolution. Unused
    by `compact` and `lite`."""
    encoder_weights: str | None = Field(None, max_length=100)
    """Pretrained weights of the encoder, such as `imagenet` (downloaded; for `lite` read from the
    extra `pretrained`); none: from scratch."""
    widths: tuple[Annotated[int, Field(ge=1, le=2048)], ...] = Field(
        default_factory=_usual_widths, min_length=2, max_length=7
    )
    """Channels per level of `compact`, finest first; of the decoder of `lite` (four), finest first;
    decoder channels of `unet`, `unetplusplus` and `manet`, last first, unused by others."""
    blocks: int = Field(1, ge=1, le=4)
    """Residual blocks per encoder level of `compact`."""
    channels: tuple[Literal["body", "border", "separation"], ...] = ("body", "border", "separation")
    """Masks that are predicted, in this order; `body` always. Maps of the others are 0."""
    head: Literal["sigmoid", "softmax"] = "sigmoid"
    """Masks judged one by one, or as exclusive classes; see `stage1_unet.heads`."""
    distance: bool = False
    """Whether the network learns also how far each pixel lies from the edge of its nucleus; it
    helps the network to tell nuclei apart, and is not part of the maps."""

    @property
    def is_ours(self) -> bool:
        """Whether it is a U-Net of this package, which leaves no encoder to choose."""
        return self.architecture in ("compact", "lite")

    @model_validator(mode="after")
    def _channels_ordered(self) -> NetworkConfig:
        names = ("body", "border", "separation")
        if "body" not in self.channels or self.channels != tuple(
            name for name in names if name in self.channels
        ):
            raise ValueError(f"channels must be body, then any of {names[1:]}, got {self.channels}")
        return self


class TrainConfig(_Frozen):
    """One training run of one network."""

    steps: int = Field(1800, ge=1, le=10**7)
    """Optimiser steps."""
    epoch_steps: int = Field(150, ge=1, le=10**7)
    """Steps between two validations; a checkpoint is written at each."""
    batch: int = Field(8, ge=1, le=1024)
    """Crops a step."""
    crop: int = Field(192, ge=32, le=4096)
    """Side of a crop, pixels; a multiple of the stride of the network."""
    lr: float = Field(2e-3, gt=0, le=10)
    """Highest learning rate, reached after the warm-up."""
    decay: Literal["cosine", "linear", "constant"] = "cosine"
    """How the learning rate falls to 0 after the warm-up, or that it does not."""
    warmup: float = Field(0.05, ge=0, lt=1)
    """Share of the steps spent warming up."""
    weight_decay: float = Field(1e-4, ge=0, le=10)
    """Weight decay of AdamW."""
    clip: float = Field(1.0, gt=0, le=1e6)
    """Largest gradient norm."""
    ema: float = Field(0.99, ge=0, lt=1)
    """Decay of the moving average of the weights, which is what is kept; 0 turns it off."""
    scale: tuple[_Zoom, _Zoom] = (0.6, 1.7)
    """Smallest and largest zoom of a crop, drawn log-uniformly."""
    loss: Literal["bce_dice", "ce_dice", "focal"] = "bce_dice"
    """What is minimised, see `stage1_unet.losses.build_loss`."""
    contact_weight: float = Field(0.0, ge=0, le=1000)
    """How much more a pixel near two nuclei counts in the loss: 1 + this, the others 1."""
    nuclei_share: float = Field(0.9, ge=0, le=1)
    """Share of the crops placed on a nucleus; the others lie anywhere."""
    hard_share: float = Field(0.0, ge=0, le=1)
    """Share of the crops drawn from the images in proportion to their latest loss."""
    augment: Literal["none", "light", "default", "kinds"] = "default"
    """Preset of the augmentation, see `stage1_unet.augment`."""
    paste_share: float = Field(0.0, ge=0, le=1)
    """Share of the crops into which nuclei of this image and of similar ones are pasted."""
    paste_nuclei: int = Field(8, ge=1, le=1000)
    """Most nuclei pasted into one crop; how many is drawn anew each time."""
    mix: Literal["none", "mixup", "cutmix"] = "none"
    """How two crops become one: not at all, blended, or a rectangle of one set into the other."""
    mix_share: float = Field(0.3, ge=0, le=1)
    """Share of the crops that are mixed, if any."""
    validation_crops: int = Field(64, ge=1, le=100_000)
    """Fixed crops of the held-out images on which the validation loss is taken."""
    validation_images: int = Field(24, ge=0, le=100_000)
    """Held-out images (of large ones the middle) that are scored after every epoch."""
    keep: Literal["last", "best"] = "last"
    """Keep the last weights, or those of the epoch with the best held-out score. The best are
    chosen on held-out images, so their out-of-fold scores are a little optimistic."""
    patience: int = Field(0, ge=0, le=10**7)
    """Epochs without a better held-out score after which training ends early; 0: never."""
    freeze_encoder: bool = False
    """Train only the decoder, to adapt a trained network to few images."""
    compile: bool = False
    """Compile the network with torch.compile: slow to start, then faster."""
    workers: int = Field(2, ge=0, le=256)
    """Processes that cut and augment crops."""
    precision: Literal["auto", "32", "bf16", "16"] = "auto"
    """Arithmetic of the forward pass; auto: bf16 where the processor or the GPU has instructions
    for it, else 16 on a GPU and 32 on a CPU."""
    seed: int = Field(0, ge=0, le=2**31 - 1)
    """Seed of the weights, the crops and the augmentation."""

    @model_validator(mode="after")
    def _scale_ordered(self) -> TrainConfig:
        low, high = self.scale
        if not 0 < low <= high:
            raise ValueError(f"scale must be 0 < low <= high, got {low} and {high}")
        return self


class PredictConfig(_Frozen):
    """How maps are computed from an image."""

    tta: Literal["none", "flips", "d4"] = "none"
    """Test-time augmentation: none, 4 flips, or the 8 flips and rotations, averaged."""
    scales: tuple[Annotated[float, Field(ge=0.25, le=4)], ...] = Field(
        (1.0,), min_length=1, max_length=16
    )
    """Scales whose maps are averaged too, each with all views, such as 0.75, 1 and 1.25."""
    rescale: bool = True
    """Whether images with nuclei of another size than `radius_range` are rescaled."""
    radius_range: tuple[_Radius, _Radius] = (7.0, 28.0)
    """Smallest and largest radius of nuclei, pixels, that the network is good at. An image with a
    typical radius outside is rescaled to the middle (geometric)."""
    diameter: float | None = Field(None, gt=0, le=1e6)
    """Typical diameter of the nuclei, pixels; null: measured on the maps of a first pass."""
    tile: int = Field(2048, ge=64, le=2**16)
    """Largest side computed in one piece, pixels, the halo included."""
    halo: int = Field(96, ge=0, le=2**15)
    """Margin of a tile that is computed and thrown away, pixels."""

    @model_validator(mode="after")
    def _tile_holds_halo(self) -> PredictConfig:
        if self.tile <= 2 * self.halo:
            raise ValueError(f"tile ({self.tile}) must exceed twice the halo ({self.halo})")
        return self

    @model_validator(mode="after")
    def _radius_range_ordered(self) -> PredictConfig:
        low, high = self.radius_range
        if not 0 < 2 * low <= high:
            raise ValueError(f"radius_range must be 0 < 2 * low <= high, got {low} and {high}")
        return self
