"""The Data Selector: which samples of the pool to ask about."""

from al.data_selector.brought import Share
from al.data_selector.cache import passes_folder, trim_passes
from al.data_selector.copies import distinct
from al.data_selector.explained import explained, pool_figures, query_figures
from al.data_selector.pool_pass import Model, PoolPass
from al.data_selector.selector import select
from al.data_selector.sheet import contact_sheet
from al.data_selector.view import View

__all__ = [
    "Model",
    "PoolPass",
    "Share",
    "View",
    "contact_sheet",
    "distinct",
    "explained",
    "passes_folder",
    "pool_figures",
    "query_figures",
    "select",
    "trim_passes",
]
