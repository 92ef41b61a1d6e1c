"""DKIM: the domains a workspace signs for, their keys, their records in DNS, and signing what goes out."""
