//! What the documentation shows is what the project holds.

use std::path::Path;

fn read(path: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

#[test]
fn the_module_in_the_readme_is_the_one_that_is_built() {
    let readme = read("README.md");
    let shown = readme.split("```c\n").nth(1).and_then(|rest| rest.split("```").next());
    assert_eq!(shown, Some(read("ffi-examples/hello/hello.c").as_str()));
}

#[test]
fn links_between_documents_lead_somewhere() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut documents = vec![root.join("README.md"), root.join("ffi-examples/README.md")];
    documents.extend(std::fs::read_dir(root.join("docs")).unwrap().map(|entry| entry.unwrap().path()));
    for document in documents {
        let text = std::fs::read_to_string(&document).unwrap();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if !link.starts_with("http") {
                let (file, heading) = link.split_once('#').unwrap_or((link, ""));
                let target = if file.is_empty() { document.clone() } else { document.with_file_name(file) };
                assert!(target.exists(), "{} links to {link}", document.display());
                let found = heading.is_empty() || headings(&target).any(|name| name == heading);
                assert!(found, "{} links to {link}, which has no such heading", document.display());
            }
        }
    }
}

/// The names by which links lead to a document's headings.
fn headings(document: &Path) -> impl Iterator<Item = String> {
    let text = std::fs::read_to_string(document).unwrap();
    let name = |line: &str| {
        let words = line.strip_prefix('#')?.trim_start_matches('#').trim().to_lowercase();
        let kept = words.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
        Some(kept.map(|c| if c == ' ' { '-' } else { c }).collect())
    };
    text.lines().filter_map(name).collect::<Vec<String>>().into_iter()
}
