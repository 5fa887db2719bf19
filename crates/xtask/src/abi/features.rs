//! One C file, one feature: what a static library exports and needs with one feature on, and with one off.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::thread;
use std::time::Instant;

use super::binary::{Runtime, Symbols, c_library};
use super::{Abi, Result, symbols};
use crate::features::{self, Features};
use crate::target;

/// Builds and compares all of them. The number of libraries that are as they must be, and what is wrong with
/// the others, a line each.
pub fn check(root: &Path) -> Result<(usize, Vec<String>)> {
    let abi = Abi::load(root)?;
    let features = Features::load()?;
    let mut wrong = unswitched(&abi, &features);
    let mut right = usize::from(wrong.is_empty());
    let surroundings = Surroundings { runtime: Runtime::load()?, c_library: c_library()? };
    let all: Vec<&str> =
        abi.replaced.files.values().map(String::as_str).filter(|it| *it != "embedded").collect();
    let alone = all.iter().map(|one| (format!("{one} alone"), vec![one.to_string()]));
    let others = |one| all.iter().filter(|it| *it != one).map(ToString::to_string).collect();
    let without = all.iter().map(|one| (format!("all but {one}"), others(one)));
    let libraries = Mutex::new(alone.chain(without));
    // The compiler uses more than one core only now and then.
    let workshops = (0..WORKSHOPS).map(|number| match number {
        0 => target(),
        _ => target().join(format!("workshop-{number}")),
    });
    let work = |workshop: PathBuf| {
        let mut verdicts = Vec::new();
        // A statement of its own, so that the lock is held for no longer.
        while let Some((name, on)) = { libraries.lock().expect("nobody panics here").next() } {
            let start = Instant::now();
            let said = features::build(&workshop, &on)
                .map_err(|said| format!("{name} does not build: {said}").into())
                .and_then(|library| examine(&abi, &surroundings, &name, &library, on))
                .unwrap_or_else(|error| vec![error.to_string()]);
            let verdict = if said.is_empty() { "ok" } else { "FAILED" };
            println!("{name} ... {verdict} in {:.1} s", start.elapsed().as_secs_f32());
            verdicts.push(said);
        }
        verdicts
    };
    let verdicts = thread::scope(|scope| {
        let workers: Vec<_> = workshops.map(|workshop| scope.spawn(|| work(workshop))).collect();
        let verdicts = workers.into_iter().map(|worker| worker.join().expect("nobody panics here"));
        verdicts.collect::<Vec<_>>()
    });
    for said in verdicts.into_iter().flatten() {
        right += usize::from(said.is_empty());
        wrong.extend(said);
    }
    Ok((right, wrong))
}

/// How many libraries are built at a time, each in a target folder of its own.
const WORKSHOPS: usize = 2;

/// What may be around a library without being DAOS's.
struct Surroundings {
    runtime: Runtime,
    c_library: BTreeSet<String>,
}

/// Every C file of the engine has a feature of its name, and each feature that is no bundle a C file.
fn unswitched(abi: &Abi, features: &Features) -> Vec<String> {
    let mut wrong = Vec::new();
    let files: BTreeSet<&str> =
        abi.facts.symbols.values().filter_map(|symbol| symbol.file.as_deref()).collect();
    for file in files.iter().filter(|file| file.starts_with("engine/")) {
        let feature = file.trim_start_matches("engine/").trim_end_matches(".c").replace(['_', '.'], "-");
        if abi.replaced.files.get(*file) != Some(&feature) {
            wrong.push(format!("{file}: abi/replaced.json does not give it the feature {feature}"));
        }
        if !features.of_bundle("engine").contains(&feature) {
            wrong.push(format!("{file}: the bundle `engine` has no feature {feature}"));
        }
    }
    for feature in features.single() {
        if feature != "system" && !abi.replaced.files.values().any(|it| it == feature) {
            wrong.push(format!("feature {feature}: abi/replaced.json gives it no C file"));
        }
    }
    wrong
}

/// What is wrong with the library `name` that has the features `on`.
fn examine(
    abi: &Abi,
    around: &Surroundings,
    name: &str,
    library: &Path,
    on: Vec<String>,
) -> Result<Vec<String>> {
    let symbols = Symbols::of_archive(library)?.without_runtime(&around.runtime);
    let on = on.into_iter().collect();
    let mut wrong = Vec::new();
    symbols::compare(abi, &on, name, &symbols, &mut wrong);
    for needed in symbols.undefined.iter().filter(|needed| !around.c_library.contains(*needed)) {
        // What is already said of the file is not repeated for its symbols.
        let file = abi.facts.symbols.get(needed).and_then(|symbol| symbol.file.as_deref());
        if wrong.iter().any(|said| file.is_some_and(|file| said.ends_with(file))) {
            continue;
        }
        if let Some(why) = must_not_need(abi, &on, needed) {
            wrong.push(format!("{name} needs {needed}, {why}"));
        }
    }
    Ok(wrong)
}

/// Why a library with the features `on` must not leave a symbol to others.
fn must_not_need(abi: &Abi, on: &BTreeSet<String>, name: &str) -> Option<&'static str> {
    if let Some(symbol) = abi.facts.symbols.get(name) {
        let feature = abi.replaced.feature_of(symbol.file.as_deref());
        return feature.is_some_and(|it| on.contains(it)).then_some("which is of a file that it replaces");
    }
    let of_a_library = abi.facts.uses.values().any(|used| used.contains(name));
    let of_a_dependency = abi.declarations.symbols.get(name).is_some_and(|file| file == Path::new("deps.rs"));
    (!of_a_library && !of_a_dependency).then_some("which no library of the facts has")
}
