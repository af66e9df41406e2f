//! As on one thread, so on several: the written cases, and random ones.

use std::cell::Cell;

use logbraid_tests::case::{self, Case};
use logbraid_tests::hold::on_random_cases;
use logbraid_tests::random::{self, Disorder};
use logbraid_tests::run::{self, Delivery};
use logbraid_tests::threads::agree;
use proptest::prelude::*;

/// The number of tests that share the steps.
const TESTS: u32 = 5;

#[test]
fn written_cases_agree() {
    let (mut followed, mut shared, mut wrong) = (0, 0, Vec::new());
    for case in case::written().iter().filter(|case| case.diagnostics.is_empty()) {
        if run::prepared(case).is_err() {
            continue;
        }
        followed += 1;
        for threads in [2, 3] {
            match agree(case, Delivery::Bytes(usize::MAX), threads) {
                Ok(is_shared) => shared += usize::from(is_shared),
                Err(difference) => {
                    wrong.push(format!("{}, {threads} threads: {difference}", case.name));
                }
            }
        }
    }
    assert!(followed > 100, "only {followed} cases were followed");
    assert!(shared > 100, "only {shared} times several engines shared a case");
    assert!(wrong.is_empty(), "{} differ\n{}", wrong.len(), wrong.join("\n"));
}

fn ways() -> impl Strategy<Value = (usize, Delivery)> {
    let delivery = prop_oneof![
        (1..40_usize).prop_map(Delivery::Bytes),
        Just(Delivery::Bytes(usize::MAX)),
        Just(Delivery::Host),
    ];
    (2..5_usize, delivery)
}

/// Random cases of a kind, some of which several engines have to share.
fn random_agree(cases: impl Strategy<Value = Case>) {
    let shared = Cell::new(0);
    on_random_cases(TESTS, (cases, ways()), |case, (threads, delivery)| {
        let is_shared = agree(case, *delivery, *threads)?;
        shared.set(shared.get() + usize::from(is_shared));
        Ok(())
    });
    assert!(shared.get() > 0, "several engines shared no case");
}

#[test]
fn random_cases_agree() {
    random_agree(random::case(Disorder::None));
}

#[test]
fn random_cases_with_late_events_agree() {
    random_agree(random::case(Disorder::Some));
}

#[test]
fn random_cases_that_pick_agree() {
    random_agree(random::picking_case());
}

#[test]
fn random_cases_that_pick_with_late_events_agree() {
    random_agree(random::late_picking_case());
}

#[test]
fn random_live_cases_agree() {
    random_agree(random::live_case());
}
