"""The page in the browser as the annotator: people answer there, sample after sample.

annotator   what the pipeline talks to
log         what was asked and answered: files that only grow
naming      classes that people name while they answer
drawing     pictures, and labels drawn on them, in the pixels of these
desk        what there is to do, what is shown of it, and what becomes of an answer
app         the addresses, and who is let in
server      a port, a lock and a thread
static      the page itself: `index.html`, `page.css`, and modules; a form of answers is a file of
            `static/forms/`
"""

from al.annotators.page.annotator import Page

__all__ = ["Page"]
