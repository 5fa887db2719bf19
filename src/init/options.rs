//! The command line of `daos_engine`.

use super::getopt::{Item, Spec, split};
use std::fmt;
use std::num::IntErrorKind;

/// Longest name of a DAOS system, in bytes: `DAOS_SYS_NAME_MAX` of daos_types.h.
const SYSTEM_NAME_MAX: usize = 15;

/// How many storage tiers an engine may have.
const TIERS: std::ops::RangeInclusive<u32> = 1..=4;

/// Modules that are loaded when the command line names none. In embedded mode there are no modules but the
/// user's own; otherwise `MODULE_LIST` and `MODS_LIST_CHK` of init.c.
struct DefaultModules {
    normal: &'static str,
    check: Option<&'static str>,
}

#[cfg(feature = "embedded")]
const DEFAULT_MODULES: DefaultModules = DefaultModules { normal: "", check: None };
#[cfg(not(feature = "embedded"))]
const DEFAULT_MODULES: DefaultModules = DefaultModules {
    normal: "vos,rdb,rsvc,security,mgmt,dtx,pool,cont,obj,rebuild",
    check: Some("vos,rdb,rsvc,security,mgmt,dtx,pool,cont,obj,rebuild,chk"),
};

/// What a command line asks for. Numbers are as DAOS defines them: sizes in MiB.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// `-m`: names of the modules to load, in order.
    pub modules: Vec<String>,
    /// `-t`: number of targets; as many as there are cores for when absent.
    pub targets: Option<u32>,
    /// `-x`: number of helper xstreams of the whole engine.
    pub helpers: u32,
    /// `-f`: index of the first core to use. Given at all, it turns multi-socket mode off.
    pub first_core: Option<u32>,
    /// `-g`: name of the DAOS system.
    pub system: String,
    /// `-s`: path of the storage.
    pub storage: String,
    /// `-d`: directory of the sockets, both the control plane's and the engine's own.
    pub socket_dir: String,
    /// `-n`: path of the NVMe configuration.
    pub nvme_config: Option<String>,
    /// `-p`: NUMA node to which all xstreams are bound.
    pub numa_node: Option<u32>,
    /// `-r`: memory for SPDK, in MiB.
    pub mem_size: u32,
    /// `-H`: size of a huge page, in MiB.
    pub hugepage_size: u32,
    /// `-I`: index of this engine on its host.
    pub instance: u32,
    /// `-b`: collect no health data of NVMe devices.
    pub bypass_health_check: bool,
    /// `-T`: number of storage tiers.
    pub tiers: u32,
    /// `-C`: start for a consistency check.
    pub check: bool,
    /// What the user should know of how the command line was understood; to be printed.
    pub remarks: Vec<String>,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            modules: names(DEFAULT_MODULES.normal),
            targets: None,
            helpers: 0,
            first_core: None,
            system: "daos_server".into(),
            storage: "/mnt/daos".into(),
            socket_dir: "/var/run/daos_server".into(),
            nvme_config: None,
            numa_node: None,
            mem_size: 0,
            hugepage_size: 0,
            instance: 0,
            bypass_health_check: false,
            tiers: 2,
            check: false,
            remarks: Vec::new(),
        }
    }
}

/// What to do with a command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// `-h`: print the help.
    Help,
    /// Run an engine.
    Run(Box<Options>),
}

/// A command line that cannot be followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It is not of the form that the help describes; the help should follow.
    Form(String),
    /// An option has a value that cannot be.
    Value(String),
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::Form(text) | Refusal::Value(text) => f.write_str(text),
        }
    }
}

const fn spec(short: char, long: &'static str, value: Option<&'static str>, help: &'static str) -> Spec {
    Spec { short, long, value, help }
}

/// DAOS's options, in the order of the help.
const SPECS: [Spec; 17] = [
    spec('m', "modules", Some("LIST"), "modules to load, separated by commas: lib<name>.so each"),
    spec('t', "targets", Some("N"), "number of targets (as many as there are cores for)"),
    spec('c', "cores", Some("N"), "the former name of --targets"),
    spec('x', "xshelpernr", Some("N"), "number of helper xstreams, at most 2 a target (0)"),
    spec('f', "firstcore", Some("N"), "index of the first core to use (0)"),
    spec('p', "pinned_numa_node", Some("N"), "use only cores of this NUMA node"),
    spec('g', "group", Some("NAME"), "name of the DAOS system (daos_server)"),
    spec('d', "socket_dir", Some("DIR"), "directory of daos_server's socket (/var/run/daos_server)"),
    spec('I', "instance_idx", Some("N"), "index of this engine on its host (0)"),
    spec('s', "storage", Some("PATH"), "where the storage is mounted (/mnt/daos)"),
    spec('T', "storage_tiers", Some("N"), "number of storage tiers, 1 to 4 (2)"),
    spec('n', "nvme", Some("FILE"), "configuration of NVMe devices"),
    spec('r', "mem_size", Some("MIB"), "memory for SPDK"),
    spec('H', "hugepage_size", Some("MIB"), "size of a huge page"),
    spec('b', "bypass_health_chk", None, "collect no health data of NVMe devices"),
    spec('C', "check", None, "start for a consistency check"),
    spec('h', "help", None, "print this help"),
];

/// The help text for a program called `program`.
pub fn help(program: &str) -> String {
    let mut text = format!("An I/O engine of DAOS.\n\nUsage: {program} [OPTION]...\n\n");
    for Spec { short, long, value, help } in SPECS {
        let form = value.map_or_else(|| long.to_string(), |value| format!("{long}={value}"));
        text += &format!("  -{short}, --{form:<24} {help}\n");
    }
    text += "\nThe environment is that of DAOS: DAOS_TARGET_OVERSUBSCRIBE=1 runs more xstreams than there are\n\
             cores, D_LOG_FILE and D_LOG_MASK say where to log what.\n";
    text
}

/// Understands `words`, the command line without the program's name. `pipeline` adds the module of that name
/// to those that are loaded by default: `DAOS_PIPELINE` of the environment.
pub fn parse(words: &[&str], pipeline: bool) -> Result<Command, Refusal> {
    let mut options = Options::default();
    let mut modules = None;
    for item in split(&SPECS, words).map_err(|err| Refusal::Form(err.to_string()))? {
        match item {
            Item::Option('h', _) => return Ok(Command::Help),
            Item::Option('m', Some(list)) => modules = Some(names(list)),
            Item::Option(letter, value) => options.set(letter, value.unwrap_or_default())?,
            Item::Operand(word) => options.remarks.push(format!("ignoring the argument '{word}'")),
        }
    }
    options.choose_modules(modules, pipeline);
    Ok(Command::Run(Box::new(options)))
}

impl Options {
    /// Takes in one option; `value` is empty for those that take none.
    fn set(&mut self, letter: char, value: &str) -> Result<(), Refusal> {
        let number = || number(letter, value);
        match letter {
            't' | 'c' => {
                if letter == 'c' {
                    self.remarks.push("the option -c is deprecated, use -t".into());
                }
                self.targets = Some(number()?).filter(|&targets| targets > 0);
                self.targets.ok_or_else(|| refuse("an engine needs at least one target (-t)"))?;
            }
            'x' => self.helpers = number()?,
            'f' => self.first_core = Some(number()?),
            'p' => self.numa_node = Some(number()?),
            'r' => self.mem_size = number()?,
            'H' => self.hugepage_size = number()?,
            'I' => self.instance = number()?,
            'T' => {
                self.tiers = number()?;
                if !TIERS.contains(&self.tiers) {
                    return Err(refuse(format!("there must be 1 to 4 storage tiers (-T), not {value}")));
                }
            }
            'g' => {
                if value.len() > SYSTEM_NAME_MAX {
                    return Err(refuse(format!(
                        "the name of a DAOS system (-g) has at most {SYSTEM_NAME_MAX} bytes"
                    )));
                }
                self.system = value.into();
            }
            's' => self.storage = value.into(),
            'd' => self.socket_dir = value.into(),
            'n' => self.nvme_config = Some(value.into()),
            'b' => self.bypass_health_check = true,
            'C' => self.check = true,
            _ => unreachable!("an option without a meaning: {letter}"),
        }
        Ok(())
    }

    /// Decides what to load: in check mode a list of its own if there is one, else what `-m` names, else the
    /// default.
    fn choose_modules(&mut self, named: Option<Vec<String>>, pipeline: bool) {
        match (DEFAULT_MODULES.check.filter(|_| self.check), named) {
            (Some(list), named) => {
                if named.is_some() {
                    self.remarks.push("the option -m is ignored in check mode".into());
                }
                self.modules = names(list);
            }
            (None, Some(named)) => self.modules = named,
            (None, None) if pipeline && !self.check => self.modules.push("pipeline".into()),
            (None, None) => {}
        }
    }
}

fn refuse(text: impl Into<String>) -> Refusal {
    Refusal::Value(text.into())
}

/// The names in a list, some of which have long forms that the modules' files do not.
fn names(list: &str) -> Vec<String> {
    let file_name = |name| match name {
        "object" => "obj",
        "po" => "pool",
        "container" | "co" => "cont",
        "management" => "mgmt",
        "vos" => "vos_srv",
        name => name,
    };
    list.split(',').filter(|name| !name.is_empty()).map(|name| file_name(name).to_owned()).collect()
}

/// A number as C writes it: decimal, `0x` hexadecimal, or octal after a 0; at most 32 bits.
fn number(letter: char, text: &str) -> Result<u32, Refusal> {
    let (digits, radix) = match text.as_bytes() {
        [b'0', b'x' | b'X', ..] => (&text[2..], 16),
        [b'0', _, ..] => (&text[1..], 8),
        _ => (text, 10),
    };
    // from_str_radix would take a sign.
    let digits = if digits.starts_with(['+', '-']) { "" } else { digits };
    u32::from_str_radix(digits, radix).map_err(|err| match err.kind() {
        IntErrorKind::PosOverflow => refuse(format!("the number {text} is too large (set by -{letter})")),
        _ => refuse(format!("invalid numeric value: '{text}' (set by -{letter})")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn run(words: &[&str]) -> Options {
        match parse(words, false) {
            Ok(Command::Run(options)) => *options,
            other => panic!("{words:?}: {other:?}"),
        }
    }

    #[track_caller]
    fn refusal(words: &[&str]) -> String {
        parse(words, false).unwrap_err().to_string()
    }

    #[test]
    fn nothing_given_means_daos_defaults() {
        let options = run(&[]);
        assert_eq!(options, Options::default());
        assert_eq!(options.socket_dir, "/var/run/daos_server");
        assert_eq!((options.tiers, options.helpers, options.targets), (2, 0, None));
    }

    #[test]
    fn every_option_has_two_forms() {
        let words = |line: &'static str| line.split(' ').collect::<Vec<_>>();
        let short =
            "-m mgmt -t 4 -x 2 -f 1 -p 0 -g sys -d /run/x -I 3 -s /mnt/x -T 1 -n /etc/nvme -r 1024 -H 2 -b";
        let long = "--modules=mgmt --targets=4 --xshelpernr=2 --firstcore=1 --pinned_numa_node=0 --group=sys \
                    --socket_dir=/run/x --instance_idx=3 --storage=/mnt/x --storage_tiers=1 --nvme=/etc/nvme \
                    --mem_size=1024 --hugepage_size=2 --bypass_health_chk";
        let (short, long) = (run(&words(short)), run(&words(long)));
        assert_eq!(short, long);
        let expected = Options {
            modules: vec!["mgmt".into()],
            targets: Some(4),
            helpers: 2,
            first_core: Some(1),
            system: "sys".into(),
            storage: "/mnt/x".into(),
            socket_dir: "/run/x".into(),
            nvme_config: Some("/etc/nvme".into()),
            numa_node: Some(0),
            mem_size: 1024,
            hugepage_size: 2,
            instance: 3,
            bypass_health_check: true,
            tiers: 1,
            check: false,
            remarks: vec![],
        };
        assert_eq!(short, expected);
    }

    #[test]
    fn check_mode_has_two_forms_too() {
        assert!(run(&["-C"]).check && run(&["--check"]).check && !run(&[]).check);
    }

    #[test]
    fn modules_go_by_their_files_names() {
        let expected = ["obj", "pool", "cont", "cont", "mgmt", "vos_srv", "hello"];
        assert_eq!(run(&["-m", "object,po,container,co,management,vos,hello"]).modules, expected);
        assert_eq!(run(&["-m", "a,,b,"]).modules, ["a", "b"]);
    }

    #[test]
    fn pipeline_joins_the_default_modules_only() {
        let modules = |words: &[&str]| match parse(words, true) {
            Ok(Command::Run(options)) => options.modules,
            other => panic!("{other:?}"),
        };
        assert!(modules(&[]).contains(&"pipeline".into()));
        assert_eq!(modules(&["-m", "mgmt"]), ["mgmt"]);
        assert!(!modules(&["-C"]).contains(&"pipeline".into()));
    }

    #[test]
    fn the_former_name_of_targets_still_works_and_says_so() {
        let options = run(&["-c", "3"]);
        assert_eq!(options.targets, Some(3));
        assert_eq!(options.remarks, ["the option -c is deprecated, use -t"]);
    }

    #[test]
    fn operands_are_ignored_but_not_silently() {
        assert_eq!(run(&["4", "-t", "1"]).remarks, ["ignoring the argument '4'"]);
    }

    #[test]
    fn numbers_are_c_literals_of_32_bits() {
        for (text, value) in [("0", 0), ("10", 10), ("0x10", 16), ("010", 8), ("4294967295", u32::MAX)] {
            assert_eq!(run(&["-x", text]).helpers, value);
        }
        for text in ["", "-1", "+1", "1x", "0x", "08", "0x-1", " 1"] {
            assert_eq!(refusal(&["-x", text]), format!("invalid numeric value: '{text}' (set by -x)"));
        }
        assert_eq!(refusal(&["-x", "4294967296"]), "the number 4294967296 is too large (set by -x)");
    }

    #[test]
    fn values_that_cannot_be_are_refused() {
        for (words, reason) in [
            (["-t", "0"], "at least one target"),
            (["-T", "0"], "1 to 4 storage tiers"),
            (["-T", "5"], "1 to 4 storage tiers"),
            (["-g", "sixteen bytes ..."], "at most 15 bytes"),
        ] {
            assert!(refusal(&words).contains(reason), "{words:?}: {}", refusal(&words));
        }
    }

    #[test]
    fn an_unknown_option_is_a_matter_of_form() {
        assert!(matches!(parse(&["-i", "1"], false), Err(Refusal::Form(_))));
    }

    #[test]
    fn help_names_every_option() {
        assert_eq!(
            parse(&["-t", "4", "--help", "-q"], false),
            Err(Refusal::Form("invalid option -- 'q'".into()))
        );
        assert_eq!(parse(&["-t", "4", "--help"], false), Ok(Command::Help));
        let text = help("daos_engine");
        for spec in SPECS {
            assert!(text.contains(&format!("-{}, --{}", spec.short, spec.long)), "{}", spec.long);
        }
    }
}
