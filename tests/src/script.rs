//! The compact texts of a case: events, instants, durations. `tests/cases/README.md` describes them.
//!
//! Instants are seconds after [`BASE`], so that cases can count from 0 and the engine sees times
//! that look like times.

/// 2026-01-01T00:00:00Z in nanoseconds: the instant `@0`.
pub const BASE: i64 = 1_767_225_600_000_000_000;

const SECOND: i64 = 1_000_000_000;

/// An event as a case writes it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ScriptEvent {
    /// Nanoseconds after [`BASE`].
    pub time: i64,
    /// Tells events of one stream and time apart.
    pub name: Option<String>,
    /// Labels in the order written; `msg` is the message.
    pub labels: Vec<(String, String)>,
}

impl ScriptEvent {
    /// The NDJSON line of the event, without its ending.
    pub fn line(&self) -> String {
        let mut line = format!("{{\"time\":{}", BASE + self.time);
        let name = self.name.as_ref().map(|name| ("n", name));
        let labels = self.labels.iter().map(|(name, value)| (name.as_str(), value));
        for (name, value) in labels.chain(name) {
            let name = if name == "msg" { "message" } else { name };
            let quote = |text: &str| serde_json::Value::from(text).to_string();
            line.push_str(&format!(",{}:{}", quote(name), quote(value)));
        }
        line.push('}');
        line
    }

    /// The labels as the engine sees them: without the message, and with the name as label `n`.
    pub fn all_labels(&self) -> impl Iterator<Item = (&str, &str)> {
        let name = self.name.as_ref().map(|name| ("n", name.as_str()));
        let labels = self.labels.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        labels.filter(|(name, _)| *name != "msg").chain(name)
    }

    /// The value of a label; the message for `msg`.
    pub fn label(&self, name: &str) -> Option<&str> {
        self.labels.iter().rev().find(|(label, _)| label == name).map(|(_, value)| value.as_str())
    }

    /// How results name it: `@4`, or `@4#x`.
    pub fn mark(&self) -> String {
        mark(self.time, self.name.as_deref())
    }
}

/// How results name an event of a time and a name.
pub fn mark(time: i64, name: Option<&str>) -> String {
    let name = name.map(|name| format!("#{name}")).unwrap_or_default();
    format!("{}{name}", instant_text(time))
}

/// An instant as `@4`, `@-0.5` or `@0.000000001`.
pub fn instant_text(time: i64) -> String {
    let sign = if time < 0 { "-" } else { "" };
    let time = time.unsigned_abs();
    let (whole, fraction) = (time / SECOND.unsigned_abs(), time % SECOND.unsigned_abs());
    let fraction = format!("{fraction:09}");
    let fraction = fraction.trim_end_matches('0');
    let dot = if fraction.is_empty() { "" } else { "." };
    format!("@{sign}{whole}{dot}{fraction}")
}

/// Reads an instant such as `@4`, in nanoseconds after [`BASE`].
///
/// # Errors
/// Says what is not an instant.
pub fn instant(text: &str) -> Result<i64, String> {
    let wrong = || format!("`{text}` is not an instant: write seconds, such as @4 or @-0.25");
    let number = text.strip_prefix('@').ok_or_else(wrong)?;
    let (sign, number) = number.strip_prefix('-').map_or((1, number), |rest| (-1, rest));
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if fraction.len() > 9 {
        return Err(wrong());
    }
    let whole: i64 = whole.parse().map_err(|_| wrong())?;
    let fraction: i64 = format!("{fraction:0<9}").parse().map_err(|_| wrong())?;
    Ok(sign * (whole * SECOND + fraction))
}

/// Reads a duration such as `10s` or `1h30m`, in nanoseconds.
///
/// # Errors
/// Says what is not a duration.
pub fn duration(text: &str) -> Result<i64, String> {
    let wrong = || format!("`{text}` is not a duration: write such as 10s, 250ms or 1h30m");
    let (mut rest, mut total) = (text, 0);
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
        let unit = rest[digits..].find(|c: char| c.is_ascii_digit());
        let unit = unit.map_or(rest.len(), |length| digits + length);
        let nanos = match &rest[digits..unit] {
            "ns" => 1,
            "us" => 1_000,
            "ms" => 1_000_000,
            "s" => SECOND,
            "m" => 60 * SECOND,
            "h" => 3_600 * SECOND,
            "d" => 86_400 * SECOND,
            _ => return Err(wrong()),
        };
        total += nanos * rest[..digits].parse::<i64>().map_err(|_| wrong())?;
        rest = &rest[unit..];
    }
    Ok(total)
}

/// Reads events such as `k=1 @0 @4#x level=error`: labels before the first instant hold for all
/// events of the text, labels after an instant for that event.
///
/// # Errors
/// Says which word is neither an instant nor a label.
pub fn events(text: &str) -> Result<Vec<ScriptEvent>, String> {
    let (mut common, mut events) = (Vec::new(), Vec::<ScriptEvent>::new());
    for word in words(text)? {
        if word.starts_with('@') {
            let (time, name) = word.split_once('#').unwrap_or((&word, ""));
            let name = Some(name.to_owned()).filter(|name| !name.is_empty());
            events.push(ScriptEvent { time: instant(time)?, name, labels: common.clone() });
        } else {
            let (name, value) = word
                .split_once('=')
                .ok_or_else(|| format!("`{word}` is neither an instant (@4) nor a label (k=1)"))?;
            let label = (name.to_owned(), value.to_owned());
            let labels = events.last_mut().map_or(&mut common, |event| &mut event.labels);
            labels.retain(|(other, _)| other != name);
            labels.push(label);
        }
    }
    Ok(events)
}

/// Splits at white space outside of double quotes, and takes the quotes away; there are no escapes.
fn words(text: &str) -> Result<Vec<String>, String> {
    let (mut words, mut word, mut is_quoted) = (Vec::new(), None::<String>, false);
    for c in text.chars() {
        match c {
            '"' => {
                is_quoted = !is_quoted;
                word.get_or_insert_default();
            }
            c if c.is_whitespace() && !is_quoted => words.extend(word.take()),
            c => word.get_or_insert_default().push(c),
        }
    }
    if is_quoted {
        return Err(format!("a quote is not closed in `{text}`"));
    }
    words.extend(word);
    Ok(words)
}

/// The bytes that pairs of hexadecimal digits stand for.
///
/// # Errors
/// They are none.
pub fn bytes_of(digits: &str) -> Result<Vec<u8>, String> {
    let digits: Vec<u8> = digits.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    let wrong = || format!("not pairs of hexadecimal digits: {digits:?}");
    let pair = |pair: &[u8]| {
        let pair = str::from_utf8(pair).ok().filter(|pair| pair.len() == 2)?;
        u8::from_str_radix(pair, 16).ok()
    };
    digits.chunks(2).map(pair).collect::<Option<_>>().ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_share_leading_labels_and_override_them() {
        let read = events(r#"k=1 @0 @-0.5#x k="" msg="a b=c""#).expect("is well formed");
        assert_eq!(read.len(), 2);
        assert_eq!((read[0].time, read[0].label("k")), (0, Some("1")));
        assert_eq!((read[1].time, read[1].label("k")), (-500_000_000, Some("")));
        assert_eq!(read[1].label("msg"), Some("a b=c"));
        assert_eq!(read[1].mark(), "@-0.5#x");
        assert_eq!(
            read[1].line(),
            r#"{"time":1767225599500000000,"k":"","message":"a b=c","n":"x"}"#
        );
    }

    #[test]
    fn nanoseconds_survive() {
        assert_eq!(instant("@1.000000001"), Ok(1_000_000_001));
        assert_eq!(instant_text(1_000_000_001), "@1.000000001");
        assert_eq!(duration("1m30s5ns"), Ok(90_000_000_005));
    }

    #[test]
    fn mistakes_are_told() {
        for text in ["4", "k", "@x", "@1.0000000001", "\"open"] {
            assert!(events(text).is_err(), "{text}");
        }
        for text in ["5", "5x", "s"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }
}
