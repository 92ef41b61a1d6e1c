"""The guard: campaigns that people complain about are paused before the providers act."""
