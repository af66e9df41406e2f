-- The keys that span more than the window: two neighbours in time are in one session where some match
-- spans them. Only asked where there are such keys.
WITH event AS (
  SELECT labels.request_id AS key, labels.service = 'frontend' AS frontend, timestamp AS time
  FROM $LOG
),
long AS (
  FROM event
  SEMI JOIN (
    SELECT key FROM event GROUP BY key HAVING max(time) - min(time) > INTERVAL 30 SECONDS
  ) USING (key)
),
neighbour AS (
  SELECT
    key, place,
    max(time) FILTER (frontend) OVER before AS frontend_before,
    max(time) FILTER (NOT frontend) OVER before AS backend_before,
    min(time) FILTER (frontend) OVER after AS frontend_after,
    min(time) FILTER (NOT frontend) OVER after AS backend_after
  FROM (SELECT *, row_number() OVER (PARTITION BY key ORDER BY time) AS place FROM long)
  WINDOW
    before AS (PARTITION BY key ORDER BY place ROWS UNBOUNDED PRECEDING),
    after AS (PARTITION BY key ORDER BY place ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING)
),
ending AS (
  SELECT key, place, NOT coalesce(
    backend_after - frontend_before <= INTERVAL 30 SECONDS
    OR frontend_after - backend_before <= INTERVAL 30 SECONDS, false) AS ends
  FROM neighbour
),
session AS (
  SELECT key, place, sum(ends::INT) OVER (PARTITION BY key ORDER BY place) - ends::INT AS number
  FROM ending
)
SELECT count(*), coalesce(sum(events), 0)::BIGINT
FROM (SELECT count(*) AS events FROM session GROUP BY key, number HAVING count(*) > 1)
