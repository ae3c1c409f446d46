"""What the gateway tells about itself, in the shapes others read."""
