"""JSON pointers (RFC 6901) over parsed documents."""


def split_pointer(pointer: str) -> tuple[str, ...]:
    """Cut "/a/b~1c" into ("a", "b/c"); the pointer was checked by the configuration."""
    return tuple(
        step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:]
    )


def find(document: object, steps: tuple[str, ...]) -> object:
    """Give the value at *steps*; None when the document has no such place."""
    for step in steps:
        if isinstance(document, dict):
            document = document.get(step)
        elif (
            isinstance(document, list)
            and step.isdecimal()
            and int(step) < len(document)
        ):
            document = document[int(step)]
        else:
            return None
    return document
