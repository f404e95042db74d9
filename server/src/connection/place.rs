//! How many connections there may be, in all and of one address.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

/// Most connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caps {
    /// Of everybody.
    pub all: usize,
    /// Of one address, agents' sockets left out: many devices share the address of their site.
    pub per_address: usize,
}

impl Caps {
    /// What fits beside the files of the program itself when so many can be open.
    #[must_use]
    pub fn within(open_files: u64) -> Self {
        let own = (open_files / 16).clamp(64, 1024);
        let all = usize::try_from(open_files.saturating_sub(own).max(16)).unwrap_or(usize::MAX);
        Self { all, per_address: (all / 2).max(8) }
    }
}

/// The places that are taken.
pub(super) struct Places {
    caps: Caps,
    /// They speak for many, and have limits of their own.
    proxies: Vec<IpAddr>,
    open: AtomicUsize,
    by_address: Mutex<HashMap<IpAddr, usize>>,
    /// Connections that are being told that there is no room.
    pub(super) refusals: AtomicUsize,
}

/// Why there is no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Full {
    /// Everybody together has them all.
    All,
    /// This address has its share.
    Address,
}

/// A connection's place, until it is dropped.
pub(crate) struct Place {
    places: Arc<Places>,
    address: IpAddr,
    /// Does it count against its address?
    counts: AtomicBool,
}

impl Places {
    pub(super) fn new(caps: Caps, proxies: &[IpAddr]) -> Self {
        Self {
            caps,
            proxies: proxies.to_vec(),
            open: AtomicUsize::new(0),
            by_address: Mutex::default(),
            refusals: AtomicUsize::new(0),
        }
    }

    /// Takes a place.
    pub(super) fn take(self: &Arc<Self>, address: IpAddr) -> Result<Arc<Place>, Full> {
        let counts = !self.proxies.contains(&address);
        let address = network(address);
        if self.open.fetch_add(1, Ordering::Relaxed) >= self.caps.all {
            self.open.fetch_sub(1, Ordering::Relaxed);
            return Err(Full::All);
        }
        if counts {
            let mut by_address = self.by_address.lock().unwrap_or_else(PoisonError::into_inner);
            let taken = by_address.entry(address).or_default();
            if *taken >= self.caps.per_address {
                self.open.fetch_sub(1, Ordering::Relaxed);
                return Err(Full::Address);
            }
            *taken += 1;
        }
        Ok(Arc::new(Place { places: Arc::clone(self), address, counts: AtomicBool::new(counts) }))
    }
}

impl Place {
    /// The connection has become the socket of a known device and counts against its address no longer.
    pub(crate) fn becomes_socket(&self) {
        if !self.counts.swap(false, Ordering::Relaxed) {
            return;
        }
        let mut by_address = self.places.by_address.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(taken) = by_address.get_mut(&self.address) {
            *taken -= 1;
            if *taken == 0 {
                by_address.remove(&self.address);
                // After a storm the room is given back.
                if by_address.capacity() > 1024 && by_address.len() * 8 < by_address.capacity() {
                    by_address.shrink_to_fit();
                }
            }
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.becomes_socket();
        self.places.open.fetch_sub(1, Ordering::Relaxed);
    }
}

/// One household has one network of IPv6 and in it as many addresses as it likes.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64))),
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(last: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, last])
    }

    #[test]
    fn an_address_has_its_share_and_gets_it_back() {
        let places = Arc::new(Places::new(Caps { all: 5, per_address: 2 }, &[address(9)]));
        let held: Vec<_> = (0..2).map(|_| places.take(address(1)).expect("a place")).collect();
        assert_eq!(places.take(address(1)).err(), Some(Full::Address));
        let socket = places.take(address(2)).expect("somebody else's");
        socket.becomes_socket();
        let proxied: Vec<_> = (0..2).map(|_| places.take(address(9)).expect("a proxy's")).collect();
        assert_eq!(places.take(address(3)).err(), Some(Full::All));
        drop((held, proxied, socket));
        assert_eq!(places.open.load(Ordering::Relaxed), 0);
        assert!(places.by_address.lock().expect("whole").is_empty());
        assert!(places.take(address(1)).is_ok());
    }

    #[test]
    fn a_socket_leaves_room_for_its_neighbours() {
        let places = Arc::new(Places::new(Caps { all: 100, per_address: 1 }, &[]));
        let sockets: Vec<_> = (0..50)
            .map(|_| {
                let place = places.take(address(1)).expect("a place");
                place.becomes_socket();
                place
            })
            .collect();
        assert_eq!(sockets.len(), 50);
        let _last = places.take(address(1)).expect("one more");
        assert!(places.take(address(1)).is_err());
    }

    #[test]
    fn there_is_room_for_the_programs_own_files() {
        for files in [256, 1024, 20_000, 1_048_576] {
            let caps = Caps::within(files);
            assert!(
                caps.all < usize::try_from(files).expect("fits") && caps.per_address < caps.all,
                "{caps:?}"
            );
        }
    }
}
