"""What each provider's words mean in ours: one mapping table for each, and one judge for all of them."""
