//! The few statements of a module that matter for joining it with others: what it imports and what it exports. They
//! begin at the beginning of a line, as Prettier writes them; anything else is an error.

use std::collections::BTreeMap;

/// One `import` at the beginning of a line.
pub(super) struct Import<'a> {
    /// `{ a, b as c }`, `* as all`, or nothing.
    pub names: String,
    /// What it names as the other module.
    pub from: &'a str,
    /// How many lines it takes.
    pub lines: usize,
    /// Whether it is an `export … from`.
    pub is_passed_on: bool,
}

impl Import<'_> {
    /// Whether the module that it takes from exports all of them.
    pub fn check_exported(&self, exports: &[String]) -> Result<(), String> {
        let list = self.names.trim_matches(['{', '}', ' ']).split(',').map(str::trim);
        let mut names = list.filter(|name| !name.is_empty() && !name.starts_with("* as "));
        let is_exported = |name: &str| {
            let name = name.split_once(" as ").map_or(name, |(name, _)| name);
            exports.iter().any(|export| export == name)
        };
        match names.find(|name| !is_exported(name)) {
            Some(name) => Err(format!("{} does not export {name}", self.from)),
            None => Ok(()),
        }
    }

    /// The same names, taken out of what a joined module returned.
    pub fn taken_from(&self, variable: &str) -> String {
        match self.names.strip_prefix("* as ") {
            _ if self.names.is_empty() => String::new(),
            Some(all) => format!("const {all} = {variable};"),
            None => format!("const {} = {variable};", self.names.replace(" as ", ": ")),
        }
    }
}

/// The imports of a module, by line, and the names that it exports.
pub(super) fn statements(text: &str) -> Result<(BTreeMap<usize, Import<'_>>, Vec<String>), String> {
    let (mut imports, mut exports) = (BTreeMap::new(), Vec::new());
    let mut lines = text.lines().enumerate();
    while let Some((at, line)) = lines.next() {
        if let Some(list) = line.strip_prefix("export {") {
            let (names, from) =
                exported_list(list).ok_or_else(|| format!("cannot join: {line}"))?;
            exports.extend(names.split(", ").filter(|name| !name.is_empty()).map(str::to_owned));
            if let Some(from) = from {
                let names = format!("{{ {names} }}");
                imports.insert(at, Import { names, from, lines: 1, is_passed_on: true });
            }
        } else if let Some(exported) = line.strip_prefix("export ") {
            exports.push(exported_name(exported)?);
        } else if let Some(begun) = line.strip_prefix("import ") {
            let (mut statement, mut last, mut count) = (begun.to_owned(), line, 1);
            while !last.ends_with("\";") {
                (_, last) = lines.next().ok_or("an import does not end")?;
                statement = format!("{statement} {}", last.trim());
                count += 1;
            }
            let from = last.rsplit('"').nth(1).unwrap_or_default();
            let names = statement.split_once(" from \"").map_or("", |(names, _)| names).to_owned();
            let is_known = names.is_empty() || names.starts_with('{') || names.starts_with("* as ");
            // Behind a comment, which the rest of the statement would disappear in, or another statement.
            let is_alone = !["//", "/*", "; "].iter().any(|more| statement.contains(more));
            if !is_known || !is_alone {
                return Err(format!("cannot join: import {statement}"));
            }
            imports.insert(at, Import { names, from, lines: count, is_passed_on: false });
        }
    }
    Ok((imports, exports))
}

/// Whether a module means the same as a function.
pub(super) fn check_joined(name: &str, text: &str, exports: &[String]) -> Result<(), String> {
    if text.contains("import.meta") {
        return Err(format!("{name} asks for its address"));
    }
    let code = |line: &&str| !line.starts_with([' ', '/', '}', ')']);
    for line in text.lines().filter(code) {
        if line.starts_with("await ") || line.contains("= await ") {
            return Err(format!("{name} waits before it is there: {line}"));
        }
        let variable =
            line.strip_prefix("let ").and_then(|rest| rest.split([' ', ';', ',']).next());
        if variable.is_some_and(|variable| exports.iter().any(|export| export == variable)) {
            return Err(format!("{name} exports what changes: {line}"));
        }
    }
    Ok(())
}

/// The names in `export { a, b }`, and the file that they come from if it is another one.
fn exported_list(list: &str) -> Option<(&str, Option<&str>)> {
    let (names, rest) = list.split_once('}')?;
    let from = match rest {
        ";" => None,
        _ => Some(rest.strip_prefix(" from \"")?.strip_suffix("\";")?),
    };
    (!names.contains(" as ")).then_some((names.trim(), from))
}

/// The name in a declaration whose value never changes.
fn exported_name(exported: &str) -> Result<String, String> {
    let declared = exported.strip_prefix("async ").unwrap_or(exported);
    let kinds = ["function* ", "function ", "class ", "const "];
    let named = kinds.iter().find_map(|kind| declared.strip_prefix(kind)).unwrap_or_default();
    let is_part = |letter: char| letter.is_ascii_alphanumeric() || letter == '_' || letter == '$';
    let name: String = named.chars().take_while(|letter| is_part(*letter)).collect();
    if name.is_empty() { Err(format!("cannot join: export {exported}")) } else { Ok(name) }
}

/// The name of the file that a module means by `from`.
pub(super) fn resolve(module: &str, from: &str) -> Result<String, String> {
    let mut path: Vec<&str> = module.split('/').collect();
    path.pop();
    for part in from.split('/') {
        match part {
            "." => {}
            ".." => drop(path.pop().ok_or_else(|| format!("{module} imports {from}"))?),
            part => path.push(part),
        }
    }
    Ok(path.join("/"))
}
