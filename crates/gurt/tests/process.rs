//! What changes or ends a whole process: each test runs one of the `child` functions in a process of its own.

use std::ffi::{CStr, CString, c_char, c_int};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use gurt as _;
use gurt_client::{Facility, error, info, warn};

/// A directory of one test's own, removed at the end.
struct Dir(PathBuf);

impl Dir {
    fn new(name: &str) -> Self {
        let dir = std::env::temp_dir().join(format!("gurt-process-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        Dir(dir)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Runs the ignored test `child` of this file with some environment.
fn run(child: &str, environment: &[(&str, &Path)]) -> Output {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", child, "--ignored", "--nocapture", "--test-threads=1"]);
    for name in ["D_LOG_FILE", "D_LOG_MASK", "D_LOG_STDERR_IN_LOG", "D_FI_CONFIG", "DAOS_SIGNAL_REGISTER"] {
        command.env_remove(name);
    }
    command.envs(environment.iter().copied()).output().unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn assert_success(output: &Output) {
    assert!(output.status.success(), "{}\n{}", String::from_utf8_lossy(&output.stdout), stderr(output));
}

#[test]
fn a_fatal_signal_is_reported_and_still_kills() {
    let dir = Dir::new("signal");
    let output =
        run("child_crashes", &[("D_LOG_FILE", &dir.path("log")), ("DAOS_SIGNAL_REGISTER", Path::new("1"))]);
    assert_eq!(output.status.signal(), Some(libc::SIGSEGV));
    let told = stderr(&output);
    assert!(told.contains("received signal 11 (Segmentation fault) *** at address 0x10"), "{told}");
    let log = dir.read("log");
    assert!(log.contains("received signal 11") && log.contains(" Frame "), "{log}");
    assert!(log.contains("before the crash"), "the buffer is written out: {log}");
}

#[test]
#[ignore = "run by a_fatal_signal_is_reported_and_still_kills"]
fn child_crashes() {
    // SAFETY: the write to an address where nothing is, is what the test is about.
    unsafe {
        assert_eq!(abi::d_log_init(), 0);
        abi::d_log_setmasks(c"INFO".as_ptr(), -1);
        abi::d_signal_register();
        info!(Facility::MISC, "before the crash");
        core::ptr::without_provenance_mut::<u8>(16).write_volatile(1);
    }
}

#[test]
fn signals_are_left_alone_unless_wanted() {
    let output = run("child_crashes", &[("D_LOG_FILE", Path::new("/dev/null"))]);
    assert_eq!(output.status.signal(), Some(libc::SIGSEGV));
    assert!(!stderr(&output).contains("received signal"));
}

#[test]
fn stderr_can_go_into_the_log() {
    let dir = Dir::new("stderr");
    let environment = [("D_LOG_FILE", dir.path("log")), ("D_LOG_STDERR_IN_LOG", PathBuf::from("1"))];
    let output =
        run("child_writes_to_stderr", &environment.each_ref().map(|(name, value)| (*name, &**value)));
    assert_success(&output);
    let log = dir.read("log");
    assert_eq!(log.matches("from elsewhere").count(), 1, "{log}");
    assert_eq!(log.matches("a severe line").count(), 1, "{log}");
}

#[test]
#[ignore = "run by stderr_can_go_into_the_log"]
fn child_writes_to_stderr() {
    // SAFETY: no preconditions.
    unsafe {
        assert_eq!(abi::d_log_init(), 0);
        eprintln!("from elsewhere");
        gurt_client::log!(gurt_client::Level::Fatal, Facility::MISC, "a severe line");
        // Descriptor 2 is open, so that no other file can become stderr by chance.
        assert!(libc::fcntl(2, libc::F_GETFD) >= 0);
        abi::d_log_fini();
    }
}

#[test]
fn without_a_log_warnings_go_to_stderr() {
    let output = run("child_logs_without_a_log", &[]);
    assert_success(&output);
    let told = stderr(&output);
    assert!(
        told.contains("process.rs:") && told.contains(" child_logs_without_a_log() warning 7\n"),
        "{told}"
    );
    assert!(told.contains("error 8") && !told.contains("information"), "{told}");
}

#[test]
#[ignore = "run by without_a_log_warnings_go_to_stderr"]
fn child_logs_without_a_log() {
    info!(Facility::MISC, "information {}", 6);
    warn!(Facility::MISC, "warning {}", 7);
    error!(Facility::MISC, "error {}", 8);
}

#[test]
fn without_a_file_the_log_goes_to_stdout() {
    let output = run("child_logs", &[]);
    assert_success(&output);
    let printed = String::from_utf8_lossy(&output.stdout);
    let line = printed.lines().find(|line| line.contains("a line of the log")).expect("it is printed");
    // The harness has written the test's name before it.
    let fields: Vec<&str> = line.rsplit(" ... ").next().unwrap_or(line).split_whitespace().collect();
    assert!(fields[3].starts_with("CaRT[") && fields[3].ends_with("/0]"), "{line}");
    assert_eq!(fields[4..6], ["misc", "ERR"]);
    assert!(fields[6].contains("process.rs:") && fields[7] == "child_logs()", "{line}");
}

#[test]
fn a_log_that_is_closed_can_be_opened_again() {
    let dir = Dir::new("again");
    let output = run("child_logs", &[("D_LOG_FILE", &dir.path("log"))]);
    assert_success(&output);
    assert_eq!(dir.read("log").matches("a line of the log").count(), 50);
}

#[test]
#[ignore = "run by the tests of opening the log"]
fn child_logs() {
    for _ in 0..50 {
        // SAFETY: no preconditions.
        unsafe {
            assert_eq!((abi::d_log_init(), abi::d_log_init()), (0, 0));
            abi::d_log_fini();
            error!(Facility::MISC, "a line of the log");
            abi::d_log_fini();
        }
    }
}

#[test]
fn log_lines_survive_an_exit_without_fini() {
    let dir = Dir::new("exit");
    let output = run("child_exits", &[("D_LOG_FILE", &dir.path("log"))]);
    assert_success(&output);
    assert!(dir.read("log").contains("the last words"));
}

#[test]
#[ignore = "run by log_lines_survive_an_exit_without_fini"]
fn child_exits() {
    // SAFETY: no preconditions.
    unsafe {
        assert_eq!(abi::d_log_init(), 0);
        abi::d_log_setmasks(c"INFO".as_ptr(), -1);
    }
    info!(Facility::MISC, "the last words");
    std::process::exit(0);
}

#[test]
fn the_257th_facility_is_refused() {
    assert_success(&run("child_allocates_facilities", &[("D_LOG_FILE", Path::new("/dev/null"))]));
}

#[test]
#[ignore = "run by the_257th_facility_is_refused"]
fn child_allocates_facilities() {
    // SAFETY: static strings.
    unsafe {
        assert_eq!(abi::d_log_init(), 0);
        let table = abi::d_log_xst.dlog_facs;
        let allocate = || abi::d_log_allocfacility(c"some".as_ptr(), c"something".as_ptr());
        for number in 6..256 {
            assert_eq!(allocate(), number);
        }
        assert_eq!(allocate(), -1);
        assert_eq!(abi::d_log_setlogmask(256, abi::DLOG_ERR as c_int), -1);
        assert!(core::ptr::eq(table, abi::d_log_xst.dlog_facs), "the table never moves");
        abi::d_log_fini();
    }
}

#[test]
fn faults_come_from_a_file() {
    let dir = Dir::new("faults");
    let file = dir.path("faults.yaml");
    let rules = "seed: 3\nfault_config:\n- id: 0\n  max_faults: 1\n- id: 77\n  interval: 2\n  err_code: -1007\n  \
                 argument: here\n";
    std::fs::write(&file, rules).unwrap();
    assert_success(&run("child_has_faults", &[("D_FI_CONFIG", &file)]));
}

#[test]
#[ignore = "run by faults_come_from_a_file"]
fn child_has_faults() {
    // SAFETY: rules stay until fini.
    unsafe {
        assert_eq!(abi::d_fault_inject_init(), 0);
        assert!(abi::d_fault_inject_is_enabled());
        assert_eq!(gurt_client::alloc::array::<u8>(1), None);
        gurt_client::alloc::free(gurt_client::alloc::array::<u8>(1).expect("only one fault").as_ptr());
        let rule = abi::d_fault_attr_lookup(77);
        assert_eq!([abi::d_should_fail(rule), abi::d_should_fail(rule)], [false, true]);
        assert_eq!(abi::d_fault_attr_err_code(77), -1007);
        assert_eq!(CStr::from_ptr((*rule).fa_argument), c"here");
        assert_eq!(abi::d_fault_inject_fini(), 0);
        assert!(!abi::d_fault_inject_is_enabled() && abi::d_fault_attr_mem.is_null());
    }
}

#[test]
fn a_wrong_fault_file_is_an_error_that_says_why() {
    let dir = Dir::new("wrong");
    let file = dir.path("faults.yaml");
    std::fs::write(&file, "fault_config:\n- interval: 1\n").unwrap();
    let output = run("child_has_wrong_faults", &[("D_FI_CONFIG", &file)]);
    assert_success(&output);
    assert!(stderr(&output).contains("faults.yaml (D_FI_CONFIG): an item of fault_config has no id"));
}

#[test]
#[ignore = "run by a_wrong_fault_file_is_an_error_that_says_why"]
fn child_has_wrong_faults() {
    // SAFETY: no preconditions.
    unsafe {
        assert_eq!(abi::d_fault_inject_init(), -(abi::DER_MISC as c_int));
        assert_eq!(abi::d_fault_inject_fini(), 0);
    }
}

#[test]
fn a_failed_assertion_names_itself_and_aborts() {
    let dir = Dir::new("assertion");
    let output = run("child_asserts", &[("D_LOG_FILE", &dir.path("log"))]);
    assert_eq!(output.status.signal(), Some(libc::SIGABRT));
    let log = dir.read("log");
    assert!(log.contains("EMRG") && log.contains("Assertion '!at.is_null() && size != 0' failed"), "{log}");
}

#[test]
#[ignore = "run by a_failed_assertion_names_itself_and_aborts"]
fn child_asserts() {
    unsafe extern "C" fn never(
        _: *mut abi::d_hash_table,
        _: *mut abi::d_list_t,
        _: *const core::ffi::c_void,
        _: core::ffi::c_uint,
    ) -> bool {
        false
    }
    // SAFETY: operations without functions but the one that is needed.
    unsafe {
        assert_eq!(abi::d_log_init(), 0);
        let mut ops: abi::d_hash_table_ops_t = core::mem::zeroed();
        ops.hop_key_cmp = Some(never);
        let mut table = core::ptr::null_mut();
        let feats = abi::D_HASH_FT_NOLOCK;
        assert_eq!(abi::d_hash_table_create(feats, 1, core::ptr::null_mut(), &mut ops, &mut table), 0);
        abi::d_hash_rec_find(table, core::ptr::null(), 4);
    }
}

#[test]
fn subsystems_are_whole_words() {
    assert_success(&run("child_asks_for_subsystems", &[]));
}

#[test]
#[ignore = "run by subsystems_are_whole_words"]
fn child_asks_for_subsystems() {
    let enabled = |list: &str, name: &CStr| {
        let list = CString::new(list).unwrap();
        // SAFETY: strings of ours.
        unsafe {
            abi::d_setenv(c"DD_SUBSYS".as_ptr(), list.as_ptr(), 1);
            abi::d_logfac_is_enabled(name.as_ptr().cast::<c_char>())
        }
    };
    assert!(enabled("bio,io", c"io") && enabled("mgmtx,mgmt", c"MGMT") && enabled("ALL", c"any"));
    assert!(!enabled("bio", c"io") && !enabled("", c"io"));
}
