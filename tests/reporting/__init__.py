"""The reading side: home and reports."""
