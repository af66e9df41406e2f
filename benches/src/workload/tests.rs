use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::answer::correlate;
use crate::{BLOCK, RANGES, WITHIN};

const SMALL: Workload = Workload {
    requests: 5_000,
    seed: 1,
    rate: 200,
    disorder_ms: 0,
    late: 0.0,
    late_by_ms: 60_000,
    skew: 0.0,
    message_bytes: 67,
};

fn near(value: f64, expected: f64, tolerance: f64) {
    assert!((value - expected).abs() <= tolerance, "{value} is not near {expected}");
}

#[allow(clippy::cast_precision_loss)]
fn ratio(part: usize, whole: usize) -> f64 {
    part as f64 / whole as f64
}

#[test]
fn the_default_is_the_reference_workload() {
    let workload = Workload::default();
    let lines = workload.lines().count();
    near(ratio(lines, 681_673), 1.0, 0.002);
    let answer = workload.answer();
    near(ratio(usize::try_from(answer.correlations).unwrap(), 190_209), 1.0, 0.002);
    near(ratio(usize::try_from(answer.events).unwrap(), 662_091), 1.0, 0.002);
    let (bytes, events) = Workload { requests: 5_000, ..workload }.bytes(Format::Ndjson, None);
    near(ratio(bytes.len(), usize::try_from(events).unwrap()), 220.0, 1.0);
}

#[test]
fn the_same_seed_gives_the_same_bytes_everywhere() {
    let workload = Workload { requests: 100, disorder_ms: 50, late: 0.1, skew: 0.3, ..SMALL };
    let bytes = |seed| {
        let workload = Workload { seed, ..workload };
        Format::ALL.map(|format| workload.bytes(format, None).0)
    };
    assert_eq!(bytes(1), bytes(1));
    assert!(bytes(1).iter().zip(&bytes(2)).all(|(one, other)| one != other));
    // Seen on another machine, these must not differ.
    let hashes = bytes(1).map(|bytes| xxhash_rust::xxh3::xxh3_64(&bytes));
    let expected = [
        16_674_246_652_577_843_495,
        10_768_558_172_834_821_349,
        1_492_859_281_991_702_638,
        13_006_554_658_187_580_710,
        1_626_597_342_339_078_239,
        4_136_976_061_360_798_919,
        11_428_234_092_512_332_355,
    ];
    assert_eq!(hashes, expected);
}

#[test]
fn requests_start_at_the_rate_and_their_lines_are_where_they_belong() {
    for rate in [1, 200, 333, 100_000] {
        let workload = Workload { rate, ..SMALL };
        let mut requests = BTreeMap::new();
        for line in workload.lines() {
            let start = START_MS + line.request * 1_000 / rate;
            assert_eq!(line.time_ms, start + line.moment.offset());
            assert!(requests.entry(line.request).or_insert_with(BTreeSet::new).insert(line.moment));
        }
        assert_eq!(requests.len(), 5_000);
        let with = |moment| requests.values().filter(|moments| moments.contains(&moment)).count();
        assert_eq!((with(Moment::Started), with(Moment::Completed)), (5_000, 5_000));
        near(ratio(with(Moment::Queried), 5_000), 0.9, 0.02);
        near(ratio(with(Moment::Failed), 5_000), 0.5, 0.02);
        let with_both = requests.values().filter(|moments| {
            moments.contains(&Moment::Queried) && moments.contains(&Moment::Failed)
        });
        near(ratio(with_both.count(), 5_000), 0.45, 0.02);
    }
}

#[test]
fn lines_arrive_in_order_and_no_later_than_the_disorder() {
    for (disorder_ms, rate) in [(0, 200), (1, 200), (500, 200), (500, 20_000)] {
        let workload = Workload { rate, disorder_ms, ..SMALL };
        let lines: Vec<_> = workload.lines().collect();
        assert!(lines.is_sorted());
        let delays = lines.iter().map(|line| line.arrival_ms - line.time_ms);
        assert_eq!(delays.clone().max(), Some(disorder_ms), "the whole span is used");
        assert_eq!(delays.min(), Some(0));
        let is_in_order = lines.is_sorted_by_key(|line| line.time_ms);
        assert_eq!(is_in_order, disorder_ms == 0);
    }
}

#[test]
fn the_late_fraction_is_late_by_what_it_says() {
    let workload = Workload { disorder_ms: 100, late: 0.05, late_by_ms: 7_000, ..SMALL };
    let lines: Vec<_> = workload.lines().collect();
    assert!(lines.is_sorted());
    let delay = |line: &&Line| line.arrival_ms - line.time_ms;
    let late: Vec<_> = lines.iter().filter(|line| delay(line) > 100).collect();
    assert!(late.iter().all(|line| delay(line) == 7_100));
    near(ratio(late.len(), lines.len()), 0.05, 0.005);
    let others = workload.lines().filter(|line| delay(&line) <= 100).count();
    assert_eq!(late.len() + others, Workload { late: 0.0, ..workload }.lines().count());
}

#[test]
fn keys_are_hot_as_the_skew_says() {
    let keys = |skew| {
        let workload = Workload { skew, ..SMALL };
        let mut keys: BTreeMap<u64, BTreeSet<u64>> = BTreeMap::new();
        for line in workload.lines() {
            keys.entry(line.key).or_default().insert(line.request);
        }
        let mut counts: Vec<_> = keys.into_values().map(|requests| requests.len()).collect();
        counts.sort_unstable_by_key(|requests| Reverse(*requests));
        counts
    };
    let own = keys(0.0);
    assert_eq!((own.len(), own[0]), (5_000, 1));
    let some = keys(0.4);
    near(ratio(some[0], 5_000), 0.2, 0.02);
    near(ratio(some[1], 5_000), 0.1, 0.02);
    near(ratio(some.len(), 5_000), 0.6, 0.02);
    assert!(keys(1.0).len() <= HOT_KEYS as usize);
}

#[test]
fn messages_have_the_size_asked_for() {
    let size = |message_bytes| {
        let workload = Workload { requests: 1_000, message_bytes, ..SMALL };
        let (bytes, events) = workload.bytes(Format::Ndjson, None);
        ratio(bytes.len(), usize::try_from(events).unwrap())
    };
    let frame = size(0);
    for bytes in [67, 200, 2_000] {
        let grown = size(bytes) - frame;
        near(grown / ratio(bytes, 1), 1.0, 0.03);
    }
}

#[test]
fn services_can_be_written_apart() {
    for format in Format::ALL {
        let apart = Service::ALL.map(|service| SMALL.bytes(format, Some(service)).1);
        assert_eq!(apart.iter().sum::<u64>(), SMALL.bytes(format, None).1);
        assert_eq!(apart[0], 10_000);
    }
}

#[test]
fn what_is_written_is_counted() {
    let mut out = Vec::new();
    for format in Format::ALL {
        out.clear();
        let written = SMALL.write(format, None, &mut out).expect("memory takes writes");
        assert_eq!(written.bytes, out.len() as u64);
        assert_eq!(written.events, SMALL.lines().count() as u64);
    }
}

#[test]
fn responses_of_loki_are_json_with_every_entry_once_in_order() {
    let workload = Workload { disorder_ms: 300, ..SMALL };
    let (bytes, events) = workload.bytes(Format::Loki, None);
    let mut entries = 0;
    for response in bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        let response: serde_json::Value = serde_json::from_slice(response).expect("it is JSON");
        assert_eq!(response["data"]["resultType"], "streams");
        for stream in response["data"]["result"].as_array().expect("a list of streams") {
            let service = stream["stream"]["service"].as_str().expect("a label");
            assert!(["frontend", "backend"].contains(&service));
            let values = stream["values"].as_array().expect("a list of values");
            let text =
                |value: &serde_json::Value, at: usize| value[at].as_str().unwrap().to_owned();
            assert!(values.is_sorted_by_key(|value| text(value, 0).parse::<u64>().unwrap()));
            assert!(values.iter().all(|value| text(value, 1).contains("\" request_id=")));
            entries += values.len() as u64;
        }
    }
    assert_eq!(entries, events);
}

#[test]
fn the_engine_answers_as_the_generator_knows() {
    let (bytes, _) = SMALL.bytes(Format::Ndjson, None);
    for query in [WITHIN, RANGES] {
        assert_eq!(correlate(query, &[&bytes], BLOCK), SMALL.answer());
    }
    // Within the tolerance, order does not matter.
    let shaken = Workload { disorder_ms: 20_000, ..SMALL };
    assert_eq!(correlate(WITHIN, &[&shaken.bytes(Format::Ndjson, None).0], BLOCK), SMALL.answer());
}

#[test]
fn the_engine_reads_every_format_and_finds_the_ids() {
    let workload = Workload { requests: 500, ..SMALL };
    for format in Format::ALL.into_iter().filter(|format| *format != Format::Loki) {
        let logs = Service::ALL.map(|service| workload.bytes(format, Some(service)).0);
        let logs = [logs[0].as_slice(), logs[1].as_slice()];
        let query = "a({})[5m] and on(request_id) within(30s) b({})[5m]";
        assert_eq!(correlate(query, &logs, BLOCK), workload.answer(), "{}", format.name());
    }
}
