"""What the shell commands do, one file a command."""
