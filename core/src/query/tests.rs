use super::*;

#[test]
fn a_simple_query_has_a_plan() {
    let checked = check("a({}) and on(k) within(3s) b({})[1m]", &PlanOptions::default());
    assert_eq!(checked.diagnostics, []);
    let plan = checked.plan.unwrap();
    assert_eq!(plan.canonical, "a({}) and on(k) within(3s) b({})[1m]");
}

#[test]
fn show() {
    for text in [
        "a({}) and on(k) b({})",
        "",
        "  ",
        "a({})",
        "a({}) b({})",
        "a({}) adn on(k) b({})",
        "a({}) && on(k) b({})",
        "a({}) on(k) b({})",
        "a({}) and b({})",
        "a({}) and onn(k) b({})",
        "a({}) and on(k) withn(5s) b({})",
        "a({}) and onn(k) within(3s) b({})",
        "a({}) and on() b({})",
        "a({}) and on request_id b({})",
        "a({}) and on(k",
        "a({}) and on(k))",
        "a({app=\"x) and on(k) b({})",
        "a({})[5min] and on(k) b({})",
        "a({})[5] and on(k) within(1.5h) b({})",
        "a({})[-5m] and on(k) within(-3s) b({})[5m][6m] as x as y",
        "a({}) as x [5m] and on(k) on(j) within(20s, 10s) x({})",
        "a({}) and on(k) within(10m, 20m) b({})",
        "a({}) and on(k) within(20m) b({})",
        "a({}) and on(k) (b({}) or on(k) c({}))",
        "a({}) then not on(k) pick(first) b({}) | where x > 1",
        "a({}) and on(k) b({}) {x=\"1\"} {y=\"2\"}",
        "(a({}) and on(k) b({}) {x=\"1\"})",
        "a({}) and on(k) b({}) {x=~\"a\\\\d(\"}",
        "a({}) and on(k) b({}) {x=~\"\\d+\"}",
        "a({}) and on(k) b({}) {x=1}",
        "a({}) and on(k) b({}) {}",
        "a({}) and on(k b({})",
        "a({}) and on(k) b",
        "a({}) and on(k) my-app({})",
        "a({}) as and and on(k) b({}) as on",
        "and({}) and on(k) b({})",
        "a({})[99999999w] and on(k,k) b({})",
        "a({}) und on(k) b({})\n  and on(k,)\n  c({})[5 m]",
        "a({}) and ignoring(x) b({})",
        "a({}) and on(k) group_left b({})",
        "a({}) and group_left on(k) b({})",
        "a({}) and on(k) within(1s,2s,3s) b({})",
        "a({}) and on(k) within() b({})",
        "a({}) and on(k) within 5s b({})",
        "a({}) and on(k) b({})[]",
        "a and on(k) b({})",
        "a({}) and on(k) b({}) as",
        "a({}) and on(k) b({}) \u{0}",
        "a({}) and on(k) b({}) limit 5",
        "a({}) AND ON(k) WITHIN(5s) b({}) AS x",
    ] {
        let checked = check(text, &PlanOptions::default());
        println!("----- {text:?}\n{}", render(text, &checked.diagnostics, false));
        if let Some(plan) = checked.plan {
            println!("=> {}", plan.canonical);
        }
    }
}
