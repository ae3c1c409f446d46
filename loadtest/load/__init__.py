"""What presses on the proxy: raw clients, paced without coordinated omission."""
