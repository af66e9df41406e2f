// The nine questions of README.md, as queries, and the logs that they are asked of.
import { readFileSync } from "node:fs";

/** By the names that they have in the queries. */
export const LOGS = {
  edge: "nginx-access.ndjson",
  app: "app.ndjson",
  postgresql: "postgresql.log",
};

/** In the order of the README. */
const QUERIES = [
  {
    title: "Requests and what the service logged of them",
    query: "edge({})[5m] and on(request_id) app({})[5m]",
  },
  {
    title: "Requests that never reached the service",
    query: "edge({})[5m] unless on(request_id) app({})[5m]",
  },
  {
    title: "Requests down to their database statements",
    query:
      "edge({})[5m] and on(request_id) app({})[5m] and on(request_id) postgresql({})[5m]",
  },
  {
    title: "Errors of the service and the statements behind them",
    query:
      'app({level=~"error|fatal"})[5m] and on(request_id) postgresql({} |= "STATEMENT:")[5m]',
  },
  {
    title: "Failed requests that the service never completed",
    query:
      'edge({status=~"5.."})[5m] unless on(request_id) app({} |= "request completed")[5m]',
  },
  {
    title: "Requests that the edge logged within 10 ms of their start",
    query:
      'app({} |= "request started")[5m] and on(request_id) within(10ms) edge({})[5m]',
  },
  {
    title: "Requests that the edge had answered 5 ms after their start",
    query:
      'app({} |= "request started")[5m] and on(request_id) within(0s, 5ms) edge({})[5m]',
  },
  {
    title: "Requests with statements within 2 ms of their start",
    query:
      'app({} |= "request started")[5m] and on(request_id) within(2ms) postgresql({})[5m]',
  },
  {
    title: "Clients that saw a 500 and a 502 within 200 ms",
    query:
      'edge({status="500"})[5m] as a and on(remote_addr) within(200ms) edge({status="502"})[5m] as b',
  },
];

/** The rows of the README's table of questions, with their queries: text and the two counts. */
export function questions() {
  const readme = readFileSync(new URL("README.md", import.meta.url), "utf8");
  const rows = [...readme.matchAll(/^\| (.+?) \| (\d+) \| (\d+) \|$/gm)];
  if (rows.length !== QUERIES.length) {
    throw new Error(
      `README.md asks ${rows.length} questions, and there are ${QUERIES.length} queries`,
    );
  }
  return rows.map(([, text, correlations, events], at) => ({
    ...QUERIES[at],
    text,
    correlations,
    events,
  }));
}
