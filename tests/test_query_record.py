"""The query on record: a later process reads what was written, and what older ones wrote."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tests.stores import runs


@pytest.mark.slow
def test_a_query_is_read_back_and_not_chosen_again_older_records_too(
    campaign: Callable[..., Any], client: Any, caplog: pytest.LogCaptureFixture
) -> None:
    campaign(campaign="c").cycle()
    campaign(campaign="c").step("select-data")
    path = Path(runs(client, step="select-data")[-1].info.artifact_uri) / "query.parquet"
    written = pd.read_parquet(path)
    assert written["likely"].notna().all()  # a model is in Production
    written.drop(columns="likely").to_parquet(path, index=False)  # as it was written once
    campaign(campaign="c").step("annotate")
    campaign(campaign="c").cycle()
    campaign(campaign="c").step("select-data")
    campaign(campaign="c").cycle()
    assert "chosen again" not in caplog.text
