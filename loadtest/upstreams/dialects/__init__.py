"""What answers look like on the wire, a dialect a file."""
