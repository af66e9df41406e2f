//! One run of the whole engine, for a profiler.
use logbraid_benches::{Service, Workload, correlate};

fn main() {
    let requests = std::env::args().nth(1).map_or(100_000, |n| n.parse().expect("a number"));
    let within = std::env::args().nth(2).unwrap_or_default();
    let workload = Workload { requests, seed: 1 };
    let (mut frontend, mut backend) = (Vec::new(), Vec::new());
    let events = workload.write(Service::Frontend, &mut frontend).unwrap()
        + workload.write(Service::Backend, &mut backend).unwrap();
    let query = format!("frontend({{}})[5m] and on(request_id) {within} backend({{}})[5m]");
    let start = std::time::Instant::now();
    let answer = correlate(&query, &[&frontend, &backend], 256 << 10);
    let took = start.elapsed();
    println!("{events} events, {answer:?}, {:?}, {} ns/event", took, took.as_nanos() as u64 / events);
}
