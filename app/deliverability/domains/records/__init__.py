"""Reading the records of others as receivers do; pure, DNS comes in as a function."""
