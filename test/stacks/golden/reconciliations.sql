-- Each run of reconciliation that has ended.
SELECT
  subject AS run_id,
  actor AS started_by,
  moment(field(data, '$.startedAt')) AS started_at,
  happened AS ended_at,
  whole(part(data, '$.compared.orders'), 16) AS orders,
  whole(part(data, '$.inFlight'), 16) AS in_flight,
  whole(part(data, '$.differences'), 16) AS differences
FROM events
WHERE type = 'reconciliation.ended'
