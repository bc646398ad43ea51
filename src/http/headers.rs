//! Header fields of a request.

/// What may surround a value. `str::trim` would also take a no-break space, which a proxy before us
/// reads as part of the value: two readings of one `Content-Length` are how requests get smuggled.
pub(super) const OWS: [char; 2] = [' ', '\t'];

/// Header fields in the order they came: their texts in one piece, and how long each name and value is.
/// Bytes outside UTF-8 are opaque (RFC 9110, 5.5): they read as U+FFFD, which is part of no token, host,
/// origin, number or credential, so a field whose text matters is refused for what it says.
#[derive(Debug, Clone, Default)]
pub struct Headers {
    text: String,
    lengths: Vec<(usize, usize)>,
}

impl Headers {
    /// Empty, with room for `count` fields whose texts are `bytes` long together.
    pub(super) fn with_capacity(bytes: usize, count: usize) -> Self {
        Self { text: String::with_capacity(bytes), lengths: Vec::with_capacity(count) }
    }

    /// The first value of that name, in any case.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }

    /// Every value of that name.
    pub fn all<'a, 'n>(&'a self, name: &'n str) -> impl Iterator<Item = &'a str> + use<'a, 'n> {
        let has_name = move |(key, _): &(&str, &str)| key.eq_ignore_ascii_case(name);
        self.iter().filter(has_name).map(|(_, value)| value)
    }

    fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let mut rest = self.text.as_str();
        self.lengths.iter().map_while(move |&(name, value)| {
            let (name, after) = rest.split_at_checked(name)?;
            let (value, after) = after.split_at_checked(value)?;
            rest = after;
            Some((name, value))
        })
    }

    /// Whether a comma-separated list of that name holds `token`.
    pub fn has_token(&self, name: &str, token: &str) -> bool {
        self.all(name)
            .flat_map(|list| list.split(','))
            .any(|t| t.trim_matches(OWS).eq_ignore_ascii_case(token))
    }

    /// Bytes that they take.
    pub(super) fn size(&self) -> usize {
        self.text.len() + size_of_val(self.lengths.as_slice())
    }

    pub(super) fn push(&mut self, name: &str, value: &str) {
        self.text.push_str(name);
        self.text.push_str(value);
        self.lengths.push((name.len(), value.len()));
    }
}

impl FromIterator<(String, String)> for Headers {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(fields: I) -> Self {
        let mut headers = Self::default();
        for (name, value) in fields {
            headers.push(&name, &value);
        }
        headers
    }
}
