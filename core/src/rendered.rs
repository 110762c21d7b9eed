//! Representations that are kept: whoever polls gets the same bytes again at the price of a look, and what nobody reads any
//! more goes.
//!
//! They are kept in two generations of slots, each of which is filled once and never changed: so a read takes no lock.
//! What is read from the older one goes on into the newer one. The single writer puts a new generation in the place of
//! the newer one from time to time, and when that is full; the older one then goes, with what nobody has read.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use crate::http::Representation;

/// Representations that are kept, each for one record: records are told apart by their revisions, and another record has
/// another one.
#[derive(Clone, Debug)]
pub(crate) struct Rendered {
    newer: Arc<Generation>,
    older: Arc<Generation>,
}

#[derive(Debug)]
struct Generation {
    /// Made when the first is kept.
    slots: OnceLock<Box<[OnceLock<Box<Kept>>]>>,
    /// How many bytes they may take, and take.
    limit: usize,
    taken: AtomicUsize,
    /// One was not kept for lack of room.
    full: AtomicBool,
}

#[derive(Debug)]
struct Kept {
    revision: u64,
    representation: Representation,
}

impl Rendered {
    /// Nothing yet, and never more than so many bytes.
    pub(crate) fn new(limit: usize) -> Self {
        let generation = Arc::new(Generation::new(limit / 2));
        Self { newer: Arc::clone(&generation), older: generation }
    }

    /// The representation of a record, which is rendered if it is not kept.
    pub(crate) fn get_or_render(&self, revision: u64, render: impl FnOnce() -> Representation) -> Representation {
        if let Some(kept) = self.newer.get(revision) {
            return kept.clone();
        }
        let representation = match self.older.get(revision) {
            Some(kept) => kept.clone(),
            None => render().kept(),
        };
        self.newer.keep(revision, &representation);
        representation
    }

    /// The same with a new generation; `None` if nothing is kept that could go.
    pub(crate) fn renewed(&self) -> Option<Self> {
        let limit = self.newer.limit;
        let is_empty = self.newer.is_empty() && self.older.is_empty();
        (!is_empty).then(|| Self { newer: Arc::new(Generation::new(limit)), older: Arc::clone(&self.newer) })
    }

    /// Whether one was not kept for lack of room.
    pub(crate) fn is_full(&self) -> bool {
        self.newer.full.load(Ordering::Relaxed)
    }
}

impl Generation {
    const fn new(limit: usize) -> Self {
        Self { slots: OnceLock::new(), limit, taken: AtomicUsize::new(0), full: AtomicBool::new(false) }
    }

    fn is_empty(&self) -> bool {
        self.taken.load(Ordering::Relaxed) == 0
    }

    fn get(&self, revision: u64) -> Option<&Representation> {
        let slots = self.slots.get()?;
        let kept = places(slots, revision).find_map(|slot| slot.get().filter(|kept| kept.revision == revision))?;
        Some(&kept.representation)
    }

    fn keep(&self, revision: u64, representation: &Representation) {
        let cost = cost(representation);
        if self.taken.fetch_add(cost, Ordering::Relaxed) + cost <= self.limit {
            let slots = self.slots.get_or_init(|| (0..self.limit / BYTES_PER_SLOT).map(|_| OnceLock::new()).collect());
            let mut kept = Box::new(Kept { revision, representation: representation.clone() });
            for slot in places(slots, revision) {
                match slot.set(kept) {
                    Ok(()) => return,
                    Err(back) => kept = back,
                }
            }
        }
        self.taken.fetch_sub(cost, Ordering::Relaxed);
        self.full.store(true, Ordering::Relaxed);
    }
}

/// The slots in which a record may be. Revisions are numbers in a row, so that records that are about as old have slots
/// of their own.
fn places(slots: &[OnceLock<Box<Kept>>], revision: u64) -> impl Iterator<Item = &OnceLock<Box<Kept>>> {
    let count = slots.len().max(1) as u64;
    (0..PLACES).filter_map(move |place| {
        let index = revision.wrapping_add(place.wrapping_mul(STRIDE)) % count;
        slots.get(usize::try_from(index).ok()?)
    })
}

/// What keeping one takes: its body, the same compressed, which comes when somebody asks for it, and what is around them.
fn cost(representation: &Representation) -> usize {
    representation.body.len() * 3 / 2 + 256
}

/// A system takes four kilobytes with all that: there are twice as many slots as are needed, so that few have to be shared.
const BYTES_PER_SLOT: usize = 2_048;

/// How many slots a record may be in.
const PLACES: u64 = 4;

/// How far these are apart: a prime, so that records in a row do not all look at each other's.
const STRIDE: u64 = 127;

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::http::MediaType;

    fn representation(length: usize) -> Representation {
        Representation::of_document(MediaType::Json, Bytes::from(vec![b'x'; length]))
    }

    /// Reads, and says whether it was kept.
    fn read(rendered: &Rendered, revision: u64) -> bool {
        let mut kept = true;
        rendered.get_or_render(revision, || {
            kept = false;
            representation(2_500)
        });
        kept
    }

    #[test]
    fn what_is_read_is_kept_and_goes_when_nobody_reads_it() {
        let mut rendered = Rendered::new(1 << 20);
        assert!(!read(&rendered, 7) && read(&rendered, 7) && !read(&rendered, 8));
        for _ in 0..10 {
            rendered = rendered.renewed().unwrap();
            assert!(read(&rendered, 7), "it is read in every generation");
        }
        assert!(!read(&rendered, 8), "and this is not");
        let idle = rendered.renewed().unwrap().renewed().unwrap();
        assert!(idle.newer.is_empty() && idle.older.is_empty() && idle.renewed().is_none());
    }

    #[test]
    fn no_more_is_kept_than_there_is_room_for() {
        let limit = 1 << 20;
        let mut rendered = Rendered::new(limit);
        let mut most = 0;
        for revision in 0..20_000 {
            read(&rendered, revision);
            if rendered.is_full() {
                rendered = rendered.renewed().unwrap();
            }
            most =
                most.max(rendered.newer.taken.load(Ordering::Relaxed) + rendered.older.taken.load(Ordering::Relaxed));
        }
        assert!((limit * 9 / 10..=limit).contains(&most), "{most}");
        let nothing = Rendered::new(0);
        assert!(!read(&nothing, 1) && !read(&nothing, 1), "nothing is kept if that is what is wanted");
    }

    #[test]
    fn records_in_a_row_do_not_take_each_others_slots() {
        let rendered = Rendered::new(1 << 20);
        // As many as half of the room is for, and every tenth changes again and again.
        let count = (1 << 19) / (2_500 * 3 / 2 + 256);
        let revisions: Vec<u64> =
            (0..count).map(|number| if number % 10 == 0 { number + 90_000 } else { number }).collect();
        let kept =
            revisions.iter().filter(|revision| !read(&rendered, **revision) && read(&rendered, **revision)).count();
        assert!(kept * 100 >= revisions.len() * 97, "{kept} of {}", revisions.len());
    }
}
