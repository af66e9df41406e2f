//! How far time has come: by the events of the sources, and by the host's time where live ones are
//! silent.

use super::FAR;

/// One source.
#[derive(Clone, Debug)]
struct Source {
    is_live: bool,
    has_ended: bool,
    newest: Option<i64>,
    /// Whether an event has come since the host told the time.
    has_spoken: bool,
    /// The host's time at which it was last known not to be silent.
    heard_at: Option<i64>,
    is_idle: bool,
    is_paused: bool,
    /// Nothing can be heard of it, whether it speaks or not.
    is_away: bool,
}

/// The time of the query.
#[derive(Clone, Debug)]
pub struct Clock {
    sources: Vec<Source>,
    tolerance: i64,
    idle_timeout: i64,
    /// How far live sources may be ahead of each other.
    lead: i64,
    now: Option<i64>,
    watermark: i64,
}

impl Clock {
    /// Nothing has come of sources that are live or not.
    pub fn new(is_live: &[bool], tolerance: i64, idle_timeout: i64, reach: i64) -> Self {
        let source = |is_live: &bool| Source {
            is_live: *is_live,
            has_ended: false,
            newest: None,
            has_spoken: false,
            heard_at: None,
            is_idle: false,
            is_paused: false,
            is_away: false,
        };
        Self {
            sources: is_live.iter().map(source).collect(),
            tolerance,
            idle_timeout,
            lead: reach + tolerance,
            now: None,
            watermark: -FAR,
        }
    }

    /// No event older than this is expected; [`FAR`] once everything has ended. Never goes back.
    pub fn watermark(&self) -> i64 {
        self.watermark
    }

    /// An event of a source has come.
    pub fn hear(&mut self, source: usize, time: i64) {
        let source = &mut self.sources[source];
        source.newest = source.newest.max(Some(time));
        (source.has_spoken, source.is_idle) = (true, false);
        self.follow();
    }

    /// A source has ended.
    pub fn end(&mut self, source: usize) {
        self.sources[source].has_ended = true;
        self.follow();
    }

    /// The host tells the time.
    pub fn advance(&mut self, now: i64) {
        let now = self.now.map_or(now, |before| before.max(now));
        self.now = Some(now);
        for source in self.sources.iter_mut().filter(|source| source.is_live && !source.has_ended) {
            let is_hidden = source.is_paused || source.is_away;
            if source.has_spoken || is_hidden || source.heard_at.is_none() {
                source.heard_at = Some(now);
            }
            source.has_spoken = false;
            source.is_idle = source.heard_at.is_some_and(|at| now - at >= self.idle_timeout);
        }
        self.follow();
    }

    /// A source is away, or is back.
    pub fn set_away(&mut self, source: usize, is_away: bool) {
        let source = &mut self.sources[source];
        (source.is_away, source.is_idle, source.heard_at) = (is_away, false, self.now);
    }

    /// All that has come is taken: sources that are ahead of others are paused, and resumed where they
    /// are not. It is told of live ones only, which are not idle while they are paused.
    pub fn pace(&mut self) {
        let waited_for = self.sources.iter().filter(|source| !source.has_ended && !source.is_idle);
        let place = |source: &Source| match source.newest {
            None if !source.is_live => Some(-FAR),
            newest => newest,
        };
        let last = waited_for.filter_map(place).min();
        for source in self.sources.iter_mut().filter(|source| source.is_live) {
            let ahead = source.newest.zip(last).is_some_and(|(own, last)| own - last > self.lead);
            source.is_paused = ahead && !source.has_ended;
        }
    }

    fn follow(&mut self) {
        let all = &self.sources;
        let waited_for = all.iter().filter(|source| !source.has_ended && !source.is_idle);
        let behind = |source: &Source| source.newest.map_or(-FAR, |newest| newest - self.tolerance);
        let events = waited_for.map(behind).min().unwrap_or(FAR);
        let mut live = all.iter().filter(|source| source.is_live && !source.has_ended).peekable();
        let is_silent = live.peek().is_some() && live.all(|source| source.is_idle);
        let host = self.now.filter(|_| is_silent).map_or(FAR, |now| now - self.tolerance);
        self.watermark = self.watermark.max(events.min(host));
    }
}
