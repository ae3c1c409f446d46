"""What RFC 9110 and 9112 ask, case by case, of the running command and of nginx beside it."""
