//! The `Cookie` header, parsed strictly, so that we and a proxy cannot read it differently.

/// The value of the first cookie of exactly this name.
pub fn find<'a>(header: &'a str, name: &str) -> Option<&'a str> {
    header.split(';').find_map(|pair| {
        let (key, value) = pair.trim_matches([' ', '\t']).split_once('=')?;
        (key == name)
            .then(|| value.strip_prefix('"').and_then(|v| v.strip_suffix('"')).unwrap_or(value))
    })
}

#[cfg(test)]
mod tests {
    use super::find;

    #[test]
    fn the_exact_name_is_found_among_others() {
        let header = "a=1; impulse_session=tok; ximpulse_session=no; impulse_session=second";
        assert_eq!(find(header, "impulse_session"), Some("tok"));
        assert_eq!(find("a=\"q\"", "a"), Some("q"));
    }

    #[test]
    fn near_misses_are_not_found() {
        for header in ["", ";", "impulse_session", "Impulse_Session=x", "x impulse_session=1", "=x"]
        {
            assert_eq!(find(header, "impulse_session"), None, "{header}");
        }
    }
}
