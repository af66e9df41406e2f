//! Any bytes in any format, cut anywhere: the events and bad lines are those of the uncut bytes, and
//! what was retained decodes again to the same event.

#![no_main]

use libfuzzer_sys::fuzz_target;
use logbraid_core::decode::{BadLine, Decoder, DecoderOptions, FORMATS, Sink};
use logbraid_core::event::{Event, Fields};

#[derive(Default)]
struct Found {
    all: Vec<String>,
    raw: Vec<(String, i64, Fields)>,
}

impl Sink for Found {
    fn event(&mut self, event: Event<'_>) {
        let labels: Vec<_> = event.fields.labels().collect();
        let time = event.time.as_nanos();
        self.all.push(format!("{time} {:?} {labels:?} {:?}", event.raw, event.fields.message()));
        self.raw.push((event.raw.to_owned(), time, event.fields.clone()));
    }

    fn bad_line(&mut self, bad: BadLine<'_>) {
        self.all.push(format!("{bad:?}"));
    }
}

fn decode(format: Option<&str>, pieces: &[&[u8]]) -> (Found, Decoder) {
    let options = DecoderOptions {
        format: format.map(ToOwned::to_owned),
        reference_time: Some(1_795_209_600_000_000_000),
        ..DecoderOptions::default()
    };
    let mut decoder = Decoder::new(options).expect("a known format");
    let mut found = Found::default();
    for piece in pieces {
        decoder.push(piece, &mut found);
    }
    decoder.close(&mut found);
    (found, decoder)
}

fuzz_target!(|input: (u8, u8, &[u8])| {
    let (format, cut, bytes) = input;
    let format = FORMATS.get(usize::from(format) % (FORMATS.len() + 1)).copied();
    let (whole, decoder) = decode(format, &[bytes]);
    let pieces: Vec<&[u8]> = bytes.chunks(usize::from(cut % 7) + 1).collect();
    let (cut, _) = decode(format, &pieces);
    assert_eq!(whole.all, cut.all, "the cut of the bytes shows");
    let mut fields = Fields::default();
    for (raw, time, original) in &whole.raw {
        let again = decoder.decode_again(raw, &mut fields);
        assert_eq!(again.as_nanos(), *time, "the time of {raw:?} changed");
        assert!(fields.labels().eq(original.labels()), "the labels of {raw:?} changed");
        assert_eq!(fields.message(), original.message());
    }
});
