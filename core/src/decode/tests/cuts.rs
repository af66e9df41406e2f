//! What comes out does not depend on how the bytes are cut, whatever they are.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::{DecoderOptions, at, decode_pieces, options};

/// Lines of all formats, good and bad.
const LINES: &[&[u8]] = &[
    br#"{"time":"2026-11-20T21:20:09.348Z","msg":"h\u00e9\ud83d\ude00\"","b":{"c":[1,"\n"]}}"#,
    r#"{"ts":1795209609.364,"message":"ü€😀","labels":{"a":"1"},"joinKeys":{"k":"v"}}"#.as_bytes(),
    br#"{"a":1}"#,
    br#"{"ts":17952"#,
    br#"ts=1795209609 level=info msg="a \" b" x"#,
    b"2026-11-20 21:20:09.364 UTC [10341] shop@shop LOG:  duration: 2.015 ms",
    "\tfrom orders where a = 'é'".as_bytes(),
    b"2026/11/20 21:20:07 [notice] 10315#10315: start",
    b"2026-11-20 21:20:09,364 INFO  [main] com.shop.App - started",
    b"[2026-11-20T21:20:09+02:00] ERROR x",
    b"2026-11-31 21:20:09 bad date",
    b"2026-11-20 21:20:09 IST [1] bad zone",
    br#"<165>1 2026-11-20T21:20:09.003Z web app 8710 ID47 [ex@32473 iut="3"] it works"#,
    b"<34>Nov 20 21:20:09 web su[77]: 'su root' failed",
    b"Nov 20 21:20:09 web kernel: oops",
    br#"127.0.0.1 - frank [20/Nov/2026:21:20:09 +0100] "GET / HTTP/1.1" 200 2326 "-" "x" rt=1"#,
    b"1795209609.364 hello",
    b"  at java.lang.Thread.run(Thread.java:833)",
    b"",
    b"  ",
    b"\xff\xfe",
    b"2026-11-20 21:20:10 \xc3",
    b"nul\0",
];

fn line() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        8 => select(LINES).prop_map(<[u8]>::to_vec),
        1 => vec(any::<u8>(), 0..40),
        1 => "\\PC{0,40}".prop_map(String::into_bytes),
        // A good line with one byte wrong.
        1 => (select(LINES), any::<Index>(), any::<u8>()).prop_map(|(line, at, byte)| {
            let mut line = line.to_vec();
            if !line.is_empty() {
                let at = at.index(line.len());
                line[at] = byte;
            }
            line
        }),
    ]
}

/// A source: mostly one line over and over, or a mixture.
fn source() -> impl Strategy<Value = Vec<u8>> {
    let ending = select(vec![&b"\n"[..], b"\r\n"]);
    let lines = prop_oneof![
        vec(line(), 0..40),
        (line(), vec(line(), 0..6)).prop_map(|(most, few)| {
            let mut lines = vec![most; 20];
            for (at, line) in few.into_iter().enumerate() {
                lines.insert(at * 3, line);
            }
            lines
        }),
    ];
    (lines, ending, any::<bool>()).prop_map(|(lines, ending, ended)| {
        let mut bytes = lines.join(ending);
        if ended {
            bytes.extend_from_slice(ending);
        }
        bytes
    })
}

fn any_options() -> impl Strategy<Value = DecoderOptions> {
    let name = |names: &'static [&'static str]| {
        proptest::option::of(select(names).prop_map(str::to_owned))
    };
    (
        name(crate::decode::FORMATS),
        name(&["ts", "b.c"]),
        name(&["Europe/Berlin", "+02:00"]),
        any::<bool>(),
    )
        .prop_map(|(format, time, zone, reference)| DecoderOptions {
            format,
            time,
            zone,
            reference_time: reference.then(|| at("2026-11-21T00:00:00Z")),
            ..options()
        })
}

fn pieces<'b>(bytes: &'b [u8], cuts: &[Index]) -> Vec<&'b [u8]> {
    let mut ends: Vec<_> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
    ends.sort_unstable();
    ends.push(bytes.len());
    let starts = std::iter::once(0).chain(ends.clone());
    starts.zip(ends).map(|(start, end)| &bytes[start..end]).collect()
}

proptest! {
    // Also decodes every event again (see `decode_pieces`): that depends on its bytes alone.
    #[test]
    fn any_cuts(bytes in source(), cuts in vec(any::<Index>(), 0..12), options in any_options()) {
        let whole = decode_pieces(options.clone(), std::iter::once(&bytes[..]));
        let cut = decode_pieces(options.clone(), pieces(&bytes, &cuts).into_iter());
        prop_assert_eq!(&whole.out, &cut.out);
        prop_assert_eq!(&whole.messages, &cut.messages);
        let single = decode_pieces(options, bytes.chunks(1));
        prop_assert_eq!(&whole.out, &single.out);
    }

    #[test]
    fn every_line_is_accounted_for(bytes in source(), options in any_options()) {
        let kept = decode_pieces(options, std::iter::once(&bytes[..]));
        let raw = |line: &str| line.bytes().any(|byte| !byte.is_ascii_whitespace());
        let in_events: usize =
            kept.events().iter().map(|event| event.raw.split('\n').filter(|line| raw(line)).count()).sum();
        let lines = bytes.split(|byte| *byte == b'\n');
        let text = lines.filter(|line| line.iter().any(|byte| !byte.is_ascii_whitespace()));
        prop_assert_eq!(in_events + kept.bad().len(), text.count());
    }
}
