//! As much of Rust's grammar as it takes to see what a file imports.

use std::collections::BTreeSet;

/// What a file says about other files; what stands under `#[cfg(test)]` is left out.
#[derive(Default)]
pub(crate) struct Paths {
    /// The modules that it declares: `mod a;`.
    pub(crate) modules: Vec<String>,
    /// What it imports, and what it names by a path of more than one part.
    pub(crate) imports: BTreeSet<Vec<String>>,
    /// What it hands on by `pub use` (in any visibility), under which name.
    pub(crate) reexports: Vec<(String, Vec<String>)>,
}

impl Paths {
    pub(crate) fn of(text: &str) -> Self {
        let tokens = without_tests(&tokens(text));
        let mut paths = Self::default();
        // The depth of braces at which each inline module around the token ends.
        let (mut inline, mut depth) = (Vec::new(), 0);
        let mut at = 0;
        while at < tokens.len() {
            let next = |ahead: usize| tokens.get(at + ahead).map_or("", String::as_str);
            match (next(0), next(1)) {
                ("{", _) => depth += 1,
                ("}", _) => {
                    depth -= 1;
                    inline.retain(|end| *end < depth + 1);
                }
                ("mod", name) if next(2) == ";" => paths.modules.push(name.to_owned()),
                ("mod", _) if next(2) == "{" => inline.push(depth + 1),
                ("use", after) if after != "<" => {
                    let mut found = Vec::new();
                    let is_public = is_public(&tokens[..at]);
                    at += 1;
                    tree(&tokens, &mut at, &[], &mut found);
                    for (name, path) in found {
                        let path = out_of_inline(path, inline.len());
                        if is_public {
                            paths.reexports.push((name, path));
                        } else {
                            paths.imports.insert(path);
                        }
                    }
                }
                (first, "::") if is_name(first) => {
                    let mut path = vec![first.to_owned()];
                    while next_is_part(&tokens, at) {
                        path.push(tokens[at + 2].clone());
                        at += 2;
                    }
                    paths.imports.insert(out_of_inline(path, inline.len()));
                }
                _ => {}
            }
            at += 1;
        }
        paths
    }
}

/// Whether the token at `at` is followed by `::name`.
fn next_is_part(tokens: &[String], at: usize) -> bool {
    tokens.get(at + 1).is_some_and(|token| token == "::") && tokens.get(at + 2).is_some_and(|t| is_name(t))
}

fn is_name(token: &str) -> bool {
    token.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

/// Whether what comes before an item makes it visible elsewhere: `pub`, `pub(crate)` and the like.
fn is_public(before: &[String]) -> bool {
    match before.last().map(String::as_str) {
        Some("pub") => true,
        Some(")") => {
            let open = before.iter().rposition(|token| token == "(");
            open.and_then(|open| open.checked_sub(1)).is_some_and(|word| before[word] == "pub")
        }
        _ => false,
    }
}

/// A path as the file's own module would say it: in an inline module, `super` is one step less.
fn out_of_inline(mut path: Vec<String>, levels: usize) -> Vec<String> {
    for _ in 0..levels {
        if path.first().is_some_and(|first| first == "super") {
            path.remove(0);
        }
    }
    if path.is_empty() { vec!["self".to_owned()] } else { path }
}

/// Reads one tree of a `use`, from `at` to the token that ends it.
fn tree(tokens: &[String], at: &mut usize, prefix: &[String], found: &mut Vec<(String, Vec<String>)>) {
    let mut path = prefix.to_vec();
    loop {
        match tokens[*at].as_str() {
            "{" => {
                while tokens[*at] != "}" {
                    *at += 1;
                    if tokens[*at] != "}" {
                        tree(tokens, at, &path, found);
                    }
                }
                *at += 1;
                return;
            }
            "::" => {}
            "as" => {
                *at += 1;
                found.push((tokens[*at].clone(), path));
                *at += 1;
                return;
            }
            ";" | "," | "}" => {
                if path.len() > 1 && path.last().is_some_and(|last| last == "self") {
                    path.pop();
                }
                found.push((path.last().cloned().unwrap_or_default(), path));
                return;
            }
            part => path.push(part.to_owned()),
        }
        *at += 1;
    }
}

/// The tokens outside of items that are marked `#[cfg(test)]`.
fn without_tests(tokens: &[String]) -> Vec<String> {
    let mark = ["#", "[", "cfg", "(", "test", ")", "]"];
    let mut kept = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        if tokens[at..].iter().zip(mark).filter(|(token, expected)| *token == expected).count() == mark.len()
        {
            at = end_of_item(tokens, at);
        } else {
            kept.push(tokens[at].clone());
            at += 1;
        }
    }
    kept
}

/// Where the item that begins at `at` is over: behind its `;` or its braces.
fn end_of_item(tokens: &[String], mut at: usize) -> usize {
    let mut depth = 0;
    while at < tokens.len() {
        match tokens[at].as_str() {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" => depth -= 1,
            "}" => {
                depth -= 1;
                if depth == 0 {
                    return at + 1;
                }
            }
            ";" if depth == 0 => return at + 1,
            _ => {}
        }
        at += 1;
    }
    at
}

/// Names, `::` and single signs; neither comments nor literals.
fn tokens(text: &str) -> Vec<String> {
    let signs: Vec<char> = text.chars().collect();
    let mut tokens = Vec::new();
    let mut at = 0;
    while at < signs.len() {
        let next = |ahead: usize| signs.get(at + ahead).copied().unwrap_or('\0');
        let start = at;
        match (next(0), next(1)) {
            ('/', '/') => at = end_of(&signs, at, "\n"),
            ('/', '*') => at = end_of(&signs, at, "*/"),
            ('"', _) => at = end_of_string(&signs, at + 1),
            ('r', '"' | '#') if raw_string(&signs, at + 1).is_some() => {
                at = raw_string(&signs, at + 1).unwrap_or(at);
            }
            ('\'', '\\') => at = end_of(&signs, at + 3, "'"),
            ('\'', _) if next(2) == '\'' => at += 3,
            (':', ':') => {
                tokens.push("::".to_owned());
                at += 2;
            }
            (sign, _) if sign.is_alphanumeric() || sign == '_' => {
                while at < signs.len() && (signs[at].is_alphanumeric() || signs[at] == '_') {
                    at += 1;
                }
                // b"…" and br"…" are literals too.
                if !matches!(signs.get(at), Some('"' | '#')) || at - start > 2 || signs[start] != 'b' {
                    tokens.push(signs[start..at].iter().collect());
                } else if signs[at - 1] == 'r' {
                    at = raw_string(&signs, at).unwrap_or(at);
                }
            }
            (sign, _) => {
                if !sign.is_whitespace() {
                    tokens.push(sign.to_string());
                }
                at += 1;
            }
        }
    }
    tokens
}

/// Behind the next `what` from `at` on.
fn end_of(signs: &[char], at: usize, what: &str) -> usize {
    let what: Vec<char> = what.chars().collect();
    let found = signs.get(at..).unwrap_or_default().windows(what.len()).position(|window| window == what);
    found.map_or(signs.len(), |found| at + found + what.len())
}

fn end_of_string(signs: &[char], mut at: usize) -> usize {
    while at < signs.len() && signs[at] != '"' {
        at += if signs[at] == '\\' { 2 } else { 1 };
    }
    at + 1
}

/// Behind a raw string whose `#` or `"` is at `at`, if it is one.
fn raw_string(signs: &[char], at: usize) -> Option<usize> {
    let hashes = signs[at..].iter().take_while(|sign| **sign == '#').count();
    let is_string = signs.get(at + hashes) == Some(&'"');
    is_string.then(|| end_of(signs, at + hashes + 1, &format!("\"{}", "#".repeat(hashes))))
}

#[test]
fn imports_are_read_out_of_a_file() {
    let text = r##"
        //! use crate::comment::X;
        mod child;
        pub(crate) use child::{Thing, other as renamed};
        use crate::{a::{self, B}, c::*};
        use std::fs;
        const TEXT: &str = "use crate::text::X; \" // ";
        const RAW: &str = r#"use crate::raw::X; ""#;
        const SIGNS: (char, char, &[u8]) = ('"', '\'', b"use crate::bytes::X");
        fn inline<'a>(x: &'a str) { super::up::call::<u8>(child::make(x)) }
        mod within { use super::super::above; use super::beside; }
        #[cfg(test)]
        mod tests { use crate::tests_only::X; fn f(a: [u8; 3]) { crate::tests_too::x() } }
        fn after() { crate::after::x() }
    "##;
    let Paths { modules, imports, reexports } = Paths::of(text);
    let found: Vec<String> = imports.iter().map(|path| path.join("::")).collect();
    assert_eq!(modules, ["child"]);
    let expected = [
        "beside",
        "child::make",
        "crate::a",
        "crate::a::B",
        "crate::after::x",
        "crate::c::*",
        "std::fs",
        "super::above",
        "super::up::call",
    ];
    assert_eq!(found, expected);
    let handed_on: Vec<String> =
        reexports.iter().map(|(name, path)| format!("{name}={}", path.join("::"))).collect();
    assert_eq!(handed_on, ["Thing=child::Thing", "renamed=child::other"]);
}
