//! How an operator names a user: by name, by id, or by one that may be either.

/// What names a user: `anna`, `@7` (a name), `id:7` (an id), or `7`, which may be either.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct UserRef<'a> {
    text: &'a str,
    /// The user of this name may be meant.
    pub name: Option<&'a str>,
    /// The user of this id may be meant.
    pub id: Option<&'a str>,
}

impl<'a> UserRef<'a> {
    pub fn parse(text: &'a str) -> Self {
        let is_number = |text: &&str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        let (name, id) = match (text.strip_prefix("id:"), text.strip_prefix('@')) {
            (Some(id), _) => (None, Some(id).filter(is_number)),
            (None, Some(name)) => (Some(name), None),
            (None, None) => (Some(text), Some(text).filter(is_number)),
        };
        Self { text, name, id }
    }

    /// The id that is meant, if the user of that name has the id `named`. A name of digits only can be the id
    /// of another user: then nothing is guessed.
    ///
    /// # Errors
    /// Both may be meant, or there is no such user.
    pub fn resolve(self, named: Option<String>) -> Result<String, String> {
        let Self { text, id, .. } = self;
        match (named, id) {
            (Some(named), Some(id)) if named != id => Err(format!(
                "{text} may be an id or a name: say id:{text} for the one or @{text} for the other"
            )),
            (Some(named), _) => Ok(named),
            (None, Some(id)) => Ok(id.to_owned()),
            (None, None) => Err(format!("there is no user {text}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_named_by_name_or_id_and_never_guessed() {
        let parts = |text| {
            let user = UserRef::parse(text);
            (user.name, user.id)
        };
        assert_eq!(parts("anna"), (Some("anna"), None));
        assert_eq!(parts("@7"), (Some("7"), None));
        assert_eq!(parts("id:7"), (None, Some("7")));
        assert_eq!(parts("id:7/sessions"), (None, None));
        assert_eq!(parts("7"), (Some("7"), Some("7")));
        let resolve =
            |text, named: Option<&str>| UserRef::parse(text).resolve(named.map(str::to_owned));
        assert_eq!(resolve("7", None).unwrap(), "7");
        assert_eq!(resolve("7", Some("7")).unwrap(), "7");
        assert!(resolve("7", Some("9")).unwrap_err().contains("id:7"));
        assert!(resolve("anna", None).unwrap_err().contains("no user anna"));
    }
}
