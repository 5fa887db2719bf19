//! Where DAOS's own libraries are: what the build script tells the linker in system mode.
//!
//! A library is looked for below `DAOS_PREFIX`, where DAOS and what it was built with are installed, then by
//! pkg-config, then where the C compiler looks. All that are missing are named at once, each with what to do.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Whose library it is, and thus what to do when it is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Origin {
    /// DAOS installs it.
    Daos,
    /// DAOS is built with it: its module for pkg-config, its packages for Debian and for RPM.
    Prerequisite { module: &'static str, deb: &'static str, rpm: &'static str },
}

/// A library that the engine links.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Library {
    /// As after `-l`.
    pub name: &'static str,
    /// Whether the engine cannot be linked without it. Others serve the client's objects, or modules that find
    /// them by themselves.
    pub required: bool,
    origin: Origin,
}

const fn daos(name: &'static str) -> Library {
    Library { name, required: true, origin: Origin::Daos }
}

const fn required(name: &'static str, module: &'static str, deb: &'static str, rpm: &'static str) -> Library {
    Library { name, required: true, origin: Origin::Prerequisite { module, deb, rpm } }
}

const fn optional(name: &'static str, module: &'static str, deb: &'static str, rpm: &'static str) -> Library {
    Library { required: false, ..required(name, module, deb, rpm) }
}

/// Storage, which only these files of the engine call.
const STORAGE: [&str; 2] = ["vos_srv", "bio"];
const STORAGE_USERS: [&str; 4] = ["init", "sched", "srv", "ult"];

/// The libraries of the C `daos_engine`, in the order of its link line: who calls comes before who is called.
const LIBRARIES: [Library; 13] = [
    daos("daos_common_pmem"),
    daos("gurt"),
    daos("cart"),
    daos(STORAGE[0]),
    daos(STORAGE[1]),
    required("abt", "argobots", "libabt-dev", "argobots-devel"),
    required("hwloc", "hwloc", "libhwloc-dev", "hwloc-devel"),
    required("protobuf-c", "libprotobuf-c", "libprotobuf-c-dev", "protobuf-c-devel"),
    required("uuid", "uuid", "uuid-dev", "libuuid-devel"),
    optional("pmemobj", "libpmemobj", "libpmemobj-dev", "libpmemobj-devel"),
    optional("isal", "libisal", "libisal-dev", "isa-l-devel"),
    optional("numa", "numa", "libnuma-dev", "numactl-devel"),
    optional("ssl", "libssl", "libssl-dev", "openssl-devel"),
];

/// The libraries that the engine needs with those of its features, named as in Cargo.toml, that `has` names.
pub fn libraries(has: impl Fn(&str) -> bool) -> Vec<Library> {
    let storage = STORAGE_USERS.iter().any(|feature| has(feature));
    let needed = |library: Library| match STORAGE.contains(&library.name) {
        true => Library { required: storage, ..library },
        false => library,
    };
    LIBRARIES.map(needed).to_vec()
}

/// Places where libraries may be.
pub struct Search {
    prefix: Option<PathBuf>,
    elsewhere: Elsewhere,
}

/// The place of a library by its name and its module for pkg-config, when it is not below the prefix.
type Elsewhere = fn(&str, Option<&str>) -> Option<Place>;

/// A folder with a library.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// The linker and programs must be told of it.
    Folder(PathBuf),
    /// They look there by themselves.
    Standard,
}

/// What to tell the linker.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Folders of libraries, and of programs' search path, those of DAOS first.
    pub folders: Vec<PathBuf>,
    /// Names as after `-l`, in order.
    pub names: Vec<&'static str>,
}

/// What is missing; displayed as a sentence for DAOS and one for each other library.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    libraries: Vec<Library>,
    prefix: Option<PathBuf>,
}

impl Search {
    /// Below `prefix` (`DAOS_PREFIX`), by pkg-config, and where the C compiler looks.
    pub fn new(prefix: Option<PathBuf>) -> Self {
        Search { prefix, elsewhere: find_elsewhere }
    }

    /// All of `libraries`, or what is missing.
    pub fn find(&self, libraries: &[Library]) -> Result<Found, Missing> {
        let mut found = Found::default();
        let mut missing = Missing { libraries: Vec::new(), prefix: self.prefix.clone() };
        for library in libraries {
            match self.place_of(library) {
                Some(place) => {
                    found.names.push(library.name);
                    if let Place::Folder(folder) = place
                        && !found.folders.contains(&folder)
                    {
                        found.folders.push(folder);
                    }
                }
                None if library.required => missing.libraries.push(*library),
                None => {}
            }
        }
        if missing.libraries.is_empty() { Ok(found) } else { Err(missing) }
    }

    /// The folder of one library of DAOS's, `lib<name>.so`.
    pub fn find_daos(&self, name: &'static str) -> Option<Place> {
        self.place_of(&daos(name))
    }

    fn place_of(&self, library: &Library) -> Option<Place> {
        let file = format!("lib{}.so", library.name);
        let below = self.prefix.iter().flat_map(|prefix| folders_below(prefix));
        let module = match library.origin {
            Origin::Daos => None,
            Origin::Prerequisite { module, .. } => Some(module),
        };
        below
            .into_iter()
            .find(|folder| folder.join(&file).exists())
            .map(Place::Folder)
            .or_else(|| (self.elsewhere)(library.name, module))
    }
}

/// Where DAOS installs libraries: its own, those for the engine, and those that it was built with
/// (`prereq/<build type>/<name>`).
fn folders_below(prefix: &Path) -> Vec<PathBuf> {
    let parts = ["lib64", "lib64/daos_srv", "lib", "lib/daos_srv"];
    let below = |directory: &Path| parts.map(|part| directory.join(part));
    let inside = |directory: &Path| -> Vec<PathBuf> {
        let mut entries: Vec<_> =
            fs::read_dir(directory).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
        entries.sort();
        entries
    };
    let prerequisites = inside(&prefix.join("prereq")).into_iter().flat_map(|build| inside(&build));
    let all = std::iter::once(prefix.to_owned()).chain(prerequisites);
    all.flat_map(|directory| below(&directory)).collect()
}

/// By pkg-config, then where the C compiler looks.
fn find_elsewhere(name: &str, module: Option<&str>) -> Option<Place> {
    let file = format!("lib{name}.so");
    let told = module.and_then(|module| {
        pkg_config::Config::new().cargo_metadata(false).env_metadata(true).probe(module).ok()
    });
    let standard = compilers_file(&file);
    let mut folders = told.into_iter().flat_map(|library| library.link_paths);
    match folders.find(|folder| folder.join(&file).exists()) {
        // A folder of the system in a program's search path would come before those of DAOS in another's.
        Some(folder) if folder.join(&file).canonicalize().ok() != standard => Some(Place::Folder(folder)),
        _ => standard.map(|_| Place::Standard),
    }
}

/// Where the C compiler finds a file by itself.
fn compilers_file(file: &str) -> Option<PathBuf> {
    let cc = std::env::var_os("CC").unwrap_or_else(|| "cc".into());
    let answer = Command::new(cc).arg(format!("-print-file-name={file}")).output().ok()?;
    // It is a path if there is such a file, and otherwise the name as it was given.
    let path = String::from_utf8(answer.stdout).ok()?;
    Path::new(path.trim()).canonicalize().ok().filter(|_| Path::new(path.trim()).is_absolute())
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut sentences = Vec::new();
        let of_daos = self.libraries.iter().filter(|library| library.origin == Origin::Daos);
        let names: Vec<_> = of_daos.map(|library| format!("lib{}.so", library.name)).collect();
        if !names.is_empty() {
            let names = names.join(", ");
            sentences.push(match &self.prefix {
                None => format!("not found: {names}; set DAOS_PREFIX to where DAOS 2.8 is installed"),
                Some(prefix) => format!(
                    "not found below DAOS_PREFIX={0}: {names}; install DAOS 2.8 there, with its server, so that \
                     there is {0}/lib64/libgurt.so",
                    prefix.display()
                ),
            });
        }
        for library in &self.libraries {
            if let Origin::Prerequisite { module, deb, rpm } = library.origin {
                sentences.push(format!(
                    "not found: lib{}.so; install {deb} (Debian) or {rpm} (RPM), or have PKG_CONFIG_PATH lead to \
                     {module}.pc",
                    library.name
                ));
            }
        }
        f.write_str(&sentences.join(". "))
    }
}

/// The words of `DAOS_ENGINE_OBJECTS` as arguments of the linker: object files as they are, archives whole, shared
/// libraries as needed whoever needs them. Words are separated by white space; `@<file>` stands for the words in that file. An error says which file is
/// not there.
pub fn object_arguments(words: &str) -> Result<Vec<String>, String> {
    let mut arguments = Vec::new();
    for word in words.split_whitespace() {
        if let Some(list) = word.strip_prefix('@') {
            let text = fs::read_to_string(list)
                .map_err(|err| format!("DAOS_ENGINE_OBJECTS names the list {list}: {err}"))?;
            arguments.extend(object_arguments(&text)?);
        } else if !Path::new(word).is_file() {
            return Err(format!("DAOS_ENGINE_OBJECTS names {word}, which is no file"));
        } else if word.ends_with(".a") {
            arguments.push(format!("-Wl,--whole-archive,{word},--no-whole-archive"));
        } else if word.ends_with(".so") {
            arguments.push(format!("-Wl,--no-as-needed,{word},--as-needed"));
        } else {
            arguments.push(word.to_owned());
        }
    }
    Ok(arguments)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder with empty libraries at these paths.
    fn installed(paths: &[&str]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for path in paths {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        root
    }

    fn search(prefix: Option<&Path>, elsewhere: Elsewhere) -> Search {
        Search { prefix: prefix.map(Path::to_owned), elsewhere }
    }

    const ABT: Library = required("abt", "argobots", "libabt-dev", "argobots-devel");

    #[test]
    fn an_installation_has_its_libraries_in_four_places() {
        let root = installed(&[
            "lib64/libgurt.so",
            "lib64/daos_srv/libbio.so",
            "lib/libcart.so",
            "prereq/release/argobots/lib/libabt.so",
        ]);
        let at = |part: &str| root.path().join(part);
        let search = search(Some(root.path()), |_, _| None);
        let found = search.find(&[daos("gurt"), daos("cart"), daos("bio"), ABT]).unwrap();
        let folders = [at("lib64"), at("lib"), at("lib64/daos_srv"), at("prereq/release/argobots/lib")];
        assert_eq!(found.folders, folders);
        assert_eq!(found.names, ["gurt", "cart", "bio", "abt"]);
    }

    #[test]
    fn the_installation_comes_before_the_system() {
        let root = installed(&["lib64/libabt.so"]);
        let system = |_: &str, _: Option<&str>| Some(Place::Standard);
        let own = search(Some(root.path()), system).find(&[ABT]).unwrap();
        assert_eq!(own.folders, [root.path().join("lib64")]);
        let other = search(None, system).find(&[ABT]).unwrap();
        assert_eq!((other.folders.len(), other.names), (0, vec!["abt"]));
    }

    #[test]
    fn prerequisites_are_asked_of_pkg_config_by_their_modules() {
        let found = search(None, |name, module| match (name, module) {
            ("abt", Some("argobots")) => Some(Place::Folder("/opt/abt/lib".into())),
            _ => None,
        })
        .find(&[ABT])
        .unwrap();
        assert_eq!(found.folders, [PathBuf::from("/opt/abt/lib")]);
    }

    #[test]
    fn all_that_is_missing_is_named_with_what_to_do() {
        let nowhere = |_: &str, _: Option<&str>| None;
        let said = search(None, nowhere).find(&LIBRARIES).unwrap_err().to_string();
        assert!(said.starts_with("not found: libdaos_common_pmem.so, libgurt.so, "), "{said}");
        assert!(said.contains("; set DAOS_PREFIX to where"), "{said}");
        assert!(said.contains("install libhwloc-dev (Debian) or hwloc-devel (RPM)"), "{said}");
        assert!(!said.contains("libisal.so"), "what is optional is left out: {said}");
        let prefix = installed(&[]);
        let said = search(Some(prefix.path()), nowhere).find(&[daos("bio")]).unwrap_err().to_string();
        assert!(said.contains(&format!("below DAOS_PREFIX={}", prefix.path().display())), "{said}");
    }

    #[test]
    fn what_is_optional_may_be_missing() {
        let found = search(None, |_, _| None).find(&[optional("isal", "libisal", "", "")]).unwrap();
        assert_eq!(found, Found::default());
    }

    #[test]
    fn storage_is_needed_by_those_who_call_it() {
        let required = |features: &[&str]| {
            let all = libraries(|feature| features.contains(&feature));
            all.iter().find(|library| library.name == "bio").unwrap().required
        };
        assert!(required(&["drpc-handler", "srv"]));
        assert!(!required(&["drpc-handler"]));
    }

    #[test]
    fn a_library_of_the_system_is_found_by_the_compiler() {
        assert_eq!(find_elsewhere("c", None), Some(Place::Standard));
        assert_eq!(find_elsewhere("no-such-library", Some("no-such-module")), None);
    }

    #[test]
    fn archives_of_objects_are_linked_whole_and_lists_are_read() {
        let root = installed(&["a.o", "b.os", "c.a", "libd.so"]);
        let at = |name: &str| root.path().join(name).display().to_string();
        let list = root.path().join("list");
        fs::write(&list, format!("{}\n{}\n", at("b.os"), at("c.a"))).unwrap();
        let words = format!("{} @{} {}", at("a.o"), list.display(), at("libd.so"));
        let whole = format!("-Wl,--whole-archive,{},--no-whole-archive", at("c.a"));
        let shared = format!("-Wl,--no-as-needed,{},--as-needed", at("libd.so"));
        assert_eq!(object_arguments(&words).unwrap(), [at("a.o"), at("b.os"), whole, shared]);
        assert!(object_arguments(&at("d.o")).unwrap_err().contains("d.o, which is no file"));
        assert!(object_arguments("@/no/list").unwrap_err().contains("/no/list"));
    }
}
