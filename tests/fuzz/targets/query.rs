//! Any text as a query: it is answered with a plan or with diagnostics that lie inside it, and what
//! is accepted means the same when it is written canonically. The tools of an editor take any text.

#![no_main]

use libfuzzer_sys::fuzz_target;
use logbraid_core::query::{
    Load, PlanOptions, Severity, Vocabulary, check, complete, explain, format, highlight, hover,
    render,
};

fuzz_target!(|text: &str| {
    let options = PlanOptions::default();
    let checked = check(text, &options);
    let errors = checked.diagnostics.iter().filter(|d| d.severity == Severity::Error).count();
    assert_eq!(checked.plan.is_none(), errors > 0, "a query runs or says why not");
    for diagnostic in &checked.diagnostics {
        assert!(text.get(diagnostic.span.clone()).is_some(), "{diagnostic:?} is outside the text");
    }
    render(text, &checked.diagnostics, true);
    // Each costs time linear in the text.
    for token in highlight(text).into_iter().take(32) {
        hover(text, token.span.start);
        complete(text, token.span.end, &Vocabulary::default());
    }
    if let Ok(formatted) = format(text) {
        assert_eq!(format(&formatted).as_ref(), Ok(&formatted), "what is formatted stays as it is");
    }
    assert_eq!(explain(text, &options, &Load::default()).is_ok(), errors == 0);
    if let Some(plan) = checked.plan {
        let again = check(&plan.canonical, &options).plan.expect("canonical text is accepted");
        assert_eq!(again.canonical, plan.canonical, "canonical text is its own canonical text");
    }
});
