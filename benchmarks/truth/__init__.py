"""What a forward pass really multiplies: counted by running it, with no formula of anybody.

Every contraction that a framework executes (a product of matrices, a convolution) is executed once
more on ones. Then each multiplication gives one, and what comes out adds up to the number of
multiplications. So the same kernel that does the work says how much it does, whatever its
strides, groups, dilation or layout are. Padding is filled with ones too, for padding taps count.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Truth"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """What was found by running a model.

    Attributes:
        macs: multiplications of contractions in one forward pass.
        parameters: elements that an optimizer learns, each storage once.
        unpadded: the MACs of which no factor is padding, where a tool leaves out the others; what
            a transposed convolution crops is padding, too.
    """

    macs: int
    parameters: int
    unpadded: int | None = None
