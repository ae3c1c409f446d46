"""From a file or a mapping to a Deployment, or to a list of what is wrong."""
