"""The page in the browser as the annotator: people answer there, sample after sample.

annotator   what the pipeline talks to
log         what was asked and answered: files that only grow
lines       such a file: added to safely, read as it grows
look        what the user says of how the page looks
naming      classes that people name while they answer
drawing     pictures, and labels drawn on them, in the pixels of these
item        a sample as the page shows it; for rows of tables, `rows`
past        earlier answers: a history, and a review at the end
guide       instructions, and examples of each class
turns       who is served what: several people at once, several answers a sample
tally       the state of each sample by its answers
desk        what there is to do, and what becomes of an answer
app         the addresses; those for looking around, `looking`
door        who is let in, by `people` and their links; `network`, where the page is to be found
server      a port, a lock and a thread; connections, `wire`
at_work     whether a driver works on the answers
static      the page itself: `index.html`, `page.css`, and modules; a form of answers is a file of
            `static/forms/`
"""

from al.annotators.page.annotator import Page

__all__ = ["Page"]
