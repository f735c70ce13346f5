"""Boxes of one's own: files in the formats of the field, read into one form."""

from al.data.boxes.coco import read_coco
from al.data.boxes.loader import BoxLoader
from al.data.boxes.serving import boxes_given
from al.data.boxes.voc import read_voc
from al.data.boxes.yolo import read_yolo

__all__ = ["BoxLoader", "boxes_given", "read_coco", "read_voc", "read_yolo"]
