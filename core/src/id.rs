//! Checked ids: positions in the plan and handles into the engine. The `as` casts live only here.

macro_rules! position {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub struct $name(u16);

        impl $name {
            /// The id of the first position.
            pub const FIRST: Self = Self(0);

            /// The id of position `index`. Plans are small (`limits::MAX_STREAMS`), so every
            /// position that `query::check` has let through fits.
            pub fn new(index: usize) -> Self {
                Self(u16::try_from(index).expect("plans hold fewer than 65,536 positions"))
            }

            /// The position.
            pub const fn index(self) -> usize {
                self.0 as usize
            }

            /// The position, as it is written to bytes.
            pub const fn get(self) -> u16 {
                self.0
            }
        }
    };
}

position! {
    /// A source to be read: what a host pushes bytes or events into.
    SourceId
}
position! {
    /// A stream of the query, by position in its text.
    StreamId
}

macro_rules! handle {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub(crate) struct $name(u32);

        impl $name {
            /// No handle.
            pub const NONE: Self = Self(u32::MAX);

            /// The handle of slot `index`.
            pub fn new(index: usize) -> Self {
                let slot = u32::try_from(index).ok().filter(|slot| *slot != u32::MAX);
                Self(slot.expect("the memory bound ends a query long before 4 billion slots"))
            }
        }
    };
}

handle! {
    /// An event held in the window.
    EventId
}
handle! {
    /// A key in a key table.
    KeyId
}
handle! {
    /// A correlation that has been delivered and may still grow.
    DeliveryId
}

/// The events of one result: mostly few, and then without an allocation.
pub(crate) type EventIds = smallvec::SmallVec<[EventId; 4]>;

impl KeyId {
    /// The slot.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

impl DeliveryId {
    /// The slot.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

impl EventId {
    /// The number of the slot.
    pub const fn get(self) -> u32 {
        self.0
    }

    /// The event of a slot with this number.
    pub const fn from_get(number: u32) -> Self {
        Self(number)
    }

    /// The segment and the place in it, for segments of `1 << bits` places.
    pub const fn split(self, bits: u32) -> (usize, usize) {
        ((self.0 >> bits) as usize, (self.0 & ((1 << bits) - 1)) as usize)
    }
}

/// An event object that stays with the host; the host chooses the number and gets it back in
/// correlations and when it is released.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, serde::Serialize)]
pub struct HostHandle(pub u32);

/// The same, with what it takes up there.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct HostEvent {
    /// The host's number.
    pub handle: HostHandle,
    /// Bytes that it takes in the host; 0 where these are not counted.
    pub bytes: u32,
}

/// The id of a correlation: 128 bits, written as 32 hexadecimal digits.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct CorrelationId(pub u128);

impl std::fmt::Display for CorrelationId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}
