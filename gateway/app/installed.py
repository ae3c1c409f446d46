"""What is installed here: which version, and whether its hot path is compiled."""

from importlib import metadata

from gateway.wire import fields


def installed_version() -> str | None:
    """Give the version of sluicegate; None when it runs from a checkout."""
    try:
        return metadata.version("sluicegate")
    except metadata.PackageNotFoundError:
        return None


def is_compiled() -> bool:
    """Whether the modules of the hot path are C extensions (gateway/building)."""
    return not fields.__file__.endswith(".py")
