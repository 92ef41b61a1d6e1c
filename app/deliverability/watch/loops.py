"""Which mailbox providers tell a sender of complaints. Of the others, no complaint heard means nothing."""

SILENT = frozenset({"google", "icloud", "microsoft-365", "microsoft-dane"})
"""Gmail gives aggregates only (Postmaster Tools); Apple nothing; Microsoft's JMRP covers its consumer service alone."""
