"""The watch: hourly counts of what mailbox providers do with our mail, and when that is no longer as it was."""
