-- The events of a key that span no more than the window belong together as soon as both services are
-- there. Keys that span more are counted, and left to duckdb_sessions.sql.
SELECT
  count(*) FILTER (frontend AND backend AND last - first <= INTERVAL 30 SECONDS),
  coalesce(sum(events) FILTER (frontend AND backend AND last - first <= INTERVAL 30 SECONDS), 0)::BIGINT,
  count(*) FILTER (frontend AND backend AND last - first > INTERVAL 30 SECONDS) AS outliving
FROM (
  SELECT
    labels.request_id AS key,
    count(*) AS events,
    bool_or(labels.service = 'frontend') AS frontend,
    bool_or(labels.service = 'backend') AS backend,
    min(timestamp) AS first,
    max(timestamp) AS last
  FROM $LOG
  GROUP BY key
)
