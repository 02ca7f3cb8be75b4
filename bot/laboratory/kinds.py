"""The kinds of labelled incidents."""

from typing import Literal, get_args

Kind = Literal["single", "compound", "confusable", "benign", "missing", "shared"]
"""One fault; two; one that looks like its neighbour; none that looks like one; one whose deciding signal is lost; one
that all links of a node have."""
KINDS: tuple[Kind, ...] = get_args(Kind)
