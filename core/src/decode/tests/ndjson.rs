//! NDJSON of any shape.

use super::{at, event};

#[test]
fn top_level_fields_are_labels() {
    let found = event(
        r#"{"time":"2026-11-20T21:20:09.348Z","msg":"hi","n":1.50,"ok":true,"no":null,"a":[1, 2],"b":{"c":{"d":"x"}}}"#,
    );
    assert_eq!(found.time, at("2026-11-20T21:20:09.348Z"));
    assert_eq!(found.message, "hi");
    let labels: Vec<_> = found.labels.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    assert_eq!(labels, [("n", "1.50"), ("ok", "true"), ("a", "[1, 2]"), ("b.c.d", "x")]);
}
