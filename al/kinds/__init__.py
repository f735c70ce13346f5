"""Kinds of problem: all that is known of what a label is. One file each.

A kind is looked up by the name that `DataSpec.kind` and stored files hold, a word of the
catalog or `package.module:Class`, and bound to the data it speaks of: `kind_of(spec)`. What a
model's outputs mean depends on it:

| kind | "probabilities" [N, C] | a prediction holds |
|---|---|---|
| class | p(class) | one distribution over C classes |
| labels | p(the label applies) | C distributions over yes and no |
| mask | expected share of the pixels of each class | one distribution over C classes a pixel |
| boxes | expected number of boxes of each class | one over C classes and nothing, a box |
| entities | expected number of entities of each class | one over the tags of BIO, a token |
| number | mean and variance, so C = 2 | one normal distribution |

"samples" [N, T, C] are the same of each stochastic pass. What a strategy scores is not these
summaries but the distributions themselves; see `PoolView.measured`.
"""

from al.kinds.base import Kind, Trait, kind_named, kind_of, served

__all__ = ["Kind", "Trait", "kind_named", "kind_of", "served"]
