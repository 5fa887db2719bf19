//! Dumps of what Argobots knows of xstreams, pools and ULTs, into a file for each signal that asks for one.

use core::ffi::{c_int, c_void};
use core::sync::atomic::{AtomicBool, Ordering};
use gurt_client::{Facility, error, info};
use std::ffi::CString;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::{AsFd, IntoRawFd};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// How long xstreams are given to reach a point at which their stacks can be read.
const PATIENCE: Duration = Duration::from_secs(10);

/// Answers SIGUSR1 with a dump of what is known without anybody's help, and SIGUSR2 with the stacks of all ULTs,
/// which each xstream writes down when it comes to it.
pub fn on_signal(signal: c_int) {
    let now = Moment::now();
    let path = now.file_in(Path::new("/tmp"));
    let (name, mode) =
        if signal == libc::SIGUSR1 { ("SIGUSR1", "unattended") } else { ("SIGUSR2", "attended") };
    let stream = open(&path, &now, mode)
        .inspect(|_| info!(Facility::SERVER, "got {name}, dumping ULTs to {}", path.display()))
        .or_else(|err| {
            error!(
                Facility::SERVER,
                "got {name}, dumping ULTs to stderr instead of {}: {err}",
                path.display()
            );
            begin(File::from(io::stderr().as_fd().try_clone_to_owned()?), &now, mode)
        });
    let Ok(stream) = stream.inspect_err(|err| error!(Facility::SERVER, "cannot dump ULTs: {err}")) else {
        return;
    };
    if signal == libc::SIGUSR1 {
        // SAFETY: an open stream, which is closed afterwards.
        unsafe {
            abi::dss_dump_ABT_state(stream);
            libc::fclose(stream);
        }
    } else {
        dump_stacks(stream);
    }
}

/// Whether no dump of stacks is under way.
static STACKS_DUMPED: AtomicBool = AtomicBool::new(true);

/// Has the xstreams dump the stacks, and waits for it: the last one closes the stream.
fn dump_stacks(stream: *mut libc::FILE) {
    STACKS_DUMPED.store(false, Ordering::Release);
    // SAFETY: the stream stays open until `stacks_dumped` closes it, which gets it as its argument.
    let rc = unsafe {
        abi::ABT_info_trigger_print_all_thread_stacks(
            stream,
            PATIENCE.as_secs_f64(),
            Some(stacks_dumped),
            stream.cast(),
        )
    };
    if rc != abi::ABT_SUCCESS as c_int {
        error!(Facility::SERVER, "cannot dump the stacks of ULTs: Argobots returns {rc}");
        // SAFETY: the callback is not called then.
        unsafe { libc::fclose(stream) };
        return;
    }
    // The primary xstream has to take part too, and it runs only what this thread lets it run. Twice the
    // patience, because it is up to the xstreams to notice that it is over.
    let end = Instant::now() + 2 * PATIENCE;
    while !STACKS_DUMPED.load(Ordering::Acquire) && Instant::now() < end {
        crate::inline::yield_now();
        thread::sleep(Duration::from_millis(1));
    }
}

/// Called by Argobots when the stacks are dumped (0), or the time is over (1).
unsafe extern "C" fn stacks_dumped(timed_out: abi::ABT_bool, stream: *mut c_void) {
    // SAFETY: the stream that dump_stacks has passed on.
    unsafe {
        libc::fprintf(stream.cast(), c"Callstack dump result: %d\n".as_ptr(), timed_out);
        libc::fclose(stream.cast());
    }
    STACKS_DUMPED.store(true, Ordering::Release);
}

/// Opens the file for appending, and begins a dump. Whoever guesses the name cannot lead the engine to a file of
/// theirs: links are not followed.
fn open(path: &Path, now: &Moment, mode: &str) -> io::Result<*mut libc::FILE> {
    let file =
        OpenOptions::new().append(true).create(true).mode(0o640).custom_flags(libc::O_NOFOLLOW).open(path)?;
    begin(file, now, mode)
}

/// Writes a title, and makes a C stream of the file.
fn begin(mut file: File, now: &Moment, mode: &str) -> io::Result<*mut libc::FILE> {
    writeln!(file, "=== Dump of ABT infos and ULTs stacks in {mode} mode ({})", now.title())?;
    stream_of(file)
}

fn stream_of(file: File) -> io::Result<*mut libc::FILE> {
    let descriptor = file.into_raw_fd();
    // Mode "a" would set a flag that a copy of stderr shares with stderr; "w" sets and cuts off nothing.
    // SAFETY: an open descriptor, which the stream owns from now on.
    let stream = unsafe { libc::fdopen(descriptor, c"w".as_ptr()) };
    if stream.is_null() {
        let err = io::Error::last_os_error();
        // SAFETY: nobody else has it.
        unsafe { libc::close(descriptor) };
        return Err(err);
    }
    Ok(stream)
}

/// A point in local time.
struct Moment {
    local: libc::tm,
    centiseconds: u32,
}

impl Moment {
    fn now() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let seconds = since.as_secs() as libc::time_t;
        // SAFETY: a tm is numbers and a pointer, for which zero is valid; localtime_r fills it.
        let local = unsafe {
            let mut local = core::mem::zeroed();
            libc::localtime_r(&seconds, &mut local);
            local
        };
        Moment { local, centiseconds: since.subsec_millis() / 10 }
    }

    /// Formats by strftime.
    fn format(&self, format: &str) -> String {
        let format = CString::new(format).expect("a constant without NUL");
        let mut text = [0u8; 64];
        // SAFETY: writes at most the buffer; the formats used here give a few digits a field.
        let length =
            unsafe { libc::strftime(text.as_mut_ptr().cast(), text.len(), format.as_ptr(), &self.local) };
        String::from_utf8_lossy(&text[..length]).into_owned()
    }

    fn file_in(&self, dir: &Path) -> PathBuf {
        dir.join(format!("daos_dump_{}_{}.txt", std::process::id(), self.format("%Y%m%d_%H_%M_%S")))
    }

    fn title(&self) -> String {
        format!("{}.{:02}", self.format("%Y/%m/%d-%H:%M:%S"), self.centiseconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    /// 22 November 2026, 18:02:03.04 in some time zone.
    fn moment() -> Moment {
        // SAFETY: as in `now`.
        let mut local: libc::tm = unsafe { core::mem::zeroed() };
        (local.tm_year, local.tm_mon, local.tm_mday) = (126, 10, 22);
        (local.tm_hour, local.tm_min, local.tm_sec) = (18, 2, 3);
        Moment { local, centiseconds: 4 }
    }

    #[test]
    fn files_are_named_as_daos_names_them() {
        let expected = format!("/tmp/daos_dump_{}_20261122_18_02_03.txt", std::process::id());
        assert_eq!(moment().file_in(Path::new("/tmp")), Path::new(&expected));
        assert_eq!(moment().title(), "2026/11/22-18:02:03.04");
    }

    #[test]
    fn a_dump_appends_and_follows_no_link() {
        let dir = std::env::temp_dir().join(format!("dump-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        let (file, link) = (dir.join("file"), dir.join("link"));
        for _ in 0..2 {
            let stream = open(&file, &moment(), "attended").unwrap();
            // SAFETY: the stream of this dump, which the callback closes.
            unsafe { stacks_dumped(1, stream.cast()) };
        }
        let text = std::fs::read_to_string(&file).unwrap();
        let once = "=== Dump of ABT infos and ULTs stacks in attended mode (2026/11/22-18:02:03.04)\n\
                    Callstack dump result: 1\n";
        assert_eq!(text, once.repeat(2));

        symlink(&file, &link).unwrap();
        assert!(open(&link, &moment(), "attended").is_err());
        std::fs::remove_dir_all(&dir).unwrap();
    }
}
