use logbraid_tests::{case::CaseFile, oracle::Oracle, run::{Driver, Delivery}};
fn main(){
    let text = std::fs::read_to_string(std::env::args().nth(1).unwrap()).unwrap();
    let file: CaseFile = toml::from_str(&text).unwrap();
    for case in file.case {
        let mut o = Oracle::new(&case).unwrap().unwrap();
        let mut d = Driver::new(&case, Delivery::Bytes(usize::MAX)).unwrap();
        for (i, s) in case.steps.iter().enumerate() {
            o.step(s).unwrap();
            let t = d.step(s).unwrap();
            println!("{} {:?} {:?}{:?}", i+1, s.push, s.events, s.close);
            for c in &t.correlations { println!("    engine {:?} final={}", c.events, c.is_final); }
            if case.emit.as_deref()==Some("eager") { println!("    model {:?}", o.holding().0) } else { println!("    model {:?}", o.finished()) }
        }
    }
}
