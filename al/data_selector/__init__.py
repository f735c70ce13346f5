"""The Data Selector: which samples of the pool to ask about."""

from al.data_selector.selector import select
from al.data_selector.sheet import contact_sheet
from al.data_selector.view import View

__all__ = ["View", "contact_sheet", "select"]
