//! What decoding costs, by shape of the lines: `cargo run --release -p logbraid-benches --example decode`.
//!
//! Prints nanoseconds per event of the fastest of several runs: of a newline scan of the same bytes, of
//! reading what a query reads (three labels, a join key, the message), of that with every 64th event
//! read whole, as the engine asks for, of reading everything, and of decoding each line again, which
//! is without prediction. With `HOW SHAPE` it decodes one shape once, for profilers that count
//! instructions.

use std::hint::black_box;
use std::time::Instant;

use logbraid_core::columns::ColumnNames;
use logbraid_core::decode::{BadLine, Decoder, DecoderOptions, Sink};
use logbraid_core::event::{Event, Fields};

const EVENTS: u32 = 50_000;
const RUNS: usize = 9;
const BLOCK: usize = 256 << 10;

/// What is read of the events.
#[derive(Clone, Copy, PartialEq, Eq)]
enum How {
    Scan,
    Some,
    SomeAndSamples,
    All,
    Again,
}

const HOWS: [(&str, How); 5] = [
    ("scan", How::Scan),
    ("some", How::Some),
    ("some+samples", How::SomeAndSamples),
    ("all", How::All),
    ("again", How::Again),
];

/// Makes the line of a number.
type Shape = fn(u64) -> String;

const SHAPES: [(&str, Shape); 10] = [
    ("event", event),
    ("plain", |n| plain(n, ",", ":")),
    ("spaced", |n| plain(n, ", ", ": ")),
    ("pino", pino),
    ("escapes", escapes),
    ("24 orders", orders),
    ("logfmt", logfmt),
    ("combined", combined),
    ("syslog", syslog),
    ("text", text),
];

struct Reader {
    how: How,
    events: u32,
}

impl Sink for Reader {
    fn event(&mut self, event: Event<'_>) {
        self.events += 1;
        black_box(event.time);
        if matches!(self.how, How::Some | How::SomeAndSamples) {
            black_box((event.label("request_id"), event.message()));
        }
    }

    fn bad_line(&mut self, bad: BadLine<'_>) {
        panic!("there are no bad lines: {bad:?}");
    }

    fn wants_all(&self) -> bool {
        self.how == How::SomeAndSamples && self.events.is_multiple_of(64)
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [how, shape] = &arguments[..] {
        let (_, how) = HOWS.into_iter().find(|(name, _)| name == how).expect("a way to read");
        let (_, shape) = SHAPES.into_iter().find(|(name, _)| name == shape).expect("a shape");
        decode(&lines(shape), how);
        return;
    }
    for (name, shape) in SHAPES {
        let bytes = lines(shape);
        print!("{name:10} {:4} B", bytes.len() / EVENTS as usize);
        for (what, how) in HOWS {
            let run = |_| {
                let start = Instant::now();
                decode(&bytes, how);
                start.elapsed()
            };
            let best = (0..RUNS).map(run).min().expect("there are runs");
            print!("  {what} {:6.1}", best.as_secs_f64() * 1e9 / f64::from(EVENTS));
        }
        println!();
    }
}

fn lines(shape: Shape) -> Vec<u8> {
    (0..u64::from(EVENTS)).map(|n| shape(n) + "\n").collect::<String>().into_bytes()
}

fn decode(bytes: &[u8], how: How) {
    if how == How::Scan {
        black_box(memchr::memchr_iter(b'\n', bytes).count());
        return;
    }
    let mut decoder = Decoder::new(DecoderOptions::default()).expect("no options");
    if how == How::Again {
        // The first lines settle the format.
        let mut reader = Reader { how, events: 0 };
        let lines = || bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        for line in lines().take(20) {
            decoder.push(line, &mut reader);
            decoder.push(b"\n", &mut reader);
        }
        decoder.flush(&mut reader);
        let mut fields = Fields::default();
        for line in lines() {
            let line = std::str::from_utf8(line).expect("lines are text");
            black_box(decoder.decode_again(line, &mut fields));
        }
        return;
    }
    if how != How::All {
        decoder.read_only(ColumnNames {
            labels: ["level", "request_id", "service"].map(str::to_owned).to_vec(),
            join_keys: vec!["request_id".to_owned()],
            all_labels: false,
            message: true,
            message_always: true,
        });
    }
    let mut reader = Reader { how, events: 0 };
    for block in bytes.chunks(BLOCK) {
        decoder.push(block, &mut reader);
    }
    decoder.close(&mut reader);
    assert_eq!(reader.events, EVENTS);
}

/// A well mixed function of `x` (the finaliser of `SplitMix64`).
fn mix(x: u64) -> u64 {
    let x = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

fn id(n: u64) -> String {
    let (high, low) = (mix(n), mix(!n));
    format!(
        "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
        high >> 32,
        (high >> 16) & 0xffff,
        high & 0xffff,
        low >> 48,
        low & 0xffff_ffff_ffff
    )
}

fn time(n: u64) -> String {
    let millis = n * 3;
    let (minute, second) = (millis / 60_000 % 60, millis / 1000 % 60);
    format!("2026-11-21T17:{minute:02}:{second:02}.{:03}Z", millis % 1000)
}

fn event(n: u64) -> String {
    let (time, id, random) = (time(n), id(n / 3), mix(n));
    let labels = format!(
        r#"{{"service":"frontend","request_id":"{id}","path":"/orders/{}"}}"#,
        random % 100_000
    );
    let message = format!("request {} completed in {} ms", random % 1000, random % 77);
    format!(
        r#"{{"timestamp":"{time}","level":"info","message":"{message}","labels":{labels},"duration_ms":{}}}"#,
        random % 400
    )
}

/// The fields of a plain record, names and values.
fn fields(n: u64) -> [(&'static str, String); 10] {
    let random = mix(n);
    let quoted = |text: String| format!("\"{text}\"");
    [
        ("timestamp", quoted(time(n))),
        ("level", quoted("info".to_owned())),
        ("message", quoted("query failed: connection reset".to_owned())),
        ("service", quoted("backend".to_owned())),
        ("host", quoted(format!("backend-{}", random % 8))),
        ("request_id", quoted(id(n / 3))),
        ("path", quoted(format!("/orders/{}", random % 100_000))),
        ("status", "200".to_owned()),
        ("duration_ms", (random % 400).to_string()),
        ("ok", "true".to_owned()),
    ]
}

fn plain(n: u64, comma: &str, colon: &str) -> String {
    let fields = fields(n).map(|(name, value)| format!("\"{name}\"{colon}{value}"));
    format!("{{{}}}", fields.join(comma))
}

fn orders(n: u64) -> String {
    let mut fields = fields(n).map(|(name, value)| format!("\"{name}\":{value}"));
    let mut random = mix(1000 + mix(n) % 24);
    for at in (1..fields.len()).rev() {
        let other = usize::try_from(random % (at as u64 + 1)).expect("a place among a few");
        fields.swap(at, other);
        random = mix(random);
    }
    format!("{{{}}}", fields.join(","))
}

fn pino(n: u64) -> String {
    let (id, random, millis) = (id(n / 3), mix(n), 1_795_209_600_000 + n * 5);
    format!(
        r#"{{"level":30,"time":{millis},"pid":{},"hostname":"web-{}","req":{{"id":"{id}","method":"GET","url":"/orders/{}"}},"request_id":"{id}","responseTime":{},"msg":"request completed"}}"#,
        1000 + random % 9,
        random % 8,
        random % 100_000,
        random % 400
    )
}

fn escapes(n: u64) -> String {
    format!(
        r#"{{"timestamp":"{}","level":"info","message":"größer \"orders\" → fehlgeschlagen\n","service":"backend","stack":"at a\n  at b\n  at c","request_id":"{}","status":200,"duration_ms":{}}}"#,
        time(n),
        id(n / 3),
        mix(n) % 400
    )
}

fn logfmt(n: u64) -> String {
    let pair = |(name, value): (&str, String)| {
        let bare = value.trim_matches('"');
        if bare.contains(' ') { format!("{name}={value}") } else { format!("{name}={bare}") }
    };
    fields(n).map(pair).join(" ")
}

fn combined(n: u64) -> String {
    let random = mix(n);
    format!(
        r#"10.0.{}.{} - - [21/Nov/2026:17:{:02}:{:02} +0000] "GET /orders/{} HTTP/1.1" 200 {} "-" "Mozilla/5.0 (X11; Linux x86_64)" request_id={}"#,
        random % 8,
        random % 250,
        n / 20_000 % 60,
        n / 300 % 60,
        random % 100_000,
        random % 4000,
        id(n / 3)
    )
}

fn syslog(n: u64) -> String {
    let (time, id, random) = (time(n), id(n / 3), mix(n));
    let (host, pid, order) = (random % 8, 1000 + random % 9, random % 100_000);
    format!(
        r#"<165>1 {time} web-{host} app {pid} ID47 [ex@32473 request_id="{id}"] order {order} completed"#
    )
}

fn text(n: u64) -> String {
    let time = time(n).replace('T', " ").replace('Z', "");
    format!("{time} INFO [main] order {} of {} completed", mix(n) % 100_000, id(n / 3))
}
