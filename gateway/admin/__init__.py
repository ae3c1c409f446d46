"""The admin API: what operators see and do, over HTTP. Decides nothing itself."""
