"""A file of people on its way in.

encoding, dialect, columns, sniff    what kind of file it is, from its first megabyte
lines, records, batches              bytes → lines → rows → people and faults, in a stream
merge, run                           one batch into the database in one transaction; the whole file, batch by batch
files, uploads, start                where the file lies; how an import begins in the browser, in the shell
"""
