//! Writes the workload, the reference workload where nothing else is asked for.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use logbraid_benches::workload::{Format, Service, Workload};

/// What it takes.
#[derive(Args)]
pub struct Generate {
    /// The file to write, `-` for the standard output; with --per-service the folder
    to: PathBuf,
    #[arg(long, default_value = "ndjson", value_parser = formats())]
    format: Format,
    /// A file for each service, in place of one for both
    #[arg(long)]
    per_service: bool,
    #[command(flatten)]
    workload: Numbers,
}

#[derive(Args)]
struct Numbers {
    /// Requests, of 3.4 lines each
    #[arg(long, default_value_t = Workload::default().requests)]
    requests: u64,
    /// The same seed gives the same bytes
    #[arg(long, default_value_t = Workload::default().seed)]
    seed: u64,
    /// Requests that start in a second of event time
    #[arg(long, default_value_t = Workload::default().rate, value_parser = clap::value_parser!(u64).range(1..))]
    rate: u64,
    /// Lines are delayed by up to so many milliseconds, and written as they arrive
    #[arg(long, default_value_t = 0)]
    disorder: u64,
    /// The fraction of lines that arrive later than that
    #[arg(long, default_value_t = 0.0, value_parser = fraction)]
    late: f64,
    /// How much later, in milliseconds
    #[arg(long, default_value_t = Workload::default().late_by_ms)]
    late_by: u64,
    /// The fraction of requests that share a few hot keys
    #[arg(long, default_value_t = 0.0, value_parser = fraction)]
    skew: f64,
    /// Bytes of a message on average
    #[arg(long, default_value_t = Workload::default().message_bytes)]
    message_bytes: usize,
}

fn formats() -> impl TypedValueParser<Value = Format> {
    PossibleValuesParser::new(Format::ALL.map(Format::name)).map(|name| {
        let named = |format: &Format| format.name() == name;
        Format::ALL.into_iter().find(named).expect("clap has checked the name")
    })
}

fn fraction(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(fraction) if (0.0..=1.0).contains(&fraction) => Ok(fraction),
        _ => Err("expected a fraction from 0 to 1".to_owned()),
    }
}

/// Writes the log.
pub fn generate(arguments: Generate) -> io::Result<()> {
    let Generate { to, format, per_service, workload: numbers } = arguments;
    let workload = Workload {
        requests: numbers.requests,
        seed: numbers.seed,
        rate: numbers.rate,
        disorder_ms: numbers.disorder,
        late: numbers.late,
        late_by_ms: numbers.late_by,
        skew: numbers.skew,
        message_bytes: numbers.message_bytes,
    };
    if !per_service && to.as_os_str() == "-" {
        let mut out = BufWriter::new(io::stdout().lock());
        workload.write(format, None, &mut out)?;
        return out.flush();
    }
    let mut files = vec![(None, to.clone())];
    if per_service {
        std::fs::create_dir_all(&to)?;
        let path = |service: Service| to.join(format!("{}.{}", service.name(), format.name()));
        files = Service::ALL.map(|service| (Some(service), path(service))).to_vec();
    }
    for (service, path) in files {
        let mut out = BufWriter::new(File::create(&path)?);
        let written = workload.write(format, service, &mut out)?;
        out.flush()?;
        println!("{}: {} events, {} bytes", path.display(), written.events, written.bytes);
    }
    Ok(())
}
