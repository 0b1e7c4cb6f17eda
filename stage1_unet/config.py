"""Frozen settings of stage 1: preprocessing, network, training, prediction."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class PreprocessConfig(_Frozen):
    """How an image of any type becomes float32 RGB in [0, 1]."""

    low: float = Field(1.0, ge=0, lt=100)
    """Percentile of the image that maps to 0."""
    high: float = Field(99.8, gt=0, le=100)
    """Percentile of the image that maps to 1."""

    @model_validator(mode="after")
    def _ordered(self) -> PreprocessConfig:
        if self.low >= self.high:
            raise ValueError(f"low ({self.low}) must be below high ({self.high})")
        return self


class NetworkConfig(_Frozen):
    """Which network, see `stage1_unet.build_network`."""

    architecture: str = "compact"
    """`compact` (ours), or any architecture of segmentation-models-pytorch, such as `unet`."""
    encoder: str = "resnet18"
    """Encoder of a segmentation-models-pytorch architecture; unused by `compact`."""
    encoder_weights: str | None = None
    """Pretrained weights of that encoder, such as `imagenet` (downloaded); none: from scratch."""
    widths: tuple[int, ...] = Field((32, 64, 128, 192, 256), min_length=2, max_length=7)
    """Channels per level of `compact`, finest first; decoder channels of the others, last first."""
    blocks: int = Field(1, ge=1, le=4)
    """Residual blocks per encoder level of `compact`."""


class TrainConfig(_Frozen):
    """One training run of one network."""

    steps: int = Field(1800, ge=1)
    """Optimiser steps."""
    epoch_steps: int = Field(150, ge=1)
    """Steps between two validations; a checkpoint is written at each."""
    batch: int = Field(8, ge=1)
    """Crops a step."""
    crop: int = Field(192, ge=32)
    """Side of a crop, pixels; a multiple of the stride of the network."""
    lr: float = Field(2e-3, gt=0)
    """Highest learning rate, reached after the warm-up, then decayed to 0 along a cosine."""
    warmup: float = Field(0.05, ge=0, lt=1)
    """Share of the steps spent warming up."""
    weight_decay: float = Field(1e-4, ge=0)
    """Weight decay of AdamW."""
    clip: float = Field(1.0, gt=0)
    """Largest gradient norm."""
    ema: float = Field(0.99, ge=0, lt=1)
    """Decay of the moving average of the weights, which is what is kept; 0 turns it off."""
    scale: tuple[float, float] = (0.6, 1.7)
    """Smallest and largest zoom of a crop, drawn log-uniformly."""
    nuclei_share: float = Field(0.9, ge=0, le=1)
    """Share of the crops placed on a nucleus; the others lie anywhere."""
    augment: Literal["none", "light", "default"] = "default"
    """Preset of the augmentation, see `stage1_unet.augment`."""
    validation_crops: int = Field(64, ge=1)
    """Fixed crops of the held-out images on which the validation loss is taken."""
    workers: int = Field(2, ge=0)
    """Processes that cut and augment crops."""
    precision: Literal["auto", "32", "bf16", "16"] = "auto"
    """Arithmetic of the forward pass; auto: 32 on CPU, bf16 on a GPU that has it, else 16."""
    seed: int = Field(0, ge=0)
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
    tile: int = Field(1024, ge=64)
    """Largest side computed in one piece, pixels, the halo included."""
    halo: int = Field(96, ge=0)
    """Margin of a tile that is computed and thrown away, pixels."""

    @model_validator(mode="after")
    def _tile_holds_halo(self) -> PredictConfig:
        if self.tile <= 2 * self.halo:
            raise ValueError(f"tile ({self.tile}) must exceed twice the halo ({self.halo})")
        return self
