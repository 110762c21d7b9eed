//! Taking what has happened from several sources, so that none is kept waiting by another that never rests.

/// Where inputs of the engine come from, besides the clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// Passwords that have been worked on.
    Passwords,
    /// Streams whose clients have gone.
    Streams,
    /// What clients want done.
    Submissions,
    /// What comes back for outbound requests.
    Answers,
}

impl Source {
    /// All of them, in the order in which they have their turn.
    pub const ALL: [Self; 4] = [Self::Passwords, Self::Streams, Self::Submissions, Self::Answers];

    /// How many inputs of it are taken before the next has its turn. A piece of an answer may hold many objects, each of
    /// which takes some ten microseconds; a submission takes up to ten times that. A whole round is over within some ten
    /// milliseconds.
    pub const fn batch(self) -> usize {
        match self {
            Self::Passwords | Self::Streams => 64,
            Self::Submissions | Self::Answers => 32,
        }
    }
}

/// One round: each source has as many turns as its batch, and fewer if it runs out. `turn` takes the next input of a source
/// and handles it, if there is one; whether there was. Between two rounds the caller looks at the clock.
pub fn round(mut turn: impl FnMut(Source) -> bool) {
    for source in Source::ALL {
        for _ in 0..source.batch() {
            if !turn(source) {
                break;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// D18: however much there is of anything, everything else has its turn in every round.
    #[test]
    fn a_source_that_never_rests_keeps_no_other_waiting() {
        for flood in Source::ALL {
            for victim in Source::ALL.into_iter().filter(|victim| *victim != flood) {
                let (mut served, mut flooded, mut rounds) = (0, 0, 0);
                while served < 10 {
                    let mut waiting = 1;
                    round(|source| {
                        let is_there = source == flood || (source == victim && waiting > 0);
                        waiting -= i32::from(source == victim && is_there);
                        served += i32::from(source == victim && is_there);
                        flooded += usize::from(source == flood);
                        is_there
                    });
                    rounds += 1;
                }
                assert_eq!((rounds, flooded), (10, 10 * flood.batch()), "{victim:?} behind {flood:?}");
            }
        }
    }
}
