"""What learns classes of rows unless told otherwise, by how many labels there are."""

from __future__ import annotations

from typing import Any

#: Labels from which on boosting has a vote.
BOOSTED = 500


def classifier(labels: int) -> Any:
    """The mean of a random forest and logistic regression, from 500 labels on with boosting.

    Gradient boosting alone needs hundreds of labels before it is as good, and with few it is far
    too sure of itself. The forest finds what is not linear, the linear model what is, and they
    disagree where neither has seen much (`python -m benchmarks.table_learners`). Features have to
    be scaled, as `al.data.columns.encoded` makes them. Trees of the forest have at most 512
    leaves, so that a version stays at a few megabytes.

    Args:
        labels: that it will learn from.
    """
    from sklearn import ensemble, linear_model

    linear = linear_model.LogisticRegression(C=0.3, max_iter=1000)
    if labels < BOOSTED:
        forest = ensemble.RandomForestClassifier(100)
        return ensemble.VotingClassifier([("forest", forest), ("linear", linear)], voting="soft")
    forest = ensemble.RandomForestClassifier(100, min_samples_leaf=3, max_leaf_nodes=512)
    boosting = ensemble.HistGradientBoostingClassifier(min_samples_leaf=5, early_stopping=False)
    voters = [("forest", forest), ("linear", linear), ("boosting", boosting)]
    return ensemble.VotingClassifier(voters, voting="soft")
