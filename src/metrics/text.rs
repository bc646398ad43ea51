//! Conversion of OpenMetrics into the older text format (0.0.4). It has the same lines, but the help and
//! type of a counter carry the name of its samples, and there is no end mark.

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
const PLAIN: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The content type and text for these `Accept` headers: OpenMetrics only if it is named there.
pub(super) fn negotiate<'a>(
    mut accept: impl Iterator<Item = &'a str>,
    text: String,
) -> (&'static str, String) {
    if accept.any(|list| list.contains("application/openmetrics-text")) {
        (OPEN_METRICS, text)
    } else {
        (PLAIN, plain(&text))
    }
}

fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        let of_counter = |line: &str| line.starts_with("# TYPE ") && line.ends_with(" counter");
        let is_head =
            line.starts_with("# HELP ") && lines.peek().is_some_and(|next| of_counter(next));
        if line == "# EOF" {
            continue;
        }
        if is_head || of_counter(line) {
            let name = line.split(' ').nth(2).unwrap_or_default();
            plain.push_str(&line.replacen(name, &format!("{name}_total"), 1));
        } else {
            plain.push_str(line);
        }
        plain.push('\n');
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# HELP a Things.\n# TYPE a counter\na_total{op=\"x y\"} 1\n\
                        # HELP b Now.\n# TYPE b gauge\nb 2\n# EOF\n";

    #[test]
    fn counters_are_named_as_their_samples() {
        let (content_type, text) = negotiate(["*/*"].into_iter(), TEXT.to_owned());
        assert_eq!(content_type, PLAIN);
        assert_eq!(
            text,
            "# HELP a_total Things.\n# TYPE a_total counter\na_total{op=\"x y\"} 1\n\
             # HELP b Now.\n# TYPE b gauge\nb 2\n"
        );
    }

    #[test]
    fn a_scraper_that_accepts_open_metrics_gets_it() {
        let accept = ["text/html", "application/openmetrics-text;version=1.0.0;q=0.6,*/*;q=0.1"];
        let (content_type, text) = negotiate(accept.into_iter(), TEXT.to_owned());
        assert_eq!((content_type, text.as_str()), (OPEN_METRICS, TEXT));
    }
}
