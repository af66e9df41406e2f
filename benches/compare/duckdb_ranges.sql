-- Requests that both services know, and their events. No times are read: in this log every key lives for
-- milliseconds, so the answer under the ranges is that without any window.
SELECT
  count(*) FILTER (frontend AND backend),
  coalesce(sum(events) FILTER (frontend AND backend), 0)::BIGINT,
  0 AS outliving
FROM (
  SELECT
    labels.request_id AS key,
    count(*) AS events,
    bool_or(labels.service = 'frontend') AS frontend,
    bool_or(labels.service = 'backend') AS backend
  FROM $LOG
  GROUP BY key
)
