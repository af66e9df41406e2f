//! How much memory regular expressions may take: each for itself, and those of one query together.

use regex::{Regex, RegexBuilder};

use crate::limits::{MAX_REGEX_BYTES, MAX_REGEXES_BYTES};

/// How large one regular expression may be, compiled.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct RegexSize(usize);

impl RegexSize {
    /// Of each of so many that are used together.
    pub fn each_of(count: usize) -> Self {
        Self(MAX_REGEX_BYTES.min(MAX_REGEXES_BYTES / count.max(1)))
    }

    /// Of each in a query, or in a selector alone. What looks like the beginning of one counts, also in
    /// texts and comments: an upper bound is enough, and known before anything is read.
    ///
    /// ```
    /// use logbraid_core::regex_size::RegexSize;
    ///
    /// assert_eq!(RegexSize::within(r#"{a=~"x"} |~ "y""#), RegexSize::each_of(2));
    /// ```
    pub fn within(query: &str) -> Self {
        const BEGINNINGS: [&str; 4] = ["=~", "!~", "|~", "regexp"];
        Self::each_of(BEGINNINGS.map(|beginning| query.matches(beginning).count()).iter().sum())
    }

    /// The expression, if it is one and no larger; with as much room for what matching remembers.
    pub(crate) fn compile(self, pattern: &str) -> Result<Regex, regex::Error> {
        RegexBuilder::new(pattern).size_limit(self.0).dfa_size_limit(self.0).build()
    }
}

#[cfg(test)]
mod tests {
    use super::RegexSize;
    use crate::key::KeyPatterns;
    use crate::query::{PlanOptions, check, code};

    /// What a query with so many such regexes in each place where one can be is told.
    fn told(count: usize, regex: &str) -> Vec<Vec<String>> {
        let many =
            |piece: &str, between: &str| vec![format!("{piece}`{regex}`"); count].join(between);
        let queries = [
            format!("a({{{}}}) and on(k) b({{}})", many("l=~", ", ")),
            format!("a({{}} {}) and on(k) b({{}})", many("|~ ", " ")),
            format!("a({{}} {}) and on(k) b({{}})", many("!~ ", " ")),
            format!("a({{}} | {}) and on(k) b({{}})", many("l=~", " | ")),
            format!("a({{}}) and on(k) b({{}}) {{{}}}", many("l!~", ", ")),
            format!("a({{}}) and on(k) b({{}}) | where {}", many("a.l =~ ", " and ")),
        ];
        let messages = queries.map(|query| {
            let found = check(&query, &PlanOptions::default()).diagnostics;
            let regexes = found.into_iter().filter(|found| found.code == code::QUERY_REGEX);
            regexes.map(|found| found.message).collect()
        });
        messages.to_vec()
    }

    /// A regex of a quarter of a MiB.
    const LARGE: &str = "a{900}{9}";

    #[test]
    fn the_regexes_of_a_query_share_what_they_may_take() {
        for found in told(16, LARGE).into_iter().chain(told(100, r"\w+")) {
            assert_eq!(found, [""; 0]);
        }
        for found in told(64, LARGE) {
            assert_eq!(found.len(), 64);
            let told = "this regex does not compile: it compiles to more than 131072 bytes, its \
                        part of the 8388608 that the regexes of a query may take together";
            assert_eq!(found[0], told);
        }
        for found in told(1, "a{900}{90}") {
            let told = "this regex does not compile: it compiles to more than 1048576 bytes";
            assert_eq!(found, [told]);
        }
    }

    #[test]
    fn what_is_no_regex_takes_no_part() {
        let comment = "~ ".repeat(500);
        let query = format!("a({{}} |= `{comment}` |~ `{LARGE}`) and on(k) b({{}}) # {comment}");
        assert_eq!(RegexSize::within(&query), RegexSize::each_of(1));
        assert!(check(&query, &PlanOptions::default()).plan.is_some());
    }

    #[test]
    fn so_do_regexes_that_take_a_line_apart() {
        let query = |count: usize| {
            let steps = vec![format!("| regexp `(?P<l>{LARGE})`"); count].join(" ");
            check(&format!("a({{}} {steps}) and on(k) b({{}})"), &PlanOptions::default())
        };
        assert!(query(16).plan.is_some() && query(16).diagnostics.is_empty());
        assert_eq!(query(64).diagnostics.len(), 64);
    }

    #[test]
    fn so_do_patterns_of_keys() {
        let pattern = format!("id=({LARGE})");
        let patterns = |count| {
            let names: Vec<_> = (0..count).map(|at| format!("k{at}")).collect();
            KeyPatterns::new(names.iter().map(|name| (name.as_str(), pattern.as_str())))
        };
        assert!(patterns(16).is_ok());
        assert!(patterns(64).is_err_and(|error| error.to_string().contains("131072")));
    }
}
