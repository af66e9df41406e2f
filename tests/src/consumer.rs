//! A consumer of eager delivery: holds an engine to the rules of revisions, and knows what holds.

use std::collections::{BTreeMap, BTreeSet};

use logbraid_core::id::CorrelationId;

use crate::hold;
use crate::oracle::Told;
use crate::run::Delivered;

/// Keeps the rules of eager delivery and knows what holds.
#[derive(Default)]
pub struct Consumer {
    live: BTreeMap<u128, Delivered>,
    /// Ids in order of first delivery.
    order: Vec<u128>,
    replaced: BTreeSet<u128>,
}

impl Consumer {
    /// Takes what has been told.
    ///
    /// # Errors
    /// Which rule was broken.
    pub fn take(&mut self, told: &[Delivered]) -> Result<(), String> {
        told.iter().try_for_each(|one| {
            self.one(one).map_err(|wrong| format!("{wrong}: {one:?}\nknown: {:#?}", self.live))
        })
    }

    fn one(&mut self, one: &Delivered) -> Result<(), &'static str> {
        if self.replaced.contains(&one.id.0) {
            return Err("a replaced id appears again");
        }
        let before = self.live.get(&one.id.0).cloned();
        let before = before.as_ref();
        let mut absorbed = false;
        let grew = before.is_none_or(|before| before.events != one.events);
        let revision = before.map_or(0, |before| before.revision);
        if before.is_some_and(|before| before.is_final) {
            return Err("a final correlation is delivered again");
        }
        if before.is_some_and(|before| before.events.iter().any(|e| !one.events.contains(e))) {
            return Err("a correlation lost an event");
        }
        if before.is_none() {
            self.order.push(one.id.0);
        }
        let place = |id: &u128| self.order.iter().position(|other| other == id);
        for CorrelationId(replaced) in &one.replaces {
            // The list is of all it ever absorbed, so that no delivery has to be seen to follow.
            let Some(gone) = self.live.remove(replaced) else {
                if self.replaced.contains(replaced) {
                    continue;
                }
                return Err("replaces something that was not delivered");
            };
            absorbed = true;
            if gone.events.iter().any(|event| !one.events.contains(event)) {
                return Err("absorbing a correlation lost an event");
            }
            if place(replaced) < place(&one.id.0) {
                return Err("the correlation that was delivered first survives");
            }
            self.replaced.insert(*replaced);
        }
        let was_withdrawn = before.is_some_and(|before| before.is_withdrawn);
        if one.is_withdrawn && (before.is_none() || (was_withdrawn && !absorbed)) {
            return Err("what nobody holds is withdrawn");
        }
        let changed = grew || absorbed || one.is_withdrawn != was_withdrawn;
        if !changed && !one.is_final {
            return Err("nothing has changed");
        }
        if one.revision != revision + u32::from(changed) {
            return Err("revisions count changes");
        }
        self.live.insert(one.id.0, one.clone());
        Ok(())
    }

    /// The correlations that hold, as it knows them.
    pub fn view(&self) -> Vec<Told> {
        self.live.values().filter(|one| !one.is_withdrawn).map(hold::told).collect()
    }

    /// Nothing more will come.
    ///
    /// # Errors
    /// Something was left open.
    pub fn finish(&self) -> Result<(), String> {
        match self.live.values().find(|one| !one.is_final && !one.is_withdrawn) {
            Some(open) => Err(format!("never became final: {open:?}")),
            None => Ok(()),
        }
    }
}
