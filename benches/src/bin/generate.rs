//! Writes the reference workload as two files, `frontend.ndjson` and `backend.ndjson`.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::PathBuf;

use clap::Parser;
use logbraid_benches::{Service, Workload};

/// Writes the reference workload: frontend.ndjson and backend.ndjson.
#[derive(Parser)]
struct Arguments {
    /// The folder to write into
    folder: PathBuf,
    /// Requests; a million make about 750 MB
    #[arg(long, default_value_t = 200_000)]
    requests: u64,
    /// Seed of the random choices
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

fn main() -> std::io::Result<()> {
    let arguments = Arguments::parse();
    let workload = Workload { requests: arguments.requests, seed: arguments.seed };
    std::fs::create_dir_all(&arguments.folder)?;
    for (service, name) in
        [(Service::Frontend, "frontend.ndjson"), (Service::Backend, "backend.ndjson")]
    {
        let path = arguments.folder.join(name);
        let mut out = BufWriter::new(File::create(&path)?);
        let lines = workload.write(service, &mut out)?;
        out.flush()?;
        println!("{}: {lines} lines", path.display());
    }
    Ok(())
}
