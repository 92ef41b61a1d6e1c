"""What others say of our mail: figures from providers' own pages, and mailboxes of one's own."""
