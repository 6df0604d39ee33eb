-- The values that the views could not read. There are normally no rows.
SELECT source, value, left_out
FROM analytics.left_out
ORDER BY source, value
