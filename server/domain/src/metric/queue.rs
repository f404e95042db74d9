//! What waits to be written: bounded in number and bytes, and taken in turns, so that whoever sends much waits behind
//! themselves and not before others.

use entity::id::BusinessId;
use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
};
use tokio::sync::Notify;

/// How much may wait, and how much is taken at a time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Room {
    /// Entries that may wait.
    pub(crate) entries: usize,
    /// Bytes that may wait.
    pub(crate) bytes: usize,
    /// Entries taken at a time when one business waits.
    pub(crate) taken_alone: usize,
    /// Entries taken at a time when several wait: a commit is then short, and nobody waits long for somebody else's.
    pub(crate) taken_shared: usize,
    /// Bytes taken at a time.
    pub(crate) taken_bytes: usize,
}

/// Something that can wait.
pub(crate) trait Entry {
    fn business(&self) -> BusinessId;
    fn bytes(&self) -> usize;
}

struct Lane<T> {
    entries: VecDeque<T>,
    bytes: usize,
}

struct State<T> {
    lanes: HashMap<BusinessId, Lane<T>>,
    /// Businesses that wait, in the order of their turns.
    turns: VecDeque<BusinessId>,
    entries: usize,
    bytes: usize,
    is_closed: bool,
}

pub(crate) struct Queue<T> {
    room: Room,
    state: Mutex<State<T>>,
    wake: Notify,
}

impl<T: Entry> Queue<T> {
    pub(crate) fn new(room: Room) -> Self {
        let state =
            State { lanes: HashMap::new(), turns: VecDeque::new(), entries: 0, bytes: 0, is_closed: false };
        Self { room, state: Mutex::new(state), wake: Notify::new() }
    }

    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets an entry wait. Where there is no room, the newest entries of the business that has most waiting go, as long
    /// as that is another one that has more; whoever has most is refused. What was not taken comes back.
    pub(crate) fn push(&self, entry: T) -> Result<Vec<T>, T> {
        let (business, bytes) = (entry.business(), entry.bytes());
        let mut state = self.state();
        if state.is_closed || bytes > self.room.bytes {
            return Err(entry);
        }
        let mut evicted = Vec::new();
        while state.entries >= self.room.entries || state.bytes + bytes > self.room.bytes {
            match state.evict_for(business, bytes) {
                Some(other) => evicted.push(other),
                None if evicted.is_empty() => return Err(entry),
                None => {
                    evicted.push(entry);
                    return Ok(evicted);
                }
            }
        }
        state.push(business, bytes, entry);
        drop(state);
        self.wake.notify_one();
        Ok(evicted)
    }

    /// Takes what is next: one entry of each business in turn. Nothing when the queue was closed and is empty.
    pub(crate) async fn take(&self) -> Option<Vec<T>> {
        loop {
            let woken = self.wake.notified();
            {
                let mut state = self.state();
                if state.entries > 0 {
                    return Some(state.take(self.room));
                }
                if state.is_closed {
                    return None;
                }
            }
            woken.await;
        }
    }

    /// How many entries wait, and their bytes.
    pub(crate) fn waiting(&self) -> (usize, usize) {
        let state = self.state();
        (state.entries, state.bytes)
    }

    /// Lets nothing more in.
    pub(crate) fn close(&self) {
        self.state().is_closed = true;
        self.wake.notify_one();
    }
}

impl<T: Entry> State<T> {
    fn push(&mut self, business: BusinessId, bytes: usize, entry: T) {
        let turns = &mut self.turns;
        let lane = self.lanes.entry(business).or_insert_with(|| {
            turns.push_back(business);
            Lane { entries: VecDeque::new(), bytes: 0 }
        });
        lane.entries.push_back(entry);
        lane.bytes += bytes;
        self.entries += 1;
        self.bytes += bytes;
    }

    /// The newest entry of the business with most bytes waiting, if `business` would still have less with its own.
    fn evict_for(&mut self, business: BusinessId, bytes: usize) -> Option<T> {
        let own = self.lanes.get(&business).map_or(0, |lane| lane.bytes) + bytes;
        let (largest, lane) = self.lanes.iter_mut().max_by_key(|(_, lane)| lane.bytes)?;
        if *largest == business || lane.bytes <= own {
            return None;
        }
        let largest = *largest;
        let entry = lane.entries.pop_back()?;
        lane.bytes -= entry.bytes();
        self.entries -= 1;
        self.bytes -= entry.bytes();
        if lane.entries.is_empty() {
            self.lanes.remove(&largest);
            self.turns.retain(|one| *one != largest);
        }
        Some(entry)
    }

    fn take(&mut self, room: Room) -> Vec<T> {
        let most = if self.turns.len() > 1 { room.taken_shared } else { room.taken_alone };
        let mut taken = Vec::with_capacity(most.min(self.entries));
        let mut bytes = 0;
        while taken.len() < most && bytes < room.taken_bytes {
            let Some(business) = self.turns.pop_front() else { break };
            let Some(lane) = self.lanes.get_mut(&business) else { continue };
            if let Some(entry) = lane.entries.pop_front() {
                lane.bytes -= entry.bytes();
                bytes += entry.bytes();
                taken.push(entry);
            }
            if lane.entries.is_empty() {
                self.lanes.remove(&business);
            } else {
                self.turns.push_back(business);
            }
        }
        self.entries -= taken.len();
        self.bytes -= bytes;
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Eq)]
    struct Item(BusinessId, u32);

    impl Entry for Item {
        fn business(&self) -> BusinessId {
            self.0
        }
        fn bytes(&self) -> usize {
            10
        }
    }

    const ROOM: Room =
        Room { entries: 10, bytes: 1_000, taken_alone: 8, taken_shared: 4, taken_bytes: 1_000 };

    #[tokio::test]
    async fn businesses_take_turns_however_much_one_sends() {
        let (loud, quiet) = (BusinessId::generate(), BusinessId::generate());
        let queue = Queue::new(ROOM);
        for number in 0..9 {
            assert_eq!(queue.push(Item(loud, number)), Ok(vec![]));
        }
        assert_eq!(queue.push(Item(quiet, 0)), Ok(vec![]));
        let first = queue.take().await.expect("entries");
        let order: Vec<_> = first.iter().map(|item| (item.0 == quiet, item.1)).collect();
        assert_eq!(order, [(false, 0), (true, 0), (false, 1), (false, 2)]);
        assert_eq!(queue.take().await.expect("entries").len(), 6, "one alone gets more at a time");
    }

    #[tokio::test]
    async fn whoever_has_most_waiting_is_refused_and_nobody_else() {
        let (loud, quiet) = (BusinessId::generate(), BusinessId::generate());
        let queue = Queue::new(ROOM);
        for number in 0..10 {
            assert_eq!(queue.push(Item(loud, number)), Ok(vec![]));
        }
        assert_eq!(queue.push(Item(loud, 10)), Err(Item(loud, 10)), "its share is all there is");
        for number in 0..5 {
            let newest = vec![Item(loud, 9 - number)];
            assert_eq!(queue.push(Item(quiet, number)), Ok(newest), "there is room for who has less");
        }
        assert_eq!(queue.push(Item(quiet, 5)), Err(Item(quiet, 5)), "both have their half");
        assert_eq!(queue.push(Item(loud, 5)), Err(Item(loud, 5)));
    }

    #[tokio::test]
    async fn bytes_are_bounded_too_and_what_waits_is_written_after_the_close() {
        let business = BusinessId::generate();
        let queue = Queue::new(Room { bytes: 25, ..ROOM });
        assert_eq!(queue.push(Item(business, 0)), Ok(vec![]));
        assert_eq!(queue.push(Item(business, 1)), Ok(vec![]));
        assert!(queue.push(Item(business, 2)).is_err());
        queue.close();
        assert!(queue.push(Item(business, 3)).is_err());
        assert_eq!(queue.take().await.expect("entries").len(), 2);
        assert!(queue.take().await.is_none());
        assert!(queue.take().await.is_none(), "and stays closed");
    }
}
