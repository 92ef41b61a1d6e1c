"""The house of Merpati, from the roof down; each room may call only rooms below it (checked by import-linter).

factory, cli                       how the parts are put together, how a shell drives them
api                                /api/v1, thin over the features
reporting                          read only: ledger tables, rates with intervals, exports
campaigns | journeys               one planned send: audience, cells, review, launch
deliverability                     the watch over mailbox providers
sending | tracking                 out: claim, render, SMTP. In: pixel, click, unsubscribe, bounces
messages                           the spine: one e-mail to one person, its attempts and events
audience | content                 whom we write to, what we say
accounts                           who signs in
rendering | mail | statistics      pure: no Flask, SQLAlchemy, Redis or RQ
core                               no domain words

runtime (embedded PostgreSQL and Valkey, the supervisor) knows only core; simulator knows only core and the pure rooms.
"""
