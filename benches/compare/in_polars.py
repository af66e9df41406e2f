"""The same questions in Polars. Usage: FILE within|ranges THREADS [auto]

Lazy, on the streaming engine, with the schema told and only the columns that are needed; `auto` lets
Polars find out the schema. The clock starts before the file is opened and after Polars has been loaded.
"""

import json
import os
import sys
import time


def main(file, question, threads, schema="told"):
    os.environ["POLARS_MAX_THREADS"] = threads
    import polars as pl

    labels = pl.Struct({"service": pl.String, "request_id": pl.String})
    columns = {"labels": labels}
    if question == "within":
        # As text, which sorts as time does: two times a key are parsed in place of one a line.
        columns["timestamp"] = pl.String
    start = time.perf_counter()
    log = pl.scan_ndjson(file) if schema == "auto" else pl.scan_ndjson(file, schema=columns)
    label = pl.col("labels").struct.field
    events = {"key": label("request_id"), "frontend": label("service") == "frontend"}
    sums = {
        "events": pl.len(),
        "both": pl.col("frontend").any() & ~pl.col("frontend").all(),
    }
    outlives = pl.lit(False)
    if question == "within":
        events["time"] = pl.col("timestamp")
        sums |= {"first": pl.col("time").min(), "last": pl.col("time").max()}

        def parsed(name):
            return pl.col(name).str.to_datetime("%Y-%m-%dT%H:%M:%S%.fZ", time_unit="ms")

        outlives = parsed("last") - parsed("first") > pl.duration(seconds=30)
    keys = log.select(**events).group_by("key").agg(**sums).filter("both")
    answer = keys.select(
        correlations=pl.len(), events=pl.col("events").sum(), outliving=outlives.sum()
    )
    correlations, events, outliving = answer.collect(engine="streaming").row(0)
    ms = (time.perf_counter() - start) * 1e3
    if outliving > 0:
        sys.exit("keys outlive the window, which this peer does not answer")
    answer = {"correlations": correlations, "events": events, "ms": ms}
    print(json.dumps(answer | {"version": pl.__version__}))


main(*sys.argv[1:])
