"""Label Studio as the annotator: people answer there, this asks and collects over HTTP.

annotator   what the pipeline talks to
server      requests, tokens, and what went wrong in a line
project     the project and its labelling config: made, or checked
tasks       what the server holds of a campaign, kept up to date by looking at changes only
media       images, to where annotators' browsers find them
forms       labels as results in Label Studio and back
shapes      brush strokes, polygons and boxes as pixels
spans       entities, in whatever unit their places are counted
votes       one label out of the answers of several people
"""

from al.annotators.label_studio.annotator import LabelStudio

__all__ = ["LabelStudio"]
