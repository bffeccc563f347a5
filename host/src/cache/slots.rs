//! Which slots are free: runs of neighbours, merged when given back.

use std::collections::BTreeMap;

use super::plan::Slot;

/// A run of neighbouring slots belonging to one message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// First slot.
    pub slot: Slot,
    /// Number of slots, at least 1.
    pub len: u32,
}

/// Takes the first `len` slots, or as many as there are.
pub(super) fn cut_extents(extents: &mut Vec<Extent>, len: u32) -> Vec<Extent> {
    let mut missing = len;
    let mut taken = Vec::new();
    extents.retain_mut(|extent| {
        let cut = extent.len.min(missing);
        missing -= cut;
        if cut > 0 {
            taken.push(Extent { slot: extent.slot, len: cut });
        }
        *extent = Extent { slot: Slot(extent.slot.0 + cut), len: extent.len - cut };
        extent.len > 0
    });
    taken
}

/// The free slots of a pool of fixed size.
#[derive(Debug)]
pub(super) struct Slots {
    /// First slot to length; no two runs touch.
    free: BTreeMap<u32, u32>,
    left: u32,
}

impl Slots {
    pub(super) fn new(total: u32) -> Self {
        let free = if total == 0 { BTreeMap::new() } else { BTreeMap::from([(0, total)]) };
        Self { free, left: total }
    }

    /// Slots that are free, in however many runs.
    pub(super) fn left(&self) -> u32 {
        self.left
    }

    /// Takes `len` slots: those from `after` on, then the smallest run that
    /// holds what is missing, or else the largest runs first, so that a message
    /// has few extents. None where fewer than `len` are free.
    pub(super) fn take(&mut self, len: u32, after: Option<Slot>) -> Option<Vec<Extent>> {
        if len > self.left {
            return None;
        }
        let mut extents = Vec::new();
        let mut missing = len;
        let copied = |(start, length): (&u32, &u32)| (*start, *length);
        let mut next = after.and_then(|after| self.free.get_key_value(&after.0)).map(copied);
        while missing > 0 {
            let fitting = || self.free.iter().filter(|run| *run.1 >= missing).min_by_key(|run| (*run.1, *run.0));
            let largest = || self.free.iter().max_by_key(|run| (*run.1, std::cmp::Reverse(*run.0)));
            let run = next.take().or_else(|| fitting().or_else(largest).map(copied));
            let Some((start, length)) = run else { break };
            let taken = length.min(missing);
            self.free.remove(&start);
            if taken < length {
                self.free.insert(start + taken, length - taken);
            }
            extents.push(Extent { slot: Slot(start), len: taken });
            missing -= taken;
        }
        self.left -= len;
        Some(extents)
    }

    /// Gives a run back.
    pub(super) fn give(&mut self, extent: Extent) {
        let (mut start, mut len) = (extent.slot.0, extent.len);
        self.left += len;
        if let Some((&before, &length)) = self.free.range(..start).next_back()
            && before + length == start
        {
            self.free.remove(&before);
            start = before;
            len += length;
        }
        if let Some(length) = self.free.remove(&(extent.slot.0 + extent.len)) {
            len += length;
        }
        self.free.insert(start, len);
    }
}
