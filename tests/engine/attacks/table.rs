//! The table of attacks in the documentation is this one.

use std::fmt::Write as _;
use std::path::Path;

use super::ATTACKS;
use super::attack::{Blocked, Depends, Open, Outcome};

const BEGIN: &str = "<!-- attacks: begin -->\n";
const END: &str = "<!-- attacks: end -->\n";

fn cell(outcomes: [Outcome; 2]) -> &'static str {
    match outcomes {
        [Blocked, Blocked] => "blocked",
        [Open, Open] => "**open**",
        [Open, Blocked] => "**open** as root",
        [Blocked, Open] => "**open** unless root",
        [Blocked, Depends] | [Depends, Blocked] | [Depends, Depends] => "depends",
        [Open, Depends] | [Depends, Open] => "**open** or depends",
    }
}

fn table() -> String {
    let mut text = String::new();
    for (topic, attacks) in ATTACKS {
        let _ = write!(text, "\n### {topic}\n\n| | namespaces | Landlock only | unconfined |\n|---|---|---|---|\n");
        for attack in attacks {
            let gets = &attack.gets;
            let (namespaces, landlock, none) = (cell(gets.namespaces), cell(gets.landlock), cell(gets.none));
            let _ = writeln!(text, "| {} | {namespaces} | {landlock} | {none} |", attack.name);
        }
    }
    text + "\n"
}

/// `ENGINE_TEST_WRITE_DOCS=1` writes it there.
#[test]
fn the_documentation_has_the_table() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/confinement.md");
    let text = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = text.split_once(BEGIN).unwrap();
    let (_, after) = rest.split_once(END).unwrap();
    let wanted = format!("{before}{BEGIN}{}{END}{after}", table());
    if std::env::var_os("ENGINE_TEST_WRITE_DOCS").is_some() {
        std::fs::write(&path, &wanted).unwrap();
    }
    assert!(
        text == wanted || std::env::var_os("ENGINE_TEST_WRITE_DOCS").is_some(),
        "run it with ENGINE_TEST_WRITE_DOCS=1"
    );
}

#[test]
fn every_attack_has_a_name_of_its_own() {
    let mut names: Vec<_> = ATTACKS.iter().flat_map(|(_, attacks)| *attacks).map(|attack| attack.name).collect();
    let all = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), all);
}
