"""The version of this software, as every run records it.

Written out here, since the folders are never installed and workers may have no pyproject.toml; a test fails if
pyproject.toml, CITATION.cff or CHANGELOG.md names another version.
"""

VERSION = "0.1.0"
