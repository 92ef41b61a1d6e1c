"""What the watch asks of the hourly counts. `KEY` is what the lines are of, `NARROW` what else they must be of."""

KEYS = {
    "provider": "provider",
    "domain": "domain",
    # By number, wherever it stands; the installation's own, which has none, by its place.
    "transport": "split_part(transport, ' ', 1)",
    "campaign": "campaign_id::text",
}

# An hour's counts fit into 32 bits, whose sums PostgreSQL makes without its slow exact numbers.
LINES = """
WITH cell AS (
    SELECT campaign_id, provider, transport, domain,
           sum(sent::int) FILTER (WHERE hour >= :start) AS sent,
           sum(deferred::int) FILTER (WHERE hour >= :start) AS deferred,
           sum(own::int) FILTER (WHERE hour >= :start) AS own,
           sum(bounced_address::int) FILTER (WHERE hour >= :start) AS address,
           sum(bounced_sender::int) FILTER (WHERE hour >= :start) AS sender,
           sum(bounced_other::int) FILTER (WHERE hour >= :start) AS other,
           sum(late::int) FILTER (WHERE hour >= :start) AS late,
           sum(wait_seconds) FILTER (WHERE hour >= :start) AS wait,
           sum(sent::int) FILTER (WHERE hour >= :before AND hour < :start) AS sent_before,
           sum(deferred::int) FILTER (WHERE hour >= :before AND hour < :start) AS deferred_before,
           sum(own::int) FILTER (WHERE hour >= :before AND hour < :start) AS own_before,
           sum(bounced_address::int) FILTER (WHERE hour >= :before AND hour < :start) AS address_before,
           sum(bounced_sender::int) FILTER (WHERE hour >= :before AND hour < :start) AS sender_before,
           sum(bounced_other::int) FILTER (WHERE hour >= :before AND hour < :start) AS other_before,
           sum(late::int) FILTER (WHERE hour >= :before AND hour < :start) AS late_before,
           sum(wait_seconds) FILTER (WHERE hour >= :before AND hour < :start) AS wait_before,
           max(hour) FILTER (WHERE sent > 0) AS last,
           greatest(sum(sent::int) - coalesce(sum(late::int), 0), 0) AS delivered,
           sum(complained::int) AS complained, sum(clicked::int) AS clicked, sum(unsubscribed::int) AS unsubscribed
    FROM watch_hours
    WHERE workspace_id = :workspace AND hour >= :earliest AND hour < :stop NARROW
    GROUP BY 1, 2, 3, 4
), placed AS (
    SELECT *, KEY AS key, last >= :start AS is_now, last >= :before AND last < :start AS is_before,
           provider <> ALL(:silent) AS is_heard, last < :ripe AS is_ripe
    FROM cell
)
SELECT key, max(regexp_replace(transport, '^[0-9]+ ', '')) AS place,
       sum(sent) AS sent, sum(deferred) AS deferred, sum(own) AS own, sum(address) AS address, sum(sender) AS sender,
       sum(other) AS other, sum(late) AS late, sum(wait) AS wait,
       sum(sent_before) AS sent_before, sum(deferred_before) AS deferred_before, sum(own_before) AS own_before,
       sum(address_before) AS address_before,
       sum(sender_before) AS sender_before, sum(other_before) AS other_before, sum(late_before) AS late_before,
       sum(wait_before) AS wait_before,
       sum(delivered) FILTER (WHERE is_now) AS delivered,
       sum(unsubscribed) FILTER (WHERE is_now) AS unsubscribed,
       sum(delivered) FILTER (WHERE is_now AND is_heard) AS heard,
       sum(complained) FILTER (WHERE is_now AND is_heard) AS complained,
       sum(delivered) FILTER (WHERE is_now AND is_ripe) AS ripe,
       sum(clicked) FILTER (WHERE is_now AND is_ripe) AS clicked,
       sum(delivered) FILTER (WHERE is_before) AS delivered_before,
       sum(unsubscribed) FILTER (WHERE is_before) AS unsubscribed_before,
       sum(delivered) FILTER (WHERE is_before AND is_heard) AS heard_before,
       sum(complained) FILTER (WHERE is_before AND is_heard) AS complained_before,
       sum(delivered) FILTER (WHERE is_before AND is_ripe) AS ripe_before,
       sum(clicked) FILTER (WHERE is_before AND is_ripe) AS clicked_before
FROM placed GROUP BY key
"""

# Empty where a former release counted: until it is counted anew.
_TRIED = "(sent + deferred + bounced_address + bounced_sender + bounced_other - coalesce(late, 0))::int"
_OWN = "CASE WHEN :with_own THEN coalesce(own, 0) ELSE 0 END"

# Both periods, so that each can be drawn above the other.
TROUBLE = f"""
SELECT KEY AS key, width_bucket(extract(epoch FROM hour), extract(epoch FROM CAST(:before AS timestamptz)),
                                extract(epoch FROM CAST(:stop AS timestamptz)), :buckets * 2) - 1 AS bucket,
       sum((deferred + bounced_sender + {_OWN})::int) AS trouble, sum({_TRIED} + {_OWN}) AS tried
FROM watch_hours
WHERE workspace_id = :workspace AND hour >= :before AND hour < :stop AND KEY = ANY(:keys) NARROW
GROUP BY 1, 2
"""  # noqa: S608 - only constants of the house are put together

WAITS = """
SELECT KEY AS key, hour >= :start AS is_now, sum(wait_seconds) / sum(sent) AS mean
FROM watch_hours
WHERE workspace_id = :workspace AND hour >= :before AND hour < :stop AND KEY = ANY(:keys) NARROW
GROUP BY KEY, hour HAVING sum(sent) >= :enough
"""

COURSE = """
SELECT date_bin(:bucket, hour, :start) AS mark, sum(sent::int), sum(deferred::int), coalesce(sum(own::int), 0),
       sum(bounced_sender::int), sum(complained::int)
FROM watch_hours
WHERE workspace_id = :workspace AND hour >= :start AND hour < :stop NARROW
GROUP BY 1
"""
