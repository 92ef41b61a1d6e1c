"""DMARC aggregate reports: what receivers counted of mail in our domains' names."""
