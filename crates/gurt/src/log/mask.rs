//! Priorities by name, and the syntax of `D_LOG_MASK`: `prio`, or `FAC=prio,FAC2=prio`.

use core::ffi::c_int;

/// Four-letter names of the priorities, by their number: a mask shifted right by `DLOG_PRISHIFT`.
const NAMES: [&str; 9] = ["DBUG", "INFO", "NOTE", "WARN", "ERR ", "CRIT", "ALRT", "EMRG", "EMIT"];

/// Name of the priority in `mask`, which stands in log lines.
pub fn name(mask: c_int) -> &'static str {
    let priority = (mask & abi::DLOG_PRINDMASK as c_int) >> abi::DLOG_PRISHIFT;
    NAMES.get(priority as usize).copied().unwrap_or(NAMES[0])
}

/// Whether `word` is the beginning of `name`, in whatever case.
fn begins(name: &str, word: &[u8]) -> bool {
    name.as_bytes().get(..word.len()).is_some_and(|head| head.eq_ignore_ascii_case(word))
}

/// The mask that a priority's name, or any beginning of it, stands for.
///
/// `debug` stands for `debug_bits`, the bits that `DD_MASK` selects, or for all of them when that is 0.
pub fn parse_priority(word: &[u8], debug_bits: c_int) -> Option<c_int> {
    if word.is_empty() || word.len() > 7 {
        return None;
    }
    if begins("ERROR", word) {
        return Some(abi::DLOG_ERR as c_int);
    }
    if begins("DEBUG", word) || begins("DBUG", word) {
        return Some(if debug_bits != 0 { debug_bits } else { abi::DLOG_DBG as c_int });
    }
    let number = (1..NAMES.len()).find(|&number| begins(NAMES[number], word))?;
    Some((number as c_int) << abi::DLOG_PRISHIFT)
}

/// One `FAC=prio`, or a priority for all facilities.
#[derive(Debug, PartialEq, Eq)]
pub struct Assignment<'a> {
    /// Name of the facility.
    pub facility: Option<&'a [u8]>,
    /// Name of the priority, as it was written.
    pub priority: &'a [u8],
}

/// Takes a mask string apart; None if it is blank.
pub fn assignments(text: &[u8]) -> Option<impl Iterator<Item = Assignment<'_>>> {
    let blank = |byte: &u8| matches!(byte, b' ' | b'\t');
    let text = &text[text.iter().take_while(|byte| blank(byte)).count()..];
    let end = text.iter().rposition(|byte| !blank(byte) && *byte != b'\n').map_or(0, |last| last + 1);
    (!text.is_empty()).then(|| {
        text[..end].split(|&byte| byte == b',').filter(|part| !part.is_empty()).map(|part| {
            match part.iter().position(|&byte| byte == b'=') {
                Some(at) => Assignment { facility: Some(&part[..at]), priority: &part[at + 1..] },
                None => Assignment { facility: None, priority: part },
            }
        })
    })
}

/// A number with a unit, as `D_LOG_SIZE` has it: `k`, `m`, `g` are powers of 1000, `K`, `M`, `G` of 1024.
/// The number may be hexadecimal (`0x`) or octal (`0`). What is no number is 0; what is too large, the maximum.
pub fn parse_size(text: &str) -> u64 {
    let text = text.trim_start();
    let text = text.strip_prefix('+').unwrap_or(text);
    let (radix, text) = match text.strip_prefix("0x").or(text.strip_prefix("0X")) {
        Some(rest) => (16, rest),
        None if text.starts_with('0') => (8, text),
        None => (10, text),
    };
    let end = text.find(|c: char| !c.is_digit(radix)).unwrap_or(text.len());
    let digits = text[..end].chars().filter_map(|c| c.to_digit(radix));
    let number =
        digits.fold(0u64, |sum, digit| sum.saturating_mul(radix.into()).saturating_add(digit.into()));
    let unit = match text.as_bytes().get(end) {
        Some(b'k') => 1000,
        Some(b'm') => 1000 * 1000,
        Some(b'g') => 1000 * 1000 * 1000,
        Some(b'K') => 1 << 10,
        Some(b'M') => 1 << 20,
        Some(b'G') => 1 << 30,
        _ => 1,
    };
    number.saturating_mul(unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn priorities_may_be_shortened() {
        let cases: [(&str, Option<u32>); 16] = [
            ("err", Some(abi::DLOG_ERR)),
            ("ERROR", Some(abi::DLOG_ERR)),
            ("e", Some(abi::DLOG_ERR)),
            ("Warn", Some(abi::DLOG_WARN)),
            ("w", Some(abi::DLOG_WARN)),
            ("emit", Some(abi::DLOG_EMIT)),
            ("em", Some(abi::DLOG_EMERG)),
            ("alrt", Some(abi::DLOG_ALERT)),
            ("crit", Some(abi::DLOG_CRIT)),
            ("note", Some(abi::DLOG_NOTE)),
            ("info", Some(abi::DLOG_INFO)),
            ("debug", Some(abi::DLOG_DBG)),
            ("warning", None),
            ("fatal", None),
            ("", None),
            ("errorrrr", None),
        ];
        for (word, mask) in cases {
            assert_eq!(parse_priority(word.as_bytes(), 0), mask.map(|mask| mask as c_int), "{word}");
        }
        assert_eq!(parse_priority(b"dbug", 0x300), Some(0x300));
    }

    #[test]
    fn names_are_those_of_the_log_lines() {
        assert_eq!(name(abi::DLOG_ERR as c_int), "ERR ");
        assert_eq!(name(abi::DLOG_EMIT as c_int), "EMIT");
        assert_eq!(name(abi::DLOG_DBG as c_int), "DBUG");
        assert_eq!(name(abi::DLOG_PRINDMASK as c_int), "DBUG");
    }

    #[test]
    fn mask_strings_are_taken_apart() {
        let parts = |text: &'static str| {
            assignments(text.as_bytes()).map(|parts| {
                let text = |bytes| std::str::from_utf8(bytes).unwrap();
                parts.map(|part| (part.facility.map(text), text(part.priority))).collect::<Vec<_>>()
            })
        };
        assert_eq!(parts("ERR"), Some(vec![(None, "ERR")]));
        assert_eq!(
            parts(" \tWARN,misc=INFO,,mem=DEBUG \n"),
            Some(vec![(None, "WARN"), (Some("misc"), "INFO"), (Some("mem"), "DEBUG")])
        );
        assert_eq!(parts("=,a=b=c"), Some(vec![(Some(""), ""), (Some("a"), "b=c")]));
        assert_eq!(parts(","), Some(vec![]));
        assert_eq!(parts("  "), None);
        assert_eq!(parts(""), None);
    }

    #[test]
    fn sizes_have_units() {
        let cases =
            [("5", 5), ("2k", 2000), ("2K", 2048), ("1m", 1_000_000), ("0x10M", 16 << 20), ("010", 8)];
        for (text, size) in cases {
            assert_eq!(parse_size(text), size, "{text}");
        }
        assert_eq!(parse_size("3G"), 3 << 30);
        assert_eq!(parse_size("nonsense"), 0);
        assert_eq!(parse_size("99999999999999999999g"), u64::MAX);
    }
}
