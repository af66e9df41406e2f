//! Shows what the engine and the naive model say of the cases of a file, step by step:
//! `cargo run -p logbraid-tests --example replay FILE`. For cases that failed at random.

use std::error::Error;

use logbraid_tests::case::CaseFile;
use logbraid_tests::oracle::Oracle;
use logbraid_tests::run::{Delivery, Driver};

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args().nth(1).ok_or("give a file of cases")?;
    let file: CaseFile = toml::from_str(&std::fs::read_to_string(path)?)?;
    for case in file.case {
        println!("{}\n{}", case.name, case.query);
        let mut driver = Driver::new(&case, Delivery::Bytes(usize::MAX))?;
        let mut oracle = Oracle::new(&case)?;
        for step in &case.steps {
            println!("{step}");
            for one in driver.step(step)?.correlations {
                let kind = if one.is_final { "final" } else { "so far" };
                println!("    engine {kind} {{{}}}", one.events.join(" "));
            }
            if let Some(oracle) = &mut oracle {
                oracle.step(step)?;
                let is_eager = case.emit.as_deref() == Some("eager");
                let [holding, _] = oracle.holding();
                let [(finished, _), _] = oracle.finished();
                for one in if is_eager { holding } else { finished } {
                    println!("    model  {{{}}} {}", one.events.join(" "), one.labels);
                }
            }
        }
    }
    Ok(())
}
