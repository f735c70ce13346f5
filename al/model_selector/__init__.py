"""The Model Selector: which checkpoint wins, and whether it replaces the champion."""

from al.model_selector.election import criterion, elect

__all__ = ["criterion", "elect"]
