//! A query as a [`Stream`] of what it finds in streams of bytes, for Rust programs that are asynchronous.
//! Behind the feature `stream`.
//!
//! Owns who is asked when: a source that is ahead of the others is not, and nothing is while the consumer
//! does not ask. Does no I/O and holds no timer, as the rest of this crate.

use std::pin::Pin;
use std::task::{Context, Poll};

use futures::Stream;
use futures::stream::Pending;

use crate::correlation::Correlation;
use crate::engine::{Correlator, Notice, Output};
use crate::error::Error;
use crate::id::SourceId;
use crate::time::Timestamp;

/// Pieces of sources that are taken in before others get their turn, where nothing is found in them.
const PIECES: usize = 32;

/// What a query tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found<T> {
    /// What was kept of a correlation, or of a revision of one.
    Correlation(T),
    /// Something about the input that somebody should know.
    Notice(Notice),
}

/// The [`Stream`] that [`correlations`] makes. Ends after an error, and when the query does.
#[derive(Debug)]
#[must_use = "streams do nothing unless polled"]
pub struct Correlations<S, K, C = Pending<Timestamp>> {
    engine: Correlator,
    /// By position in the plan; none where it has ended.
    sources: Vec<Option<S>>,
    keep: K,
    clock: Option<C>,
    has_ended: bool,
}

/// Reads `sources`, one for each of the plan, and gives what `keep` makes of each correlation, which is a view
/// of what the engine holds. Where sources are live, give it a clock, too: [`Correlations::with_clock`].
///
/// ```
/// use futures::executor::block_on_stream;
/// use futures::stream::iter;
/// use logbraid_core::engine::{Correlator, CorrelatorOptions};
/// use logbraid_core::query::{PlanOptions, check};
/// use logbraid_core::stream::{Found, correlations};
///
/// let plan = check("edge({}) and on(id) app({})", &PlanOptions::default()).plan.expect("a query");
/// let engine = Correlator::new(plan, CorrelatorOptions::default())?;
/// let edge = iter(vec!["{\"time\": \"2026-01-01T00:00:00Z\", \"id\": \"7\"}\n"]);
/// let app = iter(vec!["{\"time\": \"2026-01-01T00:00:01Z\", ", "\"id\": \"7\"}\n"]);
/// let found = correlations(engine, [edge, app], |correlation| {
///     correlation.join_value().collect::<String>()
/// });
/// assert_eq!(block_on_stream(found).collect::<Vec<_>>(), [Ok(Found::Correlation("7".into()))]);
/// # Ok::<(), logbraid_core::error::Error>(())
/// ```
///
/// # Panics
/// There are more or fewer sources than in the plan.
pub fn correlations<S, K, T>(
    engine: Correlator,
    sources: impl IntoIterator<Item = S>,
    keep: K,
) -> Correlations<S, K>
where
    S: Stream<Item: AsRef<[u8]>> + Unpin,
    K: FnMut(Correlation<'_>) -> T + Unpin,
{
    let sources: Vec<_> = sources.into_iter().map(Some).collect();
    assert_eq!(sources.len(), engine.plan().sources.len(), "a plan has a stream for each source");
    Correlations { engine, sources, keep, clock: None, has_ended: false }
}

impl<S, K> Correlations<S, K> {
    /// Tells the time, too: a live source that is idle holds nobody up then, and what grows is delivered when it
    /// is due. Ticks of about a tenth of a second do.
    pub fn with_clock<C: Stream<Item = Timestamp> + Unpin>(
        self,
        clock: C,
    ) -> Correlations<S, K, C> {
        let Self { engine, sources, keep, has_ended, .. } = self;
        Correlations { engine, sources, keep, clock: Some(clock), has_ended }
    }
}

impl<S, K, T, C> Stream for Correlations<S, K, C>
where
    S: Stream<Item: AsRef<[u8]>> + Unpin,
    K: FnMut(Correlation<'_>) -> T + Unpin,
    C: Stream<Item = Timestamp> + Unpin,
{
    type Item = Result<Found<T>, Error>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        for _ in 0..PIECES {
            let told = this.next_told();
            if told.is_ready() {
                return told;
            }
            if !this.read(context) {
                return Poll::Pending;
            }
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }
}

impl<S, K, T, C> Correlations<S, K, C>
where
    S: Stream<Item: AsRef<[u8]>> + Unpin,
    K: FnMut(Correlation<'_>) -> T + Unpin,
    C: Stream<Item = Timestamp> + Unpin,
{
    /// What the engine has to tell, if anything.
    fn next_told(&mut self) -> Poll<Option<Result<Found<T>, Error>>> {
        if self.has_ended {
            return Poll::Ready(None);
        }
        while let Some(output) = self.engine.poll() {
            match output {
                Output::Correlation(correlation) => {
                    return Poll::Ready(Some(Ok(Found::Correlation((self.keep)(correlation)))));
                }
                Output::Notice(notice) => return Poll::Ready(Some(Ok(Found::Notice(notice)))),
                // The engine is asked which they are.
                Output::Pause(..) | Output::Resume(_) | Output::Released(_) => {}
                Output::End(error) => {
                    self.has_ended = true;
                    self.sources.clear();
                    return Poll::Ready(error.map(Err));
                }
            }
        }
        Poll::Pending
    }

    /// Takes in what each source and the clock have ready. Says whether there was anything.
    fn read(&mut self, context: &mut Context<'_>) -> bool {
        let mut has_read = false;
        if let Some(clock) = &mut self.clock
            && let Poll::Ready(tick) = Pin::new(clock).poll_next(context)
        {
            match tick {
                Some(now) => self.engine.advance(now),
                None => self.clock = None,
            }
            has_read = true;
        }
        for at in 0..self.sources.len() {
            let source = SourceId::new(at);
            if self.engine.is_paused(source) {
                continue;
            }
            let Some(stream) = &mut self.sources[at] else { continue };
            match Pin::new(stream).poll_next(context) {
                Poll::Ready(Some(bytes)) => self.engine.push(source, bytes.as_ref()),
                Poll::Ready(None) => {
                    self.sources[at] = None;
                    self.engine.close(source);
                }
                Poll::Pending => continue,
            }
            has_read = true;
        }
        has_read
    }
}
