"""The reliability figure: predicted against true IoU of the nuclei found, as SVG text."""

SIZE, MARGIN = 320, 46
"""Side of the plot and its margin, pixels."""


def reliability_svg(bins: list[dict], nuclei: int, error: float) -> str:
    """Draw one disk per tenth of the nuclei; on the diagonal, the prediction is right.

    Parameters
    ----------
    bins : list of dict
        ``predicted`` and ``true``, the mean IoU of each part.
    nuclei : int
        How many they are in all.
    error : float
        Mean absolute error of the single prediction.
    """
    low = int(10 * min((min(part.values()) for part in bins), default=0)) / 10

    def at(iou: float) -> float:
        """Distance from the lower left corner, pixels."""
        return (iou - low) / (1 - low) * SIZE

    side = SIZE + 2 * MARGIN
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{side}" height="{side}" '
        f'viewBox="0 0 {side} {side}" font-family="sans-serif" font-size="12">',
        f'<rect width="{side}" height="{side}" fill="white"/>',
        f'<g transform="translate({MARGIN} {MARGIN + SIZE}) scale(1 -1)">',
        f'<rect width="{SIZE}" height="{SIZE}" fill="none" stroke="#999"/>',
        f'<path d="M0 0L{SIZE} {SIZE}" stroke="#999" stroke-dasharray="4 4"/>',
    ]
    ticks = [step / 10 for step in range(round(low * 10), 11)]
    for tick in ticks:
        parts.append(f'<path d="M{at(tick):.1f} 0V5M0 {at(tick):.1f}H5" stroke="#999"/>')
    for part in bins:
        x, y = at(part["predicted"]), at(part["true"])
        parts.append(f'<path d="M{x:.1f} {x:.1f}V{y:.1f}" stroke="#c33" stroke-width="2"/>')
        parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5" fill="#2266bb"/>')
    parts.append("</g>")
    base = MARGIN + SIZE
    for tick in ticks:
        parts.append(
            f'<text x="{MARGIN + at(tick):.1f}" y="{base + 16}" text-anchor="middle">{tick:.1f}'
            "</text>"
        )
        parts.append(
            f'<text x="{MARGIN - 8}" y="{base - at(tick) + 4:.1f}" text-anchor="end">{tick:.1f}'
            "</text>"
        )
    middle = side / 2
    parts += [
        f'<text x="{middle}" y="{side - 8}" text-anchor="middle">mean predicted IoU</text>',
        f'<text transform="translate(12 {middle}) rotate(-90)" text-anchor="middle">mean true IoU'
        "</text>",
        f'<text x="{middle}" y="18" text-anchor="middle">{nuclei:,} nuclei out of fold, in tenths'
        "</text>",
        f'<text x="{middle}" y="34" text-anchor="middle">mean absolute error of one nucleus '
        f"{error:.3f}</text>",
        "</svg>",
    ]
    return "\n".join(parts) + "\n"
