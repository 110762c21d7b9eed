//! Connections: how many there may be and of whom, which one has to go for another, and when one is given up.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use super::client_of;
use crate::time::Instant;

/// What a server takes from its clients at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections at a time.
    pub connections: usize,
    /// Connections of one client at a time: of an address, or of an IPv6 network of 64 bits.
    pub connections_of_client: usize,
    /// The time for a TLS handshake.
    pub handshake: Duration,
    /// The time from the beginning of a connection until its first request has been read.
    pub first_request: Duration,
    /// How long a connection without requests is kept; `None` for ever. A client that polls more often than this
    /// pays for one handshake only.
    pub idle: Option<Duration>,
    /// How long a client may take its answers more slowly than [`SLOWEST`].
    pub stuck: Duration,
    /// Bytes of a request's head.
    pub head: usize,
    /// Requests at a time on one connection.
    pub streams: u32,
    /// Bytes of answers that wait on one connection until its next request is looked at.
    pub unread: usize,
    /// How long requests may take to be finished once the server has been told to stop.
    pub grace: Duration,
}

impl Limits {
    /// Of a listener that only those come to who look after the service.
    pub fn of_metrics() -> Self {
        Self {
            connections: METRICS_CONNECTIONS,
            connections_of_client: METRICS_CONNECTIONS,
            grace: Duration::ZERO,
            ..Self::default()
        }
    }
}

/// Connections at a time to the listener for metrics and probes.
const METRICS_CONNECTIONS: usize = 64;

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 1_024,
            connections_of_client: 256,
            handshake: Duration::from_secs(10),
            first_request: Duration::from_secs(10),
            idle: Some(Duration::from_secs(90)),
            stuck: Duration::from_secs(30),
            head: 64 * 1024,
            streams: 64,
            unread: 256 * 1024,
            // With the pause before it, and what the rest needs to end, less than the 30 seconds that a pod gets.
            grace: Duration::from_secs(20),
        }
    }
}

/// The slowest that a client may take what it is sent, in bytes a second.
pub const SLOWEST: u64 = 1_024;

/// Files that a process has open besides the connections of its clients: those to the cluster, to receivers of events, to
/// image servers, and a few more.
pub const OTHER_FILES: usize = 192;

impl Limits {
    /// The same for a process that may have so many files open, each connection being one.
    #[must_use]
    pub fn within(self, open_files: usize) -> Self {
        let connections = self.connections.min(open_files.saturating_sub(OTHER_FILES).max(16));
        Self { connections, connections_of_client: self.connections_of_client.min(connections / 2), ..self }
    }
}

/// What a connection is good for, in the order in which they have to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// Nobody has logged in on it and nothing is being answered; it may never have sent a whole request.
    Anonymous,
    /// Nobody has logged in on it, and it has sent a request, or a part of one.
    Asking,
    /// Somebody has logged in on it, and nothing is being answered.
    Idle,
    /// Something is being answered to somebody who has logged in. It never has to go.
    Busy,
}

/// A connection that there is.
#[derive(Clone, Copy, Debug)]
pub struct Present<I> {
    /// What it is known by.
    pub id: I,
    /// The address at its other end.
    pub client: IpAddr,
    /// What it is good for.
    pub standing: Standing,
    /// When its last answer ended, or when it began.
    pub since: Instant,
}

/// What becomes of one more connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission<I> {
    /// There is room.
    Welcome,
    /// It takes the place of another, which has to be closed.
    Instead(I),
    /// There is no room: it has to be closed.
    Refused,
}

impl Limits {
    /// Whether one more connection is taken from a client, and at whose cost.
    ///
    /// Who has as many as one may have gives up one of its own. When there are as many as there may be, the one goes that
    /// nobody has logged in on and that has been idle for the longest; then others that have been, but never that of a
    /// client with fewer connections than the one who comes.
    pub fn admit<I: Copy>(&self, newcomer: IpAddr, present: &[Present<I>]) -> Admission<I> {
        let newcomer = client_of(newcomer);
        let own = |one: &&Present<I>| client_of(one.client) == newcomer;
        let owned = present.iter().filter(own).count();
        if owned >= self.connections_of_client {
            return instead_of_first(present.iter().filter(own));
        }
        if present.len() < self.connections {
            return Admission::Welcome;
        }
        let mut counts: BTreeMap<IpAddr, usize> = BTreeMap::new();
        for one in present {
            *counts.entry(client_of(one.client)).or_default() += 1;
        }
        let count = |one: &Present<I>| counts.get(&client_of(one.client)).copied().unwrap_or_default();
        instead_of_first(present.iter().filter(|one| one.standing < Standing::Idle || count(one) >= owned.max(1)))
    }
}

fn instead_of_first<'a, I: Copy + 'a>(candidates: impl Iterator<Item = &'a Present<I>>) -> Admission<I> {
    let first = candidates.filter(|one| one.standing < Standing::Busy).min_by_key(|one| (one.standing, one.since));
    first.map_or(Admission::Refused, |one| Admission::Instead(one.id))
}

/// What is seen of a connection when it is looked at.
#[derive(Clone, Copy, Debug)]
pub struct Seen {
    /// A whole request's head has been read from it.
    pub asked: bool,
    /// How long nothing has been answered on it; `None` while something is.
    pub quiet: Option<Duration>,
    /// What it is to be sent cannot be, because its client takes nothing.
    pub blocked: bool,
    /// Bytes that its client has taken so far.
    pub taken: u64,
}

/// Decides when a connection is given up.
#[derive(Debug)]
pub struct Watchdog {
    limits: Limits,
    begin: Instant,
    /// When it was looked at last, how much had been taken by then, and since when that has been too little.
    last: Instant,
    taken: u64,
    slow_since: Option<Instant>,
}

/// What is to be done about a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Look at it again then.
    LookAt(Instant),
    /// Close it: nothing has come from it for too long.
    Idle,
    /// Close it at once: its client does not take what it is sent.
    Stuck,
}

impl Watchdog {
    /// Watches over a connection on which requests may be sent from now on.
    pub const fn new(limits: Limits, now: Instant) -> Self {
        Self { limits, begin: now, last: now, taken: 0, slow_since: None }
    }

    /// Looks at it.
    pub fn look(&mut self, now: Instant, seen: Seen) -> Verdict {
        let Seen { asked, quiet, blocked, taken } = seen;
        let time = now.saturating_since(self.last);
        let little = taken.saturating_sub(self.taken) < SLOWEST.saturating_mul(time.as_secs().max(1));
        let since = self.last;
        (self.last, self.taken) = (now, taken);
        self.slow_since = (blocked && little).then(|| self.slow_since.unwrap_or(since));
        if self.slow_since.is_some_and(|since| now.saturating_since(since) >= self.limits.stuck) {
            return Verdict::Stuck;
        }
        let soon = (self.limits.stuck / 2).min(self.limits.idle.unwrap_or(FAR));
        let left = match (asked, quiet, self.limits.idle) {
            (false, ..) => {
                let left = self.limits.first_request.checked_sub(now.saturating_since(self.begin));
                left.map(|left| left.min(soon))
            }
            (true, None, _) => Some(soon),
            (true, Some(_), None) => Some(FAR),
            (true, Some(quiet), Some(idle)) => idle.checked_sub(quiet),
        };
        match left.filter(|left| !left.is_zero()) {
            Some(left) => Verdict::LookAt(now + if blocked { left.min(soon) } else { left }),
            None => Verdict::Idle,
        }
    }
}

/// Until then something else will have happened.
const FAR: Duration = Duration::from_hours(1);

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Instant {
        Instant::new(Duration::from_secs(seconds))
    }

    fn one(id: u32, client: &str, standing: Standing, since: u64) -> Present<u32> {
        Present { id, client: client.parse().unwrap(), standing, since: at(since) }
    }

    fn limits(connections: usize, connections_of_client: usize) -> Limits {
        Limits { connections, connections_of_client, ..Limits::default() }
    }

    const VICTIM: &str = "10.0.0.9";

    fn admit(limits: Limits, client: &str, present: &[Present<u32>]) -> Admission<u32> {
        limits.admit(client.parse().unwrap(), present)
    }

    /// D11: connections without a log-in keep nobody out, however many there are.
    #[test]
    fn the_longest_idle_connection_without_a_log_in_goes_first() {
        let mut present: Vec<_> = (0..1_024)
            .map(|id| one(id, &format!("10.1.{}.1", id % 8), Standing::Anonymous, 5_000 - u64::from(id)))
            .collect();
        assert_eq!(admit(Limits::default(), VICTIM, &present), Admission::Instead(1_023));
        present[1_023] = one(1_023, "10.2.0.1", Standing::Idle, 0);
        present[1_022] = one(1_022, "10.2.0.1", Standing::Asking, 0);
        assert_eq!(admit(Limits::default(), VICTIM, &present), Admission::Instead(1_021));
    }

    #[test]
    fn one_client_has_no_more_than_its_share_and_pays_for_more_itself() {
        let others = [one(90, "10.2.0.1", Standing::Anonymous, 0), one(91, "10.2.0.2", Standing::Idle, 0)];
        let mut present: Vec<_> = (0..8).map(|id| one(id, VICTIM, Standing::Idle, 100 - u64::from(id))).collect();
        present.extend(others);
        assert_eq!(admit(limits(64, 8), VICTIM, &present), Admission::Instead(7), "its own, though another is older");
        assert_eq!(admit(limits(64, 8), "10.0.0.8", &present), Admission::Welcome);
        for connection in &mut present[..8] {
            connection.standing = Standing::Busy;
        }
        assert_eq!(admit(limits(64, 8), VICTIM, &present), Admission::Refused);
    }

    #[test]
    fn addresses_of_one_ipv6_network_are_one_client() {
        let present: Vec<_> =
            (0..4).map(|id| one(id, &format!("2001:db8:0:1::{id}"), Standing::Anonymous, u64::from(id))).collect();
        assert_eq!(admit(limits(64, 4), "2001:db8:0:1:ffff::1", &present), Admission::Instead(0));
        assert_eq!(admit(limits(64, 4), "2001:db8:0:2::1", &present), Admission::Welcome);
    }

    #[test]
    fn who_has_many_does_not_push_out_who_has_few() {
        let few = [one(1, VICTIM, Standing::Idle, 0), one(2, VICTIM, Standing::Idle, 1)];
        let many = (10..16).map(|id| one(id, "10.0.0.1", Standing::Idle, 50));
        let present: Vec<_> = few.into_iter().chain(many).collect();
        assert_eq!(admit(limits(8, 8), "10.0.0.1", &present), Admission::Instead(10), "one of its own");
        assert_eq!(admit(limits(8, 8), "10.0.0.2", &present), Admission::Instead(1), "the longest idle");
        let busy: Vec<_> = present.iter().map(|one| Present { standing: Standing::Busy, ..*one }).collect();
        assert_eq!(admit(limits(8, 8), "10.0.0.2", &busy), Admission::Refused);
    }

    #[test]
    fn a_process_with_few_files_has_fewer_connections() {
        let limits = Limits::default();
        assert_eq!(limits.within(1_048_576).connections, 1_024);
        assert_eq!((limits.within(1_024).connections, limits.within(1_024).connections_of_client), (832, 256));
        assert_eq!((limits.within(256).connections, limits.within(256).connections_of_client), (64, 32));
    }

    const SEEN: Seen = Seen { asked: true, quiet: None, blocked: false, taken: 0 };

    #[test]
    fn who_says_nothing_is_given_up() {
        let mut watchdog = Watchdog::new(Limits::default(), at(100));
        let silent = |seconds| Seen { asked: false, quiet: Some(Duration::from_secs(seconds)), ..SEEN };
        assert_eq!(watchdog.look(at(104), silent(4)), Verdict::LookAt(at(110)));
        assert_eq!(watchdog.look(at(110), silent(10)), Verdict::Idle);
        let quiet = |seconds| Seen { quiet: Some(Duration::from_secs(seconds)), ..SEEN };
        assert_eq!(watchdog.look(at(200), quiet(60)), Verdict::LookAt(at(230)));
        assert_eq!(watchdog.look(at(230), quiet(90)), Verdict::Idle);
        // It is looked at as often as it may be idle, whatever it does: nothing else watches the time of a head.
        let mut hasty = Watchdog::new(Limits { idle: Some(Duration::from_secs(1)), ..Limits::default() }, at(0));
        assert_eq!(hasty.look(at(0), Seen { quiet: None, ..quiet(0) }), Verdict::LookAt(at(1)));
        assert_eq!(hasty.look(at(1), quiet(0)), Verdict::LookAt(at(2)));
        assert_eq!(hasty.look(at(2), quiet(1)), Verdict::Idle);
        let mut patient = Watchdog::new(Limits { idle: None, ..Limits::default() }, at(0));
        assert!(matches!(patient.look(at(9_000), quiet(9_000)), Verdict::LookAt(_)));
    }

    #[test]
    fn who_takes_nothing_or_next_to_nothing_is_given_up_and_who_is_slow_is_not() {
        for (a_second, given_up) in [(0, true), (100, true), (2_000, false)] {
            let mut watchdog = Watchdog::new(Limits::default(), at(0));
            let mut now = 0;
            let end = loop {
                let seen = Seen { blocked: true, taken: now * a_second, ..SEEN };
                match watchdog.look(at(now), seen) {
                    Verdict::LookAt(next) if now < 600 => now = next.since_start().as_secs(),
                    end => break end,
                }
            };
            assert_eq!(end == Verdict::Stuck, given_up, "{a_second} bytes a second: {end:?}");
            assert!(!given_up || (30..=45).contains(&now), "after {now} seconds");
        }
    }
}
