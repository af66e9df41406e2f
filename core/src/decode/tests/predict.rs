//! Lines of NDJSON that are alike, and not quite: reading them by what followed last time gives what
//! reading them without does (see [`decode_pieces`]).

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select, subsequence};

use super::{DecoderOptions, decode, decode_pieces, event, events, options, some_of};
use crate::decode::code;

/// Fields, most of them with a part in what an event is.
const FIELDS: &[&str] = &[
    r#""timestamp":"2026-11-20T21:20:09.348Z""#,
    r#""timestamp":"2026-11-20T21:20:59.999999999+01:00""#,
    r#""timestamp":"2026-11-20 21:20:60""#,
    r#""timestamp":"2026-11-20T21:21:00,5""#,
    r#""timestamp":1795209609364"#,
    r#""timestamp":1795209609.364"#,
    r#""timestamp":null"#,
    r#""timestamp":"2026\u002d11-20T21:20:09Z""#,
    r#""ts":1795209610"#,
    r#""time":0.5"#,
    r#""message":"it works""#,
    r#""message":"caf\u00e9 \"größer\" \\ \ud83d\ude00 \ud83d""#,
    r#""message":5"#,
    r#""message":null"#,
    r#""message":{"text":"x"}"#,
    r#""msg":"stands in""#,
    r#""event":"stands in as well""#,
    r#""level":"info""#,
    r#""level":"""#,
    r#""level":30"#,
    r#""severity":"warn""#,
    r#""severity":null"#,
    r#""log":{"level":"debug"}"#,
    r#""labels":{"service":"web","request_id":"0f8fad5b-d9cb-469f-a165-70867728950e"}"#,
    r#""labels":{"service":null,"a":{"b":"c","d":{}},"a":"x","request_id":7}"#,
    r#""labels":{}"#,
    r#""labels":["service"]"#,
    r#""labels.service":"dotted""#,
    r#""labels.x":{"service":"no label"}"#,
    r#""joinKeys":{"request_id":"j","request_id":null,"o":{"p":"q"}}"#,
    r#""source":"s""#,
    r#""stream":"t""#,
    r#""service":"web""#,
    r#""service":"a\tb""#,
    r#""service":null"#,
    r#""service":{"name":"web"}"#,
    r#""service":true"#,
    r#""a":[1,{"b":[null,false,-1.5e+3,"\u0041\n"]},[],{}]"#,
    r#""a":{"b":{"c":1},"b":2}"#,
    r#""a":-0"#,
    r#""a":{"":{"e":1}}"#,
    r#""":1"#,
    r#""\u0061":"escaped key""#,
    r#""a_name_that_is_longer_than_what_is_compared_at_once":"1""#,
    r#""duration":12.5e-1"#,
    "\"a\":\"\u{7f}\"",
];

/// What is not JSON.
const BROKEN: &[&str] = &[
    r#""a":01"#,
    r#""timestamp":01795209609"#,
    r#""a":1."#,
    r#""a":1e"#,
    r#""a":"\x""#,
    r#""a":"\u12g4""#,
    r#""a":[1,]"#,
    r#""a":[}"#,
    r#""a":{"b":1,}"#,
    r#""a":tru"#,
    r#""a":nul"#,
    r#""a":"#,
    r#""a""#,
    "\"a\":\"\u{1}\"",
];

/// How a writer puts fields together.
fn line(fields: &[&str], style: usize) -> Vec<u8> {
    let fields = fields.iter().map(|field| (*field).to_owned());
    let text = match style {
        0 | 1 => format!("{{{}}}", fields.collect::<Vec<_>>().join(",")),
        2 => format!(
            "{{{}}}",
            fields.map(|field| field.replace("\":", "\": ")).collect::<Vec<_>>().join(", ")
        ),
        _ => format!(
            " {{ {} }} ",
            fields.map(|field| field.replace("\":", "\" :\t")).collect::<Vec<_>>().join(" ,  ")
        ),
    };
    text.into_bytes()
}

/// Lines like one, with something different now and then.
fn source() -> impl Strategy<Value = Vec<u8>> {
    // Mostly with a time, since without one there is nothing to predict.
    let order = (subsequence(FIELDS, 0..8), 0..6_usize).prop_map(|(mut fields, time)| {
        fields.extend(FIELDS[..5].get(time));
        fields
    });
    let usual = (order.prop_shuffle(), 0..4_usize);
    let field = prop_oneof![2 => select(FIELDS), 1 => select(BROKEN)];
    let change = (any::<Index>(), any::<Index>(), 0..8_u8, field, any::<u8>());
    let ending = select(vec![&b"\n"[..], b"\r\n"]);
    (
        vec(usual, 1..4),
        vec((any::<Index>(), proptest::option::weighted(0.4, change)), 0..60),
        ending,
    )
        .prop_map(|(usual, lines, ending)| {
            let mut bytes = Vec::new();
            for (which, change) in lines {
                let (fields, style) = &usual[which.index(usual.len())];
                let mut fields = fields.clone();
                let mut flipped = None;
                if let Some((at, other, kind, field, byte)) = change {
                    let at = at.index(fields.len() + 1);
                    match kind {
                        0 | 1 => fields.insert(at, field),
                        2 if at < fields.len() => fields[at] = field,
                        3 if at < fields.len() => drop(fields.remove(at)),
                        4 => fields.reverse(),
                        5 | 6 => flipped = Some((other, byte)),
                        _ => {}
                    }
                }
                let mut line = line(&fields, *style);
                if let Some((at, byte)) = flipped {
                    let at = at.index(line.len());
                    line[at] = byte;
                }
                bytes.extend_from_slice(&line);
                bytes.extend_from_slice(ending);
            }
            bytes
        })
}

fn any_options() -> impl Strategy<Value = DecoderOptions> {
    let name = |names: &'static [&'static str]| {
        proptest::option::weighted(0.3, select(names).prop_map(str::to_owned))
    };
    (
        name(&["timestamp", "a.b", "labels.service"]),
        name(&["message", "service", "labels.service", "a.b"]),
        name(&["severity", "service", "level"]),
        name(&["Europe/Berlin", "+02:00"]),
    )
        .prop_map(|(time, message, level, zone)| DecoderOptions {
            format: Some("ndjson".to_owned()),
            time,
            message,
            level,
            zone,
            ..options()
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    #[test]
    fn what_is_predicted_is_what_is_read(
        bytes in source(),
        options in any_options(),
        size in 1..200_usize,
    ) {
        let whole = decode_pieces(options.clone(), std::iter::once(&bytes[..]));
        let cut = decode_pieces(options, bytes.chunks(size));
        prop_assert_eq!(&whole.out, &cut.out);
        prop_assert_eq!(&whole.messages, &cut.messages);
    }
}

/// A line over and over, and then another.
fn after_many(usual: &str, line: &str) -> String {
    format!("{}{line}\n{usual}\n", format!("{usual}\n").repeat(20))
}

#[test]
fn a_line_unlike_the_others() {
    let usual = r#"{"ts":1795209609,"msg":"m","a":"1","b":{"c":2}}"#;
    for other in [
        r#"{"msg":"m","ts":1795209609,"b":{"c":2},"a":"1"}"#,
        r#"{"ts":1795209609,"msg":"m","a":"1","a":"2","b":{"c":2},"b":3}"#,
        r#"{"ts":1795209609,"log":"stands in","a":"1","severity":"high"}"#,
        r#"{"time":1795209609,"msg":"m","a":"1","b":{"c":2}}"#,
        r#"{"ts":1795209609,"message":"m","labels":{"a":"1"}}"#,
        "{\"ts\":1795209609,\"a\":\"1\",\"b\":{\"c\":2,\"new\":[{}]}} \r",
    ] {
        assert_eq!(events(after_many(usual, other)).len(), 22, "{other}");
    }
    for (bad, code) in [
        (r#"{"ts":1795209609,"msg":"m","a":"1","b":{"c":2}"#, code::LINE_NOT_JSON),
        (r#"{"ts":1795209609,"msg":"m","a":"1","b":{"c":2}}}"#, code::LINE_NOT_JSON),
        (r#"{"ts":1795209609,"msg":"m","a":"1","b":{"c":2]}"#, code::LINE_NOT_JSON),
        (r#"{"ts":"1795209609","msg":"m","a":"1,"b":{"c":2}}"#, code::LINE_NOT_JSON),
        ("{\"ts\":1795209609,\"msg\":\"\0\",\"a\":\"1\"}", code::LINE_HAS_NUL),
        (r#"{"ts":"later","msg":"m"}"#, code::LINE_BAD_TIME),
    ] {
        let kept = decode(after_many(usual, bad));
        let byte = u64::try_from((usual.len() + 1) * 20).expect("a few lines");
        assert_eq!((kept.events().len(), kept.bad()), (21, vec![(code, 21, byte)]), "{bad}");
    }
}

#[test]
fn a_log_event_unlike_the_others() {
    let usual = r#"{"timestamp":"2026-11-20T21:20:09Z","message":"m","labels":{"a":"1","b":{"c":"2"}},"joinKeys":{"k":"3"}}"#;
    for other in [
        r#"{"timestamp":"2026-11-20T21:20:09Z","message":"m","labels":{"a":"1","a":null,"b":"x","b":{"c":null}},"joinKeys":{"k":"3"}}"#,
        r#"{"timestamp":"2026-11-20T21:20:09Z","message":"m","labels":{"a":{},"b.c":"4"},"joinKeys":{"k":"3","k":null}}"#,
        r#"{"timestamp":"2026-11-20T21:20:09Z","message":"m","labels":{"a":"1"},"joinKeys":{"k":"3","k":{}}}"#,
        r#"{"timestamp":"2026-11-20T21:20:09Z","message":"m","labels":{"a":5},"joinKeys":{"k":[]},"labels":{"b":{"c":true}}}"#,
        r#"{"timestamp":"2026-11-20T21:20:09Z","message":"m","labels":{"a":"1"},"labels.b":{"c":"x"},"joinKeys.k":"x"}"#,
        r#"{"timestamp":"2026-11-20T21:20:09Z","message":"m","labels":{},"x":{"labels":{"a":"x"},"joinKeys":{"k":"x"}},"a":"x"}"#,
        r#"{"timestamp":"2026-11-20T21:20:09Z","message":"m","labels":null,"a":"plain","labels.b":{"c":"plain"}}"#,
        r#"{"timestamp":"2026-11-20T21:20:09Z","message":null,"labels":{"a":"1"},"msg":"stands in"}"#,
        r#"{"ts":1795209609,"message":"\u0041","labels":{"a":"\n"},"joinKeys":{"k":"\t"}}"#,
    ] {
        let bytes = after_many(usual, other);
        let all = decode(&bytes);
        assert_eq!((all.events().len(), all.bad()), (22, vec![]), "{other}");
        for part in 0..3 {
            some_of(&all, part, options(), std::iter::once(bytes.as_bytes()));
        }
    }
}

#[test]
fn what_stands_between_values_is_right_only_in_its_place() {
    let usual = r#"{"ts":1795209609,"b":{"c":"2"},"x":"3","d":{"x":"4","e":5}}"#;
    for other in [
        r#"{"ts":1795209609,"x":"3","b":{"c":"2"},"d":{"e":5,"x":"4"}}"#,
        r#"{"ts":1795209609,"b":{},"x":"3","d":{"x":"4"}}"#,
        r#"{"ts":1795209609,"b":{"c":"2","d":{"x":"4"}},"x":"3"}"#,
        r#"{"ts":1795209609,"b":"2","x":3,"d":null}"#,
        r#"{"x":"3","ts":1795209609}"#,
    ] {
        let both = format!("{usual}\n{other}\n").repeat(10);
        assert_eq!(events(format!("{both}{usual}")).len(), 21, "{other}");
    }
    for bad in [
        r#"{"ts":1795209609,"b":"2"},"x":"3"}"#,
        r#"{"ts":1795209609,"x":"3"},"x":"3","d":{"x":"4","e":5}}"#,
        r#"{"ts":1795209609,"x":"3","d":{"x":"4"},"x":"3","e":5}}"#,
        r#"{"ts":1795209609,"b":{,"c":"2"},"x":"3"}"#,
        r#"{,"ts":1795209609,"x":"3"}"#,
        r#"{"ts":1795209609,"b":{"c":"2"}"x":"3"}"#,
        r#"{"ts":1795209609,"b":{"c":"2""c":"2"},"x":"3"}"#,
        r#"{"ts":1795209609,"b":{"c":"2","x":"3","d":{"x":"4","e":5}}"#,
        r#"{"ts":1795209609,"b":{"c":"2"},"x":"3","e":5}}"#,
        r#"{"ts":1795209609,"b":{"c":"2"},"x":"3","d":{"x":"4","e":5.}}"#,
        r#"{"ts":1795209609x"b":{"c":"2"},"x":"3"}"#,
        r#"{"ts":1795209609,"b":{"c":"2x,"x":"3"}"#,
        r#"{"ts":1795209609,"b":0"c":"2"},"x":"3"}"#,
        r#"{"ts":1795209609,"b":{"c":{,"x":"3"}}"#,
        r#"{"ts":1795209609,"b":{"c":{"2"},"x":"3"}"#,
    ] {
        let kept = decode(after_many(usual, bad));
        let codes: Vec<_> = kept.bad().into_iter().map(|(code, ..)| code).collect();
        assert_eq!((kept.events().len(), codes), (21, vec![code::LINE_NOT_JSON]), "{bad}");
    }
}

#[test]
fn times_that_differ_in_one_byte() {
    for time in ["2026-11-20T21:20:09.364Z", "2026-11-20 21:20:59.999+01:00"] {
        let line = |time: &[u8]| {
            [br#"{"timestamp":""#, time, br#"","message":"m","labels":{"a":"1"}}"#, b"\n"].concat()
        };
        let mut bytes = line(time.as_bytes()).repeat(20);
        for at in 0..time.len() {
            for byte in (b' '..=b'~').chain([b'\n', 0, 0x80, 0xff]) {
                let mut other = time.as_bytes().to_vec();
                other[at] = byte;
                bytes.extend(line(&other));
                bytes.extend(line(time.as_bytes()));
            }
        }
        let kept = decode_pieces(options(), std::iter::once(&bytes[..]));
        assert!(kept.events().len() > 20 + time.len() * 99, "each second line is good");
    }
}

#[test]
fn fields_beyond_what_is_remembered() {
    // Each line has other fields; all that is remembered is forgotten over and over.
    let line = |n: usize| {
        let fields: Vec<_> = (0..40).map(|k| format!(r#""k{}":{n}"#, n * 40 + k)).collect();
        format!("{{\"ts\":1795209609,{},\"id\":\"{n}\"}}\n", fields.join(","))
    };
    let found = events((0..60).map(line).collect::<String>());
    for (n, event) in found.iter().enumerate() {
        assert_eq!(event.label("id"), Some(n.to_string().as_str()));
        assert_eq!(event.labels.len(), 41);
    }
    let long = "n".repeat(300);
    let nested = format!(r#"{{"ts":1795209609,"{long}":1,"a":{{"{long}":2}}}}"#);
    let found = events(after_many(&nested, &nested));
    assert_eq!(found[20].label(&format!("a.{long}")), Some("2"));
    assert_eq!(found[20], event(&nested));
}

#[test]
fn lines_of_any_length() {
    for length in (1_900..2_200).chain([40_000, 70_000]) {
        let line = format!(r#"{{"ts":1795209609,"a":"{}","b":"1"}}"#, "x".repeat(length));
        let found = events(after_many(&line, &line));
        assert_eq!((found.len(), found[21].label("b")), (22, Some("1")));
    }
}
