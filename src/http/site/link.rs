//! Joins the modules of the first screen into one, and its styles into one, while the files themselves stay as they
//! are written: there is no build step, and over a slow line it is the number of requests that takes the time.
//!
//! A module becomes a function that returns what it exports, after those that it imports:
//!
//! ```text
//! const $ui$base$each_js = (() => {
//! ...
//! return { each };
//! })();
//! ```
//!
//! Only lines that begin with `import` or `export` and calls of `import` change, and no line is added within a module,
//! so a source map can name the line of the file. Modules that are loaded later stay files of their own and take what
//! they import of the first ones from the joined module. This means the same as long as what a module exports never
//! changes and the first modules do not import each other in a circle. Those, and everything else that would mean
//! something else in a function, are errors, and then all files are served as they are.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use serde_json::json;

use super::syntax::{check_joined, resolve, statements};

/// The files by name.
pub(super) type Files = BTreeMap<String, Bytes>;

/// The module that begins everything.
const ENTRY: &str = "app.js";
const STYLES: &str = "css/app.css";
const MAP: &str = "app.js.map";

/// The files that take the place of those that are written: the joined ones, and the modules that use them.
pub(super) fn link(files: &Files) -> Result<Files, String> {
    let modules = Modules::of(files)?;
    let mut linked = modules.joined()?;
    for name in files.keys().filter(|name| name.ends_with(".js")) {
        if !modules.first.contains(name) {
            linked.insert(name.clone(), modules.later(name)?.into());
        }
    }
    linked.insert(STYLES.to_owned(), styles(files)?.into());
    Ok(linked)
}

/// The modules of the first screen, in the order in which they run.
struct Modules<'a> {
    files: &'a Files,
    first: Vec<String>,
}

/// A module whose imports and exports are rewritten.
struct Rewritten {
    text: String,
    /// Modules of the first screen that it uses.
    uses: BTreeSet<String>,
    exports: Vec<String>,
}

impl<'a> Modules<'a> {
    fn of(files: &'a Files) -> Result<Self, String> {
        let mut modules = Self { files, first: Vec::new() };
        modules.visit(ENTRY, &mut Vec::new())?;
        let variables: BTreeSet<_> = modules.first.iter().map(|name| variable(name)).collect();
        if variables.len() == modules.first.len() {
            Ok(modules)
        } else {
            Err("two modules have nearly the same name".to_owned())
        }
    }

    fn visit(&mut self, name: &str, way: &mut Vec<String>) -> Result<(), String> {
        if self.first.iter().any(|each| each == name) {
            return Ok(());
        }
        if way.iter().any(|each| each == name) {
            return Err(format!("{name} imports itself by a detour"));
        }
        way.push(name.to_owned());
        for (_, import) in statements(self.text(name)?)?.0 {
            self.visit(&resolve(name, import.from)?, way)?;
        }
        way.pop();
        self.first.push(name.to_owned());
        Ok(())
    }

    fn text(&self, name: &str) -> Result<&'a str, String> {
        let bytes = self.files.get(name).ok_or_else(|| format!("{name} is missing"))?;
        std::str::from_utf8(bytes).map_err(|_| format!("{name} is not UTF-8"))
    }

    /// The joined module, and the map that finds the files behind its lines.
    fn joined(&self) -> Result<Files, String> {
        let (mut text, mut sections) = (String::new(), Vec::new());
        let mut line = 0;
        for name in &self.first {
            let module = self.rewrite(name, Place::Joined)?;
            text += &format!("const {} = (() => {{\n{}", variable(name), module.text);
            text += &format!("return {{ {} }};\n}})();\n", module.exports.join(", "));
            sections.push(section(name, self.text(name)?, line + 1));
            line += module.text.lines().count() + 3;
        }
        let variables: Vec<_> = self.first.iter().map(|name| variable(name)).collect();
        text += &format!("export {{ {} }};\n", variables.join(", "));
        text += &format!("//# sourceMappingURL={MAP}\n");
        let map = json!({"version": 3, "file": ENTRY, "sections": sections});
        let files = [(ENTRY, text), (MAP, map.to_string())];
        Ok(files.into_iter().map(|(name, text)| (name.to_owned(), text.into())).collect())
    }

    /// A module that is loaded later. Its lines stay where they are.
    fn later(&self, name: &str) -> Result<String, String> {
        let module = self.rewrite(name, Place::Own)?;
        if module.uses.is_empty() {
            return Ok(module.text);
        }
        let variables: Vec<_> = module.uses.iter().map(|used| variable(used)).collect();
        let up = "../".repeat(name.matches('/').count());
        let up = if up.is_empty() { "./" } else { &up };
        Ok(format!("import {{ {} }} from \"{up}{ENTRY}\"; {}", variables.join(", "), module.text))
    }

    fn rewrite(&self, name: &str, place: Place) -> Result<Rewritten, String> {
        let text = self.text(name)?;
        let (imports, exports) = statements(text)?;
        if place == Place::Joined {
            check_joined(name, text, &exports)?;
        }
        let mut module = Rewritten { text: String::new(), uses: BTreeSet::new(), exports };
        let lines: Vec<&str> = text.lines().collect();
        let mut at = 0;
        while let Some(&line) = lines.get(at) {
            match imports.get(&at) {
                Some(import) => {
                    let from = resolve(name, import.from)?;
                    if self.first.contains(&from) {
                        import.check_exported(&statements(self.text(&from)?)?.1)?;
                        module.text += &import.taken_from(&variable(&from));
                        if import.is_passed_on && place == Place::Own {
                            module.text += &format!(" export {};", import.names);
                        }
                        module.uses.insert(from);
                    } else {
                        module.text += &lines[at..at + import.lines].join(" ");
                    }
                    module.text += &"\n".repeat(import.lines);
                    at += import.lines;
                    continue;
                }
                None if place == Place::Joined => match line.strip_prefix("export ") {
                    Some(list) if list.starts_with('{') => {}
                    exported => module.text += exported.unwrap_or(line),
                },
                None => module.text += line,
            }
            module.text.push('\n');
            at += 1;
        }
        self.rewrite_calls(name, place, &mut module)?;
        Ok(module)
    }

    /// What is imported by a call is a file of its own, at another address as seen from the joined module; what is
    /// there anyway is not loaded again. (Types in comments look the same, and do not matter.)
    fn rewrite_calls(
        &self,
        name: &str,
        place: Place,
        module: &mut Rewritten,
    ) -> Result<(), String> {
        const CALL: &str = "import(\"";
        let mut text = String::with_capacity(module.text.len());
        let mut rest = module.text.as_str();
        while let Some((before, after)) = rest.split_once(CALL) {
            let (from, after) = after.split_once("\")").ok_or("an import does not end")?;
            let target = resolve(name, from)?;
            text += before;
            if self.first.contains(&target) {
                text += &format!("Promise.resolve({})", variable(&target));
                module.uses.insert(target);
            } else if place == Place::Joined {
                text += &format!("{CALL}./{target}\")");
            } else {
                text += &format!("{CALL}{from}\")");
            }
            rest = after;
        }
        text += rest;
        if text.match_indices("import(").any(|(at, call)| !text[at + call.len()..].starts_with('"'))
        {
            return Err(format!("{name} imports by a name that is not known"));
        }
        module.text = text;
        Ok(())
    }
}

/// Where a module ends up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Inside of the joined module.
    Joined,
    /// In a file of its own.
    Own,
}

/// The variable for what a module exports.
fn variable(name: &str) -> String {
    let letter = |letter: char| match letter {
        '/' => '$',
        letter if letter.is_ascii_alphanumeric() => letter,
        _ => '_',
    };
    format!("${}", name.chars().map(letter).collect::<String>())
}

/// The part of the source map for one module: each line is that of the file.
fn section(name: &str, text: &str, line: usize) -> serde_json::Value {
    let mappings = format!("AAAA{}", ";AACA".repeat(text.lines().count().saturating_sub(1)));
    json!({
        "offset": {"line": line, "column": 0},
        "map": {"version": 3, "sources": [name], "sourcesContent": [text], "names": [], "mappings": mappings},
    })
}

/// The styles, each in the place of the line that imports it.
fn styles(files: &Files) -> Result<String, String> {
    let text = |name: &str| {
        let bytes = files.get(name).ok_or_else(|| format!("{name} is missing"))?;
        std::str::from_utf8(bytes).map_err(|_| format!("{name} is not UTF-8"))
    };
    let mut joined = String::new();
    for line in text(STYLES)?.lines() {
        match line.strip_prefix("@import \"").and_then(|rest| rest.strip_suffix("\";")) {
            Some(from) => joined += text(&resolve(STYLES, from)?)?,
            None => joined += line,
        }
        joined.push('\n');
    }
    // One that is left would stand behind other rules, where it has no effect.
    if joined.contains("@import") { Err("a style imports others".to_owned()) } else { Ok(joined) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(texts: &[(&str, &str)]) -> Files {
        let texts =
            texts.iter().chain(&[(STYLES, "@import \"a.css\";\n"), ("css/a.css", "a {}\n")]);
        texts.map(|(name, text)| ((*name).to_owned(), text.to_string().into())).collect()
    }

    fn text(files: &Files, name: &str) -> String {
        String::from_utf8(files.get(name).unwrap().to_vec()).unwrap()
    }

    #[test]
    fn modules_run_in_order_inside_of_functions_and_later_ones_take_from_them() {
        let linked = link(&files(&[
            (
                "app.js",
                "/** Begins. */\nimport { one, two as second } from \"./ui/one.js\";\nimport \"./side.js\";\n\
                 one(second, () => import(\"./ui/later.js\"), import(\"./side.js\"));\n",
            ),
            ("side.js", "globalThis.side = true;\nexport {};\n"),
            (
                "ui/one.js",
                "import * as all from \"../side.js\";\nexport const two = 2;\n\
                 export async function one() {\n  return all;\n}\n",
            ),
            (
                "ui/later.js",
                "// Later.\nimport {\n  one,\n  two,\n} from \"./one.js\";\nimport { x } from \"./x.js\";\n\
                 export const y = [one, two, x];\n",
            ),
            ("ui/x.js", "export const x = 1;\n"),
        ]))
        .unwrap();
        let joined = text(&linked, "app.js");
        assert_eq!(
            joined.lines().take_while(|line| !line.starts_with("export")).collect::<Vec<_>>(),
            [
                "const $side_js = (() => {",
                "globalThis.side = true;",
                "",
                "return {  };",
                "})();",
                "const $ui$one_js = (() => {",
                "const all = $side_js;",
                "const two = 2;",
                "async function one() {",
                "  return all;",
                "}",
                "return { two, one };",
                "})();",
                "const $app_js = (() => {",
                "/** Begins. */",
                "const { one, two: second } = $ui$one_js;",
                "",
                "one(second, () => import(\"./ui/later.js\"), Promise.resolve($side_js));",
                "return {  };",
                "})();",
            ]
        );
        assert!(joined.contains("\nexport { $side_js, $ui$one_js, $app_js };\n"));
        assert_eq!(
            text(&linked, "ui/later.js"),
            "import { $ui$one_js } from \"../app.js\"; // Later.\n\
             const { one, two, } = $ui$one_js;\n\n\n\nimport { x } from \"./x.js\";\n\
             export const y = [one, two, x];\n"
        );
        assert_eq!(text(&linked, "ui/x.js"), "export const x = 1;\n");
        assert_eq!(text(&linked, STYLES), "a {}\n\n");
        let map: serde_json::Value = serde_json::from_str(&text(&linked, MAP)).unwrap();
        assert_eq!(map["sections"][1]["offset"]["line"], 6);
        assert_eq!(map["sections"][1]["map"]["sources"][0], "ui/one.js");
    }

    #[test]
    fn what_a_module_passes_on_is_taken_from_where_it_comes_from() {
        let linked = link(&files(&[
            ("app.js", "import { a, b } from \"./one.js\";\na(b);\n"),
            (
                "one.js",
                "import { b } from \"./two.js\";\nexport { b };\nexport { a } from \"./two.js\";\n",
            ),
            ("two.js", "export const a = 1;\nexport const b = 2;\n"),
            ("later.js", "export { a } from \"./two.js\";\n"),
        ]))
        .unwrap();
        let one = "const $one_js = (() => {\nconst { b } = $two_js;\n\nconst { a } = $two_js;\nreturn { b, a };\n})();\n";
        assert!(text(&linked, "app.js").contains(one));
        assert_eq!(
            text(&linked, "later.js"),
            "import { $two_js } from \"./app.js\"; const { a } = $two_js; export { a };\n"
        );
    }

    #[test]
    fn what_cannot_be_joined_is_an_error() {
        for (wrong, why) in [
            ("export let changes = 1;\n", "cannot join"),
            ("export default 1;\n", "cannot join"),
            ("export { a as b };\n", "cannot join"),
            ("export * from \"./a.js\";\n", "cannot join"),
            ("import { a } from \"./missing.js\";\n", "missing"),
            ("import { a } from \"./app.js\";\n", "detour"),
            ("import { a } from \"../../outside.js\";\n", "imports"),
            ("import a from \"./one.js\";\n", "cannot join"),
            ("import {\n  a, // why\n  b,\n} from \"./one.js\";\n", "cannot join"),
            ("import { a } from \"./one.js\"; // why\nconst b = \"b\";\n", "cannot join"),
            ("import { a } from \"./one.js\"; const b = \"b\";\n", "cannot join"),
            ("import { a, c } from \"./one.js\";\n", "does not export c"),
            ("export { a, c } from \"./one.js\";\n", "does not export c"),
            ("let a = 1;\nexport { a };\n", "changes"),
            ("const a = await fetch(\"/\");\n", "waits"),
            ("await fetch(\"/\");\n", "waits"),
            ("import(`./${here}.js`);\n", "not known"),
            ("const here = import.meta.url;\n", "address"),
        ] {
            let one = ("one.js", "export const a = 1, c = 2;\n");
            let error = link(&files(&[("app.js", wrong), one])).unwrap_err();
            assert!(error.contains(why), "{wrong}: {error}");
        }
        let mut styles = files(&[("app.js", "")]);
        styles.insert("css/a.css".to_owned(), "@import \"b.css\";\n".into());
        assert!(link(&styles).unwrap_err().contains("imports others"));
    }
}
