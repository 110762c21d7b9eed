//! Writes the lines of the log, in a thread of its own: whoever reads them may stop reading, and a disk may be full.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant, SystemTime};

use kubevirt_redfish_core::fairness::{LOG_BYTES, LOG_LINES};
use kubevirt_redfish_core::time::UnixTime;
use tracing_subscriber::fmt::MakeWriter;

use super::json;
use super::sources::Sources;

/// Where lines are left to be written.
#[derive(Clone, Debug)]
pub(super) struct Writer {
    lines: SyncSender<Message>,
    state: Arc<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Bytes of lines that wait.
    waiting: AtomicUsize,
    /// Lines that were not written, and of which nothing has been said.
    dropped: AtomicU64,
    /// Lines of some source have been left out, and it is known that this is to be said.
    left_out: AtomicBool,
}

#[derive(Debug)]
enum Message {
    Line(Vec<u8>),
    /// Lines of some source have been left out.
    LeftOut,
    /// Everything before this has been written when there is an answer.
    Flush(SyncSender<()>),
}

impl Writer {
    /// Begins to write to `out`.
    pub(super) fn start(out: impl Write + Send + 'static, is_json: bool, sources: Arc<Sources>) -> io::Result<Self> {
        let (lines, messages) = sync_channel(LOG_LINES);
        let state = Arc::new(State::default());
        let pen = Pen { out, is_json, state: Arc::clone(&state), torn: false };
        std::thread::Builder::new().name("log".to_owned()).spawn(move || run(&messages, pen, &sources))?;
        Ok(Self { lines, state })
    }

    /// Waits until everything has been written, but no longer than a moment: perhaps nobody reads it.
    pub(super) fn flush(&self) {
        let (written, answer) = sync_channel(1);
        let deadline = Instant::now() + LAST_MOMENT;
        let mut message = Message::Flush(written);
        while let Err(std::sync::mpsc::TrySendError::Full(back)) = self.lines.try_send(message) {
            if Instant::now() >= deadline {
                return;
            }
            message = back;
            std::thread::sleep(Duration::from_millis(10));
        }
        let _ = answer.recv_timeout(deadline.saturating_duration_since(Instant::now()));
    }

    /// Lines of some source have been left out, which is to be said before long.
    pub(super) fn left_out(&self) {
        let is_known = self.state.left_out.swap(true, Ordering::Relaxed);
        if !is_known && self.lines.try_send(Message::LeftOut).is_err() {
            self.state.left_out.store(false, Ordering::Relaxed);
        }
    }

    fn write(&self, line: &[u8]) {
        let waiting = self.state.waiting.fetch_add(line.len(), Ordering::Relaxed);
        let fits = waiting.saturating_add(line.len()) <= LOG_BYTES;
        if !fits || self.lines.try_send(Message::Line(line.to_vec())).is_err() {
            self.state.waiting.fetch_sub(line.len(), Ordering::Relaxed);
            self.state.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl<'a> MakeWriter<'a> for Writer {
    type Writer = &'a Self;

    fn make_writer(&'a self) -> Self::Writer {
        self
    }
}

/// Every call is one line.
impl Write for &Writer {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        Writer::write(self, line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn run(messages: &Receiver<Message>, mut pen: Pen<impl Write>, sources: &Sources) {
    let mut sum_up_at: Option<Instant> = None;
    loop {
        let message = match sum_up_at {
            Some(at) => messages.recv_timeout(at.saturating_duration_since(Instant::now())),
            None => messages.recv().map_err(|_| RecvTimeoutError::Disconnected),
        };
        match message {
            Ok(Message::Line(line)) => pen.line(&line),
            Ok(Message::LeftOut) => sum_up_at = Some(Instant::now() + SUMMED_UP_EVERY),
            Ok(Message::Flush(written)) => {
                sources.sum_up();
                // What that has said waits in the same line, after whoever asked.
                while let Ok(message) = messages.try_recv() {
                    if let Message::Line(line) = message {
                        pen.line(&line);
                    }
                }
                let _ = written.try_send(());
            }
            Err(RecvTimeoutError::Timeout) => {
                sum_up_at = None;
                pen.state.left_out.store(false, Ordering::Relaxed);
                sources.sum_up();
            }
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

/// Writes lines, and says when some could not be written.
struct Pen<W> {
    out: W,
    is_json: bool,
    state: Arc<State>,
    /// The last line was not written to its end.
    torn: bool,
}

impl<W: Write> Pen<W> {
    fn line(&mut self, line: &[u8]) {
        let dropped = self.state.dropped.load(Ordering::Relaxed);
        if dropped > 0 && self.write(self.lost(dropped).as_bytes()) {
            self.state.dropped.fetch_sub(dropped, Ordering::Relaxed);
        }
        if !self.write(line) {
            self.state.dropped.fetch_add(1, Ordering::Relaxed);
        }
        self.state.waiting.fetch_sub(line.len(), Ordering::Relaxed);
    }

    fn write(&mut self, line: &[u8]) -> bool {
        let end: &[u8] = if self.torn { b"\n" } else { b"" };
        let written = self.out.write_all(end).and_then(|()| self.out.write_all(line)).and_then(|()| self.out.flush());
        self.torn = written.is_err();
        written.is_ok()
    }

    /// The line that says what is missing, in the form of the others.
    fn lost(&self, dropped: u64) -> String {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
        let time = UnixTime(i64::try_from(now).unwrap_or_default());
        if self.is_json {
            json::line(&json::now(), "WARN", LOST, &BTreeMap::from([("dropped", dropped.into())]))
        } else {
            format!("{time}  WARN {LOST} dropped={dropped}\n")
        }
    }
}

const LOST: &str = "lines of the log were dropped: nobody read them, or they could not be written";

/// Prints to standard error before the process ends, but does not wait for long: perhaps nobody reads it.
pub(crate) fn last_words(text: String) {
    let (written, answer) = sync_channel(1);
    let write = move || {
        let _ = io::stderr().write_all(text.as_bytes());
        let _ = written.try_send(());
    };
    if std::thread::Builder::new().spawn(write).is_ok() {
        let _ = answer.recv_timeout(LAST_MOMENT);
    }
}

/// How long the end of the process waits for the log to be read.
const LAST_MOMENT: Duration = Duration::from_secs(2);

/// How often it is said how many lines have been left out.
const SUMMED_UP_EVERY: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use std::sync::{Condvar, Mutex};

    use super::*;

    /// What is written to, which refuses or waits for as long as it is told to.
    #[derive(Clone, Default)]
    struct Paper(Arc<Sheet>);

    #[derive(Default)]
    struct Sheet {
        state: Mutex<(Mode, Vec<u8>)>,
        changed: Condvar,
    }

    #[derive(Clone, Copy, Default, PartialEq)]
    enum Mode {
        #[default]
        Takes,
        Waits,
        Refuses,
    }

    impl Paper {
        fn set(&self, mode: Mode) {
            self.0.state.lock().unwrap().0 = mode;
            self.0.changed.notify_all();
        }

        fn text(&self) -> String {
            String::from_utf8(self.0.state.lock().unwrap().1.clone()).unwrap()
        }
    }

    impl Write for Paper {
        fn write(&mut self, data: &[u8]) -> io::Result<usize> {
            let state = self.0.state.lock().unwrap();
            let mut state = self.0.changed.wait_while(state, |state| state.0 == Mode::Waits).unwrap();
            if state.0 == Mode::Refuses {
                return Err(io::Error::from(io::ErrorKind::StorageFull));
            }
            state.1.extend_from_slice(data);
            Ok(data.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// M7: whoever logs does not wait, what is missing is counted, and it is said as soon as anything can be written.
    #[test]
    fn who_logs_never_waits_and_what_is_missing_is_said() {
        for mode in [Mode::Waits, Mode::Refuses] {
            let paper = Paper::default();
            let writer = Writer::start(paper.clone(), true, Arc::new(Sources::new())).unwrap();
            paper.set(mode);
            for number in 0..3 * LOG_LINES {
                writer.write(format!("{number}\n").as_bytes());
            }
            let large = vec![b'x'; LOG_BYTES + 1];
            writer.write(&large);
            paper.set(Mode::Takes);
            writer.flush();
            writer.write(b"last\n");
            writer.flush();
            let text = paper.text();
            assert!(text.ends_with("last\n"), "{text}");
            let written = text.lines().filter(|line| line.parse::<usize>().is_ok()).count();
            let lost = text.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
            let lost: u64 = lost.filter_map(|line| line["fields"]["dropped"].as_u64()).sum();
            assert_eq!(written as u64 + lost, 3 * LOG_LINES as u64 + 1, "{text}");
            assert!(lost >= LOG_LINES as u64);
        }
    }

    #[test]
    fn the_end_does_not_wait_for_a_reader_who_never_comes() {
        let paper = Paper::default();
        let writer = Writer::start(paper.clone(), false, Arc::new(Sources::new())).unwrap();
        paper.set(Mode::Waits);
        for _ in 0..2 * LOG_LINES {
            writer.write(b"x\n");
        }
        let begin = Instant::now();
        writer.flush();
        assert!(begin.elapsed() < 2 * LAST_MOMENT);
        paper.set(Mode::Takes);
    }
}
