//! Ids in messages, as programs write them.

use super::KeyPatterns;
use crate::limits::MAX_EVENT_BYTES;

fn find<'m>(name: &str, message: &'m str) -> Option<&'m str> {
    KeyPatterns::default().find(name, message)
}

#[test]
fn forms_of_an_id() {
    for message in [
        "request_id=req_123",
        "GET /x request_id=req_123 done",
        "/* request_id=req_123 */ select 1",
        "/*request_id=req_123*/ select 1",
        r#"{"request_id":"req_123"}"#,
        r#"{"request_id" : "req_123", "a": 1}"#,
        r#"got {\"request_id\":\"req_123\"}"#,
        "{'request_id': 'req_123'}",
        "requestId: req_123",
        "requestId:req_123",
        "requestID=req_123",
        "request-id=req_123",
        "req_id=req_123",
        "reqId=req_123",
        "x-request-id: req_123",
        "X-Request-ID: req_123",
        "REQUEST_ID=req_123",
        r#"request_id="req_123""#,
        r#"request_id="req_123"#,
        "(request_id=req_123)",
        "[request_id=req_123]",
        "request_id=req_123, user_id=7",
        "request_id=req_123; rest",
        "https://x/?request_id=req_123&y=1",
        "the end is request_id=req_123.",
        "prev_request_id=other request_id=req_123",
        "request_id= request_id=req_123",
        "ü request_id=req_123ü",
    ] {
        assert_eq!(find("request_id", message), Some("req_123"), "{message}");
        assert_eq!(find("requestId", message), Some("req_123"), "{message}");
    }
}

#[test]
fn values_are_whole() {
    for value in [
        "80afab1b1ec228f94bf26c406202ba48",
        "f47ac10b-58cc-4372-a567-0e02b2c3d479",
        "abc",
        "a.b",
        "user@example.com",
        "1-67891233-abcdef012345678912345678",
        "order:5",
        "YWJj+/ZA==",
        "_x",
    ] {
        assert_eq!(find("user_id", &format!("user_id={value}")), Some(value));
        assert_eq!(find("user_id", &format!("user_id: {value}, then")), Some(value));
        assert_eq!(find("user_id", &format!(r#"{{"userId":"{value}"}}"#)), Some(value));
    }
    assert_eq!(find("user_id", r#"{"user_id":"Jörg M."}"#), Some("Jörg M."));
    assert_eq!(find("user_id", r#"{"user_id":17}"#), Some("17"));
}

#[test]
fn prose_and_other_names_are_no_ids() {
    for message in [
        "",
        "request_id",
        "request_id is missing",
        "request_id: ",
        "request_id:",
        "request_id=",
        "request_id= req_123",
        "request_id: is missing",
        "request_id: not found",
        "request_id: missing",
        "request_id=null",
        "request_id=undefined",
        r#"{"request_id":null}"#,
        r#"{"request_id":""}"#,
        "request_id=-",
        "request_id -> 5",
        "request_id=>5",
        "prev_request_id=req_123",
        "prevRequestId=req_123",
        "my-request-id=req_123",
        "http.request_id=req_123",
        "request_ids=req_123",
        "request_id_count=5",
        "request=5 id=6",
    ] {
        assert_eq!(find("request_id", message), None, "{message}");
    }
    assert_eq!(find("order_id", "border_id=1"), None);
    assert_eq!(find("tx_id", "tx_id=1"), None);
}

#[test]
fn all_well_known_names() {
    let message =
        "request_id=1 traceId=2 span-id=3 session_id=4 correlationId=5 order_id=6 userId=7";
    let names = [
        ("request_id", "requestId"),
        ("trace_id", "traceId"),
        ("span_id", "spanId"),
        ("session_id", "sessionId"),
        ("correlation_id", "correlationId"),
        ("order_id", "orderId"),
        ("user_id", "userId"),
    ];
    for (number, (snake, camel)) in (1..).zip(names) {
        let expected = number.to_string();
        assert_eq!(find(snake, message), Some(expected.as_str()));
        assert_eq!(find(camel, message), Some(expected.as_str()));
    }
}

#[test]
fn traceparent() {
    let value = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    for message in [
        format!("traceparent: {value}"),
        format!("traceparent={value}"),
        format!(r#"{{"traceparent":"{value}"}}"#),
        format!("Traceparent: {value}, tracestate: a=b"),
    ] {
        assert_eq!(find("trace_id", &message), Some("4bf92f3577b34da6a3ce929d0e0e4736"));
        assert_eq!(find("span_id", &message), Some("00f067aa0ba902b7"));
        assert_eq!(find("request_id", &message), None);
    }
    for bad in [
        "traceparent: 00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
        "traceparent: ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b7-01",
        "traceparent is missing",
    ] {
        assert_eq!(find("trace_id", bad), None, "{bad}");
    }
}

#[test]
fn custom_patterns_add_and_replace() {
    let patterns = [("tx_id", r"\btx<([^>]+)>"), ("request_id", r"rid=(\w+)")];
    let patterns = KeyPatterns::new(patterns.into_iter()).expect("both are patterns");
    assert_eq!(patterns.find("tx_id", "did tx<7>"), Some("7"));
    assert_eq!(patterns.find("request_id", "rid=5 request_id=6"), Some("5"));
    assert_eq!(patterns.find("requestId", "rid=5 request_id=6"), Some("6"));
    assert_eq!(patterns.find("trace_id", "trace_id=9"), Some("9"));
}

#[test]
fn bad_patterns_say_where() {
    let error =
        |pattern| KeyPatterns::new([("x", pattern)].into_iter()).expect_err("it is no pattern");
    assert_eq!(error("ab(c").position, Some(2));
    assert!(error("ab(c").to_string().contains("unclosed group"));
    assert_eq!(error("abc").position, None);
    assert!(error("(a)(b)").message.contains("found 2"));
    assert!(error(r"(\w{1000}){1000}").message.contains("size limit"));
}

// Were a message looked at again from each of its bytes, this would take hours.
#[test]
fn hostile_messages_are_looked_at_once() {
    for (piece, trace_id) in
        [("request_id=:", None), ("traceparent=0:", None), ("trace_id=\"x\\", Some("x"))]
    {
        let message = piece.repeat(MAX_EVENT_BYTES / piece.len());
        assert_eq!(find("request_id", &message), None, "{piece}");
        assert_eq!(find("trace_id", &message), trace_id, "{piece}");
    }
}
