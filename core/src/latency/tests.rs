use super::*;

fn millis(ms: i64) -> Span {
    Span::from_millis(ms)
}

#[test]
fn it_is_from_the_last_event_to_the_delivery() {
    let mut latency = Latency::default();
    // Events 1 to 3, 4 and 5, 6.
    for (last, at) in [(0, 0), (3, 10), (5, 30)] {
        latency.set_clock(millis(at));
        latency.arrive(last);
    }
    latency.set_clock(millis(50));
    latency.deliver(false, [2, 5, 1].into_iter(), 6);
    latency.deliver(true, [6, 3].into_iter(), 6);
    let Latencies { eager, finals } = latency.latencies();
    assert_eq!((eager.count, eager.max, eager.sum), (1, 40_000, 40_000));
    assert_eq!((finals.count, finals.max), (1, 20_000));
}

#[test]
fn nothing_is_measured_without_a_clock() {
    let mut latency = Latency::default();
    latency.arrive(0);
    latency.deliver(true, [1].into_iter(), 1);
    assert_eq!(latency.latencies(), Latencies::default());
    // Nor for what came before there was one.
    latency.set_clock(millis(1));
    latency.deliver(true, [1].into_iter(), 1);
    assert_eq!(latency.latencies(), Latencies::default());
}

#[test]
fn pushes_without_events_and_a_clock_that_goes_back_do_no_harm() {
    let mut latency = Latency::default();
    for at in [0, 5, 9] {
        latency.set_clock(millis(at));
        latency.arrive(0);
    }
    latency.deliver(true, [1].into_iter(), 1);
    latency.set_clock(millis(-100));
    latency.deliver(true, [1].into_iter(), 1);
    assert_eq!(latency.latencies().finals.buckets, [(0, 2)]);
}

#[test]
fn numbers_of_events_wrap() {
    let mut arrivals = Arrivals::default();
    let step = 1_000_000_007_u32;
    let mut last = 0_u32;
    for push in 0..20 {
        arrivals.note(last, millis(push));
        last = last.wrapping_add(step);
        assert_eq!(arrivals.time_of(last, last), Some(millis(push)));
        let first = last.wrapping_sub(step).wrapping_add(1);
        assert_eq!(arrivals.time_of(first, last), Some(millis(push)));
        if push > 0 {
            let before = last.wrapping_sub(step);
            assert_eq!(arrivals.time_of(before, last), Some(millis(push - 1)));
        }
    }
}

#[test]
fn few_pushes_are_remembered_and_ages_are_right_to_a_hundredth() {
    let mut arrivals = Arrivals::default();
    let mut at = 0_i64;
    let mut times = vec![at];
    // Pushes of one event, 0.3 ms to 2 s apart: ten minutes in the end.
    for last in 0..60_000_u32 {
        at += if last % 97 == 0 { 900_000_000 } else { 300_000 + i64::from(last % 7) };
        times.push(at);
        arrivals.note(last, Span::from_nanos(at));
        assert!(arrivals.pushes.len() <= limits::ARRIVALS);
    }
    for (number, time) in times.iter().enumerate().skip(1) {
        let number = u32::try_from(number).expect("few");
        let told = arrivals.time_of(number, 60_000).expect("it came").as_nanos();
        let (age, told) = (at - time, at - told);
        assert!(told >= age && told - age <= age / 100, "{number}: {told} is not {age}");
    }
}

#[test]
fn what_is_far_too_old_is_told_as_the_oldest() {
    let mut arrivals = Arrivals::default();
    // Each push as far from the one before as all of them together: none of them are close.
    for last in 0..u32::try_from(limits::ARRIVALS).expect("few") * 3 {
        arrivals.note(last, millis(i64::from(last)));
        arrivals.pushes.iter_mut().for_each(|push| push.until = Span::MAX);
        assert!(arrivals.pushes.len() <= limits::ARRIVALS);
    }
    let last = u32::try_from(limits::ARRIVALS).expect("few") * 3;
    assert!(arrivals.time_of(1, last).is_some());
    assert_eq!(arrivals.time_of(last, last), Some(millis(i64::from(last) - 1)));
}

#[test]
fn quantiles_are_right_to_two_hundredths() {
    let mut durations = Durations::default();
    for micros in 1..=100_000 {
        durations.record(Span::from_nanos(micros * 1_000));
    }
    let found = durations.distribution();
    assert_eq!((found.count, found.max), (100_000, 100_000));
    for (share, expected) in [(0.5, 50_000), (0.95, 95_000), (0.99, 99_000), (1.0, 100_000)] {
        let nanos = found.quantile(share).expect("there are some").as_nanos();
        let error = (nanos / 1_000 - expected).abs();
        assert!(error * 50 <= expected, "{share}: {nanos}");
    }
    assert_eq!(found.quantile(0.0), Some(Span::from_nanos(1_000)));
    assert_eq!(Distribution::default().quantile(0.5), None);
    assert_eq!(Durations::default().distribution(), Distribution::default());
    // The longest there is fits too.
    durations.record(Span::MAX);
    assert_eq!(
        durations.distribution().quantile(1.0).map(Span::as_millis),
        Some(i64::MAX / 1_000_000)
    );
}
