//! Writes the random cases that the naive model is held to, with all that the engine says of each, for other
//! backends to be held to: `cargo run -p logbraid-tests --example random_cases -- FILE`.

use std::cell::RefCell;
use std::fmt::Write as _;
use std::{env, error, fs};

use logbraid_tests::case::Case;
use logbraid_tests::hold::on_random_cases;
use logbraid_tests::random::{self, Disorder};
use logbraid_tests::run::{Delivery, Driver};
use proptest::prelude::*;

/// Kinds of cases that share the steps.
const KINDS: u32 = 6;

fn main() -> Result<(), Box<dyn error::Error>> {
    let path = env::args().nth(1).ok_or("give a file to write")?;
    let written = RefCell::new(String::new());
    write(&written, random::case(Disorder::Some));
    write(&written, random::live_case());
    write(&written, random::picking_case());
    write(&written, random::late_picking_case());
    write(&written, random::staged_case(Disorder::Some));
    write(&written, random::picking_staged_case());
    fs::write(path, written.into_inner())?;
    Ok(())
}

/// Adds cases of a kind, half of them eager.
fn write(to: &RefCell<String>, cases: impl Strategy<Value = Case>) {
    on_random_cases(KINDS, (cases, any::<bool>()), |case, is_eager| {
        // Other backends are told the time in milliseconds.
        let is_finer = |time: &String| time.split_once('.').is_some_and(|(_, part)| part.len() > 3);
        if case.steps.iter().filter_map(|step| step.advance.as_ref()).any(is_finer) {
            return Ok(());
        }
        let emit = if *is_eager { "eager" } else { "final" };
        let case = Case { emit: Some(emit.to_owned()), ..case.clone() };
        let mut driver = Driver::new(&case, Delivery::Bytes(usize::MAX))?;
        let mut told = driver.records();
        for step in &case.steps {
            driver.act(step)?;
            told.extend(driver.records());
        }
        let mut to = to.borrow_mut();
        *to += &case.to_toml();
        *to += "told = \"";
        for byte in told {
            write!(to, "{byte:02x}").map_err(|error| error.to_string())?;
        }
        *to += "\"\n\n";
        Ok(())
    });
}
