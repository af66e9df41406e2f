//! Checked ids: positions in the plan and handles into the engine. The `as` casts live only here.

macro_rules! position {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub struct $name(u16);

        impl $name {
            /// The id of position `index`. Plans are small (`limits::MAX_STREAMS`), so this never
            /// truncates a position that `query::check` has let through.
            pub fn new(index: usize) -> Self {
                Self(u16::try_from(index).expect("plans hold fewer than 65,536 positions"))
            }

            /// The position.
            pub const fn index(self) -> usize {
                self.0 as usize
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

/// An event object that stays with the host; the host chooses the number and gets it back in
/// correlations and when it is released.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct HostHandle(pub u32);

/// The id of a correlation: 128 bits, written as 32 hexadecimal digits.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct CorrelationId(pub u128);

impl std::fmt::Display for CorrelationId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}
