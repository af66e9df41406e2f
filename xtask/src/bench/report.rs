//! `docs/benchmarks.md`: sections that the commands write, between lines that name them.

use std::fs;
use std::thread::available_parallelism;

use anyhow::Context;

use crate::process::{command, output, root};

const PAGE: &str = "docs/benchmarks.md";

/// Writes a section anew, and leaves the rest of the page as it is.
pub fn write(section: &str, text: &str) -> anyhow::Result<()> {
    let path = root().join(PAGE);
    let page = fs::read_to_string(&path).context(PAGE)?;
    let page = replaced(&page, section, text)
        .with_context(|| format!("{PAGE} has no section {section}"))?;
    fs::write(&path, page).context(PAGE)?;
    println!("written to {PAGE}");
    Ok(())
}

/// The page with another text in a section.
fn replaced(page: &str, section: &str, text: &str) -> Option<String> {
    let (begin, end) = (format!("<!-- {section} -->\n"), format!("<!-- end of {section} -->"));
    let from = page.find(&begin)? + begin.len();
    let to = from + page[from..].find(&end)?;
    Some(format!("{}\n{}\n\n{}", &page[..from], text.trim(), &page[to..]))
}

/// What the figures were measured on, and of what.
pub fn machine() -> anyhow::Result<String> {
    let model = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = model.lines().find_map(|line| line.strip_prefix("model name"));
    let model = model.map_or("unknown processor", |rest| rest.trim_start_matches(['\t', ' ', ':']));
    let cores = available_parallelism().map_or(1, usize::from);
    let kernel = output(command("uname").args(["-s", "-r", "-m"]))?;
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').next().unwrap_or("unknown").to_owned();
    let commit = output(command("git").args(["rev-parse", "--short", "HEAD"]))?;
    let date = output(command("date").args(["-u", "+%F"]))?;
    Ok(format!(
        "{}, Logbraid {} ({}), on {cores} cores of {model}, {}; load before the run {load}.",
        date.trim(),
        env!("CARGO_PKG_VERSION"),
        commit.trim(),
        kernel.trim()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_its_section_is_replaced() {
        let page =
            "a\n<!-- x -->\nold\n<!-- end of x -->\nb\n<!-- y -->\nkept\n<!-- end of y -->\n";
        let once = replaced(page, "x", "new\n").expect("it is there");
        assert_eq!(
            once,
            "a\n<!-- x -->\n\nnew\n\n<!-- end of x -->\nb\n<!-- y -->\nkept\n<!-- end of y -->\n"
        );
        assert_eq!(replaced(&once, "x", "new").as_deref(), Some(once.as_str()));
        assert_eq!(replaced(page, "z", "new"), None);
    }
}
