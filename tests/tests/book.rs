//! The book against what it is about: its links and paths lead somewhere, its tables say what the code says.

use std::collections::BTreeSet;

use paidonce_model::scenario::Scenario;
use paidonce_model::trace::TRACE_VERSION;
use paidonce_model::{Claim, When};
use paidonce_protocol::catalogue::PROTOCOLS;
use paidonce_protocol::{Error, Guard};
use paidonce_sqlx::audit::{AUDITS, Audit};
use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};

/// What is read as part of the book: its pages, and what stands at the top level.
fn pages() -> Vec<String> {
    let is_page = |file: &String| file.ends_with(".md") && (file.starts_with("docs/") || !file.contains('/'));
    paidonce_tests::files().into_iter().filter(is_page).collect()
}

fn text(file: &str) -> String {
    paidonce_tests::text(file).unwrap_or_else(|| panic!("{file} is not UTF-8"))
}

fn events(markdown: &str) -> Parser<'_> {
    Parser::new_ext(markdown, Options::ENABLE_TABLES)
}

/// Where a page's links and images lead that stay in the repository.
fn links(markdown: &str) -> Vec<String> {
    let links = events(markdown).filter_map(|event| match event {
        Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => Some(dest_url.to_string()),
        _ => None,
    });
    links.filter(|link| !link.contains("://") && !link.starts_with("mailto:")).collect()
}

/// What a page sets in code font.
fn code(markdown: &str) -> Vec<String> {
    let code =
        events(markdown).filter_map(|event| if let Event::Code(code) = event { Some(code.to_string()) } else { None });
    code.collect()
}

/// A page's headings as a book names them in a link: `#four-kinds-of-error`.
fn anchors(markdown: &str) -> BTreeSet<String> {
    let (mut anchors, mut heading) = (BTreeSet::new(), None);
    for event in events(markdown) {
        match event {
            Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
            Event::End(TagEnd::Heading(_)) => {
                let kept = |c: char| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_');
                let title: String = heading.take().unwrap_or_default().chars().filter(|c| kept(*c)).collect();
                anchors.insert(title.to_lowercase().replace(' ', "-"));
            }
            Event::Text(part) | Event::Code(part) => {
                if let Some(heading) = &mut heading {
                    *heading += &part;
                }
            }
            _ => {}
        }
    }
    anchors
}

/// The file that a link on this page leads to: `docs/a/b.md` and `../c.md#d` make `docs/c.md`.
fn target(page: &str, link: &str) -> String {
    let path = link.split('#').next().unwrap_or_default();
    if path.is_empty() {
        return page.to_owned();
    }
    let mut parts: Vec<&str> = page.split('/').collect();
    parts.pop();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => drop(parts.pop()),
            _ => parts.push(part),
        }
    }
    parts.join("/")
}

/// A file, or a folder with files in it.
fn exists(files: &[String], path: &str) -> bool {
    let folder = format!("{}/", path.trim_end_matches('/'));
    files.iter().any(|file| file == path || file.starts_with(&folder))
}

#[test]
fn every_link_leads_to_a_file_and_a_heading_of_this_repository() {
    let files = paidonce_tests::files();
    let mut broken = Vec::new();
    for page in pages() {
        for link in links(&text(&page)) {
            let target = target(&page, &link);
            let anchor = link.split_once('#').map(|(_, anchor)| anchor);
            let has_anchor = |anchor: &str| !target.ends_with(".md") || anchors(&text(&target)).contains(anchor);
            if !exists(&files, &target) || !anchor.is_none_or(has_anchor) {
                broken.push(format!("{page}: {link}"));
            }
        }
    }
    assert!(broken.is_empty(), "these links lead nowhere:\n{}", broken.join("\n"));
}

#[test]
fn every_path_in_code_font_is_there() {
    let files = paidonce_tests::files();
    let is_path = |code: &str| {
        let first = code.split_once('/').map(|(first, _)| first);
        first.is_some_and(|first| ["protocol", "model", "impl", "sim", "tests", "specs", "docs"].contains(&first))
            && !code.contains([' ', '*', '<'])
    };
    let mut missing = Vec::new();
    for page in pages() {
        let paths = code(&text(&page)).into_iter().filter(|code| is_path(code) && !exists(&files, code));
        missing.extend(paths.map(|path| format!("{page}: {path}")));
    }
    assert!(missing.is_empty(), "these are not in the repository:\n{}", missing.join("\n"));
}

#[test]
fn the_summary_lists_every_page_and_no_other() {
    let is_page = |file: &String| file.starts_with("docs/") && file != "docs/SUMMARY.md";
    let pages: BTreeSet<String> = pages().into_iter().filter(is_page).collect();
    let listed = links(&text("docs/SUMMARY.md"));
    let listed: Vec<String> = listed.iter().map(|link| target("docs/SUMMARY.md", link)).collect();
    let once: BTreeSet<String> = listed.iter().cloned().collect();
    assert_eq!(once.len(), listed.len(), "a page is listed twice");
    assert_eq!(once, pages);
}

#[test]
fn decisions_are_numbered_without_a_gap() {
    let files = paidonce_tests::files();
    let decisions: Vec<&str> = files.iter().filter_map(|file| file.strip_prefix("docs/decisions/")).collect();
    for (place, file) in decisions.iter().enumerate() {
        let number = place + 1;
        assert!(file.starts_with(&format!("{number:04}-")), "{file} should be number {number:04}");
        let title = text(&format!("docs/decisions/{file}"));
        assert!(title.starts_with(&format!("# {number}. ")), "{file}: its title begins with `# {number}. `");
    }
}

#[test]
fn every_protocol_has_a_page_that_names_its_source_its_schema_and_its_steps() {
    for protocol in &PROTOCOLS {
        let page = format!("docs/catalogue/{}.md", protocol.name);
        let text = text(&page);
        let code: BTreeSet<String> = code(&text).into_iter().collect();
        assert!(text.starts_with(&format!("# {}\n\n*{},", protocol.name, protocol.id)), "{page}: its first lines");
        assert!(code.contains(protocol.schema.name()), "{page}: its schema is {}", protocol.schema.name());
        for statement in protocol.statements {
            assert!(code.contains(statement.name), "{page}: it may send `{}`", statement.name);
        }
    }
}

/// The cells of the rows of a page's tables, their code marks left out.
fn table_rows(markdown: &str) -> Vec<Vec<String>> {
    let (mut rows, mut cells) = (Vec::new(), Vec::new());
    for event in events(markdown) {
        match event {
            Event::Start(Tag::TableCell) => cells.push(String::new()),
            Event::End(TagEnd::TableRow) => rows.push(std::mem::take(&mut cells)),
            Event::End(TagEnd::TableHead) => cells.clear(),
            Event::Text(part) | Event::Code(part) => {
                if let Some(cell) = cells.last_mut() {
                    *cell += &part;
                }
            }
            _ => {}
        }
    }
    rows
}

#[test]
fn every_guard_stands_on_its_protocols_page_with_the_claim_that_falls_without_it() {
    for protocol in &PROTOCOLS {
        let rows = table_rows(&text(&format!("docs/catalogue/{}.md", protocol.name)));
        for guard in Guard::ALL.iter().filter(|guard| guard.protocol() == protocol.name) {
            let row = rows.iter().find(|row| row[0] == guard.name());
            let row = row.unwrap_or_else(|| panic!("{}: no row for the guard {}", protocol.name, guard.name()));
            let second_line_to = guard.second_line_to().map_or("", Guard::name);
            assert_eq!(row[2..], [second_line_to, guard.claim()], "{}: the row of {}", protocol.name, guard.name());
        }
    }
}

#[test]
fn the_table_of_claims_is_the_one_of_the_code() {
    let listed = table_rows(&text("docs/claims.md"));
    let expected = Claim::ALL.iter().map(|claim| {
        let when = match claim.when() {
            When::Always => "always",
            When::AtRest => "at rest",
            When::EachStep => "at each step",
        };
        let audit = AUDITS.iter().find(|audit| audit.claim == claim.name());
        let audit = match audit.unwrap_or_else(|| panic!("{} has no entry among the audits", claim.name())).audit {
            Audit::Query { .. } => "yes",
            Audit::None { .. } => "no",
        };
        vec![claim.name().to_owned(), when.to_owned(), audit.to_owned()]
    });
    assert_eq!(listed, expected.collect::<Vec<_>>());
    let text = text("docs/claims.md");
    for claim in Claim::ALL {
        assert!(text.contains(&format!("\n**`{}`.**", claim.name())), "{} is not told in words", claim.name());
    }
}

#[test]
fn the_table_of_errors_is_the_one_of_the_code() {
    let rows = table_rows(&text("docs/architecture.md"));
    let kinds = |row: &Vec<String>| Error::from_name(&row[0]);
    assert_eq!(rows.iter().filter_map(kinds).collect::<Vec<_>>(), Error::ALL);
}

#[test]
fn the_example_of_a_scenario_is_one() {
    let page = text("docs/scenarios.md");
    let mut example = None;
    for event in events(&page) {
        match event {
            Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(kind))) if &*kind == "toml" => {
                example = Some(String::new())
            }
            Event::Text(part) if example.is_some() => {
                example = Some(part.to_string());
                break;
            }
            _ => {}
        }
    }
    let example = example.expect("the page has an example");
    if let Err(error) = Scenario::from_toml("example.toml", &example) {
        panic!("{error}");
    }
}

#[test]
fn the_version_of_traces_is_the_one_of_the_code() {
    let rows = table_rows(&text("docs/trace.md"));
    let version = rows.iter().find(|row| row[0] == "version").map(|row| row[1].clone());
    assert_eq!(version, Some(TRACE_VERSION.to_string()));
}

#[test]
fn what_is_wrong_on_a_page_is_found() {
    let page =
        "# A `b` c?\n\n[x](../y.md#a-b-c) ![p](p.svg) [w](https://example.com) `specs/z`\n\n|h|i|\n|-|-|\n|`a`|b|\n";
    assert_eq!(links(page), ["../y.md#a-b-c", "p.svg"]);
    assert_eq!(anchors(page), BTreeSet::from(["a-b-c".to_owned()]));
    assert_eq!(code(page), ["b", "specs/z", "a"]);
    assert_eq!(table_rows(page), [["a", "b"]]);
    assert_eq!(target("docs/a/b.md", "../c.md#d"), "docs/c.md");
    assert_eq!(target("README.md", "docs/c.md"), "docs/c.md");
    assert_eq!(target("docs/c.md", "#d"), "docs/c.md");
    assert_eq!(target("docs/c.md", "../../elsewhere.md"), "../elsewhere.md");
    let files = ["specs/a/b.sql".to_owned()];
    assert!(exists(&files, "specs/a/") && exists(&files, "specs/a") && exists(&files, "specs/a/b.sql"));
    assert!(!exists(&files, "specs/a/b") && !exists(&files, "spec"));
}
