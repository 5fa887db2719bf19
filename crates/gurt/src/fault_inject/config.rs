//! The YAML file of fault injection.
//!
//! ```yaml
//! seed: 7                  # of the random numbers
//! thread_default: true     # whether threads that do not say are injected faults
//! fault_config:
//! - id: 0                  # required
//!   probability_x: 1       # faults happen in x of y cases; both are 1 if not given
//!   probability_y: 100
//!   interval: 5            # only every fifth case counts as one
//!   max_faults: 10         # then no more; 0: no bound
//!   err_code: -1009
//!   argument: text
//! ```

use std::ffi::CString;
use yaml_rust2::{Yaml, YamlLoader};

/// The file's content.
#[derive(Debug, Default, PartialEq)]
pub struct Config {
    /// Seed of the random numbers.
    pub seed: Option<u32>,
    /// Whether threads that do not say are injected faults.
    pub thread_default: Option<bool>,
    /// The rules, in order.
    pub faults: Vec<Fault>,
}

/// One rule: the fields of `d_fault_attr_t` that a file can set.
#[derive(Debug, PartialEq)]
#[allow(missing_docs, reason = "named as in the file")]
pub struct Fault {
    pub id: u32,
    pub probability_x: u32,
    pub probability_y: u32,
    pub interval: u32,
    pub max_faults: u64,
    pub err_code: i32,
    pub argument: Option<CString>,
}

/// Reads a configuration; the error says what is wrong with it.
pub fn parse(text: &str) -> Result<Config, String> {
    let documents = YamlLoader::load_from_str(text).map_err(|err| err.to_string())?;
    let mut config = Config::default();
    for document in &documents {
        for (key, value) in document.as_hash().ok_or("it is not a list of keys and values")? {
            match key.as_str() {
                Some("seed") => config.seed = Some(number(key, value)?),
                Some("thread_default") => config.thread_default = Some(truth(value)),
                Some("fault_config") => config.faults.append(&mut faults(value)?),
                _ => return Err(format!("unknown key {key:?}")),
            }
        }
    }
    Ok(config)
}

/// The rules under `fault_config`, of which there may be none.
fn faults(list: &Yaml) -> Result<Vec<Fault>, String> {
    match list {
        Yaml::Null => Ok(Vec::new()),
        list => list.as_vec().ok_or("fault_config is not a list")?.iter().map(fault).collect(),
    }
}

fn fault(item: &Yaml) -> Result<Fault, String> {
    let mut id = None;
    let mut fault = Fault {
        id: 0,
        probability_x: 1,
        probability_y: 1,
        interval: 1,
        max_faults: 0,
        err_code: 0,
        argument: None,
    };
    for (key, value) in item.as_hash().ok_or("an item of fault_config has no keys")? {
        match key.as_str() {
            Some("id") => id = Some(number(key, value)?),
            Some("probability_x") => fault.probability_x = number(key, value)?,
            Some("probability_y") => fault.probability_y = number(key, value)?,
            Some("interval") => fault.interval = number(key, value)?,
            Some("max_faults") => fault.max_faults = number(key, value)?,
            Some("err_code") => fault.err_code = number(key, value)?,
            Some("argument") => fault.argument = Some(string(value)?),
            _ => return Err(format!("unknown key {key:?} in fault_config")),
        }
    }
    fault.id = id.ok_or("an item of fault_config has no id")?;
    Ok(fault)
}

fn number<T: TryFrom<i64>>(key: &Yaml, value: &Yaml) -> Result<T, String> {
    let number = value.as_i64().and_then(|number| T::try_from(number).ok());
    number.ok_or_else(|| format!("{key:?} is no number in its range: {value:?}"))
}

fn truth(value: &Yaml) -> bool {
    value.as_bool().unwrap_or_else(|| value.as_str().is_some_and(|text| text.eq_ignore_ascii_case("true")))
}

fn string(value: &Yaml) -> Result<CString, String> {
    let text = value.as_str().map(str::to_owned).or(value.as_i64().map(|number| number.to_string()));
    CString::new(text.ok_or("argument is no text")?).map_err(|_| "argument holds a NUL".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_keys() {
        let text = "seed: 7\nthread_default: False\nfault_config:\n- id: 0\n  probability_x: 3\n  \
                    probability_y: 0x64\n  interval: 5\n  max_faults: 10\n  err_code: -1009\n  argument: text\n\
                    - id: 100\n";
        let config = parse(text).unwrap();
        assert_eq!((config.seed, config.thread_default), (Some(7), Some(false)));
        let first = Fault {
            id: 0,
            probability_x: 3,
            probability_y: 100,
            interval: 5,
            max_faults: 10,
            err_code: -1009,
            argument: Some(c"text".to_owned()),
        };
        assert_eq!(config.faults[0], first);
        assert_eq!(
            (config.faults[1].id, config.faults[1].probability_x, config.faults[1].interval),
            (100, 1, 1)
        );
    }

    #[test]
    fn an_empty_list_is_allowed() {
        assert_eq!(parse("fault_config: []"), Ok(Config::default()));
        assert_eq!(parse("fault_config:\n"), Ok(Config::default()));
        assert_eq!(parse(""), Ok(Config::default()));
    }

    #[test]
    fn mistakes_are_named() {
        for (text, mistake) in [
            ("sneed: 1", "unknown key"),
            ("fault_config:\n- interval: 2", "has no id"),
            ("fault_config:\n- id: x", "is no number"),
            ("fault_config:\n- id: 1\n  colour: 2", "unknown key"),
            ("fault_config: 3", "is not a list"),
            ("- 1", "keys and values"),
            ("a: [", ""),
        ] {
            let err = parse(text).unwrap_err();
            assert!(err.contains(mistake), "{text}: {err}");
        }
    }
}
