//! Splits a command line as GNU `getopt_long` does: clusters of short options, values in the same word or the
//! next one, long options by any unambiguous prefix, operands anywhere, `--` before the last of them.

use core::fmt;

/// An option that the program knows.
#[derive(Clone, Copy, Debug)]
pub struct Spec {
    /// The letter of the short form; it also names the option in [`Item::Option`].
    pub short: char,
    /// The long form, without the hyphens.
    pub long: &'static str,
    /// What its value is called in the help, if it takes one.
    pub value: Option<&'static str>,
    /// What it is for, in the help.
    pub help: &'static str,
}

/// A piece of the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Item<'a> {
    /// An option, by its letter, with its value if it takes one.
    Option(char, Option<&'a str>),
    /// A word that belongs to no option.
    Operand(&'a str),
}

/// Why a word is no option; displayed in the words of GNU's `getopt_long`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Malformed {
    /// No option has this letter.
    UnknownShort(char),
    /// No option has this name, as given with its hyphens.
    UnknownLong(String),
    /// Several options begin like this.
    Ambiguous(String),
    /// The option needs a value, and the command line ends.
    NoValue(String),
    /// The option takes no value, and was given one.
    UnexpectedValue(String),
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Malformed::UnknownShort(letter) => write!(f, "invalid option -- '{letter}'"),
            Malformed::UnknownLong(name) => write!(f, "unrecognized option '{name}'"),
            Malformed::Ambiguous(name) => write!(f, "option '{name}' is ambiguous"),
            Malformed::NoValue(name) => write!(f, "option '{name}' requires an argument"),
            Malformed::UnexpectedValue(name) => write!(f, "option '{name}' doesn't allow an argument"),
        }
    }
}

/// The pieces of `words`, the command line without the program's name.
pub fn split<'a>(specs: &[Spec], words: &[&'a str]) -> Result<Vec<Item<'a>>, Malformed> {
    let mut items = Vec::new();
    let mut words = words.iter().copied();
    while let Some(word) = words.next() {
        if word == "--" {
            items.extend(words.by_ref().map(Item::Operand));
        } else if let Some(long) = word.strip_prefix("--") {
            items.push(long_option(specs, long, &mut words)?);
        } else if word.len() > 1 && word.starts_with('-') {
            short_options(specs, &word[1..], &mut words, &mut items)?;
        } else {
            items.push(Item::Operand(word));
        }
    }
    Ok(items)
}

/// `word` is `name`, `name=value`, or the beginning of a name.
fn long_option<'a>(
    specs: &[Spec],
    word: &'a str,
    rest: &mut impl Iterator<Item = &'a str>,
) -> Result<Item<'a>, Malformed> {
    let (name, value) = word.split_once('=').map_or((word, None), |(name, value)| (name, Some(value)));
    let mut candidates = specs.iter().filter(|spec| spec.long.starts_with(name));
    let spec = match (specs.iter().find(|spec| spec.long == name), candidates.next(), candidates.next()) {
        (Some(exact), ..) => exact,
        (None, Some(only), None) => only,
        (None, Some(_), Some(_)) => return Err(Malformed::Ambiguous(format!("--{name}"))),
        (None, None, _) => return Err(Malformed::UnknownLong(format!("--{name}"))),
    };
    let full = || format!("--{}", spec.long);
    let value = match (spec.value, value) {
        (Some(_), None) => Some(rest.next().ok_or_else(|| Malformed::NoValue(full()))?),
        (None, Some(_)) => return Err(Malformed::UnexpectedValue(full())),
        (_, value) => value,
    };
    Ok(Item::Option(spec.short, value))
}

/// `cluster` is a word of short options without its hyphen: letters, of which the last may be followed by its
/// value.
fn short_options<'a>(
    specs: &[Spec],
    cluster: &'a str,
    rest: &mut impl Iterator<Item = &'a str>,
    items: &mut Vec<Item<'a>>,
) -> Result<(), Malformed> {
    for (position, letter) in cluster.char_indices() {
        let spec = specs.iter().find(|spec| spec.short == letter).ok_or(Malformed::UnknownShort(letter))?;
        if spec.value.is_none() {
            items.push(Item::Option(letter, None));
            continue;
        }
        let value = match &cluster[position + letter.len_utf8()..] {
            "" => rest.next().ok_or_else(|| Malformed::NoValue(format!("-{letter}")))?,
            value => value,
        };
        items.push(Item::Option(letter, Some(value)));
        break;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use Item::{Operand, Option as Opt};
    use core::ffi::{CStr, c_char, c_int};
    use std::ffi::CString;
    use std::ptr;

    const SPECS: [Spec; 4] = [
        Spec { short: 't', long: "targets", value: Some("n"), help: "" },
        Spec { short: 'm', long: "mem_size", value: Some("n"), help: "" },
        Spec { short: 'l', long: "modules", value: Some("list"), help: "" },
        Spec { short: 'b', long: "bypass", value: None, help: "" },
    ];

    #[track_caller]
    fn check<'a>(words: &[&'a str], expected: &[Item<'a>]) {
        assert_eq!(split(&SPECS, words).as_deref(), Ok(expected));
    }

    #[test]
    fn values_stand_in_the_same_word_or_the_next() {
        check(&["-t4", "-t", "5"], &[Opt('t', Some("4")), Opt('t', Some("5"))]);
        check(&["--targets=4", "--targets", "-5"], &[Opt('t', Some("4")), Opt('t', Some("-5"))]);
        check(&["--targets="], &[Opt('t', Some(""))]);
    }

    #[test]
    fn letters_cluster_up_to_the_first_that_takes_a_value() {
        check(&["-bbt4"], &[Opt('b', None), Opt('b', None), Opt('t', Some("4"))]);
        check(&["-btb"], &[Opt('b', None), Opt('t', Some("b"))]);
    }

    #[test]
    fn long_names_may_be_cut_while_only_one_fits() {
        check(&["--targ", "4", "--by"], &[Opt('t', Some("4")), Opt('b', None)]);
        assert_eq!(split(&SPECS, &["--m", "4"]), Err(Malformed::Ambiguous("--m".into())));
    }

    #[test]
    fn operands_stand_anywhere() {
        check(&["a", "-b", "-", "--", "-t"], &[Operand("a"), Opt('b', None), Operand("-"), Operand("-t")]);
    }

    #[test]
    fn what_is_no_option_is_named() {
        for (words, expected) in [
            (&["-bq"][..], "invalid option -- 'q'"),
            (&["-é"], "invalid option -- 'é'"),
            (&["--quick=1"], "unrecognized option '--quick'"),
            (&["-t"], "option '-t' requires an argument"),
            (&["--targ"], "option '--targets' requires an argument"),
            (&["--by=1"], "option '--bypass' doesn't allow an argument"),
        ] {
            assert_eq!(split(&SPECS, words).unwrap_err().to_string(), expected);
        }
    }

    /// `struct option` of getopt.h.
    #[repr(C)]
    struct LongOption {
        name: *const c_char,
        has_arg: c_int,
        flag: *mut c_int,
        val: c_int,
    }

    unsafe extern "C" {
        static mut optind: c_int;
        static mut opterr: c_int;
        static optarg: *const c_char;
        fn getopt_long(
            argc: c_int,
            argv: *const *mut c_char,
            short: *const c_char,
            long: *const LongOption,
            index: *mut c_int,
        ) -> c_int;
    }

    /// Options with their values, then operands.
    type Split = (Vec<(char, Option<String>)>, Vec<String>);

    /// What the C library makes of `words`; `None` where it complains.
    fn c_library(words: &[&str]) -> Option<Split> {
        let c_string = |text: &str| CString::new(text).unwrap();
        let names = SPECS.map(|spec| c_string(spec.long));
        let mut long: Vec<_> = SPECS
            .iter()
            .zip(&names)
            .map(|(spec, name)| LongOption {
                name: name.as_ptr(),
                has_arg: spec.value.is_some().into(),
                flag: ptr::null_mut(),
                val: spec.short as c_int,
            })
            .collect();
        long.push(LongOption { name: ptr::null(), has_arg: 0, flag: ptr::null_mut(), val: 0 });
        let words: Vec<_> = ["program"].iter().chain(words).map(|word| c_string(word)).collect();
        let mut argv: Vec<_> = words.iter().map(|word| word.as_ptr().cast_mut()).collect();
        argv.push(ptr::null_mut());

        // SAFETY: all words are strings.
        let text = |word| unsafe { CStr::from_ptr(word) }.to_str().unwrap().to_owned();
        let mut options = Vec::new();
        // SAFETY: argv and the options end with null; only this test uses getopt, and its words live on.
        unsafe {
            (optind, opterr) = (0, 0);
            loop {
                let letter = getopt_long(
                    words.len() as c_int,
                    argv.as_ptr(),
                    c"t:m:l:b".as_ptr(),
                    long.as_ptr(),
                    ptr::null_mut(),
                );
                match u8::try_from(letter).map(char::from) {
                    Err(_) => break,
                    Ok('?') => return None,
                    Ok(letter) => options.push((letter, (!optarg.is_null()).then(|| text(optarg)))),
                }
            }
            Some((options, argv[optind as usize..words.len()].iter().map(|&word| text(word)).collect()))
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "calls the C library")]
    fn agrees_with_the_c_library() {
        const WORDS: [&str; 14] = [
            "-t",
            "4",
            "-t4",
            "-b",
            "-bt",
            "--targ",
            "--targets=4",
            "--by",
            "--m=1",
            "--",
            "-",
            "-q",
            "--bypass=1",
            "x",
        ];
        for index in 0..WORDS.len().pow(4) {
            let words = [0, 1, 2, 3].map(|digit| WORDS[index / WORDS.len().pow(digit) % WORDS.len()]);
            let ours = split(&SPECS, &words).ok().map(|items| {
                let (mut options, mut operands) = (Vec::new(), Vec::new());
                for item in items {
                    match item {
                        Opt(letter, value) => options.push((letter, value.map(str::to_owned))),
                        Operand(word) => operands.push(word.to_owned()),
                    }
                }
                (options, operands)
            });
            assert_eq!(ours, c_library(&words), "{words:?}");
        }
    }
}
