//! Who uses whom in `src/`, read from the tokens of the source: `use` groups of several lines, paths in
//! expressions and in macros, and what follows a test module. Comments, strings and tests do not count.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// A path in the source as it is resolved from the root of the crate: `["rooms", "state", "Member"]`.
type Segments = Vec<String>;

/// One file of `src/`.
pub struct File {
    /// The module it is: `["rooms", "state"]` for `src/rooms/state.rs` and `src/rooms/state/mod.rs`.
    pub module: Segments,
    /// The paths it uses, without those of its re-exports.
    pub uses: BTreeSet<Segments>,
    /// The constants it declares that are numbers or times, and times that it writes out in place: what may be
    /// a bound.
    pub numbers: Vec<String>,
    /// Names it re-exports, and where they come from. `*` is everything of a module.
    exports: Vec<(String, Segments)>,
}

/// All files of the crate, by their path below `src/`.
pub struct Crate {
    /// `rooms/state.rs` and what is in it.
    pub files: BTreeMap<PathBuf, File>,
}

impl Crate {
    /// Reads `src/`.
    pub fn read() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let mut paths = Vec::new();
        rust_files(&root, &mut paths);
        let sources = paths.into_iter().map(|path| {
            let text = fs::read_to_string(&path).unwrap();
            (path.strip_prefix(&root).unwrap().to_owned(), text)
        });
        Self::from_sources(sources)
    }

    /// From the texts of files, by their paths below `src/`.
    pub fn from_sources(sources: impl IntoIterator<Item = (PathBuf, String)>) -> Self {
        let files = sources.into_iter().filter(|(path, _)| !is_test(path)).map(|(path, text)| {
            let module = module_of(&path);
            let tokens: TokenStream = text.parse().unwrap();
            let mut reader = Reader { module: module.clone(), ..Reader::default() };
            reader.read(tokens);
            let Reader { uses, numbers, exports, .. } = reader;
            (path, File { module, uses, numbers, exports })
        });
        Self { files: files.collect() }
    }

    /// The files that each file uses. A re-exported name counts for the file that declares it.
    pub fn edges(&self) -> BTreeMap<&Path, BTreeSet<&Path>> {
        let by_module: BTreeMap<&[String], (&Path, &File)> = self
            .files
            .iter()
            .map(|(path, file)| (file.module.as_slice(), (path.as_path(), file)))
            .collect();
        let targets = |file: &File| {
            let used = file.uses.iter().filter_map(|used| declared_in(&by_module, used, 0));
            used.filter(|to| by_module[file.module.as_slice()].0 != *to).collect()
        };
        self.files.iter().map(|(path, file)| (path.as_path(), targets(file))).collect()
    }
}

/// The circles among files: groups that each reach all of the others.
pub fn circles<'a>(edges: &BTreeMap<&'a Path, BTreeSet<&'a Path>>) -> Vec<Vec<&'a Path>> {
    let reached: BTreeMap<_, _> = edges.keys().map(|from| (*from, reach(edges, from))).collect();
    let mut found = BTreeSet::new();
    for (from, all) in &reached {
        if all.contains(from) {
            let circle = all.iter().filter(|to| reached[**to].contains(from)).copied();
            found.insert(circle.collect::<Vec<_>>());
        }
    }
    found.into_iter().collect()
}

fn reach<'a>(edges: &BTreeMap<&'a Path, BTreeSet<&'a Path>>, from: &Path) -> BTreeSet<&'a Path> {
    let mut seen = BTreeSet::new();
    let mut next: Vec<&Path> = edges[from].iter().copied().collect();
    while let Some(path) = next.pop() {
        if seen.insert(path) {
            next.extend(edges[path].iter().copied());
        }
    }
    seen
}

/// The file that declares what a path names: the longest module in it, behind re-exports.
fn declared_in<'a>(
    by_module: &BTreeMap<&[String], (&'a Path, &'a File)>,
    used: &[String],
    depth: usize,
) -> Option<&'a Path> {
    let at = (0..=used.len()).rev().find(|at| by_module.contains_key(&used[..*at]))?;
    let (path, file) = by_module[&used[..at]];
    let name = used.get(at);
    let through = file.exports.iter().find(|(exported, _)| Some(exported) == name);
    match through {
        Some((_, from)) if depth < 8 => {
            let rest = used.iter().skip(at + 1).cloned();
            let whole: Segments = from.iter().cloned().chain(rest).collect();
            declared_in(by_module, &whole, depth + 1)
        }
        _ => Some(path),
    }
}

/// Collects what one file uses and declares.
#[derive(Default)]
struct Reader {
    module: Segments,
    uses: BTreeSet<Segments>,
    numbers: Vec<String>,
    exports: Vec<(String, Segments)>,
}

impl Reader {
    fn read(&mut self, tokens: TokenStream) {
        let tokens: Vec<_> = tokens.into_iter().collect();
        let mut at = 0;
        while let Some(token) = tokens.get(at) {
            at += 1;
            if is_cfg_test(&tokens[at - 1..]) {
                at = end_of_item(&tokens, at + 1);
                continue;
            }
            match token {
                TokenTree::Group(group) => self.read(group.stream()),
                TokenTree::Ident(word) if *word == "mod" => at = self.read_module(&tokens, at),
                TokenTree::Ident(word) if *word == "use" => {
                    let is_exported = is_exported(&tokens[..at - 1]);
                    at = self.read_use(&tokens, at, is_exported);
                }
                TokenTree::Ident(word) if *word == "const" => self.read_constant(&tokens[at..]),
                TokenTree::Ident(_) if !follows_path(&tokens[..at - 1]) => {
                    self.read_path(&tokens[at - 1..]);
                    self.read_time(&tokens[at - 1..]);
                }
                _ => {}
            }
        }
    }

    /// `const NAME: usize = …`, with any type that can be a size, a count, a rate or a time.
    fn read_constant(&mut self, tokens: &[TokenTree]) {
        const NUMBERS: [&str; 8] = ["usize", "u8", "u16", "u32", "u64", "i32", "i64", "f64"];
        let head = tokens.iter().take_while(|token| !is_punct(token, '=') && !is_punct(token, ';'));
        let head: Vec<_> = head.map(ToString::to_string).collect();
        let [name, colon, kind @ ..] = head.as_slice() else { return };
        let is_time = kind.iter().any(|word| word.contains("Duration"));
        let is_number = matches!(kind, [word] if NUMBERS.contains(&word.as_str()));
        if colon == ":" && (is_time || is_number) {
            self.numbers.push(name.clone());
        }
    }

    /// `Duration::from_secs(5)`: a time that has no name.
    fn read_time(&mut self, tokens: &[TokenTree]) {
        let path = path_at(tokens);
        let [first, second] = path.as_slice() else { return };
        if first == "Duration"
            && second.starts_with("from_")
            && let Some(TokenTree::Group(given)) = tokens.get(4)
            && let [TokenTree::Literal(number)] = &*given.stream().into_iter().collect::<Vec<_>>()
        {
            self.numbers.push(format!("{first}::{second}({number})"));
        }
    }

    /// `mod name { … }` has a module of its own; `mod name;` uses nothing.
    fn read_module(&mut self, tokens: &[TokenTree], at: usize) -> usize {
        if let (Some(TokenTree::Ident(name)), Some(TokenTree::Group(body))) =
            (tokens.get(at), tokens.get(at + 1))
        {
            self.module.push(name.to_string());
            self.read(body.stream());
            self.module.pop();
            return at + 2;
        }
        at + 1
    }

    fn read_use(&mut self, tokens: &[TokenTree], at: usize, is_exported: bool) -> usize {
        let length = tokens[at..].iter().take_while(|token| !is_punct(token, ';')).count();
        let mut found = Vec::new();
        leaves(&tokens[at..at + length], &[], &mut found);
        for (path, name) in found {
            let Some(path) = self.absolute(&path) else { continue };
            if is_exported {
                self.exports.push((name, path));
            } else {
                self.uses.insert(path);
            }
        }
        at + length + 1
    }

    /// `crate::a::b` in an expression or a type, and `child::b` in a parent. A path into another crate, or
    /// to a type of this file, ends up at this file and counts for nothing.
    fn read_path(&mut self, tokens: &[TokenTree]) {
        let path = path_at(tokens);
        if path.len() > 1 {
            self.uses.extend(self.absolute(&path));
        }
    }

    /// A path as it is from the root of the crate.
    fn absolute(&self, path: &[String]) -> Option<Segments> {
        if path.first()? == "crate" {
            return Some(path[1..].to_vec());
        }
        let mut whole = self.module.clone();
        for word in path {
            match word.as_str() {
                "self" => {}
                "super" => drop(whole.pop()),
                name => whole.push(name.to_owned()),
            }
        }
        Some(whole)
    }
}

/// The single names of `a::{b, c::{self, d as e}}`, with the name each has here.
fn leaves(tokens: &[TokenTree], before: &[String], found: &mut Vec<(Segments, String)>) {
    for part in tokens.split(|token| is_punct(token, ',')) {
        let mut path = before.to_vec();
        let mut renamed = None;
        let mut is_name = false;
        let mut group = None;
        for token in part {
            match token {
                TokenTree::Ident(word) if *word == "as" => is_name = true,
                TokenTree::Ident(word) if is_name => renamed = Some(word.to_string()),
                TokenTree::Ident(word) => path.push(word.to_string()),
                TokenTree::Punct(punct) if punct.as_char() == '*' => path.push("*".into()),
                TokenTree::Group(inner) => group = Some(inner.stream()),
                _ => {}
            }
        }
        if let Some(group) = group {
            leaves(&group.into_iter().collect::<Vec<_>>(), &path, found);
            continue;
        }
        if path.len() > before.len().max(1) && path.last().is_some_and(|word| word == "self") {
            path.pop();
        }
        if let Some(last) = path.last() {
            let name = renamed.unwrap_or_else(|| last.clone());
            found.push((path, name));
        }
    }
}

/// The words of a path that begins here.
fn path_at(tokens: &[TokenTree]) -> Segments {
    let mut path = Vec::new();
    let mut at = 0;
    while let Some(TokenTree::Ident(word)) = tokens.get(at) {
        path.push(word.to_string());
        let goes_on = tokens.get(at + 1).is_some_and(|token| is_punct(token, ':'))
            && tokens.get(at + 2).is_some_and(|token| is_punct(token, ':'));
        if !goes_on {
            break;
        }
        at += 3;
    }
    path
}

/// Whether the tokens before end with `::`, so that a word is not the first of its path.
fn follows_path(before: &[TokenTree]) -> bool {
    before.last().is_some_and(|token| is_punct(token, ':'))
        && before.len() > 1
        && is_punct(&before[before.len() - 2], ':')
}

/// Whether the tokens before a `use` end with `pub`, `pub(super)` or the like.
fn is_exported(before: &[TokenTree]) -> bool {
    let is_pub =
        |token: Option<&TokenTree>| matches!(token, Some(TokenTree::Ident(w)) if *w == "pub");
    match before.last() {
        Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Parenthesis => {
            is_pub(before.len().checked_sub(2).and_then(|at| before.get(at)))
        }
        last => is_pub(last),
    }
}

/// `#[cfg(test)]`, or with conditions beside it.
fn is_cfg_test(tokens: &[TokenTree]) -> bool {
    let [first, TokenTree::Group(attribute), ..] = tokens else { return false };
    let text: String =
        attribute.stream().to_string().chars().filter(|c| !c.is_whitespace()).collect();
    is_punct(first, '#') && (text == "cfg(test)" || text.starts_with("cfg(all(test,"))
}

/// Behind the item that begins here: its `;` or its braces.
fn end_of_item(tokens: &[TokenTree], from: usize) -> usize {
    let ends = |token: &TokenTree| match token {
        TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
        token => is_punct(token, ';'),
    };
    // `use a::{b};` ends with its semicolon.
    let is_use = matches!(tokens.get(from), Some(TokenTree::Ident(word)) if *word == "use");
    let length = tokens[from..]
        .iter()
        .position(|token| if is_use { is_punct(token, ';') } else { ends(token) });
    length.map_or(tokens.len(), |length| from + length + 1)
}

fn is_punct(token: &TokenTree, wanted: char) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == wanted)
}

/// `http/head_tests.rs` is compiled for tests alone.
fn is_test(path: &Path) -> bool {
    path.file_stem()
        .is_some_and(|stem| stem == "tests" || stem.to_string_lossy().ends_with("_tests"))
}

fn module_of(path: &Path) -> Segments {
    let mut module: Segments =
        path.with_extension("").iter().map(|part| part.to_string_lossy().into_owned()).collect();
    if module.last().is_some_and(|last| matches!(last.as_str(), "mod" | "lib" | "main")) {
        module.pop();
    }
    module
}

/// Every Rust file below a folder.
pub fn rust_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|ext| ext == "rs") {
            found.push(path);
        }
    }
}
