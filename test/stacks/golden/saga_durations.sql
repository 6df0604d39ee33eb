-- How long each order that ended took, from the platform's receipt; imported ones have no saga.
WITH ends AS (
  SELECT subject, unnest(['completed', 'closed', 'rejected', 'expired', 'cancelled']) AS status, happened, type
  FROM events
)
SELECT placed.subject AS order_id, ends.status, date_diff('millisecond', placed.happened, ends.happened) AS duration_ms
FROM events AS placed
JOIN ends ON ends.subject = placed.subject AND ends.type = 'order.' || ends.status
WHERE placed.type = 'order.placed' AND ends.happened IS NOT NULL
