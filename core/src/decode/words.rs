//! Lists of words, to tell whether another one is among them.

/// Words of ASCII, none of them empty.
#[derive(Debug)]
pub(super) struct Words {
    words: &'static [&'static str],
    /// For each first letter, which last ones there are: most other words have other ones. Letters are told
    /// by their lower five bits, in which both cases are the same.
    ends: [u32; 32],
}

impl Words {
    pub const fn new(words: &'static [&'static str]) -> Self {
        let mut ends = [0; 32];
        let mut at = 0;
        while at < words.len() {
            let word = words[at].as_bytes();
            ends[(word[0] & 31) as usize] |= 1 << (word[word.len() - 1] & 31);
            at += 1;
        }
        Self { words, ends }
    }

    /// Whether `word` is one of them.
    pub fn contains(&self, word: &str) -> bool {
        self.may_contain(word) && self.words.contains(&word)
    }

    /// Whether `word` is one of them, in any case.
    pub fn contains_ignoring_case(&self, word: &str) -> bool {
        self.may_contain(word) && self.words.iter().any(|known| known.eq_ignore_ascii_case(word))
    }

    fn may_contain(&self, word: &str) -> bool {
        match word.as_bytes() {
            [] => false,
            [only] => self.ends[usize::from(only & 31)] >> (only & 31) & 1 == 1,
            [first, .., last] => self.ends[usize::from(first & 31)] >> (last & 31) & 1 == 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Words;

    #[test]
    fn words_are_found_and_others_are_not() {
        static WORDS: Words = Words::new(&["WARN", "Z", "DEBUG1"]);
        for (word, is_it, is_it_in_any_case) in [
            ("WARN", true, true),
            ("warn", false, true),
            ("WORN", false, false),
            ("Z", true, true),
            ("DEBUG1", true, true),
            ("DEBUGQ", false, false),
            ("", false, false),
            ("ü", false, false),
        ] {
            assert_eq!(WORDS.contains(word), is_it, "{word}");
            assert_eq!(WORDS.contains_ignoring_case(word), is_it_in_any_case, "{word}");
        }
    }
}
