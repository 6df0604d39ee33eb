-- The values that the views could not read. No row: none.
SELECT source, value, left_out
FROM analytics.left_out
ORDER BY source, value
