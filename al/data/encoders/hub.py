"""Models on the Hugging Face hub, by revision; the only file that may ask the network."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from al.errors import ConfigError, DataError

#: Files that are fetched: nothing pickled, no code.
PATTERNS = ["*.json", "*.txt", "*.safetensors", "*.model"]


def newest(name: str) -> str:
    """The revision that ORG/NAME has now; offline, the one that lies in the local cache.

    Raises:
        DataError: neither can be found.
    """
    hub = _hub(name)
    try:
        return str(hub.HfApi().model_info(name, timeout=20).sha)
    except Exception as error:  # many kinds, of several libraries
        try:
            found = hub.snapshot_download(name, allow_patterns=PATTERNS, local_files_only=True)
        except Exception:
            raise _unreachable(name, error) from error
        return Path(found).name


def fetched(name: str) -> Path:
    """The folder of ORG/NAME@REVISION, from the local cache or the network.

    Raises:
        DataError: it is in neither.
    """
    repository, _, revision = name.partition("@")
    hub = _hub(name)
    what: dict[str, Any] = {"revision": revision, "allow_patterns": PATTERNS}
    try:
        return Path(hub.snapshot_download(repository, local_files_only=True, **what))
    except Exception:
        try:
            return Path(hub.snapshot_download(repository, **what))
        except Exception as error:  # many kinds, of several libraries
            raise _unreachable(name, error) from error


def _hub(name: str) -> Any:
    try:
        import huggingface_hub
    except ImportError as error:
        raise ConfigError(
            f"encoder=hf:{name} needs huggingface_hub, which is not installed: "
            "pip install 'active-learning-pipeline[hf]'"
        ) from error
    return huggingface_hub


def _unreachable(name: str, error: Exception) -> DataError:
    reason = (" ".join(str(error).split()) or type(error).__name__)[:120]
    return DataError(
        f"encoder=hf:{name} cannot be had from the Hugging Face hub ({reason}): check its name and "
        "the network, or download it elsewhere and give its folder"
    )
