//! The log file: buffered, replaced when it grows too large.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::{AsRawFd, FromRawFd, IntoRawFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Lines are collected up to this many bytes before they are written.
const BUFFER: usize = 16 << 10;

/// Descriptors of the log begin here, out of the way of code that closes or expects low numbers.
const FIRST_DESCRIPTOR: i32 = 128;

/// How a log file is opened.
#[derive(Clone, Debug)]
pub struct Options {
    /// Empty the file instead of appending.
    pub truncate: bool,
    /// Direct the process's stderr into the file.
    pub with_stderr: bool,
    /// Size in bytes at which the file is set aside and a new one begun.
    pub limit: u64,
}

/// An open log file.
///
/// It fails softly: what cannot be written is dropped and reported on stderr once, until a write succeeds.
pub struct LogFile {
    path: PathBuf,
    options: Options,
    file: OwnedFd,
    /// The file that the last rotation set aside, kept for the next sync.
    previous: Option<OwnedFd>,
    /// Whether a file was already set aside as `<path>.first`; later ones become `<path>.old`.
    rotated: bool,
    buffer: Vec<u8>,
    /// Bytes in the file, as far as is known.
    size: u64,
    /// `size` when it was last measured; with stderr in the file others write to it too.
    measured: u64,
    failing: bool,
}

impl LogFile {
    /// Opens or creates the file at `path`.
    pub fn open(path: &Path, options: Options) -> io::Result<Self> {
        let (file, size) = create(path, &options, options.truncate)?;
        Ok(LogFile {
            path: path.to_owned(),
            options,
            file,
            previous: None,
            rotated: false,
            buffer: Vec::with_capacity(BUFFER),
            size,
            measured: size,
            failing: false,
        })
    }

    /// Where the file is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether stderr ends up in the file anyway.
    pub fn holds_stderr(&self) -> bool {
        self.options.with_stderr
    }

    /// Adds one line; writes it out at once if it is important or the buffer is full.
    pub fn append(&mut self, line: &[&[u8]], flush: bool) {
        if self.buffer.len() + line.iter().map(|part| part.len()).sum::<usize>() > BUFFER {
            self.flush();
        }
        line.iter().for_each(|part| self.buffer.extend_from_slice(part));
        if flush {
            self.flush();
        }
    }

    /// Writes out what is buffered.
    pub fn flush(&mut self) {
        if self.buffer.is_empty() {
            return;
        }
        if self.exceeds_limit() {
            let rotated = self.rotate();
            self.report(rotated, "cannot begin a new log file; the old one grows on");
        }
        let written = write_all(&self.file, &self.buffer);
        if written.is_ok() {
            self.size += self.buffer.len() as u64;
            self.failing = false;
        }
        self.report(written, "cannot write to the log file; lines are lost");
        self.buffer.clear();
    }

    /// Writes out what is buffered and waits until it is on storage.
    pub fn sync(&mut self) {
        self.flush();
        let synced = fsync(&self.file);
        self.report(synced, "cannot sync the log file");
        if let Some(previous) = self.previous.take() {
            let synced = fsync(&previous);
            self.report(synced, "cannot sync the former log file");
        }
    }

    /// Renames the file to `<path><suffix>`, and goes on with it under that name.
    pub fn rename(&mut self, suffix: &str) -> io::Result<()> {
        let path = with_suffix(&self.path, suffix);
        std::fs::rename(&self.path, &path)?;
        self.path = path;
        Ok(())
    }

    /// Gives the descriptors up without closing them: after a fork they may be somebody else's.
    pub fn abandon(mut self) {
        self.buffer.clear();
        let LogFile { file, previous, .. } = self;
        let _ = file.into_raw_fd();
        previous.map(IntoRawFd::into_raw_fd);
    }

    /// Whether the file is full. With stderr in it the size is measured whenever it may have grown by 2 %.
    fn exceeds_limit(&mut self) -> bool {
        if self.options.with_stderr && self.size - self.measured >= self.options.limit / 50 {
            if let Ok(size) = size_of_file(&self.file) {
                self.size = size;
            }
            self.measured = self.size;
        }
        self.size + self.buffer.len() as u64 >= self.options.limit
    }

    /// Sets the file aside and begins a new one.
    fn rotate(&mut self) -> io::Result<()> {
        let aside = with_suffix(&self.path, if self.rotated { ".old" } else { ".first" });
        std::fs::rename(&self.path, aside)?;
        self.rotated = true;
        let (file, size) = create(&self.path, &self.options, false)?;
        self.previous = Some(core::mem::replace(&mut self.file, file));
        (self.size, self.measured) = (size, size);
        Ok(())
    }

    /// Says what went wrong, once.
    fn report(&mut self, result: io::Result<()>, what: &str) {
        if let Err(err) = result
            && !core::mem::replace(&mut self.failing, true)
        {
            // The original stderr may be this very file; then there is nobody left to tell.
            let _ = writeln!(io::stderr(), "{}: {what}: {err}", self.path.display());
        }
    }
}

/// `path` with more at its end.
fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut path = path.as_os_str().to_owned();
    path.push(suffix);
    path.into()
}

/// Opens the file under a high descriptor, and as stderr if wanted; tells its size.
fn create(path: &Path, options: &Options, truncate: bool) -> io::Result<(OwnedFd, u64)> {
    let mut how = OpenOptions::new();
    how.read(true).append(true).create(true).mode(0o644);
    let file: OwnedFd = how.open(path)?.into();
    if truncate {
        // SAFETY: an open descriptor.
        check(unsafe { libc::ftruncate(file.as_raw_fd(), 0) })?;
    }
    if options.with_stderr {
        // SAFETY: an open descriptor; stderr stays open, on another file.
        check(unsafe { libc::dup2(file.as_raw_fd(), libc::STDERR_FILENO) })?;
    }
    // SAFETY: an open descriptor; what comes back is new and nobody else's.
    let high = unsafe { libc::fcntl(file.as_raw_fd(), libc::F_DUPFD_CLOEXEC, FIRST_DESCRIPTOR) };
    // A process may be limited to fewer descriptors; then the low one has to do.
    // SAFETY: as above.
    let file = if high < 0 { file } else { unsafe { OwnedFd::from_raw_fd(high) } };
    let size = size_of_file(&file)?;
    Ok((file, size))
}

/// The error of a system call that returned `rc`.
fn check(rc: i32) -> io::Result<()> {
    if rc < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

fn size_of_file(file: &OwnedFd) -> io::Result<u64> {
    Ok(File::from(file.try_clone()?).metadata()?.len())
}

fn fsync(file: &OwnedFd) -> io::Result<()> {
    // SAFETY: an open descriptor.
    match check(unsafe { libc::fsync(file.as_raw_fd()) }) {
        // Not a file: a terminal, a pipe, /dev/null.
        Err(err) if err.raw_os_error() == Some(libc::EINVAL) => Ok(()),
        result => result,
    }
}

/// Writes all of `bytes`, however many calls that takes.
fn write_all(file: &OwnedFd, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        // SAFETY: an open descriptor and that many readable bytes.
        let written = unsafe { libc::write(file.as_raw_fd(), bytes.as_ptr().cast(), bytes.len()) };
        match usize::try_from(written) {
            Ok(written) => bytes = &bytes[written..],
            Err(_) => {
                let err = io::Error::last_os_error();
                if err.kind() != io::ErrorKind::Interrupted {
                    return Err(err);
                }
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A directory of this test's own, removed at the end.
    struct Dir(PathBuf);

    impl Dir {
        fn new(name: &str) -> Self {
            let dir = std::env::temp_dir().join(format!("gurt-log-{name}-{}", std::process::id()));
            std::fs::create_dir_all(&dir).unwrap();
            Dir(dir)
        }

        fn read(&self, name: &str) -> String {
            std::fs::read_to_string(self.0.join(name)).unwrap()
        }
    }

    impl Drop for Dir {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    fn options() -> Options {
        Options { truncate: false, with_stderr: false, limit: 1 << 20 }
    }

    #[test]
    #[cfg_attr(miri, ignore = "files")]
    fn lines_stay_buffered_until_an_important_one() {
        let dir = Dir::new("buffer");
        let mut file = LogFile::open(&dir.0.join("log"), options()).unwrap();
        file.append(&[b"one ", b"line\n"], false);
        assert_eq!(dir.read("log"), "");
        file.append(&[b"two\n"], true);
        assert_eq!(dir.read("log"), "one line\ntwo\n");
    }

    #[test]
    #[cfg_attr(miri, ignore = "files")]
    fn an_existing_file_is_continued_or_emptied() {
        let dir = Dir::new("append");
        std::fs::write(dir.0.join("log"), "before\n").unwrap();
        LogFile::open(&dir.0.join("log"), options()).unwrap().append(&[b"after\n"], true);
        assert_eq!(dir.read("log"), "before\nafter\n");
        LogFile::open(&dir.0.join("log"), Options { truncate: true, ..options() }).unwrap();
        assert_eq!(dir.read("log"), "");
    }

    #[test]
    #[cfg_attr(miri, ignore = "files")]
    fn full_files_are_set_aside_and_no_line_is_lost() {
        let dir = Dir::new("rotate");
        let mut file = LogFile::open(&dir.0.join("log"), Options { limit: 90, ..options() }).unwrap();
        for number in 0..12 {
            file.append(&[format!("line {number:02} of twenty\n").as_bytes()], true);
        }
        file.sync();
        let lines = |name| dir.read(name).lines().map(|line| line[5..7].to_owned()).collect::<Vec<_>>();
        assert_eq!(lines("log.first"), ["00", "01", "02", "03"]);
        assert_eq!(lines("log.old"), ["04", "05", "06", "07"]);
        assert_eq!(lines("log"), ["08", "09", "10", "11"]);
    }

    #[test]
    #[cfg_attr(miri, ignore = "files")]
    fn a_renamed_file_goes_on_under_its_new_name() {
        let dir = Dir::new("rename");
        let mut file = LogFile::open(&dir.0.join("log"), options()).unwrap();
        file.rename(".rank=3").unwrap();
        file.append(&[b"x\n"], true);
        assert_eq!(dir.read("log.rank=3"), "x\n");
        assert_eq!(file.path(), dir.0.join("log.rank=3"));
    }

    #[test]
    #[cfg_attr(miri, ignore = "files")]
    fn a_full_device_costs_lines_but_nothing_else() {
        let mut file = LogFile::open(Path::new("/dev/full"), options()).unwrap();
        file.append(&[b"lost\n"], true);
        assert!(file.failing && file.buffer.is_empty());
        file.append(&[b"lost too\n"], true);
        file.sync();
    }
}
