-- How many orders were undone.
SELECT orders, undone, rate
FROM analytics.compensation_rate
