//! A stack overflow is reported by name before the process dies. The victims are child processes: this test
//! binary again, with the scenario in the environment.
// As C code does, the tests call the interface with what it asks for.
#![allow(clippy::undocumented_unsafe_blocks)]

mod common;

use abi::*;
use common::*;
use core::ffi::{c_int, c_void};
use core::ptr::null_mut;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Output};

const SCENARIO: &str = "ABT_TEST_OVERFLOW";

/// Uses up its stack.
///
/// # Safety
/// It never returns.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn abt_test_bottomless(depth: *mut c_void) {
    let page = std::hint::black_box([0u8; 1024]);
    if page[0] == 0 {
        unsafe { abt_test_bottomless(depth.wrapping_byte_add(1)) };
    }
    std::hint::black_box(page);
}

extern "C" fn earlier_handler(_: c_int) {
    let text = b"the earlier handler was called\n";
    unsafe {
        libc::write(2, text.as_ptr().cast(), text.len());
        libc::_exit(7);
    }
}

fn run_victim(scenario: &str) -> ! {
    unsafe {
        if scenario == "chain" {
            libc::signal(libc::SIGSEGV, earlier_handler as extern "C" fn(c_int) as usize);
        }
        assert_eq!(ABT_init(0, null_mut()), OK);
        let (_, pool) = basic_xstream(3);
        let mut attr = ABT_THREAD_ATTR_NULL;
        assert_eq!(ABT_thread_attr_create(&mut attr), OK);
        assert_eq!(ABT_thread_attr_set_stacksize(attr, 65536), OK);
        let function = if scenario == "null" { read_null } else { abt_test_bottomless };
        let mut thread = ABT_THREAD_NULL;
        assert_eq!(ABT_thread_create(pool, Some(function), null_mut(), attr, &mut thread), OK);
        finish(thread);
    }
    unreachable!("the victim survived");
}

unsafe extern "C" fn read_null(_: *mut c_void) {
    unsafe { std::ptr::read_volatile(std::hint::black_box(8usize) as *const u8) };
}

fn victim(scenario: &str) -> Output {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "victim_of_the_other_tests", "--nocapture"])
        .env(SCENARIO, scenario)
        .output()
        .unwrap()
}

#[test]
fn victim_of_the_other_tests() {
    if let Ok(scenario) = std::env::var(SCENARIO) {
        run_victim(&scenario);
    }
}

#[test]
fn an_overflow_names_function_xstream_and_size() {
    let output = victim("overflow");
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.signal(), Some(libc::SIGSEGV), "{text}");
    let report = text.lines().find(|line| line.starts_with("abt: stack overflow")).expect(&text);
    assert!(report.contains(" on xstream 3 "), "{report}");
    assert!(report.contains(" 65536 bytes"), "{report}");
    let address = abt_test_bottomless as *const () as usize;
    let offset = format!("+{:#x}", address - object_base(address));
    assert!(report.contains("abt_test_bottomless") || report.contains(&offset), "{report}");
}

/// Where the object that contains `address` is loaded.
fn object_base(address: usize) -> usize {
    unsafe {
        let mut info = std::mem::zeroed::<libc::Dl_info>();
        assert_ne!(libc::dladdr(address as *const c_void, &mut info), 0);
        info.dli_fbase as usize
    }
}

#[test]
fn an_earlier_handler_still_gets_its_turn() {
    let output = victim("chain");
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(7), "{text}");
    let report = text.find("abt: stack overflow").expect(&text);
    assert!(text[report..].contains("the earlier handler was called"), "{text}");
}

#[test]
fn another_fault_is_no_overflow() {
    let output = victim("null");
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.signal(), Some(libc::SIGSEGV), "{text}");
    assert!(!text.contains("stack overflow"), "{text}");
}
