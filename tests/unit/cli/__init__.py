"""The command line without a gateway: arguments, tables, and the demo's counting."""
