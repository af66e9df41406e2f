"""The same questions in DuckDB. Usage: FILE within|ranges THREADS [auto]

`auto` lets DuckDB find out the schema; otherwise it is told, and only the columns that are needed.
The clock starts before the file is opened and after DuckDB has been loaded.
"""

import json
import pathlib
import sys
import time

import duckdb

FOLDER = pathlib.Path(__file__).parent
COLUMNS = {
    "within": "timestamp: 'TIMESTAMP', labels: 'STRUCT(service VARCHAR, request_id VARCHAR)'",
    "ranges": "labels: 'STRUCT(service VARCHAR, request_id VARCHAR)'",
}


def main(file, question, threads, schema="told"):
    quoted = file.replace("'", "''")
    if schema == "auto":
        log = f"read_json_auto('{quoted}')"
    else:
        columns = COLUMNS[question]
        log = f"read_json('{quoted}', format = 'newline_delimited', columns = {{{columns}}})"

    def ask(name):
        return connection.execute((FOLDER / name).read_text().replace("$LOG", log)).fetchone()

    connection = duckdb.connect()
    connection.execute(f"SET threads = {int(threads)}")
    start = time.perf_counter()
    correlations, events, outliving = ask(f"duckdb_{question}.sql")
    if outliving > 0:
        more = ask("duckdb_sessions.sql")
        correlations, events = correlations + more[0], events + more[1]
    ms = (time.perf_counter() - start) * 1e3
    answer = {"correlations": correlations, "events": events, "ms": ms}
    print(json.dumps(answer | {"version": duckdb.__version__}))


main(*sys.argv[1:])
