"""The package's long description: README without what leads nowhere outside of this repository."""

import re
from pathlib import Path

from setuptools import setup

text = Path(__file__).with_name("README.md").read_text("utf-8")
text = re.sub(r"^!\[[^]]*\]\((?!https?:)[^)]*\)\n+", "", text, flags=re.MULTILINE)  # pictures
text = re.sub(r"\[([^]]*)\]\((?!https?:)[^)]*\)", r"\1", text)  # links to files beside it
setup(long_description=text, long_description_content_type="text/markdown")
