"""The cases of answers, from endpoints that are broken or mean harm."""
