//! Answers from outside: bodies in, lines out, which a decoder reads.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use serde_json::Value;

use super::{ResponseContent, ResponseFormat, ResponseOptions, ResponseReader, Timestamp};
use crate::decode::{BadLine, Decoder, DecoderOptions, Sink};
use crate::event::Event;

const LOKI: ResponseFormat = ResponseFormat::Loki;
const PROMETHEUS: ResponseFormat = ResponseFormat::Prometheus;
const GRAYLOG: ResponseFormat = ResponseFormat::Graylog;
const CSV: ResponseFormat = ResponseFormat::GraylogCsv;

type Labels = BTreeMap<String, String>;

/// What an event says.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Said {
    time: i64,
    message: String,
    labels: Labels,
}

#[derive(Default)]
struct Kept {
    events: Vec<Said>,
    bad: Vec<&'static str>,
}

impl Sink for Kept {
    fn event(&mut self, event: Event<'_>) {
        self.events.push(Said {
            time: event.time.as_nanos(),
            message: event.message().to_owned(),
            labels: labels(&event.labels().collect::<Vec<_>>()),
        });
    }

    fn bad_line(&mut self, bad: BadLine<'_>) {
        self.bad.push(bad.code);
    }
}

fn labels(pairs: &[(&str, &str)]) -> Labels {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn reader(format: ResponseFormat) -> ResponseReader {
    ResponseReader::new(ResponseOptions { format }, 7)
}

fn decode(content: &ResponseContent) -> Kept {
    let options = DecoderOptions { format: Some("ndjson".to_owned()), ..DecoderOptions::default() };
    let mut decoder = Decoder::new(options).expect("a known format");
    let mut kept = Kept::default();
    decoder.push(&content.lines, &mut kept);
    decoder.close(&mut kept);
    assert_eq!((kept.events.len() + kept.bad.len()) as u64, content.fresh);
    kept
}

/// Reads one answer, all of which has to be events.
fn events(format: ResponseFormat, body: &str) -> Vec<Said> {
    let kept = decode(&reader(format).read(body.as_bytes()).expect("an answer"));
    assert!(kept.bad.is_empty(), "{:?}", kept.bad);
    kept.events
}

fn error(format: ResponseFormat, body: &[u8]) -> String {
    let error = reader(format).read(body).expect_err("no answer");
    assert_eq!(error.code(), "RESPONSE_INVALID");
    error.message
}

fn sample(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/samples");
    fs::read_to_string(folder.join(name)).expect("a recorded answer")
}

fn texts(object: &Value) -> impl Iterator<Item = (String, String)> {
    let fields = object.as_object().cloned().unwrap_or_default();
    fields.into_iter().map(|(name, value)| (name, value.as_str().expect("text").to_owned()))
}

fn text(value: &Value) -> String {
    value.as_str().expect("text").to_owned()
}

/// What an answer of Loki says, read in the plainest way.
fn plainly(streams: &Value) -> BTreeSet<Said> {
    let mut all = BTreeSet::new();
    for stream in streams.as_array().expect("streams") {
        for value in stream["values"].as_array().expect("values") {
            let more = [&stream["stream"], &value[2]["structuredMetadata"], &value[2]["parsed"]];
            all.insert(Said {
                time: text(&value[0]).parse().expect("nanoseconds"),
                message: text(&value[1]),
                labels: more.into_iter().flat_map(texts).collect(),
            });
        }
    }
    all
}

#[test]
fn recorded_answers_of_loki_are_read_whole() {
    let mut entries = 0;
    for name in [
        "range-forward.body",
        "range-backward.body",
        "range-backward-limit.body",
        "range-categorize.body",
        "range-empty.body",
        "otlp-range.json",
    ] {
        let body = sample(&format!("loki/{name}"));
        let value: Value = serde_json::from_str(&body).expect("JSON");
        let expected = plainly(&value["data"]["result"]);
        let read = events(LOKI, &body);
        assert!(read.is_sorted_by_key(|said| said.time), "{name}");
        entries += read.len();
        assert_eq!(read.into_iter().collect::<BTreeSet<_>>(), expected, "{name}");
    }
    assert_eq!(entries, 17);
}

#[test]
fn answers_that_overlap_give_each_entry_once() {
    let mut reader = reader(LOKI);
    let [forward, backward] = ["range-forward", "range-backward"].map(|name| {
        let body = sample(&format!("loki/{name}.body"));
        reader.read(body.as_bytes()).expect("an answer")
    });
    assert_eq!((forward.entries, forward.fresh), (2, 2));
    assert_eq!((backward.entries, backward.fresh), (6, 4));
    let last = Timestamp::from_nanos(1_795_207_106_075_549_564);
    assert_eq!(backward.last, Some(last));
    assert_eq!(backward.remembered_from, None);
    reader.forget(last);
    let again = reader.read(sample("loki/range-backward.body").as_bytes()).expect("an answer");
    assert_eq!((again.entries, again.fresh), (6, 5), "what was forgotten is new");
    assert_eq!(again.remembered_from, Some(last));
    assert_eq!(forward.first, backward.first);
    let mut both = [decode(&forward).events, decode(&backward).events].concat();
    both.sort();
    let mut once = events(LOKI, &sample("loki/range-backward.body"));
    once.sort();
    assert_eq!(both, once);
}

#[test]
fn frames_of_a_tail_are_read_and_tell_what_was_dropped() {
    let content = reader(LOKI).read(sample("loki/tail-dropped.json").as_bytes()).expect("a frame");
    assert_eq!((content.entries, content.fresh, content.dropped), (100, 100, 1000));
    let from = 1_795_207_120_618_001_100;
    assert_eq!(content.dropped_from, Some(Timestamp::from_nanos(from)));
    assert_eq!(content.dropped_to, Some(Timestamp::from_nanos(1_795_207_120_845_000_099)));
    assert!(decode(&content).bad.is_empty());

    let live = events(LOKI, &sample("loki/tail.json"));
    let messages: Vec<&str> = live.iter().map(|said| said.message.as_str()).collect();
    assert_eq!(messages, ["live 1", "live 2 {\"a\":1}"]);

    // What is live comes again in what a range says, there with its labels in another order.
    let mut reader = reader(LOKI);
    let tail = r#"{"streams":[{"stream":{"a":"<","b":"2"},"values":[["5","x > y"]]}]}"#;
    let range = r#"{"status":"success","data":{"resultType":"streams","result":[{"stream":
        {"b":"2","a":"\u003c"},"values":[["5","x \u003e y",{"structuredMetadata":{"c":"3"}}],["5","z"]]}]}}"#;
    assert_eq!(reader.read(tail.as_bytes()).expect("a frame").fresh, 1);
    assert_eq!(reader.read(range.as_bytes()).expect("an answer").fresh, 1);
    let nothing = reader.read(br#"{"streams":null,"dropped_entries":[{"timestamp":"x"},{}]}"#);
    let nothing = nothing.expect("a frame");
    assert_eq!((nothing.entries, nothing.dropped, nothing.dropped_from), (0, 2, None));
}

#[test]
fn metadata_are_labels_whether_they_are_told_apart_or_not() {
    let body = r#"{"streams":[{"stream":{"a":"1"},"values":[
        ["1","x",{"structuredMetadata":{"b":"2"},"parsed":{"c":"3"}}],
        ["2","x",{"b":"2","parsed":"text"}], ["3","x",{}], ["4","x",null], ["5","x",{"parsed":{"c":"3"}}]
    ]}]}"#;
    let read = events(LOKI, body);
    let expected = [
        labels(&[("a", "1"), ("b", "2"), ("c", "3")]),
        labels(&[("a", "1"), ("b", "2"), ("parsed", "text")]),
        labels(&[("a", "1")]),
        labels(&[("a", "1")]),
        labels(&[("a", "1"), ("c", "3")]),
    ];
    assert_eq!(read.into_iter().map(|said| said.labels).collect::<Vec<_>>(), expected);
}

#[test]
fn what_is_no_entry_is_a_bad_line_among_good_ones() {
    let body = "{\"streams\":[{\"stream\":{\"a\":\"1\"},\"values\":[[\"2\",\"good\"],[\"x\",\n\"bad\"],[\"1\",5],7,\
        [\"9223372036854775808\",\"far\"],[\"3\",\"\\ud83d\"]]}]}";
    let mut reader = reader(LOKI);
    let content = reader.read(body.as_bytes()).expect("an answer");
    assert_eq!((content.entries, content.fresh), (6, 6));
    let kept = decode(&content);
    assert_eq!(kept.bad, ["LINE_NOT_JSON"; 4]);
    let lines = String::from_utf8(content.lines).expect("text");
    let lines: Vec<&str> = lines.lines().collect();
    // In order of time, as far as there is one.
    assert_eq!(lines[0], "[\"1\",5]");
    assert_eq!(lines[3..], ["[\"x\", \"bad\"]", "7", "[\"9223372036854775808\",\"far\"]"]);
    assert_eq!(kept.events[1].message, "\u{fffd}");
    // Without a time nobody knows whether it came before.
    assert_eq!(reader.read(body.as_bytes()).expect("an answer").fresh, 3);
}

#[test]
fn recorded_answers_of_prometheus_are_read() {
    let read = events(PROMETHEUS, &sample("prometheus/query-vector.json"));
    let up =
        [("__name__", "up"), ("instance", "127.0.0.1:9090"), ("job", "self"), ("__value__", "1")];
    assert_eq!(read[0].time, 1_795_205_575_682_000_000);
    assert_eq!(read[0].labels, labels(&up));
    assert_eq!(read[0].message, r#"up{instance="127.0.0.1:9090",job="self"} 1"#);

    let read = events(PROMETHEUS, &sample("prometheus/query-instant-matrix.json"));
    let millis: Vec<i64> = read.iter().map(|said| said.time / 1_000_000 % 10_000).collect();
    assert_eq!(millis, [757, 1_757, 2_761, 3_753, 4_760]);
    assert!(read.iter().all(|said| said.time % 1_000_000 == 0), "nothing is rounded");

    let read = events(PROMETHEUS, &sample("prometheus/query-nan-inf.json"));
    let values = read.iter().map(|said| (said.message.as_str(), said.labels["__value__"].as_str()));
    assert_eq!(values.collect::<Vec<_>>(), [("{a=\"x\"} +Inf", "+Inf"), ("{a=\"y\"} NaN", "NaN")]);

    let read = events(PROMETHEUS, &sample("prometheus/range.json"));
    assert_eq!(read.len(), 12);
    assert!(read.is_sorted_by_key(|said| said.time));
    assert_eq!(read[1].message.split_once('}').expect("a series").1, " 31");

    for (name, value) in [("query-scalar", "1"), ("query-string", "hello")] {
        let read = events(PROMETHEUS, &sample(&format!("prometheus/{name}.json")));
        assert_eq!((read.len(), read[0].message.as_str()), (1, value));
        assert_eq!(read[0].labels, labels(&[("__value__", value)]));
    }
    assert!(events(PROMETHEUS, &sample("prometheus/query-empty.json")).is_empty());
}

#[test]
fn a_sample_is_told_by_its_time_and_labels() {
    let mut reader = reader(PROMETHEUS);
    let mut read = |samples: &str| {
        let body = format!(
            r#"{{"status":"success","data":{{"resultType":"matrix","result":[{{"metric":{{}},"values":[{samples}]}}]}}}}"#
        );
        reader.read(body.as_bytes()).expect("an answer").fresh
    };
    assert_eq!(read(r#"[1.001,"1"],[1.002,"1"]"#), 2);
    // A value that was recorded late changes what a range says of a time; the first is told.
    assert_eq!(read(r#"[1.002,"2"],[1.003,"1"]"#), 1);
}

#[test]
fn values_that_are_numbers_are_numbers() {
    let body = |value: &str| {
        format!(
            r#"{{"status":"success","data":{{"resultType":"vector","result":[{{"metric":{{"a.b":"\"\\\n","__name__":"x-y"}},"value":[1.0000000019,"{value}"]}}]}}}}"#
        )
    };
    let line = |value: &str| {
        let content = reader(PROMETHEUS).read(body(value).as_bytes()).expect("an answer");
        assert_eq!(decode(&content).events[0].time, 1_000_000_001);
        String::from_utf8(content.lines).expect("text")
    };
    for number in ["0.5", "-3", "1e+06", "5e-324"] {
        assert!(line(number).ends_with(&format!("\"__value__\":{number}}}}}\n")));
    }
    for text in ["NaN", "+Inf", "-Inf", "1e999", "0x1p-2"] {
        assert!(line(text).ends_with(&format!("\"__value__\":\"{text}\"}}}}\n")));
    }
    let message = &events(PROMETHEUS, &body("1"))[0].message;
    assert_eq!(message, r#"{"x-y","a.b"="\"\\\n"} 1"#);
}

#[test]
fn native_histograms_are_reported() {
    let body = r#"{"status":"success","data":{"resultType":"vector","result":[
        {"metric":{"a":"1"},"histogram":[1,{"count":"2","sum":"3","buckets":[]}]},{"metric":{"a":"2"},"value":[1,"5"]}]}}"#;
    let kept = decode(&reader(PROMETHEUS).read(body.as_bytes()).expect("an answer"));
    assert_eq!((kept.events.len(), kept.bad), (1, vec!["LINE_NOT_JSON"]));
}

const LEGACY: &str = r#"{"query":"*","messages":[
    {"highlight_ranges":{},"message":{"_id":"b","timestamp":"2026-11-20T21:20:09.364Z","message":"two\nlines",
     "source":"web","level":3,"ok":true,"none":null,"gl2_message_id":"G"},"index":"graylog_0"},
    {"message":{"_id":"a","timestamp":"2026-11-20 21:20:08.000","message":"one"}},
    {"message":{"_id":"c","timestamp":"yesterday","message":"never"}},
    {"message":{"_id":"d","timestamp":"2026-11-20T21:20:10Z","message":["no","text"]}}
],"total_results":4}"#;

const SCRIPTING: &str = r#"{"schema":[
    {"column_type":"field","type":"date","field":"timestamp","name":"field: timestamp"},
    {"column_type":"field","type":"string","name":"field: message"},
    {"column_type":"field","type":"string","field":"source","name":"field: source"},
    {"column_type":"field","type":"string","field":"user","name":"field: user"}],
    "datarows":[["2026-11-20T21:20:09.364Z","two","web","-"],["2026-11-20T21:20:08.000Z","-","web",5],["short"]],
    "metadata":{"effective_timerange":{}}}"#;

const TABLE: &str = "\"timestamp\",\"source\",\"message\",\"_id\"\r\n\
    \"2026-11-20T21:20:09.364Z\",\"web\",\"two\nlines, \"\"quoted\"\"\",\"b\"\n\
    \"2026-11-20T21:20:08.000Z\",\"\",\"one\",\"a\"\n\
    never,web,x,c\n\
    short\n";

#[test]
fn graylog_is_read_in_each_of_its_ways() {
    const EIGHT: i64 = 1_795_209_608_000_000_000;
    const NINE: i64 = 1_795_209_609_364_000_000;
    let said = |time, message: &str, pairs: &[(&str, &str)]| Said {
        time,
        message: message.to_owned(),
        labels: labels(pairs),
    };
    let read =
        |format, body: &str| decode(&reader(format).read(body.as_bytes()).expect("an answer"));

    let legacy = read(GRAYLOG, LEGACY);
    let full =
        [("_id", "b"), ("source", "web"), ("level", "3"), ("ok", "true"), ("gl2_message_id", "G")];
    let expected = [said(EIGHT, "one", &[("_id", "a")]), said(NINE, "two\nlines", &full)];
    assert_eq!(legacy.events, expected);
    assert_eq!(legacy.bad, ["LINE_NO_TIME"; 2]);

    let rows = read(GRAYLOG, SCRIPTING);
    let with_user = said(EIGHT, "", &[("source", "web"), ("user", "5")]);
    assert_eq!(rows.events, [with_user, said(NINE, "two", &[("source", "web")])]);
    assert_eq!(rows.bad, ["LINE_NOT_JSON"]);

    let table = read(CSV, TABLE);
    let quoted = said(NINE, "two\nlines, \"quoted\"", &[("source", "web"), ("_id", "b")]);
    assert_eq!(table.events, [said(EIGHT, "one", &[("_id", "a")]), quoted]);
    assert_eq!(table.bad, ["LINE_NOT_JSON"; 2]);
    assert!(read(CSV, "").events.is_empty(), "nothing was found");
}

#[test]
fn messages_of_graylog_are_told_by_their_names() {
    let fresh = |bodies: [&str; 2]| {
        let mut reader = reader(CSV);
        bodies.map(|body| reader.read(body.as_bytes()).expect("an answer").fresh)
    };
    let head = "timestamp,message,_id,gl2_message_id\n2026-11-20T21:20:08Z,";
    let table = |row: &str| format!("{head}{row}\n");
    assert_eq!(fresh([&table("x,1,1"), &table("y,1,2")]), [1, 0], "_id goes first");
    assert_eq!(fresh([&table("x,1,1"), &table("x,,1")]), [1, 1], "one is no other");
    assert_eq!(fresh([&table("x,,1"), &table("y,,1")]), [1, 0], "then gl2_message_id");
    let whole = table("x,,");
    assert_eq!(fresh([&whole, &whole]), [1, 0], "then all of it");
    let other = "_id,message,timestamp\n,x,2026-11-20T21:20:08Z\n";
    assert_eq!(fresh([&whole, other]), [1, 0], "whose order does not matter");
    assert_eq!(fresh([&whole, &table("y,,")]), [1, 1]);
}

#[test]
fn errors_say_what_was_expected_and_where() {
    let text = error(LOKI, sample("loki/range-bad-query.body").as_bytes());
    assert_eq!(
        text,
        "no answer of Loki that can be used: expected value at byte 0 (line 1, column 1); it is \
         \"parse error at line 1, col 12: syntax error: unexpected $end, expecting } or ,\""
    );
    for name in ["range-metric", "query-instant-metric", "query-scalar"] {
        let text = error(LOKI, sample(&format!("loki/{name}.body")).as_bytes());
        assert!(
            text.contains("expected streams, as a log query has them, and this is a \""),
            "{text}"
        );
    }
    let text = error(PROMETHEUS, sample("prometheus/bad-query.json").as_bytes());
    assert!(
        text.contains("it tells of an error, bad_data: invalid parameter \"query\": 1:4: "),
        "{text}"
    );
    let text = error(PROMETHEUS, sample("loki/range-forward.body").as_bytes());
    assert!(
        text.contains("expected a vector, matrix, scalar or string, and this is a \"streams\"")
    );
    let text = error(GRAYLOG, br#"{"type":"ApiError","message":"no such stream"}"#);
    assert!(text.contains("it tells of an error: no such stream"), "{text}");
    assert!(error(GRAYLOG, b"{}").contains("expected `messages`, or `schema` and `datarows`"));
    assert!(error(CSV, b"<html>").contains("expected a header line with the column `timestamp`"));
    assert!(error(LOKI, b"").ends_with("at byte 0 (line 1, column 1); it is empty"));
    assert!(
        error(LOKI, b"{}").contains("expected `data` with the result of a query; it is \"{}\"")
    );
}

#[test]
fn places_are_those_of_the_body() {
    let body = "{\n\"data\":{\"resultType\":\"streams\",\n \"result\":[\n{\"stream\":{\"é\":\"1\"},\"values\":7}]}}";
    let text = error(LOKI, body.as_bytes());
    let byte = body.find("7}").expect("it is there");
    assert!(text.contains(&format!(" at byte {byte} (line 4, column 31); ")), "{text}");
    let text = error(LOKI, br#"{"streams":[{"stream":[],"values":[]}]}"#);
    assert!(
        text.contains("expected the labels of a stream at byte 22 (line 1, column 23); "),
        "{text}"
    );
    let text = error(LOKI, b"{\n\"\xff\"}");
    assert!(
        text.contains(
            "expected UTF-8 at byte 3 (line 2, column 2); it is \"{\\n\\\"\u{fffd}\\\"}\""
        ),
        "{text}"
    );
    let long = error(LOKI, "\u{1b}[31m".repeat(100).as_bytes());
    let shown = long.split_once("it begins with ").expect("it is shown").1;
    assert_eq!(shown, format!("\"{}\"", "\\u{1b}[31m".repeat(20)));
}

#[test]
fn an_answer_that_fails_is_not_taken_in_part() {
    let mut reader = reader(LOKI);
    let good = sample("loki/range-backward.body");
    for length in (0..good.len()).step_by(97) {
        assert!(reader.read(&good.as_bytes()[..length]).is_err(), "cut at {length}");
    }
    let none = reader.read(sample("loki/range-empty.body").as_bytes()).expect("an answer");
    assert_eq!(none.entries, 0);
    assert_eq!(reader.read(good.as_bytes()).expect("an answer").fresh, 6);
}

#[test]
fn hostile_answers_do_no_harm() {
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let digits = "9".repeat(100_000);
    let entry = |entry: &str| {
        format!("{{\"streams\":[{{\"stream\":{{\"a\":{deep}}},\"values\":[{entry}]}}]}}")
    };
    for (body, events) in
        [(entry(&deep), 0), (entry(&format!("[\"1\",\"x\",{{\"b\":{deep}}}]")), 1)]
    {
        let kept = decode(&reader(LOKI).read(body.as_bytes()).expect("an answer"));
        assert_eq!(kept.events.len(), events);
    }
    for number in
        [digits.as_str(), "-1e99999999999999999999", "1e-999999999", "-0", "0.0000000000000"]
    {
        let body =
            format!(r#"{{"data":{{"resultType":"scalar","result":[{number},"{digits}"]}}}}"#);
        let kept = decode(&reader(PROMETHEUS).read(body.as_bytes()).expect("an answer"));
        assert_eq!(kept.events.len() + kept.bad.len(), 1);
    }
    assert!(error(PROMETHEUS, br#"{"data":{},"data":{}}"#).contains("missing field `resultType`"));
    // The last of several values wins, as for every decoder.
    let body = r#"{"streams":[{"stream":{"a":"1","a":"2"},"values":[["1","x"]]},{"stream":{"a":"2"},"values":[["1","x"]]}]}"#;
    let read = events(LOKI, body);
    assert_eq!((read.len(), &read[0].labels), (1, &labels(&[("a", "2")])));
}

#[test]
fn lines_that_take_too_much_are_refused() {
    let label = "x".repeat(1 << 20);
    let samples = "[1,\"1\"],".repeat(300);
    let body = format!(
        r#"{{"data":{{"resultType":"matrix","result":[{{"metric":{{"a":"{label}"}},"values":[{samples}[1,"1"]]}}]}}}}"#
    );
    let text = error(PROMETHEUS, body.as_bytes());
    assert!(text.contains("its events take more than 256 MiB: ask for fewer at a time"), "{text}");
}

#[test]
fn options_are_those_of_hosts() {
    let read = |json: &str| {
        serde_json::from_str::<ResponseOptions>(json).map_err(|error| error.to_string())
    };
    assert_eq!(read(r#"{"format":"graylog-csv"}"#).expect("options").format, CSV);
    assert!(read(r#"{"format":"tempo"}"#).is_err());
}
